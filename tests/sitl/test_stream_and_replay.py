"""The downlink player keeps the stream's own pace; the replay map shows what was flown and nothing of the network."""

from __future__ import annotations

import socket

import pytest

from maps.offline_map import external_references
from sitl.errors import SitlError
from sitl.films.stream_file import PACKET, pcr_s, play, timed_datagrams
from vedette.main import main


def packet(pcr: float | None = None) -> bytes:
    if pcr is None:
        return bytes([0x47, 0, 0x21, 0x10]) + bytes(184)
    ticks = round(pcr * 27_000_000)
    raw = (ticks // 300) << 15 | 0x7E00 | ticks % 300
    return bytes([0x47, 0, 0x21, 0x30, 183, 0x10]) + raw.to_bytes(6, "big") + bytes([255]) * 176


def test_the_clock_is_read_to_the_tick():
    for value in (0.0, 1.0, 3600.25, 95_000.1):
        assert pcr_s(packet(value)) == pytest.approx(value, abs=1 / 27e6)
    assert pcr_s(packet()) is None


def test_it_keeps_the_streams_own_pace_over_a_wrap_and_a_restart(tmp_path):
    wrap = 2**33 / 90_000
    clocks = [wrap - 1.0, wrap - 0.5, 0.0, 0.5, 70_000.0, 70_000.5]  # over the wrap, then a restart
    data = b"".join(packet(clock) + packet() * 6 for clock in clocks)
    due = [at for at, _ in timed_datagrams(data)]
    assert due == pytest.approx([0.0, 0.5, 1.0, 1.5, 1.5, 2.0], abs=1e-6)
    film, now, slept = tmp_path / "f.ts", [0.0], []
    film.write_bytes(data)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2.0)
        sent = play(film, "127.0.0.1", receiver.getsockname()[1], speed=2.0, clock=lambda: now[0], sleep=sleep)
        got = b"".join(receiver.recv(2000) for _ in clocks)
    assert got == data
    assert sent.packets == len(data) // PACKET
    assert sum(slept) == pytest.approx(1.0, abs=1e-6)  # two seconds at twice the pace


@pytest.mark.parametrize("data", [b"", b"RIFF" * 200, packet() * 20])
def test_what_cannot_be_played_is_said(data):
    with pytest.raises(SitlError):
        list(timed_datagrams(data))


@pytest.mark.parametrize(("arguments", "said"), [
    (["none.ts"], "none.ts"),
    (["x", "--to", "nowhere"], "host:port"),
    (["x", "--speed", "0"], "--speed"),
])  # fmt: skip
def test_wrong_options_are_named(arguments, said, capsys):
    assert main(["sitl", "stream", *arguments]) == 2
    assert said in capsys.readouterr().err


SHORT = """
name = "a <script> in a name"
speedup = 0
origin = { lat_deg = 47.385, lon_deg = 112.59, alt_amsl_m = 1050.0 }
border = { line_m = [[-500, 0], [500, 0]], standoff_m = 50 }
zone = [{ name = "well", ring_m = [[300, -300], [350, -300], [350, -350]] }]
vehicle = [{ name = "one", home_m = [0, -200], route_m = [[-60, -150, 25], [60, -150, 25]], fence_m = [[-400, -20], [400, -20], [400, -400], [-400, -400]] }]
expect = [{ metric = "landed", min = 1 }, { metric = "in_zone_s", max = 0 }]
"""  # noqa: E501 - TOML


def test_a_replay_map_is_written_and_asks_nothing_of_the_network(tmp_path, capsys):
    path = tmp_path / "s.toml"
    path.write_text(SHORT)
    assert main(["sitl", "run", str(path), "--map", str(tmp_path / "maps")]) == 0
    (written,) = (tmp_path / "maps").iterdir()
    assert written.name == "a_script_in_a_name.html"
    page = written.read_text()
    assert external_references(page) == 0
    assert "a <script> in a name" not in page.split("<body", 1)[-1]
    for word in ("Flown in AUTO", "no-fly zone", "route as planned", "All 2 expectations met"):
        assert word in page, word
    capsys.readouterr()
