"""``vedette cue`` at a real broker: TLS, accounts, one topic each; an alarm becomes a card and a sortie that waits."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from operations.cues.cards import cards
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from tests.operations.cues.brokers import MOSQUITTO, WAIT_S, running_broker, until
from tests.operations.exports.test_send_link import certificate
from tests.vedette.test_plan_learned import BRIEF
from vedette.main import main

mqtt = pytest.importorskip("paho.mqtt.client")
ACCOUNTS = {"station": "listens for alarms", "fence-3": "three", "fence-4": "four"}


@pytest.fixture
def broker(tmp_path):
    """Return the port of a broker at which each account writes to its own topic alone."""
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    with running_broker(tmp_path, ACCOUNTS) as started:
        yield started.port


def sender(folder, port, name):
    """Return a client of somebody who sends alarms, connected."""
    client, there = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2), threading.Event()
    client.tls_set_context(ssl.create_default_context(cafile=folder / "ca.pem"))
    client.username_pw_set(name, ACCOUNTS[name])
    client.on_connect = lambda *_: there.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert there.wait(WAIT_S)
    return client


def alarm(number, **changes):
    now = dt.datetime.now(dt.UTC).isoformat()
    return json.dumps({"id": f"a{number}", "utc": now, "lat_deg": 50.047, "lon_deg": 8.05, "kind": "seismic"} | changes)


def listens(operation, port, folder, *more):
    """Run the command until the process is interrupted; returns its exit status."""
    (folder / "pw").write_text(ACCOUNTS["station"] + "\n")
    address = f"mqtts://127.0.0.1:{port}/vedette/alarms"
    words = ("cue", operation, "--mqtt", address, "--user", "station", "--password-file", folder / "pw")
    return main([str(word) for word in (*words, "--ca", folder / "ca.pem", "--source", "fence-3", *more)])


def in_the_background(work):
    """Do something beside the command, then end the command; returns the thread and what went wrong."""
    wrong = []

    def run():
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test
            wrong.append(error)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, wrong


def test_an_alarm_becomes_a_card_with_a_sortie_and_a_flood_becomes_numbers(broker, tmp_path, capsys):
    OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=time.time_ns).close()
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)
    text = BRIEF.replace("2026-01-15T18:00:00Z", begin.isoformat(timespec="seconds"))
    text = text.replace("2026-01-15T22:00:00Z", (begin + dt.timedelta(hours=4)).isoformat(timespec="seconds"))
    (tmp_path / "brief.toml").write_text(text)
    assert main(["plan", str(tmp_path / "brief.toml"), "--out", str(tmp_path / "plan")]) in {0, 1}
    before = sorted((path, path.read_bytes()) for path in (tmp_path / "plan").rglob("*") if path.is_file())

    sent = []

    def repeated(client, opened):
        """Send the second alarm once a second, as a sensor does, until it is known: the flood may fill the queue."""
        if len(opened) < 2 and (not sent or time.monotonic() - sent[-1] > 1.0):
            client.publish("vedette/alarms/fence-3", alarm(4), qos=1).wait_for_publish(WAIT_S)
            sent.append(time.monotonic())
        return len(opened) == 2

    def work():
        until(lambda: "listening to" in capsys.readouterr().err, "the command does not listen")
        three, four = (sender(tmp_path, broker, name) for name in ("fence-3", "fence-4"))
        with OperationStore.open(tmp_path / "op", actor="look", clock=time.time_ns, read_only=True) as store:
            four.publish("vedette/alarms/fence-3", alarm(0), qos=1)  # forged: the broker lets nobody write for another
            four.publish("vedette/alarms/fence-4", alarm(0), qos=1)  # a source that nobody named
            for payload in (alarm(1, lat_deg=8.05, lon_deg=50.047), "x" * 5_000, alarm(2, lat_deg=float("nan"))):
                three.publish("vedette/alarms/fence-3", payload, qos=1)
            three.publish("vedette/alarms/fence-3", alarm(3), qos=1)
            until(lambda: any(card.response for card in cards(store)), "no sortie answers")
            three.publish("vedette/alarms/fence-3", alarm(3), qos=1)  # replayed
            for number in range(100, 400):
                three.publish("vedette/alarms/fence-3", alarm(number, lat_deg=51.0), qos=1)
            until(lambda: repeated(three, cards(store)), "the second alarm is lost")
        for client in (three, four):
            client.disconnect()
            client.loop_stop()

    thread, wrong = in_the_background(work)
    plan = ("--brief", tmp_path / "brief.toml", "--plan", tmp_path / "plan", "--responses", tmp_path / "alarms")
    assert listens(tmp_path / "op", broker, tmp_path, *plan) == 0
    thread.join(WAIT_S)
    assert not wrong, wrong
    with OperationStore.open(tmp_path / "op", actor="look", clock=time.time_ns, read_only=True) as store:
        listed = {card.name: card for card in cards(store)}
        refused = [leaf.body["refused"] for leaf in store.leaves() if leaf.kind is LeafKind.ATTEMPT]
    assert list(listed) == ["fence-3 a3", "fence-3 a4"]
    response = listed["fence-3 a3"].response
    assert response["aircraft"]
    assert (tmp_path / "alarms" / "fence-3-a3" / "response.json").is_file()
    assert not list((tmp_path / "alarms").rglob("approval*"))  # nobody released it
    assert before == sorted((path, path.read_bytes()) for path in (tmp_path / "plan").rglob("*") if path.is_file())
    counted = {key: sum(one.get(source, {}).get(key, 0) for one in refused for source in one) for one in refused
               for source in one for key in one[source]}  # fmt: skip
    assert counted.pop("far") + counted.pop("busy", 0) + counted.pop("known") == 300 + len(sent)
    assert counted == {"source": 1, "swapped": 1, "size": 1, "form": 1}


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (("--mqtt", "mqtt://192.0.2.1/x", "--source", "s"), 3, "clear text"),
        (("--mqtt", "mqtts://h/a/#", "--source", "s"), 2, "is no broker"),
        (("--mqtt", "mqtts://h", "--source", "s"), 2, "is no broker"),
        (("--mqtt", "mqtts:///a", "--source", "s"), 2, "is no broker"),
        (("--mqtt", "mqtts://me:secret@h/a", "--source", "s"), 2, "not given in an address"),
        (("--mqtt", "mqtts://h/a"), 2, "--source is missing"),
        (("--mqtt", "mqtt://127.0.0.1:9/a", "--source", "s"), 2, "cannot be reached"),
        (("--cot", "tcp:192.0.2.1:8087"), 3, "clear text"),
        ((), 2, "name where alarms come from"),
    ],
)
def test_what_cannot_be_listened_to_is_said(tmp_path, capsys, more, status, said):
    OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=time.time_ns).close()
    assert main(["cue", str(tmp_path / "op"), *more, "--seconds", "5"]) == status
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "secret" not in told


def test_a_plan_that_began_nobody_knows_when_is_refused_at_once(tmp_path, capsys):
    """Found at the first alarm otherwise, when a person waits for the sortie."""
    OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=time.time_ns).close()
    brief = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
    assert main(["plan", str(brief), "--out", str(tmp_path / "plan")]) == 0
    capsys.readouterr()
    own = ["--plan", str(tmp_path / "plan"), "--responses", str(tmp_path / "alarms"), "--seconds", "5"]
    assert main(["cue", str(tmp_path / "op"), "--mqtt", "mqtt://127.0.0.1:9/a", "--source", "s", *own]) == 2
    assert "put time.start_utc into the brief and plan again" in " ".join(capsys.readouterr().err.split())


def test_without_the_client_one_sentence_says_what_to_install(tmp_path, capsys, monkeypatch):
    import sys

    OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=time.time_ns).close()
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    assert main(["cue", str(tmp_path / "op"), "--mqtt", "mqtt://127.0.0.1/a", "--source", "s"]) == 2
    assert 'pip install "vedette[cue]"' in capsys.readouterr().err


def test_an_alert_of_a_tak_server_becomes_a_card(tmp_path):
    ca = certificate(tmp_path, "ca")
    for name in ("server", "client"):
        certificate(tmp_path, name, ca)
    OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=time.time_ns).close()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(WAIT_S)
    now = dt.datetime.now(dt.UTC).isoformat()
    event = (
        f'<event version="2.0" uid="ANDROID-7" type="b-a-o-tbl" time="{now}" start="{now}" stale="{now}" how="m-g">'
        '<point lat="50.01" lon="8.05" hae="0" ce="25" le="1"/><detail/></event>'
    )

    def work():
        with listener, listener.accept()[0] as raw, context.wrap_socket(raw, server_side=True) as link:
            link.sendall(event.replace("b-a-o-tbl", "a-f-G").encode() + b"<event bad></event>" + event.encode())
            with OperationStore.open(tmp_path / "op", actor="look", clock=time.time_ns, read_only=True) as store:
                until(lambda: cards(store), "no card")

    thread, wrong = in_the_background(work)
    keys = [word for name, file in (("cert", "client.pem"), ("key", "client.key"), ("ca", "ca.pem"))
            for word in (f"--{name}", str(tmp_path / file))]  # fmt: skip
    server = f"tls:127.0.0.1:{listener.getsockname()[1]}"
    assert main(["cue", str(tmp_path / "op"), "--cot", server, *keys]) == 0
    thread.join(WAIT_S)
    assert not wrong, wrong
    with OperationStore.open(tmp_path / "op", actor="look", clock=time.time_ns, read_only=True) as store:
        (card,) = cards(store)
        (refused,) = (leaf.body["refused"] for leaf in store.leaves() if leaf.kind is LeafKind.ATTEMPT)
    assert (card.name, card.alarm["kind"], card.alarm["ce90_m"]) == (f"{server} ANDROID-7", "b-a-o-tbl", 25.0)
    assert refused == {server: {"form": 1}}
