"""Films cut about what was found, for packages that are to show no more of a recording than that."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from operations import durable_file
from operations.exports.recordings import Recording
from operations.log.leaves import LeafKind
from operations.values import MediaKind, MediaRecord
from telemetry.videos.clip_file import cut_clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from operations.evidence.package_writer import PackageWriter
    from operations.evidence.selected import Selected
    from operations.store import OperationStore

_CHUNK_BYTES: Final = 1 << 20
_NS: Final = 1e9


def write_clips(writer: PackageWriter, store: OperationStore, selected: Selected, around_s: float) -> set[str]:
    """Write clips about the selected hits of each film; return the ids of the recordings they are of.

    Raises
    ------
    MediaError
        When a film cannot be cut.
    """
    told, done = [], set[str]()
    hits = selected.hits
    media_ids = np.asarray(hits["media_id"].to_pylist(), dtype=np.str_)
    times = np.asarray(hits["media_t_ns"].cast("float64").to_numpy(zero_copy_only=False), dtype=np.float64) / _NS
    for leaf in selected.of_kind(LeafKind.MEDIA):
        media = MediaRecord.of(leaf.body)
        shown = times[(media_ids == media.id) & np.isfinite(times)]
        if media.kind is not MediaKind.VIDEO or not len(shown):
            continue
        done.add(media.id)
        with Recording.of(store, media.id).lent() as source:
            for number, (first_s, last_s) in enumerate(_stretches(shown, around_s)):
                aside, name = writer.folder / "clip.part", f"clips/{media.id[:16]}-{number:03d}.ts"
                cut = cut_clip(source, aside, first_s=first_s, last_s=last_s)
                writer.write_chunks(name, _chunks(aside))
                durable_file.remove(aside)
                told.append({"file": name, "recording": media.name, "media_id": media.id, **dataclasses.asdict(cut)})
    if told:
        writer.write_json("clips/clips.json", told)
        writer.left_out.append("whole films: clips about the hits are there instead")
    return done


def _stretches(times_s: NDArray[np.float64], around_s: float) -> Iterator[tuple[float, float]]:
    """Yield the times to be shown: moments that lie near each other are shown together."""
    ordered = np.unique(times_s)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(ordered) > 2.0 * around_s]))
    for some in np.split(ordered, starts[1:]):
        yield max(float(some[0]) - around_s, 0.0), float(some[-1]) + around_s


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
