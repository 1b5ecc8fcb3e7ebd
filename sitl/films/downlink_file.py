"""Film a simulated flight: MPEG-TS with H.264 and ST 0601 KLV, and the truth of every frame beside it."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.truth import FilmTruth
from detection.truth_file import truth_beside, write_film_truth
from geo.camera import hfov_deg
from geo.geodesy import metres_per_degree
from geo.geoid import undulation_m
from geo.rotation import matrix_to_yaw_pitch_roll, yaw_pitch_roll_matrix
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas
from sitl.between_rows import between_rows
from sitl.errors import SitlError
from sitl.films.render import TruthBoxes, render
from sitl.films.render_look import DAY, Look
from sitl.films.sensor_errors import SensorErrors
from sitl.films.training_set_file import CLASS_NAMES
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from sitl.films.world import World

    FloatArray = NDArray[np.float64]

NEEDED: Final = (
    "t_utc_ns",
    "lat_deg",
    "lon_deg",
    "alt_hae_m",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "gimbal_yaw_deg",
    "gimbal_pitch_deg",
)
"""Columns of the vehicle's truth that filming uses; gimbal angles are earth frame."""
_ANGLES: Final = ("yaw_deg", "roll_deg", "gimbal_yaw_deg", "lon_deg")
UAS_LS_VERSION: Final = 19
"""ST 0601.19, the version the tags are written after."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What was written."""

    frames: int
    duration_s: float
    truths: int
    """Boxes in the truth file."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """How a flight is filmed: its pictures a second, how wrong its telemetry is, the look, and which part of it.

    Errors of the telemetry are a bias, a slow wander and a little noise, drawn by `seed`. `start_utc_ns` and
    `stop_utc_ns` are the ends of the flight by default.
    """

    fps: Fraction
    sigmas: PoseSigmas
    seed: int | tuple[int, ...]
    look: Look = DAY
    start_utc_ns: int | None = None
    stop_utc_ns: int | None = None


def film(
    vehicle: Mapping[str, NDArray[np.generic]],
    world: World,
    camera: CameraModel,
    out_ts: Path,
    take: Take,
    report: Callable[[int, int], None] | None = None,
) -> Film:
    """Film `world` from a vehicle that flew.

    Parameters
    ----------
    vehicle
        The vehicle's truth, `NEEDED` columns of shape (n,), times rising.
    world
        What there is to see.
    camera
        A pinhole; its picture sides must be even.
    out_ts
        The transport stream; the truth of every frame is put beside it.
    take
        How it is filmed.
    report
        Called with frames done and frames in all.

    Raises
    ------
    SitlError
        When a column is missing or there is no time to film.
    """
    times = frame_times(vehicle, take.fps, take.start_utc_ns, take.stop_utc_ns)
    true = interpolate_vehicle(vehicle, times)
    errors = SensorErrors.draw(times, take.sigmas, np.random.default_rng(take.seed))
    boxes: list[TruthBoxes] = []
    with StreamWriter(out_ts, width_px=camera.width_px, height_px=camera.height_px, fps=take.fps) as writer:
        for row, t_utc_ns in enumerate(times.tolist()):
            image, truth = render(world, pose_of(true, row, t_utc_ns), camera, t_utc_ns, take.look)
            boxes.append(truth)
            writer.write(image, t_utc_ns, encode(klv_values(true, errors, row, t_utc_ns, camera)))
            if report is not None:
                report(row + 1, len(times))
    write_film_truth(film_truth(times, true, camera, boxes), truth_beside(out_ts))
    return Film(
        frames=len(times),
        duration_s=float(times[-1] - times[0]) / 1e9,
        truths=sum(len(b) for b in boxes),
    )


def frame_times(
    vehicle: Mapping[str, NDArray[np.generic]], fps: Fraction, start_utc_ns: int | None, stop_utc_ns: int | None
) -> NDArray[np.int64]:
    """Return the times of the pictures, on whole microseconds because that is what KLV carries."""
    missing = [name for name in NEEDED if name not in vehicle]
    if missing:
        raise SitlError(f"the vehicle's truth lacks {', '.join(missing)}; film the file the simulated vehicle wrote")
    flown = np.asarray(vehicle["t_utc_ns"], dtype=np.int64)
    if len(flown) < 2:
        raise SitlError(f"the vehicle's truth has {len(flown)} rows: there is no flight to film")
    first = max(int(flown[0]), start_utc_ns if start_utc_ns is not None else int(flown[0]))
    last = min(int(flown[-1]), stop_utc_ns if stop_utc_ns is not None else int(flown[-1]))
    count = int((last - first) * fps / 1_000_000_000) + 1
    if last <= first:
        raise SitlError("the part of the flight to film is empty: its end is not after its start")
    micros = [(first // 1000 + int(Fraction(k * 1_000_000) / fps)) for k in range(count)]
    return np.array(micros, dtype=np.int64) * 1000


def interpolate_vehicle(
    vehicle: Mapping[str, NDArray[np.generic]], t_utc_ns: NDArray[np.int64]
) -> dict[str, FloatArray]:
    """Return the vehicle's truth at other times, linear between rows, angles the short way round."""
    flown = np.asarray(vehicle["t_utc_ns"], dtype=np.int64)
    at_s, known_s = (t_utc_ns - flown[0]) / 1e9, (flown - flown[0]) / 1e9
    return {
        name: between_rows(at_s, known_s, np.asarray(vehicle[name], dtype=np.float64), turns=name in _ANGLES)
        for name in NEEDED[1:]
    }


