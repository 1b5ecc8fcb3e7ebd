"""Logs that lie: memory stays bounded and the readers come back, whatever the bytes."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import resource, sys
from geo.errors import VedetteError
from telemetry.tracks.sources import read_track
import telemetry.logs.tlog_file, telemetry.logs.dataflash_file, telemetry.logs.ulog_file, scipy.spatial.transform
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reader = {"tlog": telemetry.logs.tlog_file.read_messages, "bin": telemetry.logs.dataflash_file.read_records,
          "ulg": telemetry.logs.ulog_file.read_topics}[sys.argv[1]]
try:
    reader(sys.argv[2])
except VedetteError:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""

ULOG = b"ULog\x01\x12\x35\x01" + bytes(8)
FMT = b"\xa3\x95\x80\x80\x59FMT\x00BBnNZ" + bytes(11) + b"Type,Length,Name,Format,Columns" + bytes(33)
LIES = {
    "magic bytes alone": ("tlog", b"\xfe" * 2_000_000),
    "frames of a message nobody knows": ("tlog", b"\xfd\x00\x00\x00\x00\x00\x00\xff\xff\xff\x00\x00" * 300_000),
    "record heads alone": ("bin", FMT + b"\xa3\x95\x80" * 1_500_000),
    "a length of 65535 again and again": ("ulg", ULOG + b"\xff\xffD" * 1_000_000),
    "the shortest messages": ("ulg", ULOG + b"\x01\x00D\x00" * 1_000_000),
    "no message at all": ("ulg", ULOG + b"\x00" * 4_000_000),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lying_log_stays_within_256_megabytes(tmp_path, name):
    kind, content = LIES[name]
    path = tmp_path / "log"
    path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, kind, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 256
