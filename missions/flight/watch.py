"""Watching one flight: its track, its deviations, its link, and the findings they give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.geodesy import inverse
from missions.flight.finding_log import FindingLog
from missions.flight.position_doubt import DOUBT_M, PositionDoubt
from missions.flight.values import FlightOptions, FlightPhase, FlightStatus, FlownTrack, LinkState

if TYPE_CHECKING:
    from missions.flight.deviation import LineWatch, PathWatch
    from missions.flight.payload_watch import PayloadWatch
    from missions.flight.state import VehicleState
    from missions.plan import Sortie

_AUTO_MODES: Final = frozenset({"AUTO", "MISSION"})
_LATE_SHARE: Final = 1.5
_LATE_S: Final = 180.0
"""Wind and the wait before take-off make a flight longer than planned; more than this is worth a look."""
_FASTEST_MPS: Final = 80.0
"""Faster over the ground than any aircraft these plans are made for, tail wind included."""
_JUMP_SLACK_M: Final = 100.0
"""Ten times the 95 % error of a plain GNSS fix: less is noise, more is a jump."""


class LinkWatch:
    """How fresh the vehicle's messages are: live, stale, lost, recovered; losses are counted once each."""

    def __init__(self, now_s: float, options: FlightOptions) -> None:
        self.state = LinkState.LIVE
        self.losses = 0
        self.lost_for_s = 0.0
        self._heard_s = now_s
        self._options = options

    def heard(self, now_s: float) -> None:
        """Note that the vehicle said something; a silence that nobody looked at counts all the same."""
        self.look(now_s)
        self._heard_s = now_s

    def look(self, now_s: float) -> LinkState:
        """Return the state at this time."""
        silent_s = now_s - self._heard_s
        self.lost_for_s = silent_s if silent_s >= self._options.lost_after_s else 0.0
        if silent_s >= self._options.lost_after_s:
            self.losses += self.state is not LinkState.LOST
            self.state = LinkState.LOST
        elif self.state is LinkState.LOST:
            self.state = LinkState.RECOVERED
        elif silent_s >= self._options.stale_after_s:
            self.state = LinkState.STALE
        elif self.state is LinkState.STALE:
            self.state = LinkState.LIVE
        return self.state


_FIRST_SEQ: Final = 1
"""Where ArduPilot's mission goes back to once the aircraft has landed: the plan's battery there says nothing then."""


class TrackRecorder:
    """Collect the flown track while armed."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float, float, int]] = []

    def add(self, state: VehicleState) -> None:
        """Append where the vehicle is now."""
        self._rows.append((state.t_boot_s, state.lat_deg, state.lon_deg, state.alt_amsl_m, state.seq))

    @property
    def flight_s(self) -> float:
        """Seconds between the first and the last position, on the vehicle's own clock."""
        return self._rows[-1][0] - self._rows[0][0] if self._rows else 0.0

    def track(self) -> FlownTrack:
        """Return the columns."""
        columns = np.array(self._rows, dtype=np.float64).reshape(-1, 5).T
        return FlownTrack(
            t_boot_s=columns[0],
            lat_deg=columns[1],
            lon_deg=columns[2],
            alt_amsl_m=columns[3],
            mission_seq=columns[4].astype(np.int64),
        )


