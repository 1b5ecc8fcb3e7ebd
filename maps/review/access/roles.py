"""What accounts may do: four roles, each with all that the ones before it may."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_DOOR: Final = "vedette_door"
_Endpoint = TypeVar("_Endpoint", bound="Callable[..., Any]")


class Role(StrEnum):
    """What an account is for."""

    VIEWER = "viewer"
    """Looks."""
    ANALYST = "analyst"
    """Decides, and hands on."""
    SUPERVISOR = "supervisor"
    """Weighs kinds of event, sees agreement, plants known items, agrees to what needs two people."""
    ADMIN = "admin"
    """Keeps the accounts."""

    def may(self, needed: Role) -> bool:
        """Tell whether this role includes another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a route asks of whoever calls it."""

    role: Role | None
    """Least role; None for what is open to everybody, such as the page to log in at."""
    page: bool = False
    """Whether it is a page for a person: who is not logged in is shown the way to the login."""
    keeps_awake: bool = True
    """Whether a call counts as somebody being there; what a page asks by itself does not."""


def needs(role: Role | None, *, page: bool = False, keeps_awake: bool = True) -> Callable[[_Endpoint], _Endpoint]:
    """Declare what a route asks of whoever calls it; stands right above the function, below the route's line."""

    def marked(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _DOOR, Door(role=role, page=page, keeps_awake=keeps_awake))
        return endpoint

    return marked


def declared(endpoint: object) -> Door | None:
    """Return what a route's function declares; None where it declares nothing."""
    door = getattr(endpoint, _DOOR, None)
    return door if isinstance(door, Door) else None
