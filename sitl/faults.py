"""Faults on purpose: parts that fail in PX4's eight words, links that lose, double, swap and delay, and blows.

Everything here is seeded and takes its clock as an argument. `LinkShim` is a
pure queue: the vehicle's sockets use it, and a test can put it between two
state machines without any socket.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import heapq
import math
from typing import TYPE_CHECKING, Final

from geo.near_words import did_you_mean
from sitl.errors import SitlError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    import numpy as np


class Part(enum.StrEnum):
    """What can fail."""

    GPS = "gps"
    COMPASS = "compass"
    BAROMETER = "barometer"
    GIMBAL = "gimbal"
    CAMERA = "camera"
    BATTERY = "battery"


class Word(enum.StrEnum):
    """How it fails: the eight words of PX4's `failure` command (MAVLink common.xml, FAILURE_TYPE)."""

    OK = "ok"
    OFF = "off"
    STUCK = "stuck"
    GARBAGE = "garbage"
    WRONG = "wrong"
    SLOW = "slow"
    DELAYED = "delayed"
    INTERMITTENT = "intermittent"


FAILURE_UNITS: Final[dict[int, Part]] = {
    2: Part.COMPASS,
    3: Part.BAROMETER,
    4: Part.GPS,
    100: Part.BATTERY,
}
"""MAVLink FAILURE_UNIT numbers of the parts that have one (MAV_CMD_INJECT_FAILURE)."""
FAILURE_TYPES: Final[tuple[Word, ...]] = tuple(Word)
"""FAILURE_TYPE 0 to 7, in order."""
SLOW_S: Final = 2.0
DELAY_S: Final = 2.0
INTERMITTENT_S: Final = 1.0


class PartFault:
    """Turns what a part measures into what it says.

    Parameters
    ----------
    rng
        Source of garbage and of the intermittent gaps.
    wrong
        What "wrong" adds to each value.
    spread
        One-sigma size of "garbage" for each value.
    """

    def __init__(self, rng: np.random.Generator, *, wrong: tuple[float, ...], spread: tuple[float, ...]) -> None:
        self.word = Word.OK
        self._rng = rng
        self._wrong = wrong
        self._spread = spread
        self._held: tuple[float, ...] | None = None
        self._held_s = 0.0
        self._past: collections.deque[tuple[float, tuple[float, ...]]] = collections.deque()
        self._gap = False

    def set(self, word: Word) -> None:
        """Begin to fail in this way (or stop failing)."""
        self.word = word
        self._held = None
        self._past.clear()

    def read(self, values: tuple[float, ...], t_s: float) -> tuple[float, ...] | None:
        """Return what the part says at `t_s` instead of `values`; None when it says nothing."""
        word = self.word
        if word is Word.OK:
            return values
        if word is Word.OFF:
            return None
        if word is Word.WRONG:
            return tuple(v + w for v, w in zip(values, self._wrong, strict=True))
        if word is Word.GARBAGE:
            draw = self._rng.standard_normal(len(values))
            return tuple(v + s * float(d) for v, s, d in zip(values, self._spread, draw, strict=True))
        if word is Word.DELAYED:
            return self._delayed(values, t_s)
        return self._sampled(values, t_s)

    def _delayed(self, values: tuple[float, ...], t_s: float) -> tuple[float, ...]:
        self._past.append((t_s, values))
        while len(self._past) > 1 and self._past[1][0] <= t_s - DELAY_S:
            self._past.popleft()
        return self._past[0][1]

    def _sampled(self, values: tuple[float, ...], t_s: float) -> tuple[float, ...] | None:
        """Stuck keeps the first value, slow takes one each two seconds, intermittent drops out by the second."""
        if self._held is None or self.word is Word.SLOW and t_s - self._held_s >= SLOW_S:
            self._held, self._held_s = values, t_s
        elif self.word is Word.INTERMITTENT and t_s - self._held_s >= INTERMITTENT_S:
            self._held_s = t_s
            self._gap = bool(self._rng.random() < 0.5)
        if self.word is Word.INTERMITTENT:
            return None if self._gap else values
        return self._held


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuality:
    """What a link does to each frame, in one direction; probabilities from 0 to 1, seconds of link time."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    latency_s: float = 0.0
    jitter_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SitlError(f"link {name} is {getattr(self, name)}; it must be between 0 and 1", field=name)


@dataclasses.dataclass(slots=True, kw_only=True)
class LinkCounts:
    """What a shim has done so far, frames."""

    passed: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    cut: int = 0


class LinkShim:
    """One direction of a bad link: put frames in, take out those whose time has come."""

    def __init__(self, quality: LinkQuality, rng: np.random.Generator) -> None:
        self.quality = quality
        self.counts = LinkCounts()
        self.is_cut = False
        """While set, nothing passes."""
        self._rng = rng
        self._queue: list[tuple[float, int, Any]] = []
        self._number = 0

    @property
    def transparent(self) -> bool:
        """Whether frames pass unchanged and at once."""
        return self.quality == _PERFECT and not self.is_cut and not self._queue

    def push(self, frame: Any, now_s: float) -> None:
        """Put one frame in at `now_s`."""
        if self.is_cut:
            self.counts.cut += 1
            return
        q = self.quality
        if self._rng.random() < q.loss:
            self.counts.lost += 1
            return
        self._enter(frame, now_s)
        if self._rng.random() < q.duplicate:
            self.counts.duplicated += 1
            self._enter(frame, now_s)

    def _enter(self, frame: Any, now_s: float) -> None:
        q = self.quality
        due = now_s + q.latency_s + q.jitter_s * float(self._rng.random())
        if self._rng.random() < q.reorder:
            # held back for longer than the frames behind it take
            due += max(q.latency_s, 0.02) * (1.0 + float(self._rng.random()))
            self.counts.reordered += 1
        self._number += 1
        heapq.heappush(self._queue, (due, self._number, frame))

    def pop(self, now_s: float) -> list[Any]:
        """Take out every frame due by `now_s`, in the order in which they arrive."""
        out = []
        while self._queue and self._queue[0][0] <= now_s:
            out.append(heapq.heappop(self._queue)[2])
        self.counts.passed += len(out)
        return out


_PERFECT: Final = LinkQuality()


class FaultKind(enum.StrEnum):
    """What a timed fault does."""

    PART = "part"
    LINK_LOSS = "link_loss"
    RADIO_LOSS = "radio_loss"
    LINK = "link"
    GPS_JUMP = "gps_jump"
    BATTERY_SAG = "battery_sag"
    GUST = "gust"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault at a time: `at_s` simulated seconds after take-off, for `for_s` seconds.

    Which other fields count depends on `kind`: a part and a word; a link's
    quality; a jump in metres; a charge in percent; a gust's speed and where it
    comes from.
    """

    kind: FaultKind
    at_s: float
    for_s: float = math.inf
    part: Part = Part.GPS
    word: Word = Word.OFF
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    latency_s: float = 0.0
    north_m: float = 0.0
    east_m: float = 0.0
    to_pct: float = 100.0
    speed_mps: float = 0.0
    from_deg: float = 0.0

    @property
    def quality(self) -> LinkQuality:
        """The link while the fault lasts."""
        return LinkQuality(loss=self.loss, duplicate=self.duplicate, reorder=self.reorder, latency_s=self.latency_s)


