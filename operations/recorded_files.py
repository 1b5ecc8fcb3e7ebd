"""Which files of an operation its records name; none of them may lead out of the folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from operations.errors import DamagedError
from operations.originals import stored_path

if TYPE_CHECKING:
    from operations.store import OperationStore

_OURS: Final = re.compile(
    r"media/[0-9a-f]{64}(\.[a-z0-9]{1,8})?|parts/[0-9a-f]{16}/[a-z_]{1,32}-[0-9]{4,}\.parquet", re.ASCII
)


def leads_out(file: str) -> bool:
    """Tell whether a path that a record names is none that this program makes: an operation may come from anywhere."""
    return _OURS.fullmatch(file) is None


def recorded_files(store: OperationStore) -> list[str]:
    """Return the paths inside the folder of all originals and of all parts, superseded runs' as well.

    Raises
    ------
    DamagedError
        When a record names a path that leads out of the folder.
    """
    root = store.path
    runs = [run.run_id for run in store.runs(superseded=True)]
    kept = [stored_path(root, member, store.vault) for media in store.media() for member in media.members]
    files = [*(f"media/{path.name}" if path.parent == root / "media" else str(path) for path in kept)]
    files += [part.file for part in store.parts(runs=runs)]
    for file in files:
        if leads_out(file):
            raise DamagedError(f"a record of {root} names {file!r}, which leads out of the folder: do not trust it")
    return list(dict.fromkeys(files))
