"""Film a flight while it is flown: each picture is drawn and sent as soon as the vehicle has been where it is taken."""

from __future__ import annotations

import dataclasses
import socket
import time
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from sitl.films.downlink_file import NEEDED, film_truth, interpolate_vehicle, klv_values, pose_of
from sitl.films.render import render
from sitl.films.sensor_errors import SensorErrors
from sitl.films.stream_file import DATAGRAM
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from detection.truth import FilmTruth
    from geo.values import CameraModel, PoseSigmas
    from sitl.films.render import TruthBoxes
    from sitl.films.render_look import Look
    from sitl.films.world import World

LOOK_S: Final = 0.01
"""How often it is looked whether the vehicle has gone on."""
NEAR_M: Final = 15.0
_M_PER_DEG: Final = 111_320.0


class Flown(Protocol):
    """The truth of a vehicle that flies, as it comes."""

    @property
    def newest_utc_ns(self) -> int:
        """The simulated time of the newest row; -1 before there is one."""
        ...

    def read(self, since_utc_ns: int = -1) -> dict[str, np.ndarray]:
        """Take what is new, and return the rows from just before a moment on."""
        ...


class DatagramSink:
    """Sends a transport stream's bytes as datagrams of seven packets; a picture's last ones go at once, however few."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._waiting = b""

    def write(self, data: bytes) -> int:
        """Take bytes, and send what makes whole datagrams."""
        self._waiting += bytes(data)
        while len(self._waiting) >= DATAGRAM:
            self._send(DATAGRAM)
        return len(data)

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._send(len(self._waiting))

    def _send(self, size: int) -> None:
        self._socket.sendto(self._waiting[:size], self._to)
        self._waiting = self._waiting[size:]

    def close(self) -> None:
        """Send what waits, and let go of the port."""
        self.flush()
        self._socket.close()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is filmed and how; `most_s` is the longest film that may be needed.

    A camera whose computer is more than `late_s` behind leaves pictures out, before they are drawn and after: what it
    sends is never old.

    It begins where the vehicle passes `begins_at` and ends where it passes `ends_at` (latitude, longitude), at least
    `least_s` later.
    """

    world: World
    camera: CameraModel
    fps: Fraction
    look: Look
    sigmas: PoseSigmas
    begins_at: tuple[float, float]
    ends_at: tuple[float, float]
    least_s: float
    most_s: float
    late_s: float = 1.0
    with_klv: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LiveFilm:
    """The truth of every picture, and how long after its moment the middle one was sent."""

    truth: FilmTruth
    late_s: float


def film_live(
    flown: Flown, shot: Shot, sink: DatagramSink, *, rng: np.random.Generator, landed: Callable[[], bool]
) -> LiveFilm | None:
    """Film until the work is done, or the vehicle has landed; returns what was filmed, None without a picture.

    Pictures are left out on a machine too busy to draw them in time.

    Parameters
    ----------
    flown
        The vehicle's truth as it comes.
    shot
        What is filmed and how.
    sink
        Where the stream goes.
    rng
        Draws the telemetry's errors.
    landed
        Tells that no more truth comes.
    """
    start_ns, over = -1, False
    while start_ns < 0:
        if over:
            return None
        over = landed()
        start_ns = _passed(flown.read(flown.newest_utc_ns), shot.begins_at, -1)
        time.sleep(LOOK_S)
    count = int(shot.most_s * shot.fps)
    times = start_ns // 1000 * 1000 + np.array([int(k * 1_000_000 / shot.fps) * 1000 for k in range(count)])
    errors = SensorErrors.draw(times, shot.sigmas, rng)
    true: list[dict[str, np.ndarray]] = []
    boxes: list[TruthBoxes] = []
    drawn: list[int] = []
    late_ns: list[int] = []
    size = {"width_px": shot.camera.width_px, "height_px": shot.camera.height_px}
    with StreamWriter(sink, **size, fps=shot.fps, with_klv=shot.with_klv) as writer:
        for row, moment in enumerate(times.tolist()):
            rows = _wait(flown, moment, landed)
            if rows is None:
                break
            at = interpolate_vehicle(rows, times[row : row + 1])
            at_once = at | {"t_utc_ns": times[row : row + 1], "armed": np.ones(1)}
            picture = _drawn_in_time(flown, shot, at, moment)
            if picture is not None:
                image, truth = picture
                writer.write(image, moment, encode(klv_values(at, _row(errors, row), 0, moment, shot.camera)))
                sink.flush()
                flown.read(moment)
                late_ns.append(flown.newest_utc_ns - moment)
                drawn.append(row)
                true.append(at)
                boxes.append(truth)
            if _passed(at_once, shot.ends_at, start_ns + round(shot.least_s * 1e9)) >= 0:
                break
    sink.flush()
    if not drawn:
        return None
    columns = {name: np.concatenate([at[name] for at in true]) for name in NEEDED[1:]}
    seen = film_truth(times[drawn], columns, shot.camera, boxes)
    return LiveFilm(truth=seen, late_s=float(np.median(late_ns)) / 1e9)


def _drawn_in_time(
    flown: Flown, shot: Shot, at: dict[str, np.ndarray], moment: int
) -> tuple[np.ndarray, TruthBoxes] | None:
    """Draw a picture; None where it is too old by now to be sent: half the time is left to draw it in."""
    most_ns = shot.late_s * 1e9
    if flown.newest_utc_ns - moment >= most_ns / 2.0:
        return None
    picture = render(shot.world, pose_of(at, 0, moment), shot.camera, moment, shot.look)
    flown.read(moment)
    return picture if flown.newest_utc_ns - moment < most_ns else None


def _wait(flown: Flown, moment: int, landed: Callable[[], bool]) -> dict[str, np.ndarray] | None:
    """Return the last rows once they reach a moment; None when they never will."""
    while True:
        over = landed()
        rows = flown.read(moment)
        if flown.newest_utc_ns >= moment:
            return rows
        if over:
            return None
        time.sleep(LOOK_S)


def _passed(rows: dict[str, np.ndarray], place: tuple[float, float], not_before_ns: int) -> int:
    """Return when the vehicle was within `NEAR_M` of a place first, of the rows given; -1 where it was not."""
    if not len(rows["t_utc_ns"]):
        return -1
    north = (rows["lat_deg"] - place[0]) * _M_PER_DEG
    east = (rows["lon_deg"] - place[1]) * _M_PER_DEG * np.cos(np.radians(place[0]))
    near = (np.hypot(north, east) <= NEAR_M) & (rows["t_utc_ns"] >= not_before_ns) & rows["armed"].astype(bool)
    return int(rows["t_utc_ns"][np.argmax(near)]) if near.any() else -1


def _row(errors: SensorErrors, row: int) -> SensorErrors:
    names = [field.name for field in dataclasses.fields(SensorErrors)]
    return SensorErrors(**{name: getattr(errors, name)[row : row + 1] for name in names})
