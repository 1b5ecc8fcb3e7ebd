"""Stretches that lie in memory of two processes: what arrives is what was sent, and nobody's place is taken."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from detection import handing_over
from detection.ground_registration import SeenGround
from detection.handing_over import SLOTS_BYTES, Slots, received
from detection.looking import Picture, Stretch
from detection.sheets import Tile
from geo.values import Geodetic
from telemetry.videos.grey import in_three_channels, stored_channel

HUGE, LARGE, SMALL = (size for size, _ in SLOTS_BYTES)


def stretch(seed: int, pictures: int = 3, side: int = 48) -> Stretch:
    rng = np.random.default_rng(seed)
    ground = SeenGround(seed, rng.normal(size=(3, 4)), Geodetic(lat_deg=52.0, lon_deg=23.5, alt_hae_m=180.0), 30.0)
    made = [
        Picture(
            image=rng.integers(0, 256, (side, 64, 3), dtype=np.uint8),
            tiles=(Tile(left_px=k, top_px=0, width_px=32, height_px=32),),
            compared=k > 0,
            ground=ground if k > 0 else None,
        )
        for k in range(pictures)
    ]
    return Stretch(before=made[0], pictures=tuple(made[1:]))


def same(one: Stretch, other: Stretch) -> bool:
    assert one.before is not None
    assert other.before is not None
    pairs = zip((one.before, *one.pictures), (other.before, *other.pictures), strict=True)
    return all(
        np.array_equal(a.image, b.image)
        and a.tiles == b.tiles
        and (a.ground is None) == (b.ground is None)
        and (a.ground is None or b.ground is None or bool((a.ground.to_pixels == b.ground.to_pixels).all()))
        for a, b in pairs
    )


def test_what_arrives_is_what_was_sent_and_stays_while_others_come() -> None:
    slots = Slots(2)
    sent = [slots.put(stretch(seed)) for seed in range(3)]
    assert sorted(one.slot for one in sent) == [-1, 0, 1]
    assert all(same(received(one, slots.memory), stretch(seed)) for seed, one in enumerate(sent))
    slots.give_back(sent[0])
    again = slots.put(stretch(7))
    assert again.slot == sent[0].slot
    assert same(received(again, slots.memory), stretch(7))
    assert same(received(sent[1], slots.memory), stretch(1))
    slots.give_back(sent[2])
    assert slots.put(stretch(8)).slot == -1


def test_pictures_that_lie_in_a_slot_are_not_pickled_and_cannot_be_written_to() -> None:
    slots = Slots(1)
    sent = slots.put(stretch(1))
    assert len(sent.pickled) < 4000 < sum(sent.lengths)
    arrived = received(sent, slots.memory)
    with pytest.raises(ValueError, match="read-only"):
        arrived.pictures[0].image[0, 0, 0] = 1


def test_a_picture_of_one_channel_takes_a_third_of_the_room_and_arrives_as_one() -> None:
    rng = np.random.default_rng(6)
    channel = rng.integers(0, 256, (48, 64), dtype=np.uint8)
    whole = stretch(6)
    grey = dataclasses.replace(whole.pictures[0], image=in_three_channels(channel))
    slots = Slots(1)
    for slot in (0, -1):
        sent = slots.put(Stretch(before=None, pictures=(grey,)))
        assert sent.slot == slot
        assert len(sent.pickled) + sum(sent.lengths) < 1.9 * channel.nbytes
        (arrived,) = received(sent, slots.memory).pictures
        assert np.array_equal(arrived.image, np.repeat(channel[:, :, None], 3, axis=2))
        assert np.array_equal(stored_channel(arrived.image), channel)


def test_what_is_larger_than_a_slot_and_what_finds_no_memory_goes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "_room_bytes", lambda: 3 * SMALL)
    slots = Slots(1)
    large = stretch(2, side=SMALL // (64 * 3 * 2))
    sent = slots.put(large)
    assert sent.slot == -1
    assert same(received(sent, slots.memory), large)
    assert slots.put(stretch(3)).slot == 0
    monkeypatch.undo()
    monkeypatch.setattr(handing_over, "IN_MEMORY", "/no such folder")
    without = Slots(1)
    assert without.memory == ()
    assert same(received(without.put(stretch(4)), ()), stretch(4))


@pytest.mark.parametrize(
    ("room_bytes", "slots", "slot_bytes"),
    [
        (16.1 * HUGE, 2, HUGE),
        (15.9 * HUGE, 2, LARGE),
        (16.1 * LARGE, 2, LARGE),
        (15.9 * LARGE, 2, SMALL),
        (4.1 * SMALL, 2, SMALL),
        (3.9 * SMALL, 0, 0),
    ],
)
def test_slots_are_as_large_as_takes_an_eighth_of_the_room_small_ones_half_and_else_there_are_none(
    monkeypatch: pytest.MonkeyPatch, room_bytes: float, slots: int, slot_bytes: int
) -> None:
    monkeypatch.setattr(handing_over, "_room_bytes", lambda: int(room_bytes))
    made = Slots(2)
    assert [len(memory.buffer) for memory in made.memory] == [slot_bytes] * slots


@pytest.mark.parametrize(("pictures", "pixels", "slot_bytes"), [(5, 1920 * 1080, LARGE), (4, 3840 * 2160, HUGE)])
def test_a_stretch_of_large_pictures_lies_in_a_large_slot(
    monkeypatch: pytest.MonkeyPatch, pictures: int, pixels: int, slot_bytes: int
) -> None:
    monkeypatch.setattr(handing_over, "_room_bytes", lambda: 9 * slot_bytes)
    slots = Slots(1)
    large = stretch(5, pictures=pictures, side=pixels // 64)
    sent = slots.put(large)
    assert sent.slot == 0
    assert same(received(sent, slots.memory), large)


def shared_bytes() -> int:
    """Return how much of this process's memory is files in memory (proc_pid_status(5), RssShmem)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssShmem"))
    return 1024 * int(line.split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="Linux tells how much memory is whose")
def test_memory_is_taken_when_it_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "_room_bytes", lambda: 33 * HUGE)
    before = shared_bytes()
    slots = Slots(4)
    assert shared_bytes() - before < SMALL
    slots.put(stretch(1, side=SMALL // 64))
    assert shared_bytes() - before > SMALL
