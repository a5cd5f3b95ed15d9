"""The policies that `escrow.py` compares: how a node gets at the money of a window."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.escrow_model import Line, Overspent, World


class RowNode:
    """Holds in the window's row, `most` operations a transaction: 1 is a transaction each, more is
    group commit, as the product does it."""

    def __init__(self, world: World, most: int) -> None:
        self.world = world
        self.row_line = Line(world, world.on_row, most)
        self.held_in_row = 0
        self.is_dead = False

    def ask(self, asked_at: float) -> None:
        """See Node."""
        if len(self.row_line) >= self.world.setup.most_waiting:
            self.world.tally.overloaded += 1
        else:
            self.row_line.put(lambda: self.hold_in_row(asked_at))

    def free(self) -> int:
        """All money is in the row."""
        return 0

    def hear(self) -> None:
        """It holds there already."""

    def die(self) -> None:
        """See Node."""
        self.is_dead = True
        self.row_line.end()
        self.world.at(self.world.now + self.world.setup.lease_seconds, self.presume)

    def presume(self) -> None:
        """Open calls are booked at what was held."""
        self.world.row.held -= self.held_in_row
        self.world.row.spent += self.held_in_row
        self.held_in_row = 0

    def check(self) -> None:
        """Nothing of its own."""

    def hold_in_row(self, asked_at: float) -> None:
        """A hold commits, or is refused."""
        held, row = self.world.setup.held, self.world.row
        if row.free < held:
            self.world.refused()
            return
        row.held += held
        self.held_in_row += held
        self.world.admitted(self._settle_in_row, asked_at)

    def _settle_in_row(self, cost: int) -> None:
        if not self.is_dead:
            self.row_line.put(lambda: self._book_in_row(cost))

    def _book_in_row(self, cost: int) -> None:
        self.held_in_row -= self.world.setup.held
        self.world.row.held -= self.world.setup.held
        self.world.row.spent += cost
        self.world.booked()


@dataclass(frozen=True, slots=True)
class Slice:
    """How much a node leases at a time: this share of the limit; or, `shrinking`, this share of
    what is free in the row, divided by the nodes. Where that would hold fewer than `least_calls`
    calls, the row is short and every node holds in it directly again (0: never)."""

    share: float
    shrinking: bool = False
    least_calls: int = 0


class EscrowNode(RowNode):
    """Spends a leased slice by itself; the row is touched only to lease, and then told what was
    spent. Its own rows (calls, reservations, journal) are written before a call is sent, as ever,
    so what it held is known though it dies."""

    def __init__(self, world: World, policy: Slice) -> None:
        super().__init__(world, world.setup.most_batch)
        self._policy = policy
        self._own_line = Line(world, world.beside_row, world.setup.most_batch)
        self._leased = 0  # of the row, by this node
        self._held = 0
        self._spent = 0  # of what is leased; the row does not know yet
        self._waiting: list[float] = []
        self._is_leasing = False
        self._hears_short = False

    def ask(self, asked_at: float) -> None:
        """See Node."""
        waiting = len(self._own_line) + len(self.row_line) + len(self._waiting)
        if waiting >= self.world.setup.most_waiting:
            self.world.tally.overloaded += 1
        elif self._hears_short:
            self.row_line.put(lambda: self._hold_in_short_row(asked_at))
        else:
            self._own_line.put(lambda: self._hold(asked_at))

    def free(self) -> int:
        """What is leased and holds nothing."""
        return self._leased - self._held - self._spent

    def check(self) -> None:
        """See Node."""
        if min(self._held, self._spent, self.free()) < 0:
            raise Overspent(f"a node: leased {self._leased}, held {self._held}")

    def hear(self) -> None:
        """See Node."""
        if self._hears_short or self.is_dead:
            return
        self._hears_short = True
        self.row_line.put(self._give_back)
        self._pass_on_waiting()

    def die(self) -> None:
        """See Node."""
        super().die()
        self._own_line.end()
        self._waiting.clear()

    def presume(self) -> None:
        """The calls' rows say what was held; the rest of the slice comes back."""
        super().presume()
        self._spent += self._held
        self._held = 0
        self._give_back()

    def _hold(self, asked_at: float) -> None:
        if self._hears_short:
            self.row_line.put(lambda: self._hold_in_short_row(asked_at))
        elif self._admit(asked_at):
            if self.free() < self._slice() // 4:
                self._lease()
        else:
            self._waiting.append(asked_at)
            self._lease()

    def _admit(self, asked_at: float) -> bool:
        if self.free() < self.world.setup.held:
            return False
        self._held += self.world.setup.held
        self.world.admitted(self._settle, asked_at)
        return True

    def _settle(self, cost: int) -> None:
        if not self.is_dead:
            line = self.row_line if self._hears_short else self._own_line
            line.put(lambda: self._book(cost))

    def _book(self, cost: int) -> None:
        self._held -= self.world.setup.held
        self._spent += cost
        self.world.booked()
        if self._hears_short:
            self._give_back()  # in the same transaction: it went through the row's line

    def _lease(self) -> None:
        """Tell what was spent and lease anew, in one transaction, unless one is under way."""
        if not self._is_leasing:
            self._is_leasing = True
            self.row_line.put(self._leased_anew)

    def _leased_anew(self) -> None:
        self._is_leasing = False
        self._tell_spent()
        row, wanted = self.world.row, self._slice()
        if self._hears_short:
            return
        if wanted < self._policy.least_calls * self.world.setup.held:
            if not row.short:
                self.world.announce_short()
            self.hear()
            return
        granted = min(wanted, row.free)
        row.leased += granted
        self._leased += granted
        waiting, self._waiting = self._waiting, []
        for asked_at in waiting:
            if not self._admit(asked_at):
                self.world.refused()

    def _slice(self) -> int:
        if not self._policy.shrinking:
            return int(self.world.setup.limit * self._policy.share)
        return int(self.world.row.free * self._policy.share / len(self.world.nodes))

    def _hold_in_short_row(self, asked_at: float, *, again: bool = False) -> None:
        """Where the row has too little, others may be about to give back: look once more."""
        if self.world.row.free >= self.world.setup.held or again:
            self.hold_in_row(asked_at)
            return
        once_more = self.world.now + 2 * self.world.setup.heartbeat
        self.world.at(once_more, lambda: self._look_again(asked_at))

    def _look_again(self, asked_at: float) -> None:
        if not self.is_dead:
            self.row_line.put(lambda: self._hold_in_short_row(asked_at, again=True))

    def _pass_on_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for asked_at in waiting:
            self._look_again(asked_at)

    def _give_back(self) -> None:
        self._tell_spent()
        returned = self.free()
        self._leased -= returned
        self.world.row.leased -= returned

    def _tell_spent(self) -> None:
        self.world.row.leased -= self._spent
        self.world.row.spent += self._spent
        self._leased -= self._spent
        self._spent = 0


Policy = Callable[[World], RowNode]


def direct(world: World) -> RowNode:
    """A transaction on the row for each hold and each settlement."""
    return RowNode(world, 1)


def grouped(world: World) -> RowNode:
    """Group commit: what waits goes together."""
    return RowNode(world, world.setup.most_batch)


def escrow(slices: Slice) -> Policy:
    """Escrow with slices of this kind."""
    return lambda world: EscrowNode(world, slices)
