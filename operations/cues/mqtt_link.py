"""Alarms from an MQTT broker: over TLS, with an account of ours; the last level of the topic names the source.

Who may write to which topic is the broker's to say: give each source an account that can write to its own alone (in
Mosquitto: ``pattern write vedette/alarms/%u``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, Self

from geo.errors import MissingPartError
from operations.cues.alarm import LONGEST_JSON
from operations.cues.errors import SourceError
from operations.exports.send_link import Address, Identity, require_meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from paho.mqtt.client import Client, MQTTMessage

_SCHEMES: Final = {"mqtts": ("tls", 8883), "mqtt": ("tcp", 1883)}
_KEEPALIVE_S: Final = 20
_AGAIN_S: Final = (1, 30)
"""After how long a lost broker is tried again: at first, and at most."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker, the topic whose next level names sources, and our account there."""

    address: Address
    topic: str
    user: str = ""
    password: str = dataclasses.field(default="", repr=False)
    identity: Identity = dataclasses.field(default_factory=Identity)

    @classmethod
    def parse(cls, text: str, *, user: str, password: str, identity: Identity) -> Self:
        """Read ``mqtts://HOST[:PORT]/TOPIC``; clear text only on this machine.

        Raises
        ------
        SourceError
            When it is no such address.
        ClearTextError
            When the password and the alarms would cross a network in clear text.
        """
        parts = urllib.parse.urlsplit(text)
        topic = parts.path.strip("/")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if parts.scheme not in _SCHEMES or not host or not topic or set("+#\0") & set(text):
            raise SourceError(
                f"--mqtt: {_shown(text)!a} is no broker; write mqtts://HOST:PORT/TOPIC, TOPIC without + and #"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise SourceError("--mqtt: name and password are not given in an address: see --user and --password-file")
        scheme, usual = _SCHEMES[parts.scheme]
        address = Address(scheme=scheme, host=host, port=port or usual)
        require_meant(address, None)
        return cls(address=address, topic=topic, user=user, password=password, identity=identity)


@contextlib.contextmanager
def listening(broker: Broker, came: Callable[[str, bytes], None], told: Callable[[str], None]) -> Iterator[None]:
    """Hand every message on, from a thread of the link's own, until the context ends; a lost broker is tried again.

    Parameters
    ----------
    came
        Given source and message, whatever size the broker let through up to one byte more than is read.
    told
        Given sentences about the link itself.

    Raises
    ------
    MissingPartError
        When the MQTT client is not installed.
    SourceError
        When the broker cannot be reached.
    """
    mqtt = _client_module()
    client: Client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if broker.address.scheme == "tls":
        client.tls_set_context(broker.identity.context())
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    client.reconnect_delay_set(*_AGAIN_S)
    client.on_connect = lambda one, _data, _flags, reason, _more: _greeted(
        one, broker, str(reason), told, reason.is_failure
    )
    client.on_disconnect = lambda _one, _data, _flags, reason, _more: told(
        f"{broker.address}: the link ended ({reason})"
    )
    client.on_message = lambda _one, _data, message: came(*_received(message, broker.topic))
    try:
        client.connect(broker.address.host, broker.address.port, keepalive=_KEEPALIVE_S)
    except OSError as error:
        raise SourceError(f"{broker.address} cannot be reached: {error}") from error
    client.loop_start()
    try:
        yield
    finally:
        client.on_disconnect = None
        client.disconnect()
        client.loop_stop()


def _greeted(client: Client, broker: Broker, reason: str, told: Callable[[str], None], refused: Any) -> None:
    if refused:
        told(f"{broker.address} does not let us in ({reason}): see --user and --password-file")
        return
    client.subscribe(f"{broker.topic}/+", qos=1)
    told(f"{broker.address}: listening to {broker.topic}/+")


def _received(message: MQTTMessage, topic: str) -> tuple[str, bytes]:
    return message.topic.removeprefix(f"{topic}/"), bytes(message.payload[: LONGEST_JSON + 1])


def _client_module() -> ModuleType:
    try:
        from paho.mqtt import client
    except ImportError as error:
        raise MissingPartError('MQTT needs a part that is not installed: pip install "vedette[cue]"') from error
    return client


def _shown(text: str) -> str:
    """Return an address without what stands before its host: it may hold a password."""
    return text.rpartition("@")[2][:80]
