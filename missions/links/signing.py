"""MAVLink 2 message signing, checked before anything of a frame is believed.

pymavlink 2.4.50 stores a frame's timestamp before it compares the signature,
so one forged frame from the far future silences the true sender, and it lets
unknown message ids through unchecked. Here the signature is verified first and
only then is the stream's mark moved (MAVLink guide, "Message signing").
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import hmac
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from missions.links.frames import RADIO_STATUS, TRAILER_BYTES, is_signed, message_id_of
from missions.links.signing_key import SIGNATURE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.links.signing_key import SigningKey, Stream
    from missions.links.signing_marks_file import MarksFile

_EPOCH_UNIX_S: Final = 1_420_070_400
"""2015-01-01T00:00:00Z, from which signing timestamps count."""
_TICKS_PER_S: Final = 100_000
_NEW_STREAM_TICKS: Final = 60 * _TICKS_PER_S
_LAST_TICK: Final = 2**48 - 1
_ON_THE_WAY_TICKS: Final = 10 * _TICKS_PER_S
"""How late a frame in our own name may come, over slow radios and full queues, and still be told from a replay."""
_MOST_RECENT: Final = 4096
_RADIO_STATUS_BYTES: Final = 9
NEWEST: Final = (0, 0, 0)
"""The mark of the latest time seen from anyone: what we send is newer (MAVLink guide)."""


class Verdict(enum.Enum):
    """What the check says of one frame."""

    ACCEPTED = "accepted"
    """Signed with our key and newer than anything before it in its stream: the only one that decides anything."""
    LET_THROUGH = "let_through"
    """RADIO_STATUS, which no radio can sign: to be looked at, decides nothing."""
    FORGED = "forged"
    REPLAYED = "replayed"
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown"
    """Of a message id this dialect does not have, signed or not."""

    @property
    def is_whole(self) -> bool:
        """Whether the frame is surely one, from its first byte to its last."""
        return self in (Verdict.ACCEPTED, Verdict.LET_THROUGH, Verdict.REPLAYED)


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
    """Sign what goes out, accept only what is signed with the same key and newer than before.

    Safe to use from several threads.

    Parameters
    ----------
    key
        The secret shared with the vehicle.
    marks
        Where the newest timestamps are kept over restarts; None forgets them
        with the process.
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
        self._lock = threading.Lock()
        self._heard: dict[Stream, int] = dict(marks.heard) if marks is not None else {}
        self._sent: dict[Stream, int] = dict(marks.sent) if marks is not None else {}
        self._begun: dict[Stream, int] = dict(self._sent)
        self._recent: collections.deque[int] = collections.deque(maxlen=_MOST_RECENT)

    @property
    def marks_ahead_s(self) -> float:
        """How far the newest mark is ahead of this computer's clock, seconds; then one of the two is, or was, wrong."""
        newest = max((*self._heard.values(), *self._sent.values()), default=0)
        return max(0, newest - self._now_ticks()) / _TICKS_PER_S

    def equip(self, packer: Any) -> None:
        """Set a pymavlink packer up to sign its next message with a timestamp newer than any before.

        Raises
        ------
        InputError
            When the 48 bits of a timestamp are used up, by a clock in the year 2104.
        """
        stream = (self._link_id, packer.srcSystem, packer.srcComponent)
        with self._lock:
            before = max(self._sent_before(stream), self._heard.get(stream, 0), self._heard.get(NEWEST, 0))
            timestamp = max(self._now_ticks(), before + 1)
            if timestamp > _LAST_TICK:
                raise InputError("no signing time is left: this computer's clock, or the vehicle's, is far ahead")
            self._sent[stream] = timestamp
            self._recent.append(timestamp)
            if self._marks is not None:
                self._marks.set_sent(stream, timestamp)
        self._key.give_to(packer)
        packer.signing.link_id = self._link_id
        packer.signing.timestamp = timestamp

    def judge(self, frame: bytes, *, known: bool, own: bool = False) -> Verdict:
        """Decide on one received frame with a good checksum: verify, then compare times, then commit.

        Parameters
        ----------
        frame
            The whole frame.
        known
            Whether its message id is in the dialect (the checksum of another cannot be checked).
        own
            Whether it bears our own system id: then what any link with this key has sent is a replay, too.
        """
        with self._lock:
            verdict = self._judge(frame, known, own)
            setattr(self.counts, verdict.value, getattr(self.counts, verdict.value) + 1)
        return verdict

    def verifies(self, frame: bytes) -> bool:
        """Whether the signature is right, however old the frame."""
        signature = self._key.signature(frame[:-SIGNATURE_BYTES])
        return is_signed(frame) and hmac.compare_digest(signature, frame[-SIGNATURE_BYTES:])

    def save(self) -> None:
        """Put the marks on the disk."""
        if self._marks is not None:
            self._marks.close()

    def _judge(self, frame: bytes, known: bool, own: bool) -> Verdict:
        if not is_signed(frame):
            if message_id_of(frame) == RADIO_STATUS and frame[1] <= _RADIO_STATUS_BYTES and not own:
                return Verdict.LET_THROUGH
            return Verdict.UNSIGNED if known else Verdict.UNKNOWN
        if not self.verifies(frame):
            return Verdict.FORGED if known else Verdict.UNKNOWN
        if not known:
            return Verdict.UNKNOWN
        timestamp = int.from_bytes(frame[-TRAILER_BYTES + 1 : -SIGNATURE_BYTES], "little")
        system, component = (frame[5], frame[6])
        stream = (frame[-TRAILER_BYTES], system, component)
        if not self._is_newer(stream, timestamp):
            return Verdict.REPLAYED
        sent_elsewhere = own and self._marks is not None and timestamp <= self._marks.sent_elsewhere(stream)
        self._hear(stream, timestamp)
        if sent_elsewhere:
            return Verdict.REPLAYED
        if timestamp > self._heard.get(NEWEST, 0):
            self._hear(NEWEST, timestamp)
        return Verdict.ACCEPTED

    def _is_newer(self, stream: Stream, timestamp: int) -> bool:
        heard, sent = self._heard.get(stream, -1), self._sent.get(stream, -1)
        if sent >= 0:
            return timestamp > max(heard, sent) or (timestamp > heard and self._is_anothers(stream, timestamp))
        if heard >= 0:
            return timestamp > heard
        newest = max(self._now_ticks(), self._heard.get(NEWEST, 0), *self._sent.values(), 0)
        return timestamp + _NEW_STREAM_TICKS >= newest

    def _is_anothers(self, stream: Stream, timestamp: int) -> bool:
        """Whether a time that we have just passed on a stream of ours is none that we signed: another signs there."""
        oldest = self._recent[0] if len(self._recent) == _MOST_RECENT else 0
        since = max(self._begun.get(stream, 0), self._sent[stream] - _ON_THE_WAY_TICKS, oldest)
        return timestamp > since and timestamp not in self._recent

    def _sent_before(self, stream: Stream) -> int:
        if stream not in self._sent and self._marks is not None:
            return self._marks.sent_elsewhere(stream)
        return self._sent.get(stream, 0)

    def _hear(self, stream: Stream, timestamp: int) -> None:
        self._heard[stream] = timestamp
        if self._marks is not None:
            self._marks.set_heard(stream, timestamp)

    def _now_ticks(self) -> int:
        return max(0, int((self._unix_s() - _EPOCH_UNIX_S) * _TICKS_PER_S))
