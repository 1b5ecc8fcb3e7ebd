"""A running console as one value: what is on the table, who may come in, and how it was set up."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from operations.finding.selection import ThingSelection

if TYPE_CHECKING:
    from collections.abc import Callable

    from maps.review.access.accounts import Passwords
    from maps.review.access.attempts import Attempts
    from maps.review.access.first_account import FirstAccount
    from maps.review.access.guard import Gate
    from maps.review.desk import Desk
    from maps.review.erasing import Erasing
    from maps.review.found import Found
    from maps.review.handing import Handing
    from maps.review.looking import Looking
    from maps.review.planting import Planting


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Everything a route works with."""

    desk: Desk
    gate: Gate
    passwords: Passwords
    attempts: Attempts
    first: FirstAccount
    looking: Looking
    found: Found
    erasing: Erasing
    handing: Handing
    planting: Planting
    clock: Callable[[], int]

    def read_ahead(self) -> None:
        """Read once what the first page asks for, so that nobody waits for it later."""
        self.looking.queue(ThingSelection())
        self.found.page()
