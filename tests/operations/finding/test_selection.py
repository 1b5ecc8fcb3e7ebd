from __future__ import annotations

import functools
import json
import math

import numpy as np
import pytest
import shapely
from pyproj import Geod

from detection.ground_tracks import CONTRAST, SIZES
from detection.labels import Labels
from geo.errors import VedetteError
from maps.gathering import gather_hits, gather_tracks
from missions.briefs.places import GeoLine
from operations.columns import hits_table, tracks_table
from operations.errors import DamagedError
from operations.finding import selection as selection_module
from operations.finding.archive import Archive
from operations.finding.border import BorderLine
from operations.finding.errors import QuestionError
from operations.finding.ground import Ground
from operations.finding.selection import NOBODY, ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.log.leaves import LeafKind
from operations.values import Decision, RunKind, Verdict
from operations.vault.key_ring import Secret
from tests.operations.finding import conftest
from tests.operations.finding.conftest import HOUR_NS, T0_NS, add_run, made_night

WGS84 = Geod(ellps="WGS84")


def border_line(west: float) -> GeoLine:
    lon = west + np.linspace(0.0, 0.1, 7)
    return GeoLine.of(50.05 + 0.01 * np.sin(np.arange(7)), (lon + 180.0) % 360.0 - 180.0)


def distance_m(lat: float, lon: float, line: GeoLine, posts: int = 1_500) -> float:
    """By brute force: the least geodesic distance to points close together along edges straight in degrees."""
    best = math.inf
    for k in range(len(line.lat_deg) - 1):
        span = (line.lon_deg[k + 1] - line.lon_deg[k] + 180.0) % 360.0 - 180.0
        share = np.linspace(0.0, 1.0, posts)
        lats = line.lat_deg[k] + share * (line.lat_deg[k + 1] - line.lat_deg[k])
        lons = line.lon_deg[k] + share * span
        best = min(best, WGS84.inv(np.full(posts, lon), np.full(posts, lat), lons, lats)[2].min())
    return best


def holds(box, lat, lon):
    """Tell which places lie in a box of degrees that may lie across the antimeridian."""
    south, west, north, east = box
    wide = (east - west) % 360.0 or 360.0
    return (lat >= south) & (lat <= north) & ((lon - west) % 360.0 <= wide)


@pytest.mark.parametrize(
    ("lat", "lon", "reaches"),
    [(50.0, 8.0, None), (-33.0, 179.98, None), (0.3, 8.0, None), (89.4, 20.0, 90.0), (-89.4, 20.0, -90.0)],
)
def test_the_box_about_a_border_holds_every_place_that_is_near_it(lat, lon, reaches):
    ends = np.array([lat, lat + math.copysign(0.1, lat)]), (np.array([lon, lon + 0.1]) + 180.0) % 360.0 - 180.0
    box = BorderLine([GeoLine.of(*ends)]).box_deg(5_000.0)
    around = np.linspace(0.0, 360.0, 73)
    for one_lat, one_lon in zip(*ends, strict=True):
        there = WGS84.fwd(np.full(73, one_lon), np.full(73, one_lat), around, np.full(73, 4_999.0))
        assert holds(box, np.asarray(there[1]), np.asarray(there[0])).all()
    if reaches is not None:  # the pole is so near that every longitude is
        assert (box[1], box[3], box[2] if reaches > 0.0 else box[0]) == (-180.0, 180.0, reaches)
    else:
        assert not holds(
            box, np.array([lat - 0.5, lat + 0.6, lat, lat]), np.array([lon, lon, lon - 0.5, lon + 0.7])
        ).any()


def area_file(path, south, west, north, east):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return Ground.read(path)


@functools.cache
def roughly_m(lat: float, lon: float, west: float) -> float:
    return distance_m(lat, lon, border_line(west), 60)


