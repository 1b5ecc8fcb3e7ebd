"""Deviations measured against pyproj, GPS jumps, link states, findings kept once, resuming."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyproj
import pytest
import shapely
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.deviation import LocalPlane, PathWatch, work_flown_pct
from missions.flight.finding_log import FindingLog
from missions.flight.resume import resume_item, way_is_clear
from missions.flight.state import VehicleState
from missions.flight.values import FlightOptions, FlightPhase, FlownTrack, LinkState
from missions.flight.watch import FlightWatch, LinkWatch
from missions.plan import MissionItem, Severity
from missions.plan_files.dialect import wire_items

GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture
def border(place):
    """A line 900 m north of home, running east (straight in longitude/latitude: 0.1 m of sagitta at its middle)."""
    (lat1, lon1), (lat2, lon2) = place(900.0, -1000.0), place(900.0, 1000.0)
    return shapely.linestrings([[lon1, lat1], [lon2, lat2]])


@pytest.fixture
def path(square_sortie, border) -> PathWatch:
    return PathWatch(square_sortie, wire_items(square_sortie, "ardupilot"), home_offset=1, border=border)


def test_the_plane_keeps_distances_from_its_centre(place) -> None:
    plane = LocalPlane(51.44, 4.92)
    for north, east in ((0.0, 20_000.0), (-15_000.0, 3_000.0), (12.0, -7.0)):
        assert plane.xy(*place(north, east))[0] == pytest.approx([east, north], abs=0.5)
        assert np.hypot(*plane.xy(*place(north, east))[0]) == pytest.approx(math.hypot(north, east), abs=1e-3)


@pytest.mark.parametrize(
    ("north", "east", "seq", "off"), [(200, 100, 3, 0), (215, 100, 3, 15), (400, 430, 4, 30), (100, -8, 2, 8)]
)
def test_metres_off_the_path(path, place, north, east, seq, off) -> None:
    assert path.off_path_m(*place(north, east), seq) == pytest.approx(off, abs=0.05)


@pytest.mark.parametrize(("command", "field"), [(31, "p2"), (18, "p3")])
@pytest.mark.parametrize(("north", "off"), [(0.0, 0.0), (60.0, 0.0), (-59.0, 0.0), (75.0, 15.0)])
def test_a_circle_is_flown_about_its_place(square_sortie, place, command, field, north, off) -> None:
    """Metres off a circle of 60 m are counted from the circle, not from the place that it is flown about."""
    takeoff, first, *rest = square_sortie.items
    lat, lon = place(300.0, -200.0)
    circle = dataclasses.replace(first, command=command, lat_deg=lat, lon_deg=lon, **{field: -60.0})
    items = tuple(dataclasses.replace(item, seq=k) for k, item in enumerate([takeoff, circle, *rest]))
    sortie = dataclasses.replace(square_sortie, items=items)
    path = PathWatch(sortie, wire_items(sortie, "ardupilot"), home_offset=1)
    seq = next(item.seq for item in wire_items(sortie, "ardupilot") if item.command == command)
    assert path.off_path_m(*place(300.0 + north, -200.0), seq) <= off + 0.05
    beyond = path.off_path_m(*place(300.0 + north, -260.0 - 200.0), seq)
    assert beyond == pytest.approx(math.hypot(north, 260.0) - 60.0, abs=0.1)


def test_another_pass_nearby_does_not_hide_an_error(path, place) -> None:
    """At the far side of the square while flying the near one: metres off, though a later leg runs there."""
    assert path.off_path_m(*place(600.0, 200.0), 2) > 350.0


def test_height_outside_the_planned_band(path, place) -> None:
    where = place(200.0, 100.0)
    assert path.height_error_m(*where, 80.0, 4) == 0.0
    assert path.height_error_m(*where, 101.0, 4) == pytest.approx(21.0)
    assert path.height_error_m(*where, 50.0, 4) == pytest.approx(30.0)
    assert path.height_error_m(*where, 50.0, 2) == 0.0, "climbing from home"


def test_standoff_is_of_the_piece_flown_and_zero_when_crossed(path, place) -> None:
    assert path.flown.standoff_m(*place(600.0, 0.0)) == pytest.approx(300.0, abs=0.5)
    assert path.flown.standoff_m(*place(700.0, 10.0)) == pytest.approx(200.0, abs=0.5)
    assert path.flown.standoff_m(*place(1000.0, 10.0)) == 0.0


def test_a_whole_countrys_border_is_cut_to_what_is_near(square_sortie, border, place) -> None:
    far = shapely.linestrings(np.column_stack([np.linspace(-30.0, -20.0, 5000), np.linspace(40.0, 60.0, 5000)]))
    country = shapely.union_all([border, far])
    watch = PathWatch(square_sortie, wire_items(square_sortie, "ardupilot"), home_offset=1, border=country)
    assert watch.flown.standoff_m(*place(600.0, 0.0)) == pytest.approx(300.0, abs=0.5)
    assert shapely.get_num_coordinates(watch.flown._line) < 100
    only_far = PathWatch(square_sortie, wire_items(square_sortie, "ardupilot"), home_offset=1, border=far)
    assert only_far.flown.standoff_m(*place(600.0, 0.0)) > 1_000_000.0


def test_progress_battery_and_time_to_go(path, square_sortie, place) -> None:
    assert path.progress(*place(0.0, 0.0), 1) == pytest.approx(0.0, abs=0.02)
    assert path.progress(*place(200.0, 400.0), 4) == pytest.approx(600 / 2000, abs=0.01)
    assert path.planned_battery_pct(0.0) == 100.0
    assert path.remaining_s(*place(200.0, 400.0), 4) == pytest.approx(0.7 * square_sortie.legs[-1].t_end_s, rel=0.02)
    assert path.progress(*place(0.0, 0.0), 6) == pytest.approx(1.0, abs=0.01)


def test_coverage_is_the_share_of_work_flown(square_sortie, place) -> None:
    def track(places) -> FlownTrack:
        lat, lon = np.array([place(*p) for p in places]).T
        return FlownTrack(
            t_boot_s=np.arange(len(lat)), lat_deg=lat, lon_deg=lon, alt_amsl_m=lat * 0, mission_seq=lat.astype(int)
        )

    whole = [(0, 0), (200, 0), (200, 400), (600, 400), (600, 0)]
    assert work_flown_pct(track(whole), square_sortie) == pytest.approx(100.0)
    assert work_flown_pct(track(whole[:3]), square_sortie) == pytest.approx(100 * 425 / 1200, abs=0.2)
    assert work_flown_pct(track([(0, 0), (1, 0)]), square_sortie) == pytest.approx(0.0, abs=3)
    assert work_flown_pct(track(whole[:1]), square_sortie) == 0.0
    assert math.isnan(work_flown_pct(track(whole), dataclasses.replace(square_sortie, legs=())))


def flying(place, north: float, east: float, t_s: float, seq: int = 3) -> VehicleState:
    state = VehicleState()
    state.armed, state.mode, state.seq = True, "AUTO", seq
    state.lat_deg, state.lon_deg = place(north, east)
    state.alt_amsl_m, state.t_boot_s, state.position_fixes, state.battery_pct = 80.0, t_s, 1, 90.0
    return state


def move(state: VehicleState, place, north: float, east: float, t_s: float) -> None:
    state.lat_deg, state.lon_deg = place(north, east)
    state.t_boot_s = t_s
    state.position_fixes += 1


@pytest.fixture
def watched(square_sortie, path, place):
    state = flying(place, 200.0, 0.0, 100.0)
    watch = FlightWatch(square_sortie, state, FlightOptions(required_standoff_m=250.0), 0.0)
    watch.path = path
    watch.observe()
    return watch, state


@pytest.mark.parametrize("jump", ["3 km", "0, 0"])
def test_a_gps_jump_is_flagged_and_gives_no_position(watched, place, jump) -> None:
    watch, state = watched
    move(state, place, 210.0, 3010.0, 100.2)
    if jump == "0, 0":
        state.lat_deg = state.lon_deg = 0.0
    watch.observe()
    assert [f.rule for f in watch.findings.all()] == ["gps_jump"]
    assert len(watch.track.track()) == 1
    assert watch.max_cross_track_m < 1.0
    move(state, place, 200.0, 2.0, 100.4)
    watch.observe()
    assert len(watch.track.track()) == 2


def test_a_goal_that_was_passed_before_it_was_flown_to_is_not_reached(path, place) -> None:
    """Lanes lie close: the first comes by the end of the last."""
    east, north = path._points[1 + int(np.searchsorted(path._seqs, path.goal_seq))]
    here, away = place(north, east), place(0.0, -4000.0)

    def flown(*seqs: int) -> FlownTrack:
        n = len(seqs)
        places = [here, *[away] * (n - 1)]
        return FlownTrack(
            t_boot_s=np.arange(n, dtype=float), lat_deg=np.array([p[0] for p in places]),
            lon_deg=np.array([p[1] for p in places]), alt_amsl_m=np.full(n, 60.0), mission_seq=np.array(seqs),
        )  # fmt: skip

    assert path.has_passed_goal(flown(path.goal_seq, path.goal_seq), 100.0)
    assert not path.has_passed_goal(flown(1, path.goal_seq), 100.0)
    assert not path.has_passed_goal(flown(1, 2), 100.0)


def test_standoff_and_path_alarms_keep_the_worst_once(watched, place) -> None:
    watch, state = watched
    for step, north in enumerate((300.0, 660.0, 700.0, 690.0, 300.0)):
        move(state, place, north, 10.0, 110.0 + 10 * step)
        watch.observe()
    found = {f.rule: f for f in watch.findings.all()}
    assert set(found) == {"standoff", "cross_track"}
    assert found["standoff"].severity is Severity.ERROR
    assert found["standoff"].measured == pytest.approx(200.0, abs=1)
    assert found["cross_track"].measured == pytest.approx(100.0, abs=1) or found["cross_track"].measured > 100
    assert watch.min_standoff_m == pytest.approx(200.0, abs=1)


def test_battery_below_plan_fence_and_critical_texts_are_alarms(watched, place) -> None:
    watch, state = watched
    state.battery_pct = 70.0
    move(state, place, 200.0, 20.0, 104.0)
    state.fence_breached = True
    state.alarms.append("Crash: Disarming")
    watch.observe()
    found = {f.rule: f for f in watch.findings.all()}
    assert set(found) == {"battery", "fence_breach", "vehicle_alarm"}
    assert found["vehicle_alarm"].message == "the vehicle said: Crash: Disarming"
    assert "the battery is at 70 %, the plan has 9" in found["battery"].message
    assert state.alarms == []


def test_a_mission_that_begins_anew_after_the_landing_is_no_battery_alarm(watched, place) -> None:
    watch, state = watched
    for seq, alarms in ((1, set()), (3, {"battery"})):
        state.battery_pct, state.seq = 60.0, seq
        move(state, place, 0.0, 1.0 + seq, 400.0 + seq)
        watch.observe()
        assert {f.rule for f in watch.findings.all()} == alarms


def test_a_battery_under_its_reserve_and_a_late_flight_are_findings(watched, square_sortie, place) -> None:
    watch, state = watched
    state.mode, state.battery_pct = "RTL", 14.0
    move(state, place, 200.0, 20.0, 2000.0)
    watch.observe()
    assert watch.judge_time() is False
    found = {f.rule: f for f in watch.findings.all()}
    assert set(found) == {"reserve", "overtime"}
    assert found["reserve"].severity is Severity.ERROR
    short = FlightWatch(square_sortie, state, FlightOptions(max_flight_s=100.0), 0.0)
    short.path = watch.path
    for t_s in (0.0, 101.0):
        move(state, place, 200.0, 20.0, t_s)
        short.observe()
    assert short.judge_time() is True


def test_a_flight_on_a_half_full_battery_is_measured_from_there(watched, place) -> None:
    watch, state = watched
    state.battery_pct = 60.0
    watch.begin()
    state.seq = 3
    move(state, place, 200.0, 20.0, 104.0)
    watch.observe()
    assert watch.findings.all() == ()
    assert watch.status(FlightPhase.FLYING, "").planned_battery_pct < 60.0


def test_nothing_is_judged_on_the_ground_or_off_auto(square_sortie, path, place) -> None:
    state = flying(place, 5000.0, 0.0, 1.0)
    watch = FlightWatch(square_sortie, state, FlightOptions(), 0.0)
    watch.path = path
    state.armed = False
    watch.observe()
    state.armed, state.mode = True, "RTL"
    watch.observe()
    assert math.isnan(watch.max_cross_track_m)
    state.mode = "AUTO"  # the same place, judged: what was kept quiet above is far out
    move(state, place, 5000.0, 0.0, 2.0)
    watch.observe()
    assert watch.max_cross_track_m > 1000.0


def test_link_states() -> None:
    link = LinkWatch(0.0, FlightOptions())
    seen = []
    for now in (1.9, 2.1, 3.4, 3.6, 9.0):
        seen.append(link.look(now))
    link.heard(9.1)
    seen += [link.look(9.2), link.look(11.2)]
    assert seen == [
        LinkState.LIVE,
        LinkState.STALE,
        LinkState.STALE,
        LinkState.LOST,
        LinkState.LOST,
        LinkState.RECOVERED,
        LinkState.STALE,
    ]
    link.heard(11.3)
    assert link.look(11.4) is LinkState.LIVE
    assert link.losses == 1
    assert link.look(20.0) is LinkState.LOST
    assert (link.losses, round(link.lost_for_s, 1)) == (2, 8.7)


def test_a_loss_that_nobody_looked_at_is_counted() -> None:
    link = LinkWatch(0.0, FlightOptions())
    link.heard(6.0)
    assert link.look(6.1) is LinkState.RECOVERED
    assert link.losses == 1


def test_findings_without_numbers_are_kept_once() -> None:
    log = FindingLog("s1")
    log.error("link", "gone")
    log.error("link", "gone again")
    assert [f.message for f in log.all()] == ["gone"]


def test_status_of_a_flight_that_has_not_begun(square_sortie) -> None:
    status = FlightWatch(square_sortie, VehicleState(), FlightOptions(), 0.0).status(FlightPhase.CONNECTING, "")
    assert math.isnan(status.battery_pct)
    assert status.seq == -1


def test_where_to_resume(path, square_sortie) -> None:
    assert path.stop_before(4) == 3, "flying to 4 was broken off: go back to 3"
    assert path.stop_before(1) == -1
    assert resume_item(square_sortie, 2) == square_sortie.items[2]
    assert resume_item(square_sortie, 1) is None, "the first place is flown to anyway"
    assert resume_item(square_sortie, 0) is None
    assert resume_item(square_sortie, -1) is None
    assert resume_item(square_sortie, 99) is None


def test_the_straight_way_back_is_checked(square_sortie, border, place) -> None:
    item = square_sortie.items[3]
    assert way_is_clear(square_sortie, item, border, 150.0) == ""
    assert "within 300 m of the line" in way_is_clear(square_sortie, item, border, 301.0)
    lat, lon = place(300.0, 200.0)
    hole = MissionItem(seq=4, command=5004, frame=0, p1=50.0, lat_deg=lat, lon_deg=lon)
    holed = dataclasses.replace(square_sortie, fence=(*square_sortie.fence, hole))
    assert "crosses a forbidden area" in way_is_clear(holed, item, border, 150.0)
    small = tuple(dataclasses.replace(i, lat_deg=51.44 + (i.lat_deg - 51.44) / 10) for i in square_sortie.fence)
    assert "leaves the fence" in way_is_clear(dataclasses.replace(square_sortie, fence=small), item, border, 150.0)


def current(total):
    """Return what MISSION_CURRENT says of how many items there are; 65535 is none, 0 an old sender's silence."""
    return mavlink.MAVLink_mission_current_message(3, total)


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        ((8, 8, 8), ""), ((0, 0), ""), ((0, 8, 8, 0), ""), ((8, 65535), "wiped from the vehicle in flight"),
        ((65535,), "wiped from the vehicle in flight"), ((8, 5, 8), "its mission was changed in flight"),
    ],
)  # fmt: skip
def test_a_mission_that_is_gone_or_another_is_an_alarm(square_sortie, totals, said) -> None:
    state = VehicleState()
    watch = FlightWatch(square_sortie, state, FlightOptions(), 0.0)
    watch.begin()
    state.armed = True
    for total in totals:
        state._current(current(total))
        watch.observe()
    found = [f for f in watch.findings.all() if f.rule == "mission_changed"]
    assert len(found) == bool(said)
    assert all(said in f.message and f.severity is Severity.ERROR for f in found)
