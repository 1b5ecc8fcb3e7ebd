"""A thing as it is told to people and programs: one flat row, worded as an assessment, with where it comes from."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

from detection.ground_hits import UNKNOWN_NS
from geo.grid_reference import mgrs_of

if TYPE_CHECKING:
    from operations.finding.archive import Archive
    from operations.finding.things import Thing

COLUMNS: Final = (
    "id", "kind", "assessed_class", "assessment", "probability", "score", "score_is", "decision", "decided_by",
    "joined_with", "utc", "local", "lat_deg", "lon_deg", "mgrs", "alt_hae_m", "ce90_m", "no_place_because",
    "border_m", "border_bearing_deg", "closest_to_border_m", "closest_utc", "first_utc", "last_utc", "speed_mps",
    "course_deg", "hits", "recording", "media_time", "frame", "best_hit", "operation", "operation_id", "log_head",
    "run", "model",
)  # fmt: skip
"""Keys of a row, in order."""
NOTE: Final = "machine assessment; a person decides"
_NS: Final = 1_000_000_000


def described(thing: Thing, archive: Archive, zone: dt.tzinfo | None = None) -> dict[str, Any]:
    """Return a thing's row: JSON values, None where something is not known.

    Parameters
    ----------
    thing
        What was found.
    archive
        The operations it is of.
    zone
        Where `local` counts in; None takes the machine's own.
    """
    origin = archive.origin(thing.source)
    run = archive.runs(thing.source).get(thing.run_id)
    return {
        "id": thing.thing_id,
        "kind": "single hit" if thing.single else "track",
        "assessed_class": thing.class_name,
        "assessment": NOTE,
        "probability": _number(thing.probability, 4),
        "score": _number(thing.score, 4),
        "score_is": "calibrated probability of the class" if thing.calibrated else "detector's own number",
        "decision": thing.decision or "nobody has decided",
        "decided_by": thing.decided_by or None,
        "joined_with": thing.joined_with or None,
        "utc": utc_text(thing.t_utc_ns),
        "local": local_text(thing.t_utc_ns, zone),
        "lat_deg": _number(thing.lat_deg, 7),
        "lon_deg": _number(thing.lon_deg, 7),
        "mgrs": mgrs_of(thing.lat_deg, thing.lon_deg) if math.isfinite(thing.lat_deg) else None,
        "alt_hae_m": _number(thing.alt_hae_m, 1),
        "ce90_m": _number(thing.ce90_m, 1),
        "no_place_because": thing.reason or None,
        "border_m": _number(thing.border_m, 1),
        "border_bearing_deg": _number(thing.border_bearing_deg, 1),
        "closest_to_border_m": _number(thing.closest_m, 1),
        "closest_utc": utc_text(thing.closest_utc_ns),
        "first_utc": utc_text(thing.first_utc_ns),
        "last_utc": utc_text(thing.last_utc_ns),
        "speed_mps": _number(thing.speed_mps, 2),
        "course_deg": _number(thing.heading_deg, 1),
        "hits": thing.hits,
        "recording": archive.media_name(thing.source, thing.media_id) if thing.media_id else None,
        "media_time": media_text(thing.media_t_ns),
        "frame": thing.frame_index if thing.media_id else None,
        "best_hit": thing.best_hit_id or None,
        "operation": origin.name,
        "operation_id": origin.operation_id,
        "log_head": origin.log_head,
        "run": thing.run_id,
        "model": str(run.settings.get("model", "")) if run is not None else None,
    }


def utc_text(t_utc_ns: int) -> str | None:
    """Return a moment as RFC 3339 in UTC to the millisecond; None where it is not known."""
    return None if t_utc_ns < 0 else f"{_moment(t_utc_ns).isoformat(timespec='milliseconds')[:-6]}Z"


def local_text(t_utc_ns: int, zone: dt.tzinfo | None) -> str | None:
    """Return a moment in a zone, to the second with its distance from UTC; None where it is not known."""
    return None if t_utc_ns < 0 else _moment(t_utc_ns).astimezone(zone).isoformat(timespec="seconds")


def media_text(media_t_ns: int) -> str | None:
    """Return a time in a recording as hours, minutes and seconds; None where it is not known."""
    if media_t_ns == UNKNOWN_NS:
        return None
    minutes, seconds = divmod(media_t_ns / _NS, 60.0)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:06.3f}"


def _moment(t_utc_ns: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=t_utc_ns // 1_000)


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
