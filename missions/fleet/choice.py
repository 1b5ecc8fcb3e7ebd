"""Which cut of the border, which aircraft and which bases: the best answer over all cuts, and what is short."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.fleet.bases import PLENTY, Base, Bounds, FleetAnswer, Workload, best_period, fewest_aircraft
from missions.fleet.bases import options as fleet_options
from missions.fleet.sections import SAME_M
from missions.plan import Finding, FleetOption, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.fleet.sections import Cut

    FloatArray = NDArray[np.float64]

MAX_ANSWERED: Final = 200
"""Most sortie-base pairs for which every fleet size is answered."""
SAME_S: Final = 1.0
"""Rounding of clocks, which is not a longer revisit."""
A_WEEK_S: Final = 604_800.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """A cut with the work it makes for the brief's aircraft, and the answer chosen for it."""

    cut: Cut
    work: Workload
    answer: FleetAnswer | None = None


def choices(situation: Situation, cuts: Iterable[Cut]) -> list[Choice]:
    """Return the cuts that fly something, each with the work it makes."""
    order = situation.corridor.along.nearest(situation.corridor.sites).station_m
    return [Choice(cut=cut, work=_work(situation.brief, order, cut)) for cut in cuts if cut.paths]


def _work(brief: Brief, station_m: FloatArray, cut: Cut) -> Workload:
    pairs = sorted({pair for known in cut.paths for pair in known})
    bases = [Base(sites=(site,), fleet=fleet) for site, fleet in pairs]
    for fleet, own in enumerate(brief.fleets):
        if own.carry_min is not None:
            mine = sorted((s for s, f in pairs if f == fleet), key=lambda s: (station_m[s], s))
            bases += [
                Base(sites=tuple(mine[a:b]), fleet=fleet, carry_s=60.0 * own.carry_min * (b - a))
                for a, b in itertools.combinations(range(len(mine) + 1), 2)
                if b - a > 1
            ]
    cycle = np.full((len(cut.paths), len(bases)), np.inf)
    for (i, known), (k, base) in itertools.product(enumerate(cut.paths), enumerate(bases)):
        seconds = [known[s, base.fleet].duration_s for s in base.sites if (s, base.fleet) in known]
        if seconds:
            cycle[i, k] = min(seconds) + brief.fleets[base.fleet].aircraft.swap_s
    counts = tuple(f.count for f in brief.fleets)
    limits = [[s.room(f.label, f.count) for f in brief.fleets] for s in brief.launch]
    return Workload(
        cycle_s=cycle, bases=tuple(bases), counts=counts, limits=np.array(limits),
        site_limits=tuple(s.aircraft.get("", PLENTY) for s in brief.launch),
    )  # fmt: skip


def site_of(cut: Cut, sortie: int, base: Base) -> int:
    """Return the site of a base a sortie is flown from: of several the one it takes least time from."""
    known = cut.paths[sortie]
    mine = [s for s in base.sites if (s, base.fleet) in known]
    return min(mine, key=lambda s: (known[s, base.fleet].duration_s, s))


def choose(brief: Brief, found: Sequence[Choice]) -> Choice:
    """Return the choice that flies most border with the fewest aircraft for the revisit asked, else the soonest.

    Its answer is None where no cut has one: there are fewer aircraft than bases to fly from.
    """
    least = min(c.cut.unflown_m for c in found)
    whole = [c for c in found if c.cut.unflown_m <= least + SAME_M]
    asked = asked_s(brief)
    if asked is not None:
        kept = _answered(whole, (fewest_aircraft(c.work, asked) for c in whole))
        if kept:
            return min(kept, key=lambda c: (_of(c).total, _of(c).period_s))
    best: list[Choice] = []
    for choice in whole:
        under = min((_of(c).period_s for c in best), default=math.inf)
        best += _answered([choice], [best_period(choice.work, under_s=under)])
    return min(best, key=lambda c: (_of(c).period_s, _of(c).total)) if best else whole[0]


def asked_s(brief: Brief) -> float | None:
    """Return the revisit asked for, seconds."""
    return brief.revisit.max_min * 60.0 if brief.revisit else None


def _answered(found: Sequence[Choice], answers: Iterable[FleetAnswer | None]) -> list[Choice]:
    both = zip(found, answers, strict=True)
    return [dataclasses.replace(choice, answer=answer) for choice, answer in both if answer is not None]


def _of(choice: Choice) -> FleetAnswer:
    if choice.answer is None:
        raise ValueError("the choice has no answer")
    return choice.answer


def carried(found: Sequence[Choice]) -> Choice:
    """Return the choice that starts from the fewest bases, whatever aircraft there are, with that answer."""
    least = min(c.cut.unflown_m for c in found)
    whole = [c for c in found if c.cut.unflown_m <= least + SAME_M]
    fewest = _answered(whole, (fewest_aircraft(c.work.unlimited, A_WEEK_S) for c in whole))
    return min(fewest, key=lambda c: (_of(c).total, _of(c).period_s))


