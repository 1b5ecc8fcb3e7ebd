"""`vedette fly` as a person uses it: approve, fly, resume, and every way to be refused."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest

import vedette
from geo.errors import RefusedError
from missions.plan_files.plan_folder_file import FORMAT, VERSION
from vedette.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(square_plan, place, tmp_path) -> Path:
    """A plan folder with the square and its border line."""
    out = tmp_path / "plan"
    out.mkdir()
    document = {
        "format": FORMAT, "version": VERSION, "sha256": square_plan.sha256, "plan": dataclasses.asdict(square_plan),
    }  # fmt: skip
    (out / "plan.json").write_text(json.dumps(document))
    line = [list(reversed(place(900.0, east))) for east in (-1000.0, 1000.0)]
    feature = {
        "type": "Feature",
        "properties": {"kind": "border"},
        "geometry": {"type": "LineString", "coordinates": line},
    }
    (out / "area.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return out


def approve(folder: Path) -> None:
    assert main(["fly", str(folder), "--approve", "A. Name", "--reason", "trial"]) == 0


def test_a_signed_approval_is_written_and_one_of_another_key_flies_nothing(folder, tmp_path, monkeypatch, capsys):
    for name in ("ana", "eve"):
        assert main(["keys", "new", str(tmp_path / f"{name}.key"), "--name", name]) == 0
    monkeypatch.setenv("VEDETTE_SIGNING_KEY", str(tmp_path / "eve.key"))
    approve(folder)
    assert "eve" in json.loads((folder / "approval.json").read_text())["note"]
    monkeypatch.setenv("VEDETTE_APPROVAL_KEYS", str(tmp_path / "ana.pub"))
    capsys.readouterr()
    nowhere = ["fly", str(folder), "--link", "tcp:127.0.0.1:1", "--yes"]
    assert main(nowhere) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert "not signed by a key known here" in told
    assert "have somebody approve the plan whose key is" in told
    assert "give the right public key" not in told  # nobody is to be talked into trusting eve
    with pytest.raises(RefusedError, match="not signed by a key known here"):
        asyncio.run(vedette.fly(folder, "S01", link="tcp:127.0.0.1:1"))


class CutOnce(threading.Thread):
    """A TCP router between a station and a vehicle, which hangs up once after so many bytes of the vehicle."""

    def __init__(self, vehicle_port: int, after_bytes: int) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp:127.0.0.1:{self.server.getsockname()[1]}"
        self.calls = 0
        self._vehicle_port, self._left = vehicle_port, after_bytes

    def run(self) -> None:
        with self.server, contextlib.suppress(OSError):
            while True:
                station, _ = self.server.accept()
                self.calls += 1
                vehicle = socket.create_connection(("127.0.0.1", self._vehicle_port))
                with station, vehicle, contextlib.suppress(OSError):
                    self._pass_on(station, vehicle)

    def _pass_on(self, station: socket.socket, vehicle: socket.socket) -> None:
        while True:
            for end in select.select([station, vehicle], [], [])[0]:
                data = end.recv(65_536)
                if not data:
                    return
                (vehicle if end is station else station).sendall(data)
                if end is vehicle and self.calls == 1:
                    self._left -= len(data)
                    if self._left < 0:
                        return


@pytest.mark.parametrize("after_bytes", [600, 60_000])
def test_a_sortie_is_flown_to_its_end_over_a_tcp_link_that_hangs_up(folder, square_plan, capsys, after_bytes) -> None:
    """In the middle of the upload, and in flight."""
    from sitl.vehicle import VehicleConfig, start_vehicle

    approve(folder)
    sortie = square_plan.sorties[0]
    config = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg, home_lon_deg=sortie.home_lon_deg, home_alt_amsl_m=sortie.home_alt_amsl_m,
        speedup=50.0, parameters=(*((v.name, v.value) for v in sortie.vehicle_parameters), ("FENCE_TYPE", 4.0)),
    )  # fmt: skip
    with start_vehicle(config) as vehicle:
        router = CutOnce(vehicle.tcp_port, after_bytes)
        router.start()
        status = main(["fly", str(folder), "--link", router.url, "--yes", "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    last = json.loads(captured.out.splitlines()[-1])
    assert (last["readback_equal"], last["completed"]) == (True, True)
    assert router.calls == 2


def test_approve_fly_and_nothing_to_resume(folder, square_plan, capsys) -> None:
    from sitl.vehicle import VehicleConfig, start_vehicle

    approve(folder)
    assert "A. Name approved plan 'square'" in capsys.readouterr().err
    sortie = square_plan.sorties[0]
    config = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg, home_lon_deg=sortie.home_lon_deg, home_alt_amsl_m=sortie.home_alt_amsl_m,
        speedup=200.0, parameters=(*((v.name, v.value) for v in sortie.vehicle_parameters), ("FENCE_TYPE", 4.0)),
    )  # fmt: skip
    with start_vehicle(config) as vehicle:
        assert main(["fly", str(folder), "--link", vehicle.link_url, "--yes", "--json"]) == 0
    captured = capsys.readouterr()
    last = json.loads(captured.out.splitlines()[-1])
    assert (last["uploaded_items"], last["readback_equal"], last["completed"]) == (7, True, True)
    assert last["coverage_pct"] > 99.0
    assert last["min_standoff_m"] == pytest.approx(300.0, abs=5.0)
    assert last["findings"] == []
    assert last["flights"][0]["sortie"] == "s1"
    assert "mission: 7 items uploaded and read back equal" in captured.err
    assert len(list((folder / "flights").glob("s1-*.tlog"))) == 1
    events = [json.loads(line)["event"] for line in (folder / "flight-log.jsonl").read_text().splitlines()]
    assert events == ["approved", "flown"]
    assert main(["fly", str(folder), "--link", "tcp:127.0.0.1:9", "--resume"]) == 3
    assert "was completed; there is nothing to resume" in capsys.readouterr().err


def test_a_flight_from_python_is_recorded_and_logged_like_one_of_the_command(folder, square_plan) -> None:
    from sitl.vehicle import VehicleConfig, start_vehicle

    approve(folder)
    sortie = square_plan.sorties[0]
    config = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg, home_lon_deg=sortie.home_lon_deg, home_alt_amsl_m=sortie.home_alt_amsl_m,
        speedup=200.0, parameters=(*((v.name, v.value) for v in sortie.vehicle_parameters), ("FENCE_TYPE", 4.0)),
    )  # fmt: skip
    with start_vehicle(config) as vehicle:
        report = asyncio.run(vedette.fly(folder, "s1", vehicle.link_url))
    assert report.completed
    (recording,) = (folder / "flights").glob("s1-*.tlog")
    assert recording.stat().st_size > 10_000
    events = [json.loads(line) for line in (folder / "flight-log.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["approved", "flown"]
    assert events[-1]["approved_by"] == "A. Name"
    assert json.loads((folder / "flights" / "s1.json").read_text())["completed"]


def test_without_a_yes_nothing_moves(folder, square_plan, capsys) -> None:
    from sitl.vehicle import VehicleConfig, start_vehicle

    approve(folder)
    sortie = square_plan.sorties[0]
    config = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg, home_lon_deg=sortie.home_lon_deg, home_alt_amsl_m=sortie.home_alt_amsl_m,
        parameters=(*((v.name, v.value) for v in sortie.vehicle_parameters), ("FENCE_TYPE", 4.0)),
    )  # fmt: skip
    with start_vehicle(config) as vehicle:
        assert main(["fly", str(folder), "--link", vehicle.link_url]) == 3
    assert "not armed: you did not say yes" in capsys.readouterr().err


def test_a_plan_that_nobody_approved(folder, capsys) -> None:
    assert main(["fly", str(folder), "--link", "tcp:127.0.0.1:9", "--yes"]) == 3
    assert "is approved by nobody" in capsys.readouterr().err


def test_a_plan_remade_after_approval(folder, square_plan, capsys) -> None:
    approve(folder)
    changed = dataclasses.replace(square_plan, required_standoff_m=10.0)
    document = {"format": FORMAT, "version": VERSION, "sha256": changed.sha256, "plan": dataclasses.asdict(changed)}
    (folder / "plan.json").write_text(json.dumps(document))
    assert main(["fly", str(folder), "--link", "tcp:127.0.0.1:9", "--yes"]) == 3
    assert "is not the plan that A. Name approved" in capsys.readouterr().err


@pytest.mark.parametrize(("old", "new"), [('_m": ', '_m": 1'), ("}}", "}"), ('"sorties"', '"sortie"')])
@pytest.mark.parametrize("door", ["command", "interface"])
def test_an_approved_plan_that_was_touched_is_refused_and_the_refusal_is_logged(folder, capsys, old, new, door):
    approve(folder)
    capsys.readouterr()
    text = (folder / "plan.json").read_text()
    assert old in text
    (folder / "plan.json").write_text(text.replace(old, new))
    if door == "command":
        assert main(["fly", str(folder), "--link", "tcp:127.0.0.1:9", "--yes"]) == 3
        said = capsys.readouterr().err.strip().removeprefix("error: ")
    else:
        with pytest.raises(RefusedError) as refused:
            asyncio.run(vedette.fly(folder, "S01", "tcp:127.0.0.1:9"))
        said = refused.value.message
    assert said.endswith("plan again")
    assert "\n" not in said
    last = json.loads((folder / "flight-log.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["why"]) == ("refused", said)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "--link is missing"),
        (
            ["--link", "tcp:127.0.0.1:9", "--link", "tcp:127.0.0.1:9"],
            2,
            "for each --link: 2 --link, 0 --sortie; the plan has s1",
        ),
        (["--link", "tcp:127.0.0.1:9", "--sortie", "x"], 2, "there is no sortie 'x'; it has: s1"),
        (["--link", "gopher:9"], 2, "is not understood"),
        (["--link", "udpout:127.0.0.1:9", "--system", "1", "--system", "2"], 2, "2 system ids for 1 links"),
        (["--link", "udpout:127.0.0.1:9", "--resume"], 2, "has not been flown yet"),
        (["--link", "udpout:127.0.0.1:9", "--signing-key", "none"], 2, "signing key file none does not exist"),
    ],
)
def test_wrong_usage_is_one_sentence(folder, capsys, arguments, status, says) -> None:
    approve(folder)
    capsys.readouterr()
    assert main(["fly", str(folder), *arguments, "--yes"]) == status
    error = capsys.readouterr().err.replace("\n", " ")
    assert says in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"features": 5}', '{"features": [{"properties": {"kind": "border"}}]}']
)
def test_a_damaged_border_is_named(folder, capsys, text) -> None:
    approve(folder)
    (folder / "area.geojson").write_text(text)
    assert main(["fly", str(folder), "--link", "udpout:127.0.0.1:9", "--yes"]) == 2
    assert "area.geojson is damaged" in capsys.readouterr().err.replace("\n", "")


def test_a_damaged_progress_file_is_named(folder, capsys) -> None:
    approve(folder)
    (folder / "flights").mkdir()
    (folder / "flights" / "s1.json").write_text("{")
    assert main(["fly", str(folder), "--link", "udpout:127.0.0.1:9", "--resume"]) == 2
    assert "s1.json is damaged" in capsys.readouterr().err.replace("\n", "")


def test_an_approval_needs_both(folder, capsys) -> None:
    assert main(["fly", str(folder), "--approve", "A"]) == 2
    assert "needs a person's name and a reason" in capsys.readouterr().err


@pytest.mark.parametrize("rule", ["way_home", "preflight.way_home", "home"])
def test_nobody_lets_an_unjudged_way_home_pass(folder, capsys, rule) -> None:
    arguments = ["fly", str(folder), "--approve", "A. Name", "--reason", "trial", "--override", rule]
    assert main(arguments) == 3
    assert "cannot be let pass by anybody" in capsys.readouterr().err
    assert not (folder / "approval.json").exists()


def test_no_plan_there(tmp_path, capsys) -> None:
    assert main(["fly", str(tmp_path), "--link", "tcp:127.0.0.1:9"]) == 2
    assert "holds no plan.json" in capsys.readouterr().err


def test_resuming_another_plans_flight_is_refused(folder, capsys) -> None:
    approve(folder)
    (folder / "flights").mkdir()
    (folder / "flights" / "s1.json").write_text(json.dumps({"plan_sha256": "0" * 64, "resume_seq": 3}))
    assert main(["fly", str(folder), "--link", "tcp:127.0.0.1:9", "--resume"]) == 3
    assert "is of another plan" in capsys.readouterr().err


def test_a_person_resumes_commands_from_another_terminal(folder, capsys) -> None:
    import datetime

    from missions.flight.command_release_file import release_reader

    now = datetime.datetime.now(datetime.UTC)
    take = release_reader(folder / "flights", "s1", now)
    assert take() is None
    assert main(["fly", str(folder), "--resume-commands", "A. Name"]) == 2
    assert "needs a person's name and a reason" in capsys.readouterr().err.replace("\n", " ")
    assert main(["fly", str(folder), "--resume-commands", "A. Name", "--reason", "spare laptop"]) == 0
    release = take()
    assert (release.name, release.reason) == ("A. Name", "spare laptop")
    assert take() is None, "once"
    assert main(["fly", str(folder), "--resume-commands", "A. Name", "--reason", "spare laptop", "--sortie", "s1"]) == 0
    later = release_reader(folder / "flights", "s1", now + datetime.timedelta(hours=1))
    assert later() is None, "a decision made before this flight is of another one"
    events = [json.loads(line) for line in (folder / "flight-log.jsonl").read_text().splitlines()]
    assert [(e["event"], e["name"], e["reason"]) for e in events] == [
        ("resume_commands_asked", "A. Name", "spare laptop")
    ] * 2
    assert main(["fly", str(folder), "--resume-commands", "A", "--reason", "b", "--sortie", "x"]) == 2


def test_a_new_signing_key_is_for_its_owner_alone(folder, tmp_path, capsys) -> None:
    key = tmp_path / "link.key"
    assert main(["fly", str(folder), "--new-signing-key", str(key)]) == 0
    assert key.stat().st_mode & 0o77 == 0
    shown = capsys.readouterr()
    assert key.read_text().strip() not in shown.out + shown.err
    assert main(["fly", str(folder), "--new-signing-key", str(key)]) == 2
    assert "a key is never overwritten" in capsys.readouterr().err.replace("\n", " ")
