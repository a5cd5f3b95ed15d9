"""A provider on a real socket, which answers when it is told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Upstream(ThreadingHTTPServer):
    """A provider on a real socket that streams one answer once it may."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        self.was_asked = threading.Event()
        self.may_answer = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *raised: object) -> None:
        self.may_answer.set()
        self.shutdown()
        super().__exit__(*raised)


class UpstreamHandler(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.was_asked.set()
        self.server.may_answer.wait(60)
        choice = {"index": 0, "delta": {"content": "Paris."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23}
        chunk = {"id": "1", "object": "chat.completion.chunk", "model": "any"}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for part in ({"choices": [choice]}, {"choices": [], "usage": usage}):
            self.wfile.write(f"data: {json.dumps({**chunk, **part})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_args: object) -> None:
        """Tests are quiet."""
