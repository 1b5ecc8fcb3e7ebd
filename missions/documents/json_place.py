"""Values inside a JSON document that know where they stand, so that every complaint names the place."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, slots=True)
class JsonPlace:
    """One value of a JSON document and its path, for instance ``plan: mission.items[3].params``."""

    value: Any
    where: str

    def refuse(self, what: str) -> NoReturn:
        """Raise the error for this place."""
        raise InputError(f"{self.where} {what}", where=self.where, actual=self.value)

    def has(self, key: str) -> bool:
        """Tell whether an object has `key` with a value that is not null."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def at(self, key: str) -> JsonPlace:
        """Return a member of an object; InputError when it is missing."""
        if not isinstance(self.value, dict):
            self.refuse(f"must be an object with {key!r}, found {_short(self.value)}")
        if key not in self.value:
            self.refuse(f"has no {key!r}; add it or save the file again with the program that made it")
        joint = " " if self.where.endswith(":") else "."
        return JsonPlace(self.value[key], f"{self.where}{joint}{key}")

    def each(self) -> Iterator[JsonPlace]:
        """Go over an array; InputError when it is none."""
        if not isinstance(self.value, list):
            self.refuse(f"must be an array, found {_short(self.value)}")
        for index, value in enumerate(self.value):
            yield JsonPlace(value, f"{self.where}[{index}]")

    def object(self) -> dict[str, Any]:
        """Return the object itself; InputError when it is none."""
        if not isinstance(self.value, dict):
            self.refuse(f"must be an object, found {_short(self.value)}")
        return self.value

    def number(self) -> float:
        """Return a finite number; InputError otherwise."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)) or not _finite(self.value):
            self.refuse(f"must be a finite number, found {_short(self.value)}")
        return float(self.value)

    def number_or_nan(self) -> float:
        """Return a number, NaN for null; InputError otherwise."""
        return math.nan if self.value is None else self.number()

    def integer(self, low: int = -(2**31), high: int = 2**31 - 1) -> int:
        """Return a whole number from `low` to `high`; InputError otherwise."""
        number = self.number()
        if not number.is_integer():
            self.refuse(f"must be a whole number, found {_short(self.value)}")
        if not low <= number <= high:
            self.refuse(f"must be from {low} to {high}, found {_short(self.value)}")
        return int(number)

    def lat_lon(self) -> tuple[float, float]:
        """Return the first two numbers of an array as degrees; InputError when they are no place on Earth."""
        numbers = [place.number() for place in itertools.islice(self.each(), 2)]
        if len(numbers) < 2:
            self.refuse(f"must hold latitude and longitude, found {_short(self.value)}")
        lat_deg, lon_deg = numbers
        if abs(lat_deg) > 90.0 or abs(lon_deg) > 180.0:
            self.refuse(f"is not a place on Earth: latitude {lat_deg}, longitude {lon_deg}")
        return lat_deg, lon_deg


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def parse_json(text: str, *, where: str) -> JsonPlace:
    """Parse JSON text strictly (no NaN or Infinity literals).

    Raises
    ------
    InputError
        With the line and column of the first fault.
    """
    try:
        return JsonPlace(json.loads(text, parse_constant=_refuse_constant), where)
    except json.JSONDecodeError as error:
        message = f"{where} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise InputError(message, offset=error.pos) from error
    except RecursionError as error:
        raise InputError(f"{where} is not usable JSON: arrays or objects are nested far too deep") from error
    except ValueError as error:
        reason = "a number has thousands of digits" if "digits" in str(error) else error
        raise InputError(f"{where} is not usable JSON: {reason}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