class FlightWatch:
    """Turn telemetry of one flight into deviations, findings and status lines."""

    def __init__(self, sortie: Sortie, state: VehicleState, options: FlightOptions, now_s: float) -> None:
        self.link = LinkWatch(now_s, options)
        self.findings = FindingLog(sortie.name)
        self.track = TrackRecorder()
        self.path: PathWatch | None = None
        self.payload: PayloadWatch | None = None
        self.doubt = PositionDoubt()
        self.max_cross_track_m = math.nan
        self.max_height_error_m = math.nan
        self.min_standoff_m = math.nan
        self.min_battery_pct = math.nan
        self.last_seq = -1
        self.last_auto_seq = -1
        """The last item flown to in AUTO before the last one with a place: where coverage stopped, if it did."""
        self.skipped_to = -1
        self.items = 0
        self._sortie = sortie
        self._state = state
        self._options = options
        self._fixes = 0
        self._latest = (math.nan, math.nan)
        self._last_good = (math.nan, math.nan, math.nan)
        self._battery_used_before_pct = 0.0
        self._mission_items = -1

    def begin(self) -> None:
        """Forget the item numbers of a flight before this one."""
        self.last_seq = self._state.seq = self._state.reached = -1
        self._state.alarms.clear()
        self._mission_items = self._state.mission_items = -1
        self._battery_used_before_pct = float(np.nan_to_num(100.0 - self._state.battery_pct))

    def observe(self) -> None:
        """Pointing at the vehicle's state after a message changed it."""
        state = self._state
        if not state.armed:
            return
        self.last_seq = max(self.last_seq, state.seq, state.reached)
        self.min_battery_pct = float(np.fmin(self.min_battery_pct, state.battery_pct))
        self._hear_alarms()
        self._judge_mission()
        self._judge_reserve()
        if state.position_fixes == self._fixes or self.path is None or math.isnan(state.lat_deg):
            return
        self._fixes = state.position_fixes
        if self._has_jumped():
            return
        self._judge_position()
        self.track.add(state)
        if self.payload is not None:
            self.payload.look()
        standoff_m = self.path.flown.standoff_m(state.lat_deg, state.lon_deg)
        self._latest = (math.nan, standoff_m)
        self._judge_standoff(standoff_m)
        if state.mode in _AUTO_MODES and 0 <= state.seq <= self.path.goal_seq and state.mission_items != 0:
            self.last_auto_seq = state.seq
            if state.seq != self.skipped_to:
                self._judge_path()
            if self.skipped_to < 0:
                self._judge_battery()

    def _has_jumped(self) -> bool:
        """Whether the position is one that no aircraft of this kind can have flown to (then it is not used)."""
        state, (t_s, lat, lon) = self._state, self._last_good
        nowhere = state.lat_deg == 0.0 and state.lon_deg == 0.0
        away_m = 0.0 if math.isnan(lat) else float(inverse(lat, lon, state.lat_deg, state.lon_deg)[0])
        elapsed_s = max(state.t_boot_s - t_s, 0.0) if not math.isnan(t_s) else 0.0
        if nowhere or away_m > _JUMP_SLACK_M + _FASTEST_MPS * elapsed_s:
            text = "the GPS reports 0, 0" if nowhere else f"the GPS position jumped {away_m:.0f} m in {elapsed_s:.1f} s"
            self.findings.error("gps_jump", f"{text}; it is not used", measured=away_m, limit=_JUMP_SLACK_M, unit="m")
            return True
        self._last_good = (state.t_boot_s, state.lat_deg, state.lon_deg)
        return False

    def _judge_position(self) -> None:
        """Say where the position cannot be believed: what is measured from it is then good to that only."""
        doubt_m = self.doubt.observe(self._state)
        if doubt_m > 0.0:
            text = f"its position is in doubt by {doubt_m:.0f} m: {self.doubt.why}; so are the metres to the border"
            self.findings.error("position_doubt", text, **self._place(doubt_m, DOUBT_M))
        if self.path is not None:
            self._judge_elsewhere(self.path.elsewhere)

    def _judge_elsewhere(self, line: LineWatch) -> None:
        """Say where the line is near if not the vehicle's position is right but what differs from it."""
        if self.doubt.elsewhere is None:
            line.leave()
            return
        near_m, limit = line.standoff_m(*self.doubt.elsewhere), self._options.required_standoff_m
        if near_m < limit:
            text = f"if not its position is right but what differs from it, it came within {near_m:.0f} m of the line"
            lat_deg, lon_deg = self.doubt.elsewhere
            place = {**self._place(near_m, limit), "lat_deg": lat_deg, "lon_deg": lon_deg}
            self.findings.error("standoff_doubt", f"{text}; the plan keeps {limit:.0f} m", **place)

    def _hear_alarms(self) -> None:
        """Take what the vehicle itself raises alarm about."""
        state = self._state
        if state.fence_breached:
            text = "the vehicle reports that it left its fence"
            self.findings.error("fence_breach", text, lat_deg=state.lat_deg, lon_deg=state.lon_deg, seq=state.seq)
        while state.alarms:
            self.findings.warning("vehicle_alarm", f"the vehicle said: {state.alarms.pop(0)}", seq=state.seq)

    def _judge_mission(self) -> None:
        """Say it where the vehicle has another mission than the one that was proven, or none any more."""
        state = self._state
        if self._mission_items <= 0:
            self._mission_items = state.mission_items
        if state.mission_items in (-1, self._mission_items) and state.mission_items != 0:
            return
        what = "the mission has been wiped from the vehicle" if state.mission_items == 0 else "its mission was changed"
        text = f"{what} in flight, not by us: it holds, or flies what nobody judged; restore the plan, or bring it home"
        self.findings.error("mission_changed", text, lat_deg=state.lat_deg, lon_deg=state.lon_deg, seq=self.last_seq)

    def _judge_reserve(self) -> None:
        state, limit = self._state, self._options.reserve_pct
        if state.battery_pct < limit:
            text = f"the battery is down to {state.battery_pct:.0f} %; the reserve is {limit:.0f} %"
            self.findings.error("reserve", text, **{**self._place(state.battery_pct, limit), "unit": "%"})

    def _planned_battery_pct(self, progress: float) -> float:
        """Return what the plan has left at this share of the path, counted from what this flight began with."""
        if self.path is None:
            return math.nan
        return self.path.planned_battery_pct(progress) - self._battery_used_before_pct

    def _judge_battery(self) -> None:
        state, path = self._state, self.path
        if path is None or state.seq <= _FIRST_SEQ < self.last_seq:
            return
        planned = self._planned_battery_pct(path.progress(state.lat_deg, state.lon_deg, state.seq))
        below = planned - state.battery_pct
        limit = self._options.battery_below_plan_pct
        if below > limit:
            text = f"the battery is at {state.battery_pct:.0f} %, the plan has {planned:.0f} % here"
            facts = {**self._place(below, limit), "unit": "%"}
            self.findings.warning("battery", text, **facts)

    def _judge_standoff(self, standoff_m: float) -> None:
        self.min_standoff_m = float(np.fmin(self.min_standoff_m, standoff_m))
        limit = self._options.required_standoff_m
        if standoff_m < limit:
            self.findings.error(
                "standoff",
                f"the aircraft came within {standoff_m:.0f} m of the line; the plan keeps {limit:.0f} m",
                **self._place(standoff_m, limit),
            )

    def _judge_path(self) -> None:
        state, path, options = self._state, self.path, self._options
        if path is None:
            return
        off_m = path.off_path_m(state.lat_deg, state.lon_deg, state.seq)
        high_m = path.height_error_m(state.lat_deg, state.lon_deg, state.alt_amsl_m, state.seq)
        self._latest = (off_m, self._latest[1])
        self.max_cross_track_m = float(np.fmax(self.max_cross_track_m, off_m))
        self.max_height_error_m = float(np.fmax(self.max_height_error_m, high_m))
        if off_m > options.cross_track_limit_m:
            text = f"the aircraft was {off_m:.0f} m off its path; the limit is {options.cross_track_limit_m:.0f} m"
            self.findings.warning("cross_track", text, **self._place(off_m, options.cross_track_limit_m))
        if high_m > options.height_limit_m:
            text = f"the aircraft was {high_m:.0f} m outside its heights; the limit is {options.height_limit_m:.0f} m"
            self.findings.warning("height", text, **self._place(high_m, options.height_limit_m))

    def _place(self, measured: float, limit: float) -> dict[str, Any]:
        state = self._state
        return {
            "lat_deg": state.lat_deg,
            "lon_deg": state.lon_deg,
            "seq": state.seq,
            "measured": measured,
            "limit": limit,
            "unit": "m",
        }

    def judge_time(self) -> bool:
        """Whether the flight has taken longer than the watch is to last; late flights have a finding before that."""
        flown_s, limit_s = self.track.flight_s, self._options.max_flight_s
        planned_s = self.path.planned_s if self.path is not None else math.nan
        late_s = _LATE_SHARE * planned_s + _LATE_S
        if flown_s > late_s:
            text = f"the flight takes {flown_s:.0f} s, the plan {planned_s:.0f} s"
            self.findings.warning("overtime", text, limit=late_s, unit="s")
        if flown_s > limit_s:
            self.findings.error("watch", f"still flying after {flown_s:.0f} s; the watch ends", limit=limit_s, unit="s")
        return flown_s > limit_s

    def status(self, phase: FlightPhase, note: str) -> FlightStatus:
        """Return one line of the live view."""
        state, path = self._state, self.path
        known = path is not None and not math.isnan(state.lat_deg)
        progress = path.progress(state.lat_deg, state.lon_deg, state.seq) if known and path else 0.0
        return FlightStatus(
            system=state.system,
            sortie=self._sortie.name,
            phase=phase,
            mode=state.mode,
            armed=state.armed,
            seq=state.seq,
            items=self.items,
            leg=min(len(self._sortie.legs) - 1, int(progress * len(self._sortie.legs))),
            legs=len(self._sortie.legs),
            lat_deg=state.lat_deg,
            lon_deg=state.lon_deg,
            alt_amsl_m=state.alt_amsl_m,
            battery_pct=state.battery_pct,
            planned_battery_pct=self._planned_battery_pct(progress),
            time_to_go_s=path.remaining_s(state.lat_deg, state.lon_deg, state.seq) if known and path else math.nan,
            flight_s=self.track.flight_s,
            cross_track_m=self._latest[0],
            standoff_m=self._latest[1],
            link=self.link.state,
            note=note,
            findings=self.findings.all(),
        )
