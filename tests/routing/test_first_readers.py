"""The first receipts a process reads, read by several threads at once: each page has its own.

In processes of their own, because what can go wrong ends the process.
"""

import json
import subprocess
import sys
from textwrap import dedent

from budgetrouter.serving.install import ROOT
from router_app.routing.request import Funds
from tests.routing.catalogue import AMPLE, route

PROCESSES = 12
READERS = dedent("""
    import json, os, sys, threading

    from router_app.routing.decision import Decision

    receipt = json.loads(sys.argv[1])
    sys.setswitchinterval(1e-6)
    children = []
    for _ in range(int(sys.argv[2])):
        if not (pid := os.fork()):
            together = threading.Barrier(8)
            def read():
                together.wait()
                Decision.from_dict(receipt)
            threads = [threading.Thread(target=read) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        children.append(pid)
    print([os.waitpid(pid, 0)[1] for pid in children])
""")


def test_a_process_survives_them() -> None:
    receipt = json.dumps(route(Funds("month", AMPLE)).as_dict())
    command = [sys.executable, "-c", READERS, receipt, str(PROCESSES)]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert json.loads(ended.stdout) == [0] * PROCESSES
