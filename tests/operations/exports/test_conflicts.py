"""Two people who decided differently leave as two people who decided differently, in every format."""

from __future__ import annotations

import csv
import io
import json

import pyogrio
import pytest
from fpdf import FPDF

from operations.consultation import Consultation, Purpose
from operations.evidence.package import PackOrder, pack
from operations.evidence.report_pdf import render_report
from operations.exports.coco import coco
from operations.exports.cot import CotOptions, events
from operations.exports.gpx import gpx
from operations.exports.handed import Handed
from operations.exports.kml import kml
from operations.exports.tables import geojson, geopackage, spreadsheet
from operations.finding.archive import Archive
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.log.leaves import LeafKind
from operations.signing.signer import new_key
from operations.standing import CONFLICT, SETTLES
from operations.store import OperationStore
from operations.values import Decision, Verdict
from tests.operations.finding.conftest import made_operation

NOW_NS = 1_767_300_000_000_000_000
SAID = "confirmed by ana, dismissed by ben"
TRACK, HIT_OF_TRACK = "T0-3", f"00{3 * 6 + 2:06x}"


def say(path, person, decision, *, hit=False, **body):
    """Give a verdict in somebody's name; returns its id."""
    with OperationStore.open(path, actor=person, clock=lambda: NOW_NS) as store:
        run, name = store.runs()[0].run_id, f"{person} on {'a hit' if hit else 'the track'}"
        about = {"hit_ids": (HIT_OF_TRACK,)} if hit else {"track_id": TRACK}
        verdict = Verdict(verdict_id=name, run_id=run, decision=decision, **about)
        store.append(LeafKind.VERDICT, name, verdict.body() | body)
    return name


def asked(path, **selection):
    """Return the things of a question, as they would leave."""
    with OperationStore.open(path, actor="ana", clock=lambda: NOW_NS) as store, Archive([store]) as archive:
        things = find(archive, ThingIndex(archive), ThingSelection(**selection)).things
        return {row["id"]: (row["decision"], row["decided_by"]) for row in Handed.of(
            archive, things, now_utc_ns=NOW_NS, case="7").rows}  # fmt: skip


@pytest.fixture
def conflicting(tmp_path):
    """Return an operation in which ana confirmed a track, and ben dismissed a hit of it, later."""
    path = made_operation(tmp_path / "op", nights=1)
    say(path, "ana", Decision.CONFIRMED)
    say(path, "ben", Decision.DISMISSED, hit=True)
    return path


def test_who_came_last_does_not_settle_it(conflicting):
    assert asked(conflicting)[TRACK] == (CONFLICT, SAID)
    say(conflicting, "ana", Decision.CONFIRMED)  # once more, after ben
    assert asked(conflicting)[TRACK] == (CONFLICT, "dismissed by ben, confirmed by ana")
    assert list(asked(conflicting, verdicts=(CONFLICT,))) == [TRACK]
    assert TRACK not in asked(conflicting, verdicts=("confirmed", "dismissed", "none"))


def test_one_person_who_changed_their_mind_is_no_conflict(conflicting):
    say(conflicting, "ben", Decision.CONFIRMED)
    assert asked(conflicting)[TRACK] == ("confirmed", "confirmed by ana, confirmed by ben")
    say(conflicting, "cleo", Decision.UNDECIDED)
    assert asked(conflicting)[TRACK][0] == "confirmed"


def test_it_is_settled_by_name_and_opened_again_by_a_new_word(conflicting):
    said = ["ana on the track", "ben on a hit"]
    say(conflicting, "sue", Decision.DISMISSED, **{SETTLES: said})
    assert asked(conflicting)[TRACK][0] == "dismissed"
    say(conflicting, "ana", Decision.CONFIRMED)
    assert asked(conflicting)[TRACK][0] == CONFLICT


def test_every_format_says_both(conflicting, tmp_path):
    import defusedxml.ElementTree as ElementTree

    with OperationStore.open(conflicting, actor="ana", clock=lambda: NOW_NS) as store, Archive([store]) as archive:
        things = find(archive, ThingIndex(archive), ThingSelection(thing_ids=(TRACK,))).things
        handed = Handed.of(archive, things, now_utc_ns=NOW_NS, case="7")
        (event,) = (text for text in events(handed, CotOptions()) if f"-{TRACK}" in text.split(">")[0])
        assert f"decision conflict; decided_by {SAID}" in ElementTree.fromstring(event).find("detail/remarks").text
        (tmp_path / "t.gpkg").write_bytes(geopackage(handed))
        (row,) = pyogrio.read_dataframe(tmp_path / "t.gpkg", layer="things").to_dict("records")
        table = next(csv.DictReader(io.StringIO(spreadsheet(handed).decode("utf-8-sig"))))
        place = json.loads(geojson(handed))["features"][0]["properties"]
        boxes = json.loads(coco(handed))["annotations"]
        assert len(boxes) == 6
        for told in (row, table, place, *boxes):
            assert (told["decision"], told["decided_by"]) == (CONFLICT, SAID)
        for text in (kml(handed).decode(), gpx(handed).decode()):
            assert SAID in text
            assert CONFLICT in text


def test_the_report_of_an_evidence_package_says_it_in_words(conflicting, tmp_path, monkeypatch):
    key = new_key(tmp_path / "ana.key", "ana", passphrase=None, clock=lambda: NOW_NS)
    with OperationStore.open(conflicting, actor="ana", clock=lambda: NOW_NS) as store:
        order = PackOrder(selection=ThingSelection(thing_ids=(TRACK,)), asked={}, to="court", signers=(key,))
        pack(Consultation(store=store, purpose=Purpose(case="7", reason="court")), order, tmp_path / "package")
    written = []
    monkeypatch.setattr(FPDF, "multi_cell", lambda _, width, height, text, **how: written.append(text))
    render_report(tmp_path / "package")
    assert f"conflict about {TRACK}, which nobody has settled: {SAID}" in written
