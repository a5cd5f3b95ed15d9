"""Operations for the writer, and where their results go.

An operation is a plain function that touches nothing but the database, and it may be run twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from router_app.errors import Unavailable

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Together(Generic[Item, T]):
    """An operation that is done with others of its kind: `function(items)` returns their results.

    What it raises for several items is no answer yet: each is then done alone.
    """

    function: Callable[[Sequence[Item]], Sequence[T]]
    item: Item

    def __call__(self) -> T:
        return self.function([self.item])[0]


Operation = Callable[[], T]
Wanted = Callable[[], bool]  # asked on the writer's thread


class Job:
    """An operation and where its result goes: a future of an event loop, or one of a thread."""

    __slots__ = ("future", "loop", "operation", "wanted")

    def __init__(self, operation: Operation[Any], wanted: Wanted | None = None) -> None:
        self.operation = operation
        self.wanted = wanted
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: Any = None

    def came_too_late(self) -> bool:
        """Whether nobody wants it done any more."""
        return self.wanted is not None and not self.wanted()

    def must_be_known(self) -> None:
        """It is about to be committed. If the connection breaks now nobody is told whether it was,
        so it is done again, wanted or not: that finds it out."""
        self.wanted = None


Result = tuple[Job, Any, Exception | None]


def too_slow() -> Unavailable:
    """What somebody is told whose turn, or whose commit, does not come in time."""
    return Unavailable("The database does not answer in time. Try again in a few seconds.")
