"""Whose signature makes an approval: the key that signs one, and the keys that are known here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.flight.approval import Approval
    from missions.flight.approval_signature import Check

APPROVAL_KEYS_VARIABLE = "VEDETTE_APPROVAL_KEYS"
"""Names the .pub files whose owners may approve flights from this station, as PATH names folders."""


def known_keys() -> list[Path]:
    """Return the public keys that the environment names."""
    return [Path(part) for part in os.environ.get(APPROVAL_KEYS_VARIABLE, "").split(os.pathsep) if part]


def approval_check(keys: Sequence[Path]) -> Check | None:
    """Return what tells whose key signed an approval; None where no key is named, and then nobody is asked for one.

    Raises
    ------
    SigningKeyError
        When a file holds no public key.
    """
    from operations.signing.errors import SignatureError
    from operations.signing.signer import read_public_text

    if not keys:
        return None
    texts = [read_public_text(path) for path in keys]

    def check(note: str) -> tuple[str, str]:
        from operations.evidence.signed_texts import ANOTHER_KEY, VerifierError, check_signer, read_keys

        said = ""
        for text in texts:
            try:
                signed, name, _ = check_signer(note, read_keys(text))
            except VerifierError as error:
                said = said or str(error).removesuffix(ANOTHER_KEY)
                continue
            return signed, name
        raise SignatureError(said)

    return check


def signed_by(approval: Approval, key: Path | None, passphrase_file: Path | None = None) -> Approval:
    """Return an approval signed with a person's key, or as it is where there is none."""
    from missions.flight.approval_signature import sign_approval
    from vedette.commands.signing_options import signer_of

    return approval if key is None else sign_approval(approval, signer_of(key, passphrase_file).note)


def signed_here(approval: Approval) -> Approval:
    """Return an approval signed with the key that the environment names, or as it is where it names none."""
    from vedette.commands.signing_options import SIGNING_KEY_VARIABLE, SIGNING_PASSPHRASE_VARIABLE

    key, passphrase = os.environ.get(SIGNING_KEY_VARIABLE), os.environ.get(SIGNING_PASSPHRASE_VARIABLE)
    return signed_by(approval, Path(key) if key else None, Path(passphrase) if passphrase else None)
