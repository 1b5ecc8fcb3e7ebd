"""What a stream that is sent while it is made says of itself."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from telemetry.videos.stream_writer_file import StreamWriter

VIDEO = 0xE0


class Sink:
    """Keeps bytes as they come."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def stated_lengths(stream):
    """Return what each packet of pictures says of its length (ISO/IEC 13818-1, 2.4.3.7), and how long it is."""
    lengths, pid = [], None
    for at in range(0, len(stream), 188):
        packet = stream[at : at + 188]
        begins, number = bool(packet[1] & 0x40), (packet[1] & 0x1F) << 8 | packet[2]
        payload = packet[4:] if not packet[3] & 0x20 else packet[5 + packet[4] :]
        if begins and payload[:4] == bytes([0, 0, 1, VIDEO]):
            pid = number
            lengths.append([int.from_bytes(payload[4:6], "big"), len(payload) - 6])
        elif number == pid and lengths:
            lengths[-1][1] += len(payload)
    return lengths


def test_pictures_that_are_sent_say_where_they_end_so_that_nobody_waits_for_the_next():
    sink = Sink()
    with StreamWriter(sink, width_px=160, height_px=120, fps=Fraction(3, 2)) as writer:
        for k in range(4):
            image = np.random.default_rng(k).integers(0, 255, (120, 160, 3), dtype=np.uint8)
            writer.write(image, 10**18 + k * 666_000_000, bytes(16))
    found = stated_lengths(sink.data)
    assert len(found) == 4
    assert all(stated == real > 0 for stated, real in found)
