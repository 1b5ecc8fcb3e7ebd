"""A real broker on loopback: TLS, accounts, and one topic for each."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.operations.exports.test_send_link import certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
WAIT_S = 60.0


def until(true: Callable[[], object], why: str) -> None:
    """Wait for something to be true."""
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, why
        time.sleep(0.02)


@dataclass(frozen=True)
class Broker:
    """Where it listens, and who signs for it: certificate and key, `ca.pem` and `ca.key` in the folder."""

    port: int
    authority: tuple[Any, Any]


@contextlib.contextmanager
def running_broker(folder: Path, accounts: dict[str, str]) -> Iterator[Broker]:
    """Give a broker at which the account `station` reads all alarms, and each other one writes to its own topic."""
    assert MOSQUITTO is not None
    ca = certificate(folder, "ca")
    certificate(folder, "server", ca)
    for number, (name, password) in enumerate(accounts.items()):
        words = ["mosquitto_passwd", *([] if number else ["-c"]), "-b", str(folder / "passwords"), name, password]
        subprocess.run(words, check=True, capture_output=True, timeout=30)
    (folder / "acl").write_text("pattern write vedette/alarms/%u\nuser station\ntopic read vedette/alarms/+\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\ncafile {folder}/ca.pem\ncertfile {folder}/server.pem\n"
        f"keyfile {folder}/server.key\npassword_file {folder}/passwords\nacl_file {folder}/acl\n"
        "allow_anonymous false\nuser root\n"
    )
    process = subprocess.Popen(
        [MOSQUITTO, "-c", str(folder / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _answers(port), "the broker does not listen")
        yield Broker(port, ca)
    finally:
        process.kill()
        process.wait(timeout=20)


def _answers(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0
