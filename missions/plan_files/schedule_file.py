"""The schedule as a spreadsheet, and the revisit proof as a table."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.foreign_text import csv_text

if TYPE_CHECKING:
    from missions.airspace.corridor_frame import LocalFrame
    from missions.plan import Plan
    from missions.sight.revisit import Proof


def schedule_csv(plan: Plan) -> str:
    """Return who flies when: one row per flight, seconds from the start of the patrol, and UTC where it is known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ["flight", "aircraft", "site", "sortie", "type", "takeoff_s", "landing_s", "takeoff", "landing"]
    writer.writerow([*columns, "takeoff_utc", "landing_utc"])
    type_of = {s.name: s.aircraft for s in plan.sorties}
    for k, f in enumerate(plan.flights):
        times = (f.t_takeoff_s, f.t_landing_s)
        names = [csv_text(name) for name in (f.aircraft, f.site, f.sortie, type_of[f.sortie])]
        row = [k + 1, *names, *times, *(_clock(t) for t in times)]
        writer.writerow([*row, *(utc_after(plan.start_utc, t) for t in times)])
    return text.getvalue()


def utc_after(start_utc: str, seconds: float) -> str:
    """Return the time so many seconds after the start of a patrol, ISO 8601 to the second; nothing without a start."""
    if not start_utc:
        return ""
    moment = dt.datetime.fromisoformat(start_utc) + dt.timedelta(seconds=round(seconds))
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"


PROOF_COLUMNS: Final = (
    "station_m", "lat_deg", "lon_deg", "worst_revisit_s", "seen_share", "unseen_m", "dwell_s",
)  # fmt: skip
"""Of revisit.csv; docs/how-to/plan-a-patrol.md says what each holds."""


def proof_csv(proof: Proof, frame: LocalFrame) -> str:
    """Return the proof: a row for every 50 m of border, empty where nothing of its ground is seen."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PROOF_COLUMNS)
    lat, lon = frame.to_degrees(proof.xy_m)
    columns = (proof.station_m, lat, lon, proof.worst_s, proof.seen_share, proof.unseen_m, proof.dwell_s)
    for row in zip(*columns, strict=True):
        station, y, x, worst, share, unseen, dwell = (float(v) for v in row)
        writer.writerow([round(station, 1), y, x, _number(worst, 1), round(share, 3), round(unseen, 1),
                         _number(dwell, 2)])  # fmt: skip
    return text.getvalue()


def _number(value: float, digits: int) -> float | str:
    return round(value, digits) if np.isfinite(value) else ""
