"""What there is to fly along in a situation, worked out once for every plan that is made in its air."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from missions.airspace.routing import Router
    from missions.paths.lanes import Lane


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ways:
    """Short ways through the free air, and the lanes in it; the same whichever way home the flights have."""

    router: Router
    lanes: tuple[Lane, ...] = ()
