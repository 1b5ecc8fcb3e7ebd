"""One door to the autopilots' own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from missions.checks.autopilot_rules_ardupilot import ardupilot_findings
from missions.checks.autopilot_rules_px4 import px4_findings
from missions.plan_files.dialect import Dialect, as_dialect

if TYPE_CHECKING:
    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.plan import Finding
    from missions.plan_files.plan_document import PlanDocument


def autopilot_findings(document: PlanDocument, dialect: str, settings: VehicleSettings) -> tuple[Finding, ...]:
    """Judge a mission by the rules of ``"ardupilot"`` or ``"px4"``."""
    if as_dialect(dialect) is Dialect.PX4:
        return px4_findings(document, settings)
    return ardupilot_findings(document, settings)
