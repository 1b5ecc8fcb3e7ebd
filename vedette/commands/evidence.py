"""``vedette evidence``: packages that stand up elsewhere, and the report of who saw what."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from geo.errors import InputError
from vedette.commands.opened import opened
from vedette.commands.purpose_options import CaseNumber, Reason, tell_viewed
from vedette.commands.question_options import (
    AreaFile,
    BorderFile,
    BriefFile,
    Classes,
    FromTime,
    MinScore,
    NearBorder,
    Question,
    Singles,
    ToTime,
    TrackIds,
    Verdicts,
)
from vedette.commands.screen import ERRORS, RESULTS, line, print_json
from vedette.commands.secret_options import KeyFile, PassphraseFile
from vedette.commands.signing_options import Keys, SigningKey, SigningPassphraseFile
from vedette.commands.two_people import SecondKey, SecondPassphraseFile, signers_of

if TYPE_CHECKING:
    from operations.evidence.consultations import ConsultationEntry

_SHOWN: Final = 3
"""So many things of a list stand on the screen."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Hand on what was found so that it stands up, and say who saw what.",
)

Operation = Annotated[Path, typer.Argument(help="An operation folder.")]
Actor = Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")]


@app.command()
def pack(
    operation: Operation,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.")],
    to: Annotated[str, typer.Option("--for", help="Whom it is for; goes into the log and the package.")],
    signing_key: SigningKey,
    classes: Classes = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    area: AreaFile = None,
    brief: BriefFile = None,
    border: BorderFile = None,
    near_border_m: NearBorder = None,
    verdicts: Verdicts = None,
    min_score: MinScore = None,
    tracks: TrackIds = None,
    singles: Singles = False,
    unredacted: Annotated[
        bool, typer.Option("--unredacted", help="With originals and whole tables; needs a second key.")
    ] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="With --unredacted: films cut about the hits, instead of whole ones.")
    ] = False,
    around_s: Annotated[float, typer.Option(min=0.0, help="Seconds before and after them, with --clips.")] = 5.0,
    second_key: SecondKey = None,
    case: CaseNumber = None,
    reason: Reason = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    second_passphrase_file: SecondPassphraseFile = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Write a package: rows, pictures, how each was made, proofs, a document for reading, and a verifier.

    Example: vedette evidence pack night-1 -o case-412 --for "county court" --case 2026-0412 --reason "order of 3 May"
    --signing-key ana.key --class person
    """
    from operations.consultation import Access, consult
    from operations.evidence.package import PackOrder
    from operations.evidence.package import pack as pack_evidence

    question = Question(
        classes=classes, from_time=from_time, to_time=to_time, area=area, brief=brief, border=border,
        near_border_m=near_border_m, verdicts=verdicts, min_score=min_score, tracks=tracks, singles=singles,
    )  # fmt: skip
    selection = question.selection()
    if clips and not unredacted:
        raise InputError("--clips shows films, and a redacted package shows none: add --unredacted and a second key")
    with opened(operation, key_file, passphrase_file, actor) as store:
        consultation = consult(store, access=Access.EXPORT, what="evidence", case=case, reason=reason)
        signers = signers_of(signing_key, signing_passphrase_file, second_key, second_passphrase_file)
        order = PackOrder(
            selection=selection, asked=question.told(), to=to, signers=signers, unredacted=unredacted,
            clips_around_s=around_s if clips else None,
        )  # fmt: skip
        packed = pack_evidence(consultation, order, out)
    if as_json:
        print_json({"package": str(out), **dataclasses.asdict(packed)})
        return
    names = " and ".join(signer.name for signer in signers)
    ERRORS.print(f"{out}: {packed.hits} hits, {packed.records} records with proofs, signed by {names}")
    ERRORS.print(f"anybody checks it with any Python: python3 {out / 'verify.py'} --key KEYS.pub")


@app.command()
def check(
    package: Annotated[Path, typer.Argument(help="A package folder.")],
    key: Keys = None,
    witness: Annotated[
        list[Path] | None,
        typer.Option(help="A .pub file whose signature has to be on an earlier head in the package; repeat."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Trusted certificates (PEM) of the authorities that stamped heads.")
    ] = None,
) -> None:
    """Check a package as its own verifier does. Example: vedette evidence check case-412 --key ana.pub

    Exit status 0 when it holds, 1 when not.
    """  # noqa: D400, D415 - begins with a command
    from operations.evidence.verifier import check_package
    from operations.signing.heads import text_of
    from operations.signing.signer import read_public_text

    if not (package / "manifest.json").is_file():
        raise InputError(
            f"{package} is no evidence package (no manifest.json in it): name the folder", path=str(package)
        )
    keys, witnesses = ([read_public_text(public) for public in listed or ()] for listed in (key, witness))
    wrong, told, rests = check_package(str(package), keys, witnesses, "" if ca is None else text_of(ca))
    for sentence in wrong:
        ERRORS.print(line(("wrong:", "bold red"), f" {sentence}"))
    for sentence in (*told, *(f"rests on: {one}" for one in rests)):
        ERRORS.print(sentence)
    ERRORS.print(f"{package} {'does not hold' if wrong else 'holds'}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def verifier(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
) -> None:
    """Write the verifier that packages carry, from this program, for who doubts the one in a package.

    Example: vedette evidence verifier -o verify.py
    """
    from operations.durable_file import write_whole
    from operations.evidence.verify_file import verify_file

    write_whole(out, verify_file())
    ERRORS.print(f"{out}: run it with any Python from 3.9 on: python3 -I {out} --key KEYS.pub PACKAGE")


@app.command()
def report(
    operation: Operation,
    journal: Annotated[
        Path | None, typer.Option(help="A viewer's own log of views (.views), with --key its .pub file.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Public keys of the journal's viewer.")] = None,
    only_case: Annotated[str | None, typer.Option("--only-case", help="Only what belongs to this case.")] = None,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List who saw what, when and why, and to whom it went: for lawful review, not for measuring anybody.

    Example: vedette evidence report night-1 --case audit-3 --reason "yearly review"
    """
    from operations.consultation import Access, consult
    from operations.evidence.consultations import consultations, from_journal
    from operations.signing.signer import read_public_text
    from operations.signing.view_journal import read_journal

    if (journal is None) != (key is None):
        raise InputError("a journal is read against its viewer's public keys: give --journal and --key together")
    with opened(operation, key_file, passphrase_file, actor) as store:
        consultation = consult(store, access=Access.VIEW, what="report", case=case, reason=reason)
        entries = consultations(store, case=only_case)
        if journal is not None and key is not None:
            own = from_journal(store, read_journal(journal, read_public_text(key)))
            entries = sorted([*entries, *own], key=lambda entry: entry.t_utc_ns)
        tell_viewed(consultation, "report", {"entries": len(entries)})
    if as_json:
        print_json({"operation": str(operation), "entries": [dataclasses.asdict(entry) for entry in entries]})
        return
    table = Table("record", "when", "who", "what", "case", "why", "to", "details")
    for entry in entries:
        table.add_row(*_row(entry))
    RESULTS.print(table)


def _shortened(value: Any) -> Any:
    """Return details for the screen, where hundreds of ids hide who asked and why; ``--json`` has them all."""
    if isinstance(value, Mapping):
        return {name: _shortened(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)) and len(value) > _SHOWN:
        return [*value[:_SHOWN], f"... {len(value)} in all"]
    return value


def _row(entry: ConsultationEntry) -> tuple[str, ...]:
    when = datetime.datetime.fromtimestamp(entry.t_utc_ns // 1_000_000_000, tz=datetime.UTC)
    record = "own" if entry.record is None else str(entry.record)
    what, details = f"{entry.kind}: {entry.what}", json.dumps(_shortened(entry.details), sort_keys=True)
    return record, f"{when:%Y-%m-%d %H:%M:%S}", entry.who, what, entry.case, entry.reason, entry.to, details
