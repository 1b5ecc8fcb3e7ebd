"""The dark part of a patrol's time window, from the sun's height over the border."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

import numpy as np
from astral import Observer
from astral.sun import elevation

from missions.errors import BriefError, PlanRefusedError

if TYPE_CHECKING:
    from missions.airspace.situation import Situation

CIVIL_TWILIGHT_DEG: Final = -6.0
"""Sun below this is night for aviation (ICAO Annex 2: end of civil twilight)."""
STEP: Final = dt.timedelta(minutes=1)
LOOK_AHEAD: Final = dt.timedelta(hours=24)
MAX_WINDOW: Final = dt.timedelta(days=7)


def dark_window(
    lat_deg: float, lon_deg: float, start_utc: dt.datetime, end_utc: dt.datetime
) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the first unbroken night within a window, to the minute, or None where the sun stays up."""
    observer = Observer(lat_deg, lon_deg)
    count = int((end_utc - start_utc) / STEP) + 1
    moments = [start_utc + k * STEP for k in range(count)]
    dark = np.array([elevation(observer, moment, with_refraction=False) < CIVIL_TWILIGHT_DEG for moment in moments])
    if not dark.any():
        return None
    first = int(np.argmax(dark))
    rest = np.flatnonzero(~dark[first:])
    last = first + int(rest[0]) - 1 if len(rest) else count - 1
    return moments[first], moments[last]


def _utc(moment: dt.datetime) -> dt.datetime:
    """Return a moment in UTC, which it is taken to be in where it names no zone."""
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def in_utc(moment: dt.datetime | None) -> str:
    """Return a moment of a brief as ISO 8601 in UTC, nothing where there is none."""
    return "" if moment is None else _utc(moment).isoformat(timespec="seconds").replace("+00:00", "Z")


def in_the_dark(situation: Situation) -> Situation:
    """Return the situation with its time window cut to the night, where it asks for night only.

    Raises
    ------
    BriefError
        When night is asked without saying when the patrol starts.
    PlanRefusedError
        When the sun does not go down in the window.
    """
    brief, time = situation.brief, situation.brief.time
    if not time.night_only:
        return situation
    if time.start_utc is None:
        raise BriefError("time.start_utc is missing: night_only needs the evening the patrol starts, in UTC")
    start = _utc(time.start_utc)
    end = start + LOOK_AHEAD if time.end_utc is None else _utc(time.end_utc)
    site = brief.launch[0]
    window = dark_window(site.lat_deg, site.lon_deg, start, min(end, start + MAX_WINDOW))
    if window is None:
        raise PlanRefusedError(
            f"there is no night at {site.name!r} between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC: the sun "
            "stays above 6 degrees below the horizon; set time.night_only = false or move the window",
            rule="night",
        )
    cut = time.model_copy(update={"start_utc": window[0], "end_utc": window[1]})
    return dataclasses.replace(situation, brief=brief.model_copy(update={"time": cut}))
