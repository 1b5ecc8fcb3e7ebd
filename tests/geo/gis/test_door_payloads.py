"""Hostile border and terrain files: no request leaves, no other file is read, one sentence says why."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from geo.errors import InputError, VedetteError
from geo.gis import door_file
from geo.gis.door_file import read_vector
from geo.gis.formats import RASTER_DRIVERS, VECTOR_DRIVERS
from geo.terrain_file import read_terrain
from vedette.main import main

_SPEC = importlib.util.spec_from_file_location("payloads", Path(__file__).with_name("payloads.py"))
payloads = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(payloads)

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "demo"
CANARY_M = 4321.0
CANARY_LON = 13.37


class Web:
    """A server on loopback that counts who comes."""

    def __init__(self):
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def web():
    server = Web()
    socket.create_connection(server._socket.getsockname()).close()  # the counter counts
    while server.visits == 0:
        pass
    server.visits = 0
    yield server
    server.close()


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return payloads.tiff(tmp_path / "elsewhere" / "secret.tif", height=CANARY_M)


@pytest.fixture
def secret_line(tmp_path):
    path = tmp_path / "secret.geojson"
    path.write_text('{"type":"LineString","coordinates":[[13.37,48],[13.38,48]]}')
    return path


def in_one_sentence(error, folder, expected):
    message = error.message
    assert len(message.splitlines()) == 1, message
    assert len(message) < 400, message
    assert re.search(expected, message), message
    assert "vsimem" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize("name", payloads.VECTORS)
def test_a_hostile_border_asks_nobody_and_reads_nothing_else(name, tmp_path, web, secret_line):
    build, expected = payloads.VECTORS[name]
    path = build(tmp_path, web.address, secret_line)
    try:
        shapes = read_vector(path)
    except VedetteError as error:
        in_one_sentence(error, tmp_path, expected)
    else:
        assert re.search(expected, ""), f"{name} was read: {shapes.lon_lat_deg}"
        assert not (np.abs(shapes.lon_lat_deg[:, 0] - CANARY_LON) < 0.1).any()
    assert web.visits == 0


@pytest.mark.parametrize("name", payloads.RASTERS)
def test_a_hostile_terrain_asks_nobody_and_reads_nothing_else(name, tmp_path, web, secret):
    build, expected = payloads.RASTERS[name]
    path = build(tmp_path, web.address, secret)
    try:
        terrain = read_terrain(path, datum="hae")
        south, west, north, east = terrain.bounds_deg
        lat, lon = np.linspace(south, north, 50), np.linspace(west, east, 50)
        heights = terrain.height_hae_m(lat, lon)
    except VedetteError as error:
        in_one_sentence(error, tmp_path, expected)
    else:
        assert re.search(expected, ""), f"{name} was read"
        known = heights[np.isfinite(heights)]
        np.testing.assert_allclose(known, 100.0, atol=1e-3)
    assert web.visits == 0


def test_the_child_is_sealed_and_knows_no_other_drivers(tmp_path):
    (tmp_path / "x.geojson").write_text(payloads.geojson())
    read_vector(tmp_path / "x.geojson")
    read_terrain(payloads.tiff(tmp_path / "x.tif"))
    ready = {kind: door_file._children[kind].ready for kind in ("vector", "raster")}
    assert set(ready["vector"]["drivers"]) <= set(VECTOR_DRIVERS)
    assert set(ready["raster"]["drivers"]) <= set(RASTER_DRIVERS)
    if sys.platform == "linux":
        assert all(facts["sealed"] for facts in ready.values())
        status = Path(f"/proc/{door_file.child_number('vector')}/status").read_text()
        assert re.search(r"Seccomp:\s+2", status)
        assert re.search(r"NoNewPrivs:\s+1", status)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname').read()",
        "socket.create_connection(('127.0.0.1', PORT))",
        "socket.socket(socket.AF_UNIX)",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.unlink('/tmp/nothing')",
        "os.mkdir('/tmp/nothing')",
        "ctypes.CDLL(None).system(b'true') == 0 or (_ for _ in ()).throw(PermissionError)",
    ],
)
def test_a_sealed_process_can_do_nothing_but_compute(attempt, web):
    script = f"""
