"""Pages of the documentation are run: each command line literally, in order, in a folder that holds what the page says.

What needs a peer (a TAK server, a time authority, a password store, a recording that is long) is named in `APART` with
why. Keys lie on a medium of their own in the pages; here it is a folder of the same name.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from operations.store import OperationStore
from tests.operations.finding.conftest import T0_NS, made_operation
from tests.operations.time_authority import TimeAuthority
from vedette.main import main

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.M | re.S)
APART = {
    "curl": "a time authority on the network: a local one answers instead",
    "--send": "a server of another maker: tests/operations/exports/test_send_link.py",
    "outcome": "the id of a track as 'vedette find' showed it: tests/operations/test_outcomes.py",
    "clip": "a film: tests/vedette/test_export.py",
    "...": "a line cut short in the page",
}


def lines_of(page):
    found = []
    for block in FENCE.findall((HOW_TO / f"{page}.md").read_text(encoding="utf-8")):
        for text in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"\s+# .*$", "", text.strip())
            if line.startswith(("vedette ", "python3 ", "curl ", "cp ")):
                found.append(line)
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Return a time authority as OpenSSL makes one."""
    return TimeAuthority.make(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """Return a folder with two nights, a brief with its border, an area, and people's keys."""
    monkeypatch.chdir(tmp_path)
    for name in ("night-1", "night-2"):
        made_operation(tmp_path / name, nights=1)
    with OperationStore.open(tmp_path / "night-1", actor="x", clock=lambda: T0_NS, read_only=True) as store:
        person = next(row for row in store.table("tracks").to_pylist() if row["class_name"] == "person")
    line = {"type": "LineString", "coordinates": [[8.0, person["lat_deg"][0]], [8.1, person["lat_deg"][0]]]}
    (tmp_path / "border.geojson").write_text(json.dumps(line))
    (tmp_path / "brief.toml").write_text(BRIEF)
    ring = [[8.04, 50.04], [8.06, 50.04], [8.06, 50.06], [8.04, 50.04]]
    (tmp_path / "clearing.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    for name in ("usb/ana", "usb/ben", "police"):
        assert main(["keys", "new", f"{name}.key", "--name", name.rpartition("/")[2]]) == 0
    for name in ("ana", "ben"):
        shutil.copy(f"usb/{name}.pub", f"{name}.pub")
        shutil.copy(f"usb/{name}.key", f"{name}.key")
    capsys.readouterr()
    return tmp_path


BRIEF = """
name = "page"
border = { file = "border.geojson", own_side = "left" }
standoff = { asked_m = 300 }
corridor = { depth_m = 500 }
aircraft = { type = "quad-500" }
launch = [{ name = "A", lat_deg = 50.06, lon_deg = 8.05 }]
"""


def run(page, capsys, prepare=None):
    """Run a page's lines; returns those that were set apart."""
    apart = []
    for line in lines_of(page):
        why = next((reason for word, reason in APART.items() if word in f"{line} "), None)
        if why is not None:
            apart.append(line)
            continue
        if prepare is not None:
            prepare(line)
        words = shlex.split(line.replace("/media/usb/", "usb/"))
        if words[0] in {"python3", "cp"}:
            program = sys.executable if words[0] == "python3" else words[0]
            done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False, timeout=120)
            assert done.returncode == 0, f"{page}: {line}\n{done.stdout}{done.stderr}"
            continue
        status = main(words[1:])
        told = capsys.readouterr()
        assert status == 0 or (status == 1 and words[1] == "seen"), f"{page}: {line}\n{told.out}{told.err}"
    return apart


def test_keys_and_anchors(folder, capsys, authority):
    def stamped(line):
        if "--stamp" in line:
            (folder / "night-1.tsr").write_bytes(authority.stamp((folder / "night-1.tsq").read_bytes()))
            (folder / "tsa.pem").write_bytes(authority.roots)

    shutil.rmtree(folder / "night-1")  # the originals of the made one are kept nowhere, which verifying tells
    OperationStore.create(folder / "night-1", name="night 1", actor="ana", clock=lambda: T0_NS).close()
    for path in (folder / "usb").iterdir():
        path.unlink()
    (folder / "ana.pub").unlink()
    apart = run("keys-and-anchors", capsys, stamped)
    assert [line.split()[0] for line in apart] == ["curl"]


def test_evidence(folder, capsys, authority):
    from operations.signing.heads import keep, sign_head
    from operations.signing.signer import Signer
    from operations.signing.stamps import stamp_request

    clock = itertools.count(T0_NS, 1_000_000_000)
    people = [Signer.read(folder / f"{name}.key", None, lambda: next(clock)) for name in ("ana", "police")]
    with OperationStore.open(folder / "night-1", actor="ana", clock=lambda: next(clock)) as store:
        signed = sign_head(store, people[0]).cosigned(people[1])
        keep(store, signed, authority.stamp(stamp_request(signed.text)))
    (folder / "authority.pem").write_bytes(authority.roots)
    assert main(["evidence", "verifier", "-o", "verify.py"]) == 0
    assert run("evidence", capsys) == []


def test_asking_and_handing_on(folder, capsys):
    apart = run("find-and-export", capsys)
    assert len(apart) < len(lines_of("find-and-export")) - 2
