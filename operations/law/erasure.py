"""Erase recordings with all that was derived from them: by two people, never under a hold, leaving a tombstone.

The record comes first, then the files go: a process that dies in between leaves files that no record
counts as part of the operation any more, which `verify` names and the next erasure removes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from operations import durable_file
from operations.answers_file import left_answers, remove_empty
from operations.case_file import Draft
from operations.law.errors import HeldError
from operations.law.holds import hold_on
from operations.law.tombstones import tombstone_text
from operations.log.leaves import LeafKind
from operations.originals import stored_path
from operations.recorded_files import leads_out
from operations.signing.errors import ApprovalError
from operations.staging import MEDIA
from operations.vault.sealed_stream import destroy_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from operations.consultation import Purpose
    from operations.signing.signer import Signer
    from operations.store import OperationStore
    from operations.values import MediaRecord

_CHUNK_BYTES: Final = 1 << 20


def erase(
    store: OperationStore, media: Sequence[MediaRecord], purpose: Purpose, signers: Sequence[Signer]
) -> list[str]:
    """Erase recordings; returns the files that are gone.

    Raises
    ------
    ApprovalError
        When fewer than two people sign.
    HeldError
        When one of them is under a hold: none is erased then.
    MediumBusyError
        When another process reads one of them in.
    """
    if min(len({s.vkey.split("+", 2)[2] for s in signers}), len({s.name for s in signers})) < 2:
        raise ApprovalError(
            "nothing is erased by one person: two sign, each with a key of their own (--signing-key, --second-key)"
        )
    with store.staging() as staging:
        for one in media:
            staging.claim(store.vault.file_name(one.id), one.name)
        store.append_all(lambda: [_draft(store, one, media, purpose, signers) for one in media])
        return finish_erasures(store)


def finish_erasures(store: OperationStore) -> list[str]:
    """Destroy whatever is still there of what tombstones stand for; returns the files that went."""
    gone: list[str] = []
    kept = {file for media in store.media() for file in _originals(store, media)}
    for leaf in store.newest(LeafKind.ERASURE):
        for file in leaf.body["files"]:
            path = store.path / str(file)
            if not leads_out(str(file)) and file not in kept and os.path.lexists(path):
                destroy(path, encrypted=store.vault.encrypted)
                gone.append(str(file))
    gone += _answers_destroyed(store)
    for folder in sorted({(store.path / file).parent for file in gone}):
        durable_file.sync_folder(folder)
        if folder.name != MEDIA and not any(folder.iterdir()):
            durable_file.remove(folder)
            durable_file.sync_folder(folder.parent)
    remove_empty(store.path)
    return gone


def _answers_destroyed(store: OperationStore) -> list[str]:
    """Destroy what interrupted ingests had found in erased recordings, and in such as were never recorded."""
    erased = [leaf.subject for leaf in store.newest(LeafKind.ERASURE)]
    left = left_answers(store.path, store.vault, of=erased, but=[media.id for media in store.media()])
    for piece in left:
        destroy(piece, encrypted=store.vault.encrypted)
    return [piece.relative_to(store.path).as_posix() for piece in left]


def destroy(path: Path, *, encrypted: bool) -> None:
    """Make a file unreadable as far as this machine can, then remove it.

    Of an encrypted file the key goes, and with it every byte wherever it lingers. Of a plain one the bytes are
    written over once; what a journal, a flash drive's spare blocks, a snapshot or a backup hold is not reached.
    """
    with durable_file.naming(path, "destroyed"):
        if path.is_file() and not path.is_symlink():
            if encrypted:
                destroy_key(path)
            else:
                _write_over(path)
    durable_file.remove(path)


def _write_over(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(bytes(min(left, _CHUNK_BYTES)))
        os.fsync(file.fileno())


def _draft(
    store: OperationStore, one: MediaRecord, media: Sequence[MediaRecord], purpose: Purpose, signers: Sequence[Signer]
) -> Draft:
    """Return the tombstone of one recording; called where nobody else can set a hold."""
    hold = hold_on(store, one.id)
    if hold is not None:
        what = f"{one.name} is under a legal hold (case {hold.body['case']}: {hold.body['reason']}, by {hold.actor})"
        raise HeldError(f"{what}: nothing is erased; release the hold first", media=one.id)
    others = {file for other in store.media() if other not in media for file in _originals(store, other)}
    runs = [run.run_id for run in store.runs(superseded=True) if one.id in run.media_ids]
    files = [file for file in _originals(store, one) if file not in others]
    files += [part.file for part in store.parts(runs=runs)]
    body: dict[str, Any] = {"name": one.name, "files": sorted(set(files)), **purpose.body()}
    body["destroyed"] = "key destroyed" if store.vault.encrypted else "written over once and removed"
    text = tombstone_text(store.id, one.id, body)
    body["note"] = f"{text}\n" + "".join(signer.sign(text) for signer in signers)
    body["keys"] = [signer.keys_text for signer in signers]
    return Draft(kind=LeafKind.ERASURE, subject=one.id, body=body)


def _originals(store: OperationStore, media: MediaRecord) -> list[str]:
    return [f"{MEDIA}/{stored_path(store.path, member, store.vault).name}" for member in media.members]
