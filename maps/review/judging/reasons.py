"""Why somebody decided as they did: closed lists, one key each, in the order of the keys 1 to 9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from operations.values import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping

REASONS: Final[Mapping[Decision, Mapping[str, str]]] = {
    Decision.CONFIRMED: {
        "clear": "clear in the picture",
        "moves": "moves as such a thing does",
        "warm": "warm as such a thing is",
        "several": "seen in several looks",
        "other": "other, see note",
    },
    Decision.DISMISSED: {
        "animal": "animal",
        "vegetation": "vegetation",
        "shadow": "shadow or reflection",
        "object": "thing that lies there",
        "own": "own people or vehicles",
        "artefact": "fault of picture or detector",
        "double": "the same as another",
        "other": "other, see note",
    },
    Decision.UNDECIDED: {
        "small": "too small to tell",
        "hidden": "partly hidden",
        "blurred": "blurred or noisy",
        "place": "place cannot be right",
        "other": "other, see note",
    },
}
"""Codes that go into the log, and the words shown for them. Codes are never renamed, only added."""
