"""One alarm from outside, read from bytes that nobody vouches for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING, Any, Final

import defusedxml.ElementTree
import numpy as np
from defusedxml.common import DefusedXmlException

from operations.cues.errors import AlarmRefusedError
from operations.findings import printable

if TYPE_CHECKING:
    from operations.finding.border import BorderLine

LONGEST_JSON: Final = 4_096
"""Bytes of one message: a place, a time and a sentence need a few hundred."""
LONGEST_EVENT: Final = 65_536
"""Bytes of one Cursor on Target event: TAK clients put chat and routes into theirs."""
ALARMS: Final = ("b-a", "b-l")
"""Types of Cursor on Target event that are alarms: alerts and emergencies (`b-a`), alarms of sensors (`b-l`)."""
NOTHING_KNOWN: Final = 9_999_999.0
"""What Cursor on Target writes for a circular error that nobody knows."""
_ID: Final = re.compile(r"[A-Za-z0-9._:{}-]{1,64}")
_CHARACTERS: Final = {"kind": 40, "text": 300}
_WIDEST_M: Final = 10_000.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Somebody outside says that something is somewhere: their word, not ours."""

    source: str
    """The name by which it came in: of the account at the broker, or of the server."""
    alarm_id: str
    t_utc_ns: int
    lat_deg: float
    lon_deg: float
    ce90_m: float
    """NaN where nobody said."""
    kind: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an alarm may say.

    Parameters
    ----------
    border
        Alarms belong near it; None takes them from anywhere.
    reach_m
        How near.
    oldest_s, ahead_s
        How long ago it may have been, and how far ahead the clock of its source may be.
    """

    border: BorderLine | None = None
    reach_m: float = 10_000.0
    oldest_s: float = 600.0
    ahead_s: float = 60.0

    def require(self, alarm: Alarm, now_utc_ns: int) -> None:
        """Refuse an alarm whose place or moment cannot be."""
        age_s = (now_utc_ns - alarm.t_utc_ns) / 1e9
        if not -self.ahead_s <= age_s <= self.oldest_s:
            told = f"{age_s:.0f} s ago" if age_s > 0 else f"{-age_s:.0f} s from now"
            raise AlarmRefusedError(
                f"it says {told}: alarms count for {self.oldest_s:g} s; set the clock of {alarm.source}", why="time"
            )
        if self.border is None or self._near(alarm.lat_deg, alarm.lon_deg):
            return
        if abs(alarm.lon_deg) <= 90.0 and self._near(alarm.lon_deg, alarm.lat_deg):
            raise AlarmRefusedError("its latitude and longitude are exchanged: lat_deg is the latitude", why="swapped")
        raise AlarmRefusedError(f"it is farther than {self.reach_m / 1000:g} km from the border", why="far")

    def _near(self, lat_deg: float, lon_deg: float) -> bool:
        if self.border is None:
            return True
        return bool(self.border.exact(np.array([lat_deg]), np.array([lon_deg])).distance_m[0] <= self.reach_m)


def alarm_of_json(source: str, payload: bytes) -> Alarm:
    """Read a message: a JSON object with ``id``, ``utc``, ``lat_deg``, ``lon_deg``, perhaps ``ce90_m kind text``.

    Raises
    ------
    AlarmRefusedError
        When it is none; `why` is `size`, `form`, `field`, `number` or `swapped`.
    """
    if len(payload) > LONGEST_JSON:
        raise AlarmRefusedError(f"it has {len(payload)} bytes: {LONGEST_JSON} are enough", why="size")
    try:
        body = json.loads(payload, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise AlarmRefusedError("it is no JSON object in UTF-8 with each field once", why="form") from error
    if not isinstance(body, dict):
        raise AlarmRefusedError("it is no JSON object", why="form")
    return _alarm(source, body)


def alarm_of_event(source: str, event: bytes) -> Alarm | None:
    """Read a Cursor on Target event; None where it is none of `ALARMS`.

    Raises
    ------
    AlarmRefusedError
        When it cannot be read; `why` as of `alarm_of_json`.
    """
    if len(event) > LONGEST_EVENT:
        raise AlarmRefusedError(f"an event of more than {LONGEST_EVENT} bytes", why="size")
    try:
        told = defusedxml.ElementTree.fromstring(event, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise AlarmRefusedError("it is no XML event, or one with a document type", why="form") from error
    kind, point = told.get("type", ""), told.find("point")
    if told.tag != "event" or not any(kind == one or kind.startswith(f"{one}-") for one in ALARMS):
        return None
    if point is None:
        raise AlarmRefusedError("the event has no point", why="field")
    numbers = {to: _float(point.get(name)) for to, name in (("lat_deg", "lat"), ("lon_deg", "lon"), ("ce90_m", "ce"))}
    if numbers["ce90_m"] == NOTHING_KNOWN:
        del numbers["ce90_m"]
    remarks = told.find("detail/remarks")
    text = "" if remarks is None else (remarks.text or "")
    return _alarm(
        source,
        {"id": told.get("uid"), "utc": told.get("time"), "kind": kind, "text": text[: _CHARACTERS["text"]], **numbers},
    )


def _alarm(source: str, body: dict[str, Any]) -> Alarm:
    alarm_id = body.get("id")
    if not isinstance(alarm_id, str) or not _ID.fullmatch(alarm_id):
        raise AlarmRefusedError("id: give 1 to 64 letters, digits or . _ : -", why="field")
    lat, lon = _number(body, "lat_deg"), _number(body, "lon_deg")
    if abs(lat) > 90.0 and abs(lon) <= 90.0:
        raise AlarmRefusedError("its latitude and longitude are exchanged: lat_deg is the latitude", why="swapped")
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        raise AlarmRefusedError(f"{lat:g}, {lon:g} is no place on Earth", why="number")
    ce90 = _number(body, "ce90_m") if body.get("ce90_m") is not None else math.nan
    if not (math.isnan(ce90) or 0.0 <= ce90 <= _WIDEST_M):
        raise AlarmRefusedError(f"ce90_m: give 0 to {_WIDEST_M:g} m", why="number")
    return Alarm(
        source=source, alarm_id=alarm_id, t_utc_ns=_moment_ns(body.get("utc")), lat_deg=lat, lon_deg=lon, ce90_m=ce90,
        kind=_text(body, "kind"), text=_text(body, "text"),
    )  # fmt: skip


def _number(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        raise AlarmRefusedError(f"{name}: give a finite number", why="number")
    return float(value)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > _CHARACTERS[name]:
        raise AlarmRefusedError(f"{name}: give text of at most {_CHARACTERS[name]} characters", why="field")
    return printable(" ".join(value.split()))


def _moment_ns(value: object) -> int:
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        if moment is None or moment.tzinfo is None:
            raise ValueError
        return round(moment.timestamp() * 1e6) * 1_000
    except (ValueError, OverflowError) as error:
        raise AlarmRefusedError("utc: give a moment with its zone, as 2026-01-15T18:00:00Z", why="field") from error


def _float(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _no_number(text: str) -> float:
    raise ValueError(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a field twice")
    return told
