"""One break-off on whatever flies it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.break_offs import ardupilot, embedded, px4, real

if TYPE_CHECKING:
    from benchmarks.break_offs.cases import BreakOff
    from benchmarks.break_offs.flown import Flown


def fly(autopilot: str, case: BreakOff, instance: int, speedup: float) -> Flown:
    """Fly one case in this process."""
    if autopilot == "embedded":
        return embedded.fly(case)
    flown_by = px4 if autopilot == "px4" else ardupilot
    with tempfile.TemporaryDirectory() as folder:
        try:
            return flown_by.fly(case, Path(folder) / "run", instance=instance, speedup=speedup)
        except Exception as error:  # the table says what happened to each case
            return real.failed(case, flown_by.NAME, f"{type(error).__name__}: {error}")
