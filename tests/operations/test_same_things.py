"""Tracks of several recordings that the program takes for one thing: a record like people's, and theirs to undo."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json

import numpy as np
import pytest

from detection.ground_hits import GroundHit, GroundHits
from detection.ground_tracker import TrackerSettings, track
from operations.case_file import Draft
from operations.columns import frames_table, hits_table, tracks_table
from operations.frames import FrameRecord, Frames
from operations.log.leaves import LeafKind
from operations.regrouping import PROBABILITIES, Regrouping, join, parted_draft, split
from operations.same_things import AREA_MIN_M2, ASKED, JOINED_AT, Said, join_same, likely_same, record_same, seen_m2
from operations.store import OperationStore
from operations.values import RunKind, RunRecord, RunState
from tests.operations.finding.conftest import made_operation, media_of
from vedette.main import main

T0_NS = 1_767_225_600_000_000_000
WALKS = ((0.0, 0.0, 1.2, 0.0), (300.0, 40.0, 0.0, 1.1), (700.0, -60.0, -1.0, 0.4))
"""East, north, and their rates, of three people who walk on through all recordings."""


def recording(night: int, start_s: float, who: tuple[int, ...]):
    """One pass over some of the people, a hit every two thirds of a second for eight seconds."""
    rng = np.random.default_rng(night)
    off = rng.normal(0.0, 2.0, 2)
    hits = []
    for thing, k in itertools.product(who, range(12)):
        t_s = start_s + k / 1.5
        east, north, east_mps, north_mps = WALKS[thing]
        place = np.array([east + east_mps * t_s, north + north_mps * t_s]) + off + rng.normal(0.0, 0.2, 2)
        lat, lon = 52.0 + place[1] / 111_259.0, 23.5 + place[0] / 68_678.0
        hits.append(
            GroundHit(
                hit_id=f"{night}-{thing}-{k:03d}", media_id=f"{night:064x}", frame_index=k,
                t_utc_ns=T0_NS + round(t_s * 1e9), class_name="person", score_raw=0.9, box_px=(0.0, 0.0, 4.0, 10.0),
                lat_deg=lat, lon_deg=lon, alt_hae_m=180.0, ce90_m=6.4, var_e_m2=9.0, var_n_m2=9.0, cov_en_m2=0.0,
                slant_m=140.0,
            )
        )  # fmt: skip
    return track(GroundHits.of(hits), TrackerSettings(existence_min=0.0))


@contextlib.contextmanager
def passes(path, ring: tuple[tuple[float, float], ...] = ()):
    """Open an operation of three passes, forty seconds apart; the second did not find one of the people.

    The pictures of each pass show the ground in `ring`, longitudes and latitudes.
    """
    clock = itertools.count(T0_NS, 1_000_000_000)
    with OperationStore.create(path, name="Night 1", actor="ana", clock=lambda: next(clock)) as store:
        for night, who in enumerate(((0, 1, 2), (0, 2), (0, 1, 2))):
            run = RunRecord(
                run_id=f"{night:016x}", media_ids=(f"{night:064x}",), kind=RunKind.RECORD, state=RunState.FINISHED,
                settings={"model": "made", "terrain": "none"},
            )  # fmt: skip
            media = media_of(night)
            hits, tracks = recording(night, 40.0 * night, who)
            from_ns = T0_NS + night * 40_000_000_000
            frame = FrameRecord(
                media_id=media.id, frame_index=0, t_utc_ns=from_ns, footprint_lon_lat=ring, seen_from_ns=from_ns,
                seen_to_ns=from_ns + 8_000_000_000,
            )  # fmt: skip
            with store.begin_run(run) as writer:
                writer.add("hits", hits_table(hits, run_id=run.run_id))
                writer.add("tracks", tracks_table(tracks, run_id=run.run_id))
                if ring:
                    writer.add("frames", frames_table(Frames.of([frame]), run_id=run.run_id))
                writer.finish(run, before=[Draft(kind=LeafKind.MEDIA, subject=media.id, body=media.body())])
        yield store


@pytest.fixture
def operation(tmp_path):
    """Return that operation, of which it is not known what its pictures show."""
    with passes(tmp_path / "op") as store:
        yield store


def things(store: OperationStore) -> set[tuple[str, ...]]:
    """Return what is joined, by the person that the first hit of each track is of."""
    of_track = {}
    for run in store.runs():
        hits = store.hits(runs=[run.run_id])
        for name, hit_id in zip(hits.track.texts().tolist(), hits.hit_id.tolist(), strict=True):
            of_track[run.run_id, name] = hit_id.decode()[:3]
    joins = Regrouping.of(store).joins.values()
    return {tuple(of_track[one] for one in tracks) for tracks in joins}


def test_people_seen_on_several_passes_are_joined_each_with_themselves(operation) -> None:
    found = likely_same(operation, 0.5)
    assert record_same(operation, found) == 3 + 1
    assert things(operation) == {("0-0", "1-0", "2-0"), ("0-1", "2-1"), ("0-2", "1-2", "2-2")}
    assert all(0.5 <= chance <= 1.0 for one in found.things for chance in one.probabilities)
    assert sorted(round(gap / 40.0) for one in found.things for gap in one.gaps_s) == [1, 1, 1, 1, 2]
    assert record_same(operation, likely_same(operation, 0.5)) == 0


def test_what_a_person_said_is_left_alone_and_what_the_program_said_is_weighed_anew(operation) -> None:
    record_same(operation, likely_same(operation, 0.5))
    longest = next(leaf for leaf in operation.newest(LeafKind.NOTE) if len(leaf.body.get("tracks", ())) == 3)
    apart = parted_draft(longest.subject)
    operation.append(apart.kind, apart.subject, apart.body)
    again = likely_same(operation, 0.5)
    parted = {tuple(one) for one in longest.body["tracks"]}
    assert all(len(parted & set(one.tracks)) <= 1 for one in again.things)
    record_same(operation, again)
    assert len(things(operation)) == 2
    other = next(one for one in again.things if len(one.tracks) == 3)
    split(operation, other.tracks[1], [T0_NS + 44_000_000_000])
    assert all(other.tracks[1] not in one.tracks for one in likely_same(operation, 0.5).things)
    split(operation, other.tracks[1], [])
    assert other in likely_same(operation, 0.5).things
    join(operation, [next(iter(parted)), other.tracks[0]])
    assert all(other.tracks[0] not in one.tracks for one in likely_same(operation, 0.5).things)
    assert other.tracks[0] in next(iter(Said.of(operation).by_people.values()))


def test_what_a_person_says_while_it_is_weighed_holds(operation) -> None:
    likely = likely_same(operation, 0.5)
    mine = next(one for one in likely.things if len(one.tracks) == 2)
    join(operation, [mine.tracks[0], likely.things[0].tracks[0]])
    record_same(operation, likely)
    joined = Regrouping.of(operation).joins
    assert joined[mine.tracks[0]] == (mine.tracks[0], likely.things[0].tracks[0])
    assert mine.tracks[1] not in joined


def test_what_is_no_longer_likely_enough_is_parted_by_the_program_and_may_come_back(operation) -> None:
    likely = likely_same(operation, 0.5)
    record_same(operation, likely)
    assert record_same(operation, dataclasses.replace(likely, things=())) == 3
    assert things(operation) == set()
    assert Said.of(operation).apart == set()
    assert record_same(operation, likely_same(operation, 0.5)) == 3


def test_what_is_joined_unasked_is_as_likely_as_what_was_asked_for_last(operation) -> None:
    sure = likely_same(operation, JOINED_AT).things
    assert join_same(operation).things == sure
    assert len(things(operation)) == len(sure)
    record_same(operation, likely_same(operation, 0.5))
    asked = things(operation)
    assert len(asked) == 3
    log = len(list(operation.leaves()))
    unasked = join_same(operation)
    assert (len(unasked.things), unasked.at_least) == (3, 0.5)
    assert things(operation) == asked
    assert len(list(operation.leaves())) == log
    record_same(operation, likely_same(operation, 1.0))
    assert (len(join_same(operation).things), join_same(operation).at_least) == (0, 1.0)
    assert things(operation) == set()


@pytest.mark.parametrize("told", [None, "0.5", 7, -0.1, [0.5]])
def test_a_probability_that_a_record_does_not_tell_is_the_usual_one(operation, told) -> None:
    operation.append(LeafKind.NOTE, ASKED, {"at_least": told})
    assert likely_same(operation).at_least == JOINED_AT


def test_the_log_is_read_once(operation, monkeypatch) -> None:
    record_same(operation, likely_same(operation, 0.5))
    read = []
    leaves = OperationStore.leaves

    def counted(store, start=0):
        for leaf in leaves(store, start):
            read.append(leaf.seq)
            yield leaf

    monkeypatch.setattr(OperationStore, "leaves", counted)
    join_same(operation)
    assert read == list(range(len(read)))


def test_who_was_not_looked_at_again_is_less_likely_seen_again(tmp_path) -> None:
    """Doubts of the same tracks over equally much ground: pictures that show all places, and other ground."""
    told = []
    for name, north in (("there", 0.0), ("elsewhere", 0.1)):
        ring = ((23.49, 51.99 + north), (23.53, 51.99 + north), (23.53, 52.01 + north), (23.49, 52.01 + north))
        with passes(tmp_path / name, ring) as store:
            found = likely_same(store, 0.0).things
            told.append(sum(1.0 - chance for one in found for chance in one.probabilities))
    assert told[1] > 3.0 * told[0]


def test_ground_seen_is_that_of_all_frames_together(operation) -> None:
    frames = operation.frames()
    assert seen_m2(frames) == AREA_MIN_M2
    ring = np.array([(23.5, 52.0), (23.51, 52.0), (23.51, 52.01), (23.5, 52.01)])
    names = {"ring_offsets": np.array([0, 4, 8]), "ring_lon_lat": np.vstack([ring, ring + (0.005, 0.0)])}
    assert seen_m2(dataclasses.replace(frames, **names)) == pytest.approx(1.5 * 686.8 * 1112.6, rel=2e-3)


def test_the_command_records_shows_and_tells(operation, capsys) -> None:
    path = str(operation.path)
    operation.close()
    assert main(["join", path, "--at-least", "0.5", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(len(one["tracks"]) for one in told["things"]) == [2, 3, 3]
    assert told["records"] == 0
    assert main(["join", path, "--at-least", "0.5"]) == 0
    said = capsys.readouterr()
    assert "3 things of 8 tracks at 0.5 or more: 4 records" in " ".join(said.err.split())
    assert "is likely" in said.out
    with OperationStore.open(operation.path, actor="ben", clock=lambda: T0_NS, read_only=True) as store:
        notes = [leaf for leaf in store.newest(LeafKind.NOTE) if leaf.subject.startswith("joined")]
    assert all(len(leaf.body[PROBABILITIES]) == len(leaf.body["tracks"]) - 1 for leaf in notes)


def test_the_command_without_a_probability_takes_the_one_in_force(operation, capsys) -> None:
    path = str(operation.path)
    operation.close()
    for asked, told in (([], JOINED_AT), (["--at-least", "0.5"], 0.5), ([], 0.5)):
        assert main(["join", path, *asked, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["at_least"] == told
    assert main(["join", "--help"]) == 0
    assert f"or {JOINED_AT:g}." in " ".join(capsys.readouterr().out.replace("\u2502", " ").split())


def test_strangers_kilometres_apart_are_nobody_twice_however_fast_they_are_said_to_be(tmp_path, capsys):
    """Drawn at random over eight kilometres, with speeds that no person has: two of them were one for certain."""
    made_operation(tmp_path / "night", nights=1)
    assert main(["join", str(tmp_path / "night"), "--at-least", "0.5", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["things"] == []
