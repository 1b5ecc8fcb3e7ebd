"""The word of a list that a mistyped one was meant for."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NEAR: Final = 0.6
"""How alike two words are that one was meant for (difflib's ratio; its own default)."""


def did_you_mean(word: object, known: Iterable[str], *, near: float = NEAR) -> str:
    """Return `` (did you mean right?)`` for a word that is nearly one of those known; nothing for any other."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(str(word).casefold(), names, n=1, cutoff=near)
    return f" (did you mean {names[close[0]]}?)" if close else ""
