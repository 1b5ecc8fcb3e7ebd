"""What was found in a flight, one finding a rule."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

from missions.plan import Finding, Severity

_MOST_FINDINGS: Final = 100


class FindingLog:
    """Findings of one flight, one per rule: the worst measured, at the place it was measured."""

    def __init__(self, sortie: str) -> None:
        self._sortie = sortie
        self._found: dict[str, Finding] = {}

    def note(self, rule: str, severity: Severity, message: str, **facts: Any) -> None:
        """Add a finding, or keep the worse of it and the one with the same rule."""
        self.keep(dataclasses.replace(Finding(rule=rule, severity=severity, message=message), **facts))

    def keep(self, finding: Finding) -> None:
        """Add a finding made elsewhere, or keep the worse of it and the one with the same rule."""
        rule, finding = finding.rule, dataclasses.replace(finding, sortie=self._sortie)
        before = self._found.get(rule)
        if before is None and len(self._found) >= _MOST_FINDINGS:
            return
        if before is None or _excess(finding) > _excess(before):
            self._found[rule] = finding

    def error(self, rule: str, message: str, **facts: Any) -> None:
        """Add a finding that means the flight did not keep a rule."""
        self.note(rule, Severity.ERROR, message, **facts)

    def warning(self, rule: str, message: str, **facts: Any) -> None:
        """Add a finding that needs a look."""
        self.note(rule, Severity.WARNING, message, **facts)

    def all(self) -> tuple[Finding, ...]:
        """Return the findings in the order they first appeared."""
        return tuple(self._found.values())


def _excess(finding: Finding) -> float:
    if math.isnan(finding.measured) or math.isnan(finding.limit):
        return -math.inf
    return abs(finding.measured - finding.limit)
