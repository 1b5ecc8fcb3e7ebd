"""Any order of delivery, loss, repetition and waiting: never a false "uploaded", always an end."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer.upload import Upload
from missions.transfer.values import Peer, TransferState

_SPEC = importlib.util.spec_from_file_location("stateful_model", Path(__file__).with_name("model_vehicle.py"))
model = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(model)

ITEMS = tuple(
    MissionItem(seq=i, command=16, frame=3, lat_deg=51.0 + i / 1000, lon_deg=4.0, alt_m=40.0 + i) for i in range(6)
)


class Transfer(RuleBasedStateMachine):
    """The upload machine on one side, a model autopilot on the other, hypothesis as the radio between."""

    @initialize(dialect=st.sampled_from(list(Dialect)), window=st.integers(1, 4), before=st.integers(0, 8))
    def start(self, dialect, window, before) -> None:
        self.server = model.ArduPilot() if dialect is Dialect.ARDUPILOT else model.Px4()
        self.dialect = dialect
        old = model.mavlink.MAVLink_mission_item_int_message(1, 1, 0, 3, 16, 0, 1, 0, 0, 0, 0, 7, 7, 7, 0)
        self.server.lists[0] = [{**model.wire_row(old), "seq": i} for i in range(before)]
        self.machine = Upload(ITEMS, Peer(system=1, component=1, dialect=dialect), MissionType.MISSION, window=window)
        self.now = 0.0
        self.up, self.down = [], []
        self.post(self.machine.start(0.0), up=True)

    def post(self, messages, *, up: bool) -> None:
        for message in messages:
            if up:
                model.stamped(message, 255, 190)
            (self.up if up else self.down).append(message)

    def deliver(self, message, *, up: bool) -> None:
        if up:
            self.post(self.server.feed(message, self.now), up=False)
        else:
            self.post(self.machine.feed(message, self.now), up=True)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.post(self.server.poll(self.now), up=False)
        self.post(self.machine.poll(self.now), up=True)

    @precondition(lambda self: self.up)
    @rule(data=st.data(), fate=st.sampled_from(["deliver", "deliver", "repeat", "lose"]))
    def carry_up(self, data, fate) -> None:
        message = self.up.pop(data.draw(st.integers(0, min(3, len(self.up) - 1))))
        for _ in range({"deliver": 1, "repeat": 2, "lose": 0}[fate]):
            self.deliver(message, up=True)

    @precondition(lambda self: self.down)
    @rule(data=st.data(), fate=st.sampled_from(["deliver", "deliver", "repeat", "lose"]))
    def carry_down(self, data, fate) -> None:
        message = self.down.pop(data.draw(st.integers(0, min(3, len(self.down) - 1))))
        for _ in range({"deliver": 1, "repeat": 2, "lose": 0}[fate]):
            self.deliver(message, up=False)

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.3, 1.6, 6.0]))
    def let_time_pass(self, seconds) -> None:
        self.wait(seconds)

    def truly_held(self) -> bool:
        rows = self.server.lists[0]
        skip = self.dialect is Dialect.ARDUPILOT
        pairs = list(zip(rows, ITEMS, strict=False))[skip:]
        return len(rows) == len(ITEMS) and all(
            (r["command"], r["x"], r["y"], round(r["z"], 2)) == (i.command, round(i.lat_deg * 1e7), 40_000_000, i.alt_m)
            for r, i in pairs
        )

    @invariant()
    def uploaded_is_true(self) -> None:
        if hasattr(self, "machine") and self.machine.state is TransferState.UPLOADED:
            assert self.truly_held()

    def teardown(self) -> None:
        if not hasattr(self, "machine"):
            return
        for _ in range(4000):
            if self.machine.done:
                break
            if self.up or self.down:
                queue, up = (self.up, True) if self.up else (self.down, False)
                self.deliver(queue.pop(0), up=up)
            else:
                ahead = min(self.machine.wake_s, self.server.wake) - self.now
                self.wait(max(ahead, 1e-3))
        assert self.machine.done, f"it hangs in {self.machine.state}"
        self.uploaded_is_true()


TestTransfer = Transfer.TestCase
TestTransfer.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
