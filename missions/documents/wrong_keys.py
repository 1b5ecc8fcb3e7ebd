"""What pydantic found wrong with a file, in words for a person: the key, its value, and what was meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from geo.near_words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

_QUOTED: Final = re.compile(r"'([^']*)'")
"""The words that pydantic lists."""
_NEAR_KEY: Final = 0.4


class WrongKeys:
    """Words for what pydantic finds wrong in files of one model.

    Parameters
    ----------
    model
        The whole file.
    what
        What the file is, with its article.
    keys_of
        The keys that a table of it may have.
    """

    def __init__(
        self, model: type[BaseModel], what: str, keys_of: Callable[[type[BaseModel]], list[str]] | None = None
    ) -> None:
        self._model = model
        self._what = what
        self._keys_of = keys_of or own_keys

    def explain(self, item: ErrorDetails) -> str:
        """Return one thing that is wrong, as part of a sentence."""
        where = _dotted(item["loc"]) or self._what.split()[-1]
        value = item.get("input")
        shown = repr(value) if isinstance(value, str | int | float | bool) else ""
        match item["type"]:
            case "extra_forbidden":
                return f"{where} is not a key of {self._what}{self._nearest(item['loc'])}"
            case "missing":
                return f"{where} is missing"
            case "less_than_equal" | "greater_than_equal" if item["loc"][-1] == "lat_deg":
                return f"{where} = {shown} is no latitude (-90 to 90): is it the longitude?"
            case "literal_error" | "enum":
                known = _QUOTED.findall(item["ctx"]["expected"])
                near = did_you_mean(value, known)
                return f"{where} = {shown or type(value).__name__}{near} is none of {', '.join(known)}"
            case "string_pattern_mismatch":
                return f"{where} = {shown} is no name: use letters, digits, spaces, full stops, hyphens and underscores"
            case _:
                reason = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
                if not item["loc"]:
                    return reason
                return f"{where} = {shown} {reason}" if shown else f"{where}: {reason}"

    def _nearest(self, loc: tuple[int | str, ...]) -> str:
        keys = self._keys_at(loc[:-1])
        listed = f" (known here: {', '.join(sorted(keys))})" if keys else ""
        return did_you_mean(loc[-1], keys, near=_NEAR_KEY) or listed

    def _keys_at(self, loc: tuple[int | str, ...]) -> list[str]:
        model = self._model
        for part in loc:
            if isinstance(part, int):
                continue
            by_key = {field.alias or name: field for name, field in model.model_fields.items()}
            annotation = by_key[part].annotation if part in by_key else None
            inner = [t for t in _types_in(annotation) if issubclass(t, BaseModel)]
            if not inner:
                return []
            model = inner[0]
        return self._keys_of(model)


def own_keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a table as its model has them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _dotted(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in filter(lambda p: p != "", loc):
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _types_in(annotation: Any) -> list[type]:
    if isinstance(annotation, type):
        return [annotation]
    return [t for argument in getattr(annotation, "__args__", ()) for t in _types_in(argument)]
