"""Evidence packages: a folder that says what was found, how it was made, and proves it against the operation's log.

Layout: see docs/reference/evidence-package.md. A package is signed by whoever makes it; one
that shows more than the hits themselves (originals, whole tables) by two people.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import re
from typing import TYPE_CHECKING, Any, Final

from operations import durable_file
from operations.errors import BrokenSealError
from operations.evidence import verifier
from operations.evidence.clips import write_clips
from operations.evidence.package_writer import PackageWriter
from operations.evidence.selected import Selected, select
from operations.evidence.verify_file import verify_file
from operations.log.leaves import LeafKind, encode
from operations.log.merkle import consistency_proof, inclusion_proof
from operations.new_folder import new_folder
from operations.originals import stored_path
from operations.redaction import redact_chip
from operations.signing.errors import ApprovalError
from operations.signing.heads import kept_heads, sign_head
from operations.values import MediaRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from operations.consultation import Consultation
    from operations.finding.selection import ThingSelection
    from operations.signing.heads import SignedHead
    from operations.signing.signer import Signer
    from operations.store import OperationStore

_CHUNK_BYTES: Final = 1 << 20
_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_BOX: Final = ("box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PackOrder:
    """What is to be packed, for whom, and who stands for it."""

    selection: ThingSelection
    asked: Mapping[str, Any]
    """The same as a person asked it, as JSON values: for the log and the package."""
    to: str
    """Whom it is for."""
    signers: tuple[Signer, ...]
    """Who makes it, and who approves it."""
    unredacted: bool = False
    clips_around_s: float | None = None
    """Instead of whole films of an unredacted package: cuts about the hits, so many seconds before and after them."""

    def __post_init__(self) -> None:
        keys = {signer.vkey.split("+", 2)[2] for signer in self.signers}
        names = {signer.name for signer in self.signers}
        if self.unredacted and min(len(keys), len(names)) < 2:
            raise ApprovalError(
                "an unredacted package shows people whom the case is not about: it needs two people, each with a key "
                "of their own (--signing-key, --second-key); without --unredacted one is enough"
            )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was packed."""

    hits: int
    records: int
    files: int
    manifest_sha256: str
    left_out: dict[str, Any]


def pack(consultation: Consultation, order: PackOrder, folder: Path) -> Packed:
    """Write an evidence package into a new folder, and log that it left.

    Raises
    ------
    InputError
        When nothing fits the selection.
    UnloggedError, ReadOnlyError, BrokenSealError
        When it cannot be logged that it leaves: nothing is written.
    DiskError, OperationExistsError
        When it cannot be written; nothing is left behind.
    """
    store = consultation.store
    selected = select(store, order.selection)
    signed = sign_head(store, order.signers[0])
    with new_folder(folder) as unfinished:
        writer = PackageWriter(unfinished)
        _write_rows(writer, store, selected, order)
        proofs = _write_records(writer, store, selected, signed)
        if order.unredacted:
            cut = set() if order.clips_around_s is None else write_clips(writer, store, selected, order.clips_around_s)
            _write_originals(writer, store, selected, cut)
        writer.write_json("contents.json", _contents(consultation, order, selected, signed, writer.left_out))
        writer.write("verify.py", verify_file())
        writer.write("README.txt", _README.encode())
        writer.write("report.pdf", _report(unfinished))
        manifest = _manifest(store, order, writer, proofs)
        sha256 = hashlib.sha256(manifest).hexdigest()
        durable_file.write(unfinished / "manifest.json", (manifest,))
        text = f"{verifier.PACKAGE_TEXT}\n{store.id}\n{sha256}\n"
        note = f"{text}\n" + "".join(signer.sign(text) for signer in order.signers)
        durable_file.write(unfinished / "package.note", (note.encode(),))
        wrong, _, _ = verifier.check_package(str(unfinished))
        if wrong:
            raise BrokenSealError(f"{folder} was not packed, for it does not hold: {'; '.join(wrong[:3])}")
        names = [signer.name for signer in order.signers]
        what = {"asked": dict(order.asked), "hits": selected.hits.num_rows, "redacted": not order.unredacted}
        what |= {} if order.clips_around_s is None else {"clips_around_s": order.clips_around_s}
        handed = {"to": order.to, "path": folder.name, "manifest_sha256": sha256, "signed_by": names}
        consultation.exported("evidence", what | handed)
    return Packed(
        hits=selected.hits.num_rows,
        records=len(proofs),
        files=len(writer.files),
        manifest_sha256=sha256,
        left_out=selected.left_out | {"not_packed": writer.left_out},
    )


def _write_rows(writer: PackageWriter, store: OperationStore, selected: Selected, order: PackOrder) -> None:
    hits = selected.hits.to_pylist()
    writer.write_json("rows/hits.json", hits)
    writer.write_json("rows/tracks.json", selected.tracks.to_pylist())
    runs = sorted({str(row["run_id"]) for row in hits})
    chips = store.chips([row["hit_id"] for row in hits], runs=runs)
    for row in hits:
        jpeg = chips.get(row["hit_id"])
        if jpeg is None:
            continue
        if not _PLAIN_ID.fullmatch(row["hit_id"]):
            writer.left_out.append(f"the picture of hit {row['hit_id']!a}: its id is none that this program makes")
            continue
        shown = jpeg if order.unredacted else redact_chip(jpeg, [row[edge] for edge in _BOX])
        if f"chips/{row['hit_id']}.jpg" not in writer.files:
            writer.write(f"chips/{row['hit_id']}.jpg", shown)
    if not order.unredacted:
        writer.left_out.append("originals, whole tables, and what pictures show outside the hits: redacted")