def brute(nights, selection, verdicts, west, box, singles):
    """The same question, asked thing by thing and point by point."""
    found = set()
    for hits, tracks in nights.values():
        rows = {hit.hit_id: hit for hit in hits}
        listed = [
            (t.track_id, t.class_name, list(zip(t.t_utc_ns, t.lat_deg, t.lon_deg, strict=True)), t.hit_ids)
            for t in tracks
        ]
        if singles:
            listed += [
                (h.hit_id, h.class_name, [(h.t_utc_ns, h.lat_deg, h.lon_deg)], (h.hit_id,))
                for h in hits
                if not h.track_id
            ]
        for name, kind, points, hit_ids in listed:
            scores = [rows[i].score_raw if math.isnan(rows[i].score) else rows[i].score for i in hit_ids]
            timely = [p for p in points if (selection.from_utc_ns or 0) <= p[0] <= (selection.to_utc_ns or 2**62)]
            inside = [
                p
                for p in timely
                if box is None or (box[0] <= p[1] <= box[2] and 0 <= (p[2] - box[1]) % 360 <= (box[3] - box[1]) % 360)
            ]
            near = selection.near_border_m is None or any(
                not math.isnan(p[1]) and roughly_m(p[1], p[2], west) <= selection.near_border_m for p in timely
            )
            said = verdicts.get(name) or next((verdicts[i] for i in hit_ids if i in verdicts), NOBODY)
            if (
                (not selection.classes or kind in selection.classes)
                and inside
                and near
                and (selection.score_min is None or max(scores) >= np.float32(selection.score_min))
                and (not selection.verdicts or said in selection.verdicts)
            ):
                found.add(name)
    return found


@pytest.mark.parametrize("west", [8.0, 179.95])
def test_every_question_has_the_answer_of_a_search_thing_by_thing(make_operation, rng, tmp_path, monkeypatch, west):
    if west > 179.0:  # also where it is read and looked through in many small pieces
        monkeypatch.setattr("operations.finding.selection._BLOCK_POINTS", 40)
        monkeypatch.setattr("operations.finding.thing_index._BATCH_HITS", 50)
    nights = {night: made_night(rng, night, 12, 6, west) for night in range(4)}
    first = make_operation("a", {0: nights[0], 1: nights[1]})
    second = make_operation("b", {2: nights[2], 3: nights[3]}, secret=Secret(value=bytes(32), from_key_file=True))
    hit_of_5 = bytes(nights[0][0].hit_id[5 * 6 + 2]).decode()
    given = [(first, 0, "T0-3", (), Decision.CONFIRMED), (first, 0, "", (hit_of_5,), Decision.DISMISSED)]
    given.append((second, 2, "T2-7", (), Decision.CONFIRMED))
    for number, (store, night, track, hit_ids, decision) in enumerate(given):
        verdict = Verdict(
            verdict_id=f"v{number}", run_id=f"{night:016x}", decision=decision, track_id=track, hit_ids=hit_ids
        )
        store.append(LeafKind.VERDICT, verdict.verdict_id, verdict.body())
    verdicts = {"T0-3": "confirmed", hit_of_5: "dismissed", "T2-7": "confirmed"}
    border = BorderLine([border_line(west)])
    with Archive([first, second]) as archive:
        index = ThingIndex(archive)
        for number in range(24):
            south, left = 50 + rng.random() * 0.07, west + rng.random() * 0.07
            box = None if number % 3 == 0 else (south, left, south + 0.03, left + 0.03)
            night, singles = int(rng.integers(0, 4)), bool(rng.integers(0, 2))
            selection = ThingSelection(
                classes=() if number % 2 else ("person", "boat"),
                from_utc_ns=None if rng.random() < 0.5 else T0_NS + night * 24 * HOUR_NS,
                to_utc_ns=None if rng.random() < 0.5 else T0_NS + night * 24 * HOUR_NS + 6 * HOUR_NS,
                score_min=None if rng.random() < 0.5 else 0.6,
                verdicts=((), ("confirmed",), ("dismissed", NOBODY), ())[number % 4],
                area=None if box is None else area_file(tmp_path / "area.geojson", *box),
                border=border if number % 4 else None,
                near_border_m=(150.0, 900.0, 0.0)[number % 3] if number % 4 > 1 else None,
                singles=singles,
            )
            found = find(archive, index, selection)
            names = set(found.things.ids["thing_id"].texts().tolist())
            assert names == brute(nights, selection, verdicts, west, box, singles), selection
            assert found.total == len(names)
            without = brute(nights, selection, verdicts, west, box, True) - names
            assert found.singles_left == len(without)
            assert (np.diff(found.things.number["t_utc_ns"]) <= 0).all()


