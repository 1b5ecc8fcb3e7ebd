"""Asking a vehicle for what the preflight rules need to know."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.flight.preflight import PreflightFacts, ekf_ready, firmware_of, parameter_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.flight.commands import Commander
    from missions.flight.state import VehicleState

_REQUEST_MESSAGE: Final = 512
_AUTOPILOT_VERSION, _HOME_POSITION, _SYSTEM_TIME, _SYS_STATUS = 148, 242, 2, 1
_EKF_STATUS, _ESTIMATOR_STATUS = 193, 230
_BATTERY_S: Final = 5.0
"""Seconds of the vehicle's own clock, which a loaded machine slows, in which one with a battery monitor tells of it:
SYS_STATUS comes twice a second or more often by default (ArduPilot `SRn_EXT_STAT`, PX4 `mavlink_main.cpp`)."""
_ASKED: Final = (_AUTOPILOT_VERSION, _HOME_POSITION, _SYSTEM_TIME, _SYS_STATUS, _EKF_STATUS, _ESTIMATOR_STATUS)


def is_known(state: VehicleState) -> bool:
    """Whether the vehicle has said what its readiness is judged by."""
    told = not math.isnan(state.battery_pct) and not math.isnan(state.lat_deg) and state.gps_fix >= 0
    return told and state.version is not None and state.home is not None


def is_positioned(state: VehicleState) -> bool:
    """Whether the GPS has a fix and the estimator, where it reports, is ready."""
    estimator = state.ekf_flags < 0 or ekf_ready(state.ekf_flags, state.dialect)
    return estimator and state.gps_fix >= 3 and not math.isnan(state.lat_deg) and state.home is not None


def _battery_told(state: VehicleState, since_s: float) -> bool:
    """Whether its battery is known, or it has had the time to tell of it."""
    return not math.isnan(state.battery_pct) or state.t_boot_s - since_s > _BATTERY_S


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FactsAsked:
    """What of a flight decides which facts are asked for."""

    ready_timeout_s: float
    """How long a receiver may take to find its position."""
    fence_uploaded: bool
    """Whether the sortie's fence was read back equal."""
    will_enable_fence: bool
    """Whether the fence is switched on before take-off, so that its limits count."""
    also: tuple[str, ...] = ()
    """Parameters to ask for besides those every flight is judged by."""


def gather(
    commander: Commander,
    state: VehicleState,
    wait: Callable[[float, Callable[[], bool]], None],
    asked: FactsAsked,
    *,
    now_unix_s: float,
) -> PreflightFacts:
    """Ask for version, home, time, estimator and failsafe parameters, and wait for a position.

    Parameters
    ----------
    commander, state
        The way to the vehicle, and what it has said.
    wait
        Receives for some seconds, or until a condition holds.
    asked
        What decides which facts are asked for.
    now_unix_s
        This computer's time, to compare the vehicle's with.
    """
    for _ in range(3):
        for message_id in _ASKED:
            commander.tell(_REQUEST_MESSAGE, message_id)
        wait(1.0, lambda: is_known(state) and state.ekf_flags >= 0 and not math.isnan(state.clock_unix_s))
        if is_known(state):
            break
    if not is_positioned(state):
        wait(asked.ready_timeout_s, lambda: is_positioned(state))
    if math.isnan(state.battery_pct) and not math.isnan(since_s := state.t_boot_s):
        wait(asked.ready_timeout_s, lambda: _battery_told(state, since_s))
    named = parameter_names(state.dialect, fixed_wing=state.fixed_wing, version=firmware_of(state.version))
    parameters = commander.parameters.values(tuple(dict.fromkeys((*named, *asked.also))))
    if asked.will_enable_fence and "FENCE_ENABLE" in parameters:
        parameters["FENCE_ENABLE"] = 1.0
    return PreflightFacts(
        dialect=state.dialect,
        autopilot=state.autopilot,
        mav_type=state.mav_type,
        version=state.version,
        lat_deg=state.lat_deg,
        lon_deg=state.lon_deg,
        home=state.home,
        battery_pct=state.battery_pct,
        gps_fix=state.gps_fix,
        satellites=state.satellites,
        hdop=state.hdop,
        ekf_flags=state.ekf_flags,
        armed=state.armed,
        clock_offset_s=state.clock_unix_s - now_unix_s,
        fence_uploaded=asked.fence_uploaded,
        parameters=parameters,
    )
