"""Sending to servers that behave, do not, or are not who they say: all over loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from operations.exports.errors import AddressError, ClearTextError, SendError
from operations.exports.send_link import Address, Identity, require_meant, send

EVENTS = [f'<event version="2.0" uid="u{k}"/>' for k in range(5)]


def certificate(folder, name, issuer=None, *, host="127.0.0.1"):
    """Write a certificate and its key; signed by `issuer` (certificate, key), else by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        made = made.add_extension(authority, critical=False)
    else:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
    signed = made.sign((issuer or (None, key))[1], hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(private)
    return signed, key


@pytest.fixture
def authority(tmp_path):
    """Return a folder with an authority, a server's and a client's certificate."""
    ca = certificate(tmp_path, "ca")
    for name in ("server", "client"):
        certificate(tmp_path, name, ca)
    certificate(tmp_path, "elsewhere", ca, host="192.0.2.1")
    certificate(tmp_path, "stranger")
    return tmp_path


def serve(handle, context=None):
    """Answer one connection in a thread; returns port, thread and what was received."""
    listener = socket.create_server(("127.0.0.1", 0))
    received = []

    def run():
        with listener, listener.accept()[0] as raw:
            try:
                with context.wrap_socket(raw, server_side=True) if context else raw as link:
                    handle(link, received)
            except OSError as error:
                received.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return listener.getsockname()[1], thread, received


def take_all(link, received):
    """Read until five events are there; then say nothing and wait for the other side to go."""
    data = b""
    while data.count(b"<event ") < len(EVENTS):
        data += link.recv(65_536)
    received.append(data)
    while link.recv(65_536):
        pass


def tls(authority, name, *, ask=True):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    if ask:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority / "ca.pem")
    return context


def identity(authority, name="client"):
    return Identity(cert=authority / f"{name}.pem", key=authority / f"{name}.key", ca=authority / "ca.pem")


def test_a_server_gets_every_event_over_tls(authority):
    port, thread, received = serve(take_all, tls(authority, "server"))
    assert send(Address(scheme="tls", host="127.0.0.1", port=port), EVENTS, identity(authority)) == 5
    thread.join()
    assert received[0].count(b"<?xml ") == 5
    assert all(event.encode() in received[0] for event in EVENTS)


@pytest.mark.parametrize("server", ["stranger", "elsewhere"])
def test_a_server_that_is_not_who_it_says_gets_nothing(authority, server):
    port, thread, received = serve(take_all, tls(authority, server, ask=False))
    with pytest.raises(SendError, match="was given nothing: .*(self-signed|IP address mismatch)"):
        send(Address(scheme="tls", host="127.0.0.1", port=port), EVENTS, identity(authority))
    thread.join()
    assert not any(isinstance(one, bytes) for one in received)


def test_a_server_that_does_not_let_us_in_is_said(authority):
    port, thread, _ = serve(take_all, tls(authority, "server"))
    with pytest.raises(SendError, match=r"went away|given nothing"):
        send(Address(scheme="tls", host="127.0.0.1", port=port), EVENTS, Identity(ca=authority / "ca.pem"))
    thread.join()


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_server_that_drops_us_in_the_middle_is_said(how):
    def drop(link, received):
        received.append(link.recv(20))
        if how == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    port, thread, _ = serve(drop)
    with pytest.raises(SendError, match=r"went away after at most \d of 5 events .*nobody knows which"):
        send(Address(scheme="tcp", host="127.0.0.1", port=port), EVENTS, Identity())
    thread.join()


def test_nobody_there_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SendError, match="was given nothing: Connection refused"):
        send(Address(scheme="tcp", host="127.0.0.1", port=port), EVENTS, Identity())


def test_datagrams_carry_one_event_each():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10.0)
        address = Address(scheme="udp", host="127.0.0.1", port=listener.getsockname()[1])
        assert send(address, EVENTS, Identity()) == 5
        assert [listener.recv(65_536).decode().splitlines()[1] for _ in EVENTS] == EVENTS


def test_clear_text_stays_here_unless_somebody_says_why():
    for host in ("127.0.0.1", "::1"):
        require_meant(Address(scheme="tcp", host=host, port=8087), None)
    require_meant(Address(scheme="tls", host="192.0.2.1", port=8089), None)
    for scheme, host in (("tcp", "192.0.2.1"), ("udp", "239.2.3.1")):
        address = Address(scheme=scheme, host=host, port=6969)
        for reason in (None, "", "  "):
            with pytest.raises(ClearTextError, match="--cleartext REASON"):
                require_meant(address, reason)
        require_meant(address, "closed radio network")


@pytest.mark.parametrize("text", ["", "tls", "tls:host", "tls:host:0", "tls:host:99999", "http://host:80", "tls::8089"])
def test_what_is_no_address_is_one_sentence(text):
    with pytest.raises(AddressError, match="is no address; write tls:HOST:PORT"):
        Address.parse(text)
    assert str(Address.parse("tls:[::1]:8089")) == "tls:[::1]:8089"


def test_keys_that_do_not_fit_and_locked_keys_are_one_sentence(authority):
    with pytest.raises(AddressError, match="cannot be used"):
        Identity(cert=authority / "client.pem", key=authority / "server.key", ca=authority / "ca.pem").context()
    with pytest.raises(AddressError, match="cannot be used"):
        Identity(ca=authority / "none.pem").context()
    key = serialization.load_pem_private_key((authority / "client.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (authority / "locked.key").write_bytes(locked)
    with pytest.raises(AddressError, match="locked by a passphrase"):
        Identity(cert=authority / "client.pem", key=authority / "locked.key", ca=authority / "ca.pem").context()
