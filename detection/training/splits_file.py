"""Split a set of pictures by the run they were taken in, so that no run is both learned from and judged on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detection.errors import TruthError

if TYPE_CHECKING:
    from collections.abc import Iterable

GAP: Final = 60
"""Missing numbers that separate two runs. HIT-UAV is 2898 pictures of 43 470 film frames (Suo et al. 2023), numbered
in the order they were taken, without a flight; within a run about every second number is in the public parts."""
HIT_UAV_RUNS: Final = Path(__file__).parent / "hit_uav_runs.json"
"""The runs of HIT-UAV's published training and validation pictures."""
_NUMBER: Final = re.compile(r"(\d+)\.[A-Za-z]+$")


def split_by_gaps(names: Iterable[str], gap: int = GAP) -> list[list[str]]:
    """Sort picture names by the number they end in, and start a new run wherever more than `gap` numbers are missing.

    Raises
    ------
    TruthError
        When a name does not end in a number.
    """
    numbered = []
    for name in names:
        found = _NUMBER.search(name)
        if not found:
            raise TruthError(f"the picture name {name[:60]!r} ends in no frame number; runs cannot be told apart")
        numbered.append((int(found[1]), name))
    runs: list[list[str]] = []
    last = None
    for number, name in sorted(numbered):
        if last is None or number - last > gap:
            runs.append([])
        runs[-1].append(name)
        last = number
    return runs


def write_runs(runs: list[list[str]], path: Path) -> None:
    """Write runs as JSON: numbers from 0, each with its picture names."""
    rows = ",\n".join(f' "{number}": {json.dumps(names)}' for number, names in enumerate(runs))
    path.write_text("{\n" + rows + "\n}\n", encoding="utf-8")


def read_runs(path: Path, wanted: Iterable[str]) -> frozenset[str]:
    """Read the picture names of some runs.

    Raises
    ------
    TruthError
        When the file cannot be read or has no such run.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        runs = {str(number): frozenset(str(name) for name in names) for number, names in held.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TruthError(f"{path}: is no list of runs ({type(error).__name__})", path=str(path)) from error
    asked = [number.strip() for number in wanted]
    missing = [number for number in asked if number not in runs]
    if missing:
        raise TruthError(f"{path}: has no run {missing[0][:20]!r}; it has {', '.join(sorted(runs))}", path=str(path))
    return frozenset().union(*(runs[number] for number in asked))
