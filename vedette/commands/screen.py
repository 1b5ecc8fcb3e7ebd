"""What a person sees: progress bars on standard error, results on standard output, foreign text only ever as text."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.text import Text

from geo.foreign_text import visible, without_passwords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rich.console import ConsoleOptions, RenderableType
    from rich.progress import Task

    from missions.briefs.brief import Brief


CLOSED_PIPE: Final = 128 + signal.SIGPIPE
"""What a shell says of a program whose reader has gone."""


class Screen(Console):
    """A terminal on which a string is text and nothing else: no markup, no emoji codes, no control characters.

    Colours are asked for with `line`. Whatever reaches the terminal by another way (a table's cell, a prompt)
    passes the same filter on its way out.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def on_broken_pipe(self) -> None:
        """End without a word when the reader of a pipe has gone: that is neither a result nor a finding."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(CLOSED_PIPE)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as it is shown, every character visible, on one line."""
        return super().render_str(shown(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, letting only the terminal's own controls and line breaks through."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else _shown(segment)


def shown(text: str) -> str:
    """Return a string as people may see it: every character visible, addresses without user and password."""
    return visible(without_passwords(text))


def _shown(segment: Segment) -> Segment:
    text = "\n".join(shown(part) for part in segment.text.split("\n"))
    return segment if text == segment.text else Segment(text, segment.style)


def line(*parts: str | tuple[str, str]) -> Text:
    """Return one line of text from strings and (string, style) pairs; no character of theirs does anything."""
    return Text.assemble(*(shown(part) if isinstance(part, str) else (shown(part[0]), part[1]) for part in parts))


ERRORS = Screen(stderr=True)
"""Progress and messages; standard output stays clean for results."""
RESULTS = Screen(soft_wrap=True)
"""Results, one a line, however long: for a person or a pipe."""


def print_wide(table: RenderableType) -> None:
    """Print a table of results as wide as it is: a coordinate cut to fit is none."""
    Screen(width=_WIDEST).print(table)


_WIDEST = 1_000


class DescriptionColumn(ProgressColumn):
    """What a task does, as text."""

    def render(self, task: Task) -> Text:
        """Return the description."""
        return line(task.description)


class LeftColumn(TimeRemainingColumn):
    """How long a task will go on, where that can be told; nothing of one that is done."""

    def render(self, task: Task) -> Text:
        """Return the time left, in words that set it apart from the time gone by."""
        if task.finished or task.time_remaining is None:
            return Text("")
        return Text(f"{super().render(task).plain} left", style="progress.remaining")


def counted(number: int, word: str) -> str:
    """Return a number with its word, in the plural unless it is one: ``1 original``, ``2 originals``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def megabytes(bars: Progress, doing: str) -> Callable[[int, int], None]:
    """Return what is told how many bytes are done, of how many: a task of its own in a progress display."""
    task = bars.add_task(f"{doing}, MB", total=None)

    def told(done: int, whole: int) -> None:
        bars.update(task, completed=math.ceil(done / 1e6), total=max(1, math.ceil(whole / 1e6)))

    return told


def progress() -> Progress:
    """Return a progress display: what, how far, how long, and how long still."""
    columns = (
        SpinnerColumn(),
        DescriptionColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        LeftColumn(),
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
        ERRORS.print(f"problem: {sentence}", soft_wrap=True)
    return said


def tell_zone_notes(brief: Brief) -> None:
    """Say on standard error what of a brief's zone files is not kept out of, and why."""
    for sentence in brief.zone_notes:
        ERRORS.print(f"note: {sentence}", soft_wrap=True)


def utc_now_ns() -> int:
    """Return the wall clock as UTC nanoseconds; the edge where time enters."""
    return time.time_ns()
