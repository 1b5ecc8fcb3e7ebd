"""How large what was followed is, and whether its outline turns, against what things of each class are.

* Height in metres: clutter is of any size that looks like one.
* Width in metres, of persons: who stands or walks upright is as wide from any side, within a few hands.
* The change of that width with the direction of sight: an aircraft that passes sees a thing from the left, then from
  the right. An animal that stands end-on is taken for a person, and grows longer as it is seen from its side.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.georeference import SIZES_M
from detection.normal_distribution import log_density
from geo.geodesy import metres_per_degree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.looks import Looks
    from detection.paths import Paths
    from detection.placed_hits import Placed

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Sizes of a class over its mean, in the logarithm, and those of what is taken for it."""

    usual: float
    """One sigma."""
    odd_share: float
    """Share that is otherwise."""
    odd_mean: float
    odd: float
    clutter: float


HEIGHTS: Final = {"person": Spread(usual=0.13, odd_share=0.2, odd_mean=-0.3, odd=0.3, clutter=0.27)}
"""Standing adults differ by an eighth, with clothes and what their boxes are always off; one in five crouches, sits or
is a child: assumed.
What a detector takes for a person is nearly as high as one, or it would not (counted: `sitl.films.seen_patrol`)."""
OTHER_HEIGHT: Final = Spread(usual=0.25, odd_share=0.0, odd_mean=0.0, odd=0.25, clutter=0.8)
"""Vehicles come in many lengths."""
PERSON_WIDTH_M: Final = 0.73
"""Mean width of a person's box, counted on drawn patrols: shoulders, arms, and the picture's blur."""
WIDTHS: Final = Spread(usual=0.13, odd_share=0.15, odd_mean=0.2, odd=0.35, clutter=0.3)
"""Widths of persons, and of what is taken for one; one in seven may carry something, or be two in one box: assumed."""
TURNING: Final = Spread(usual=0.25, odd_share=0.1, odd_mean=0.0, odd=0.6, clutter=0.8)
"""Change of the width's logarithm a radian of the direction of sight."""
ERROR_LN: Final = 0.03
"""Error of a track's size that all its pictures share: of height over the ground, and of the lens."""
HEIGHT_PX, WIDTH_PX = 1.0, 0.6
"""Error of a box's height and width that is new in every picture, one sigma: heads and feet move, shoulders do not
(counted on drawn patrols)."""
LEAST_NATS: Final = -4.0
OBLIQUE_MAX: Final = 0.9
"""Sine of the depression beyond which (64 degrees) people show their shoulders from above, which turn as they do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number of each path, and the variance of its measurement: infinite where it is not known."""

    value: FloatArray
    noise: FloatArray

    def nats(self, spread: Spread, systematic: float) -> FloatArray:
        """Log density under a class over that under its clutter; 0 where nothing is known."""
        found = np.zeros(len(self.value))
        known = np.isfinite(self.noise)
        value, noise = self.value[known], self.noise[known]
        usual, odd, clutter = (
            np.sqrt(one**2 + systematic**2 + noise) for one in (spread.usual, spread.odd, spread.clutter)
        )
        fits = (1.0 - spread.odd_share) * np.exp(log_density(value, 0.0, usual))
        fits += spread.odd_share * np.exp(log_density(value, spread.odd_mean, odd))
        with np.errstate(divide="ignore"):
            nats = np.log(fits) - log_density(value, 0.0, clutter)
        found[known] = np.maximum(nats, LEAST_NATS)
        return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """Boxes of all points of paths in metres, as columns: only whole ones, of pictures whose pose is known."""

    paths: Paths
    class_names: tuple[str, ...]
    known: NDArray[np.bool_]
    height_px: FloatArray
    width_px: FloatArray
    height_m: FloatArray
    width_m: FloatArray
    sin_down: FloatArray
    """Sine of the depression of the line of sight."""
    azimuth_rad: FloatArray
    """Direction of the line of sight over the ground."""

    @classmethod
    def of(cls, paths: Paths, placed: Placed, looks: Looks | None) -> Outlines | None:
        """Measure the boxes; None without looks."""
        if looks is None or not len(looks):
            return None
        hits = placed.hits.take(paths.rows)
        look = np.minimum(np.searchsorted(looks.t_utc_ns, hits.t_utc_ns), len(looks) - 1)
        box, slant = hits.box_px.astype(np.float64), hits.slant_m.astype(np.float64)
        size_px = np.maximum(box[:, 2:] - box[:, :2], 1.0)
        edge = (box[:, :2] < 2.0).any(axis=1) | (box[:, 2:] > looks.size_px[look] - 2.0).any(axis=1)
        size_m = size_px * slant[:, None] / looks.focal_px[look]
        north, east = metres_per_degree(looks.lat_deg[look])
        step_e = (hits.lon_deg - looks.lon_deg[look]) * east
        step_n = (hits.lat_deg - looks.lat_deg[look]) * north
        return cls(
            paths=paths,
            class_names=placed.class_names,
            known=(looks.t_utc_ns[look] == hits.t_utc_ns) & np.isfinite(slant) & ~edge,
            width_px=size_px[:, 0],
            height_px=size_px[:, 1],
            width_m=size_m[:, 0],
            height_m=size_m[:, 1],
            sin_down=np.clip((looks.alt_hae_m[look] - hits.alt_hae_m) / slant, 0.0, 1.0),
            azimuth_rad=np.arctan2(step_e, step_n),
        )

    @property
    def _oblique(self) -> NDArray[np.bool_]:
        """Tell which boxes show a thing from its side."""
        return np.asarray(self.known & (self.sin_down < OBLIQUE_MAX))

    def height_nats(self) -> FloatArray:
        """Evidence of the height under each class (paths, classes)."""
        columns = [np.zeros(len(self.paths)) for _ in self.class_names]
        for code, name in enumerate(self.class_names):
            if name in SIZES_M:
                tall, flat = SIZES_M[name]
                expected = tall * np.sqrt(1.0 - self.sin_down**2) + flat * self.sin_down
                mean = self._mean(self.height_m / expected, HEIGHT_PX / self.height_px, self.known)
                columns[code] = mean.nats(HEIGHTS.get(name, OTHER_HEIGHT), ERROR_LN)
        return np.stack(columns, axis=1)

    def width_nats(self) -> FloatArray:
        """Evidence of the width, were it a person (paths,)."""
        mean = self._mean(self.width_m / PERSON_WIDTH_M, WIDTH_PX / self.width_px, self._oblique)
        return mean.nats(WIDTHS, ERROR_LN)

    def turning_nats(self) -> FloatArray:
        """Evidence of how the width changes with the direction of sight, were it a person (paths,)."""
        return self.turning().nats(TURNING, 0.0)

    def turning(self) -> Measured:
        """Slope of the width's logarithm over the direction of sight, a radian."""
        paths, seen = self.paths, self._oblique
        weight = np.where(seen, self.width_px**2, 0.0)
        total = np.maximum(paths.total(weight), 1e-9)
        point = paths.path_of_point
        width = np.log(np.where(seen, self.width_m, 1.0))
        around = np.angle(np.exp(1j * (self.azimuth_rad - self.azimuth_rad[paths.first][point])))
        around = np.where(seen, around, 0.0)
        centred = around - (paths.total(weight * around) / total)[point]
        spread = paths.total(weight * centred**2)
        known = spread > WIDTH_PX**2
        slope = paths.total(weight * centred * width) / np.where(known, spread, 1.0)
        return Measured(
            value=np.where(known, slope, 0.0), noise=np.where(known, WIDTH_PX**2 / np.where(known, spread, 1.0), np.inf)
        )

    def _mean(self, ratio: FloatArray, error: FloatArray, known: NDArray[np.bool_]) -> Measured:
        """Mean logarithm of a size over what is expected, given each one's relative error."""
        paths = self.paths
        usable = paths.total(known.astype(np.float64))
        mean = paths.total(np.log(np.where(known, ratio, 1.0))) / np.maximum(usable, 1.0)
        noise = paths.total(np.where(known, error**2, 0.0)) / np.maximum(usable, 1.0) ** 2
        return Measured(value=np.where(usable > 0, mean, 0.0), noise=np.where(usable > 0, noise, np.inf))
