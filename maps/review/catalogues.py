"""The console's words in other languages: gettext catalogues, one folder a language; English is what the pages say."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

from babel import Locale, UnknownLocaleError, negotiate_locale
from babel.messages.pofile import read_po

SOURCE: Final = "en"
"""The language the pages are written in: it needs no catalogue."""
_FOLDER: Final = "languages"


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the languages there are catalogues for, and the pages' own."""
    folder = resources.files("maps.review").joinpath(_FOLDER)
    return (SOURCE, *sorted(entry.name[:-3] for entry in folder.iterdir() if entry.name.endswith(".po")))


def chosen(wanted: str) -> str:
    """Return the language that fits best what a browser asks for, as ``de-AT``."""
    return negotiate_locale([wanted.replace("-", "_")], list(languages()), sep="_") or SOURCE


@functools.cache
def words(language: str) -> dict[str, str]:
    """Return a language's words by the English ones; none for what nobody has put into it yet."""
    if language == SOURCE or language not in languages():
        return {}
    try:
        locale = Locale.parse(language)
    except (ValueError, UnknownLocaleError):
        return {}
    with resources.files("maps.review").joinpath(_FOLDER, f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    return {str(one.id): str(one.string) for one in catalogue if one.id and one.string and not one.fuzzy}
