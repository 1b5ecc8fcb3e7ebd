"""``vedette head``: sign a log's head, have others sign or stamp it, print it, and prove against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geo.errors import InputError
from vedette.commands.opened import opened
from vedette.commands.question_options import require_new
from vedette.commands.screen import ERRORS, RESULTS
from vedette.commands.secret_options import KeyFile, PassphraseFile
from vedette.commands.signing_options import Keys, SigningKey, SigningPassphraseFile, signer_of

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Sign the head of a log, anchor it outside, and prove records against it.",
)

Operation = Annotated[Path, typer.Argument(help="An operation folder.")]
HeadFile = Annotated[Path, typer.Argument(help="A signed head, as 'vedette head sign' writes it.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Actor = Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")]


@app.command()
def sign(
    operation: Operation,
    out: Out,
    signing_key: SigningKey,
    signing_passphrase_file: SigningPassphraseFile = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Sign the log as it is now; keep the file where nobody can write who can write the operation.

    Example: vedette head sign night-1 -o night-1.head --signing-key ana.key
    """
    from operations.signing.heads import sign_head

    require_new(out)
    signer = signer_of(signing_key, signing_passphrase_file)
    with opened(operation, key_file, passphrase_file, actor) as store:
        signed = sign_head(store, signer)
    _write(out, signed.note.encode())
    ERRORS.print(f"{out}: {signed.head.size} records, signed by {signer.name}")


@app.command()
def cosign(
    head: HeadFile,
    out: Out,
    signing_key: SigningKey,
    since: Annotated[
        Path | None, typer.Option("--proof", help="Proof that the log has only grown since the head you signed last.")
    ] = None,
    key: Keys = None,
    signing_passphrase_file: SigningPassphraseFile = None,
) -> None:
    """Sign somebody else's head: from then on its keeper cannot write the past anew unnoticed.

    With --key the keeper's signature is checked first. Example: vedette head cosign night-1.head -o both.head
    --signing-key police.key --key ana.pub --proof grown.json
    """
    from operations.signing.heads import SignedHead, check_consistency_text, text_of
    from operations.signing.signer import read_public_text

    require_new(out)
    signed = SignedHead.read(head)
    signer = signer_of(signing_key, signing_passphrase_file)
    for public in key or ():
        signed.signed_by(read_public_text(public))
    if since is not None:
        old, new = check_consistency_text(text_of(since))
        if new.text != signed.text:
            raise InputError(f"{since} proves something about another head than {head}", path=str(since))
        old.signed_by(signer.keys_text)  # the head it begins at is one that this very person has signed
    _write(out, signed.cosigned(signer).note.encode())
    ERRORS.print(f"{out}: {signed.head.size} records, signed by {', '.join([*signed.names(), signer.name])}")


@app.command()
def request(head: HeadFile, out: Out) -> None:
    """Write the request (RFC 3161) for a time stamp; any authority answers it, by any way there is.

    Example: vedette head request night-1.head -o night-1.tsq
    """
    from operations.signing.heads import SignedHead
    from operations.signing.stamps import stamp_request

    require_new(out)
    _write(out, stamp_request(SignedHead.read(head).text))
    ERRORS.print(f"{out}: send it to a time authority (application/timestamp-query); its answer is a .tsr file")


@app.command()
def keep(
    operation: Operation,
    head: HeadFile,
    stamp: Annotated[Path | None, typer.Option(help="A time authority's answer (.tsr) on this head.")] = None,
    ca: Annotated[Path | None, typer.Option("--ca", help="Trusted certificates (PEM) of the time authority.")] = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Put a head that others signed or stamped into the log, so that evidence packages carry it.

    Example: vedette head keep night-1 both.head --stamp night-1.tsr --ca tsa.pem
    """
    from operations.signing.anchors import moment
    from operations.signing.heads import SignedHead, keep
    from operations.signing.stamps import bytes_of, check_stamp

    signed = SignedHead.read(head)
    answer = None if stamp is None else bytes_of(stamp)
    if answer is not None:
        if ca is None:
            raise InputError("a time stamp is checked before it is kept: name the trusted certificates with --ca")
        who, t_s = check_stamp(signed.text, answer, bytes_of(ca))
        ERRORS.print(f"stamped by {who} at {moment(t_s)}")
    with opened(operation, key_file, passphrase_file, actor) as store:
        keep(store, signed, answer)
    ERRORS.print(f"{operation} holds the head of its first {signed.head.size} records")


@app.command()
def proof(
    operation: Operation,
    head: Annotated[Path, typer.Option("--head", help="The signed head to prove against.")],
    out: Out,
    record: Annotated[int | None, typer.Option(help="Number of the record that is in the log.")] = None,
    since: Annotated[Path | None, typer.Option(help="An earlier signed head that the log has only grown from.")] = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the proof that a record is in a log, or that the log has only grown.

    Example: vedette head proof night-1 --head now.head --since old.head -o grown.json
    """
    from operations.signing.heads import SignedHead, consistency_text, inclusion_text, require_head_of

    if (record is None) == (since is None):
        raise InputError("name one thing to prove: --record NUMBER, or --since HEAD")
    require_new(out)
    signed = SignedHead.read(head)
    with opened(operation, key_file, passphrase_file, read_only=True) as store:
        require_head_of(store, signed)
        hashes = store.leaf_hashes()
    if since is not None:
        text = consistency_text(SignedHead.read(since), signed, hashes)
    else:
        text = inclusion_text(record or 0, hashes, signed)
    _write(out, text.encode())
    ERRORS.print(f"{out}: proven against the head of {signed.head.size} records")


@app.command(name="print")
def print_(head: HeadFile) -> None:
    """Show a head as words on a screen or a sheet: a code to photograph, and groups to type.

    Example: vedette head print night-1.head
    """
    import segno

    from operations.signing.heads import SignedHead

    signed = SignedHead.read(head)
    root = signed.head.root.hex()
    groups = " ".join(root[start : start + 4] for start in range(0, len(root), 4))
    lines = segno.make(f"{signed.head.size} {root}", error="m", micro=False).matrix_iter(border=4)
    for row in lines:
        RESULTS.print("".join("\u2588\u2588" if dark else "  " for dark in row))
    RESULTS.print(f"operation {signed.operation}")
    RESULTS.print(f"{signed.head.size} {groups}")
    RESULTS.print("vedette verify FOLDER --head FILE, with the line above in FILE, holds the log to it")


def _write(path: Path, data: bytes) -> None:
    from operations import durable_file

    durable_file.write_whole(path, data)
