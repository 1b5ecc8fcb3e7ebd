"""What stands on the ground: people, vehicles, and the trees, bushes, rocks, posts and animals between them.

Every shape is a list of capsules (a segment with a radius; a ball when both
ends are equal) in metres, x forward, y left, z up from the ground, plus boxes
for vehicles and huts. Each part has a colour factor by day and a warmth.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from sitl.films.render_ground import hash_cells, land_cover, track_distance_m
from sitl.films.world import Kind, Movers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sitl.films.world import World

    FloatArray = NDArray[np.float64]

CELL_M: Final = 22.0
"""Props are drawn by lot for each map cell of this side."""
PROPS_PER_CELL: Final = 3
UNLABELLED: Final = -1
OFF_TRACK_M: Final = 2.8
"""Nothing stands nearer to the middle of a track that vehicles use."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One thing to draw, in its own frame."""

    label: int
    """`Kind` of a labelled thing, or `UNLABELLED`."""
    object_id: int
    place_enu_m: FloatArray
    heading_rad: float
    capsules_m: FloatArray
    """Shape (n, 7): from x y z, to x y z, radius."""
    boxes_m: FloatArray
    """Shape (b, 6): x0 x1 y0 y1 z0 z1."""
    colours: FloatArray
    """RGB by day, (n + b, 3), capsules first."""
    warmth: FloatArray
    """Grey level in the infrared before gain, (n + b,)."""


_CLOTHES = np.array(
    [
        [40, 44, 52], [60, 66, 48], [120, 40, 36], [170, 165, 155],
        [36, 52, 96], [88, 70, 50], [20, 20, 22], [150, 120, 60],
    ],
    dtype=np.float64,
)  # fmt: skip
_PAINT = np.array(
    [
        [225, 225, 225], [30, 30, 34], [140, 144, 150], [150, 30, 30],
        [40, 60, 110], [70, 84, 58], [190, 180, 150], [90, 92, 96],
    ],
    dtype=np.float64,
)  # fmt: skip
_SKIN = np.array([150.0, 115.0, 90.0])
_NO_BOXES = np.zeros((0, 6))
_NO_CAPSULES = np.zeros((0, 7))


def person(object_id: int, place_enu_m: FloatArray, heading_deg: float, travelled_m: float, seed: int) -> Shape:
    """Return a walking person 1.55 to 1.95 m tall; a step is 0.7 m and the legs swing with it."""
    rng = np.random.default_rng([seed & 0xFFFFFFFF, object_id, 1])
    size = rng.uniform(0.88, 1.1)
    swing = 0.33 * np.sin(np.pi * travelled_m / 0.7)
    parts = [
        [swing, 0.09, 0.05, 0.0, 0.09, 0.85, 0.085],
        [-swing, -0.09, 0.05, 0.0, -0.09, 0.85, 0.085],
        [0.0, 0.0, 0.95, 0.0, 0.0, 1.35, 0.20],
        [-0.7 * swing, 0.26, 0.85, 0.0, 0.24, 1.35, 0.06],
        [0.7 * swing, -0.26, 0.85, 0.0, -0.24, 1.35, 0.06],
        [0.0, 0.0, 1.62, 0.02, 0.0, 1.65, 0.115],
    ]
    top, legs = _CLOTHES[rng.integers(len(_CLOTHES), size=2)]
    colours = [legs, legs, top, top, top, _SKIN if rng.random() < 0.6 else top * 0.6]
    clothed = float(rng.uniform(0.0, 35.0))  # what trousers and coats keep in; the head stays bare
    warmth = [205.0 - clothed, 205.0 - clothed, 220.0 - clothed, 210.0 - clothed, 210.0 - clothed, 242.0]
    if rng.random() < 0.4:
        parts.append([-0.24, 0.0, 1.05, -0.24, 0.0, 1.35, 0.16])
        colours.append(_CLOTHES[rng.integers(len(_CLOTHES))])
        warmth.append(150.0)
    return Shape(
        label=int(Kind.PERSON),
        object_id=object_id,
        place_enu_m=place_enu_m,
        heading_rad=np.radians(heading_deg),
        capsules_m=np.array(parts) * size,
        boxes_m=_NO_BOXES,
        colours=np.array(colours),
        warmth=np.array(warmth) + rng.normal(0.0, 12.0),
    )


