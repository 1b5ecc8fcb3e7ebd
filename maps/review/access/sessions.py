"""Who is logged in: sessions in memory, each with a token of its own against forged requests."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from maps.review.access.accounts import Account

IDLE_S: Final = 1_800.0
"""A session nobody uses ends (NIST SP 800-63B-4, 2.2.3: an hour at most; half of it here)."""
WHOLE_S: Final = 12 * 3_600.0
"""No session is longer (same place: 24 hours at most); a shift."""
MOST: Final = 512
"""Sessions at once; the oldest end first."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Session:
    """One person at one browser."""

    key: str
    """SHA-256 of the cookie's value: what is kept here opens nothing."""
    account: str
    password: str
    """The account's hash at login: a changed password or role ends the session."""
    role: str
    csrf: str
    began_s: float
    awake_s: float


class Sessions:
    """The sessions of a running console.

    Parameters
    ----------
    now_s
        A monotonic clock, in seconds.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._turn = threading.Lock()
        self._by_key: dict[str, Session] = {}

    def begin(self, account: Account) -> tuple[str, Session]:
        """Log somebody in; returns the cookie's value and the session."""
        token, now = secrets.token_urlsafe(32), self._now_s()
        session = Session(
            key=_key(token), account=account.name, password=account.password, role=str(account.role),
            csrf=secrets.token_urlsafe(32), began_s=now, awake_s=now,
        )  # fmt: skip
        with self._turn:
            while len(self._by_key) >= MOST:
                del self._by_key[next(iter(self._by_key))]
            self._by_key[session.key] = session
        return token, session

    def find(self, token: str, *, keeps_awake: bool) -> Session | None:
        """Return the session of a cookie; None when there is none or it is over."""
        now = self._now_s()
        with self._turn:
            session = self._by_key.get(_key(token))
            if session is None:
                return None
            if now - session.awake_s > IDLE_S or now - session.began_s > WHOLE_S:
                del self._by_key[session.key]
                return None
            if keeps_awake:
                session.awake_s = now
            return session

    def end(self, session: Session) -> None:
        """Log somebody out."""
        with self._turn:
            self._by_key.pop(session.key, None)

    def people(self) -> list[str]:
        """Return who is logged in."""
        with self._turn:
            return sorted({session.account for session in self._by_key.values()})


def fits(session: Session, csrf: str) -> bool:
    """Tell whether a request carries its session's token; takes as long whatever it carries."""
    return hmac.compare_digest(session.csrf.encode(), csrf.encode("utf-8", "replace"))


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