import ctypes, os, socket
from geo.children.seal import seal
PORT = {web.address.rsplit(":", 1)[1]}
assert seal()
try:
    {attempt}
except PermissionError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr
    assert web.visits == 0


CALLS = {"open": 2, "socket": 41, "connect": 42, "execve": 59, "unlink": 87, "ptrace": 101, "openat": 257, "bpf": 321,
         "io_uring_setup": 425, "openat2": 437, "pidfd_getfd": 438}  # fmt: skip
"""Linux arch/x86/entry/syscalls/syscall_64.tbl, the first and the last that are refused among them."""
HARMLESS = {"close": 3, "getpid": 39, "faccessat2": 439}


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="numbers of Linux on x86-64")
def test_calls_are_refused_by_their_numbers_also_in_their_32_bit_spelling():
    """Numbers with bit 30 set are the x32 calls (seccomp(2), "Caveats"): a filter that forgets them has a hole."""
    script = f"""
import ctypes, errno, json
from geo.children.seal import seal
libc = ctypes.CDLL(None, use_errno=True)
def told(number):
    ctypes.set_errno(0)
    return 0 if libc.syscall(ctypes.c_long(number), -1, None, None, None, None, None) != -1 else ctypes.get_errno()
assert seal()
calls, harmless = {CALLS!r}, {HARMLESS!r}
twins = {{name: 0x40000000 + number for name, number in (calls | harmless).items()}}
print(json.dumps([{{name: told(number) for name, number in group.items()}} for group in (calls, twins, harmless)]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    calls, twins, harmless = json.loads(done.stdout or "[]") or pytest.fail(done.stderr)
    assert set(calls.values()) == set(twins.values()) == {errno.EACCES}
    assert errno.EACCES not in harmless.values()


def test_settings_of_the_environment_reach_no_child(tmp_path, monkeypatch, web):
    """A plug-in folder would load a library of the attacker's; other settings point at the network or at files."""
    point = payloads.tiff(tmp_path / "x.tif", tags={"": {"AREA_OR_POINT": "Point"}})
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "gdal_evil.so").write_bytes(b"\x7fELF not a library")
    home = tmp_path / "home"
    (home / ".gdal").mkdir(parents=True)
    (home / ".gdal" / "gdalrc").write_text("[configoptions]\nGTIFF_POINT_GEO_IGNORE=TRUE\n")
    for name in ("GDAL_DRIVER_PATH", "OGR_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA"):
        monkeypatch.setenv(name, str(plugins))
    monkeypatch.setenv("PROJ_NETWORK", "ON")
    monkeypatch.setenv("PROJ_NETWORK_ENDPOINT", web.address)
    monkeypatch.setenv("GDAL_HTTP_PROXY", web.address)
    monkeypatch.setenv("CPL_DEBUG", "ON")
    monkeypatch.setenv("GTIFF_POINT_GEO_IGNORE", "TRUE")
    monkeypatch.setenv("HOME", str(home))
    door_file.close_door()
    try:
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
        line = {"type": "LineString", "coordinates": [[500000, 5316300], [507452, 5321862]]}
        (tmp_path / "x.geojson").write_text(
            payloads.geojson(crs=crs).replace(str(payloads.LINE["coordinates"]), str(line["coordinates"]))
        )
        assert read_vector(tmp_path / "x.geojson").lon_lat_deg[0] == pytest.approx([9.0, 48.0], abs=1e-5)
        terrain = read_terrain(point, datum="hae")
        seen = Path(f"/proc/{door_file.child_number('raster')}/environ").read_bytes().decode()
        assert "evil" not in seen
        assert str(plugins) not in seen
        assert web.address not in seen
        assert "GTIFF_POINT_GEO_IGNORE" not in seen
        assert terrain.bounds_deg[2] == pytest.approx(50.0 - 0.0005)
    finally:
        door_file.close_door()
    assert web.visits == 0


