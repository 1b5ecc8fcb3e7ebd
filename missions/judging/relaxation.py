"""What would do about a finding: only what was tried is offered, the rest is called advice.

Rules name changes that may help. Here each is tried by whoever judged: a plan is made again, a file is judged again
with the brief changed.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from typing import TYPE_CHECKING, Final

from geo.errors import VedetteError
from missions.briefs.change import Change
from missions.errors import BriefError
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from missions.briefs.brief import Brief
    from missions.plan import Finding

    InVain = Callable[[Sequence[Finding]], bool]
    Again = Callable[[Brief, InVain], "Trial | None"]

_BETWEEN: Final = re.compile(r", or |; or ")
TOLD_PCT: Final = 1.0
"""A change with which this much more or less of the ground is seen says so."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is found with a change, and how much of the ground asked for is seen then; NaN where none is."""

    findings: tuple[Finding, ...]
    seen_pct: float = math.nan

    def mends(self, finding: Finding, before: Trial) -> bool:
        """Tell whether nothing of a finding's rule is left, and no error has come that was not there."""
        left = [f for f in self.findings if f.rule == finding.rule]
        if any(f.severity is Severity.ERROR or finding.severity is Severity.WARNING for f in left):
            return False
        return self.errors <= before.errors

    @property
    def errors(self) -> set[str]:
        """The rules that are broken."""
        return {f.rule for f in self.findings if f.severity is Severity.ERROR}


def offered(before: Trial, brief: Brief, again: Again, *, most: int) -> tuple[Finding, ...]:
    """Return the findings with the changes that were tried and do as their relaxation, the others as advice.

    Of changes of the same keys that a rule names for several places, the farthest is tried for all. What is not tried
    for want of time is said; what the brief would refuse is neither tried nor said.

    Parameters
    ----------
    before
        What was found with the brief as it is.
    again
        Plans or judges again with another brief; None where nothing comes of it. It may ask, of findings so far,
        whether the change is tried in vain, and end there.
    most
        How many changes are tried.
    """
    named = [_named(finding, brief) for finding in before.findings]
    farthest = _farthest((one for alternatives in named for one in alternatives), brief)
    wanted = _ranked(zip(before.findings, named, strict=True), farthest)
    tried: dict[Change, Trial | None] = {}
    for change in wanted[:most]:
        meant = [f for f, ones in zip(before.findings, named, strict=True) if change in _changes(ones, farthest)]
        tried[change] = _tried(change, brief, again, functools.partial(_in_vain, meant, before))
    return tuple(
        _told(finding, [_stands_for(one, farthest) for one in alternatives], before, tried)
        for finding, alternatives in zip(before.findings, named, strict=True)
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """An alternative that an advice names, and the change it is, where it is one."""

    rule: str
    place: int
    text: str
    change: Change | None

    @property
    def about(self) -> Hashable:
        """The same for alternatives that differ in their values alone."""
        return self.rule, self.place, self.text if self.change is None else self.change.of_what


def _named(finding: Finding, brief: Brief) -> list[_Named]:
    """Return what an advice names; a value that the brief would refuse is not worth naming."""
    texts = _BETWEEN.split(finding.advice) if finding.advice else []
    named = [_Named(rule=finding.rule, place=k, text=t, change=Change.of(t)) for k, t in enumerate(texts)]
    return [one for one in named if one.change is None or _in_range(one.change, brief)]


def _in_range(change: Change, brief: Brief) -> bool:
    try:
        change.applied(brief)
    except BriefError:
        return False
    return True


def _farthest(named: Iterable[_Named], brief: Brief) -> dict[Hashable, _Named]:
    farthest: dict[Hashable, _Named] = {}
    for one in named:
        known = farthest.get(one.about)
        if known is None or (one.change and known.change and one.change.distance(brief) > known.change.distance(brief)):
            farthest[one.about] = one
    return farthest


def _stands_for(one: _Named, farthest: dict[Hashable, _Named]) -> _Named:
    """Return the alternative that is tried for one: itself, with its own note, where they are one change."""
    known = farthest.get(one.about, one)
    return one if known.change == one.change else known


def _ranked(told: Iterable[tuple[Finding, list[_Named]]], farthest: dict[Hashable, _Named]) -> list[Change]:
    """Return the changes to try: errors' before warnings', each finding's first alternative before any second."""
    ranks: dict[Change, tuple[bool, int]] = {}
    for finding, alternatives in told:
        for place, change in enumerate(_changes(alternatives, farthest)):
            rank = (finding.severity is not Severity.ERROR, place)
            ranks[change] = min(rank, ranks.get(change, rank))
    return sorted(ranks, key=lambda change: ranks[change])


def _changes(alternatives: Iterable[_Named], farthest: dict[Hashable, _Named]) -> list[Change]:
    """Return the changes that stand for some alternatives."""
    changes = (farthest[one.about].change for one in alternatives)
    return [change for change in changes if change is not None]


def _in_vain(meant: Sequence[Finding], before: Trial, found: Sequence[Finding]) -> bool:
    """Tell from findings so far that a trial will mend none of those it was meant for: more will not undo them."""
    so_far = Trial(findings=tuple(found))
    return not any(so_far.mends(finding, before) for finding in meant)


def _tried(change: Change, brief: Brief, again: Again, in_vain: InVain) -> Trial | None:
    try:
        return again(change.applied(brief), in_vain)
    except VedetteError:
        return None


def _told(
    finding: Finding, alternatives: Sequence[_Named], before: Trial, tried: dict[Change, Trial | None]
) -> Finding:
    """Return a finding with what mends it, what may, what was tried in vain, and what was not tried."""
    mends: list[str] = []
    may: list[str] = []
    vain: list[str] = []
    left: list[str] = []
    for one in dict.fromkeys(alternatives):
        if one.change is None or one.change not in tried:
            (may if one.change is None else left).append(one.text)
            continue
        trial = tried[one.change]
        text = one.text + _seen_then(trial, before)
        if trial is not None and trial.mends(finding, before):
            mends.append(text)
        else:
            vain.append(text)
    held = [finding.relaxation] if finding.relaxation else []
    advice = [
        ", or ".join(may),
        f"tried in vain: {', '.join(vain)}" if vain else "",
        f"not tried: {', '.join(left)}" if left else "",
    ]
    return dataclasses.replace(
        finding, relaxation=", or ".join([*held, *mends]), advice="; ".join(filter(None, advice)) or None
    )


def _seen_then(trial: Trial | None, before: Trial) -> str:
    """Say how much is seen with a change, where that is clearly more or less than without."""
    if trial is None or not abs(trial.seen_pct - before.seen_pct) >= TOLD_PCT:
        return ""
    return f" ({trial.seen_pct:.1f} % of the ground is seen then)"
