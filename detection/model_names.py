"""Class names that come with a model: foreign strings, so few, short and plain ones only."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from detection.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

CLASSES_MAX: Final = 10_000
NAME_MAX: Final = 80
"""Characters of a class name that are kept."""
METADATA_MAX: Final = 1_000_000
"""Characters of a metadata text that is read at all: 10 000 names of 80 characters fit."""
SYNONYMS: Final = {
    "person": ("person", "people", "pedestrian", "human", "man", "woman", "child"),
    "vehicle": ("vehicle", "car", "othervehicle", "other vehicle", "truck", "bus", "van", "pickup", "lorry"),
    "bicycle": ("bicycle", "bike", "cyclist", "motorcycle", "motor", "tricycle"),
}
"""Names in public sets and models that mean one of our classes, in lower case."""


def literal(text: str) -> object:
    """Read a Python literal, or None for anything else; nothing is evaluated."""
    if len(text) > METADATA_MAX:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def read_names(text: str, count: int | None, model: str) -> tuple[str, ...]:
    """Class names from an export's metadata; `class 0`, `class 1` and so on where it names none.

    Parameters
    ----------
    text
        A literal table of numbers and names, or a list of names; may be empty.
    count
        Number of classes that the model's output has, or None where it does not say.
    model
        For messages.

    Raises
    ------
    ModelError
        When the names are not such a table.
    """
    table = literal(text) if text else {}
    if isinstance(table, list | tuple):
        table = dict(enumerate(table))
    if not isinstance(table, dict):
        raise ModelError(f"{model}: the model's class names cannot be read ({text[:60]!r}); export it again")
    if not table:
        return tuple(f"class {number}" for number in range(min(count or 1000, CLASSES_MAX)))
    return tidy_names(table, model)


def tidy_names(table: Mapping[object, object], model: str) -> tuple[str, ...]:
    """Names by number as a tuple without gaps; control characters go, long names are cut.

    Raises
    ------
    ModelError
        When a number is none, negative or `CLASSES_MAX` and above, or a name is no text.
    """
    for number, name in table.items():
        counts = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < CLASSES_MAX
        if not counts or not isinstance(name, str | int):
            raise ModelError(
                f"{model}: the model's class names cannot be read ({str(number)[:30]!r}: {str(name)[:30]!r}), expected "
                f"numbers below {CLASSES_MAX} with a text each; export it again"
            )
    highest = max(int(str(number)) for number in table)
    plain = {int(str(number)): _plain(str(name)) for number, name in table.items()}
    return tuple(plain.get(number) or f"class {number}" for number in range(highest + 1))


def _plain(name: str) -> str:
    return "".join(character for character in name[: 4 * NAME_MAX] if character.isprintable()).strip()[:NAME_MAX]


def our_name(name: str) -> str | None:
    """Return our class for the name of one in a public set or model, or None for a class we do not look for."""
    plain = name.strip().lower()
    return next((ours for ours, names in SYNONYMS.items() if plain in names), None)