def _write_records(
    writer: PackageWriter, store: OperationStore, selected: Selected, signed: SignedHead
) -> dict[str, list[str]]:
    """Write the records with the proofs that they are in the log, and the heads; return the proofs by number."""
    hashes = store.leaf_hashes()[: signed.head.size]
    proofs = {}
    for leaf in selected.records:
        writer.write(f"records/{leaf.seq:06d}.json", encode(leaf))
        proofs[str(leaf.seq)] = [node.hex() for node in inclusion_proof(leaf.seq, hashes)]
    writer.write("head.note", signed.note.encode())
    for kept, stamp in kept_heads(store):
        if kept.head.size < signed.head.size:
            name = f"anchors/{kept.head.size:06d}"
            grown = consistency_proof(kept.head.size, hashes)
            writer.anchors[str(kept.head.size)] = [node.hex() for node in grown]
            writer.write(f"{name}.note", kept.note.encode())
            if stamp is not None:
                writer.write(f"{name}.txt", kept.text.encode())
                writer.write(f"{name}.tsr", stamp)
    return proofs


def _write_originals(writer: PackageWriter, store: OperationStore, selected: Selected, cut: set[str]) -> None:
    """Write originals but those that clips were cut from, and the tables."""
    for leaf in selected.of_kind(LeafKind.MEDIA):
        for member in MediaRecord.of(leaf.body).members if leaf.subject not in cut else ():
            name = f"originals/{member.sha256}{member.suffix}"
            if name not in writer.files:
                writer.write_chunks(name, _chunks(store, stored_path(store.path, member, store.vault)))
    for leaf in selected.of_kind(LeafKind.PART):
        file = str(leaf.body["file"])
        writer.write_chunks(file, _chunks(store, store.path / file))


def _chunks(store: OperationStore, path: Path) -> Iterator[bytes]:
    with store.vault.reader(path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _report(unfinished: Path) -> bytes:
    from operations.evidence.report_pdf import render_report  # fonts and their shaping: a second that no other asks for

    return render_report(unfinished)


def _contents(
    consultation: Consultation, order: PackOrder, selected: Selected, signed: SignedHead, not_packed: list[str]
) -> dict[str, Any]:
    store = consultation.store
    return {
        "v": verifier.PACKAGE_VERSION,
        "operation": {"id": store.id, "name": store.name},
        "purpose": consultation.purpose.body(),
        "to": order.to,
        "made_by": [signer.name for signer in order.signers],
        "made_t_utc_ns": store.clock(),
        "redacted": not order.unredacted,
        "selection": dict(order.asked),
        "left_out": selected.left_out | {"not_packed": not_packed},
        "head": {"size": signed.head.size, "root": signed.head.root.hex()},
        "program": {"vedette": importlib.metadata.version("vedette")},
    }


def _manifest(store: OperationStore, order: PackOrder, writer: PackageWriter, proofs: dict[str, list[str]]) -> bytes:
    document = {
        "v": verifier.PACKAGE_VERSION,
        "operation": store.id,
        "redacted": not order.unredacted,
        "keys": [signer.keys_text for signer in order.signers],
        "files": writer.files,
        "proofs": proofs,
        "anchors": writer.anchors,
    }
    return json.dumps(document, indent=1, sort_keys=True).encode("ascii") + b"\n"


_README: Final = """An evidence package of an operation of Vedette.

report.pdf     what is in it, for reading; made from the other files of this folder
contents.json  what it is, for whom, for which case, what was selected and what was left out
rows/          what a detector reported and where that was placed: a machine's assessment, not a finding of fact
records/       the log's own records of originals, analyses and people's decisions
chips/         pictures of the hits; outside the hit painted over unless the package says that it is unredacted
originals/ parts/   only in an unredacted package: recordings and whole tables, byte for byte
clips/         only in an unredacted package, where it was asked for: films cut about the hits, instead of whole ones
anchors/       earlier heads of the log that others signed (.note, its text in .txt) or stamped (.tsr)
head.note manifest.json package.note   the signed head of the log, the hash of every file, the signatures

To check it, with any Python 3.9 or later and nothing else:

    python3 verify.py --key KEYS.pub

KEYS.pub is the public key of whoever made it. Take it from them, not from this folder, and take verify.py from a
place you trust ('vedette evidence verifier' writes it). --witness OTHER.pub names another agency that signed an
earlier head of the log, --ca AUTHORITY.pem the certificates of the authority that stamped one. What verify.py cannot
check of a time stamp, it says; OpenSSL checks it as well:

    openssl ts -verify -in anchors/N.tsr -data anchors/N.txt -CAfile AUTHORITY.pem
"""
