"""``vedette track`` as its user runs it."""

from __future__ import annotations

import json
import socket
import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from vedette.main import main


def run(capsys, *arguments):
    status = main(["track", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_log_becomes_a_table_and_its_problems_are_told(capsys, shared_data, tmp_path):
    out = tmp_path / "flight.parquet"
    status, text, errors = run(capsys, shared_data / "logs/dronekit-la/log171.bin", "-o", out)
    assert status == 1, "the source has problems, which are findings"
    assert "3087 samples over 208.9 s" in text
    assert "dropout: no positions for 2.16 s (2015-11-21T23:44:52.796Z)" in errors
    assert pq.read_table(out).num_rows == 3087


def test_json_holds_samples_span_and_problems(capsys, shared_data):
    status, text, _ = run(capsys, shared_data / "logs/px4/sample_px4_events.ulg", "--json")
    assert status == 0
    facts = json.loads(text)
    assert facts["samples"] == 537
    assert facts["span_s"] == pytest.approx(21.4)
    assert facts["problems"] == []
    assert facts["start_utc"] == "2024-03-18T14:49:20.054Z"


def test_zone_home_height_and_start_are_options(capsys, shared_data, tmp_path):
    out = tmp_path / "t.csv"
    source = shared_data / "srt/mavic_pro.SRT"
    status, text, _ = run(capsys, source, "--utc-offset", "+10:00", "--home-alt-amsl-m", "20", "-o", out, "--json")
    assert status == 0
    assert json.loads(text)["start_utc"] == "2017-08-05T04:11:52.000Z"
    rows = np.genfromtxt(out, delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert rows["alt_amsl_m"][0] == pytest.approx(21.9)
    status, text, _ = run(capsys, shared_data / "srt/mavic_mini.SRT", "--start", "2020-01-01T00:00:00Z", "--json")
    assert json.loads(text)["start_utc"] == "2020-01-01T00:00:00.000Z"
    assert [problem["kind"] for problem in json.loads(text)["problems"]] == ["altitude_relative_only"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{srt}/broken_empty.SRT"], "broken_empty.SRT: the file is empty"),
        (["{srt}/LICENSE"], "no format of positions"),
        (["nowhere.tlog"], "nowhere.tlog: No such file"),
        (["{srt}/air2s.srt", "--utc-offset", "CET"], "--utc-offset: 'CET' is no zone"),
        (["{srt}/air2s.srt", "--utc-offset", "+25:00"], "--utc-offset"),
        (["{srt}/air2s.srt", "--start", "yesterday"], "--start: 'yesterday' is no time"),
        (["{srt}/air2s.srt", "--start", "2024-01-01T00:00:00"], "with a zone"),
        (["{srt}/air2s.srt", "--start", "9024-01-01T00:00:00Z"], "no time"),
        (["{srt}/air2s.srt", "--geoid", "{srt}/LICENSE"], "not a grid"),
        (["{srt}/air2s.srt", "-o", "track.xlsx"], "not as '.xlsx'"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(capsys, shared_data, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    status, text, errors = run(capsys, *(argument.format(srt=shared_data / "srt") for argument in arguments))
    assert status == 2
    assert words in errors
    assert "Traceback" not in errors
    assert text == ""
    assert list(tmp_path.iterdir()) == []


def test_a_live_link_becomes_a_track(capsys, tmp_path):
    """A vehicle on TCP sends ten positions; the port is the system's choice."""
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    server = socket.create_server(("127.0.0.1", 0))

    def vehicle():
        connection, _ = server.accept()
        with connection:
            for i in range(10):
                lat = 470000000 + 100 * i
                message = dialect.MAVLink_global_position_int_message(
                    1000 + 20 * i, lat, 80000000, 500000, 0, 0, 0, 0, 0
                )
                connection.sendall(message.pack(link))
                time.sleep(0.02)
            connection.recv(1)

    sender = threading.Thread(target=vehicle)
    sender.start()
    out = tmp_path / "live.csv"
    url = f"tcp:127.0.0.1:{server.getsockname()[1]}"
    status, text, errors = run(capsys, url, "--seconds", "1", "-o", out, "--json")
    sender.join()
    server.close()
    assert status == 1, errors
    facts = json.loads(text)
    assert facts["samples"] == 10
    assert facts["span_s"] == pytest.approx(0.18)
    assert [problem["kind"] for problem in facts["problems"]] == ["no_vehicle_clock"]
    assert len(out.read_text().splitlines()) == 11


def test_a_silent_link_has_no_track(capsys):
    server = socket.create_server(("127.0.0.1", 0))
    status, _, errors = run(capsys, f"tcp:127.0.0.1:{server.getsockname()[1]}", "--seconds", "0.2")
    server.close()
    assert status == 2
    assert "no GLOBAL_POSITION_INT" in errors


def test_another_geoid_changes_only_ellipsoid_heights(capsys, shared_data, tmp_path):
    import rasterio
    from rasterio.transform import from_origin

    geoid = tmp_path / "flat.tif"
    profile = {"driver": "GTiff", "width": 8, "height": 8, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(geoid, "w", transform=from_origin(0, 44, 1, 1), **profile) as grid:
        grid.write(np.full((1, 8, 8), 33.0, dtype=np.float32))
    out = tmp_path / "t.csv"
    run(capsys, shared_data / "srt/air2s.srt", "--geoid", geoid, "-o", out)
    rows = np.genfromtxt(out, delimiter=",", names=True, dtype=None, encoding="utf-8")
    np.testing.assert_allclose(rows["alt_hae_m"] - rows["alt_amsl_m"], 33.0, atol=1e-6)
