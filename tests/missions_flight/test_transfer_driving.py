"""How a transfer is driven: what is carried, in which order, and how it is ended from outside."""

from __future__ import annotations

import pytest

from missions.transfer import drive


class Line:
    """A channel whose clock moves by what is waited, with messages that come at their times."""

    def __init__(self, *coming):
        self.coming, self.now_s, self.sent = list(coming), 100.0, []

    def send(self, message):
        self.sent.append(message)

    def receive(self, timeout_s):
        self.now_s += timeout_s
        return self.coming.pop(0)[1] if self.coming and self.coming[0][0] <= self.now_s else None

    def clock(self):
        return self.now_s


class Machine:
    """Says what it was told: it ends after some polls, or at once when it is cancelled."""

    def __init__(self, polls):
        self.polls, self.heard, self.cancelled, self.done = polls, [], 0, False
        self.wake_s = 100.0

    def start(self, now_s):
        self.wake_s = now_s + 0.25
        return ["begin"]

    def feed(self, message, now_s):
        self.heard.append(message)
        return [f"answer to {message}"]

    def poll(self, now_s):
        self.wake_s, self.polls = now_s + 0.25, self.polls - 1
        self.done = self.polls <= 0
        return ["last"] if self.done else []

    def cancel(self, now_s):
        self.cancelled += 1
        self.done = True
        return ["cancel"]


def test_every_message_is_heard_answered_and_shown_until_the_machine_is_done():
    line, machine, shown = Line((100.0, "a"), (100.3, "b")), Machine(4), []
    drive(machine, line, on_message=shown.append)
    assert machine.heard == shown == ["a", "b"]
    assert line.sent == ["begin", "answer to a", "answer to b", "last"]
    assert machine.cancelled == 0
    assert line.now_s == pytest.approx(101.0)  # four waits of a quarter of a second


@pytest.mark.parametrize("asked_at", [1, 3])
def test_a_transfer_that_is_cancelled_says_so_once_and_is_asked_no_more(asked_at):
    asked = []

    def should_cancel():
        asked.append(True)
        return len(asked) >= asked_at

    line, machine = Line(), Machine(50)
    drive(machine, line, should_cancel=should_cancel)
    assert (machine.cancelled, len(asked)) == (1, asked_at)
    assert line.sent == ["begin", "cancel"]


def test_nobody_has_to_listen_or_to_cancel():
    line, machine = Line((100.0, "a")), Machine(2)
    drive(machine, line)
    assert (machine.heard, machine.cancelled, line.sent[-1]) == (["a"], 0, "last")
