"""Hand events to a TAK server or client: by TLS with both sides' certificates, or in clear text where that is meant."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
import ssl
from typing import TYPE_CHECKING, Final, Self

from operations.exports.errors import AddressError, ClearTextError, SendError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SCHEMES: Final = ("tls", "tcp", "udp")
_WAIT_S: Final = 10.0
_LAST_WORD_S: Final = 1.0
"""How long a server that dropped us has to say so: a stream tells of a lost peer only afterwards."""
_DATAGRAM_BYTES: Final = 60_000
"""Less than a UDP datagram holds (65 507 bytes, RFC 768)."""
_HEADER: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where events go, as ``tls:HOST:PORT``; an IPv6 host stands in brackets."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address.

        Raises
        ------
        AddressError
            When it is none.
        """
        scheme, _, rest = text.partition(":")
        host, _, port = rest.removeprefix("//").rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if scheme not in _SCHEMES or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise AddressError(f"--send: {text!r} is no address; write tls:HOST:PORT, tcp:HOST:PORT or udp:HOST:PORT")
        return cls(scheme=scheme, host=host, port=int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}:{host}:{self.port}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What we show, and whom we believe: PEM files."""

    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a TLS context that verifies the server's certificate and name.

        Raises
        ------
        AddressError
            When a file is missing, locked, or does not fit the other.
        """
        try:
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key, password=_no_passphrase)
        except (OSError, ValueError) as error:
            named = ", ".join(str(path) for path in (self.cert, self.key, self.ca) if path is not None)
            raise AddressError(f"the certificate, key or CA cannot be used ({named}): {error}") from error
        return context


def require_meant(address: Address, cleartext: str | None) -> None:
    """Refuse clear text that leaves this machine, unless a person gave a reason.

    Raises
    ------
    ClearTextError
        When it would.
    AddressError
        When the host has no address.
    """
    if address.scheme == "tls" or (cleartext or "").strip() or all(map(_is_loopback, _resolved(address))):
        return
    raise ClearTextError(
        f"{address} is clear text and leaves this machine, with places where persons are: use tls:HOST:PORT with "
        "--cert, --key and --ca, or say why clear text will do with --cleartext REASON"
    )


def send(address: Address, events: Sequence[str], identity: Identity) -> int:
    """Hand every event over; returns how many.

    That a stream took them is all that is known: TAK servers acknowledge nothing. UDP does not even tell that.

    Raises
    ------
    SendError
        When the server cannot be reached or verified, or dropped us: how many events it may have.
    """
    messages = [(_HEADER + event + "\n").encode() for event in events]
    with connected(address, identity) as link:
        sent = 0
        try:
            for message in messages:
                if address.scheme == "udp" and len(message) > _DATAGRAM_BYTES:
                    raise SendError(f"an event of {len(message)} bytes fits no datagram: send it by tls or tcp")
                link.sendall(message)
                sent += 1
            if address.scheme != "udp":
                _require_taken(link)
        except OSError as error:
            raise SendError(
                f"{address} went away after at most {sent} of {len(messages)} events ({error.strerror or error}): "
                "nobody knows which of them it has; send all again, marks keep their uid and do not double"
            ) from error
    return sent


def _require_taken(link: socket.socket) -> None:
    """Wait a moment for word that the other side dropped what it was given."""
    link.settimeout(_LAST_WORD_S)
    with contextlib.suppress(TimeoutError, ssl.SSLWantReadError):
        while data := link.recv(4096):  # a server may talk; what it says is not ours to read
            del data
        raise ConnectionResetError("the server closed the connection")


@contextlib.contextmanager
def connected(address: Address, identity: Identity) -> Iterator[socket.socket]:
    """Connect, and close the link in the end.

    Raises
    ------
    SendError
        When the server cannot be reached or verified.
    """
    context = identity.context() if address.scheme == "tls" else None
    with contextlib.ExitStack() as opened:
        try:
            if address.scheme == "udp":
                family, _, _, _, place = _lookup(address)[0]
                link = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                link.connect(place)
            else:
                link = opened.enter_context(socket.create_connection((address.host, address.port), timeout=_WAIT_S))
            if context is not None:
                link = opened.enter_context(context.wrap_socket(link, server_hostname=address.host))
        except OSError as error:
            why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.strerror or error
            raise SendError(f"{address} cannot be reached, and was given nothing: {why}") from error
        yield link


def _lookup(address: Address) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]:
    try:
        return socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)  # type: ignore[return-value]
    except OSError as error:
        raise AddressError(f"{address}: there is no host of that name ({error.strerror or error})") from error


def _resolved(address: Address) -> list[str]:
    return [place[0] for *_, place in _lookup(address)]


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _no_passphrase() -> str:
    raise ValueError("the key is locked by a passphrase; give an unlocked copy that only you can read")
