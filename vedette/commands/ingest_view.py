"""What a person sees of an ingest: one progress bar while it runs, one table when it ends."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from geo.values import Unplaced
from operations.originals import UNKNOWN_GROUND
from telemetry.recordings.reading import time_known
from telemetry.recordings.recording import LeftOut, Recording
from vedette.commands.screen import ERRORS, counted, line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.progress import Progress, TaskID

    from operations.ingest import Ingested
    from operations.same_things import Likely
    from telemetry.recordings.reading import RecordingReader

SHOWN_PROBLEMS = 10
NO_GROUND = (
    "neither what was found nor what was looked at has a place, because the ground is not known: give --terrain FILE, "
    "or --flat-alt-amsl-m METRES to accept a flat plane"
)
NO_TERRAIN = "the terrain reaches no place that was looked from; give terrain that covers it, and --redo"
TELLING = (
    "nothing in or beside",
    "states no GPS",
    "no camera yaw",
    "positions only",
    "nothing of a gimbal",
    "all zero",
    "store it upright",
    "do not belong together",
    "were not used",
    "state ",
)
"""Words of the problems that tell why a picture has no pose, the surest first."""
ZONE = "states no zone"
"""A zone that is not known takes no pose."""
STATE_IT = "state what is missing: --track FILE, --mount YAW,PITCH,ROLL, --home-alt-amsl-m METRES or --start UTC"
REMEDIES: Final[Mapping[str, str]] = {
    Unplaced.NO_CAMERA: " is known; state --camera NAME or its degrees, and --redo",
    Unplaced.NO_TERRAIN: " there; give terrain that covers it, and --redo",
    Unplaced.BELOW_TERRAIN: "; see what the source says of its height",
}
"""What a person can do about hits without a place, by their reason."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recording: as it was settled, what was done, or why nothing could be."""

    recording: Recording
    done: Ingested | None = None
    failure: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Frames, hits and what of them has a place; empty where nothing could be read."""
        return {} if self.done is None else dict(self.done.run.counts)


class Bar:
    """Follows one recording after another on one progress bar; an `operations.ingest.Watcher`."""

    def __init__(self, bars: Progress, count: int) -> None:
        self._bars = bars
        self._task: TaskID = bars.add_task("reading", total=None)
        self._count, self._number, self._before = count, 0, 0
        self.settled: Recording | None = None

    def begin(self, recording: Recording) -> None:
        """Name the recording that is about to be sealed and read."""
        self._number += 1
        self.settled = None
        where = f" ({self._number} of {self._count})" if self._count > 1 else ""
        self._bars.update(self._task, description=f"{recording.name}{where}", completed=0, total=None)

    def opened(self, reader: RecordingReader) -> None:
        """Take how many frames are to come."""
        self.settled = reader.recording
        self._bars.update(self._task, total=reader.expected_frames)

    def frame(self, count: int) -> None:
        """Move on."""
        self._bars.update(self._task, completed=count)


def as_one_object(outcomes: Sequence[Outcome], left_out: Sequence[LeftOut], out: str) -> dict[str, Any]:
    """Return everything as one JSON object: sums, each recording, and what was left out.

    With one recording alone, what is known of its run stands at the top as well.
    """
    rows = [_row(outcome) for outcome in outcomes]
    counted = [outcome.counts for outcome in outcomes]
    sums = {name: sum(counts.get(name, 0) for counts in counted) for name in sorted({n for c in counted for n in c})}
    top = dict(rows[0]) if len(rows) == 1 else {}
    return {
        "operation": out,
        **top,
        **sums,
        "recordings": rows,
        "left_out": [dataclasses.asdict(one) for one in left_out],
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    recording, done = outcome.recording, outcome.done
    row: dict[str, Any] = {
        "name": recording.name,
        "time": time_known(recording),
        "used": list(recording.used),
        "unused": [dataclasses.asdict(one) for one in recording.unused],
        "failure": outcome.failure,
    }
    if done is None:
        return row
    return row | {
        "sha256": done.media.id,
        "run": done.run.run_id,
        "supersedes": done.run.supersedes,
        "known": done.known,
        "made_again": list(done.made_again),
        "verdicts_proposed": done.verdicts_proposed,
        "verdicts_left": done.verdicts_left,
        **done.run.counts,
        "partial": done.run.partial,
        "problems": list(done.run.problems),
    }


NAME_COLUMNS: Final = 24
"""Of a recording's name so many letters stand on one line, also on a terminal of 80 columns; the rest is folded."""


