"""Keeping the accounts: an admin adds, closes and changes them; everybody changes their own password."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from geo.errors import RefusedError
from maps.review.access.accounts import LONGEST, Account, require_name
from maps.review.access.roles import Role, needs
from maps.review.console import Console
from maps.review.errors import LoginRefusedError, NotThereError
from maps.review.routes.bodies import Body
from maps.review.visits import Caller, Here
from operations.log.leaves import LeafKind

router = APIRouter(tags=["accounts"])


class NewAccount(Body):
    """A person who is to log in."""

    name: str = Field(max_length=64)
    role: Role
    password: str = Field(max_length=LONGEST)


class Change(Body):
    """What is changed of an account; what is left out stays."""

    name: str = Field(max_length=64)
    role: Role | None = None
    password: str | None = Field(default=None, max_length=LONGEST)
    closed: bool | None = None


class OwnPassword(Body):
    """A new password for oneself."""

    old: str = Field(max_length=LONGEST)
    new: str = Field(max_length=LONGEST)


@router.get("/api/accounts")
@needs(Role.ADMIN)
def accounts(here: Here) -> dict[str, Any]:
    """List the accounts, and who is logged in; no password leaves in any form."""
    listed = here.gate.accounts.accounts().values()
    return {
        "accounts": [{"name": one.name, "role": str(one.role), "closed": one.closed} for one in listed],
        "here": here.gate.sessions.people(),
    }


@router.post("/api/accounts")
@needs(Role.ADMIN)
def add(body: NewAccount, caller: Caller, here: Here) -> dict[str, Any]:
    """Add an account."""
    require_name(body.name)
    hashed = here.passwords.hashed(body.password)
    here.gate.accounts.add(Account(name=body.name, role=body.role, password=hashed))
    _log(here, caller.account.name, "added", body.name, {"role": str(body.role)})
    return accounts(here)


@router.post("/api/accounts/change")
@needs(Role.ADMIN)
def change(body: Change, caller: Caller, here: Here) -> dict[str, Any]:
    """Change an account's role or password, close it or open it again: its sessions end at once."""
    known = here.gate.accounts.accounts()
    if body.name not in known:
        raise NotThereError(f"there is no account {body.name!a}")
    was = known[body.name]
    role, closed = body.role or was.role, was.closed if body.closed is None else body.closed
    others = (one for one in known.values() if one.name != was.name and one.role is Role.ADMIN and not one.closed)
    if (role is not Role.ADMIN or closed) and next(others, None) is None:
        raise RefusedError("this is the last admin: make somebody else one first")
    hashed = was.password if body.password is None else here.passwords.hashed(body.password)
    here.gate.accounts.put(dataclasses.replace(was, role=role, closed=closed, password=hashed))
    told = {"role": str(role), "closed": closed, "password": body.password is not None}
    _log(here, caller.account.name, "changed", body.name, told)
    return accounts(here)


@router.post("/api/password")
@needs(Role.VIEWER)
def own_password(body: OwnPassword, caller: Caller, here: Here) -> dict[str, Any]:
    """Change one's own password; all one's sessions end."""
    key = f"password of {caller.account.name}"
    if here.attempts.begin(key) > 0.0 or not here.passwords.fit(caller.account, body.old):
        raise LoginRefusedError("the old password is wrong, or there were too many tries: wait, then try again")
    here.attempts.right(key)
    hashed = here.passwords.hashed(body.new)
    here.gate.accounts.put(dataclasses.replace(caller.account, password=hashed))
    _log(here, caller.account.name, "changed", caller.account.name, {"password": True})
    return {}


def _log(here: Console, person: str, what: str, name: str, told: dict[str, Any]) -> None:
    for source in range(len(here.desk.stores)):
        here.desk.store_of(source, person).append(LeafKind.NOTE, f"account {name}", {"what": what, **told})
