"""The simulation's promise: whatever the policy and whoever dies, nothing is ever overspent."""

from dataclasses import replace

import pytest

from bench.escrow import POLICIES, simulate
from bench.escrow_model import Overspent, Row, Setup, World
from bench.escrow_nodes import EscrowNode, Slice, direct, escrow, grouped

POOR = Setup(
    nodes=4,
    limit=600_000_000,
    asks_per_node=60,
    seconds=6.0,
    base=0.002,
    each=0.0001,
    call_seconds=0.5,
    lease_seconds=5.0,
)
LAST = POLICIES["… and the row again at the end"]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("dies_at", [None, 1.0, 3.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_policy_keeps_within_the_limit(policy: object, dies_at: float, seed: int) -> None:
    tally, world = simulate(replace(POOR, dies_at=dies_at, seed=seed), policy)  # type: ignore[arg-type]

    assert world.row.spent <= POOR.limit
    assert world.row.held == 0  # every call was settled, or presumed
    answered = tally.admitted + tally.refused_empty + tally.refused_though_left
    assert answered + tally.overloaded <= tally.asked
    if dies_at is None:
        assert answered + tally.overloaded == tally.asked


def test_a_broken_invariant_stops_the_run() -> None:
    world = World(POOR)
    world.nodes = [direct(world)]
    world.at(0.1, lambda: setattr(world, "row", Row(limit=10, spent=11)))

    with pytest.raises(Overspent):
        world.run()


def test_the_row_never_refuses_what_it_has() -> None:
    for policy in (direct, grouped):
        assert simulate(POOR, policy)[0].refused_though_left == 0


def test_plain_slices_strand_money_in_nodes_and_the_last_policy_hardly_does() -> None:
    plain, _ = simulate(POOR, escrow(Slice(0.1)))
    best, _ = simulate(POOR, LAST)

    assert plain.refused_though_left > 0
    assert best.refused_though_left <= plain.refused_though_left / 20


def test_what_a_dead_node_leased_comes_back_and_its_calls_are_presumed() -> None:
    rich = replace(POOR, limit=POOR.limit * 1000, dies_at=2.0)
    _, world = simulate(rich, escrow(Slice(0.01)))
    dead = world.dead

    assert isinstance(dead, EscrowNode)
    assert dead.free() == 0
    in_use = sum(node.free() for node in world.nodes if isinstance(node, EscrowNode))
    assert world.row.leased - in_use >= 0  # what living nodes spent and the row does not know yet


def test_the_same_dice_give_the_same_run() -> None:
    assert simulate(POOR, LAST)[0] == simulate(POOR, LAST)[0]
