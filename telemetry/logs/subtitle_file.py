"""Read a DJI subtitle file (``.SRT``)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.text_encoding import decoded
from geo.values import GimbalFrame
from telemetry.logs.subtitle_cues import Cues, read_cues
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

MAX_BYTES: Final = 64 << 20
"""An hour at 60 cues a second; no aircraft that writes subtitles films longer in one piece."""
CLOCK_SPREAD_NS: Final = 2_000_000_000
"""Wall clock and cue times that drift apart by more than this are not of one recording."""


def read_subtitles(
    path: str | Path,
    *,
    utc_offset_s: float | None = None,
    home_alt_amsl_m: float | None = None,
    start_utc_ns: int | None = None,
    undulation: Undulation = egm96,
) -> PoseTrack:
    """Read the pose track of a DJI subtitle file.

    Parameters
    ----------
    path
        The file.
    utc_offset_s
        Zone of the camera's clock, seconds east of UTC; the file never states it.
    home_alt_amsl_m
        Height of the take-off point, for aircraft that write only heights over it.
    start_utc_ns
        When the recording began, for aircraft that write no date.
    undulation
        Geoid of the heights over mean sea level.

    Raises
    ------
    SourceError
        There is no cue, or no cue has a position.
    """
    path = Path(path)
    cues = read_subtitle_cues(path)
    stated = StatedOfCues(utc_offset_s=utc_offset_s, home_alt_amsl_m=home_alt_amsl_m, start_utc_ns=start_utc_ns)
    return track_from_cues(cues, stated, source=str(path), name=path.name, undulation=undulation).track


def read_subtitle_cues(path: Path) -> Cues:
    """Read the cues of a subtitle file.

    Raises
    ------
    SourceError
        It cannot be read, is too large, or holds no cue.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path}: over {MAX_BYTES >> 20} MB, which is no subtitle file", path=str(path))
        text = decoded(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    cues = read_cues(text)
    if not len(cues):
        raise SourceError(
            f"{path}: no subtitle cue in it (a line like '00:00:01,000 --> 00:00:02,000')", path=str(path)
        )
    return cues


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleTrack:
    """A pose track, and the clock that cues are: presentation time (nanoseconds) and UTC of each."""

    track: PoseTrack
    start_ns: NDArray[np.int64]
    t_utc_ns: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StatedOfCues:
    """What a person states where cues do not say it: zone of their clock, height of the take-off, UTC of the start."""

    utc_offset_s: float | None = None
    home_alt_amsl_m: float | None = None
    start_utc_ns: int | None = None


def track_from_cues(
    cues: Cues, stated: StatedOfCues, *, source: str, name: str, undulation: Undulation
) -> SubtitleTrack:
    """Build the pose track of cues read from a file or from a clip's own subtitle track; see `read_subtitles`.

    Raises
    ------
    SourceError
        No cue has a position.
    """
    if not np.isfinite(cues.columns["lat_deg"]).any():
        raise SourceError(
            f"{source}: none of its {len(cues)} cues states a position that can be read (this aircraft writes none, "
            "had no GPS lock, or writes degrees and minutes)",
            path=source,
        )
    problems: list[Problem] = []
    t_ns = _times(cues, stated, problems)
    _check_end(cues, problems)
    track = assemble(
        Sampled(
            position=Samples(t_ns=t_ns, columns=_positions(cues, stated.home_alt_amsl_m, problems)),
            attitude=_angles(cues, t_ns, ""),
            gimbal=_angles(cues, t_ns, "gimbal_"),
            gimbal_frame=GimbalFrame.EARTH,
            view=_view(cues, t_ns, problems),
            beside=Samples(t_ns=t_ns, columns={"alt_rel_home_m": cues.columns["alt_rel_home_m"]}),
        ),
        undulation=undulation,
        source=name,
        problems=problems,
    )
    return SubtitleTrack(track=track, start_ns=cues.start_ns, t_utc_ns=t_ns)


def _times(cues: Cues, stated: StatedOfCues, problems: list[Problem]) -> NDArray[np.int64]:
    """Return UTC of each cue: its own stamp, or the cue times moved so that whole-second stamps fit."""
    stamped = cues.stamp_ns >= 0
    if stated.start_utc_ns is not None:
        return np.asarray(cues.start_ns - cues.start_ns[0] + stated.start_utc_ns)
    if not stamped.any():
        text = (
            "the cues carry no date; times count from the start of the video as if it were 1970-01-01; state the start"
        )
        problems.append(Problem(kind="no_date", message=text))
        return cues.start_ns
    if stated.utc_offset_s is None and not cues.states_zone:
        text = "the camera's clock states no zone; its local time was taken as UTC; state the zone"
        problems.append(Problem(kind="time_zone_unknown", message=text))
    if cues.either_order:
        text = "nothing tells whether the cues' dates begin with the day or the month; they were read month first"
        problems.append(Problem(kind="date_order", message=f"{text}; state the start if that is wrong"))
    offset_ns = 0 if cues.states_zone else round((stated.utc_offset_s or 0.0) * 1e9)
    lag = cues.stamp_ns - cues.start_ns
    if not cues.whole_seconds and stamped.all():
        return cues.stamp_ns - offset_ns
    spread = int(lag[stamped].max() - lag[stamped].min())
    if spread > CLOCK_SPREAD_NS and stamped.all():
        text = f"the wall clock and the cue times drift apart by {spread / 1e9:.1f} s; the wall clock was used"
        problems.append(Problem(kind="clocks_differ", message=text))
        return cues.stamp_ns - offset_ns
    # stamps are cut to whole seconds, so the largest lag is the one that was cut least
    return cues.start_ns + int(np.sort(lag[stamped])[-1 - stamped.sum() // 50]) - offset_ns


def _check_end(cues: Cues, problems: list[Problem]) -> None:
    if not np.isfinite(cues.columns["lat_deg"][-1]) and np.isfinite(cues.columns["lat_deg"][:-1]).any():
        text = f"the last of {len(cues)} cues has no position; the file seems to be cut short"
        problems.append(Problem(kind="cut_short", message=text))


def _positions(cues: Cues, home_alt_amsl_m: float | None, problems: list[Problem]) -> dict[str, NDArray[np.float64]]:
    columns = cues.columns
    alt_amsl_m = columns["alt_amsl_m"]
    if home_alt_amsl_m is not None and np.isfinite(columns["alt_rel_home_m"]).any():
        alt_amsl_m = columns["alt_rel_home_m"] + home_alt_amsl_m
    elif not np.isfinite(alt_amsl_m).any() and np.isfinite(columns["alt_unstated_m"]).any():
        alt_amsl_m = columns["alt_unstated_m"]
        text = "the cues write an 'altitude' without saying over what; it was taken as height over mean sea level"
        problems.append(Problem(kind="altitude_datum_unknown", message=text))
    elif not np.isfinite(alt_amsl_m).any():
        text = (
            "the cues write only heights over the take-off point; state its height over mean sea level to get altitudes"
        )
        problems.append(Problem(kind="altitude_relative_only", message=text))
    return {"lat_deg": columns["lat_deg"], "lon_deg": columns["lon_deg"], "alt_amsl_m": alt_amsl_m}


def _angles(cues: Cues, t_ns: NDArray[np.int64], prefix: str) -> Samples | None:
    columns = {name: cues.columns[prefix + name] for name in ("yaw_deg", "pitch_deg", "roll_deg")}
    if not np.isfinite(columns["yaw_deg"]).any():
        return None
    return Samples(t_ns=t_ns, columns=columns)


def _view(cues: Cues, t_ns: NDArray[np.int64], problems: list[Problem]) -> Samples | None:
    hfov = cues.columns["hfov_deg"]
    if not np.isfinite(hfov).any():
        return None
    text = "the field of view comes from the 35 mm equivalent focal length over the whole sensor width; name the camera"
    problems.append(Problem(kind="fov_estimated", message=text))
    return Samples(t_ns=t_ns, columns={"hfov_deg": hfov, "vfov_deg": np.full(len(hfov), np.nan)})