def test_only_things_about_the_ground_asked_for_are_looked_at_point_by_point(
    make_operation, rng, tmp_path, monkeypatch
):
    nights = {0: made_night(rng, 0, 40, 0)}
    looked, box = [], (50.03, 8.02, 50.06, 8.07)

    def watched(index, rows, selection):
        looked.extend(index.things.ids["thing_id"].take(rows).texts().tolist())
        return by_points(index, rows, selection)

    by_points = selection_module._by_points
    monkeypatch.setattr(selection_module, "_by_points", watched)
    with Archive([make_operation("a", nights)]) as archive:
        find(archive, ThingIndex(archive), ThingSelection(area=area_file(tmp_path / "area.geojson", *box)))
    about = [
        t.track_id
        for t in nights[0][1]
        if max(t.lat_deg) >= box[0]
        and max(t.lon_deg) >= box[1]
        and min(t.lat_deg) <= box[2]
        and min(t.lon_deg) <= box[3]
    ]
    assert 3 < len(about) < 30
    assert sorted(looked) == sorted(about)


def test_distances_and_bearings_are_those_of_the_geodesic(make_operation, rng):
    nights = {0: made_night(rng, 0, 8, 0)}
    line = border_line(8.0)
    with Archive([make_operation("a", nights)]) as archive:
        found = find(archive, ThingIndex(archive), ThingSelection(border=BorderLine([line])))
    assert found.total == 8
    for thing in found.things:
        track = next(t for t in nights[0][1] if t.track_id == thing.thing_id)
        assert (thing.lat_deg, thing.lon_deg, thing.t_utc_ns) == (
            track.lat_deg[-1],
            track.lon_deg[-1],
            track.t_utc_ns[-1],
        )
        assert thing.border_m == pytest.approx(distance_m(thing.lat_deg, thing.lon_deg, line), abs=0.25)
        every = [distance_m(*place, line) for place in zip(track.lat_deg, track.lon_deg, strict=True)]
        assert thing.closest_m == pytest.approx(min(every), abs=0.25)
        lon, lat, _ = WGS84.fwd(thing.lon_deg, thing.lat_deg, thing.border_bearing_deg, thing.border_m)
        assert shapely.Point(lon, lat).distance(shapely.LineString(np.stack([line.lon_deg, line.lat_deg], 1))) < 1e-6


def test_a_long_border_bends_no_distance():
    line = GeoLine.of([50.0, 50.0], [10.0, 22.0])
    border = BorderLine([line])
    rng = np.random.default_rng(1)
    lat, lon = 50.0 + rng.normal(0.0, 0.02, 40), 10.0 + rng.random(40) * 12.0
    exact = border.exact(lat, lon).distance_m
    least, most = border.bounds_m(lat, lon)
    assert (least <= exact).all()
    assert (exact <= most).all()
    posts = np.linspace(10.0, 22.0, 1_000_000)
    for k in range(40):
        near = posts[np.abs(posts - lon[k]) < 0.2]
        true = WGS84.inv(np.full(len(near), lon[k]), np.full(len(near), lat[k]), near, np.full(len(near), 50.0))[
            2
        ].min()
        assert exact[k] == pytest.approx(true, abs=0.3)  # the drawn edge may lie 0.2 m beside the plane's


def test_runs_that_cannot_hold_an_answer_are_never_opened_and_damage_is_named(make_operation, rng):
    store = make_operation("a", {night: made_night(rng, night, 5, 2) for night in range(3)})
    lost = next(part for part in store.parts("hits") if part.run_id.endswith("0"))
    (store.path / lost.file).unlink()
    with Archive([store]) as archive:
        index = ThingIndex(archive)
        second = ThingSelection(from_utc_ns=T0_NS + 24 * HOUR_NS, to_utc_ns=T0_NS + 33 * HOUR_NS)
        assert find(archive, index, second).total == 5
        assert find(archive, index, ThingSelection(classes=("boat",))).total == 0
        with pytest.raises(DamagedError, match=r"hits-0000.parquet is missing"):
            find(archive, index, ThingSelection())