def fault_from_table(table: dict[str, Any]) -> Fault:
    """Build a fault from plain data (a scenario's table, or the control channel).

    Raises
    ------
    SitlError
        When a field is unknown, or a word is none of the known ones.
    """
    known = {field.name for field in dataclasses.fields(Fault)}
    for name in table:
        if name not in known:
            raise SitlError(f"a fault has no field {name!r}; it has {', '.join(sorted(known))}", field=name)
    values = dict(table)
    for name, kind in (("kind", FaultKind), ("part", Part), ("word", Word)):
        if name in values:
            values[name] = _one_of(kind, values[name], name)
    if "kind" not in values or "at_s" not in values:
        raise SitlError("a fault needs kind and at_s (seconds after take-off)")
    return Fault(**values)


def _one_of(kind: type[enum.StrEnum], value: object, field: str) -> enum.StrEnum:
    try:
        return kind(str(value))
    except ValueError:
        words = ", ".join(kind)
        raise SitlError(
            f"fault {field} is {value!r}{did_you_mean(value, kind)}; use one of: {words}", field=field, actual=value
        ) from None


class FaultBoard:
    """Says which faults begin and which end, as time goes by."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._waiting = sorted(faults, key=lambda fault: fault.at_s)
        self._active: list[Fault] = []
        self.begun: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan one more fault."""
        self._waiting = sorted([*self._waiting, fault], key=lambda one: one.at_s)

    def at(self, flown_s: float) -> tuple[list[Fault], list[Fault]]:
        """Return the faults that begin and those that end by `flown_s` seconds after take-off."""
        beginning: list[Fault] = []
        if not self._waiting and not self._active:
            return beginning, beginning
        while self._waiting and self._waiting[0].at_s <= flown_s:
            beginning.append(self._waiting.pop(0))
        ending = [fault for fault in self._active if flown_s >= fault.at_s + fault.for_s]
        self._active = [fault for fault in self._active if fault not in ending] + beginning
        self.begun += beginning
        return beginning, ending
