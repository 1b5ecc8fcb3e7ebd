"""Tombstones: the records that stay where recordings were erased, each signed by two people. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from operations.evidence.signed_texts import VerifierError, check_signer, read_keys, read_note
from operations.findings import Finding, FindingKind, finding
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operations.log.leaves import Leaf

TEXT: Final = "vedette erasure"


def tombstone_text(operation: str, media_id: str, body: Mapping[str, Any]) -> str:
    """Return what two people sign of an erasure."""
    files = hashlib.sha256("\n".join(body["files"]).encode()).hexdigest()
    return f"{TEXT}\n{operation}\n{media_id}\n{files}\n{body['case']}\n{body['reason']}\n"


def erased_media(leaves: Iterable[Leaf]) -> frozenset[str]:
    """Return the ids of recordings that tombstones stand for."""
    return frozenset(leaf.subject for leaf in leaves if leaf.kind is LeafKind.ERASURE)


def check_tombstones(leaves: Sequence[Leaf]) -> tuple[list[Finding], list[str]]:
    """Return what is wrong with the tombstones of a log, and what they say, in sentences."""
    ids = {leaf.subject for leaf in leaves if leaf.kind in {LeafKind.OPERATION, LeafKind.MERGE}}
    found, told = [], []
    for leaf in leaves:
        if leaf.kind is not LeafKind.ERASURE:
            continue
        item = f"the erasure of {leaf.body.get('name')} (log record {leaf.seq})"
        try:
            names = _signed_by_two(leaf, ids)
        except (VerifierError, KeyError, TypeError, AttributeError) as error:
            found.append(finding(FindingKind.CHANGED, item, f"is not one that two people signed ({error})"))
        else:
            told.append(f"{leaf.body['name']} was erased by {' and '.join(names)}: {leaf.body['reason']}")
    return found, told


def _signed_by_two(leaf: Leaf, operations: set[str]) -> list[str]:
    note = str(leaf.body["note"])
    operation = read_note(note)[0].split("\n")[1]
    if operation not in operations or read_note(note)[0] != tombstone_text(operation, leaf.subject, leaf.body):
        raise VerifierError("what was signed is something else")
    histories = [read_keys(str(text)) for text in leaf.body["keys"]]
    if len({history[0]["key"].split("+", 2)[2] for history in histories}) < 2:
        raise VerifierError("it has one signature")
    return [check_signer(note, history)[1] for history in histories]
