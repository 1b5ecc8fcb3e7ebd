"""Things as Cursor on Target events (version 2.0): unknown things on the ground, the camera's cone, and where it looks.

Attributes follow MITRE's "Cursor on Target message router user's guide" (2009) and the event schema that TAK
products read: `ce` and `le` of 9999999 say unknown, as `hae` does.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.accuracy import ELLIPSE90_PER_SIGMA
from geo.foreign_text import visible, xml_text
from operations.exports.cameras import Sighting, sightings
from operations.finding.described import utc_text

if TYPE_CHECKING:
    from operations.exports.handed import Handed

UNKNOWN: Final = "9999999.0"
STALE_S: Final = 600.0
"""How long after writing a client shows an event as fresh."""
_NS: Final = 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CotOptions:
    """How things become events."""

    stale_s: float = STALE_S
    one_sigma: bool = False
    """State `ce` as one sigma, CE90 / 2.146 (MISB ST 0805), instead of the radius that holds 90 %."""


def events(handed: Handed, options: CotOptions) -> list[str]:
    """Return one XML event a thing that has a place, then a camera and its point of interest for each recording.

    `time` is when it was written, `start` when the thing was there, `stale` so long after writing. A thing keeps
    its uid: the same track exported again moves its mark.
    """
    writer = _Writer(handed, options)
    seen = sightings(handed)
    placed = [row for row, told in enumerate(handed.rows) if told["lat_deg"] is not None and told["utc"]]
    newest = {(one.source, one.media_id): (row, one) for row, one in reversed(seen.items()) if row in set(placed)}
    found = [writer.thing(row, seen.get(row)) for row in placed]
    return [*found, *(event for row, one in newest.values() for event in writer.camera(row, one))]


def cot(handed: Handed, options: CotOptions | None = None) -> bytes:
    """Return a file of events: `<events>` holds them as they would be sent one by one."""
    listed = "\n".join(events(handed, options or CotOptions()))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<events>\n{listed}\n</events>\n'.encode()


class _Writer:
    def __init__(self, handed: Handed, options: CotOptions) -> None:
        self._handed = handed
        self._options = options
        self._time = utc_text(handed.now_utc_ns)
        self._stale = utc_text(handed.now_utc_ns + round(options.stale_s * _NS))

    def thing(self, row: int, sighting: Sighting | None) -> str:
        """Return the event of one thing: unknown, on the ground; what the detector took it for is a remark."""
        told = self._handed.rows[row]
        ce = told["ce90_m"]
        if ce is not None and self._options.one_sigma:
            ce /= ELLIPSE90_PER_SIGMA
        point = _point(told["lat_deg"], told["lon_deg"], told["alt_hae_m"], ce)
        course, speed = told["course_deg"], told["speed_mps"]
        track = "" if course is None or speed is None else f'<track course="{course}" speed="{speed}"/>'
        seen = "" if sighting is None else self._link(self._camera_uid(sighting))
        said = "; ".join(f"{key} {value}" for key, value in told.items() if value is not None)
        detail = (
            f'<contact callsign="{_text(self._handed.title(row))}"/>{track}{seen}'
            f'<precisionlocation geopointsrc="CALC" altsrc="???"/>'
            f"<remarks>{_text(f'{said}; case {self._handed.case}')}</remarks>"
        )
        return self._event(self._uid(row), "a-u-G", told["utc"], point, detail)

    def camera(self, row: int, sighting: Sighting) -> list[str]:
        """Return the camera with its cone, and its sensor point of interest on the thing."""
        told = self._handed.rows[row]
        uid, when = self._camera_uid(sighting), utc_text(int(self._handed.things.number["shown_utc_ns"][row]))
        fov = "" if math.isnan(sighting.fov_deg) else f' fov="{sighting.fov_deg:.1f}"'
        height = "" if math.isnan(sighting.elevation_deg) else f' elevation="{sighting.elevation_deg:.1f}"'
        reach = "" if math.isnan(sighting.range_m) else f' range="{sighting.range_m:.0f}"'
        name = _text(f"camera of {told['recording']}")
        cone = f'<sensor azimuth="{sighting.azimuth_deg:.1f}"{height}{fov}{reach} type="r-e"/>'
        here = _point(sighting.lat_deg, sighting.lon_deg, sighting.alt_hae_m, None)
        aircraft = self._event(uid, "a-f-A-M-H-Q", when or told["utc"], here, f'<contact callsign="{name}"/>{cone}')
        there = _point(told["lat_deg"], told["lon_deg"], told["alt_hae_m"], told["ce90_m"])
        interest = f'<contact callsign="{_text(f"looked at: {self._handed.title(row)}")}"/>{self._link(uid)}'
        return [aircraft, self._event(f"{uid}-spi", "b-m-p-s-p-i", when or told["utc"], there, interest)]

    def _event(self, uid: str, kind: str, start: str, point: str, detail: str) -> str:
        return (
            f'<event version="2.0" uid="{_text(uid)}" type="{kind}" how="m-f" time="{self._time}" start="{start}" '
            f'stale="{self._stale}">{point}<detail>{detail}</detail></event>'
        )

    def _uid(self, row: int) -> str:
        return f"vedette-{self._handed.rows[row]['operation_id'][:16]}-{self._handed.rows[row]['id']}"

    def _camera_uid(self, sighting: Sighting) -> str:
        operation = self._handed.archive.stores[sighting.source].id
        return f"vedette-{operation[:16]}-camera-{sighting.media_id[-16:]}"

    @staticmethod
    def _link(uid: str) -> str:
        return f'<link uid="{_text(uid)}" type="a-f-A-M-H-Q" relation="p-p"/>'


def _point(lat_deg: float, lon_deg: float, alt_hae_m: float | None, ce_m: float | None) -> str:
    height = UNKNOWN if alt_hae_m is None or math.isnan(alt_hae_m) else f"{alt_hae_m:.1f}"
    error = UNKNOWN if ce_m is None else f"{ce_m:.1f}"
    return f'<point lat="{lat_deg:.7f}" lon="{lon_deg:.7f}" hae="{height}" ce="{error}" le="{UNKNOWN}"/>'


def _text(text: str) -> str:
    return xml_text(visible(text))
