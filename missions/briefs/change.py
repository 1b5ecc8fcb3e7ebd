"""A change of a brief, written as a brief writes it: ``flight.alt_agl_m = 82 and standoff.asked_m = 150``."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from missions.errors import BriefError

if TYPE_CHECKING:
    from missions.briefs.brief import Brief

Table = TypeVar("Table", bound=BaseModel)
_PART: Final = re.compile(
    r"(?:(?P<out>leave out )(?P<left>[a-z_.]+)|(?P<key>[a-z_.]+) = (?P<value>\S+))(?: of (?P<whose>.+))?"
)
_NOTE: Final = re.compile(r" \([^()]*\)$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """One key with the value it takes, None where it is left out; of one type of aircraft where several are there."""

    section: str
    name: str
    value: Any
    whose: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Keys of a brief with the values they take."""

    keys: tuple[_Key, ...]

    @classmethod
    def of(cls, text: str) -> Change | None:
        """Read a change; None where the text is none. A note in brackets at its end is passed over."""
        parts = [_PART.fullmatch(part) for part in _NOTE.sub("", text).split(" and ")]
        keys = [None if part is None else _key(part) for part in parts]
        return None if None in keys else cls(keys=tuple(key for key in keys if key is not None))

    @property
    def of_what(self) -> tuple[tuple[str, str, str | None], ...]:
        """What it changes, whatever the values."""
        return tuple((key.section, key.name, key.whose) for key in self.keys)

    def applied(self, brief: Brief) -> Brief:
        """Return the brief with the change.

        Raises
        ------
        BriefError
            When a value is out of its range, or the brief has no such table.
        """
        for key in self.keys:
            brief = _with_key(brief, key)
        return brief

    def distance(self, brief: Brief) -> float:
        """Return how far its numbers lie from the brief's, as shares of these; 0 where nothing is a number."""
        return sum(_apart(brief, key) for key in self.keys)


def _key(part: re.Match[str]) -> _Key | None:
    section, _, name = (part["left"] or part["key"]).partition(".")
    if not name or "." in name:
        return None
    value = None
    if part["out"] is None:
        try:
            value = tomllib.loads(f"value = {part['value']}")["value"]
        except tomllib.TOMLDecodeError:
            return None
    return _Key(section=section, name=name, value=value, whose=part["whose"])


def _with_key(brief: Brief, key: _Key) -> Brief:
    if key.section == "aircraft":
        mine = [fleet.label == key.whose or (key.whose is None and len(brief.fleets) == 1) for fleet in brief.fleets]
        if not any(mine):
            raise BriefError(f"the brief has no aircraft {key.whose!r}", key=f"aircraft.{key.name}")
        fleets = tuple(
            _changed(fleet, key) if wanted else fleet for fleet, wanted in zip(brief.fleets, mine, strict=True)
        )
        return brief.model_copy(update={"fleets": fleets})
    table = getattr(brief, key.section, None)
    if table is None:
        raise BriefError(f"the brief has no table {key.section!r}", key=key.section)
    return brief.model_copy(update={key.section: _changed(table, key)})


def _changed(table: Table, key: _Key) -> Table:
    told = {name: getattr(table, name) for name in table.model_fields_set if name != key.name}
    if key.value is not None:
        told[key.name] = key.value
    try:
        return type(table).model_validate(told)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise BriefError(f"{key.section}.{key.name} = {key.value} {reason}", key=f"{key.section}.{key.name}") from None


def _apart(brief: Brief, key: _Key) -> float:
    now = getattr(getattr(brief, key.section, None), key.name, None)
    if key.section == "aircraft":
        fleet = next((f for f in brief.fleets if key.whose in (None, f.label)), brief.fleets[0])
        now = getattr(fleet, key.name, None) or getattr(fleet.aircraft, key.name, None)
    if not isinstance(now, int | float) or not isinstance(key.value, int | float):
        return 0.0
    return abs(key.value - now) / max(abs(now), 1e-9)
