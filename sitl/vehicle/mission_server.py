"""The vehicle's side of the mission protocol, with each autopilot's own timers and manners.

A pure state machine: messages and the link's clock go in, messages come out.
The clock is the link's (wall) time, not simulated time: the peer lives there.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect, MissionType
from sitl.vehicle.storage import ACCEPTED, Storage
from sitl.vehicle.wire import WireItem, from_message, to_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DENIED: Final[int] = mavlink.MAV_MISSION_DENIED
ERROR: Final[int] = mavlink.MAV_MISSION_ERROR
NO_SPACE: Final[int] = mavlink.MAV_MISSION_NO_SPACE
CANCELLED: Final[int] = mavlink.MAV_MISSION_OPERATION_CANCELLED
INVALID_SEQUENCE: Final[int] = mavlink.MAV_MISSION_INVALID_SEQUENCE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How an autopilot behaves in a transfer (seconds of link time)."""

    re_ask_s: float
    give_up_s: float
    asks_int: bool
    answers_out_of_sequence: bool
    denies_second_uploader: bool
    writes_in_place: bool
    """Items land in the stored mission as they come, so that a broken upload leaves a mixture."""


ARDUPILOT_MANNERS: Final = Manners(
    re_ask_s=1.0,
    give_up_s=8.0,
    asks_int=False,
    answers_out_of_sequence=True,
    denies_second_uploader=True,
    writes_in_place=True,
)
PX4_MANNERS: Final = Manners(
    re_ask_s=0.5,
    give_up_s=5.0,
    asks_int=True,
    answers_out_of_sequence=False,
    denies_second_uploader=False,
    writes_in_place=False,
)


@dataclasses.dataclass(slots=True, kw_only=True)
class _Upload:
    peer: tuple[int, int]
    count: int
    staged: list[WireItem]
    next_seq: int = 0
    asked_s: float = 0.0
    heard_s: float = 0.0


