"""One flight made ready to be judged: as flown, with its ways home and the air they sweep."""

from __future__ import annotations

import functools

from missions.judging.flown_path import FlownPath
from missions.judging.returns import Returns, returns_of
from missions.judging.swept import Swept, swept_by


class Subject(FlownPath):
    """What is judged."""

    @functools.cached_property
    def returns(self) -> Returns:
        """The way home from points all along the path."""
        return returns_of(self)

    @functools.cached_property
    def swept(self) -> Swept:
        """The air the ways home sweep."""
        return swept_by(self, self.returns)
