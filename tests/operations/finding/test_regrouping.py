"""A track that people split is two things at every door, and one again when they say so; the run's rows stay."""

from __future__ import annotations

import json

import numpy as np
import pytest

from geo.errors import InputError
from maps.gathering import gather
from operations.consultation import Consultation, Purpose
from operations.evidence.package import PackOrder, pack
from operations.exports.coco import coco
from operations.exports.handed import Handed
from operations.finding.archive import Archive
from operations.finding.hits_of_things import hit_ids_of
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.findings import FindingKind
from operations.log.leaves import LeafKind
from operations.regrouping import join, split
from operations.signing.signer import new_key
from operations.store import OperationStore
from operations.values import Decision, Verdict
from operations.verify import verify
from tests.operations.finding.conftest import LENGTH, made_operation

NOW_NS = 1_767_300_000_000_000_000
TRACK, CUT = "T0-3", 2
"""Split before its third point."""


@pytest.fixture
def opened(tmp_path):
    """Return an operation, its archive and an index that was asked before."""
    path = made_operation(tmp_path / "op")
    with OperationStore.open(path, actor="ana", clock=lambda: NOW_NS) as store, Archive([store]) as archive:
        index = ThingIndex(archive)
        find(archive, index, ThingSelection())
        yield store, archive, index


def cut(store, *, at=CUT):
    """Split the track before one of its points; returns its run and times."""
    run = store.runs()[0].run_id
    tracks = store.tracks(runs=[run])
    row = tracks.track_id.index(TRACK)
    times = tracks.t_utc_ns[tracks.offsets[row] : tracks.offsets[row + 1]]
    split(store, (run, TRACK), [] if at is None else [int(times[at])])
    return run, times


def asked(archive, index, **selection):
    return {one.thing_id: one for one in find(archive, index, ThingSelection(**selection)).things}


def told(things):
    """Return things as text: what is not known equals itself there."""
    return {name: repr(one) for name, one in things.items()}


def test_pieces_hold_the_points_and_hits_of_their_time_as_brute_force_says(opened):
    store, archive, index = opened
    before = asked(archive, index)
    run, times = cut(store)
    after = asked(archive, index)
    assert set(after) == set(before) - {TRACK} | {f"{TRACK}~1", f"{TRACK}~2"}
    assert told(after).items() - told(before).items() == {(f"{TRACK}~{n}", repr(after[f"{TRACK}~{n}"])) for n in (1, 2)}
    hits = store.hits(runs=[run])
    of_track = np.flatnonzero(hits.track.texts() == TRACK)
    of_track = of_track[np.argsort(hits.t_utc_ns[of_track])]  # rows are ordered by place first
    score = np.where(np.isnan(hits.score), hits.score_raw, hits.score)
    for name, rows in ((f"{TRACK}~1", of_track[:CUT]), (f"{TRACK}~2", of_track[CUT:])):
        piece, best = after[name], rows[np.argmax(score[rows])]
        assert piece.hits == len(rows)
        assert piece.best_hit_id == hits.hit_id[best].decode()
        assert (piece.first_utc_ns, piece.last_utc_ns) == (hits.t_utc_ns[rows].min(), hits.t_utc_ns[rows].max())
        assert (piece.lat_deg, piece.lon_deg) == (hits.lat_deg[rows[-1]], hits.lon_deg[rows[-1]])
        things = find(archive, index, ThingSelection(thing_ids=(name,))).things
        assert hit_ids_of(archive, things) == [[one.decode() for one in hits.hit_id[rows].tolist()]]
    assert np.isnan(after[f"{TRACK}~1"].speed_mps)
    assert after[f"{TRACK}~2"].speed_mps == before[TRACK].speed_mps
    cut(store, at=None)
    assert told(asked(archive, index)) == told(before)
    assert store.tracks(runs=[run]).track_id.count(TRACK) == 1
    wrong = {one.kind for one in verify(store.path).findings}
    assert wrong == {FindingKind.MISSING}  # of originals that were never there


def test_a_verdict_about_a_piece_is_about_its_hits_and_one_about_the_whole_about_both(opened):
    store, archive, index = opened
    run, _ = cut(store)
    things = find(archive, index, ThingSelection(thing_ids=(f"{TRACK}~1",))).things
    for number, (decision, about) in enumerate((
        (Decision.CONFIRMED, {"track_id": TRACK}),
        (Decision.DISMISSED, {"track_id": f"{TRACK}~1", "hit_ids": tuple(hit_ids_of(archive, things)[0])}),
    )):  # fmt: skip
        with OperationStore.open(store.path, actor=f"reader {number}", clock=lambda: NOW_NS) as other:
            verdict = Verdict(verdict_id=f"v{number}", run_id=run, decision=decision, **about)
            other.append(LeafKind.VERDICT, f"v{number}", verdict.body())
    said = {name: one.decision for name, one in asked(archive, index).items() if one.decision}
    assert said == {f"{TRACK}~1": "conflict", f"{TRACK}~2": "confirmed"}
    cut(store, at=None)
    assert {name: one.decision for name, one in asked(archive, index).items() if one.decision} == {TRACK: "conflict"}


def test_map_exports_and_evidence_hold_the_piece_alone(opened, tmp_path):
    store, archive, index = opened
    cut(store)
    name = f"{TRACK}~2"
    everything = find(archive, index, ThingSelection()).things
    gathered = gather(archive, everything, whole=True)
    rows = gathered.things.ids["thing_id"].texts().tolist()
    assert (gathered.thing == rows.index(name)).sum() == LENGTH - CUT
    things = find(archive, index, ThingSelection(thing_ids=(name,))).things
    handed = Handed.of(archive, things, now_utc_ns=NOW_NS, case="7")
    assert len(handed.path_of(0)) == LENGTH - CUT
    assert len(json.loads(coco(handed))["annotations"]) == LENGTH - CUT
    key = new_key(tmp_path / "ana.key", "ana", passphrase=None, clock=lambda: NOW_NS)
    order = PackOrder(selection=ThingSelection(thing_ids=(name,)), asked={}, to="court", signers=(key,))
    pack(Consultation(store=store, purpose=Purpose(case="7", reason="court")), order, tmp_path / "package")
    assert len(json.loads((tmp_path / "package" / "rows" / "hits.json").read_text())) == LENGTH - CUT


def test_joined_tracks_name_each_other_until_they_are_set_apart(opened):
    store, archive, index = opened
    first, second = (run.run_id for run in store.runs())
    join(store, [(first, TRACK), (second, "T1-2")])
    named = {name: one.joined_with for name, one in asked(archive, index).items() if one.joined_with}
    assert named == {TRACK: "T1-2", "T1-2": TRACK}
    note = next(leaf for leaf in store.newest(LeafKind.NOTE) if leaf.subject.startswith("joined"))
    store.append(LeafKind.NOTE, note.subject, {"tracks": []})
    assert asked(archive, index)[TRACK].joined_with == ""


def test_a_split_that_would_part_nothing_is_refused(opened):
    store, *_ = opened
    run, times = cut(store)
    for track, moments, said in (
        ((run, "T9"), [int(times[1])], "has no track"),
        ((run, TRACK), [int(times[0])], "does not go on"),
        ((run, TRACK), [int(times[-1]) + 1], "does not go on"),
        ((run, TRACK), list(range(int(times[1]), int(times[1]) + 30)), "up to 20"),
    ):
        with pytest.raises(InputError, match=said):
            split(store, track, moments)
