"""A disk that may lose power: what survives of a recorded run, cut after any step.

The model is as unkind as POSIX allows: a file's bytes survive a cut only once the file was
synced, a name only once its folder was; of what was not, any part may be there, in any
order, torn at a sector, as zeros, or not at all. Only a rename is whole or not made.
"""

from __future__ import annotations

import copy
import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

SECTOR = 512


class Cut(StrEnum):
    """What a power cut leaves of everything that was not synced."""

    KILLED = "all of it: the process died, the machine did not"
    LOST = "nothing"
    NAMES = "the names, of empty or old files"
    ZEROED = "names and sizes, with zeros for data"
    DATA = "data of files that have a name already, no new names"
    TORN = "any part of it"


@dataclasses.dataclass(eq=False)
class Node:
    """A file or a folder: what is durable, and what was asked for since."""

    folder: bool
    data: bytes = b""
    names: dict = dataclasses.field(default_factory=dict)
    waiting: list = dataclasses.field(default_factory=list)

    def now(self):
        """Return the contents as a running program sees them."""
        return apply_names(self.names, self.waiting) if self.folder else apply_data(self.data, self.waiting)


def apply_data(data, changes):
    """Return a file's bytes after writes and truncations."""
    result = bytearray(data)
    for offset, piece in changes:
        if piece is None:
            result[offset:] = b""
            result.extend(bytes(max(0, offset - len(result))))
            continue
        start = len(result) if offset < 0 else offset
        result.extend(bytes(max(0, start - len(result))))
        result[start : start + len(piece)] = piece
    return bytes(result)


def apply_names(names, changes):
    """Return a folder's names after links and unlinks."""
    result = dict(names)
    for change in changes:
        for name, node in change.items():
            if node is None:
                result.pop(name, None)
            else:
                result[name] = node
    return result


class Disk:
    """A file system below one root that replays steps and can be cut at any moment."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.top = Node(folder=True)

    def play(self, step) -> None:
        """Do one step."""
        getattr(self, f"_{step.what}")(step)

    def _find(self, path: str) -> Node | None:
        node = self.top
        for name in Path(path).relative_to(self.root).parts:
            if not node.folder or name not in (names := node.now()):
                return None
            node = names[name]
        return node

    def _need(self, path: str) -> Node:
        node = self._find(path)
        assert node is not None, f"the recording changes {path}, which it never made"
        return node

    def _place(self, path: str) -> tuple[Node, str]:
        return self._need(str(Path(path).parent)), Path(path).name

    def _ack(self, step) -> None:
        pass

    def _create(self, step) -> None:
        if self._find(step.path) is None:
            folder, name = self._place(step.path)
            folder.waiting.append({name: Node(folder=False)})

    def _mkdir(self, step) -> None:
        folder, name = self._place(step.path)
        folder.waiting.append({name: Node(folder=True)})

    def _write(self, step) -> None:
        self._need(step.path).waiting.append((step.offset, step.data))

    def _truncate(self, step) -> None:
        node = self._need(step.path)
        if len(node.now()) != step.offset:
            node.waiting.append((step.offset, None))

    def _sync(self, step) -> None:
        node = self._find(step.path)
        if node is None:
            return
        if node.folder:
            node.names = node.now()
        else:
            node.data = node.now()
        node.waiting = []

    def _rename(self, step) -> None:
        node = self._need(step.path)
        (source, old), (target, new) = self._place(step.path), self._place(step.other)
        if source is target:
            source.waiting.append({old: None, new: node})
        else:  # both folders have to be synced; the file may be under both names, never under none
            target.waiting.append({new: node})
            source.waiting.append({old: None})

    def _link(self, step) -> None:
        target, new = self._place(step.other)
        target.waiting.append({new: self._need(step.path)})

    def _unlink(self, step) -> None:
        folder, name = self._place(step.path)
        folder.waiting.append({name: None})

    _rmdir = _unlink

    def after(self, cut: Cut, rng: random.Random) -> dict[str, bytes | None]:
        """Return what is there after a power cut: relative path -> bytes, None for a folder."""
        there: dict[str, bytes | None] = {}
        self._survive("", self.top, cut, rng, there)
        return there

    def _survive(self, path, node, cut, rng, there) -> None:
        if not node.folder:
            there[path] = _data_after(node, cut, rng)
            return
        if path:
            there[path] = None
        for name, member in _names_after(node, cut, rng).items():
            self._survive(f"{path}/{name}" if path else name, member, cut, rng, there)


def _names_after(node, cut, rng):
    if cut in {Cut.LOST, Cut.DATA}:
        return node.names
    if cut is Cut.TORN:
        return apply_names(node.names, [change for change in node.waiting if rng.random() < 0.5])
    return node.now()


def _data_after(node, cut, rng):
    if cut in {Cut.KILLED, Cut.DATA}:
        return node.now()
    if cut in {Cut.LOST, Cut.NAMES}:
        return node.data
    if cut is Cut.ZEROED:
        return apply_data(node.data, [(o, p and bytes(len(p))) for o, p in node.waiting])
    return apply_data(node.data, list(_torn(node.waiting, rng)))


def _torn(waiting, rng) -> Iterator:
    """Keep some of the writes, and of one of them only some sectors."""
    kept = [change for change in waiting if rng.random() < 0.5]
    for place, (offset, piece) in enumerate(kept):
        if piece is None or place != len(kept) - 1 or offset < 0:
            yield offset, piece
            continue
        cut = rng.randrange(0, len(piece) // SECTOR + 1) * SECTOR
        yield offset, piece[:cut]


def states(steps: Sequence, root: Path, rng: random.Random, cuts=tuple(Cut)) -> Iterator[tuple[int, Cut, dict]]:
    """Yield every distinct state of the disk after every step: (number of steps done, cut, what is there)."""
    disk = Disk(root)
    for number, step in enumerate(steps, start=1):
        disk.play(step)
        seen = set()
        for cut in cuts:
            there = disk.after(cut, rng)
            key = hash(frozenset(there.items()))
            if key not in seen:
                seen.add(key)
                yield number, cut, there


def build(there: dict[str, bytes | None], folder: Path) -> None:
    """Lay out what is there in a real folder."""
    for name, data in sorted(there.items()):
        path = folder / name
        if data is None:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o600)


def snapshot(disk: Disk) -> Disk:
    """Return a copy that goes its own way."""
    return copy.deepcopy(disk)
