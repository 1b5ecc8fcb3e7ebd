"""What comes into an operation while it grows: new tracks, how old the last picture is, what ground it showed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from operations import columns
from operations.finding.described import utc_text
from operations.log.leaves import LeafKind
from operations.parts_file import read_part
from operations.values import PartRecord, RunKind, RunRecord, RunState

if TYPE_CHECKING:
    from operations.store import OperationStore

STALE_S: Final = 6.0
"""Rows of a live stream come each second; after so long without any, the link is said to be stale."""
MOST_TOLD: Final = 50
"""Tracks of one part told one by one; a whole night that is read in at once is told as a number."""


@dataclasses.dataclass(slots=True)
class _Link:
    """One live run that goes on."""

    source: str
    newest_ns: int
    """When its last rows were recorded."""
    pictures: int = 0


class LiveFeed:
    """The news of one operation since it was last asked; reads each new record once.

    Parameters
    ----------
    store
        The operation, open for reading.
    """

    def __init__(self, store: OperationStore) -> None:
        self._store = store
        self._next = store.head().size
        self._runs: dict[str, RunRecord] = {run.run_id: run for run in store.runs()}
        self._told: set[str] = set()
        self._links: dict[str, _Link] = {}
        for run in self._runs.values():
            self._note_run(run, run.started_t_utc_ns)
        for leaf in store.newest(LeafKind.PART) if self._links else ():
            part = PartRecord.of(leaf.body)
            if part.run_id not in self._links:
                continue
            link = self._links[part.run_id]
            link.newest_ns = max(link.newest_ns, leaf.t_utc_ns)
            link.pictures += part.rows if part.table == "frames" else 0
            if part.table == "tracks":
                self._told.update(columns.tracks_of(read_part(store.path, part, vault=store.vault)).track_id)

    def news(self) -> list[dict[str, Any]]:
        """Return what was recorded since the last call, as JSON values, in its order."""
        if self._store.head().size <= self._next:
            return []
        told: list[dict[str, Any]] = []
        for leaf in self._store.leaves(self._next):
            self._next = leaf.seq + 1
            if leaf.kind is LeafKind.RUN:
                run = RunRecord.of(leaf.body)
                self._runs[run.run_id] = run
                self._note_run(run, leaf.t_utc_ns)
                told.append({"what": "run", "run": run.run_id, "kind": str(run.kind), "state": str(run.state)})
            elif leaf.kind is LeafKind.PART:
                told += self._of_part(PartRecord.of(leaf.body), leaf.t_utc_ns)
            elif leaf.kind is LeafKind.VERDICT:
                told.append({"what": "verdict", "id": leaf.subject, "by": leaf.actor})
        return told

    def links(self) -> list[dict[str, Any]]:
        """Return how old the news of each stream that is watched is."""
        now = self._store.clock()
        listed = []
        for run_id, link in self._links.items():
            age_s = (now - link.newest_ns) / 1e9
            stale = age_s > STALE_S
            listed.append(
                {"run": run_id, "source": link.source, "age_s": round(age_s, 1), "stale": stale}
                | {"pictures": link.pictures, "last_utc": utc_text(link.newest_ns)}
            )
        return listed

    def _note_run(self, run: RunRecord, t_utc_ns: int) -> None:
        """Follow the streams that are watched now."""
        if run.kind is RunKind.LIVE and run.state is RunState.RUNNING:
            live = run.settings.get("live")
            source = str(live.get("source", "")) if isinstance(live, dict) else ""
            self._links.setdefault(run.run_id, _Link(source=source, newest_ns=t_utc_ns))
        else:
            self._links.pop(run.run_id, None)

    def _of_part(self, part: PartRecord, t_utc_ns: int) -> list[dict[str, Any]]:
        link = self._links.get(part.run_id)
        if link is not None:
            link.newest_ns = t_utc_ns
            link.pictures += part.rows if part.table == "frames" else 0
        if part.table == "frames" and part.seen_bbox_deg is not None:
            seen = {"what": "seen", "box_deg": list(part.seen_bbox_deg), "utc": utc_text(t_utc_ns)}
            return [seen | {"run": part.run_id}]
        if part.table != "tracks" or not part.rows:
            return []
        if part.rows > MOST_TOLD:
            return [{"what": "grown", "run": part.run_id, "tracks": part.rows}]
        return self._tracks(part)

    def _tracks(self, part: PartRecord) -> list[dict[str, Any]]:
        tracks = columns.tracks_of(read_part(self._store.path, part, vault=self._store.vault))
        listed = []
        for row in range(len(tracks)):
            name, last = tracks.track_id[row], int(tracks.offsets[row + 1]) - 1
            listed.append(
                {
                    "what": "track" if name not in self._told else "track goes on",
                    "run": part.run_id,
                    "id": name,
                    "assessed": tracks.class_name[row],
                    "probability": round(float(tracks.existence[row]), 3),
                    "utc": utc_text(int(tracks.t_utc_ns[last])),
                    "place": [float(tracks.lat_deg[last]), float(tracks.lon_deg[last])],
                    "ce90_m": round(float(tracks.ce90_m[last]), 1),
                }
            )
            self._told.add(name)
        return listed
