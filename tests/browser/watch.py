"""What no page of the product may do, whatever it shows: noted while a test looks elsewhere."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

LOCAL_SCHEMES = {"data", "blob", "about"}
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  const where = (event.target.outerHTML || "the page").slice(0, 200);
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} in ${where}`);
});
"""
STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


@dataclass  # no slots: playwright hangs its wrappers on the owner of a handler
class Watch:
    """Notes errors in the console, breaches of the CSP, foreign requests, dialogs and faults."""

    origin: str
    findings: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def expect(self, *statuses: int) -> None:
        """Refusals that this test provokes; the browser's console names every one."""
        self.expected |= set(statuses)

    def follow(self, context: BrowserContext) -> None:
        """Watch every page of this context."""
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"script failed: {error.error}"))
        context.on("page", self._page)

    def _page(self, page: Page) -> None:
        page.on("dialog", self._dialog)

    def _request(self, request: Request) -> None:
        self.requested.append(request.url)
        url = urlsplit(request.url)
        if url.scheme not in LOCAL_SCHEMES and not request.url.startswith(f"{self.origin}/"):
            self._note(f"foreign request: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._note(f"{response.status} at {response.request.method} {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        status = STATUS.match(message.text)
        if status and int(status[1]) in self.expected:
            return
        self._note(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _dialog(self, dialog: Dialog) -> None:
        self._note(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _note(self, finding: str) -> None:
        self.findings.append(finding)
