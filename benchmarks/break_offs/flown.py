"""What a broken-off flight did: its true track and its modes."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.break_offs.cases import BreakOff, Cause
from benchmarks.break_offs.plans import patrol
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WITHIN_M: Final = 10.0
"""How much nearer to the line than judged an aircraft may truly come."""
FINE_DEG: Final = 1e-6
"""What tracks are written down to, a tenth of a metre."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """One flight that was broken off: where it truly was each second from take-off to landing, and its modes."""

    case: BreakOff
    autopilot: str
    modes: tuple[str, ...]
    """One after the other, from when it was broken off."""
    lat_deg: np.ndarray
    lon_deg: np.ndarray
    alt_m: np.ndarray
    broken_at: int
    """The row of the track at which it was broken off, -1 for never."""
    ended: bool
    """Whether it came to the ground."""
    problem: str = ""

    @property
    def nearest_m(self) -> float:
        """How near it came to the line."""
        return patrol(self.case.plan).truth_m(self.lat_deg, self.lon_deg)[0]

    @property
    def crossed(self) -> bool:
        """Whether it was ever beyond the line."""
        return patrol(self.case.plan).truth_m(self.lat_deg, self.lon_deg)[1]

    @property
    def judged_m(self) -> float:
        """How near it was judged to come: where nothing breaks it off, by its whole path."""
        if self.only_warned:
            return patrol(self.case.plan).unbroken_m
        return patrol(self.case.plan).judged_m(self.case.leg, self.case.share)

    @property
    def only_warned(self) -> bool:
        """Whether nothing was to break off: a PX4 only warns of a low battery, as its plan asks (COM_LOW_BAT_ACT 3)."""
        return self.case.cause is Cause.LOW and patrol(self.case.plan).dialect is Dialect.PX4

    @property
    def held(self) -> bool:
        """Whether it was broken off, kept our side of the line, and what was judged."""
        return (
            self.broken_at >= 0
            and (len(self.modes) > 1 or self.only_warned)
            and not self.crossed
            and self.nearest_m >= self.judged_m - WITHIN_M
        )

    def line(self) -> str:
        """Return one row of the table."""
        if self.problem:
            return f"{self.case.name:44} {self.problem}"
        verdict = "held" if self.held else "BROKEN"
        return (
            f"{self.case.name:44} {verdict:6} {self.nearest_m:7.1f} m of {self.judged_m:7.1f} m judged  "
            f"{'crossed ' if self.crossed else ''}{' > '.join(self.modes)}{'' if self.ended else ' (still flying)'}"
        )


def write_flown(path: Path, flights: Iterable[Flown]) -> None:
    """Write flights, a few kilobytes each."""
    rows = []
    for one in flights:
        case = dataclasses.asdict(one.case)
        row: dict[str, Any] = {"case": case, "autopilot": one.autopilot, "modes": list(one.modes)}
        row |= {"broken_at": one.broken_at, "ended": one.ended, "problem": one.problem}
        for name, values, unit in (
            ("lat_deg", one.lat_deg, FINE_DEG), ("lon_deg", one.lon_deg, FINE_DEG), ("alt_m", one.alt_m, 0.1),
        ):  # fmt: skip
            row[name] = np.diff(np.round(np.asarray(values) / unit).astype(int), prepend=0).tolist()
        rows.append(json.dumps(row, separators=(",", ":")))
    path.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


def read_flown(path: Path) -> list[Flown]:
    """Read flights back."""
    made = []
    for row in json.loads(path.read_text(encoding="utf-8")):
        case = BreakOff(**{**row["case"], "cause": Cause(row["case"]["cause"])})
        tracks: dict[str, Any] = {
            name: np.cumsum(row[name]) * unit
            for name, unit in (("lat_deg", FINE_DEG), ("lon_deg", FINE_DEG), ("alt_m", 0.1))
        }
        rest = {name: row[name] for name in ("autopilot", "broken_at", "ended", "problem")}
        made.append(Flown(case=case, modes=tuple(row["modes"]), **tracks, **rest))
    return made
