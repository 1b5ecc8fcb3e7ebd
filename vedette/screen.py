"""What a person sees: progress bars on standard error, results on standard output."""

from __future__ import annotations

import json
import math
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

ERRORS = Console(stderr=True, highlight=False)
"""Progress and messages; standard output stays clean for results."""


def progress() -> Progress:
    """Return a progress display: what, how far, how long."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=ERRORS)


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it: NaN and infinities become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object as one line of standard output."""
    sys.stdout.write(json.dumps(plain(dict(value))) + "\n")
    sys.stdout.flush()


def tell_terrain_problems(ground: object) -> list[str]:
    """Say on standard error what is doubtful about a terrain's heights; return the sentences."""
    said = [problem.message for problem in getattr(ground, "problems", ())]
    for sentence in said:
        ERRORS.print(f"problem: {sentence}", markup=False, soft_wrap=True)
    return said


def utc_now_ns() -> int:
    """Return the wall clock as UTC nanoseconds; the edge where time enters."""
    return time.time_ns()
