"""Telling another system that there is a new alert: signed, to addresses named at the start, and without any place.

What leaves says that something is to be looked at, not where or what it looked like: that is asked for by somebody
with a case and a reason.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from geo.errors import InputError, RefusedError, VedetteError
from maps.review.judging.ordering import Band
from operations.finding.described import utc_text
from operations.finding.selection import ThingSelection
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from typing import Self

    from maps.review.judging.verdict_book import Key
    from maps.review.looking import Looking, Queued

_LOG = logging.getLogger(__name__)
EVERY_S: Final = 2.0
"""How often new alerts are looked for."""
_WAIT_S: Final = 5.0
_TRIES: Final = 5
"""Rounds in which an alert that could not be told is tried again; then it is given up and that is logged."""
SIGNATURE: Final = "X-Vedette-Signature"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where new alerts are told, and the secret that signs them.

    Raises
    ------
    RefusedError
        For clear text that would leave this machine.
    """

    scheme: str
    host: str
    port: int
    path: str
    secret: bytes

    def __post_init__(self) -> None:
        if self.scheme == "http" and not _is_loopback(self.host):
            raise RefusedError(f"--hook: {self.host} is another machine, and http is clear text: use https")

    @classmethod
    def parse(cls, text: str, secret: bytes) -> Self:
        """Read an address.

        Raises
        ------
        InputError
            When it is none, or the secret is too short to sign with.
        """
        try:
            parts = urlsplit(text)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise InputError(f"--hook: {text!r} is no address: write https://HOST/PATH") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
            raise InputError(
                f"--hook: {text!r} is no address: write https://HOST/PATH, without a name or password in it"
            )
        if len(secret) < _SECRET_BYTES:
            raise InputError(f"the secret of a hook has {_SECRET_BYTES} bytes or more, this one {len(secret)}")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(scheme=parts.scheme, host=parts.hostname, port=port, path=path, secret=secret)

    def signed(self, body: bytes, t_s: int) -> str:
        """Return the signature of a message: HMAC-SHA256 over ``SECONDS.BODY``, so that an old one shows its age."""
        digest = hmac.new(self.secret, f"{t_s}.".encode() + body, hashlib.sha256).hexdigest()
        return f"t={t_s},v1={digest}"

    def post(self, body: bytes, t_s: int) -> None:
        """Send a message; redirects are followed nowhere.

        Raises
        ------
        InputError
            When it is not taken.
        """
        link: http.client.HTTPConnection = (
            http.client.HTTPSConnection(self.host, self.port, timeout=_WAIT_S, context=ssl.create_default_context())
            if self.scheme == "https"
            else http.client.HTTPConnection(self.host, self.port, timeout=_WAIT_S)
        )
        try:
            headers = {"content-type": "application/json", SIGNATURE: self.signed(body, t_s)}
            link.request("POST", self.path, body=body, headers=headers)
            status = link.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"{self.host} was not told of an alert: {error}") from error
        finally:
            link.close()
        if not 200 <= status < 300:
            raise InputError(f"{self.host} did not take an alert: it answered {status}")


_SECRET_BYTES: Final = 16


class Herald:
    """Tells hooks of alerts that were not there before.

    Parameters
    ----------
    looking
        Where alerts are found.
    hooks
        Whom to tell.
    clock
        Returns the time now as UTC nanoseconds.
    """

    def __init__(self, looking: Looking, hooks: Sequence[Hook], clock: Callable[[], int]) -> None:
        self._looking = looking
        self._hooks = tuple(hooks)
        self._clock = clock
        self._generation = -1
        self._known: set[Key] = {one.key for one in self._alerts()}
        self._waiting: list[tuple[Hook, Queued, int]] = []

    def run(self, stop: threading.Event) -> None:
        """Look for new alerts until told to stop."""
        while not stop.wait(EVERY_S):
            try:
                self.round()
            except VedetteError as error:
                _LOG.warning("alerts could not be looked for: %s", error)

    def round(self) -> int:
        """Look once, and tell what is new; returns how many messages were taken."""
        for one in self._alerts():
            if one.key not in self._known:
                self._known.add(one.key)
                self._waiting += [(hook, one, 0) for hook in self._hooks]
        waiting, self._waiting, told = self._waiting, [], 0
        for hook, one, tries in waiting:
            try:
                hook.post(json.dumps(self._body(one)).encode(), self._clock() // 1_000_000_000)
                self._note(hook, one, "told")
                told += 1
            except InputError as error:
                _LOG.warning("%s", error)
                if tries + 1 < _TRIES:
                    self._waiting.append((hook, one, tries + 1))
                else:
                    self._note(hook, one, "given up")
        return told

    def _alerts(self) -> list[Queued]:
        generation = self._looking.generation()
        if generation == self._generation:
            return []
        self._generation = generation
        return [one for one in self._looking.queue(ThingSelection()).items if one.rank.band is Band.ALERT]

    def _body(self, one: Queued) -> dict[str, Any]:
        return {
            "what": "a new alert waits in the review console: a machine's assessment; a person decides",
            "operation": self._looking.desk.stores[one.key.source].id,
            "thing": one.key.thing_id,
            "kind": one.rank.kind,
            "utc": utc_text(one.thing.t_utc_ns),
        }

    def _note(self, hook: Hook, one: Queued, what: str) -> None:
        body = {"what": what, "host": hook.host, "thing": one.key.thing_id}
        self._looking.desk.stores[one.key.source].append(LeafKind.NOTE, "web hook", body)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