def vehicle(object_id: int, place_enu_m: FloatArray, heading_deg: float, moving: bool, seed: int) -> Shape:
    """Return a car, pickup or van, 4.2 to 5.4 m long; its engine and tyres are hot when it moves.

    In the infrared glass mirrors the cold sky, so the windows are dark bands round a warmer roof; the
    sheet metal of a whole place is sun-warmed or night-cold together (as in HIT-UAV, Suo et al. 2023).
    """
    rng = np.random.default_rng([seed & 0xFFFFFFFF, object_id, 2])
    length, width = rng.uniform(4.2, 5.4), rng.uniform(1.75, 2.05)
    style = int(rng.integers(3))
    half, side = length / 2.0, width / 2.0
    deck = 0.9 if style != 2 else 1.1
    roof = (1.5, 1.75, 2.1)[style]
    front, back = ((0.17, -0.38), (0.22, -0.08), (0.30, -0.48))[style]
    hood_end = half - 0.26 * length
    boxes = [
        [-half + 0.18, hood_end, -side, side, 0.3, deck],
        [-half, -half + 0.18, -side + 0.16, side - 0.16, 0.3, deck],
        [hood_end, half - 0.22, -side + 0.04, side - 0.04, 0.3, 0.92],
        [half - 0.22, half, -side + 0.2, side - 0.2, 0.3, 0.85],
        [back * length, front * length, -side + 0.1, side - 0.1, deck, roof - 0.1],
        [back * length + 0.35, front * length - 0.55, -side + 0.2, side - 0.2, roof - 0.1, roof],
    ]
    wheels = [
        [x, s * (side - 0.1), 0.32, x, s * (side - 0.1), 0.32, 0.32]
        for x in (-0.32 * length, 0.32 * length)
        for s in (1.0, -1.0)
    ]
    paint = _PAINT[rng.integers(len(_PAINT))] * rng.uniform(0.85, 1.1)
    tyres, glass = np.array([24.0, 24.0, 26.0]), np.array([46.0, 52.0, 60.0])
    return Shape(
        label=int(Kind.VEHICLE),
        object_id=object_id,
        place_enu_m=place_enu_m,
        heading_rad=np.radians(heading_deg),
        capsules_m=np.array(wheels),
        boxes_m=np.array(boxes),
        colours=np.array([tyres] * 4 + [paint, paint * 0.9, paint * 0.97, paint * 0.85, glass, paint]),
        warmth=_vehicle_warmth(rng, moving, seed),
    )


def _vehicle_warmth(rng: np.random.Generator, moving: bool, seed: int) -> FloatArray:
    """Warmth of four wheels, body, tail, hood, nose, windows and roof."""
    sunny = np.random.default_rng([seed & 0xFFFFFFFF, 3]).random() < 0.6
    metal = float(rng.uniform(140.0, 215.0) if sunny else rng.uniform(35.0, 75.0))
    glass = metal - float(rng.uniform(45.0, 95.0)) if sunny else metal + float(rng.uniform(25.0, 50.0))
    running = moving or rng.random() < 0.25
    engine = float(rng.uniform(60.0, 110.0)) if running else 0.0
    wheel = max(metal - 20.0, 150.0) if running else metal - 15.0
    levels = [wheel] * 4 + [metal, metal - 12.0, metal + engine, metal + 0.8 * engine - 10.0, glass, metal + 8.0]
    return np.clip(np.array(levels) + rng.normal(0.0, 5.0, len(levels)), 20.0, 250.0)


def labelled_shapes(world: World, movers: Movers, places_enu_m: FloatArray, rows: NDArray[np.int64]) -> list[Shape]:
    """Shapes of the movers in `rows`."""
    shapes = []
    for row in rows:
        ident, place = int(movers.object_id[row]), places_enu_m[row]
        heading = float(movers.heading_deg[row])
        if movers.kind[row] == Kind.PERSON:
            shapes.append(person(ident, place, heading, float(movers.travelled_m[row]), world.seed))
        else:
            shapes.append(vehicle(ident, place, heading, bool(movers.speed_mps[row] > 0.0), world.seed))
    return shapes


