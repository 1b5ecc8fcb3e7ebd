"""How a detector is trained: every number that decides what comes out."""

from __future__ import annotations

import dataclasses
import math

from detection.errors import ModelError

CLASS_NAMES = ("person", "vehicle", "bicycle")
"""Classes of the trained model, in the order of its outputs."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of one training run.

    The learning rate warms up, stays, and falls along a half cosine over the last `settle_share` of
    the steps (warm-up, stable, decay; Hu et al. 2024, MiniCPM, section 4), so that a
    run can be made longer while it stays without having been wasted.
    """

    steps: int = 4500
    batch: int = 16
    size_px: int = 320
    """Side of the crops, taken at the pictures' own scale: small things stay as small as they are."""
    learning_rate: float = 1e-3
    final_rate: float = 2.5e-5
    warmup_steps: int = 50
    settle_share: float = 0.5
    weight_decay: float = 5e-4
    drawn_share: float = 0.5
    """Share of drawn pictures in each batch where both kinds are given."""
    on_thing_share: float = 0.75
    """Share of crops that are placed around a labelled thing; the rest lies anywhere and is mostly empty."""
    seed: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.size_px < 64 or self.size_px % 32:
            raise ModelError(
                f"a training needs at least one step and one picture a batch, and crops of a multiple of 32 px; got "
                f"{self.steps} steps, {self.batch} a batch, {self.size_px} px"
            )

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        settle = max(round(self.steps * self.settle_share), 1)
        into = (step - (self.steps - settle)) / settle
        if into <= 0.0:
            return self.learning_rate
        return self.final_rate + (self.learning_rate - self.final_rate) * 0.5 * (1.0 + math.cos(math.pi * min(into, 1)))
