"""Write a training set of simulated pictures with YOLO labels: small crops, crowded, every look and scale."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from geo.terrain import FlatTerrain
from geo.values import CameraModel, Geodetic, Pose
from sitl.films.render import TruthBoxes, render
from sitl.films.render_look import DAY, THERMAL, Band, Look, random_look
from sitl.films.render_shapes import lot_of
from sitl.films.world import ROUTE_VERTICES, Routes, World, group_of_people, join_routes, one_vehicle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

CLASS_NAMES: Final = ("person", "vehicle")
"""In the order of `Kind`."""
VISIBLE_MIN: Final = 0.4
"""A thing less visible than this carries no label."""
HEIGHT_MIN_PX: Final = 4.0
SHARD: Final = 1250
EMPTY_SHARE: Final = 0.1
"""Share of pictures with nobody in them: few while learning what things look like, half while learning what is none."""
PLANTED_MEAN: Final = 1.5
"""Animals, rocks, huts and trees planted in a picture on the mean: in a world as it is one picture in eighty shows an
animal, and what a detector has hardly seen it takes for what it knows."""
_PLANTED: Final = {"animal": 0.35, "rock": 0.2, "hut": 0.2, "tree": 0.15, "bush": 0.1}
PX_PER_M: Final = (4.0, 14.0)
"""Range of scales, pixels a metre: a person on a patrol is 8 to 12 px high, and so are half of the drawn ones."""
DAY_SHARE: Final = 0.35
"""Share of pictures by day; the rest is infrared, which is what night patrols fly."""
_EPOCH_UTC_NS: Final = 1_750_000_000_000_000_000


def write_training_set(
    out: Path,
    *,
    count: int,
    seed: int,
    size_px: int = 320,
    empty_share: float = EMPTY_SHARE,
    report: Callable[[int], None] | None = None,
) -> Path:
    """Write `count` pictures below `out` and return the data file that describes them.

    Pictures come in shards with seeds of their own, so that several processes may
    draw them. Pictures of an interrupted run are kept. `report` is called with
    the number of pictures written so far.
    """
    images, labels = out / "images" / "train", out / "labels" / "train"
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        picture_path, label_path = images / f"{index:05d}.jpg", labels / f"{index:05d}.txt"
        if not label_path.is_file():  # written last: what an earlier run drew is there already
            shard, number = divmod(index, SHARD)
            rng = np.random.default_rng([seed + 100 * shard, number])
            picture, truth = training_picture(rng, size_px, size_px, empty_share)
            picture_path.write_bytes(picture)
            label_path.write_text(yolo_labels(truth, size_px))
        if report is not None:
            report(index + 1)
    data = out / "data.yaml"
    data.write_text(f"path: {out.resolve()}\ntrain: images/train\n{_names()}")
    return data


def _names() -> str:
    return "names:\n" + "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASS_NAMES))


def training_picture(
    rng: np.random.Generator, width_px: int, height_px: int, empty_share: float = EMPTY_SHARE
) -> tuple[bytes, TruthBoxes]:
    """Draw one JPEG and its truth: a crowded place looked at with a random camera from a random place."""
    band = Band.DAY if rng.random() < DAY_SHARE else Band.THERMAL
    look: Look = random_look(rng, band)
    if rng.random() < 0.25:
        look = DAY if band is Band.DAY else THERMAL
    depression, agl_m = float(rng.uniform(25.0, 90.0)), float(rng.uniform(45.0, 150.0))
    slant_m = agl_m / np.sin(np.radians(depression))
    px_per_m = float(np.exp(rng.uniform(*np.log(PX_PER_M))))
    camera = CameraModel(
        width_px=width_px,
        height_px=height_px,
        fx_px=px_per_m * slant_m,
        fy_px=px_per_m * slant_m,
        cx_px=width_px / 2.0,
        cy_px=height_px / 2.0,
    )
    yaw = float(rng.uniform(0.0, 360.0))
    world, aim = _crowded_world(rng, max(width_px, height_px) / px_per_m / 2.0, empty_share)
    back_m = agl_m / np.tan(np.radians(depression))
    eye = aim - back_m * np.array([np.sin(np.radians(yaw)), np.cos(np.radians(yaw))])
    lat, lon = world.to_geodetic(eye[:1], eye[1:])
    pose = Pose(
        t_utc_ns=_EPOCH_UTC_NS,
        lat_deg=float(lat[0]),
        lon_deg=float(lon[0]),
        alt_hae_m=world.origin.alt_hae_m + agl_m,
        yaw_deg=yaw,
        pitch_deg=0.0,
        roll_deg=0.0,
        gimbal_pitch_deg=-depression,
        gimbal_roll_deg=float(rng.normal(0.0, 2.0)),
    )
    image, truth = render(world, pose, camera, _EPOCH_UTC_NS, look)
    return _compress(image, rng), truth


def _crowded_world(rng: np.random.Generator, reach_m: float, empty_share: float) -> tuple[World, FloatArray]:
    """Make a world with several groups and vehicles within `reach_m` of the point the camera looks at."""
    aim = rng.uniform(-3000.0, 3000.0, 2)
    tracks: list[FloatArray] = []
    routes: list[Routes] = []
    empty = rng.random() < empty_share
    for _ in range(0 if empty else int(rng.poisson(2.0)) + 1):
        start = aim + rng.uniform(-reach_m, reach_m, 2)
        size = 1 + min(int(rng.geometric(0.45)) - 1, 5)
        routes.append(group_of_people(start, float(rng.uniform(0.0, 2.0 * np.pi)), rng, size))
    for _ in range(int(rng.poisson(1.0))):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        along = np.linspace(-300.0, 300.0, ROUTE_VERTICES)[:, None] * np.array([np.sin(angle), np.cos(angle)])
        track = aim + rng.uniform(-reach_m, reach_m, 2) + along + rng.normal(0.0, 8.0, (ROUTE_VERTICES, 2))
        tracks.append(track)
        start_m = 300.0 + float(rng.uniform(-reach_m, 0.5 * reach_m))
        for _ in range(0 if empty else 1 + int(rng.poisson(0.5))):
            routes.append(one_vehicle(track, start_m, float(rng.choice([0.0, 6.0]))))
            start_m += float(rng.uniform(7.0, 20.0))
    names = rng.choice(list(_PLANTED), size=int(rng.poisson(PLANTED_MEAN)), p=list(_PLANTED.values()))
    planted = tuple((*(aim + rng.uniform(-reach_m, reach_m, 2)).tolist(), lot_of(name, rng)) for name in names)
    if not routes:
        routes.append(group_of_people(aim + 5000.0, 0.0, rng, 1))
    world = World(
        origin=Geodetic(lat_deg=52.0, lon_deg=23.5, alt_hae_m=150.0),
        terrain=FlatTerrain(height_m=150.0),
        seed=int(rng.integers(2**31)),
        epoch_utc_ns=_EPOCH_UTC_NS,
        routes=join_routes(routes),
        tracks_m=tuple(tracks),
        planted=planted,
    )
    return world, aim


def counts_as_label(truth: TruthBoxes) -> NDArray[np.bool_]:
    """Tell which things are seen well enough to be labelled."""
    x0, y0, x1, y1 = truth.boxes_px.T
    return np.asarray((truth.visible >= VISIBLE_MIN) & (np.maximum(y1 - y0, x1 - x0) >= HEIGHT_MIN_PX))


def yolo_labels(truth: TruthBoxes, size_px: int) -> str:
    """Lines of class, centre x, centre y, width, height as shares of the picture."""
    x0, y0, x1, y1 = truth.boxes_px.T
    kept = counts_as_label(truth)
    shares = np.stack([(x0 + x1) / 2.0, (y0 + y1) / 2.0, x1 - x0, y1 - y0], axis=1) / size_px
    return "".join(
        f"{int(kind)} " + " ".join(f"{v:.6f}" for v in row) + "\n"
        for kind, row in zip(truth.kind[kept], shares[kept], strict=True)
    )


def _compress(image: NDArray[np.uint8], rng: np.random.Generator) -> bytes:
    """Half of the pictures pass through an H.264 key frame first, as a downlink's do; all end as JPEG."""
    quality = int(rng.integers(40, 95))
    if rng.random() < 0.5:
        image, quality = h264_key_frame(image, crf=int(rng.integers(18, 33))), 95
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def h264_key_frame(image: NDArray[np.uint8], crf: int) -> NDArray[np.uint8]:
    """Encode and decode one picture with H.264."""
    import av

    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = image.shape[1], image.shape[0], "yuv420p"
    encoder.options = {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency"}
    packets = [*encoder.encode(av.VideoFrame.from_ndarray(image, format="rgb24")), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.decode(None)
    return np.asarray(frames[0].to_ndarray(format="rgb24"))
