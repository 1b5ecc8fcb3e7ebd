"""The system calls of both children, watched from outside: after the seal nothing is opened and no socket is made."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("payloads", Path(__file__).with_name("payloads.py"))
payloads = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(payloads)

READ_ALL = """
import sys
import numpy as np
from geo.errors import VedetteError
from geo.gis.door_file import read_vector
from geo.terrain_file import read_terrain
for name in sys.argv[1:]:
    try:
        if "/r/" in name:
            terrain = read_terrain(name)
            south, west, north, east = terrain.bounds_deg
            terrain.height_hae_m(np.linspace(south, north, 9), np.linspace(west, east, 9))
        else:
            read_vector(name)
    except VedetteError:
        pass
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)")
def test_after_the_seal_no_file_is_opened_and_no_socket_made(tmp_path):
    secret = payloads.tiff(tmp_path / "secret.tif")
    paths = []
    for letter, table in (("v", payloads.VECTORS), ("r", payloads.RASTERS)):
        for number, (name, (build, _)) in enumerate(table.items()):
            if "bomb" in name:
                continue
            folder = tmp_path / letter / str(number)
            folder.mkdir(parents=True)
            paths.append(str(build(folder, "http://127.0.0.1:9", secret)))
    calls = "trace=open,openat,openat2,socket,connect,execve,prctl"
    log = tmp_path / "calls"
    watched = ["strace", "-ff", "-e", calls, "-o", str(log), sys.executable, "-c", READ_ALL, *paths]
    subprocess.run(watched, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sealed = [text for text in (part.read_text() for part in tmp_path.glob("calls.*")) if "PR_SET_SECCOMP" in text]
    assert len(sealed) >= 2
    for text in sealed:
        after = text.split("PR_SET_SECCOMP", 1)[1].splitlines()[1:]
        done = [line for line in after if re.match(r"(open|openat|openat2|socket|connect|execve)\(", line)]
        assert [line for line in done if " = -1 " not in line] == []
        assert not [line for line in text.splitlines() if "secret" in line and " = -1 " not in line]
