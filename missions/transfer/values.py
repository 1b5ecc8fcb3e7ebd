"""What a transfer is asked, what it says while it runs, and what it reports when it ends."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any, Protocol

from missions.plan_files.dialect import Dialect, MissionType

if TYPE_CHECKING:
    from missions.plan import MissionItem

Message = Any
"""A pymavlink message object; pymavlink carries no types."""


class Watcher(Protocol):
    """Where every message goes that arrives while something else waits for its answer."""

    def __call__(self, message: Message, /) -> None:
        """Take in one message."""
        ...


class Ack(enum.IntEnum):
    """MAV_MISSION_RESULT, every code by its name (MAVLink common.xml)."""

    ACCEPTED = 0
    ERROR = 1
    UNSUPPORTED_FRAME = 2
    UNSUPPORTED = 3
    NO_SPACE = 4
    INVALID = 5
    INVALID_PARAM1 = 6
    INVALID_PARAM2 = 7
    INVALID_PARAM3 = 8
    INVALID_PARAM4 = 9
    INVALID_PARAM5_X = 10
    INVALID_PARAM6_Y = 11
    INVALID_PARAM7 = 12
    INVALID_SEQUENCE = 13
    DENIED = 14
    OPERATION_CANCELLED = 15

    @classmethod
    def name_of(cls, code: int) -> str:
        """Return the code's name, or the number itself for one that does not exist yet."""
        return cls(code).name if code in cls._value2member_map_ else f"code {code}"


SOFT_ACKS = frozenset({Ack.ERROR, Ack.INVALID_SEQUENCE, Ack.OPERATION_CANCELLED})
"""Answers that end nothing by themselves: stray items and late repeats draw them while a transfer goes on."""


class TransferState(enum.StrEnum):
    """Where a transfer stands, or how it ended."""

    OFFERING = "offering"
    SENDING = "sending"
    READING_BACK = "reading back"
    AWAITING_VERDICT = "awaiting the vehicle's verdict"
    ASKING_WHAT_IS_HELD = "asking what the vehicle holds"
    UPLOADED = "uploaded"
    DOWNLOADED = "downloaded"
    REFUSED = "refused"
    DIFFERENT = "read back different"
    FAILED = "failed"
    LINK_LOST = "link lost"
    CANCELLED = "cancelled"


FINAL_STATES = frozenset(
    {
        TransferState.UPLOADED,
        TransferState.DOWNLOADED,
        TransferState.REFUSED,
        TransferState.DIFFERENT,
        TransferState.FAILED,
        TransferState.LINK_LOST,
        TransferState.CANCELLED,
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """How long to wait and how often to try again; seconds.

    The MAVLink mission protocol gives 1.5 s, 0.25 s for items and 5 tries. Five
    tries lose one exchange in thirty where three frames in ten are lost each
    way, so here a transfer goes on until nothing has been heard for
    `patience_s`, which outlasts the autopilots' own (ArduPilot 8 s, PX4 5 s).
    """

    handshake_s: float = 1.5
    item_s: float = 0.25
    patience_s: float = 20.0
    attempts: int = 6
    verdict_s: float = 2.0
    verdict_patience_s: float = 10.0
    """How long a PX4 that says nothing against its items may go on saying that it has no mission: it loads them."""
    denied_wait_s: float = 2.0
    denied_patience_s: float = 15.0
    """How long a vehicle may be busy with another station's upload (ArduPilot drops a silent one after 8 s)."""
    soft_nack_s: float = 3.0
    fixed_budget_s: float = 120.0
    per_item_budget_s: float = 3.0

    def budget_s(self, items: int) -> float:
        """Return the longest one attempt at `items` items may take, whatever the vehicle says."""
        return self.fixed_budget_s + self.per_item_budget_s * items


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who we are, who the vehicle is, and how it keeps what it is given."""

    system: int
    component: int
    own_system: int = 255
    own_component: int = 190
    dialect: Dialect = Dialect.ARDUPILOT
    fixed_wing: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that reads back neither as sent nor as this autopilot would keep it."""

    seq: int
    field: str
    sent: float
    held: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UploadReport:
    """How an upload ended, and what the vehicle holds now.

    `held` is None when the vehicle could not be asked. Only `UPLOADED` allows arming.
    """

    mission_type: MissionType
    state: TransferState
    sent_items: int
    held: tuple[MissionItem, ...] | None
    differences: tuple[Difference, ...]
    ack: str
    statustexts: tuple[str, ...]
    attempts: int
    frames_sent: int
    elapsed_s: float
    other_stations: tuple[int, ...]
    message: str

    @property
    def uploaded(self) -> bool:
        """True when a read-back equals what was sent, after the vehicle's own rounding."""
        return self.state is TransferState.UPLOADED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DownloadReport:
    """What the vehicle holds, or why it could not be read."""

    mission_type: MissionType
    state: TransferState
    items: tuple[MissionItem, ...]
    expected_items: int
    ack: str
    frames_sent: int
    elapsed_s: float
    message: str

    @property
    def complete(self) -> bool:
        """True when every item the vehicle announced has been read."""
        return self.state is TransferState.DOWNLOADED