def revisit_finding(brief: Brief, found: Sequence[Choice], best: FleetAnswer) -> list[Finding]:
    """Report a revisit the aircraft there are cannot keep, and how many would."""
    asked = asked_s(brief)
    if asked is None or best.period_s <= asked:
        return []
    enough = _answered(found, (fewest_aircraft(c.work.unlimited, asked) for c in found))
    more = ""
    if enough:
        least = min(enough, key=lambda c: (_of(c).total, _of(c).period_s))
        more = f"{_counts(brief, least)}, or "
    return [
        Finding(
            rule="revisit", severity=Severity.ERROR, unit="min",
            measured=round(best.period_s / 60.0, 2), limit=asked / 60.0,
            message=f"{best.total} aircraft see everything every {best.period_s / 60.0:.1f} minutes; "
            f"{asked / 60.0:g} are asked",
            advice=f"{more}revisit.max_min = {math.ceil(best.period_s / 60.0)}",
        )
    ]  # fmt: skip


def proven_finding(brief: Brief, worst_s: float, findings: Sequence[Finding]) -> list[Finding]:
    """Report a proven revisit longer than the one asked, where nothing said so before: take-offs moved apart."""
    asked = asked_s(brief)
    if asked is None or not worst_s > asked + SAME_S or any(f.rule == "revisit" for f in findings):
        return []
    return [
        Finding(
            rule="revisit", severity=Severity.ERROR, unit="min", measured=round(worst_s / 60.0, 2), limit=asked / 60.0,
            message=f"everything is seen every {worst_s / 60.0:.1f} minutes, because take-offs are moved to keep the "
            f"aircraft apart; {asked / 60.0:g} are asked",
            advice=f"another launch site, or revisit.max_min = {math.ceil(worst_s / 60.0)}",
        )
    ]  # fmt: skip


def _counts(brief: Brief, choice: Choice) -> str:
    answer = _of(choice)
    counts = [0] * len(brief.fleets)
    for base, count in zip(choice.work.bases, answer.aircraft, strict=True):
        counts[base.fleet] += count
    if len(counts) == 1:
        return f"aircraft.count = {counts[0]}"
    return " and ".join(f"aircraft.count = {n} of {f.label}" for n, f in zip(counts, brief.fleets, strict=True) if n)


def too_few_finding(brief: Brief, choice: Choice) -> Finding:
    """Warn that the aircraft are fewer than the bases they fly from, and say what would do."""
    need, count = _of(choice).total, sum(f.count for f in brief.fleets)
    where = {s for k in _of(choice).bases for s in choice.work.bases[k].sites}
    return Finding(
        rule="fleet", severity=Severity.WARNING, measured=float(count), limit=float(need), unit="aircraft",
        message=f"the sorties need {need} aircraft at {len(where)} launch sites and the brief has "
        f"{', '.join(f'{f.count} {f.label}' for f in brief.fleets)}, so aircraft are carried from site to site, how "
        "long that takes is not said, and no revisit time is promised",
        advice=f"{_counts(brief, choice)}, or aircraft.carry_min = the minutes to carry one to the next site",
    )  # fmt: skip


def paced(brief: Brief, choice: Choice, seconds: float) -> FleetAnswer | None:
    """Return the soonest even pace whose flights the charged batteries suffice for, or None where none keeps it."""
    stock = tuple(f.batteries for f in brief.fleets)
    asked = asked_s(brief)
    fewest_rounds = 1 if asked is None else math.ceil(seconds / asked)
    for rounds in range(int(seconds // _of(choice).period_s), fewest_rounds - 1, -1):
        period = seconds / rounds
        answer = fewest_aircraft(choice.work, period, Bounds(rounds=rounds, flights=stock))
        if answer is not None:
            return dataclasses.replace(answer, period_s=period, paced=True)
    return None


def answers(brief: Brief, found: Sequence[Choice], chosen: Choice) -> list[FleetOption]:
    """Answer which aircraft from which sites give which period, over all cuts that fly as much as the chosen one."""
    most = chosen.cut.unflown_m + SAME_M
    small = [c for c in found if c.cut.unflown_m <= most and c.work.cycle_s.size <= MAX_ANSWERED]
    every = [(_option(brief, c, a), a.period_s) for c in small for a in fleet_options(c.work)]
    every.sort(key=lambda row: (row[0].aircraft, len(_places(row[0])), row[1], row[0].sites))
    kept: list[FleetOption] = []
    for option, _ in every:
        better = [k for k in kept if k.aircraft <= option.aircraft and len(_places(k)) <= len(_places(option))]
        if all(option.period_s < k.period_s - 1.0 for k in better):
            kept.append(option)
    return kept or ([] if chosen.answer is None else [_option(brief, chosen, chosen.answer)])


def _places(option: FleetOption) -> set[str]:
    return {name for place in option.sites for name in place.split(" + ")}


def _option(brief: Brief, choice: Choice, answer: FleetAnswer) -> FleetOption:
    bases = [choice.work.bases[k] for k in answer.bases]
    return FleetOption(
        aircraft=answer.total,
        sites=tuple(base_name(brief, base) for base in bases),
        types=tuple(brief.fleets[base.fleet].label for base in bases),
        per_site=tuple(answer.aircraft[k] for k in answer.bases),
        period_s=round(answer.period_s, 1),
    )


def base_name(brief: Brief, base: Base) -> str:
    """Return the site of a base, or the sites its aircraft are carried between."""
    return " + ".join(brief.launch[s].name for s in base.sites)
