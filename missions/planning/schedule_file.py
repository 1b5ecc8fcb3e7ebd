"""The schedule as a spreadsheet, and the revisit proof as a table."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from missions.airspace.corridor_frame import LocalFrame
    from missions.plan import Plan
    from missions.planning.revisit import Proof


def schedule_csv(plan: Plan) -> str:
    """Return who flies when: one row per flight, seconds from the start of the patrol."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["flight", "aircraft", "site", "sortie", "takeoff_s", "landing_s", "takeoff", "landing"])
    for k, f in enumerate(plan.flights):
        writer.writerow([k + 1, f.aircraft, f.site, f.sortie, f.t_takeoff_s, f.t_landing_s,
                         _clock(f.t_takeoff_s), _clock(f.t_landing_s)])  # fmt: skip
    return text.getvalue()


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
