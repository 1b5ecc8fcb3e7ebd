"""The console as one FastAPI application: every route behind the guard, every error one sentence."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from geo.errors import RefusedError, VedetteError
from maps.review.access.accounts import Passwords
from maps.review.access.accounts_file import AccountsFile
from maps.review.access.attempts import Attempts
from maps.review.access.first_account import FirstAccount
from maps.review.access.guard import Gate, Guard
from maps.review.access.refusals import Refusals
from maps.review.access.roles import declared
from maps.review.access.sessions import Sessions
from maps.review.console import Console
from maps.review.erasing import Erasing
from maps.review.errors import NotThereError
from maps.review.found import Found
from maps.review.handing import Handing, Outlet
from maps.review.looking import Looking, Sight
from maps.review.planting import Planting
from maps.review.routes import (
    accounts,
    case,
    cues,
    erasing,
    footage,
    found,
    handing,
    login,
    outcomes,
    pages,
    things,
    unflagged,
    verdicts,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import APIRouter, Request

    from maps.basemap_file import BasemapOnDisk
    from maps.review.desk import Desk
    from operations.signing.signer import Signer

ROUTERS: Final = (
    pages.router, login.router, words.router, case.router, things.router, verdicts.router, handing.router,
    accounts.router, outcomes.router, footage.router, found.router, cues.router,
    unflagged.router, erasing.router,
)  # fmt: skip
"""Everything the console answers. A module with more of it adds its router here."""

READINGS: Final = "planted.jsonl"
"""File beside the accounts: what readers said of planted items."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a console is set up."""

    accounts: Path
    """The file of accounts, outside every operation."""
    origins: frozenset[str]
    """Scheme, host and port it answers at, as ``http://127.0.0.1:8765``."""
    passwords: Passwords | None = None
    now_s: Callable[[], float] = time.monotonic
    sight: Sight = dataclasses.field(default_factory=Sight)
    """What distances are measured from, and where local times count."""
    outlet: Outlet | None = None
    """The TAK server that events go to."""
    planted: Desk | None = None
    """Operations of simulated films, on a desk of their own, whose things are planted where a supervisor wants it."""
    basemap: BasemapOnDisk | None = None
    """The map beneath what was found."""
    signer: Signer | None = None
    """Signs packages and reports."""
    second_signer: Signer | None = None
    """Signs with the first, each for the account of its own name, where two people erase recordings."""


def build_app(desk: Desk, settings: Settings) -> FastAPI:
    """Return the application for the operations on a desk, which stays the caller's to close.

    Raises
    ------
    AccountError
        When the file of accounts cannot be used.
    """
    app = FastAPI(title="Vedette review", docs_url=None, redoc_url=None, openapi_url=None)
    accounts = AccountsFile(settings.accounts)
    gate = Gate(
        accounts=accounts,
        sessions=Sessions(settings.now_s),
        refusals=Refusals(desk.write_refusal, settings.now_s),
        origins=settings.origins,
    )
    looking = Looking(desk, settings.sight)
    planted = None if settings.planted is None else Looking(settings.planted, Sight())
    app.state.console = Console(
        desk=desk,
        gate=gate,
        passwords=settings.passwords or Passwords(),
        attempts=Attempts(settings.now_s),
        first=FirstAccount(accounts, settings.now_s),
        looking=looking,
        found=Found(desk, settings.sight, settings.basemap),
        erasing=Erasing(desk, (one for one in (settings.signer, settings.second_signer) if one is not None)),
        handing=Handing(looking, settings.outlet, settings.signer),
        planting=Planting(planted, settings.accounts.with_name(READINGS), first=len(desk.stores)),
        clock=desk.clock,
    )
    app.router.routes.clear()
    for router in ROUTERS:
        register(app, router)
    app.add_exception_handler(VedetteError, _told)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_middleware(Guard, gate=gate)
    return app


def register(app: FastAPI, router: APIRouter) -> None:
    """Add a router's routes to the console, each with the door that its function declares by `needs`.

    Raises
    ------
    TypeError
        When a route declares none: nothing is open by oversight.
    """
    gate: Gate = app.state.console.gate
    for route in router.routes:
        door = declared(getattr(route, "endpoint", None))
        if door is None:
            raise TypeError(f"the route {getattr(route, 'path', route)} says not who may call it: add @needs(Role...)")
        app.router.routes.append(route)
        gate.doors.append((route, door))


def _told(_: Request, error: Exception) -> JSONResponse:
    """Answer with the sentence of an error of ours."""
    if not isinstance(error, VedetteError):
        raise TypeError("only errors of ours are told")
    status = 403 if isinstance(error, RefusedError) else 404 if isinstance(error, NotThereError) else 400
    return JSONResponse({"error": error.message, "why": type(error).__name__}, status_code=status)


def _unreadable(_: Request, error: Exception) -> JSONResponse:
    """Name the field of a request that cannot be used."""
    first: Any = next(iter(getattr(error, "errors", list)()), {})
    field = ".".join(str(part) for part in first.get("loc", ())[1:])
    return JSONResponse({"error": f"{field or 'the request'}: {first.get('msg', 'cannot be read')}"}, status_code=422)