def test_what_came_in_meanwhile_is_found_and_what_was_superseded_is_not(make_operation, rng):
    import dataclasses

    store = make_operation("a", {0: made_night(rng, 0, 5, 0)})
    with Archive([store]) as archive:
        index = ThingIndex(archive)
        assert find(archive, index, ThingSelection()).total == 5
        verdict = Verdict(verdict_id="v", run_id=f"{0:016x}", decision=Decision.CONFIRMED, track_id="T0-1")
        store.append(LeafKind.VERDICT, "v", verdict.body())
        assert [t.thing_id for t in find(archive, index, ThingSelection(verdicts=("confirmed",))).things] == ["T0-1"]
        run = add_run(store, 1, *made_night(rng, 1, 3, 0))
        assert find(archive, index, ThingSelection()).total == 8
        store.append(LeafKind.RUN, run.run_id, dataclasses.replace(run, supersedes=f"{0:016x}").body())
        assert find(archive, index, ThingSelection()).total == 3


def test_questions_that_contradict_themselves_are_one_sentence(tmp_path):
    with pytest.raises(QuestionError, match="--brief FILE or --border FILE"):
        ThingSelection(near_border_m=300.0)
    with pytest.raises(QuestionError, match="--from is later than --to"):
        ThingSelection(from_utc_ns=2, to_utc_ns=1)
    (tmp_path / "line.geojson").write_text('{"type": "LineString", "coordinates": [[8, 50], [9, 50]]}')
    with pytest.raises(VedetteError, match="holds no polygon"):
        Ground.read(tmp_path / "line.geojson")


def test_a_record_that_leads_out_of_the_folder_is_not_followed(make_operation, rng, tmp_path):
    import dataclasses

    stranger = make_operation("stranger", {0: made_night(rng, 0, 5, 0)})
    store = make_operation("a", {1: made_night(rng, 1, 5, 0)})
    part = next(part for part in store.parts("hits"))
    path = "../stranger/" + stranger.parts("hits")[0].file
    store.append(LeafKind.PART, path, dataclasses.replace(part, file=path).body())
    with Archive([store]) as archive, pytest.raises(DamagedError, match="leads out"):
        find(archive, ThingIndex(archive), ThingSelection())


def test_hits_of_a_live_run_belong_to_the_tracks_that_name_them(make_operation, rng, clock):
    import dataclasses

    hits, tracks = made_night(rng, 0, 5, 2)
    untracked = dataclasses.replace(hits, track=Labels.repeated("", len(hits)))
    plain = make_operation("a", {0: (hits, tracks)})
    for name, options in (("live", {}), ("sealed", {"secret": Secret(value=bytes(32), from_key_file=True)})):
        store = make_operation(name, {}, **options)
        run = add_run(store, 0, untracked, tracks)
        store.append(LeafKind.RUN, run.run_id, dataclasses.replace(run, kind=RunKind.LIVE).body())
        with Archive([plain]) as recorded, Archive([store]) as live:
            asked = ThingSelection(singles=True)
            first, again = (list(find(archive, ThingIndex(archive), asked).things) for archive in (recorded, live))
        assert len(first) == 7
        assert [repr(thing) for thing in first] == [repr(thing) for thing in again]


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("old_first", [False, True])
def test_nights_of_before_sizes_and_contrasts_were_kept_are_found_with_newer_ones(
    make_operation, monkeypatch, rng, locked, old_first
):
    """Parts with columns that others lack answer together, by files as well as by tables that were opened."""
    nights = {night: made_night(rng, night, 4, 3) for night in (0, 1)}
    options = {"secret": Secret(value=bytes(32), from_key_file=True)} if locked else {}
    store = make_operation("op", {}, **options)
    for night, (hits, tracks) in nights.items():
        with monkeypatch.context() as before:
            if (night == 0) == old_first:
                before.setattr(
                    conftest, "tracks_table", lambda *a, **k: tracks_table(*a, **k).drop_columns([*SIZES, *CONTRAST])
                )
                before.setattr(conftest, "hits_table", lambda *a, **k: hits_table(*a, **k).drop_columns(["contrast"]))
            add_run(store, night, hits, tracks)
    assert len(store.tracks()) == sum(len(tracks) for _, tracks in nights.values())
    with Archive([store]) as archive:
        found = find(archive, ThingIndex(archive), ThingSelection())
        shown = gather_tracks(archive, found.things)
        hits = [len(gather_hits(archive, shown, row).hits) for row in range(len(shown.things))]
    assert min(hits) > 0
    names = [name for _, tracks in nights.values() for name in tracks.track_id]
    assert set(names) <= set(found.things.ids["thing_id"].texts().tolist())