def show(outcomes: Sequence[Outcome], left_out: Sequence[LeftOut], out: str, joined: Likely | None) -> None:
    """Print the closing table, the problems, what was left out and why, and what was joined, where it was weighed."""
    for outcome in outcomes:
        _tell_problems(outcome, named=len(outcomes) > 1)
    table = Table(box=None, pad_edge=False)
    longest = max((len(outcome.recording.name) for outcome in outcomes), default=0)
    table.add_column("recording", overflow="fold", width=min(max(longest, len("recording")), NAME_COLUMNS))
    for name in ("time", "pose"):
        table.add_column(name)
    for name in ("frames", "posed", "hits", "placed"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for outcome in outcomes:
        counts = outcome.counts
        cells = [str(counts.get(name, "")) for name in ("frames", "frames_with_pose", "hits", "hits_placed")]
        pose, time = ", ".join(outcome.recording.used) or "none", time_known(outcome.recording)
        if outcome.done is not None and outcome.done.known:
            pose = time = "as recorded before"
        table.add_row(outcome.recording.name, time, pose, *cells)
    ERRORS.print(table)
    for outcome in outcomes:
        ERRORS.print(line(f"{outcome.recording.name}: {_notes(outcome)}"))
        for one in outcome.recording.unused:
            ERRORS.print(line(f"{outcome.recording.name}: not used: {one.name}: {one.why}"))
    for one in left_out:
        ERRORS.print(line(f"left out: {one.name}: {one.why}"))
    hits = sum(outcome.counts.get("hits", 0) for outcome in outcomes)
    placed = sum(outcome.counts.get("hits_placed", 0) for outcome in outcomes)
    tracks = sum(outcome.counts.get("tracks", 0) for outcome in outcomes)
    ERRORS.print(line(f"{counted(hits, 'hit')} ({placed} placed), {counted(tracks, 'ground track')} in {out}"))
    if joined is not None and joined.things:
        ERRORS.print(
            f"{len(joined.things)} things were likely seen more than once ({joined.at_least:g} or more) and are joined "
            "(M in 'vedette review' parts them)"
        )


def _tell_problems(outcome: Outcome, *, named: bool) -> None:
    problems = gathered(() if outcome.done is None else outcome.done.run.problems, outcome.recording)
    where = f" {outcome.recording.name}:" if named else ""
    for problem in problems[:SHOWN_PROBLEMS]:
        ERRORS.print(line(("problem:", "yellow"), f"{where} {problem}"))
    if len(problems) > SHOWN_PROBLEMS:
        rest = f"... and {len(problems) - SHOWN_PROBLEMS} more problems, kept in the operation"
        ERRORS.print(line((rest, "yellow")))


def gathered(problems: Sequence[str], recording: Recording) -> list[str]:
    """Say once what differs in its numbers alone; of pictures in a folder first what fewest of them have."""
    names = {path.name for path in recording.paths} if len(recording.paths) > 1 else set()
    alike: dict[str, list[tuple[str, str]]] = {}
    for problem in problems:
        name, _, text = problem.partition(": ")
        name, text = (name, text) if name in names else ("", problem)
        alike.setdefault(_NUMBER.sub("#", text), []).append((name, text))
    if not names:
        return [f"{group[0][1]}{_more(len(group))}" for group in alike.values()]
    rarest_first = sorted(alike.values(), key=len)
    return [f"{_few([name for name, _ in group])}{group[0][1]}" for group in rarest_first]


_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def _more(count: int) -> str:
    return f" (and {count - 1} more like it)" if count > 1 else ""


def _few(names: Sequence[str]) -> str:
    """Name one or two pictures, or the first of more and how many others."""
    if not names[0]:
        return ""
    return f"{' and '.join(names)}: " if len(names) < 3 else f"{names[0]} and {len(names) - 1} others: "  # noqa: PLR2004


def _notes(outcome: Outcome) -> str:
    done = outcome.done
    if done is None:
        return outcome.failure
    run = done.run
    known = "already known" if done.made_again else "already known, nothing was derived anew"
    notes = [known if done.known else f"run {run.run_id[:8]}"]
    if run.counts.get("pictures_taken_over") and not done.known:
        notes.append(f"went on from {run.counts['pictures_taken_over']} pictures looked at before it was interrupted")
    if run.partial:
        notes.append("partial")
    if run.supersedes and not done.known:
        notes.append(f"run {run.supersedes[:8]} is superseded")
    if done.made_again:
        notes.append(f"made again: {', '.join(done.made_again)}")
    if done.verdicts_proposed or done.verdicts_left:
        left = f"{done.verdicts_left} left behind"
        notes.append(f"{done.verdicts_proposed} verdicts proposed anew for confirmation, {left}")
    return "; ".join(notes)


def why_nothing_placed(outcomes: Sequence[Outcome], unplaced: Callable[[list[str]], Mapping[str, int]]) -> str:
    """Say why no hit has a place, and what to do; empty where some have, or there was nothing to place.

    Over unknown ground there always was: what was looked at has no place either. `unplaced` counts
    the hits of runs that have no place, by reason; it is asked only where none has one.
    """
    counts = [outcome.counts for outcome in outcomes]
    names = ("frames", "frames_with_pose", "hits", "hits_placed", "on_terrain", "off_terrain")
    total = {name: sum(one.get(name, 0) for one in counts) for name in names}
    if total["hits_placed"]:
        return ""
    if total["frames"] and not total["frames_with_pose"]:
        return _why_no_pose(outcomes)
    runs = [outcome.done.run for outcome in outcomes if outcome.done]
    if any(run.settings.get("terrain") == UNKNOWN_GROUND for run in runs):
        return f"{NO_GROUND}, and --redo"
    if not total["hits"]:
        return NO_TERRAIN if total["off_terrain"] and not total["on_terrain"] else ""
    reasons = sorted(unplaced([run.run_id for run in runs]).items(), key=lambda item: -item[1])
    told = "; ".join(f"{counted(count, 'hit')}: {reason}{REMEDIES.get(reason, '')}" for reason, count in reasons)
    return f"no hit could be placed ({told})"


def _why_no_pose(outcomes: Sequence[Outcome]) -> str:
    problems = [problem for outcome in outcomes if outcome.done for problem in outcome.done.run.problems]
    found = (text for words in TELLING for text in problems if words in text and ZONE not in text)
    telling = next(found, "no source says where the camera was")
    remedy = "" if "--" in telling or "store it" in telling else f"; {STATE_IT}"
    return f"no frame has a pose, so nothing can be placed: {telling}{remedy}, and --redo"
