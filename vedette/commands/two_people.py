"""What shows more than the hits themselves leaves by two people, each with a signing key of their own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import RefusedError
from vedette.commands.signing_options import SIGNING_KEY_VARIABLE, signer_of

if TYPE_CHECKING:
    from operations.signing.signer import Signer

SecondKey = Annotated[
    Path | None, typer.Option("--second-key", help="Signing key of the second person, where two are needed.")
]
SecondPassphraseFile = Annotated[
    Path | None, typer.Option("--second-passphrase-file", help="File or descriptor with the second key's passphrase.")
]
FirstKey = Annotated[
    Path | None,
    typer.Option("--signing-key", envvar=SIGNING_KEY_VARIABLE, help="Your signing key, where two people are needed."),
]


def signers_of(
    first: Path, first_passphrase_file: Path | None, second: Path | None, second_passphrase_file: Path | None
) -> tuple[Signer, ...]:
    """Open the signing keys of one or two people."""
    signers = (signer_of(first, first_passphrase_file),)
    return signers if second is None else (*signers, signer_of(second, second_passphrase_file))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TwoKeys:
    """The keys that were named for a film to leave."""

    first: Path | None
    first_passphrase_file: Path | None
    second: Path | None
    second_passphrase_file: Path | None

    def agree(self, handed: dict[str, Any]) -> dict[str, Any]:
        """Return what the log keeps of a film that leaves: what it is, and that two people signed it.

        Raises
        ------
        RefusedError
            When there are not two keys of two people.
        """
        signers: tuple[Signer, ...] = ()
        if self.first is not None and self.second is not None:
            signers = signers_of(self.first, self.first_passphrase_file, self.second, self.second_passphrase_file)
        names = {signer.name for signer in signers}
        if len({signer.vkey for signer in signers}) < 2 or len(names) < 2:
            same = f"both keys are of {' and '.join(sorted(names))}: " if signers else ""
            raise RefusedError(
                f"{same}a film shows everybody in it: two people let it leave, each with a key of their own "
                "(--signing-key, --second-key); pictures of the hits alone leave with 'vedette export --to kmz'"
            )
        text = f"A film leaves unredacted\n{json.dumps(handed, sort_keys=True)}\n"
        return {**handed, "agreed": text + "\n" + "".join(signer.sign(text) for signer in signers)}
