"""Signed heads of a log, and proofs against them: texts that others keep, sign too, and hold the log to.

A head is the text of https://c2sp.org/tlog-checkpoint (origin, size, root); its signatures, the
keeper's and any other agency's, are those of https://c2sp.org/tlog-cosignature, each with the
moment it was made. A record's inclusion is a file of https://c2sp.org/tlog-proof.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final, Self

from operations.case_file import Head
from operations.evidence.signed_texts import VerifierError, check_signer, read_head, read_keys, read_note
from operations.log.leaves import LeafKind
from operations.log.merkle import consistency_proof, inclusion_proof, root_of, verify_consistency
from operations.signing.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from operations.signing.signer import Signer
    from operations.store import OperationStore

_PROOF: Final = "c2sp.org/tlog-proof@v1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head of a log as a signed text; who signed it is known only after `signed_by`."""

    note: str
    operation: str
    """Id of the operation it is of."""
    head: Head

    @classmethod
    def of(cls, note: str, where: str = "the head") -> Self:
        """Read a signed head.

        Raises
        ------
        SignatureError
            When it is none.
        """
        try:
            operation, size, root = read_head(read_note(note)[0])
        except VerifierError as error:
            raise SignatureError(f"{where} is no signed head of a log: {error}") from error
        return cls(note=note, operation=operation, head=Head(size=size, root=root))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a signed head from its file."""
        return cls.of(text_of(path), str(path))

    @property
    def text(self) -> str:
        """What is signed."""
        return read_note(self.note)[0]

    def names(self) -> list[str]:
        """Return who claims to have signed."""
        return list(dict.fromkeys(name for name, *_ in read_note(self.note)[1]))

    def signed_by(self, keys_text: str) -> tuple[str, int]:
        """Return name and moment (s since 1970) of the signature that a file of public keys stands for.

        Raises
        ------
        SignatureError
            When none of its keys signed it, a signature does not fit, or is dated after its key ended.
        """
        try:
            _, name, t_s = check_signer(self.note, read_keys(keys_text))
        except VerifierError as error:
            raise SignatureError(str(error)) from error
        return name, t_s

    def cosigned(self, signer: Signer) -> SignedHead:
        """Return it with one more signature."""
        return dataclasses.replace(self, note=self.note + signer.sign(self.text))


def head_text(operation: str, head: Head) -> str:
    """Return what is signed of a head."""
    return f"vedette/operation/{operation}\n{head.size}\n{base64.b64encode(head.root).decode()}\n"


def sign_head(store: OperationStore, signer: Signer) -> SignedHead:
    """Sign the log as it is now, and put the signed head into it as a record of its own."""
    head = store.head()
    signed = SignedHead.of(signer.note(head_text(store.id, head)))
    keep(store, signed)
    return signed


def keep(store: OperationStore, signed: SignedHead, stamp: bytes | None = None) -> None:
    """Put a signed head, with a time stamp where there is one, into the log it is of.

    Raises
    ------
    SignatureError
        When it is a head of another operation, or of a log that went otherwise.
    """
    require_head_of(store, signed)
    body = {"note": signed.note} | ({} if stamp is None else {"stamp": base64.b64encode(stamp).decode()})
    known = store.record(LeafKind.HEAD, str(signed.head.size))
    if known is not None and "stamp" in known.body and stamp is None:
        body["stamp"] = known.body["stamp"]
    store.append(LeafKind.HEAD, str(signed.head.size), body)


def require_head_of(store: OperationStore, signed: SignedHead) -> None:
    """Refuse a head that this log never had."""
    if signed.operation != store.id:
        raise SignatureError(f"this is a head of operation {signed.operation}, not of {store.path} ({store.id})")
    hashes = store.leaf_hashes()
    if signed.head.size > len(hashes) or root_of(hashes[: signed.head.size]) != signed.head.root:
        raise SignatureError(
            f"the log of {store.path} never had this head: it was cut or written again, or the head is no head of it; "
            "'vedette verify --head' says which"
        )


def kept_heads(store: OperationStore) -> list[tuple[SignedHead, bytes | None]]:
    """Return the signed heads in a log, with their time stamps, the earliest first."""
    found = []
    for leaf in store.newest(LeafKind.HEAD):
        signed = SignedHead.of(str(leaf.body["note"]), f"log record {leaf.seq}")
        stamp = leaf.body.get("stamp")
        if signed.operation == store.id:
            found.append((signed, base64.b64decode(stamp) if isinstance(stamp, str) else None))
    return sorted(found, key=lambda one: one[0].head.size)


def inclusion_text(record: int, hashes: Sequence[bytes], signed: SignedHead) -> str:
    """Return the proof that a record is in the log a signed head is of (https://c2sp.org/tlog-proof)."""
    if not 0 <= record < signed.head.size:
        raise SignatureError(
            f"record {record} is not among the {signed.head.size} that this head covers: sign a new one"
        )
    proof = inclusion_proof(record, hashes[: signed.head.size])
    lines = [_PROOF, f"index {record}", *(base64.b64encode(node).decode() for node in proof), "", signed.note]
    return "\n".join(lines)


def consistency_text(old: SignedHead, new: SignedHead, hashes: Sequence[bytes]) -> str:
    """Return the proof that a log has only grown from one signed head to a later one."""
    try:
        proof = consistency_proof(old.head.size, hashes[: new.head.size])
    except IndexError as error:
        raise SignatureError(f"no log grows from {old.head.size} records to {new.head.size}") from error
    nodes = [base64.b64encode(node).decode() for node in proof]
    return json.dumps({"v": 1, "old": old.note, "new": new.note, "proof": nodes}, indent=1) + "\n"


def check_consistency_text(text: str) -> tuple[SignedHead, SignedHead]:
    """Return the two heads of a proof that holds.

    Raises
    ------
    SignatureError
        When it does not hold, or is none.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        old, new = SignedHead.of(document["old"]), SignedHead.of(document["new"])
        proof = [base64.b64decode(node, validate=True) for node in document["proof"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SignatureError(
            "this is no proof that a log has only grown: 'vedette head proof --since' makes one"
        ) from error
    sizes = (old.head.size, old.head.root), (new.head.size, new.head.root)
    if old.operation != new.operation or not verify_consistency(*sizes, proof):
        raise SignatureError(
            f"the log of {new.head.size} records is not the one of {old.head.size} grown: it was written again"
        )
    return old, new


def text_of(path: Path) -> str:
    """Return a small text file.

    Raises
    ------
    SignatureError
        When it cannot be read as text.
    """
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode()
    except (OSError, ValueError) as error:
        raise SignatureError(f"{path} cannot be read as a signed text ({error})", path=str(path)) from error


_MAX_BYTES: Final = 1 << 22
