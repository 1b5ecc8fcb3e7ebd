"""The golden packet of the standard, and packets built to order."""

from __future__ import annotations

import pytest

GOLDEN_HEX = (
    "060e2b34020b01010e01030101000000" "61" "0208000460" "50584e0180" "050271c2" "0602fd3d" "070208b8"
    "0d045595b66d" "0e045b5360c4" "0f02c221" "1002cd9c" "1102d917" "1204724a0a20" "130487f84b86"
    "140400000000" "150403830926" "16021281" "1704f101a229" "180414bc082b" "190234f3" "410106" "0102c850"
)  # fmt: skip


@pytest.fixture(scope="session")
def golden() -> bytes:
    """Return the example packet of MISB ST 0902.5, 114 bytes with a valid checksum."""
    return bytes.fromhex(GOLDEN_HEX)


@pytest.fixture(scope="session")
def flight():
    """Return a maker of packets along a straight flight: `flight(n, start_us, **more)` -> list of bytes."""
    from telemetry.klv import encode

    def make(count: int, *, start_us: int = 1_700_000_000_000_000, step_us: int = 100_000, **more: object):
        extra = {int(name[1:]): value for name, value in more.items()}
        return [
            encode(
                {
                    2: start_us + k * step_us, 5: 90.0, 6: 1.0, 7: -2.0, 13: 50.0 + k * 1e-5, 14: 8.0 + k * 1e-5,
                    15: 500.0, 16: 40.0, 17: 30.0, 18: 10.0, 19: -30.0, 20: 0.0, 65: 19, **extra,
                }
            )
            for k in range(count)
        ]  # fmt: skip

    return make
