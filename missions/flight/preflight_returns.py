"""Whether the vehicle would return the way the plan was judged, when the flight is broken off."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from missions.plan import Sortie, VehicleParameter


def return_findings(values: Mapping[str, float], sortie: Sortie) -> Iterator[Finding]:
    """Compare the vehicle's parameters with those the sortie's break-offs were judged with.

    Another place or way to return to is an error: the plan's promise about the border is then not
    kept; so is another height than one the ground asked for. Another height else, no return at all, another pace, or
    a parameter the vehicle does not have is a warning.

    Parameters
    ----------
    values
        What the vehicle has said of its parameters, by name.
    """
    for wanted in sortie.vehicle_parameters:
        has = values.get(wanted.name)
        if has is not None and _does(has, wanted):
            continue
        asked = f"{'at least ' if wanted.at_least else ''}{wanted.value:g}"
        if has is None:
            severity, said = Severity.WARNING, f"the vehicle does not answer for {wanted.name}"
        else:
            minor = wanted.height or wanted.action or wanted.pace
            severity, said = Severity.WARNING if minor else Severity.ERROR, f"{wanted.name} is {has:g}"
        yield Finding(
            rule="preflight.return", severity=severity, measured=math.nan if has is None else has, limit=wanted.value,
            message=f"{said}; {'the flight is planned' if wanted.pace else 'break-offs were judged'} with {asked} "
            f"({wanted.why})",
            relaxation=f"{wanted.name} = {wanted.value:g}",
        )  # fmt: skip


def _does(has: float, wanted: VehicleParameter) -> bool:
    return has >= wanted.value if wanted.at_least else math.isclose(has, wanted.value, rel_tol=1e-4, abs_tol=1e-6)
