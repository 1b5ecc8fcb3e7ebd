"""What a route may ask for: who is calling, and what is on the table."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from maps.review.access.guard import Visitor
from maps.review.console import Console


def _visitor(request: Request) -> Visitor:
    """Return who calls; the guard has put them there."""
    visitor = request.state.visitor
    if not isinstance(visitor, Visitor):
        raise TypeError("a route that is open to everybody asks who is calling")
    return visitor


def _console(request: Request) -> Console:
    console = request.app.state.console
    if not isinstance(console, Console):
        raise TypeError("the application was not made by build_app")
    return console


Caller = Annotated[Visitor, Depends(_visitor)]
"""Who is calling: their account and session."""
Here = Annotated[Console, Depends(_console)]
"""The running console: desk, gate, settings."""
