"""A package as a document for reading, made from the package's own files and nothing else."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from operations.findings import printable
from operations.log.leaves import LeafKind, decode
from operations.standing import CONFLICT, Given, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SHOWN_HITS: Final = 60
"""A document is read by people; the rows file holds all of them."""
_FONTS: Final = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
"""DejaVu has the letters of every name in Europe; Matplotlib brings it."""
_SAID: Final = (
    "Classes, scores and places below are a machine's assessment. They say how sure the machine was, not what is true. "
    "No face, name or identity was looked for. What people decided about them is given with their names. The package "
    "proves that these records stood in the operation's log when its head was signed; it does not prove that a camera "
    "saw the truth, that a clock was right before the recording was read in, or that nothing was left unrecorded."
)


class _Document(FPDF):
    """An A4 document with a page number on each page."""

    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-12)
        self.set_font("DejaVu", size=7)
        self.cell(0, 6, f"page {self.page_no()}", align="R")

    def heading(self, text: str) -> None:
        self.set_font("DejaVu", style="B", size=11)
        self.ln(3)
        self._line(text, 6)

    def text_line(self, text: str) -> None:
        self.set_font("DejaVu", size=8)
        self._line(text, 4.2)

    def _line(self, text: str, height: float) -> None:
        self.multi_cell(0, height, printable(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")


def render_report(folder: Path) -> bytes:
    """Return the PDF of a package folder."""
    contents = _json(folder / "contents.json")
    records = [_json(path) for path in sorted((folder / "records").glob("*.json"))]
    pdf = _Document()
    pdf.set_creation_date(_moment(contents["made_t_utc_ns"]))
    pdf.add_font("DejaVu", "", _FONTS / "DejaVuSans.ttf")
    pdf.add_font("DejaVu", "B", _FONTS / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    _write_head(pdf, contents)
    _write_sources(pdf, records)
    _write_hits(pdf, folder, _json(folder / "rows" / "hits.json"))
    _write_verdicts(pdf, [record for record in records if record["kind"] == "verdict"], _conflicts(folder))
    _write_outcomes(pdf, [record for record in records if record["kind"] == "outcome"])
    pdf.heading("The log")
    head = contents["head"]
    pdf.text_line(f"{head['size']} records, root {head['root']}; signed in head.note, signatures also in package.note.")
    pdf.text_line("Check everything with any Python: python3 verify.py --key KEYS.pub (see README.txt).")
    return bytes(pdf.output())


def _write_head(pdf: _Document, contents: dict[str, Any]) -> None:
    purpose, left = contents["purpose"], contents["left_out"]
    pdf.heading(f"Evidence package: {contents['operation']['name']}")
    pdf.text_line(f"operation {contents['operation']['id']}")
    pdf.text_line(f"case {purpose['case']}: {purpose['reason']}")
    pdf.text_line(f"for {contents['to']}, made by {', '.join(contents['made_by'])}, {_said(contents['made_t_utc_ns'])}")
    pdf.text_line("redacted: pictures show the hits alone" if contents["redacted"] else "UNREDACTED, approved by two")
    pdf.text_line(_SAID)
    pdf.heading("Selected, and left out")
    pdf.text_line(f"selection: {json.dumps(contents['selection']) if contents['selection'] else 'everything'}")
    things = f"{left['things_packed']} of {left['things_in_operation']} things"
    pdf.text_line(f"{things} (tracks, single hits) are in this package, {left['hits_packed']} hits.")
    pdf.text_line(f"{left['single_hits_not_asked_for']} single hits that fit as well were not asked for.")
    for name, count in left["left_out_by_filter_alone"].items():
        pdf.text_line(f"{name} alone leaves out {count}.")
    superseded = f"{left['runs_superseded']} analyses that were replaced by later ones"
    pdf.text_line(f"{superseded}, with {left['hits_of_superseded_runs']} hits, are not in it.")
    for sentence in left["not_packed"]:
        pdf.text_line(f"not in it: {sentence}.")


def _write_sources(pdf: _Document, records: Sequence[dict[str, Any]]) -> None:
    pdf.heading("Recordings")
    for record in records:
        if record["kind"] == "media":
            body = record["body"]
            pdf.text_line(f"{body['name']}: {body['size_bytes']} bytes, id {body['id']} (log record {record['seq']})")
    pdf.heading("How it was made")
    for record in records:
        if record["kind"] == "run":
            body = record["body"]
            pdf.text_line(f"analysis {body['run_id']} ({body['state']}, log record {record['seq']})")
            pdf.text_line(f"settings: {json.dumps(body['settings'], sort_keys=True)}")
            pdf.text_line(f"versions: {json.dumps(body['versions'], sort_keys=True)}")
            for problem in body["problems"]:
                pdf.text_line(f"problem: {problem}")


def _write_hits(pdf: _Document, folder: Path, hits: Sequence[dict[str, Any]]) -> None:
    pdf.heading("Hits")
    for hit in hits[:MAX_SHOWN_HITS]:
        placed = hit["lat_deg"] is not None
        place = f"{hit['lat_deg']:.6f}, {hit['lon_deg']:.6f}" if placed else f"no place ({hit['reason']})"
        ce90 = f" CE90 {hit['ce90_m']:.0f} m" if placed and hit["ce90_m"] is not None else ""
        sure = hit["score"] if hit["score"] is not None else hit["score_raw"]
        kind = "probability" if hit["score"] is not None else "the detector's own score"
        if pdf.will_page_break(20):
            pdf.add_page()
        top = pdf.get_y()
        picture = folder / "chips" / f"{hit['hit_id']}.jpg"
        if picture.is_file():
            pdf.image(str(picture), x=pdf.l_margin, y=top, h=16)
        pdf.set_left_margin(_INDENT_MM)
        pdf.set_xy(_INDENT_MM, top)
        pdf.text_line(f"assessed as {hit['class_name']}, {kind} {sure:.2f}; {_said(hit['t_utc_ns'])}")
        pdf.text_line(f"{place}{ce90}")
        pdf.text_line(f"hit {hit['hit_id']}, picture {hit['frame_index']} of {hit['media_id'][:16]}…")
        pdf.set_left_margin(_MARGIN_MM)
        pdf.set_xy(_MARGIN_MM, max(pdf.get_y(), top + 18))
    if len(hits) > MAX_SHOWN_HITS:
        pdf.text_line(f"and {len(hits) - MAX_SHOWN_HITS} more in rows/hits.json")


_MARGIN_MM: Final = 10.0
_INDENT_MM: Final = 30.0


def _conflicts(folder: Path) -> list[str]:
    """Return in sentences where two people decided differently about a thing and nobody has settled it."""
    track_of = {hit["hit_id"]: hit["track_id"] for hit in _json(folder / "rows" / "hits.json")}
    about: dict[str, list[Given]] = {}
    for leaf in (decode(path.read_bytes()) for path in sorted((folder / "records").glob("*.json"))):
        if leaf.kind is LeafKind.VERDICT:
            given = Given.of(leaf, 0)
            for name in {track_of.get(name) or name for name in given.ids if given.counts}:
                about.setdefault(name, []).append(given)
    standings = {name: Standing.of(given) for name, given in about.items()}
    return [
        f"conflict about {name}, which nobody has settled: {standing.told}"
        for name, standing in sorted(standings.items())
        if standing.decision == CONFLICT
    ]


def _write_verdicts(pdf: _Document, verdicts: Sequence[dict[str, Any]], conflicts: Sequence[str]) -> None:
    pdf.heading("What people decided")
    for sentence in conflicts:
        pdf.text_line(sentence)
    for record in verdicts:
        about, note = _about(record["body"])
        pdf.text_line(f"{_signature(record)}: {record['body']['decision']} {about}{note}")
    if not verdicts:
        pdf.text_line("nobody has decided anything about these hits")


def _write_outcomes(pdf: _Document, outcomes: Sequence[dict[str, Any]]) -> None:
    pdf.heading("What patrols found on the spot")
    for record in outcomes:
        body = record["body"]
        about, note = _about(body)
        when = f", there at {_said(body['at_t_utc_ns'])}" if body["at_t_utc_ns"] else ""
        pdf.text_line(f"{_signature(record)}: {body['found']} at {about}{when}{note}")
    if not outcomes:
        pdf.text_line("no patrol has reported anything about these hits")


def _about(body: dict[str, Any]) -> tuple[str, str]:
    """Return what a verdict or an outcome is about, and its note with what parts it from the rest."""
    about = f"track {body['track_id']}" if body["track_id"] else f"hits {', '.join(body['hit_ids'])}"
    return about, f"; {body['note']}" if body["note"] else ""


def _signature(record: dict[str, Any]) -> str:
    return f"{record['actor']}, {_said(record['t_utc_ns'])}"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="ascii"))


def _moment(t_utc_ns: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(t_utc_ns // 1_000_000_000, tz=datetime.UTC)


def _said(t_utc_ns: int) -> str:
    return f"{_moment(t_utc_ns):%Y-%m-%d %H:%M:%S} UTC"
