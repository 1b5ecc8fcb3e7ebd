"""Which sources may be opened: plain files, and live streams at allowed addresses. Pure; names are resolved outside.

FFmpeg understands far more (`concat:`, `file:`, playlists, `http:`), each a way
to read or to call what a person did not mean. What is not listed is refused.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from telemetry.errors import MediaError, SourceForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIVE_PROTOCOLS: Final[dict[str, str]] = {
    "udp": "udp",
    "rtp": "rtp,udp",
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtmp": "rtmp,tcp",
    "tcp": "tcp",
    "srt": "srt,udp",
}
"""Scheme of a live source -> the FFmpeg protocols it may use."""

FILE_FORMATS: Final = "mpegts,mpeg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,h264,hevc,mpegvideo,m4v,mxf,flv,ogg,asf"
"""FFmpeg demultiplexers a file may be read with; no playlist, no concatenation, no script."""

LIVE_FORMATS: Final = "mpegts,rtp,rtsp,sdp,h264,hevc,flv,live_flv"

_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*):")

UNIQUE_LOCAL: Final = ipaddress.ip_network("fc00::/7")
"""RFC 4193: among them the metadata addresses of clouds (fd00:ec2::254), which answer to whoever asks from inside."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlan:
    """How an accepted source is opened."""

    url: str
    shown: str
    live: bool
    options: dict[str, str]


def without_credentials(url: str) -> str:
    """Return a URL fit for messages: user, password and query removed."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address given"
    shown_host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, shown_host + port, parts.path, "", ""))


def scheme_of(source: str) -> str:
    """Return the lower-case scheme of a source, or an empty string for a path."""
    match = _SCHEME.match(source)
    return match.group(1).lower() if match else ""


def judge_live(url: str, *, allowed: Sequence[str], resolve: Callable[[str], Sequence[str]]) -> OpenPlan:
    """Accept a live source, or say why not.

    Parameters
    ----------
    url
        ``udp://``, ``rtp://``, ``rtsp://``, ``rtmp://``, ``tcp://`` or ``srt://``.
    allowed
        Networks beyond the private ones that may be called, as ``203.0.113.0/24``.
    resolve
        Host name to addresses; every one of them has to be allowed.

    Raises
    ------
    SourceForbiddenError
        The scheme or an address is not allowed.
    MediaError
        The address cannot be read or found.
    """
    scheme = scheme_of(url)
    shown = without_credentials(url)
    if scheme not in LIVE_PROTOCOLS:
        known = ", ".join(LIVE_PROTOCOLS)
        message = f"sources of the kind '{scheme}:' are not opened; give a file path or one of {known}"
        raise SourceForbiddenError(message, scheme=scheme)
    try:
        host = urlsplit(url).hostname or ""
    except ValueError as error:
        raise MediaError(f"{shown} is no readable address: {error}") from error
    networks = _networks(allowed)
    addresses = _addresses(host.lstrip("@"), shown, resolve)
    for address in addresses:
        if not is_allowed(address, networks):
            message = (
                f"{shown} leads to {address}, which is not on the allow-list; where it is meant, give --allow "
                f"{address}/{address.max_prefixlen}, or its network"
            )
            raise SourceForbiddenError(message, address=str(address))
    options = {"protocol_whitelist": LIVE_PROTOCOLS[scheme], "format_whitelist": LIVE_FORMATS}
    return OpenPlan(url=_pinned(url, host, addresses), shown=shown, live=True, options=options)


def _networks(allowed: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(network) for network in allowed]
    except ValueError as error:
        raise MediaError(f"an allowed network is written as 203.0.113.0/24: {error}") from error


def _pinned(url: str, host: str, addresses: Sequence[Address]) -> str:
    """Put the judged address in place of a name, so that a second look-up cannot lead elsewhere."""
    if not addresses or host.lstrip("@") == str(addresses[0]):
        return url
    parts = urlsplit(url)
    shown = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])  # noqa: PLR2004
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{user}{at}{shown}{port}"))


def _addresses(host: str, shown: str, resolve: Callable[[str], Sequence[str]]) -> list[Address]:
    if not host:
        return []
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = [ipaddress.ip_address(text.split("%")[0]) for text in resolve(host)]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise MediaError(f"the host of {shown} cannot be found: {why}") from error
    if not found:
        raise MediaError(f"the host of {shown} has no address")
    return found


def is_allowed(address: Address, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Tell whether an address may be called: private, loopback, multicast or listed; never link- or unique-local."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_allowed(mapped, networks)
    if any(address.version == network.version and address in network for network in networks):
        return True
    if address.is_link_local:
        return False
    if address in UNIQUE_LOCAL:
        return False
    return address.is_loopback or address.is_private or address.is_multicast or address.is_unspecified
