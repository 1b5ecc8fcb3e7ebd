"""Handing things on from the console: to a TAK server that was named at the start, or as a file; in every log first."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import secrets
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.errors import InputError, RefusedError
from maps.review.errors import NotThereError
from maps.review.judging.verdict_book import Key
from operations.consultation import Access
from operations.evidence.package import PackOrder, pack
from operations.exports.cot import CotOptions, events
from operations.exports.formats import FORMATS
from operations.exports.handed import Handed
from operations.exports.send_link import Address, Identity, send
from operations.finding.selection import ThingSelection, find
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maps.review.looking import Looking
    from operations.consultation import Consultation
    from operations.finding.things import Thing
    from operations.signing.signer import Signer

RULES: Final = "review rules"
"""Subject of the record of what needs two people in an operation."""
_KEPT: Final = 1_000
"""Requests for a second person's word that wait at once."""
_TYPES: Final = {
    "kml": "application/vnd.google-earth.kml+xml",
    "kmz": "application/vnd.google-earth.kmz",
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "gpx": "application/gpx+xml",
    "pdf": "application/pdf",
    "evidence": "application/zip",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """Where Cursor on Target events go: set when the console is started, by nobody who uses it."""

    address: Address
    identity: Identity
    cleartext: str = ""
    """Why clear text may leave this machine; empty where it does not."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out, with its key."""

    form: str
    key: str
    text: str


WAYS: Final = (
    Way(form="cot", key="t", text="TAK server (CoT)"),
    Way(form="kml", key="k", text="KML"),
    Way(form="gpkg", key="g", text="GeoPackage"),
    Way(form="geojson", key="j", text="GeoJSON"),
    Way(form="csv", key="c", text="table (CSV)"),
    Way(form="gpx", key="x", text="GPX"),
    Way(form="pdf", key="p", text="report (PDF)"),
    Way(form="evidence", key="e", text="evidence package"),
)
"""What is offered, in this order."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Asked:
    """Somebody wants to hand things on, and a second person's word is needed."""

    number: str
    by: str
    keys: tuple[Key, ...]
    form: str
    t_utc_ns: int
    agreed_by: str = ""


class Handing:
    """Hands things on.

    Parameters
    ----------
    looking
        Where the things are found.
    outlet
        Where events go; None where no server was named.
    signer
        Signs packages and reports; None where no key was named.
    """

    def __init__(self, looking: Looking, outlet: Outlet | None, signer: Signer | None) -> None:
        self._looking = looking
        self._outlet = outlet
        self._signer = signer
        self._turn = threading.Lock()
        self._asked: dict[str, Asked] = {}

    def why_not(self, form: str) -> str:
        """Say why a way is shut; empty where it is open."""
        if form == "cot" and self._outlet is None:
            return "no TAK server was named when the console was started (--tak)"
        if form in {"pdf", "evidence"} and self._signer is None:
            return "no signing key was named when the console was started (--signing-key)"
        return ""

    def needs_two(self) -> bool:
        """Tell whether one of the operations asks for two people before anything leaves."""
        told = (store.record(LeafKind.NOTE, RULES) for store in self._looking.desk.stores)
        return any(leaf is not None and leaf.body.get("two_people_export") is True for leaf in told)

    def rule(self, person: str, *, two_people_export: bool) -> None:
        """Set whether two people are needed; in every operation's log."""
        desk = self._looking.desk
        for source in range(len(desk.stores)):
            desk.store_of(source, person).append(LeafKind.NOTE, RULES, {"two_people_export": two_people_export})

    def ask(self, person: str, keys: Sequence[Key], form: str) -> Asked:
        """Put a request for a second person's word; the log keeps it."""
        desk = self._looking.desk
        desk.consult(person, access=Access.EXPORT, what=form)
        asked = Asked(number=secrets.token_hex(4), by=person, keys=tuple(keys), form=form, t_utc_ns=desk.clock())
        with self._turn:
            while len(self._asked) >= _KEPT:
                del self._asked[next(iter(self._asked))]
            self._asked[asked.number] = asked
        self._note(asked, person, "asked")
        return asked

    def agree(self, person: str, number: str) -> Asked:
        """Give a second person's word.

        Raises
        ------
        RefusedError
            When it is the same person.
        """
        asked = self.request(number)
        if asked.by == person:
            raise RefusedError("two people are needed: somebody else has to agree to your request")
        self._note(asked, person, "agreed")
        asked.agreed_by = person
        return asked

    def request(self, number: str) -> Asked:
        """Return a request that waits."""
        with self._turn:
            if number not in self._asked:
                raise NotThereError("there is no such request any more: ask again")
            return self._asked[number]

    def requests(self) -> list[Asked]:
        """Return the requests that wait, the newest last."""
        with self._turn:
            return list(self._asked.values())

    def redeem(self, person: str, number: str) -> dict[str, Any]:
        """Hand on what a second person agreed to: exactly that, once.

        Raises
        ------
        RefusedError
            When nobody has agreed yet, or it is somebody else's request.
        """
        asked = self.request(number)
        if asked.by != person or not asked.agreed_by:
            raise RefusedError("this request is not yours, or nobody has agreed to it yet")
        told = self.hand(person, asked.keys, asked.form, agreed_by=asked.agreed_by)
        with self._turn:
            self._asked.pop(number, None)
        return told

    def hand(self, person: str, keys: Sequence[Key], form: str, *, agreed_by: str = "") -> dict[str, Any]:
        """Hand things on; what leaves is in the log of each operation before it leaves.

        Raises
        ------
        InputError
            When the way is shut, or nothing of the things is there any more.
        """
        shut = self.why_not(form)
        if shut:
            raise InputError(f"{form} cannot be handed on: {shut}")
        desk = self._looking.desk
        consultations = desk.consult(person, access=Access.EXPORT, what=form)
        more = {"agreed_by": agreed_by} if agreed_by else {}
        with desk.turn:
            if form in {"pdf", "evidence"}:
                return self._packed(consultations, keys, form, more)
            handed = self._handed(keys, consultations[0].purpose.case)
            return (
                self._sent(handed, consultations, more) if form == "cot" else _filed(handed, consultations, form, more)
            )

    def _handed(self, keys: Sequence[Key], case: str) -> Handed:
        desk = self._looking.desk
        names = tuple(dict.fromkeys(key.thing_id for key in keys))
        found = find(
            desk.archive, desk.index, ThingSelection(thing_ids=names, singles=True, border=self._looking.sight.border)
        )
        things, wanted = found.things, set(keys)
        rows = [row for row in range(len(things)) if _key(things[row]) in wanted]
        if not rows:
            raise NotThereError("none of these things is there any more: load the queue again")
        chosen = things.take(np.array(rows, np.int64))
        return Handed.of(desk.archive, chosen, now_utc_ns=desk.clock(), case=case, zone=self._looking.sight.zone)

    def _sent(self, handed: Handed, consultations: Sequence[Consultation], more: dict[str, Any]) -> dict[str, Any]:
        outlet = self._outlet
        if outlet is None:
            raise InputError("no TAK server was named when the console was started (--tak)")
        listed = events(handed, CotOptions())
        digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()
        said = {"address": str(outlet.address), "events": len(listed), "sha256": digest}
        _log(handed, consultations, "cot", said | more | ({"cleartext": outlet.cleartext} if outlet.cleartext else {}))
        sent = send(outlet.address, listed, outlet.identity)
        return {"address": str(outlet.address), "events": sent, "things": len(handed.rows)}

    def _packed(
        self, consultations: Sequence[Consultation], keys: Sequence[Key], form: str, more: dict[str, Any]
    ) -> dict[str, Any]:
        sources = {key.source for key in keys}
        if len(sources) != 1 or self._signer is None:
            raise InputError("a package is of one operation: pick things of one")
        names = tuple(dict.fromkeys(key.thing_id for key in keys))
        order = PackOrder(
            selection=ThingSelection(thing_ids=names, singles=True),
            asked={"things": list(names), "form": form, **more},
            to="whoever it was handed to from the console",
            signers=(self._signer,),
        )
        with tempfile.TemporaryDirectory(prefix="vedette-") as scratch:
            folder = Path(scratch) / "package"
            pack(consultations[next(iter(sources))], order, folder)
            data = (folder / "report.pdf").read_bytes() if form == "pdf" else _zipped(folder)
        name = "report.pdf" if form == "pdf" else "evidence.zip"
        return _file(name, form, data, len(names))

    def _note(self, asked: Asked, person: str, what: str) -> None:
        desk = self._looking.desk
        for source in sorted({key.source for key in asked.keys}):
            things = [key.thing_id for key in asked.keys if key.source == source]
            body = {"what": what, "form": asked.form, "things": things, "by": asked.by}
            desk.store_of(source, person).append(LeafKind.NOTE, f"hand-on request {asked.number}", body)


def _filed(handed: Handed, consultations: Sequence[Consultation], form: str, more: dict[str, Any]) -> dict[str, Any]:
    data = FORMATS[form](handed)
    _log(handed, consultations, form, {"sha256": hashlib.sha256(data).hexdigest(), **more})
    return _file(f"things.{form}", form, data, len(handed.rows))


def _file(name: str, form: str, data: bytes, things: int) -> dict[str, Any]:
    return {"file": name, "type": _TYPES[form], "data": base64.b64encode(data).decode("ascii"), "things": things}


def _log(handed: Handed, consultations: Sequence[Consultation], form: str, said: dict[str, Any]) -> None:
    """Put the export into the log of each operation that things are of; where that cannot be, nothing leaves."""
    for source, consultation in enumerate(consultations):
        names = [thing.thing_id for thing in handed.things if thing.source == source]
        if names:
            consultation.exported(form, {"things": names, **said})


def _key(thing: Thing) -> Key:
    return Key(source=thing.source, run_id=thing.run_id, thing_id=thing.thing_id)


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
