"""What redundant data may say against each other: one value for a check, one for what it finds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Generic, TypeVar

from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from geo.values import PoseSigmas

Evidence = TypeVar("Evidence")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two data that cannot both be true.

    `at_least` names fields of `PoseSigmas` and the one-sigma error each now has at least. `unplaced` is
    set where nothing may rest on the pose any more, and is then the reason.
    """

    kind: str
    message: str
    at_least: Mapping[str, float] = dataclasses.field(default_factory=dict)
    unplaced: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[Evidence]):
    """One comparison: what is held against what, how far they may lie apart, why so far, and how it is done.

    `run` takes the evidence and the tolerance, and returns None where they agree or one is missing.
    """

    name: str
    compares: str
    tolerance: float
    unit: str
    source: str
    run: Callable[[Evidence, float], Contradiction | None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a set of checks found: problems by name, the error budget left, and why nothing may be placed, if so."""

    problems: tuple[Problem, ...]
    sigmas: PoseSigmas
    unplaced: str = ""


def judge(checks: Iterable[Check[Evidence]], evidence: Evidence, sigmas: PoseSigmas) -> Verdict:
    """Run every check; errors only ever widen."""
    problems, unplaced = [], ""
    for check in checks:
        found = check.run(evidence, check.tolerance)
        if found is None:
            continue
        problems.append(Problem(kind=found.kind, message=found.message))
        wider = {name: max(getattr(sigmas, name), value) for name, value in found.at_least.items()}
        sigmas = dataclasses.replace(sigmas, **wider)
        unplaced = unplaced or found.unplaced
    return Verdict(problems=tuple(problems), sigmas=sigmas, unplaced=unplaced)
