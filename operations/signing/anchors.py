"""What a head that was kept outside proves about a log's past: by whom, when, and how far."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

from geo.errors import InputError
from operations.case_access import HEAD_FILE
from operations.case_file import Head
from operations.evidence.signed_texts import read_keys
from operations.signing.heads import SignedHead
from operations.signing.signer import read_public_text
from operations.signing.stamps import bytes_of, check_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A head kept outside, and what stands behind it."""

    head: Head
    operation: str
    """Id of the operation that it says it is of; empty for a bare size and root."""
    vouched: tuple[str, ...]
    """Who stands for it since when, a sentence each; empty where it is only as good as the place it was kept in."""

    def proves(self, records: int) -> list[str]:
        """Return how far back this head proves the past of a log that fits it, in sentences."""
        size = self.head.size
        covered = f"records 0 to {size - 1} of {records} are as they were when this head was made"
        after = "one after it rests" if records == size + 1 else f"{records - size} after it rest"
        since = f"; the {after} on the folder alone" if records > size else ""
        return [*(f"the head is {one}" for one in self.vouched or (_UNSIGNED,)), *([covered + since] if size else [])]


_UNSIGNED = "checked against no signature: it is worth what the place is worth where it was kept (--key names a key)"


def read_anchor(
    path: Path, *, keys: Sequence[Path] = (), stamp: Path | None = None, trusted: Path | None = None
) -> Anchor:
    """Read a head that was kept outside, signed or bare, and check what stands behind it.

    Raises
    ------
    InputError
        When it is no head; a key given did not sign it; the stamp is of another file or authority.
    """
    try:
        begins = path.read_bytes()[:18]
    except OSError:
        begins = b""
    if begins != b"vedette/operation/":
        head = _read_bare_head(path)
        if keys or stamp is not None:
            raise InputError(
                f"{path} is a bare size and root: there is no signature in it to check; leave --key and --stamp out",
                path=str(path),
            )
        return Anchor(head=head, operation="", vouched=())
    signed = SignedHead.read(path)
    vouched = []
    for public in keys:
        text = read_public_text(public)
        name, t_s = signed.signed_by(text)
        ended = next((e["why"] for e in read_keys(text) if e["until"] is not None and "revoked" in e["why"]), "")
        vouched.append(f"signed by {name}, who dates it {moment(t_s)}" + (f" (that key is {ended})" if ended else ""))
    if stamp is not None and trusted is not None:
        who, t_s = check_stamp(signed.text, bytes_of(stamp), bytes_of(trusted))
        vouched.append(f"stamped by {who} at {moment(t_s)}")
    return Anchor(head=signed.head, operation=signed.operation, vouched=tuple(vouched))


def moment(t_s: int) -> str:
    """Return a moment (s since 1970) as text."""
    return f"{datetime.datetime.fromtimestamp(t_s, tz=datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _read_bare_head(path: Path) -> Head:
    """Read a head that was kept outside the folder: a copy of `log.head`, or one typed from paper, in groups.

    Raises
    ------
    InputError
        When it is none.
    """
    try:
        size, *groups = path.read_text("ascii").split()
        return Head.from_bytes(f"{size} {''.join(groups)}".encode("ascii"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} holds no head of a log (size and root, as in {HEAD_FILE}): name a copy of one", path=str(path)
        ) from error
