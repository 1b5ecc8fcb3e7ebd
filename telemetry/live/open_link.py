"""From a judged address to a link: which door each kind of stream comes in by."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from telemetry.live.bridge_link import SrtLink, bridged, require_srt_tool
from telemetry.live.datagram_link import DatagramLink
from telemetry.live.stream_link import StreamLink
from telemetry.videos.video_source import scheme_of

if TYPE_CHECKING:
    from telemetry.live.byte_link import ByteLink
    from telemetry.videos.video_source import OpenPlan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """How links are made: networks that may be called beyond the private ones, credentials, transport of RTSP.

    After `stale_s` of silence a stream is stale, and is opened again. Credentials are kept apart from the address: an
    address is seen in lists of processes and in logs.
    """

    allowed: tuple[str, ...] = ()
    user: str = ""
    password: str = dataclasses.field(default="", repr=False)
    rtsp_transport: str = "tcp"
    stale_s: float = 3.0


def open_link(plan: OpenPlan, options: LinkOptions) -> ByteLink:
    """Connect to a judged address, or listen at it.

    Raises
    ------
    ConnectionError
        Nobody answers; it is worth trying again.
    MediaError
        It is not worth it: the port is taken, a program is missing, credentials are refused.
    SourceForbiddenError
        The other side sends us to an address that may not be called.
    """
    scheme = scheme_of(plan.url)
    if scheme in {"udp", "rtp"}:
        return DatagramLink(plan.url)
    if scheme == "tcp":
        return StreamLink(plan.url)
    if scheme == "srt":
        return SrtLink(plan.url, plan.shown)
    return bridged(
        plan,
        user=options.user,
        password=options.password,
        transport=options.rtsp_transport,
        allowed=options.allowed,
    )


def opened_at_once(plan: OpenPlan, options: LinkOptions) -> ByteLink | None:
    """Do what can be done before anybody waits: bind the port of datagrams, look for the program that SRT needs."""
    scheme = scheme_of(plan.url)
    if scheme == "srt":
        require_srt_tool(plan.shown)
    return open_link(plan, options) if scheme in {"udp", "rtp"} else None
