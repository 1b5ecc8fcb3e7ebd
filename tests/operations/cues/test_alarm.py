"""What comes in from outside is an alarm or is refused with the word it is counted by; nothing of it is believed."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.briefs.places import GeoLine
from operations.cues.alarm import LONGEST_JSON, Expected, alarm_of_event, alarm_of_json
from operations.cues.cot_link import events_of
from operations.cues.errors import AlarmRefusedError
from operations.finding.border import BorderLine

GOOD = {"id": "fence-3.17", "utc": "2026-01-15T18:00:00Z", "lat_deg": 50.01, "lon_deg": 8.05, "ce90_m": 20.0}
T_NS = 1_768_500_000_000_000_000
BORDER = BorderLine([GeoLine.of(np.array([50.0, 50.02]), np.array([8.0, 8.1]))])


def sent(**changes):
    return json.dumps(GOOD | changes).encode()


def why(read, *given):
    with pytest.raises(AlarmRefusedError) as refused:
        read(*given)
    return refused.value.fields["why"]


def test_a_good_alarm_is_read_and_its_text_cannot_steer_a_terminal():
    alarm = alarm_of_json("fence-3", sent(kind="seismic", text="two\x1b[31m at\nthe ford"))
    assert (alarm.source, alarm.alarm_id, alarm.t_utc_ns) == ("fence-3", "fence-3.17", T_NS)
    assert (alarm.lat_deg, alarm.lon_deg, alarm.ce90_m, alarm.kind) == (50.01, 8.05, 20.0, "seismic")
    assert "\x1b" not in alarm.text
    assert "\n" not in alarm.text
    assert math.isnan(alarm_of_json("fence-3", sent(ce90_m=None)).ce90_m)


@pytest.mark.parametrize(
    ("payload", "counted"),
    [
        (b"x" * (LONGEST_JSON + 1), "size"),
        (b"", "form"),
        (b"\xff\xfe", "form"),
        (b"[" * LONGEST_JSON, "form"),
        (b"[1]", "form"),
        (sent(lat_deg=float("nan")), "form"),
        (sent(lon_deg=float("-inf")), "form"),
        (sent().replace(b"50.01", b"1e400"), "number"),
        (sent().replace(b'"lat_deg"', b'"lat_deg": 1, "lat_deg"'), "form"),
        (sent(lat_deg="50.01"), "number"),
        (sent(lat_deg=True), "number"),
        (sent(lat_deg=None), "number"),
        (sent(lat_deg=108.0, lon_deg=50.0), "swapped"),
        (sent(lat_deg=91.0, lon_deg=100.0), "number"),
        (sent(lon_deg=180.5), "number"),
        (sent(ce90_m=-1), "number"),
        (sent(ce90_m=10**400), "number"),
        (sent(id=""), "field"),
        (sent(id="../../etc"), "field"),
        (sent(id="a\nb"), "field"),
        (sent(id=7), "field"),
        (sent(utc="2026-01-15T18:00:00"), "field"),
        (sent(utc="yesterday"), "field"),
        (sent(utc="9" * 4_000), "field"),
        (sent(kind=["x"]), "field"),
        (sent(text="x" * 301), "field"),
    ],
)
def test_what_is_no_alarm_is_refused_by_a_word(payload, counted):
    assert why(alarm_of_json, "fence-3", payload) == counted


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(data):
    assert why(alarm_of_json, "fence-3", data) in {"form", "field", "number", "swapped", "size"}


def test_an_exchanged_place_is_told_from_a_far_one_where_the_border_is_known():
    expected = Expected(border=BORDER, reach_m=5_000.0)
    expected.require(alarm_of_json("s", sent()), T_NS)
    assert why(expected.require, alarm_of_json("s", sent(lat_deg=8.05, lon_deg=50.01)), T_NS) == "swapped"
    assert why(expected.require, alarm_of_json("s", sent(lat_deg=51.0)), T_NS) == "far"


@pytest.mark.parametrize(("later_s", "counted"), [(-59, None), (-61, "time"), (599, None), (601, "time")])
def test_an_alarm_counts_for_ten_minutes(later_s, counted):
    ask = (Expected().require, alarm_of_json("s", sent()), T_NS + later_s * 1_000_000_000)
    assert (why(*ask) if counted else ask[0](*ask[1:])) == counted


EVENT = (
    '<event version="2.0" uid="ANDROID-7" type="b-a-o-tbl" time="2026-01-15T18:00:00Z" start="2026-01-15T18:00:00Z" '
    'stale="2026-01-15T18:05:00Z" how="m-g"><point lat="50.01" lon="8.05" hae="0" ce="9999999.0" le="1"/>'
    "<detail><remarks>help &lt;b&gt;</remarks></detail></event>"
)


def test_takproto_and_we_read_the_same_alert():
    import takproto

    other = takproto.parse_proto(b'<?xml version="1.0"?>' + EVENT.encode()).cotEvent
    alarm = alarm_of_event("tls:tak:8089", EVENT.encode())
    assert (alarm.alarm_id, alarm.kind, alarm.lat_deg, alarm.lon_deg) == (other.uid, other.type, other.lat, other.lon)
    assert math.isnan(alarm.ce90_m)
    assert alarm.text == "help <b>"


def test_other_events_are_no_alarms_and_bad_ones_are_refused():
    assert alarm_of_event("s", EVENT.replace("b-a-o-tbl", "a-f-G").encode()) is None
    assert alarm_of_event("s", EVENT.replace("b-a-o-tbl", "b-all").encode()) is None
    bomb = '<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + EVENT.replace("help", "&b;")
    for text, counted in (
        (bomb, "form"), (EVENT[:-9], "form"), (EVENT.replace("50.01", "nan"), "number"),
        (EVENT.replace("50.01", "inf"), "number"), (EVENT.replace("50.01", "108.05"), "swapped"),
        (EVENT.replace("ANDROID-7", "a b"), "field"), (EVENT.replace("help", "x" * 70_000), "size"),
    ):  # fmt: skip
        assert why(alarm_of_event, "s", text.encode()) == counted, counted


def test_a_stream_is_cut_into_events_wherever_it_is_torn(rng):
    stream = b"junk" + b"\n".join([EVENT.encode()] * 5) + b"<event"
    for _ in range(50):
        cuts = [0, *sorted(rng.integers(0, len(stream), 7).tolist()), len(stream)]
        held, found = b"", []
        for start, end in zip(cuts, cuts[1:], strict=False):
            events, held = events_of(held, stream[start:end])
            found += events
        assert found == [EVENT.encode()] * 5


def test_an_event_without_end_is_cut_and_the_next_is_read():
    found, held = [], b""
    for data in (b"<event ", *[b"x" * 10_000] * 100, EVENT.encode()):
        events, held = events_of(held, data)
        assert len(held) <= 80_000
        found += events
    assert found[-1] == EVENT.encode()
    assert len(found[0]) == 65_537


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg", "counted"),
    [
        (90.0, 180.0, None), (-90.0, -180.0, None), (90.0, -180.0, None), (90.1, 90.0, "swapped"),
        (-90.1, -90.0, "swapped"), (90.1, 90.1, "number"), (-120.0, -90.1, "number"), (90.0, 180.1, "number"),
        (-90.0, -180.1, "number"), (179.0, 89.9, "swapped"), (1e8, 0.0, "swapped"),
    ],
)  # fmt: skip
def test_places_on_earth_exchanged_ones_and_none_part_at_the_poles_and_the_antimeridian(lat_deg, lon_deg, counted):
    data = sent(lat_deg=lat_deg, lon_deg=lon_deg)
    if counted is None:
        assert (alarm_of_json("s", data).lat_deg, alarm_of_json("s", data).lon_deg) == (lat_deg, lon_deg)
    else:
        assert why(alarm_of_json, "s", data) == counted
