"""Which document of a KMZ archive is the drawing that is meant: one rule for borders, zones and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geo.gis.formats import is_mac_note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from xml.etree.ElementTree import Element

_DRAWN: Final = ("coordinates", "coord", "NetworkLink")
"""What places something (OGC 12-007r2, 10.5; ``gx:coord`` of tracks), or has another file place it."""
_NO_PLACE: Final = "PhotoOverlay"
"""Its point is where a picture was taken (OGC 12-007r2, 11.6)."""
_NAMED: Final = 5
"""So many drawings are called by name, the others counted."""


def is_kml(name: str) -> bool:
    """Whether a member of an archive is a KML document, and none of the notes that a Mac puts beside every file."""
    return name.lower().endswith(".kml") and not is_mac_note(name)


def drawn_among(names: Iterable[str], root_of: Callable[[str], Element]) -> list[str]:
    """Return the documents of an archive that draw something, `doc.kml` and the least deep first.

    Where none does, the first alone is returned; a document alone is not looked into.

    Parameters
    ----------
    names
        The archive's documents; at least one.
    root_of
        Parses the document of a name.
    """
    ordered = sorted(names, key=lambda name: (name.lower() != "doc.kml", name.count("/"), name))
    drawn = ordered if len(ordered) == 1 else [name for name in ordered if _draws(root_of(name))]
    return drawn or ordered[:1]


def why_none_is_meant(drawn: Sequence[str]) -> str:
    """Say why no drawing of several is taken, as it goes on from the file's name; "" for one, which is meant."""
    if len(drawn) == 1:
        return ""
    return f"holds {len(drawn)} drawings ({', '.join(drawn[:_NAMED])}); pack the one that is meant"


def _draws(root: Element) -> bool:
    left = [root]
    while left:
        element = left.pop()
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if name in _DRAWN:
            return True
        if name != _NO_PLACE:
            left.extend(element)
    return False
