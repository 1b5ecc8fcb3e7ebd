"""The allow-list as a table of ways round it."""

from __future__ import annotations

import pytest

from telemetry.errors import MediaError, SourceForbiddenError
from telemetry.videos.video_source import judge_live, scheme_of, without_credentials


def judge(url, *, allowed=(), names=None):
    def resolve(host):
        if names is None or host not in names:
            raise OSError("no such host")
        return names[host]

    return judge_live(url, allowed=allowed, resolve=resolve)


@pytest.mark.parametrize(
    "url",
    [
        "udp://239.2.3.1:5600", "udp://@239.2.3.1:5600", "udp://127.0.0.1:1", "udp://192.168.1.9:5000",
        "rtsp://10.0.0.5/stream", "rtp://[ff15::1]:5004", "RTSP://10.0.0.5/stream", "srt://172.16.0.1:9000",
        "udp://0.0.0.0:5600", "udp://:5600", "tcp://10.0.0.1:1", "rtmp://10.0.0.1/",
    ],
)  # fmt: skip
def test_streams_of_the_own_network_are_accepted(url):
    plan = judge(url)
    assert plan.live
    assert "file" not in plan.options["protocol_whitelist"].split(",")
    assert "http" not in plan.options["protocol_whitelist"].split(",")


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://169.254.169.254/", "rtsp://[fe80::1]/", "rtsp://[::ffff:169.254.169.254]/", "rtsp://8.8.8.8/",
        "rtsp://[2001:4860:4860::8888]/", "rtsp://user@169.254.169.254/", "rtsp://127.0.0.1@169.254.169.254/",
        "file:///etc/passwd", "concat:a|b", "http://10.0.0.1/", "tcp://8.8.8.8:1", "async:rtsp://10.0.0.1/",
        "cache:udp://10.0.0.1", "subfile:,,start,0,end,0,,:/etc/passwd", "data:,x", "gopher://10.0.0.1",
        "rtmp://169.254.169.254/", "unix:/run/x", "crypto+file:/x", "fd:3",
    ],
)  # fmt: skip
def test_everything_else_is_refused(url):
    with pytest.raises(SourceForbiddenError):
        judge(url)


def test_every_address_of_a_name_has_to_be_allowed():
    names = {"cam.lan": ["10.0.0.7"], "trick.example": ["10.0.0.7", "169.254.169.254"], "out.example": ["8.8.4.4"]}
    assert judge("rtsp://cam.lan/s", names=names).url == "rtsp://10.0.0.7/s"
    with pytest.raises(SourceForbiddenError, match=r"169\.254\.169\.254"):
        judge("rtsp://trick.example/s", names=names)
    with pytest.raises(SourceForbiddenError):
        judge("rtsp://out.example/s", names=names)
    assert judge("rtsp://out.example/s", names=names, allowed=("8.8.4.0/24",)).live


def test_a_name_is_replaced_by_the_address_that_was_judged():
    plan = judge("rtsp://user:pw@cam.lan:8554/s?x=1", names={"cam.lan": ["10.0.0.7"]})
    assert plan.url == "rtsp://user:pw@10.0.0.7:8554/s?x=1"
    assert plan.shown == "rtsp://cam.lan:8554/s"


def test_names_that_lead_nowhere_and_networks_that_are_none_are_told():
    with pytest.raises(MediaError, match="cannot be found"):
        judge("rtsp://nowhere.example/")
    with pytest.raises(MediaError, match="no address"):
        judge("rtsp://empty.example/", names={"empty.example": []})
    with pytest.raises(MediaError, match=r"203\.0\.113\.0/24"):
        judge("udp://10.0.0.1:1", allowed=("everything",))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:secret@10.0.0.5:554/a?token=secret#secret", "rtsp://10.0.0.5:554/a"),
        ("srt://10.0.0.5:9000?passphrase=secret", "srt://10.0.0.5:9000"),
        ("rtsp://secret@[fe80::1]/a", "rtsp://[fe80::1]/a"),
        ("rtsp://u:secret@10.0.0.5:notaport/", "the address given"),
    ],
)
def test_messages_never_hold_credentials(url, shown):
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    ("source", "scheme"),
    [("clip.ts", ""), ("/a/b:c.ts", ""), ("UDP://x", "udp"), ("concat:a", "concat"), ("./a:b", "")],
)
def test_paths_have_no_scheme(source, scheme):
    assert scheme_of(source) == scheme
