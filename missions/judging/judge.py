"""One judge of legs for all: the planner hears the worst of each rule, a check hears every leg."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from missions.failsafes.landing_sequence import MissionWays, landing_starts
from missions.failsafes.return_path import return_path_of
from missions.judging.breaches import every_leg, worst_of_each
from missions.judging.flown_path import Landing, landings_of
from missions.judging.return_legs import failsafe_legs
from missions.judging.return_rules import return_rules, speed_parameters, vehicle_parameters
from missions.judging.rules_area import keep_in, overflight
from missions.judging.rules_battery import endurance
from missions.judging.rules_height import ceiling, climb, ground_clearance, height_limit, known_height, terrain
from missions.judging.rules_link import link, radio
from missions.judging.rules_place import side, standoff, zones
from missions.judging.rules_position_loss import position_loss
from missions.judging.rules_return import failsafe_endurance, failsafe_height, failsafe_terrain
from missions.judging.rules_return_area import failsafe_keep_in, failsafe_overflight
from missions.judging.rules_return_landing import landing_terrain
from missions.judging.rules_return_place import failsafe_standoff, failsafe_zone
from missions.judging.rules_speed import speed
from missions.judging.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.failsafes.landing_choice import LandingChoice
    from missions.judging.breaches import Breaches
    from missions.performance.performance import Performance
    from missions.plan import Finding, Leg, Sortie


class Rule(Protocol):
    """A rule: which legs of a flight break it, how, and where."""

    def __call__(self, subject: Subject, /) -> Iterator[Breaches]:
        """Return the legs that break it."""
        ...


PATH_RULES: Final[tuple[Rule, ...]] = (
    standoff, side, keep_in, zones, overflight, terrain, known_height, ground_clearance, height_limit, ceiling, climb,
    speed, link, radio, endurance, position_loss,
)  # fmt: skip
RETURN_RULES: Final[tuple[Rule, ...]] = (
    failsafe_standoff, failsafe_keep_in, failsafe_zone, failsafe_overflight, failsafe_height, failsafe_terrain,
    landing_terrain, failsafe_endurance,
)  # fmt: skip
RULE_NAMES: Final = (
    "standoff", "standoff margin", "side", "keep-in", "zones", "overflight", "terrain", "height", "ground clearance",
    "height limit", "ceiling", "climb rate", "descent rate", "speed", "link", "radio", "endurance", "position loss",
    "failsafe standoff", "failsafe keep-in", "failsafe zone", "failsafe overflight", "failsafe height",
    "failsafe terrain", "failsafe endurance",
)  # fmt: skip
"""The names of all rules a flight is held to, in the order they are judged."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Homeward:
    """Where break-offs of some of a flight's legs end: home, which a mission may move, and the rally points."""

    landings: tuple[Landing, ...]
    legs: NDArray[np.bool_]
    """(n,) the legs on which this home holds."""
    ways: MissionWays = MissionWays()
    """What the mission itself holds of ways home."""


def breaches(subject: Subject) -> Iterator[Breaches]:
    """Judge a flight by every rule."""
    for rule in PATH_RULES:
        yield from rule(subject)
    yield from return_breaches(subject)


def return_breaches(subject: Subject) -> Iterator[Breaches]:
    """Judge a flight's ways home."""
    if len(subject.landings_m) and len(subject.returns.place):
        for rule in RETURN_RULES:
            yield from rule(subject)


def judge_legs(
    situation: Situation,
    flown: Performance,
    legs: Sequence[Leg],
    homes: Sequence[Homeward],
    choice: LandingChoice | None = None,
) -> tuple[Finding, ...]:
    """Return every broken rule of every leg of a plan file; its legs are numbered by the item flown to.

    Parameters
    ----------
    homes
        Where break-offs end, once for each home the mission has had; the first is the one it begins with.
    choice
        Which of home and the rally points the vehicle returns to; by default the nearest.
    """
    if not legs:
        return ()
    subjects = [Subject(situation, flown, legs, home.landings, choice, home.ways) for home in homes]
    found = [broken for rule in PATH_RULES for broken in rule(subjects[0])]
    for subject, home in zip(subjects, homes, strict=True):
        found += [broken.only(home.legs) for broken in return_breaches(subject)]
    seq = subjects[0].legs.seq
    return tuple(
        every_leg(
            found,
            situation.frame,
            subjects[0].legs,
            lambda k: "the plan" if k is None else f"the leg to item {seq[k] + 1}",
        )
    )


def subject_of(situation: Situation, sortie: Sortie) -> Subject:
    """Make a planned sortie ready to be judged."""
    home = (sortie.home_lat_deg, sortie.home_lon_deg, sortie.home_alt_amsl_m)
    flown = situation.brief.performance(sortie.aircraft)
    path = return_path_of(sortie.items)
    ways = MissionWays(legs_out=None if path is None else path.legs_out, landing_starts=landing_starts(sortie.items))
    return Subject(situation, flown, sortie.legs, landings_of(home, sortie.rally), ways=ways)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SortieJudgement:
    """What is wrong with a sortie, how near it comes to the border, and the sortie with its ways home."""

    sortie: Sortie
    findings: tuple[Finding, ...]
    kept_m: float


def judge_sortie(situation: Situation, sortie: Sortie, subject: Subject | None = None) -> SortieJudgement:
    """Judge a planned sortie, made ready before or not; of each broken rule the worst leg is reported."""
    subject = subject or subject_of(situation, sortie)
    found = worst_of_each(
        breaches(subject),
        situation.frame,
        subject.legs,
        lambda k: sortie.name if k is None else f"{sortie.name} leg {subject.legs.seq[k]}",
    )
    rules = return_rules(situation.brief.failsafe, subject.flown)
    return SortieJudgement(
        sortie=dataclasses.replace(
            sortie,
            failsafe=failsafe_legs(subject, sortie.legs),
            vehicle_parameters=(
                *vehicle_parameters(rules, subject.flown, sortie),
                *speed_parameters(subject.flown),
            ),
        ),
        findings=tuple(dataclasses.replace(f, sortie=sortie.name) for f in found),
        kept_m=float(np.min(subject.kept_m)),
    )
