"""One flight made ready to be judged: as flown, with its ways home and the air they sweep."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from missions.judging.flown_path import FlownPath
from missions.judging.return_room import room_on_the_way
from missions.judging.returns import Returns, returns_of
from missions.judging.swept import Swept, swept_by

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


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

    @functools.cached_property
    def room(self) -> tuple[FloatArray, FloatArray]:
        """The least height above ground of each way home, and the height over its end that would do."""
        return room_on_the_way(self, self.returns)
