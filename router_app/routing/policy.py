"""The numbers of the rules. Changing one makes another policy, with another version.

The rules themselves, in the order `choose.decide` applies them:

1. drop what cannot serve (retired, off, unavailable, unable, without a price, context too small)
2. drop what is below the quality floor
3. drop what the budgets do not allow by the expected cost, or where they buy no useful answer
4. score = quality, plus the bonus where the task is a strength; highest wins, cheaper breaks ties;
   for medium quality, while a pace-aware budget is ahead of its pace (`pace.py`), the cheapest of
   those that score at most `near_equal_points` below the best wins
5. nothing left: the cheapest affordable of all, unless the caller forbids lower quality
6. still nothing: an answer cut to what the windows have left, if that is still useful
7. still nothing: refused, saying what would fit
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from router_app.routing.tasks import Quality


def _default_floors() -> dict[Quality, int]:
    return {Quality.LOW: 0, Quality.MEDIUM: 60, Quality.HIGH: 75}


@dataclass(frozen=True, slots=True)
class Policy:
    """Floors on the quality score (0..100), points, useful minima in tokens."""

    version: str
    floors: Mapping[Quality, int] = field(default_factory=_default_floors)
    strength_bonus: int = 15
    near_equal_points: int = 5  # so far below the best score a model counts as its equal
    useful_output_tokens: int = 64  # the least an answer is worth asking for
    useful_output_tokens_when_asked: int = 512  # how far down a max_tokens may be clamped

    def floor(self, quality: Quality) -> int:
        """The quality score a model needs for this quality level."""
        return self.floors[quality]
