"""What a page holds of an operation, held against the store's own tables and against other libraries."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import numpy as np
import pyproj
import pytest

from maps.gathering import DECISIONS, gather
from maps.layers import class_marks
from maps.local_time import offsets_of
from maps.operation_data import ellipse_95, operation_data
from missions.briefs.places import GeoLine
from operations.case_file import Draft
from operations.finding.archive import Archive
from operations.finding.border import BorderLine
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import Decision, Verdict
from tests.maps.test_packed_columns import unpack
from tests.operations.finding.conftest import T0_NS, made_operation

BORDER = GeoLine(lat_deg=np.array([50.05, 50.05]), lon_deg=np.array([7.9, 8.2]))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return an operation of two nights in which a track is confirmed and a single hit dismissed."""
    path = made_operation(tmp_path_factory.mktemp("data") / "op")
    with OperationStore.open(path, actor="ana", clock=lambda: T0_NS) as opened:
        single = next(h for h in opened.hits() if not h.track_id)
        for k, of in enumerate(
            (
                {"track_id": "T0-3", "decision": Decision.CONFIRMED},
                {"hit_ids": (single.hit_id,), "decision": Decision.DISMISSED},
            )
        ):
            verdict = Verdict(verdict_id=f"v{k}", run_id=f"{0:016x}", **of)
            opened.append_all(lambda v=verdict: [Draft(kind=LeafKind.VERDICT, subject=v.verdict_id, body=v.body())])
        yield opened


def data_of(store, *, whole=True, **asked):
    with Archive([store]) as archive:
        found = find(archive, ThingIndex(archive), ThingSelection(border=BorderLine([BORDER]), **asked))
        gathered = gather(archive, found.things, whole=whole)
        return gathered, operation_data(archive, gathered, border=BorderLine([BORDER]), zone=dt.UTC)


def test_every_hit_is_there_with_its_place_time_track_and_recording(store):
    gathered, data = data_of(store)
    rows, hits = unpack(data["hits"]), store.hits()
    assert data["hits"]["count"] == len(hits)
    assert len(data["ids"]) == data["things"]["count"] == 24
    told = {}
    for i in range(len(hits)):
        thing = int(rows["thing"][i])
        recording = data["recordings"][int(rows["recording"][i])]
        name = data["ids"][thing] if thing >= 0 else ""
        at = None if rows["reason"][i] else (round(rows["lat"][i], 5), round(rows["lon"][i], 5))
        told[round(data["epoch_ms"] + rows["t"][i]), name, at] = (
            recording["name"],
            data["classes"][int(rows["class"][i])]["name"],
        )
    wanted = {}
    for h in hits:
        at = None if h.reason else (round(h.lat_deg, 5), round(h.lon_deg, 5))
        wanted[h.t_utc_ns // 1_000_000, h.track_id, at] = (f"flight {int(h.media_id, 16)}.ts", h.class_name)
    assert {(t, name) for t, name, _ in told} == {(t, name) for t, name, _ in wanted}
    assert sorted(told.values()) == sorted(wanted.values())
    assert np.all(np.diff(rows["t"]) >= 0)
    assert [data["reasons"][int(r)] for r in rows["reason"] if r] == [str(h.reason) for h in hits if h.reason]
    assert gathered.hits.reasons() == hits.reasons()


def test_decisions_reach_tracks_their_hits_and_single_hits(store):
    _, data = data_of(store)
    things, hits = unpack(data["things"]), unpack(data["hits"])
    confirmed = data["ids"].index("T0-3")
    assert DECISIONS[int(things["decision"][confirmed])] == "confirmed"
    of_track = hits["thing"] == confirmed
    assert of_track.sum() == 6
    assert {DECISIONS[int(d)] for d in hits["decision"][of_track]} == {"confirmed"}
    dismissed = hits["decision"] == DECISIONS.index("dismissed")
    assert dismissed.sum() == 1
    assert hits["thing"][dismissed] == -1
    assert (hits["decision"] > 0).sum() == 7


def test_an_answer_holds_its_own_hits_and_no_others(store):
    gathered, data = data_of(store, whole=False, thing_ids=("T0-3", "T1-2"))
    assert sorted(data["ids"]) == ["T0-3", "T1-2"]
    assert data["hits"]["count"] == 12
    assert set(gathered.hits.track.texts().tolist()) == {"T0-3", "T1-2"}
    single = next(h.hit_id for h in store.hits() if not h.track_id)
    with Archive([store]) as archive:
        found = find(archive, ThingIndex(archive), ThingSelection(thing_ids=(single,), singles=True))
        alone = gather(archive, found.things, whole=False)
        assert len(alone.things) == 0
        assert alone.hits.hit_id.tolist() == [single.encode()]
        assert operation_data(archive, alone)["hit_ids"] == single


def test_distances_from_the_border_are_geodesic(store):
    gathered, data = data_of(store)
    rows, geod = unpack(data["hits"]) | unpack(data["details"]), pyproj.Geod(ellps="WGS84")
    along = np.linspace(7.9, 8.2, 6001)
    for i in np.flatnonzero(rows["reason"] == 0)[::17]:
        lat, lon = gathered.hits.lat_deg[i], gathered.hits.lon_deg[i]
        brute = geod.inv(np.full(6001, lon), np.full(6001, lat), along, np.full(6001, 50.05))[2].min()
        assert rows["border"][i] == pytest.approx(brute, abs=3.0)
    assert data["mgrs"][0].startswith("32U")


def test_ellipses_are_those_of_the_covariance(rng):
    a = rng.normal(size=(50, 2, 2)) * 10
    cov = a @ a.transpose(0, 2, 1)
    major, minor, azimuth = ellipse_95(cov[:, 0, 0], cov[:, 1, 1], cov[:, 0, 1])
    for k in range(50):
        values, vectors = np.linalg.eigh(cov[k])
        assert [minor[k] ** 2, major[k] ** 2] == pytest.approx((values * 5.991).tolist(), rel=1e-6, abs=1e-6)
        east, north = vectors[:, 1]
        assert np.sin(np.radians(azimuth[k] - np.degrees(np.arctan2(east, north)))) == pytest.approx(0.0, abs=1e-6)
    draws = rng.multivariate_normal([0, 0], cov[0], 20_000)
    t = np.radians(azimuth[0])
    p, q = draws @ [np.sin(t), np.cos(t)], draws @ [np.cos(t), -np.sin(t)]
    assert np.mean((p / major[0]) ** 2 + (q / minor[0]) ** 2 <= 1.0) == pytest.approx(0.95, abs=0.006)


def test_local_time_changes_when_the_zone_says():
    warsaw = zoneinfo.ZoneInfo("Europe/Warsaw")
    night = int(dt.datetime(2026, 3, 28, 20, tzinfo=dt.UTC).timestamp() * 1000)
    pairs = offsets_of(night, night + 10 * 3_600_000, warsaw)
    change = int(dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC).timestamp() * 1000)
    assert pairs == [[night, 60], [change, 120]]
    assert offsets_of(night, night + 3_600_000, warsaw) == [[night, 60]]
    assert offsets_of(0, 0, dt.timezone(dt.timedelta(hours=-3, minutes=-30))) == [[0, -210]]


def test_a_class_looks_the_same_on_every_page():
    assert class_marks(["vehicle", "person"]) == [1, 0]
    assert class_marks(["bicycle", "boat", "vehicle", "animal"]) == [2, 4, 1, 3]
