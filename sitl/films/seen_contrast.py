"""How much brighter than the ground around it what a simulated detector finds is, without a picture.

What a thing has of its own, the ground around it, and what is new in each look, as on drawn patrols that the bundled
model looked at (`docs/decisions`): no two things are told apart more easily than there. A flight's camera has a gain
and a zero of its own, which drawn ones have not.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

MEAN: Final = (1.8, 1.6)
"""Of persons and vehicles."""
OWN: Final = (0.31, 0.4)
"""One sigma between things of each kind, by themselves."""
CLUTTER: Final = (1.35, 0.63)
"""Mean and one sigma of what is taken for a person."""
GROUND: Final = (0.36, 0.38)
"""One sigma of what the ground around takes off …"""
GROUND_M: Final = 60.0
"""… and how far it is alike: all but 1/e of it is another so far away."""
HIT: Final = (0.15, 0.11)
"""One sigma of what is new in each picture."""
GAIT: Final = 0.18
"""And of persons who go, beside that."""
ODD_SHARE: Final = 0.1
"""So many hits err …"""
ODD: Final = 2.5
"""… so many times as much."""
FLIGHT: Final = 0.06
"""One sigma of what is new on each flight."""
GAIN_LN: Final = 0.1
"""One sigma of a flight's gain, in the logarithm, …"""
ZERO: Final = 0.1
"""… and of its zero: both assumed."""
WAVES: Final = 64
GOES_MPS: Final = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeenContrasts:
    """What is asked for the contrasts of one flight."""

    kind: NDArray[np.int64]
    """Of each object: 0 for a person and what is taken for one, 1 for a vehicle."""
    own: FloatArray
    """Contrast of each on the mean ground."""
    waves: FloatArray
    """Radians a metre east and north, (m, 2), and phases (m,): the ground is a sum of waves."""
    phases: FloatArray
    gain_zero: tuple[float, float]
    rng: np.random.Generator

    @classmethod
    def drawn(cls, kind: NDArray[np.int64], thing: NDArray[np.bool_], seed: int, sortie: int) -> SeenContrasts:
        """Draw those of a world's objects, the same on every flight, and what is this flight's own."""
        world, flight = np.random.default_rng([seed, 4715]), np.random.default_rng([seed, 4716, sortie])
        own = np.where(thing, np.array(MEAN)[kind], CLUTTER[0])
        own += np.where(thing, np.array(OWN)[kind], CLUTTER[1]) * world.standard_normal(len(kind))
        # ground alike by exp(-distance / GROUND_M) has waves of a t distribution of one degree in two dimensions
        waves = world.standard_normal((WAVES, 2)) / (GROUND_M * np.sqrt(world.chisquare(1.0, (WAVES, 1))))
        phases = world.uniform(0.0, 2.0 * np.pi, WAVES)
        own += FLIGHT * flight.standard_normal(len(kind))
        gain, zero = np.exp(GAIN_LN * flight.standard_normal()), ZERO * flight.standard_normal()
        return cls(kind=kind, own=own, waves=waves, phases=phases, gain_zero=(float(gain), float(zero)), rng=flight)

    def of(self, who: NDArray[np.int64], place_m: FloatArray, speed_mps: FloatArray) -> NDArray[np.float32]:
        """Contrasts (n,) of objects in one picture, which stand at metres east and north (n, 2) and go so fast."""
        kind = self.kind[who]
        ground = np.sqrt(2.0 / WAVES) * np.cos(place_m @ self.waves.T + self.phases).sum(axis=1)
        goes = np.where((kind == 0) & (speed_mps > GOES_MPS), GAIT, 0.0)
        err = np.hypot(np.array(HIT)[kind], goes) * np.where(self.rng.random(len(who)) < ODD_SHARE, ODD, 1.0)
        value = self.own[who] + np.array(GROUND)[kind] * ground + err * self.rng.standard_normal(len(who))
        return self._sensed(value)

    def of_flickers(self, count: int) -> NDArray[np.float32]:
        """Contrasts of boxes on nothing that lasts."""
        return self._sensed(CLUTTER[0] + CLUTTER[1] * self.rng.standard_normal(count))

    def _sensed(self, value: FloatArray) -> NDArray[np.float32]:
        gain, zero = self.gain_zero
        return np.asarray(gain * value + zero, dtype=np.float32)
