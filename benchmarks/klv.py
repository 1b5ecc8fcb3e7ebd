"""KLV decoding, checksums on, against the two Python libraries a user would pick."""

from __future__ import annotations

import functools
import io
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Row
from telemetry.klv import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

CHEYENNE = Path(__file__).resolve().parents[2] / "shared" / "data" / "klv" / "klvdata" / "Cheyenne.bin"
SYNTHETIC_PACKETS = 100_000
RIVAL_PACKETS = 1000
"""The rivals read this many of the synthetic packets; their time grows with the number, so it is scaled."""


def synthetic(count: int) -> list[bytes]:
    """Return packets of a flight as a drone sends them: 27 items, three of them text."""
    rng = np.random.default_rng(7)
    walk = np.cumsum(rng.normal(0.0, 1e-6, (count, 2)), axis=0)
    angles = np.cumsum(rng.normal(0.0, 0.05, (count, 3)), axis=0) % 30.0
    packets = []
    for k in range(count):
        yaw, pitch, roll = (float(angle) for angle in angles[k])
        values: dict[int, object] = {
            2: 1_700_000_000_000_000 + k * 33_333, 3: "MISSION 7", 5: yaw, 6: pitch - 15.0, 7: roll - 15.0,
            10: "QUAD", 11: "EO", 13: 50.0 + float(walk[k, 0]), 14: 8.0 + float(walk[k, 1]), 15: 500.0, 16: 40.0,
            17: 30.0, 18: yaw, 19: -30.0, 20: 0.0, 21: 1000.0, 22: 500.0, 23: 50.01, 24: 8.01, 25: 100.0, 47: 0,
            56: 12.0, 65: 19, 75: 547.0, 78: 147.0, 90: pitch, 91: roll,
        }  # fmt: skip
        packets.append(encode(values))
    return packets


def run() -> list[Row]:
    """Decode the Cheyenne clip (when the real data is there) and a synthesised stream of 100 000 packets."""
    rows: list[Row] = []
    packets = synthetic(SYNTHETIC_PACKETS)
    whole, part = b"".join(packets), b"".join(packets[:RIVAL_PACKETS])
    streams = [("synthetic 100 000 packets", whole, SYNTHETIC_PACKETS, part, RIVAL_PACKETS)]
    if CHEYENNE.is_file():
        data = CHEYENNE.read_bytes()
        streams.append(("Cheyenne.bin 407 packets", data, len(decode(data)), data, len(decode(data))))
    for what, data, count, rival_data, rival_count in streams:
        for name, rival in (("klvdata", klvdata_decode), ("stanag4609", stanag_decode)):
            again = max(1, 10_000 // count)  # a short stream many times, so that both are timed over tens of ms
            ours_s, rival_s = _side_by_side(
                lambda data=data, again=again: [_decode_all(data) for _ in range(again)],
                lambda rival=rival, data=rival_data: rival(data),
            )
            rows.append(
                Row(
                    what=f"KLV decode, {what}",
                    ours=ours_s / again / count * 1e6,
                    rival=rival_s / rival_count * 1e6,
                    rival_name=name,
                    unit="us CPU/packet",
                    goal="30x",
                )
            )
    return rows


def _side_by_side(ours: Callable[[], object], rival: Callable[[], object], rounds: int = 4) -> tuple[float, float]:
    """Return the least processor time of each, run by turns; both use one thread, so a busy machine is fair to both."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for place, function in enumerate((ours, rival)):
            start = time.process_time()
            function()
            best[place] = min(best[place], time.process_time() - start)
    return best[0], best[1]


def _decode_all(data: bytes) -> int:
    stream = decode(data)
    if stream.bad_checksum:
        raise RuntimeError("the stream of the benchmark has a bad checksum")
    return len(stream)


def klvdata_decode(data: bytes) -> int:
    """Decode with klvdata, which parses every value on reading and verifies no checksum."""
    import klvdata

    count = 0
    for _ in klvdata.StreamParser(io.BytesIO(data)):
        count += 1
    return count


def stanag_decode(data: bytes) -> int:
    """Decode with stanag4609, checksums verified, from packets already cut apart."""
    from stanag4609 import decode_uas_local_set
    from stanag4609.st0601 import FieldDecodingMode

    count = 0
    for packet in _split(data):
        decode_uas_local_set(packet, field_decoding=FieldDecodingMode.PRESERVE)
        count += 1
    return count


@functools.cache
def _split(data: bytes) -> tuple[bytes, ...]:
    stream = decode(data)
    return tuple(stream.packet_bytes(index) for index in range(len(stream)))