def prop_places(
    world: World, low_m: FloatArray, high_m: FloatArray
) -> tuple[FloatArray, FloatArray, NDArray[np.uint64]]:
    """Map places and hashes of props: what the cells of a rectangle of map metres always hold, and what is planted."""
    columns = np.arange(np.floor(low_m[0] / CELL_M), np.floor(high_m[0] / CELL_M) + 1.0)
    rows = np.arange(np.floor(low_m[1] / CELL_M), np.floor(high_m[1] / CELL_M) + 1.0)
    i, j, k = (a.ravel() for a in np.meshgrid(columns, rows, np.arange(PROPS_PER_CELL, dtype=np.float64)))
    lot = hash_cells(world.seed + 99, i * PROPS_PER_CELL + k, j)
    x = (i + ((lot >> np.uint64(8)) & np.uint64(0xFFFF)).astype(np.float64) / 65536.0) * CELL_M
    y = (j + ((lot >> np.uint64(24)) & np.uint64(0xFFFF)).astype(np.float64) / 65536.0) * CELL_M
    chance = (lot & np.uint64(0xFF)).astype(np.float64) / 256.0
    cover = land_cover(world.seed, x, y)
    wanted = np.array([0.08, 0.06, 0.06, 0.25, 0.3, 0.8, 0.8, 0.95, 0.0])[cover]
    grown = chance < wanted
    east, north, which = zip(*world.planted, strict=True) if world.planted else ((), (), ())
    x, y = np.append(x[grown], east), np.append(y[grown], north)
    lots = np.append(lot[grown], np.array(which, dtype=np.uint64))
    kept = track_distance_m(world.tracks_m, x, y) > OFF_TRACK_M
    return x[kept], y[kept], lots[kept]


_PROPS = ("tree", "bush", "bush", "rock", "rock", "post", "animal", "hut")
_PROP_ODDS = np.cumsum([0.28, 0.25, 0.15, 0.14, 0.08, 0.075, 0.005, 0.02])


Parts = tuple["FloatArray", "FloatArray", "FloatArray", "FloatArray"]


@functools.lru_cache(maxsize=8192)
def _prop_parts(lot: int) -> tuple[float, Parts]:
    rng = np.random.default_rng(lot)
    name = _prop_name(rng)
    return float(rng.uniform(0.0, 2.0 * np.pi)), _PROP_MAKERS[name](rng)


def _prop_name(rng: np.random.Generator) -> str:
    return _PROPS[min(int(np.searchsorted(_PROP_ODDS, rng.random())), len(_PROPS) - 1)]


def prop_name(lot: int) -> str:
    """Return what a hash stands for: tree, bush, rock, post, animal or hut."""
    return _prop_name(np.random.default_rng(lot))


def lot_of(name: str, rng: np.random.Generator) -> int:
    """Draw a hash that stands for a prop called `name`: tree, bush, rock, post, animal or hut."""
    while True:
        lot = int(rng.integers(2**63))
        if prop_name(lot) == name:
            return lot


def prop(lot: int, place_enu_m: FloatArray) -> Shape:
    """Return the prop a hash stands for."""
    heading, (capsules, boxes, colours, warmth) = _prop_parts(lot)
    return Shape(
        label=UNLABELLED,
        object_id=-1,
        place_enu_m=place_enu_m,
        heading_rad=heading,
        capsules_m=capsules,
        boxes_m=boxes,
        colours=colours,
        warmth=warmth,
    )