class MissionServer:
    """One list (mission, fence or rally) and the transfer protocol in front of it.

    Parameters
    ----------
    dialect, mission_type
        Whose manners, and which list.
    send
        Called with (message, (sysid, compid)) for everything to send to a peer.
    on_change
        Called after the stored list has changed for good.
    accept
        Returns a MAV_MISSION_RESULT that judges a complete list, or 0.
    busy
        Whether the list is in use, so that it must not be cleared.
    """

    def __init__(
        self,
        dialect: Dialect,
        mission_type: MissionType,
        *,
        send: Callable[[Any, tuple[int, int]], None],
        on_change: Callable[[], None],
        accept: Callable[[tuple[WireItem, ...]], int] = lambda _: ACCEPTED,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self.dialect = dialect
        self.mission_type = mission_type
        self.manners = PX4_MANNERS if dialect is Dialect.PX4 else ARDUPILOT_MANNERS
        self.storage = Storage(dialect, mission_type)
        self.items: list[WireItem] = []
        self.ready = True
        self.current = 0
        self._send = send
        self._on_change = on_change
        self._accept = accept
        self._busy = busy
        self._upload: _Upload | None = None
        self._finished: tuple[tuple[int, int], int] | None = None
        self._in_place = self.manners.writes_in_place and mission_type is not MissionType.FENCE

    @property
    def receiving(self) -> bool:
        """Whether an upload is under way."""
        return self._upload is not None

    def handle(self, message: Any, now_s: float) -> None:
        """Answer one mission protocol message."""
        handlers = {
            "MISSION_COUNT": self._on_count,
            "MISSION_ITEM_INT": self._on_item,
            "MISSION_ITEM": self._on_item,
            "MISSION_REQUEST_LIST": self._on_list,
            "MISSION_REQUEST_INT": self._on_request,
            "MISSION_REQUEST": self._on_request,
            "MISSION_CLEAR_ALL": self._on_clear,
        }
        peer = (message.get_srcSystem(), message.get_srcComponent())
        handler = handlers.get(message.get_type())
        if handler:
            handler(message, peer, now_s)

    def tick(self, now_s: float) -> None:
        """Re-ask for an overdue item, or give the upload up."""
        upload = self._upload
        if upload is None:
            return
        if now_s - upload.heard_s > self.manners.give_up_s:
            self._upload = None
            self._ack(upload.peer, CANCELLED)
            if self._in_place:
                self._on_change()
        elif now_s - upload.asked_s > self.manners.re_ask_s:
            self._ask(upload, now_s)

    def _on_count(self, message: Any, peer: tuple[int, int], now_s: float) -> None:
        if not self.ready or message.count > self.storage.capacity:
            self._ack(peer, NO_SPACE)
            return
        busy = self._upload is not None and self._upload.peer != peer
        if busy and self.manners.denies_second_uploader:
            self._ack(peer, DENIED)
            return
        self._finished = None
        if message.count == 0:
            self._upload = None
            self.items = []
            self._on_change()
            self._ack(peer, ACCEPTED)
            return
        if self._in_place:
            self.items = self.items[: message.count]
        self._upload = _Upload(peer=peer, count=message.count, staged=[], heard_s=now_s)
        self._ask(self._upload, now_s)

    def _ask(self, upload: _Upload, now_s: float) -> None:
        upload.asked_s = now_s
        build = (
            mavlink.MAVLink_mission_request_int_message
            if self.manners.asks_int
            else mavlink.MAVLink_mission_request_message
        )
        self._send(build(*upload.peer, upload.next_seq, int(self.mission_type)), upload.peer)

    def _on_item(self, message: Any, peer: tuple[int, int], now_s: float) -> None:
        upload = self._upload
        if upload is None:
            self._on_stray_item(message, peer)
            return
        if upload.peer != peer:
            if self.manners.denies_second_uploader:
                self._ack(peer, DENIED)
            return
        if message.seq != upload.next_seq:
            if self.manners.answers_out_of_sequence:
                self._ack(peer, INVALID_SEQUENCE)
            return
        item = from_message(message)
        result = self.storage.judge(item)
        if result != ACCEPTED:
            self._upload = None
            self._ack(peer, result)
            return
        self._take(upload, self.storage.keep(item), now_s)

    def _on_stray_item(self, message: Any, peer: tuple[int, int]) -> None:
        if self._finished == (peer, message.seq):
            self._ack(peer, ACCEPTED)  # PX4: the last item again means that our ACK was lost
        elif self.manners.answers_out_of_sequence:
            self._ack(peer, ERROR)

    def _take(self, upload: _Upload, item: WireItem, now_s: float) -> None:
        upload.staged.append(item)
        upload.heard_s = now_s
        upload.next_seq += 1
        if self._in_place:
            self.items[item.seq : item.seq + 1] = [item]
        if upload.next_seq < upload.count:
            self._ask(upload, now_s)
            return
        self._upload = None
        result = self._accept(tuple(upload.staged))
        if result == ACCEPTED:
            self.items = upload.staged
            if self.dialect is Dialect.PX4:
                self._finished = (upload.peer, item.seq)
        self._ack(upload.peer, result)
        if result == ACCEPTED:
            self._on_change()

    def _on_list(self, _message: Any, peer: tuple[int, int], _now_s: float) -> None:
        if self._upload is not None:
            self._ack(peer, DENIED)
            return
        count = mavlink.MAVLink_mission_count_message(*peer, len(self.items), int(self.mission_type))
        self._send(count, peer)

    def _on_request(self, message: Any, peer: tuple[int, int], _now_s: float) -> None:
        if self._upload is not None:
            self._ack(peer, DENIED)
            return
        if message.seq >= len(self.items):
            self._ack(peer, INVALID_SEQUENCE)
            return
        as_int = message.get_type() == "MISSION_REQUEST_INT"
        is_current = self.mission_type is MissionType.MISSION and message.seq == self.current
        item = to_message(
            self.items[message.seq],
            mission_type=int(self.mission_type),
            current=is_current,
            to_sysid=peer[0],
            to_compid=peer[1],
            as_int=as_int,
        )
        self._send(item, peer)

    def _on_clear(self, _message: Any, peer: tuple[int, int], _now_s: float) -> None:
        if self._upload is not None and self._upload.peer != peer:
            self._ack(peer, DENIED)
            return
        if self._busy() and self.dialect is not Dialect.PX4:  # PX4 takes it from any station at any time
            self._ack(peer, ERROR)
            return
        self._upload = None
        self.items = []
        self._on_change()
        self._ack(peer, ACCEPTED)

    def _ack(self, peer: tuple[int, int], result: int) -> None:
        self._send(mavlink.MAVLink_mission_ack_message(*peer, result, int(self.mission_type)), peer)
