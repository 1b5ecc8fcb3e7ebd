"""The console on the network: an address that is ours or said not to be, TLS, and an end by a signal."""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from geo.errors import InputError, RefusedError
from maps.review.errors import AddressTakenError

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

DRAIN_S: Final = 2
"""How long answers under way may take when the console ends."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the console listens.

    Raises
    ------
    InputError
        When the host is no address of a machine.
    RefusedError
        When it can be reached from elsewhere and would answer in clear text.
    """

    host: str
    port: int
    tls: Tls | None = None
    names: tuple[str, ...] = ()
    """Other names and addresses that people reach it by."""

    def __post_init__(self) -> None:
        if self.tls is None and not self.loopback:
            raise RefusedError(
                f"{self.host} can be reached from other machines, and passwords would go there in clear text: add "
                "--tls (a certificate of its own making) or --tls-cert and --tls-key, or leave --host out"
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError as error:
            raise InputError(
                f"--host: {self.host!r} is no address; give one of this machine's, as 127.0.0.1"
            ) from error

    def listen(self) -> socket.socket:
        """Take the address.

        Raises
        ------
        AddressTakenError
            When somebody has it, or it is none of this machine's.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        link = socket.socket(family, socket.SOCK_STREAM)
        try:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind((self.host, self.port))
            link.listen(128)
        except OSError as error:
            link.close()
            advice = "another program, perhaps another console, listens there: end it or give --port"
            if error.errno != errno.EADDRINUSE:
                advice = "give another --host or --port"
            raise AddressTakenError(
                f"the console cannot listen at {self.host} port {self.port} ({error.strerror or error}): {advice}"
            ) from error
        return link

    def origins(self, port: int) -> frozenset[str]:
        """Return what browsers call the console by, once its port is known."""
        scheme = "http" if self.tls is None else "https"
        hosts = [self.host, *self.names]
        if self.loopback:
            hosts += ["localhost", "127.0.0.1", "::1"]
        usual = 80 if self.tls is None else 443
        shown = [f"[{host}]" if ":" in host else host for host in hosts]
        return frozenset(f"{scheme}://{host}" + ("" if port == usual else f":{port}") for host in shown)


def server_for(app: FastAPI, tls: Tls | None) -> uvicorn.Server:
    """Return the server of a console; run it with the socket that `Place.listen` gave."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            ssl_certfile=None if tls is None else str(tls.cert),
            ssl_keyfile=None if tls is None else str(tls.key),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_S,
            timeout_keep_alive=30,
            limit_concurrency=256,
        )
    )
