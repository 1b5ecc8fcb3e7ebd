"""At most a few alarms a minute become cards; everything else is counted, in the log, in a few lines."""

from __future__ import annotations

import itertools

import pytest

from geo.errors import InputError
from operations.cues.alarm import Alarm
from operations.cues.cards import Said, add_response, answer, cards
from operations.cues.errors import AlarmRefusedError
from operations.cues.intake import Intake, Rules
from operations.log.leaves import LeafKind
from operations.store import OperationStore

NOW_NS = 1_768_500_000_000_000_000


class Steps:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def store(tmp_path):
    with OperationStore.create(tmp_path / "op", name="op", actor="station", clock=lambda: NOW_NS) as made:
        yield made


def alarm(number, source="fence-3"):
    return Alarm(
        source=source, alarm_id=str(number), t_utc_ns=NOW_NS, lat_deg=50.0, lon_deg=8.0, ce90_m=float("nan"),
        kind="seismic", text="",
    )  # fmt: skip


def intake_of(store, steps, **rules):
    return Intake(store, Rules(sources=frozenset({"fence-3", "fence-4"}), **rules), steps)


def test_a_thousand_a_second_open_six_cards_and_leave_one_line_in_the_log(store):
    steps = Steps()
    intake = intake_of(store, steps)
    for number in range(1_000):
        steps.now_s += 0.001
        intake.offer("fence-3", lambda number=number: alarm(number))
    assert [card.name for card in cards(store)] == [f"fence-3 {n}" for n in range(6)]
    assert intake.refused == {("fence-3", "rate"): 994}
    intake.tell(last=True)
    intake.tell(last=True)  # nothing new: no second line
    (told,) = (leaf for leaf in store.leaves() if leaf.kind is LeafKind.ATTEMPT)
    assert told.body == {"refused": {"fence-3": {"rate": 994}}}


def test_a_flood_of_one_source_leaves_the_others_theirs_and_passes(store):
    steps = Steps()
    intake = intake_of(store, steps)
    for number in range(100):
        intake.offer("fence-3", lambda number=number: alarm(number))
    assert intake.offer("fence-4", lambda: alarm(1, "fence-4")) is not None
    steps.now_s += 9.0
    assert intake.offer("fence-3", lambda: alarm(200)) is None
    steps.now_s += 1.5  # six a minute: one in ten seconds
    assert intake.offer("fence-3", lambda: alarm(201)) is not None
    assert intake.offer("fence-3", lambda: alarm(202)) is None


def test_an_alarm_that_came_before_is_refused_also_by_another_process(store):
    steps = Steps()
    assert intake_of(store, steps).offer("fence-3", lambda: alarm(1)) is not None
    again = intake_of(store, steps)
    assert again.offer("fence-3", lambda: alarm(1)) is None
    assert again.offer("fence-4", lambda: alarm(1, "fence-4")) is not None
    assert again.refused == {("fence-3", "known"): 1}


def test_names_nobody_gave_are_counted_together(store):
    intake, numbers = intake_of(store, Steps()), itertools.count()
    for _ in range(50):
        intake.offer(f"x{next(numbers)}", lambda: alarm(1))
    assert intake.refused == {("others", "source"): 50}
    assert cards(store) == []


def test_what_a_reader_refuses_is_counted_by_its_word(store):
    def bad():
        raise AlarmRefusedError("no", why="form")

    intake = intake_of(store, Steps())
    assert intake.offer("fence-3", bad) is None
    assert intake.offer("fence-3", lambda: None) is None
    assert intake.refused == {("fence-3", "form"): 1}


def test_a_card_holds_the_sortie_that_waits_and_who_answered(store):
    intake_of(store, Steps()).offer("fence-3", lambda: alarm(1))
    add_response(store, alarm(1), {"folder": "alarms/fence-3-1", "aircraft": "a 1", "airborne": True})
    answer(store, "fence-3 1", Said.ACTED_ON, "sent\x1b[31m")
    (card,) = cards(store)
    assert (card.response["aircraft"], card.answered_by, card.said) == ("a 1", "station", "acted on")
    assert card.alarm["ce90_m"] is None
    assert "\x1b" not in card.note
    with pytest.raises(InputError, match="no alarm"):
        answer(store, "fence-3 2", Said.ACTED_ON, "")
