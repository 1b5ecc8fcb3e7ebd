"""MAVLink 2 message signing, checked before anything of a frame is believed.

pymavlink 2.4.50 stores a frame's timestamp before it compares the signature,
so one forged frame from the far future silences the true sender, and it lets
unknown message ids through unchecked. Here the signature is verified first and
only then is the stream's mark moved (MAVLink guide, "Message signing").
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.links.signing_marks_file import MarksFile

_EPOCH_UNIX_S: Final = 1_420_070_400
"""2015-01-01T00:00:00Z, from which signing timestamps count."""
_TICKS_PER_S: Final = 100_000
_NEW_STREAM_TICKS: Final = 60 * _TICKS_PER_S
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 6
_TRAILER_BYTES: Final = 13
_MAGIC_V2: Final = 0xFD
_SIGNED_FLAG: Final = 0x01
_RADIO_STATUS: Final = 109
"""Made by the radio itself, which has no key (MAVLink guide: the one message to accept unsigned)."""
OWN_STREAM: Final = (0, 0, 0)
"""The mark of what we sent and of the latest time seen from anyone."""

Stream = tuple[int, int, int]
"""Link id, system, component."""


class SigningKey:
    """A 32-byte secret that shows itself nowhere: not in a repr, a log or a pickle."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _KEY_BYTES:
            raise InputError(f"a signing key has {_KEY_BYTES} bytes, this one has {len(secret)}", actual=len(secret))
        self._secret = secret

    def __repr__(self) -> str:
        return "SigningKey(hidden)"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not to be stored by pickling")

    def signature(self, frame: bytes) -> bytes:
        """Return the six signature bytes over everything before them."""
        return hashlib.sha256(self._secret + frame).digest()[:_SIGNATURE_BYTES]

    @property
    def fingerprint(self) -> bytes:
        """Eight bytes that tell keys apart and give nothing of them away."""
        return hashlib.sha256(b"vedette signing marks" + self._secret).digest()[:8]

    def give_to(self, packer: Any) -> None:
        """Let a pymavlink packer sign what it packs."""
        packer.signing.secret_key = self._secret
        packer.signing.sign_outgoing = True


@dataclasses.dataclass(slots=True, kw_only=True)
class SignatureCounts:
    """What the check decided, frames."""

    accepted: int = 0
    forged: int = 0
    replayed: int = 0
    unsigned: int = 0
    unknown: int = 0
    let_through: int = 0


class Signer:
    """Sign what goes out, admit only what is signed with the same key and newer than before.

    Parameters
    ----------
    key
        The secret shared with the vehicle.
    marks
        Where the newest timestamp of each stream is kept over restarts; None
        forgets them with the process.
    link_id
        Our own link's number in what we sign.
    unix_s
        The wall clock, seconds since 1970.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        marks: MarksFile | None = None,
        link_id: int = 0,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.counts = SignatureCounts()
        self._key = key
        self._marks = marks
        self._link_id = link_id
        self._unix_s = unix_s
        self._streams: dict[Stream, int] = dict(marks.streams) if marks is not None else {}

    def equip(self, packer: Any) -> None:
        """Set a pymavlink packer up to sign its next message with a timestamp newer than any before."""
        self._key.give_to(packer)
        packer.signing.link_id = self._link_id
        packer.signing.timestamp = max(self._now_ticks(), self._streams.get(OWN_STREAM, 0) + 1)
        self._move(OWN_STREAM, packer.signing.timestamp)

    def admits(self, frame: bytes, message_id: int, *, known: bool) -> bool:
        """Decide on one received frame: verify, then compare times, then commit."""
        signed = frame[0] == _MAGIC_V2 and bool(frame[2] & _SIGNED_FLAG)
        if not signed:
            return self._decide_unsigned(message_id)
        if not hmac.compare_digest(self._key.signature(frame[:-_SIGNATURE_BYTES]), frame[-_SIGNATURE_BYTES:]):
            self.counts.forged += 1
            return False
        if not known:
            self.counts.unknown += 1
            return False
        timestamp = int.from_bytes(frame[-_TRAILER_BYTES + 1 : -_SIGNATURE_BYTES], "little")
        stream = (frame[-_TRAILER_BYTES], frame[5], frame[6])
        if not self._is_newer(stream, timestamp):
            self.counts.replayed += 1
            return False
        self._move(stream, timestamp)
        if timestamp > self._streams.get(OWN_STREAM, 0):
            self._move(OWN_STREAM, timestamp)
        self.counts.accepted += 1
        return True

    def save(self) -> None:
        """Put the marks on the disk."""
        if self._marks is not None:
            self._marks.close()

    def _decide_unsigned(self, message_id: int) -> bool:
        if message_id == _RADIO_STATUS:
            self.counts.let_through += 1
            return True
        self.counts.unsigned += 1
        return False

    def _is_newer(self, stream: Stream, timestamp: int) -> bool:
        last = self._streams.get(stream)
        if last is not None:
            return timestamp > last
        newest = max(self._now_ticks(), self._streams.get(OWN_STREAM, 0))
        return timestamp + _NEW_STREAM_TICKS >= newest

    def _move(self, stream: Stream, timestamp: int) -> None:
        self._streams[stream] = timestamp
        if self._marks is not None:
            self._marks.set(stream, timestamp)

    def _now_ticks(self) -> int:
        return max(0, int((self._unix_s() - _EPOCH_UNIX_S) * _TICKS_PER_S))
