"""What was learned, as the planner takes it: rates on stretches of its own border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.emphasis import RANDOM_SHARE_MIN, Emphasis, StretchRate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.emphasis import Stretch
    from operations.learning.stretch_rates import Rates

WALKS_MPS: Final = 1.0
"""How fast somebody goes on foot across country at night: Naismith's 5 km/h on paths, less a quarter."""


def emphasis_of(
    stretches: Sequence[Stretch],
    rates: Rates,
    *,
    seed: int,
    depth_m: float,
    random_share: float = RANDOM_SHARE_MIN,
    sources: Sequence[str] = (),
) -> Emphasis:
    """Return what the planner is told: one rate a stretch; `depth_m` is how deep the watched ground is."""
    rows = zip(
        stretches, rates.shape, rates.per_look, rates.low, rates.high, rates.looks, rates.found, strict=True
    )  # fmt: skip
    names = ("shape", "per_look", "low", "high", "looks", "found")
    return Emphasis(
        rates=tuple(
            StretchRate(stretch=stretch, **dict(zip(names, map(float, numbers), strict=True)))
            for stretch, *numbers in rows
        ),
        seed=seed,
        stay_s=depth_m / WALKS_MPS,
        random_share=random_share,
        sources=tuple(sources),
    )
