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
from detection.ground_tracks import SIZES
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
LENGTH_WIDTH_M: Final = {"vehicle": (4.8, 1.9), "car": (4.8, 1.9)}
"""Mean length and width over the ground of what is longer than wide: cars, pickups and vans (`sitl.films`)."""
HEADED_M: Final = 3.0
"""What goes further than this between two of its points, some pictures apart, has its length along that way."""
HEADED_POINTS: Final = 3
UNHEADED_LN: Final = (0.2, 0.3)
"""One sigma of the height's and the width's logarithm of what is longer than wide and stands: it may lie either way."""
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
                mean = self._mean(self.height_m / self._stands(*SIZES_M[name]), HEIGHT_PX / self.height_px, self.known)
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

    def sizes(self, class_code: NDArray[np.int64]) -> tuple[Measured, Measured]:
        """Return the logarithms of each path's height and width over what its class is expected to show.

        Of what is taken for another class than these they are not known.

        What is longer than wide shows its length or its width, as it goes along the line of sight or across.
        """
        point = self.paths.path_of_point
        expected = np.full((2, len(point)), np.nan)
        either_way = np.zeros(len(point), dtype=bool)
        for code, name in enumerate(self.class_names):
            mine = (class_code == code)[point]
            if name in LENGTH_WIDTH_M:
                along, across, unknown = self._extents_m(LENGTH_WIDTH_M[name])
                expected[0, mine], expected[1, mine] = self._stands(SIZES_M[name][0], along)[mine], across[mine]
                either_way |= mine & unknown
            elif name == "person":
                expected[0, mine], expected[1, mine] = self._stands(*SIZES_M[name])[mine], PERSON_WIDTH_M
        known = self.known & np.isfinite(expected[0])
        shares = self.paths.total((known & either_way).astype(np.float64))
        shares /= np.maximum(self.paths.total(known.astype(np.float64)), 1.0)
        found = []
        for axis, (size_m, error) in enumerate(
            ((self.height_m, HEIGHT_PX / self.height_px), (self.width_m, WIDTH_PX / self.width_px))
        ):
            mean = self._mean(size_m / expected[axis], error, known)
            found.append(dataclasses.replace(mean, noise=mean.noise + (shares * UNHEADED_LN[axis]) ** 2))
        return found[0], found[1]

    def _stands(self, tall_m: float, flat_m: FloatArray | float) -> FloatArray:
        """Metres across the line of sight, upward in the picture, that so tall and so long a thing shows."""
        return np.asarray(tall_m * np.sqrt(1.0 - self.sin_down**2) + flat_m * self.sin_down)

    def _extents_m(self, length_width_m: tuple[float, float]) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Metres along and across the line of sight that each box's thing covers, and where its heading is unknown.

        Its heading is the way from some points before to some points after.
        """
        paths, every = self.paths, np.arange(len(self.paths.rows))
        point = paths.path_of_point
        before = np.maximum(every - HEADED_POINTS, paths.first[point])
        after = np.minimum(every + HEADED_POINTS, paths.last[point])
        step = paths.states[after, :2] - paths.states[before, :2]
        unknown = np.hypot(*step.T) < HEADED_M
        turned = np.arctan2(step[:, 0], step[:, 1]) - self.azimuth_rad
        length, width = length_width_m
        cos, sin = np.abs(np.cos(turned)), np.abs(np.sin(turned))
        middle = np.exp(np.log(length * width) / 2.0)
        along, across = length * cos + width * sin, length * sin + width * cos
        return np.where(unknown, middle, along), np.where(unknown, middle, across), unknown

    def _mean(self, ratio: FloatArray, error: FloatArray, known: NDArray[np.bool_]) -> Measured:
        """Mean logarithm of a size over what is expected, given each one's relative error."""
        paths = self.paths
        usable = paths.total(known.astype(np.float64))
        mean = paths.total(np.log(np.where(known, ratio, 1.0))) / np.maximum(usable, 1.0)
        noise = paths.total(np.where(known, error**2, 0.0)) / np.maximum(usable, 1.0) ** 2
        return Measured(value=np.where(usable > 0, mean, 0.0), noise=np.where(usable > 0, noise, np.inf))


def measured_sizes(
    paths: Paths, placed: Placed, looks: Looks | None, class_code: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """Return the columns of `detection.ground_tracks.SIZES`; NaN where they are not known, as everywhere without looks.

    Parameters
    ----------
    paths
        What was followed.
    placed
        Its hits.
    looks
        Where pictures looked, and through which lens.
    class_code
        What each path's thing is taken for.
    """
    outlines = Outlines.of(paths, placed, looks)
    if outlines is None:
        return dict.fromkeys(SIZES, np.full(len(paths), np.nan, dtype=np.float32))
    columns = []
    for one in outlines.sizes(class_code):
        known = np.isfinite(one.noise)
        columns += [np.where(known, values, np.nan).astype(np.float32) for values in (one.value, one.noise)]
    return dict(zip(SIZES, columns, strict=True))
