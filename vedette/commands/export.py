"""``vedette export``: hand things on, as files of other programs or to a TAK server."""

from __future__ import annotations

import dataclasses
import hashlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError
from vedette.commands.purpose_options import CaseNumber, Reason
from vedette.commands.question_options import (
    Actor,
    AreaFile,
    Asker,
    BorderFile,
    BriefFile,
    Classes,
    FromTime,
    MinScore,
    NearBorder,
    Operations,
    Question,
    Singles,
    TrackIds,
    UntilTime,
    Verdicts,
    Zone,
    parse_zone,
    require_new,
)  # fmt: skip
from vedette.commands.screen import ERRORS, line, print_json, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile
from vedette.commands.signing_options import SigningPassphraseFile
from vedette.commands.two_people import FirstKey, SecondKey, SecondPassphraseFile, TwoKeys

if TYPE_CHECKING:
    from operations.exports.handed import Handed
    from operations.finding.selection import Found
    from vedette.commands.question_options import Asked

app = typer.Typer(add_completion=False)

Format = StrEnum(  # the names of `operations.exports.formats.FORMATS`, and of clips
    "Format", ["cot", "geojson", "kml", "kmz", "gpkg", "geoparquet", "csv", "gpx", "coco", "scores", "vmti"]
)
_HINT = (
    "Example: vedette export night-1 --class person --brief brief.toml --near-border-m 300 --to kmz -o near.kmz "
    '--case 2026-0412 --reason "patrol at km 31"  ·  '
    "vedette export night-1 --to cot --send tls:tak.example.org:8089 --cert me.pem --key me.key --ca ca.pem ..."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where things go: a file, or an address with what is needed to be let in."""

    out: Path | None
    send: str | None
    cert: Path | None
    key: Path | None
    ca: Path | None
    cleartext: str | None
    recipient: str | None

    def check(self, form: str) -> None:
        """Refuse what cannot be, before anything is opened."""
        from operations.exports.send_link import Address, require_meant

        if (self.out is None) == (self.send is None):
            raise InputError("give either --out FILE or --send ADDRESS")
        if self.out is not None:
            require_new(self.out)
        if self.send is not None:
            if form != "cot":
                raise InputError(f"--send hands on Cursor on Target events: use --to cot, not --to {form}")
            require_meant(Address.parse(self.send), self.cleartext)

    def told(self) -> dict[str, Any]:
        """Return what the log keeps of it."""
        known = {"file": None if self.out is None else self.out.name, "address": self.send, "to": self.recipient}
        return {name: value for name, value in (known | {"cleartext": self.cleartext}).items() if value is not None}


@app.command(epilog=_HINT)
def export(
    operations: Operations,
    to: Annotated[Format, typer.Option("--to", help="Format.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; it must not be there yet.")
    ] = None,
    send: Annotated[str | None, typer.Option(help="tls:HOST:PORT, tcp:HOST:PORT or udp:HOST:PORT (cot).")] = None,
    cert: Annotated[Path | None, typer.Option(help="Our certificate (PEM), for tls.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    ca: Annotated[Path | None, typer.Option(help="Who signs the server's certificate (PEM).")] = None,
    cleartext: Annotated[str | None, typer.Option(help="Why clear text may leave this machine.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Whom it is for; goes into the log.")] = None,
    stale_min: Annotated[float, typer.Option(min=0.1, help="cot: minutes until clients show events as old.")] = 10.0,
    one_sigma: Annotated[bool, typer.Option("--ce-one-sigma", help="cot: ce is one sigma, not CE90.")] = False,
    recording: Annotated[str | None, typer.Option(help="vmti: the clip, where things are of several.")] = None,
    signing_key: FirstKey = None,
    second_key: SecondKey = None,
    classes: Classes = None,
    near_border_m: NearBorder = None,
    brief: BriefFile = None,
    border: BorderFile = None,
    from_time: FromTime = None,
    to_time: UntilTime = None,
    area: AreaFile = None,
    verdicts: Verdicts = None,
    min_score: MinScore = None,
    tracks: TrackIds = None,
    singles: Singles = False,
    zone: Zone = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    second_passphrase_file: SecondPassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Hand on the things a question finds (the options of 'vedette find'), worded as assessments, with their origin."""
    from operations.consultation import Access
    from operations.exports.handed import LONGEST, Handed
    from operations.finding.selection import find
    from operations.finding.thing_index import ThingIndex

    target = Target(out=out, send=send, cert=cert, key=key, ca=ca, cleartext=cleartext, recipient=recipient)
    target.check(str(to))
    question = Question(
        classes=classes, from_time=from_time, to_time=to_time, area=area, brief=brief, border=border,
        near_border_m=near_border_m, verdicts=verdicts, min_score=min_score, tracks=tracks, singles=singles,
    )  # fmt: skip
    selection, local = question.selection(), parse_zone(zone)
    asker = Asker(actor=actor, case=case, reason=reason, key_file=key_file, passphrase_file=passphrase_file)
    with asker.opened(operations, Access.EXPORT, str(to)) as asked:
        found = find(asked.archive, ThingIndex(asked.archive), selection, limit=LONGEST)
        if not len(found.things):
            raise InputError("nothing was found, so nothing is exported; ask for more with 'vedette find'")
        number = asked.consultations[0].purpose.case
        handed = Handed.of(asked.archive, found.things, now_utc_ns=utc_now_ns(), case=number, zone=local)
        leaving = _Leaving(asked=asked, found=found, handed=handed, target=target, told=question.told())
        if to == "vmti":
            keys = TwoKeys(
                first=signing_key, first_passphrase_file=signing_passphrase_file,
                second=second_key, second_passphrase_file=second_passphrase_file,
            )  # fmt: skip
            said = leaving.into_clip(recording, keys)
        elif send is not None:
            said = leaving.to_address(stale_min * 60.0, one_sigma=one_sigma)
        else:
            said = leaving.to_file(str(to), stale_min * 60.0, one_sigma=one_sigma)
    _tell(said, found, as_json=as_json)
    if said.get("left_out"):
        raise typer.Exit(1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    """Things on their way out: they are in every log before they are anywhere else."""

    asked: Asked
    found: Found
    handed: Handed
    target: Target
    told: dict[str, Any]

    def to_file(self, form: str, stale_s: float, *, one_sigma: bool) -> dict[str, Any]:
        from operations.durable_file import write_whole
        from operations.exports.cot import CotOptions, cot
        from operations.exports.formats import FORMATS

        options = CotOptions(stale_s=stale_s, one_sigma=one_sigma)
        data = cot(self.handed, options) if form == "cot" else FORMATS[form](self.handed)
        self._log(form, {"sha256": hashlib.sha256(data).hexdigest()})
        out = Path(self.target.out or "")
        write_whole(out, data)
        return {"path": str(out), "bytes": len(data), "things": len(self.handed.rows)}

    def to_address(self, stale_s: float, *, one_sigma: bool) -> dict[str, Any]:
        from operations.exports.cot import CotOptions, events
        from operations.exports.send_link import Address, Identity, send

        listed = events(self.handed, CotOptions(stale_s=stale_s, one_sigma=one_sigma))
        data = "\n".join(listed).encode()
        self._log("cot", {"sha256": hashlib.sha256(data).hexdigest(), "events": len(listed)})
        address = Address.parse(self.target.send or "")
        identity = Identity(cert=self.target.cert, key=self.target.key, ca=self.target.ca)
        sent = send(address, listed, identity)
        return {"address": str(address), "events": sent, "things": len(self.handed.rows)}

    def into_clip(self, recording: str | None, keys: TwoKeys) -> dict[str, Any]:
        from operations.exports.recordings import Recording
        from operations.exports.vmti_targets import vmti
        from operations.finding.hits_of_things import belong_to

        things, archive = self.found.things, self.asked.archive
        pairs = {(thing.source, thing.media_id) for thing in things}
        if recording is not None:
            chosen = Recording.named(archive.stores[0], recording)
        elif len(pairs) == 1:
            ((source, media_id),) = pairs
            chosen = Recording.of(archive.stores[source], media_id)
        else:
            raise InputError(f"the things are of {len(pairs)} recordings and one clip holds one: name it (--recording)")
        runs = sorted({thing.run_id for thing in things if thing.media_id == chosen.media.id})
        hits = chosen.store.hits(runs=runs)
        hits = hits.take(belong_to(hits, things, archive))
        self._log("vmti", keys.agree({"recording": chosen.media.id}))
        report = vmti(chosen, hits, Path(self.target.out or ""))
        return {"path": str(self.target.out), **dataclasses.asdict(report)}

    def _log(self, form: str, more: dict[str, Any]) -> None:
        """Put the export into the log of each operation things are of; where that cannot be, nothing leaves."""
        names, sources = (
            self.found.things.ids["thing_id"].texts().tolist(),
            self.found.things.number["source"].tolist(),
        )
        for number, consultation in enumerate(self.asked.consultations):
            of_it = [name for name, source in zip(names, sources, strict=True) if source == number]
            if of_it:
                handed = {"asked": self.told, "things": of_it, **self.target.told(), **more}
                said = consultation.exported(form, handed)
                if said:
                    ERRORS.print(line(("not logged:", "yellow"), f" {said}"))


def _tell(said: dict[str, Any], found: Found, *, as_json: bool) -> None:
    if as_json:
        print_json(said | {"total": found.total, "single_hits_left": found.singles_left})
        return
    where = said.get("path") or said.get("address")
    counted = ", ".join(f"{value} {name}" for name, value in said.items() if name not in {"path", "address"})
    ERRORS.print(f"{where}: {counted}. Machine assessments; a person decides.")
    if found.singles_left:
        ERRORS.print(f"{found.singles_left} single hits that belong to no track match as well (--singles)")
