"""Coming in and going out, and who somebody is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from maps.review.access.accounts import LONGEST
from maps.review.access.refusals import Refusal
from maps.review.access.roles import Role, needs
from maps.review.access.sessions import WHOLE_S
from maps.review.console import Console
from maps.review.errors import LoginRefusedError
from maps.review.routes.bodies import Body
from maps.review.visits import Caller, Here

router = APIRouter()


class Login(Body):
    """Name and password."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=LONGEST)


class First(Login):
    """The first account, with the code shown where the console was started."""

    code: str = Field(max_length=64)


@router.post("/api/login")
@needs(None)
def log_in(body: Login, request: Request, response: Response, here: Here) -> dict[str, Any]:
    """Log in: the session's cookie is set, and the token that every changing request must carry comes back."""
    address = request.client.host if request.client else "unknown"
    keys = (f"name {body.name.casefold()}", f"address {address}")
    wait = here.attempts.begin(*keys)
    if wait > 0.0:
        _refused(here, "too many tries to log in", address)
        raise LoginRefusedError(f"too many wrong tries: wait {wait:.0f} s, then try again")
    account = here.gate.accounts.accounts().get(body.name)
    if not here.passwords.fit(account, body.password) or account is None:
        _refused(here, "wrong name or password", address)
        raise LoginRefusedError("name or password are wrong, or the account is closed")
    here.attempts.right(*keys)
    token, session = here.gate.sessions.begin(account)
    response.set_cookie(
        here.gate.cookie,
        token,
        httponly=True,
        samesite="strict",
        secure=here.gate.secure,
        path="/",
        max_age=int(WHOLE_S),
    )
    return {"name": account.name, "role": str(account.role), "token": session.csrf}


@router.post("/api/first")
@needs(None)
def make_first(body: First, request: Request, here: Here) -> dict[str, Any]:
    """Make the first account with the code shown where the console was started."""
    address = request.client.host if request.client else "unknown"
    wait = here.attempts.begin("first account")
    if wait > 0.0:
        raise LoginRefusedError(f"too many wrong tries: wait {wait:.0f} s, then try again")
    try:
        account = here.first.make(body.code, body.name, body.password, here.passwords)
    except LoginRefusedError:
        _refused(here, "wrong code for the first account", address)
        raise
    here.attempts.right("first account")
    return {"name": account.name, "role": str(account.role)}


@router.post("/api/logout")
@needs(Role.VIEWER)
def log_out(caller: Caller, response: Response, here: Here) -> dict[str, Any]:
    """End the session."""
    here.gate.sessions.end(caller.session)
    response.delete_cookie(here.gate.cookie, path="/", secure=here.gate.secure, httponly=True, samesite="strict")
    return {}


@router.get("/api/me")
@needs(Role.VIEWER)
def who_am_i(caller: Caller) -> dict[str, Any]:
    """Say who is logged in, and the token that changing requests carry as ``X-Vedette-Token``."""
    return {"name": caller.account.name, "role": str(caller.account.role), "token": caller.session.csrf}


def _refused(here: Console, why: str, address: str) -> None:
    here.gate.refusals.tell(Refusal(why=why, who=address, method="POST", route="/api/login"))
