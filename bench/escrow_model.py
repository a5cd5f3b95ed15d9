"""The model behind `escrow.py`: nodes that spend one budget's window, event by event.

What takes time: a transaction of B operations, `base + each × B`. On the window's row there is one
at a time, for all nodes; beside it each node has one of its own, and all together are bounded by
what the database can write. The call itself takes time too. Money is integer nano-dollars, time is
seconds.

After every event the invariant is asserted: what is spent, held and leased stays within the limit,
and each node's calls within what it leased.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Setup:
    """The world: times from measurements, money, and how many ask."""

    nodes: int
    limit: int
    asks_per_node: float  # arrivals a second at each node
    seconds: float
    base: float  # of a transaction: round trips, fsync
    each: float  # and of each operation in it
    database_each: float = 0.0  # of the whole database's time an operation takes
    call_seconds: float = 1.0
    held: int = 4_000_000  # the ceiling of a call
    mean_cost: int = 1_000_000
    most_batch: int = 64
    most_waiting: int = 4_096  # operations in a node's line; more is refused with 503
    lease_seconds: float = 30.0  # after which what a dead node leased comes back
    heartbeat: float = 0.25  # how often a node looks whether it is asked to give back
    dies_at: float | None = None  # node 0
    seed: int = 1


@dataclass(slots=True)
class Tally:
    """What came of the asks."""

    asked: int = 0
    admitted: int = 0
    refused_empty: int = 0  # nowhere was money left for the call
    refused_though_left: int = 0  # the budget had it, in another place
    overloaded: int = 0
    booked: int = 0  # holds and settlements from the first call's end to the last ask
    waits: list[float] = field(default_factory=list)  # from asking to being admitted
    free_at_first_refusal: int | None = None  # in all places together
    stranded: int = 0  # leased by a node that died, and not held for a call


class Overspent(AssertionError):
    """The invariant broke."""


@dataclass(slots=True)
class Row:
    """The window: `spent + held + leased <= limit`. `busy_until`: its lock is taken till then."""

    limit: int
    spent: int = 0
    held: int = 0  # by calls that are held in the row itself
    leased: int = 0  # by nodes, not yet known to be spent
    short: bool = False  # slices would be too small: nodes hold in the row again
    busy_until: float = 0.0

    @property
    def free(self) -> int:
        return self.limit - self.spent - self.held - self.leased


Settle = Callable[[int], None]  # a call came to its end and cost so much


class Node(Protocol):
    """A server process under one policy."""

    def ask(self, asked_at: float) -> None:
        """Somebody wants a call."""

    def free(self) -> int:
        """Money that lies here and holds nothing."""

    def hear(self) -> None:
        """The row is short: hold in it directly from now on, and give back the rest."""

    def die(self) -> None:
        """Stop here; when the lease is over, open calls are presumed and the rest comes back."""

    def check(self) -> None:
        """Raises Overspent."""


class World:
    """The clock, the row, the nodes and the dice."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.now = 0.0
        self.row = Row(setup.limit)
        self.tally = Tally()
        self._database_busy = 0.0
        self.dice = random.Random(setup.seed)
        self.nodes: list[Node] = []
        self.dead: Node | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0

    def at(self, moment: float, event: Callable[[], None]) -> None:
        """Let something happen."""
        self._made += 1
        heapq.heappush(self._events, (moment, self._made, event))

    def on_row(self, operations: int, then: Callable[[], None]) -> None:
        """A transaction on the row: waits for its lock, `then` happens as it commits."""
        begins = max(self.now, self.row.busy_until)
        self.row.busy_until = self._ends(begins, operations)
        self.at(self.row.busy_until, then)

    def beside_row(self, operations: int, then: Callable[[], None]) -> None:
        """A transaction that touches only rows of its own."""
        self.at(self._ends(self.now, operations), then)

    def _ends(self, begins: float, operations: int) -> float:
        """When a transaction is done: it takes its time, and its share of the database's."""
        self._database_busy = max(self._database_busy, begins)
        self._database_busy += self.setup.database_each * operations
        return max(begins + self.setup.base + self.setup.each * operations, self._database_busy)

    def admitted(self, settle: Settle, asked_at: float) -> None:
        """Count it, make the call and settle it."""
        self.tally.admitted += 1
        self.booked()
        self.tally.waits.append(self.now - asked_at)
        cost = min(int(self.dice.expovariate(1 / self.setup.mean_cost)), self.setup.held)
        self.at(self.now + self.setup.call_seconds, lambda: settle(cost))

    def booked(self) -> None:
        """Count a hold or a settlement, while all nodes are at work."""
        if self.setup.call_seconds <= self.now <= self.setup.seconds:
            self.tally.booked += 1

    def announce_short(self) -> None:
        """Every node hears of it with its next heartbeat."""
        self.row.short = True
        for node in self.nodes:
            self.at(self.now + self.dice.random() * self.setup.heartbeat, node.hear)

    def refused(self) -> None:
        """Count it, and whether the money was there."""
        free = self.row.free + sum(node.free() for node in self.nodes)
        if self.tally.free_at_first_refusal is None:
            self.tally.free_at_first_refusal = free
        if free >= self.setup.held:
            self.tally.refused_though_left += 1
        else:
            self.tally.refused_empty += 1

    def run(self) -> Tally:
        """Until the time is up and every call has ended."""
        for node in self.nodes:
            self._next_ask(node)
        if self.setup.dies_at is not None:
            self.at(self.setup.dies_at, self._kill_first)
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()
            self._check()
        return self.tally

    def _next_ask(self, node: Node) -> None:
        moment = self.now + self.dice.expovariate(self.setup.asks_per_node)
        if moment <= self.setup.seconds:
            self.at(moment, lambda: self._ask(node))

    def _ask(self, node: Node) -> None:
        if node is not self.dead:
            self.tally.asked += 1
            node.ask(self.now)
            self._next_ask(node)

    def _kill_first(self) -> None:
        self.dead = self.nodes[0]
        self.tally.stranded = self.dead.free()
        self.dead.die()

    def _check(self) -> None:
        row = self.row
        if min(row.spent, row.held, row.leased, row.free) < 0:
            raise Overspent(f"the row: {row}")
        for node in self.nodes:
            node.check()


class Line:
    """A node's writer: what waits is done together, a batch at a time."""

    def __init__(
        self, world: World, do: Callable[[int, Callable[[], None]], None], most: int
    ) -> None:
        self._world = world
        self._do = do
        self._most = most
        self._waiting: list[Callable[[], None]] = []
        self._busy = False
        self._ended = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, operation: Callable[[], None]) -> None:
        """`operation` happens when its batch commits."""
        self._waiting.append(operation)
        if not self._busy:
            self._next()

    def end(self) -> None:
        """The node died: nothing of this happens any more."""
        self._waiting.clear()
        self._ended = True

    def _next(self) -> None:
        if self._ended or not self._waiting:
            self._busy = False
            return
        self._busy = True
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]

        def committed() -> None:
            if self._ended:
                return
            for operation in batch:
                operation()
            self._next()

        self._do(len(batch), committed)
