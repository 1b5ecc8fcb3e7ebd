"""What a person states of recordings reaches those who read them, each word by itself."""

from __future__ import annotations

import dataclasses

import pytest

from geo.errors import InputError
from telemetry.recordings.reading_options import ReadingOptions
from telemetry.recordings.stated import Stated
from telemetry.tracks.stated_times import parse_span
from vedette.main import main

WORDS = {
    "offset": ("-1.5", {"offset_s": -1.5}),
    "start": ("2024-05-01T12:00:00+02:00", {"start_utc_ns": 1_714_557_600_000_000_000}),
    "utc_offset": ("-05:30", {"utc_offset_s": -19_800.0}),
    "home_alt_amsl_m": (412.5, {"home_alt_amsl_m": 412.5}),
    "stream": (1, {"stream": 1}),
    "overlap": (0.25, {"max_overlap": 0.25}),
}


def options_of(stated):
    return {field.name: getattr(stated.options(), field.name) for field in dataclasses.fields(ReadingOptions)}


def test_nothing_stated_is_nothing_said():
    assert Stated().options() == ReadingOptions()


@pytest.mark.parametrize("word", WORDS)
def test_each_word_says_one_thing(word):
    written, expected = WORDS[word]
    plain = options_of(Stated())
    said = options_of(Stated(**{word: written}))
    assert {name: value for name, value in said.items() if value != plain[name]} == expected


def test_mount_and_camera_are_those_stated():
    said = Stated(mount="10,-45,2", camera="61.5").options()
    assert (said.mount.yaw_deg, said.mount.pitch_deg, said.mount.roll_deg) == (10.0, -45.0, 2.0)
    assert said.camera.hfov_deg == 61.5


@pytest.mark.parametrize(
    ("word", "written", "told"),
    [
        ("offset", "soon", "--offset"),
        ("offset", "inf", "--offset"),
        ("start", "yesterday", "--start"),
        ("utc_offset", "CET", "--utc-offset"),
        ("mount", "down", "--mount"),
        ("camera", "200", "--camera"),
        ("camera", "62,1920,1080", "--camera: .* give the field of view alone, as 62"),
        ("camera", "Mavic 99", "no camera is named 'Mavic 99' .*; or give its horizontal field of view in degrees"),
    ],
)
def test_what_cannot_be_meant_is_named_by_its_option(word, written, told):
    with pytest.raises(InputError, match=told):
        Stated(**{word: written}).options()


@pytest.mark.parametrize("command", [["seen", "op", "--at", "50,8"], ["clip", "op", "--out", "cut.ts"]])
def test_a_span_that_ends_before_it_begins_is_refused_and_not_answered(command, tmp_path, monkeypatch, capsys):
    """'Not seen' from eleven to ten would be a wrong answer."""
    monkeypatch.chdir(tmp_path)
    later, earlier = "2024-05-01T11:00:00Z", "2024-05-01T10:00:00Z"
    assert main([*command, "--from", later, "--to", earlier, "--case", "1", "--reason", "test"]) == 2
    assert "--from is later than --to: exchange them" in capsys.readouterr().err
    assert parse_span(earlier, later) == (1_714_557_600_000_000_000, 1_714_561_200_000_000_000)
    assert parse_span(None, earlier) == (None, 1_714_557_600_000_000_000)
