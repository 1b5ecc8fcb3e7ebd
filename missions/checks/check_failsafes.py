"""The ways home of one vehicle: which of them can be judged, and how each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.failsafes.return_path import return_path_of
from missions.failsafes.ways import RETRACING, RETURNING, Trigger, Way
from missions.judging.return_rules import can_retrace, has_return_path
from missions.plan import Finding, Severity
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.performance.performance import Performance
    from missions.plan_files.plan_document import PlanDocument

FAILSAFE_RULES: Final = ("failsafe.way", "failsafe.action")


def failsafe_findings(document: PlanDocument, settings: VehicleSettings, dialect: Dialect) -> Iterator[Finding]:
    """Find triggers after which the vehicle goes home by a way that cannot be judged, or does nothing.

    Only a vehicle's own parameters are judged so; what a plan asks for is judged as its ways home.
    """
    if not settings.from_vehicle:
        return
    for each in settings.failsafes:
        outside = each.outside(RETURNING)
        if each.unknown:
            text = f"{each.trigger}: {each.unknown}, so it is not known what the vehicle does then"
            yield _error("failsafe.way", text)
        elif outside:
            ways = " or ".join(outside)
            yield _error("failsafe.way", f"{each.trigger}: the vehicle {ways} ({each.decided_by}), which is not judged")
        elif Way.RETURN_PATH in each.ways and return_path_of(document.items) is None:
            text = f"{each.trigger}: the vehicle {Way.RETURN_PATH} ({each.decided_by}), but this one holds none that is"
            yield _error("failsafe.way", f"{text} judged, and it flies straight home or to another landing")
        elif each.trigger is Trigger.CRITICAL_BATTERY and set(each.ways) == {Way.NONE} and _no_battery(settings):
            yield _error("failsafe.action", f"{each.trigger}: the vehicle does nothing ({each.decided_by})")
    if document.rally and settings.landing is None:
        names = "RTL_TYPE" if dialect is Dialect.PX4 else "RALLY_LIMIT_KM and RALLY_INCL_HOME"
        yield _error(
            "failsafe.way", f"{names} are not told, which decide whether a rally point or home is flown to"
        )  # fmt: skip


def _no_battery(settings: VehicleSettings) -> bool:
    stages = [f for f in settings.failsafes if f.trigger in (Trigger.LOW_BATTERY, Trigger.CRITICAL_BATTERY)]
    return all(set(f.ways) == {Way.NONE} for f in stages)


def _error(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, message=message)


def ways_flown(aircraft: Performance, settings: VehicleSettings) -> tuple[str, ...]:
    """Return each way home (`Failsafe.way`) that a trigger leads to; none where nothing tells."""
    flown = {way for each in settings.failsafes for way in each.ways} & RETURNING
    ways = ["retrace"] if flown & RETRACING - {Way.RETURN_PATH} and can_retrace(aircraft) else []
    ways += ["mission"] if Way.RETURN_PATH in flown and has_return_path(aircraft) else []
    ways += ["straight"] if flown - RETRACING or (flown and not ways) else []
    return tuple(ways)
