"""What is a broker's address, and what is one sentence about it: nothing is asked of a network."""

from __future__ import annotations

import itertools

import pytest

from geo.errors import VedetteError
from operations.cues.errors import SourceError
from operations.cues.mqtt_link import Broker
from operations.exports.send_link import Identity


def parsed(text):
    return Broker.parse(text, user="station", password="listens", identity=Identity())


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "topic"),
    [
        ("mqtts://broker.example/vedette/alarms", "tls", "broker.example", 8883, "vedette/alarms"),
        ("mqtts://broker.example:9000/alarms/", "tls", "broker.example", 9000, "alarms"),
        ("mqtts://[2001:db8::7]/a", "tls", "2001:db8::7", 8883, "a"),
        ("mqtt://127.0.0.1/a/b", "tcp", "127.0.0.1", 1883, "a/b"),
        ("mqtt://localhost:1884/a", "tcp", "localhost", 1884, "a"),
    ],
)
def test_an_address_names_host_port_and_topic(text, scheme, host, port, topic):
    broker = parsed(text)
    address = broker.address
    assert (address.scheme, address.host, address.port, broker.topic) == (scheme, host, port, topic)
    assert (broker.user, broker.password) == ("station", "listens")
    assert "listens" not in repr(broker)


GOOD = ("mqtts", "broker.example:8883", "/vedette/alarms")
BAD = (("http", "ssl", "", "mqttss"), ("", ":8883", "broker.example:none", "broker.example:70000"),
       ("", "/", "//", "/vedette/+", "/#", "/a\0b"))  # fmt: skip


@pytest.mark.parametrize(("part", "wrong"), [(part, wrong) for part in range(3) for wrong in BAD[part]])
def test_each_part_of_an_address_is_needed_by_itself(part, wrong):
    scheme, host, topic = (wrong if part == k else good for k, good in enumerate(GOOD))
    with pytest.raises(SourceError, match="is no broker; write mqtts://HOST:PORT/TOPIC"):
        parsed(f"{scheme}://{host}{topic}")


@pytest.mark.parametrize("several", list(itertools.combinations(range(3), 2)))
def test_two_wrong_parts_do_not_make_a_right_one(several):
    scheme, host, topic = (BAD[k][0] if k in several else good for k, good in enumerate(GOOD))
    with pytest.raises(SourceError):
        parsed(f"{scheme}://{host}{topic}")


@pytest.mark.parametrize("text", ["mqtts://ana:pw@broker.example/a", "mqtts://ana@broker.example/a",
                                  "mqtts://broker.example/a?x=1", "mqtts://broker.example/a?"[:-1] + "?b"])  # fmt: skip
def test_names_passwords_and_questions_do_not_belong_into_an_address(text):
    with pytest.raises(SourceError, match="not given in an address") as refused:
        parsed(text)
    assert "pw" not in refused.value.message


@pytest.mark.parametrize("host", ["192.0.2.7", "broker.invalid", "0.0.0.0"])
def test_clear_text_goes_to_no_other_machine(host):
    with pytest.raises(VedetteError):
        parsed(f"mqtt://{host}/a")
