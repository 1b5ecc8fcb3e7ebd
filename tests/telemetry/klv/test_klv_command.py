"""The commands as a person runs them: exit status, output a machine can read, sentences a person can."""

from __future__ import annotations

import csv
import io
import json

import pytest

from vedette.main import main


def run(capsys, *arguments):
    status = main(["klv", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture
def broken(flight, tmp_path):
    packets = flight(3, t3="=HYPERLINK(1)")
    bad = bytearray(packets[1])
    bad[30] ^= 1
    path = tmp_path / "broken.klv"
    path.write_bytes(packets[0] + bytes(bad) + packets[2])
    return path


@pytest.fixture
def clean(flight, tmp_path):
    path = tmp_path / "clean.bin"
    path.write_bytes(b"".join(flight(4, t23=50.0034, t24=8.0009, t25=0.0)))
    return path


def test_stats_counts(capsys, clean):
    status, out, err = run(capsys, "stats", clean, "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert (found["packets"], found["bad_checksum"], found["problems"]) == (4, 0, [])
    assert found["span_s"] == pytest.approx(0.3)
    assert found["tags"]["13"] == 4


def test_a_broken_packet_is_a_finding_with_its_offset(capsys, broken, flight):
    status, out, err = run(capsys, "stats", broken, "--json")
    found = json.loads(out)
    assert status == 1
    assert found["bad_checksum"] == 1
    assert found["tags"]["13"] == 2
    assert found["problems"][0]["offset"] == len(flight(1, t3="=HYPERLINK(1)")[0])
    status, out, err = run(capsys, "stats", broken)
    assert status == 1
    assert "its values are dropped" in err
    assert "Sensor Latitude" in out
    assert json.loads(run(capsys, "stats", broken, "--json", "--checksum", "accept")[1])["tags"]["13"] == 3


def test_dump_gives_one_object_a_packet(capsys, clean):
    status, out, _ = run(capsys, "dump", clean, "--json")
    packets = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [packet["packet"] for packet in packets] == [0, 1, 2, 3]
    assert packets[0]["values"]["13"] == pytest.approx(50.0, abs=1e-6)
    assert packets[0]["values"]["2"] == 1_700_000_000_000_000


def test_dump_gives_csv_that_no_spreadsheet_runs(capsys, broken):
    status, out, _ = run(capsys, "dump", broken, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 1
    assert len(rows) == 3
    assert rows[0]["3 Mission ID"] == "'=HYPERLINK(1)"
    assert rows[1]["13 Sensor Latitude"] == ""
    assert float(rows[2]["6 Platform Pitch Angle"]) == pytest.approx(1.0, abs=1e-3)


def test_dump_shows_the_first_packet(capsys, clean):
    status, out, _ = run(capsys, "dump", clean)
    assert status == 0
    assert "checksum good" in out
    assert "3 more packets" in out


def test_check_compares_the_centres_of_a_real_stream(capsys, shared_data):
    status, out, _ = run(capsys, "check", shared_data / "klv/klvdata/Cheyenne.bin", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["packets"], found["bad_checksum"], found["centre"]["n"]) == (407, 0, 407)
    assert found["centre"]["median_m"] <= 15.0
    assert found["centre"]["p95_m"] >= found["centre"]["median_m"]
    assert 0.0 < found["centre"]["median_deg"] < 0.5


def test_check_without_centres_says_so(capsys, broken):
    status, out, _ = run(capsys, "check", broken)
    assert status == 1
    assert "no packet has a whole pose and a frame centre" in out


@pytest.mark.parametrize("command", ["dump", "stats", "check"])
def test_files_that_are_none_are_named(capsys, tmp_path, command):
    (tmp_path / "text.ts").write_text("no stream at all")
    for name, part in (("nowhere.ts", "no such file"), ("text.ts", "cannot be read as video")):
        status, out, err = run(capsys, command, tmp_path / name)
        assert status == 2
        assert out == ""
        assert name in err
        assert part in err.replace("\n", " ")


def test_the_help_of_each_command_has_an_example(capsys):
    for command in ("dump", "stats", "check", "record", "offset"):
        assert main(["klv", command, "--help"]) == 0
        assert "vedette klv" in capsys.readouterr().out


def test_only_datagrams_are_recorded(capsys, tmp_path):
    status, _, err = run(capsys, "record", "rtsp://127.0.0.1/x", "--out", tmp_path / "r")
    assert status == 2
    assert "byte for byte" in err
    assert not (tmp_path / "r").exists()
