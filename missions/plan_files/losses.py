"""What a plan lost on its way through a file: the plan that was written against the plan that is read back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.plan_files.dialect import POSITION_COMMANDS, has_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

_FIELDS: Final = {
    "command": "command",
    "frame": "frame",
    "p1": "parameter 1",
    "p2": "parameter 2",
    "p3": "parameter 3",
    "p4": "parameter 4",
    "lat_deg": "latitude",
    "lon_deg": "longitude",
    "alt_m": "altitude",
    "autocontinue": "autocontinue",
}
_PLACELESS: Final = {"lat_deg": "parameter 5", "lon_deg": "parameter 6", "alt_m": "parameter 7"}
_TOLERANCE: Final = 1e-6
"""WPL 110 has 8 decimals of a degree and 6 of a metre."""
_DEGREE_TOLERANCE: Final = 1.01e-8
_SPEEDS: Final = (("cruise_speed_mps", "cruise speed"), ("hover_speed_mps", "hover speed"))


def losses(written: PlanDocument, read_back: PlanDocument) -> tuple[str, ...]:
    """Return one sentence for everything the format changed or left out, item by item; equal losses share theirs.

    The frame of a command without a place says nothing and is not compared.
    """
    return (
        *_list_losses("item", "mission items", written.items, read_back.items),
        *_list_losses("fence item", "fence items", written.fence, read_back.fence),
        *_list_losses("rally point", "rally points", written.rally, read_back.rally),
        *plan_losses(written, read_back),
    )


def plan_losses(written: PlanDocument, read_back: PlanDocument) -> Iterator[str]:
    """Go over what is lost beside the lists: home, vehicle, speeds, patterns."""
    yield from _home(written.home, read_back.home)
    if written.dialect is not None and read_back.dialect not in (None, written.dialect):
        yield f"the plan is marked as {read_back.dialect}'s; it was {written.dialect}'s"
    elif written.dialect is not None and read_back.dialect is None:
        yield f"the autopilot ({written.dialect}) has no place in this format; left out"
    if written.vehicle_type and not read_back.vehicle_type:
        yield f"the vehicle type ({written.vehicle_type}) has no place in this format; left out"
    for field, what in _SPEEDS:
        speed_mps, back_mps = getattr(written, field), getattr(read_back, field)
        if not math.isnan(speed_mps) and math.isnan(back_mps):
            yield f"the {what} ({speed_mps:g} m/s) has no place in this format; left out"
    held = {(pattern.kind, pattern.first_item) for pattern in read_back.complexes}
    for pattern in written.complexes:
        if (pattern.kind, pattern.first_item) not in held:
            last = pattern.first_item + pattern.item_count
            yield (
                f"the {pattern.kind} of items {pattern.first_item + 1} to {last} is kept as these items alone; "
                "it can no longer be edited as a pattern"
            )


def _home(written: Home | None, read_back: Home | None) -> Iterator[str]:
    if written is None:
        if read_back is not None:
            yield (
                "the plan has no home and this format must have one; "
                f"{read_back.lat_deg:.7f}, {read_back.lon_deg:.7f} at {read_back.alt_amsl_m:g} m stands for it"
            )
    elif read_back is None:
        yield "home has no place in this format; left out"
    elif not (
        _same(written.lat_deg, read_back.lat_deg, _DEGREE_TOLERANCE)
        and _same(written.lon_deg, read_back.lon_deg, _DEGREE_TOLERANCE)
        and _same(written.alt_amsl_m, read_back.alt_amsl_m, _TOLERANCE)
    ):
        yield f"home becomes {read_back.lat_deg:.7f}, {read_back.lon_deg:.7f} at {read_back.alt_amsl_m:g} m"


def _list_losses(
    one: str, many: str, written: Sequence[MissionItem], read_back: Sequence[MissionItem]
) -> Iterator[str]:
    if len(written) != len(read_back):
        if not read_back:
            yield f"{len(written)} {many} have no place in this format; left out"
        else:
            yield f"{len(written)} {many} become {len(read_back)}"
        return
    pairs = enumerate(zip(written, read_back, strict=True), start=1)
    yield from together(one, ((number, change) for number, (was, now) in pairs for change in _changes(was, now)))


def together(one: str, changes: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Go over sentences about numbered things, one for all that the same is said of: "items 1-3, 7: gone"."""
    said: dict[str, list[int]] = {}
    for number, change in changes:
        said.setdefault(change, []).append(number)
    for change, numbers in said.items():
        yield f"{one if len(numbers) == 1 else one + 's'} {_ranges(numbers)}: {change}"


def _changes(before: MissionItem, after: MissionItem) -> Iterator[str]:
    placeless = before.command not in POSITION_COMMANDS
    nowhere = not placeless and not has_position(before) and not has_position(after)
    for field, name in _FIELDS.items():
        if (field == "frame" and placeless) or (nowhere and field in ("lat_deg", "lon_deg")):
            continue
        was, now = getattr(before, field), getattr(after, field)
        if placeless and field in _PLACELESS:
            was, now, name = _zero_unset(was), _zero_unset(now), _PLACELESS[field]  # noqa: PLW2901
        tolerance = _DEGREE_TOLERANCE if field in ("lat_deg", "lon_deg") else _TOLERANCE
        if not _same(was, now, tolerance):
            yield f"{name} {_said(was)} becomes {_said(now)}"


def _zero_unset(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _same(was: float, now: float, tolerance: float) -> bool:
    if math.isnan(was) or math.isnan(now):
        return math.isnan(was) and math.isnan(now)
    return abs(was - now) <= tolerance * max(1.0, abs(was) if tolerance == _TOLERANCE else 1.0)


def _said(value: float) -> str:
    return "(unset)" if math.isnan(value) else f"{value:.10g}"


def _ranges(numbers: Sequence[int]) -> str:
    """Write 1, 2, 3, 7 as 1-3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)
