"""Requests that the writer takes in one batch, as a burst would bring them."""

import threading
from concurrent.futures import Future
from typing import Any

from router_app.gateway.asked import Asked, Attempt, Recorder, Sizes
from router_app.gateway.booking import admitting, closing
from router_app.gateway.ended import Closure, Ending
from router_app.gateway.jobs import Operation
from router_app.gateway.requests import Admission, RouteRequest
from router_app.gateway.writer import Writer
from router_app.models import Call, User
from router_app.providers.base import Usage

SECONDS = 20  # more than anything here takes

ANSWERED = Ending(outcome=Call.Outcome.ANSWERED, usage=Usage(10, 20), finish_reason="stop")


class Batch:
    """What is put in is taken by the writer in one batch, when `go` is called."""

    def __init__(self) -> None:
        self._writer, self._go, stands = Writer(), threading.Event(), threading.Event()

        def stand_still() -> None:
            stands.set()
            self._go.wait(SECONDS)

        self._writer.submit(stand_still)
        assert stands.wait(SECONDS)

    def ask(self, request: RouteRequest, record: Recorder | None = None) -> Future[Any]:
        """One more that wants to be admitted."""
        return self.do(admitting(Asked(request, Sizes.of(request), Attempt(), record)))

    def close(self, admission: Admission, ending: Ending = ANSWERED) -> Future[Any]:
        """One more that has ended."""
        return self.do(closing(Closure(admission, ending)))

    def do(self, operation: Operation[Any]) -> Future[Any]:
        """Any other operation."""
        return self._writer.submit(operation)

    def go(self) -> None:
        """Let the writer take them."""
        self._go.set()

    def stop(self) -> None:
        """End the writer."""
        self._go.set()
        self._writer.stop()


def admitted(batches: list[Batch], *requests: RouteRequest) -> list[Any]:
    """What one batch makes of these requests."""
    batch = Batch()
    batches.append(batch)
    futures = [batch.ask(request) for request in requests]
    batch.go()
    return [future.result(SECONDS)[0] for future in futures]


def a_person(name: str) -> User:
    """A person without any budget."""
    return User.objects.create_user(name, f"{name}@example.org", "correct horse battery")
