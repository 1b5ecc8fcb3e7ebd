"""One watching of one address: recorded and analysed as it comes, and settled when it has ended."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from vedette.commands.screen import line, utc_now_ns
from vedette.commands.watch_link import LinkRecord, poses_over
from vedette.interruption import answered_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.progress import Progress

    from operations.recorded_streams import Settled
    from operations.values import RunRecord
    from operations.watching import Watched, WatchJob
    from telemetry.live.live_reader import LiveReader, LiveState
    from telemetry.live.open_link import LinkOptions

WHOLE_SEGMENTS: Final = 1 << 62
"""A segment of the recording holds one clock, however long: what came is on the disk anyway."""


@dataclasses.dataclass(slots=True)
class WatchSession:
    """One watching of one address, from its first byte to the run over its recording.

    `on_open` is called with the reader once its port is bound.
    """

    address: str
    link: LinkOptions
    job: WatchJob
    track: str | None = None
    signing_key: Path | None = None
    on_open: Callable[[LiveReader], None] | None = None

    def run(self, bars: Progress, *, record: bool, catch_up: bool, seconds: float | None) -> dict[str, Any]:
        """Watch until interrupted or for some seconds, then settle the recording."""
        from operations import recorded_streams
        from operations.same_things import join_same
        from telemetry.live.bridge_link import srt_tool_version

        store = self.job.store
        left = recorded_streams.finish_left_over(store)
        if left:
            bars.console.print(
                line(f"an earlier watch left {len(left)} segments of its recording; it is sealed with this one")
            )
        if self.address.lower().startswith("srt:"):
            bars.console.print(line(f"SRT comes through {srt_tool_version()}"))
        with contextlib.ExitStack() as held:
            folder = held.enter_context(recorded_streams.recording_into(store)) if record else None
            watched, reader = self._live(folder, seconds, bars)
            found = [*left, *([] if folder is None else recorded_streams.segments_of(store, folder))]
            settled = recorded_streams.settle_recording(self.job, found, analyse=catch_up)
            if catch_up and found:
                join_same(store)
        return {"bytes": reader.received_bytes, "bytes_dropped": reader.dropped_bytes, **_report(watched, settled)}

    def _live(self, folder: Path | None, seconds: float | None, bars: Progress) -> tuple[Watched, LiveReader]:
        from operations import watching
        from operations.recorded_streams import opener
        from telemetry.live.live_reader import LiveReader
        from telemetry.live.recorder_file import LINK_LOG, SegmentRecorder

        recorder: SegmentRecorder | None = None
        if folder is not None:
            open_new = opener(self.job.store)
            recorder = SegmentRecorder(folder, clock=utc_now_ns, segment_bytes=WHOLE_SEGMENTS, open_new=open_new)
        job = dataclasses.replace(self.job, recording=recorder, record_name="" if folder is None else folder.name)
        view = WatchView(bars)
        with contextlib.ExitStack() as opened:
            poses = None
            if self.track is not None:
                log = None if folder is None else folder / LINK_LOG
                recording = None if log is None else LinkRecord(log, opener(self.job.store))
                poses = opened.enter_context(poses_over(self.track, recording, self.signing_key))
            reader = LiveReader(
                self.address,
                link=self.link,
                recorder=recorder,
                options=job.settings.reading(),
                poses=poses,
                on_state=view.state,
            )
            timer = threading.Timer(seconds, reader.stop) if seconds is not None else None
            opened.enter_context(reader)
            opened.enter_context(answered_by(reader.stop))
            view.begin(reader)
            if self.on_open is not None:
                self.on_open(reader)
            if timer is not None:
                timer.start()
            try:
                watched = watching.watch(reader, job, on_commit=view.committed)
            finally:
                if timer is not None:
                    timer.cancel()
            if not watched.frames:
                why = reader.waiting_for or "nothing that can be decoded came"
                raise InputError(f"nothing was seen of {reader.shown}: {why}")
        return watched, reader


class WatchView:
    """One line that says how the stream is doing."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("waiting for the stream", total=None)
        self._stale = False
        self._shown = ""

    def begin(self, reader: LiveReader) -> None:
        """Name the stream."""
        self._shown = reader.shown
        self._bars.update(self._task, description=f"waiting for {self._shown}")

    def state(self, state: LiveState) -> None:
        """Say when it went silent, and when it is back."""
        if state.stale != self._stale:
            self._stale = state.stale
            self._bars.console.print(line(f"{self._shown} {'went silent' if state.stale else 'is back'}"))

    def committed(self, run: RunRecord) -> None:
        """Say how far it is."""
        counts = run.counts
        text = f"{self._shown}: {counts['frames']} frames, {counts['hits_placed']} hits placed"
        self._bars.update(self._task, description=text, completed=counts["frames"])


def _report(watched: Watched, settled: list[Settled]) -> dict[str, Any]:
    return {
        "frames": watched.frames,
        "frames_with_pose": sum(run.counts["frames_with_pose"] for run in watched.runs),
        "frames_skipped": watched.skipped,
        "dropped_share": watched.dropped_share,
        "delay_p50_s": watched.delay_p50_s,
        "delay_p95_s": watched.delay_p95_s,
        "live_runs": [{"run": run.run_id, **run.counts, "problems": list(run.problems)} for run in watched.runs],
        "recordings": [_recording(one) for one in settled],
    }


def _recording(settled: Settled) -> dict[str, Any]:
    about: dict[str, Any] = {"sha256": settled.media.id, "run": "", "supersedes": "", "verdicts_proposed": 0}
    if settled.done is None:
        return about
    run = settled.done.run
    proposed = settled.done.verdicts_proposed
    return {**about, "run": run.run_id, "supersedes": run.supersedes, "verdicts_proposed": proposed, **run.counts}