def pose_of(true: Mapping[str, FloatArray], row: int, t_utc_ns: int) -> Pose:
    """Return the camera's true pose in one frame; the gimbal keeps the picture level."""
    return Pose(
        t_utc_ns=t_utc_ns,
        **{name: float(true[name][row]) for name in NEEDED[1:]},
        gimbal_frame=GimbalFrame.EARTH,
    )


def klv_values(
    true: Mapping[str, FloatArray], errors: SensorErrors, row: int, t_utc_ns: int, camera: CameraModel
) -> dict[int, object]:
    """Return the ST 0601 items of one frame, as the vehicle would measure them.

    Attitude errors are the platform's; the gimbal's encoders are exact, so the
    camera's attitude is wrong by as much as the platform's (the same split as
    `geo.jacobian` makes for a body-fixed gimbal).
    """
    at = {name: float(values[row]) for name, values in true.items()}
    platform = yaw_pitch_roll_matrix(at["yaw_deg"], at["pitch_deg"], at["roll_deg"])
    looking = yaw_pitch_roll_matrix(at["gimbal_yaw_deg"], at["gimbal_pitch_deg"], 0.0)
    azimuth, elevation, roll = (float(v) for v in matrix_to_yaw_pitch_roll(platform.T @ looking))
    per_lat, per_lon = (float(v) for v in metres_per_degree(at["lat_deg"]))
    lat = at["lat_deg"] + float(errors.north_m[row]) / per_lat
    lon = at["lon_deg"] + float(errors.east_m[row]) / per_lon
    hae = at["alt_hae_m"] + float(errors.up_m[row])
    half = np.tan(np.radians(hfov_deg(camera)) / 2.0) / (1.0 + float(errors.focal_rel[row]))
    wide, tall = (float(2.0 * np.degrees(np.arctan(half * k))) for k in (1.0, camera.height_px / camera.width_px))
    pitch = at["pitch_deg"] + float(errors.pitch_deg[row])
    bank = at["roll_deg"] + float(errors.roll_deg[row])
    return {
        2: t_utc_ns // 1000,
        3: "VEDETTE SIMULATION",
        5: (at["yaw_deg"] + float(errors.yaw_deg[row])) % 360.0,
        10: "SITL COPTER",
        11: "SIMULATED CAMERA",
        13: lat,
        14: (lon + 180.0) % 360.0 - 180.0,
        15: hae - float(undulation_m(np.array([lat]), np.array([lon]))[0]),
        16: wide,
        17: tall,
        18: azimuth % 360.0,
        19: elevation,
        20: roll % 360.0,
        65: UAS_LS_VERSION,
        75: hae,
        90: pitch,
        91: bank,
    }


def film_truth(
    times: NDArray[np.int64], true: Mapping[str, FloatArray], camera: CameraModel, boxes: list[TruthBoxes]
) -> FilmTruth:
    """Gather the truth of every frame into one table."""
    return FilmTruth(
        width_px=camera.width_px,
        height_px=camera.height_px,
        class_names=CLASS_NAMES,
        frame_t_utc_ns=times,
        camera_lat_deg=true["lat_deg"],
        camera_lon_deg=true["lon_deg"],
        camera_alt_hae_m=true["alt_hae_m"],
        camera_yaw_deg=true["gimbal_yaw_deg"],
        camera_pitch_deg=true["gimbal_pitch_deg"],
        camera_roll_deg=np.zeros(len(times)),
        hfov_deg=np.full(len(times), hfov_deg(camera)),
        thing_frame=np.repeat(np.arange(len(times)), [len(b) for b in boxes]),
        object_id=np.concatenate([b.object_id for b in boxes]),
        class_number=np.concatenate([b.kind for b in boxes]),
        boxes_px=np.concatenate([b.boxes_px for b in boxes]),
        visible=np.concatenate([b.visible for b in boxes]),
        lat_deg=np.concatenate([b.lat_deg for b in boxes]),
        lon_deg=np.concatenate([b.lon_deg for b in boxes]),
        alt_hae_m=np.concatenate([b.alt_hae_m for b in boxes]),
        speed_mps=np.concatenate([b.speed_mps for b in boxes]),
        heading_deg=np.concatenate([b.heading_deg for b in boxes]),
    )
