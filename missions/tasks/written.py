"""A plan is closed over the checker: what a vehicle would store is judged as any file is, before the plan is fit."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from missions.checks.check import check_document
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_folder_file import MAV_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.plan import Finding
    from missions.planned import Planned


def closed_over_checker(planned: Planned) -> Planned:
    """Return a plan with the findings that its written items have and its paths have not.

    The legs were judged against the brief when they were planned. Here the items are judged for themselves: what the
    autopilot stores, carries out, and holds inside the fence it is given. A warning is told, too: `check` of the same
    files gives it.
    """
    plan = planned.plan
    known = {(finding.rule, finding.sortie) for finding in plan.findings}
    found = tuple(finding for finding in written_findings(planned) if (finding.rule, finding.sortie) not in known)
    if not found:
        return planned
    return dataclasses.replace(planned, plan=dataclasses.replace(plan, findings=(*plan.findings, *found)))


def written_findings(planned: Planned) -> Iterator[Finding]:
    """Go over the findings that the checker has of each sortie as it is written."""
    plan, brief = planned.plan, planned.situation.brief
    for sortie in plan.sorties:
        vehicle = MAV_TYPE[brief.fleet(sortie.aircraft).aircraft.kind]
        document = document_from_sortie(sortie, plan.dialect, vehicle_type=vehicle)
        for finding in check_document(document, name=sortie.name).findings:
            yield dataclasses.replace(finding, sortie=sortie.name, message=f"{sortie.name}: {finding.message}")
