"""The one guard in front of every route: host, origin, session, role and token, before anything of ours runs.

What is not declared is not there: a route that nobody gave a door answers nobody.
"""

from __future__ import annotations

import dataclasses
import http.cookies
import json
import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Match

from maps.review.access.refusals import Refusal, Refusals
from maps.review.access.sessions import Session, Sessions, fits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from maps.review.access.accounts import Account
    from maps.review.access.accounts_file import AccountsFile
    from maps.review.access.roles import Door

_LOG = logging.getLogger(__name__)
SAFE: Final = frozenset({"GET", "HEAD"})
CSRF_HEADER: Final = "x-vedette-token"
COOKIE: Final = "vedette_session"
MOST_BYTES: Final = 1_000_000
"""A verdict is a few hundred bytes, a drawn area a few thousand; nothing larger comes in."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_NO_STORE: Final = "no-store"
"""Persons' data stay in no cache; what may be kept says so itself."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who a request is of."""

    account: Account
    session: Session


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What the guard goes by."""

    accounts: AccountsFile
    sessions: Sessions
    refusals: Refusals
    origins: frozenset[str]
    """Where pages of ours come from, as ``https://127.0.0.1:8765``: the only other sites that may call are none."""
    doors: list[tuple[BaseRoute, Door]] = dataclasses.field(default_factory=list)
    """Every route that answers anybody, with what it asks."""

    @property
    def secure(self) -> bool:
        """Whether everything goes through TLS."""
        return all(origin.startswith("https:") for origin in self.origins)

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; with TLS one that no other host can set (RFC 6265bis, 4.1.3.2)."""
        return f"__Host-{COOKIE}" if self.secure else COOKIE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _No:
    """Why a request ends at the guard."""

    status: int
    why: str
    """For the log."""
    sentence: str
    """For the person."""


_NOWHERE: Final = _No(status=404, why="no such route", sentence="There is nothing at this address.")
_HOST: Final = _No(status=400, why="foreign host", sentence="This console goes by another name or address.")
_ORIGIN: Final = _No(status=403, why="foreign origin", sentence="Another site may not call this console.")
_LOGIN: Final = _No(status=401, why="without login", sentence="Log in first.")
_STALE: Final = _No(status=401, why="stale session", sentence="The session is over: log in again.")
_ROLE: Final = _No(status=403, why="wrong role", sentence="This account's role does not include that.")
_TOKEN: Final = _No(status=403, why="missing token", sentence="The page is out of date: load it again.")
_KIND: Final = _No(status=415, why="not JSON", sentence="Only JSON is taken here.")
_BROKEN: Final = _No(
    status=500, why="fault", sentence="This went wrong by a fault of the program; the rest goes on. Please report it."
)
_LARGE: Final = _No(status=413, why="too large", sentence="That is more than this console takes.")


class Guard:
    """ASGI application around the console: lets through, or says why not and has it logged."""

    def __init__(self, app: ASGIApp, *, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008, "reason": "no web sockets here"})
        else:
            await self._guarded(scope, receive, self._dressed(send))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        route, door = self._door(scope)
        no, visitor = self._judged(scope, headers, door)
        if no is not None:
            who = visitor.account.name if visitor is not None else str((scope.get("client") or ("unknown",))[0])
            template = getattr(route, "path", "unknown")
            refusal = Refusal(why=no.why, who=who, method=scope["method"][:8], route=template)
            await run_in_threadpool(self._gate.refusals.tell, refusal)
            await _answer(no, send, page=bool(door and door.page and scope["method"] == "GET"), path=scope["path"])
            return
        scope.setdefault("state", {})["visitor"] = visitor
        await self._answered(scope, _bounded(receive), send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the console answer; what breaks in it is kept to ourselves, and the rest goes on."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            _LOG.exception("a request to %s failed", scope["path"])
            if begun:
                raise
            await _answer(_BROKEN, send, page=False, path=scope["path"])

    def _door(self, scope: Scope) -> tuple[BaseRoute | None, Door | None]:
        for route, door in self._gate.doors:
            if route.matches(scope)[0] is Match.FULL:
                return route, door
        return None, None

    def _judged(self, scope: Scope, headers: Headers, door: Door | None) -> tuple[_No | None, Visitor | None]:
        gate, safe = self._gate, scope["method"] in SAFE
        if f"{scope['scheme']}://{headers.get('host', '')}" not in gate.origins:
            return _HOST, None
        if door is not None and door.role is None:
            return self._forged(headers, None, safe=safe), None
        visitor, no = self._visitor(headers, keeps_awake=door is None or door.keeps_awake)
        if visitor is None:
            return no, None
        if door is None:
            return _NOWHERE, visitor
        if door.role is None or not visitor.account.role.may(door.role):
            return _ROLE, visitor
        return self._forged(headers, visitor, safe=safe), visitor

    def _visitor(self, headers: Headers, *, keeps_awake: bool) -> tuple[Visitor | None, _No]:
        token = _cookies(headers).get(self._gate.cookie)
        if not token:
            return None, _LOGIN
        session = self._gate.sessions.find(token, keeps_awake=keeps_awake)
        if session is None:
            return None, _STALE
        account = self._gate.accounts.accounts().get(session.account)
        known = (session.password, session.role)
        if account is None or account.closed or (account.password, str(account.role)) != known:
            self._gate.sessions.end(session)
            return None, _STALE
        return Visitor(account=account, session=session), _LOGIN

    def _forged(self, headers: Headers, visitor: Visitor | None, *, safe: bool) -> _No | None:
        """Return what shows that another site made this request, or that it is none of our pages'."""
        origin = headers.get("origin")
        if origin is not None and origin not in self._gate.origins:
            return _ORIGIN
        if safe:
            return None
        if origin is None and headers.get("sec-fetch-site") not in {None, "same-origin"}:
            return _ORIGIN
        if visitor is not None and not fits(visitor.session, headers.get(CSRF_HEADER, "")):
            return _TOKEN
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _KIND
        length = headers.get("content-length", "")
        return _LARGE if not length.isdigit() or int(length) > MOST_BYTES else None

    def _dressed(self, send: Send) -> Send:
        """Put the headers that hold everywhere onto every answer."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["cache-control"] = _NO_STORE
                if self._gate.secure:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        return dressed


def _cookies(headers: Headers) -> Mapping[str, str]:
    jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except http.cookies.CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _bounded(receive: Receive) -> Receive:
    """Hand on a body up to what its length said, which was looked at before."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= MOST_BYTES else {"type": "http.disconnect"}

    return bounded


async def _answer(no: _No, send: Send, *, page: bool, path: str) -> None:
    """Say why not: to a program as JSON, to a person on a page by way of the login."""
    headers = [(b"content-type", b"application/json")]
    status, body = no.status, json.dumps({"error": no.sentence, "why": no.why}).encode()
    if page and no.status == 401:
        status, body = 303, b""
        headers = [(b"location", f"/login?next={quote(path, safe='/')}".encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
