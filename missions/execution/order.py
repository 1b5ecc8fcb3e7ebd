"""The order in which items are carried out: jumps followed as often as they say, and loops without end named."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

from missions.execution.commands import (
    CONDITIONS,
    DO_JUMP_TAG,
    HELD_BACK,
    JUMP,
    JUMP_TAG,
    LAND_START,
    RETURN,
    name_of,
    unfollowed,
)
from missions.plan import Severity
from missions.plan_files.dialect import PATH_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from missions.plan import MissionItem

MAX_VISITS: Final = 200_000
"""More items are not carried out on any battery: what comes after them is cut off, and said."""
MAX_AGAIN: Final = 1_000
"""More items are not carried out *again* on any battery, the shortest rounds of two or three places among them: a
jump that repeats longer is cut off, and said."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something about one item's execution that a person must know."""

    rule: str
    seq: int
    severity: Severity
    text: str
    """What follows "item N"."""


def in_order(items: Sequence[MissionItem], say: Callable[[Remark], None]) -> Iterator[MissionItem]:
    """Yield items as they are carried out; `say` hears of loops without end and of items never reached.

    A return to launch ends the mission; what follows it is reached by the landing sequence alone, which
    begins at DO_LAND_START. A jump without end is followed once. Counters of jumps are not reset
    (ArduPilot, `AP_Mission::get_jump_times_run`); one into nothing ends the mission (`AP_Mission::get_next_cmd`, PX4's
    `MissionBase::getNonJumpItem`).
    """
    jumped: dict[int, int] = {}
    visited: set[int] = set()
    place = count = again = 0
    while place < len(items):
        item = items[place]
        count, again = count + 1, again + (place in visited)
        if count > MAX_VISITS or again > MAX_AGAIN:
            many = f"{MAX_VISITS} others" if count > MAX_VISITS else f"{MAX_AGAIN} others were flown again"
            say(_remark(item, "execution.order", f"is reached after {many}; nothing beyond that is judged"))
            return
        visited.add(place)
        place += 1
        if item.command in (JUMP, DO_JUMP_TAG):
            place = _after_jump(items, item, jumped, say)
            continue
        yield item
        if item.command == RETURN:
            place = next((k for k in range(place, len(items)) if items[k].command == LAND_START), len(items))
    _say_unreached(items, visited, say)


def _after_jump(
    items: Sequence[MissionItem], item: MissionItem, jumped: dict[int, int], say: Callable[[Remark], None]
) -> int:
    """Return where the mission goes on after a jump item."""
    target = _target(items, item)
    if target is None:
        where = f"tag {item.p1:g}" if item.command == DO_JUMP_TAG else f"item {item.p1 + 1:g}"
        text = f"jumps to {where}, which does not exist: the mission ends there, in the air"
        say(_remark(item, "execution.order", text))
        return len(items)
    done = jumped.get(item.seq, 0)
    if item.p2 < 0.0:
        if not done:
            text = f"jumps back to item {target + 1} for ever: the aircraft flies on until the battery ends"
            say(_remark(item, "execution.endless", text))
        repeats = 1.0
    else:
        repeats = item.p2
    if done >= repeats:
        return item.seq + 1
    jumped[item.seq] = done + 1
    return target


def _target(items: Sequence[MissionItem], item: MissionItem) -> int | None:
    if item.command == DO_JUMP_TAG:
        return next((k for k, other in enumerate(items) if other.command == JUMP_TAG and other.p1 == item.p1), None)
    there = math.isfinite(item.p1) and 0 <= item.p1 < len(items)
    return int(item.p1) if there else None  # autopilots store a whole number, and cut off the rest


def _say_unreached(items: Sequence[MissionItem], visited: set[int], say: Callable[[Remark], None]) -> None:
    left = [k for k in range(len(items)) if k not in visited and items[k].command in PATH_COMMANDS]
    if left:
        others = f", nor are {len(left) - 1} after it" if len(left) > 1 else ""
        text = f"is never reached{others}: the mission ends before"
        say(_remark(items[left[0]], "execution.order", text, Severity.WARNING))


def _remark(item: MissionItem, rule: str, text: str, severity: Severity = Severity.ERROR) -> Remark:
    return Remark(rule=rule, seq=item.seq, severity=severity, text=text)


def unfollowed_remark(item: MissionItem) -> Remark | None:
    """Return what to say of an item that no judgement can follow, None where it can."""
    why = unfollowed(item.command)
    if why is None:
        return None
    text = f"({name_of(item.command)}) {why.text}; it cannot be judged beforehand"
    return _remark(item, "execution.unfollowed", text, why.severity)


def held_back(items: Sequence[MissionItem]) -> Iterator[Remark]:
    """Name each condition that holds back a command which decides something: nobody can say when that then comes."""
    for k, item in enumerate(items):
        if item.command not in CONDITIONS:
            continue
        waiting = itertools.takewhile(lambda later: later.command not in PATH_COMMANDS, items[k + 1 :])
        late = next((later for later in waiting if later.command in HELD_BACK), None)
        if late is not None:
            text = f"({name_of(item.command)}) holds back item {late.seq + 1} ({name_of(late.command)})"
            yield _remark(item, "execution.unfollowed", f"{text}; when that comes cannot be judged beforehand")