def _tree(rng: np.random.Generator) -> Parts:
    height, spread, count = rng.uniform(4.0, 11.0), rng.uniform(1.2, 2.6), 16
    centre = np.stack([*rng.normal(0.0, 0.5 * spread, (2, count)), rng.uniform(0.4, 0.92, count) * height], axis=1)
    crown = np.hstack([centre, centre, rng.uniform(0.25, 0.55, (count, 1)) * spread])
    trunk = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.5 * height, 0.18]])
    green = np.array([62.0, 84.0, 44.0]) * rng.uniform(0.7, 1.25)
    shade = (0.75 + 0.4 * np.argsort(np.argsort(centre[:, 2])) / count)[:, None]
    order = np.argsort(centre[:, 2])
    colours = np.vstack([[[84.0, 66.0, 48.0]], (green * shade)[order]])
    return np.vstack([trunk, crown[order]]), _NO_BOXES, colours, np.concatenate([[80.0], rng.normal(70.0, 13.0, count)])


def _bush(rng: np.random.Generator) -> Parts:
    count, spread = 3, rng.uniform(0.35, 0.9)
    centre = np.stack([*rng.normal(0.0, 0.5 * spread, (2, count)), np.full(count, 0.5 * spread)], axis=1)
    colours = np.array([78.0, 92.0, 52.0]) * rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, (count, 1))
    blobs = np.hstack([centre, centre, rng.uniform(0.5, 0.8, (count, 1)) * spread])
    return blobs, _NO_BOXES, colours, rng.normal(82.0, 10.0, count)


def _rock(rng: np.random.Generator) -> Parts:
    """Rocks keep the day's heat, most in their middle: some come near a person in the infrared."""
    size = rng.uniform(0.2, 0.8)
    a, b = rng.normal(0.0, 0.5 * size, (2, 2))
    low = [a[0], a[1], 0.3 * size, b[0], b[1], 0.3 * size, 0.6 * size]
    middle = [0.6 * a[0] + 0.4 * b[0], 0.6 * a[1] + 0.4 * b[1], 0.45 * size] * 2
    heat = rng.uniform(95.0, 165.0)
    tone = rng.uniform(105.0, 190.0)
    parts = np.array([low, [*middle, 0.4 * size]])
    return parts, _NO_BOXES, np.array([[tone] * 3, [1.06 * tone] * 3]), np.array([heat - 18.0, heat])


def _post(rng: np.random.Generator) -> Parts:
    part = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, rng.uniform(1.0, 2.2), 0.06]])
    return part, _NO_BOXES, np.full((1, 3), rng.uniform(60.0, 200.0)), np.array([rng.uniform(70.0, 150.0)])


def _animal(rng: np.random.Generator) -> Parts:
    """Make a sheep, deer or cow: lying along the ground rather than standing up; fur keeps its heat in."""
    size = rng.uniform(0.55, 1.3)
    parts = np.array(
        [
            [-0.55, 0.0, 0.75, 0.55, 0.0, 0.75, 0.27],
            [0.75, 0.0, 1.0, 0.85, 0.0, 1.05, 0.14],
            *([x, y, 0.0, x, y, 0.6, 0.06] for x in (-0.5, 0.5) for y in (-0.14, 0.14)),
        ]
    )
    coat = np.array([[200, 196, 185], [120, 86, 58], [50, 42, 38]], dtype=np.float64)[rng.integers(3)]
    body = rng.uniform(150.0, 190.0)
    return parts * size, _NO_BOXES, np.repeat(coat[None], 6, axis=0), np.array([body, 210.0, *[185.0] * 4])


def _hut(rng: np.random.Generator) -> Parts:
    x, y, z = rng.uniform(1.5, 4.0), rng.uniform(1.5, 3.0), rng.uniform(2.0, 3.2)
    wall, roof = rng.uniform(90.0, 180.0, 2)
    chimney = [0.4 * x, 0.4 * x + 0.5, -0.25, 0.25, z + 0.25, z + 1.0]
    boxes = np.array([[-x, x, -y, y, 0.0, z], [-x - 0.3, x + 0.3, -y - 0.3, y + 0.3, z, z + 0.25], chimney])
    colours = np.array([[wall] * 3, [roof] * 3, [0.7 * wall] * 3])
    return _NO_CAPSULES, boxes, colours, np.array([*rng.uniform(80.0, 150.0, 2), rng.uniform(90.0, 200.0)])


_PROP_MAKERS = {"tree": _tree, "bush": _bush, "rock": _rock, "post": _post, "animal": _animal, "hut": _hut}
