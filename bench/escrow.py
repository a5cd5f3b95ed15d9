"""What escrow would bring for one hot budget: `python -m bench.escrow`. See docs/scaling.md.

A discrete-event simulation; its transaction times are measured by `bench.hot_budget`. Compared are
holds in the window's row one by one, group commit (as the product does it), and escrow: a node
leases a slice of the window and spends it by itself. The invariant is asserted after every event of
every run.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bench.escrow_model import Setup, Tally, World
from bench.escrow_nodes import Policy, Slice, direct, escrow, grouped
from bench.figures import percentile

POLICIES: dict[str, Policy] = {
    "a transaction each": direct,
    "group commit": grouped,
    "escrow, 1 % of the limit": escrow(Slice(0.01)),
    "escrow, 10 % of the limit": escrow(Slice(0.1)),
    "escrow, half a fair share": escrow(Slice(0.5, shrinking=True)),
    "… and the row again at the end": escrow(Slice(0.5, shrinking=True, least_calls=16)),
}
AMPLE = 10**15
LOAD = 1_000  # calls a second of all nodes together
HOPELESS_SECONDS = 1.0


def simulate(setup: Setup, policy: Policy) -> tuple[Tally, World]:
    """One run to its end. Raises Overspent."""
    world = World(setup)
    world.nodes = [policy(world) for _ in range(setup.nodes)]
    return world.run(), world


def capacity(setup: Setup, policy: Policy) -> str:
    """Calls a second, held and settled, with more asked than can be done."""
    tally, _ = simulate(setup, policy)
    return f"{tally.booked / 2 / (setup.seconds - setup.call_seconds):,.0f}"


def wait(setup: Setup, policy: Policy) -> str:
    """How long one waits to be admitted, p50 and p99 in ms; a dash where the load is too much."""
    waits = sorted(simulate(setup, policy)[0].waits)
    if percentile(waits, 99) > HOPELESS_SECONDS:
        return "–"
    return " / ".join(f"{percentile(waits, p) * 1000:,.1f}" for p in (50, 99))


def at_the_end(setup: Setup, policy: Policy) -> list[str]:
    """A budget runs out: what is refused while money is left elsewhere, and what stays unspent."""
    tally, world = simulate(setup, policy)
    refused = tally.refused_though_left + tally.refused_empty
    first = (tally.free_at_first_refusal or 0) / setup.limit
    left = (setup.limit - world.row.spent) / setup.limit
    share = tally.refused_though_left / max(refused, 1)
    return [f"{first:.2%}", f"{tally.refused_though_left:,} ({share:.0%})", f"{left:.2%}"]


def after_a_death(setup: Setup, policy: Policy) -> list[str]:
    """A node dies in the middle: what nobody can spend until its lease is over."""
    tally, world = simulate(setup, policy)
    left = (setup.limit - world.row.spent) / setup.limit
    return [f"{tally.stranded / setup.limit:.2%}", f"{left:.2%}"]


def _by_nodes(
    title: str,
    figure: Callable[[Setup, Policy], str],
    world: Setup,
    nodes: Sequence[int],
    asks: Callable[[int], float],
) -> None:
    """A table with a column for each number of nodes."""
    chosen = ("a transaction each", "group commit", "escrow, half a fair share")
    rows = []
    for name in chosen:
        worlds = [replace(world, nodes=n, asks_per_node=asks(n)) for n in nodes]
        rows.append([name, *(figure(each, POLICIES[name]) for each in worlds)])
    _table([title, *(f"{n} nodes" for n in nodes)], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    align = ["---", *("--:" for _ in head[1:])]
    print("\n".join("| " + " | ".join(row) + " |" for row in (head, align, *rows)), end="\n\n")


def main() -> None:
    """Read the command line, simulate, print three tables."""
    parser = argparse.ArgumentParser(description="Simulate escrow for one hot budget.")
    parser.add_argument("--base-ms", type=float, default=1.4, help="a transaction")
    parser.add_argument("--each-ms", type=float, default=0.045, help="and an operation in it")
    parser.add_argument("--round-trip-ms", type=float, default=0.0, help="to the database")
    parser.add_argument("--round-trips", type=int, default=6, help="of a transaction")
    parser.add_argument("--database-calls", type=float, default=13_500, help="a second, in all")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--asks", type=float, default=2_000, help="a second, most of a node")
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    world = Setup(
        nodes=1,
        limit=AMPLE,
        asks_per_node=given.asks,
        seconds=given.seconds,
        call_seconds=0.5,
        base=(given.base_ms + given.round_trips * given.round_trip_ms) / 1000,
        each=given.each_ms / 1000,
        database_each=1 / (2 * given.database_calls),
    )
    _by_nodes("most calls/s", capacity, world, given.nodes, lambda _: given.asks)
    _by_nodes(f"wait at {LOAD} calls/s", wait, world, given.nodes, lambda n: LOAD / n)
    poor = replace(world, nodes=8, asks_per_node=20, seconds=70.0, limit=8_000 * world.mean_cost)
    poor = replace(poor, call_seconds=1.0)
    wrongly = "refused though money was left"
    _table(
        ["a budget runs out", "free at the first refusal", wrongly, "unspent at last"],
        [[name, *at_the_end(poor, policy)] for name, policy in POLICIES.items()],
    )
    dying = replace(poor, dies_at=20.0)
    _table(
        ["one of 8 nodes dies", "stranded for 30 s", "unspent at last"],
        [[name, *after_a_death(dying, policy)] for name, policy in POLICIES.items()],
    )


if __name__ == "__main__":
    main()