def test_modules_in_the_folder_one_stands_in_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w')")
    (tmp_path / "x.geojson").write_text(payloads.geojson())
    monkeypatch.chdir(tmp_path)
    door_file.close_door()
    assert len(read_vector(Path("x.geojson"))) == 1
    assert not (tmp_path / "taken").exists()


def test_a_child_that_dies_takes_nothing_with_it(tmp_path):
    """A signal in the middle of a request stands for a crash of the library."""
    import signal

    (tmp_path / "x.geojson").write_text(payloads.geojson())
    read_vector(tmp_path / "x.geojson")
    number = door_file.child_number("vector")
    os.kill(number, signal.SIGSTOP)
    failed = []

    def ask():
        try:
            read_vector(tmp_path / "x.geojson")
        except InputError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    os.kill(number, signal.SIGSEGV)
    os.kill(number, signal.SIGCONT)
    asking.join(60)
    (error,) = failed
    assert "x.geojson cannot be read: the process that reads it died" in error.message
    assert len(read_vector(tmp_path / "x.geojson")) == 1
    assert door_file.child_number("vector") != number


BORDERS = ["an OGR VRT as .geojson", "a WFS file", "a KML NetworkLink", "GeoJSON with crs.link",
           "GML with a schema elsewhere", "a GeoPackage with a view", "a KMZ bomb", "a KML XXE"]  # fmt: skip
TERRAINS = ["a GDAL VRT on the network", "a GDAL VRT of a local file", "a TMS", "a WCS", "a STACTA"]


@pytest.fixture
def brief(tmp_path):
    for path in EXAMPLE.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path / path.name)
    return tmp_path / "brief.toml"


def refused(arguments, capsys, expected, web):
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert re.search(expected, " ".join(shown.split())), shown
    assert shown.count("error:") == 1
    assert web.visits == 0


@pytest.mark.parametrize("name", BORDERS)
def test_plan_check_and_search_refuse_a_hostile_border(name, brief, tmp_path, capsys, web, secret_line):
    build, expected = payloads.VECTORS[name]
    (tmp_path / "evil").mkdir()
    path = build(tmp_path / "evil", web.address, secret_line)
    brief.write_text(brief.read_text().replace('"border.geojson"', f'"{path}"'))
    (tmp_path / "m.waypoints").write_text("QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t47.38\t112.58\t100\t1\n")
    refused(["plan", str(brief), "--out", str(tmp_path / "plan")], capsys, expected, web)
    refused(["check", str(tmp_path / "m.waypoints"), "--brief", str(brief)], capsys, expected, web)
    search = ["search", "area", "--brief", str(brief), "--area", str(path), "--out", str(tmp_path / "plan")]
    refused(search, capsys, expected, web)
    assert not (tmp_path / "plan").exists()


@pytest.mark.parametrize("name", TERRAINS)
def test_plan_locate_and_ingest_refuse_a_hostile_terrain(name, brief, tmp_path, capsys, web, secret):
    build, expected = payloads.RASTERS[name]
    (tmp_path / "evil").mkdir()
    path = build(tmp_path / "evil", web.address, secret)
    brief.write_text(brief.read_text().replace('"terrain.tif"', f'"{path}"'))
    refused(["plan", str(brief), "--out", str(tmp_path / "plan")], capsys, expected, web)
    view = ["--pose", "49.98,8.02,300,75,-30,0", "--camera", "62,1920,1080"]
    refused(["locate", *view, "--terrain", str(path)], capsys, expected, web)
    (tmp_path / "clip.ts").write_bytes(b"\x47" * 188)
    refused(
        ["ingest", str(tmp_path / "clip.ts"), "--out", str(tmp_path / "op"), "--terrain", str(path)],
        capsys,
        expected,
        web,
    )
    assert not (tmp_path / "plan").exists()
    assert not (tmp_path / "op").exists()
