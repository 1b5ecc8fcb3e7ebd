"""Accounts: the file, the first one, and those an admin keeps."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import stat

import httpx
import pytest

from geo.errors import RefusedError
from maps.review.access.accounts import Account, Passwords, require_name
from maps.review.access.accounts_file import AccountsFile
from maps.review.access.own_certificate import fingerprint, own_certificate
from maps.review.access.roles import Role
from maps.review.errors import AccountError, AddressTakenError
from maps.review.serving import Place
from operations.log.leaves import LeafKind
from tests.maps.review.conftest import CHEAP, PASSWORD, PEOPLE, people_file, serving


def test_the_file_is_the_owners_alone_and_holds_no_password(tmp_path):
    path = people_file(tmp_path / "new" / "accounts.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert PASSWORD not in text
    assert text.count("$argon2id$") == len(PEOPLE)


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = people_file(tmp_path / "accounts.json")
    path.chmod(0o640)
    with pytest.raises(AccountError, match="chmod 600"):
        AccountsFile(path).accounts()


BAD_NAME = '{"v": 1, "accounts": [{"name": "<b>", "role": "admin", "password": ""}]}'


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"v": 1, "accounts": [{"name": "a"}]}', '{"v": 9, "accounts": []}', BAD_NAME]
)
def test_a_file_that_is_none_is_said(tmp_path, text):
    path = tmp_path / "accounts.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(AccountError):
        AccountsFile(path).accounts()


@pytest.mark.parametrize("name", ["", " ana", "ana k", "<script>", "a" * 65, "ana\n", "-x", "ä"])
def test_names_that_do_not_stand_in_a_log_are_refused(name):
    with pytest.raises(AccountError):
        require_name(name)


def test_passwords_of_no_length_are_refused():
    for password in ("", "short", "x" * 14, "x" * 257):
        with pytest.raises(AccountError):
            CHEAP.hashed(password)
    hashed = CHEAP.hashed(PASSWORD)
    account = Account(name="ana", role=Role.ANALYST, password=hashed)
    assert CHEAP.fit(account, PASSWORD)
    assert not CHEAP.fit(account, PASSWORD + " ")
    assert not CHEAP.fit(None, PASSWORD)


def test_the_usual_cost_is_that_of_the_standard():
    """RFC 9106, 4: the second recommended option is t=3, 64 MiB, p=4, Argon2id."""
    assert Passwords().hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_first_account_needs_the_code_once(tmp_path, operation):
    with serving([operation], tmp_path / "people" / "accounts.json") as running:
        client, code = running.client(), running.console.first.code
        assert "Nobody has an account yet" in client.get("/login").text
        new = {"name": "ada", "password": PASSWORD, "code": "0" * 16}
        assert client.post("/api/first", json=new).status_code == 403
        assert client.post("/api/first", json=new | {"code": code, "password": "short"}).status_code == 400
        assert client.post("/api/first", json=new | {"code": code}).json() == {"name": "ada", "role": "admin"}
        assert client.post("/api/first", json=new | {"code": code, "name": "eve"}).status_code == 403
        assert "Nobody has an account yet" not in client.get("/login").text
        assert running.client("ada").get("/api/me").json()["role"] == "admin"


def test_the_code_does_not_hold_for_ever(tmp_path, operation):
    with serving([operation], tmp_path / "people" / "accounts.json") as running:
        running.steps.forward(1_801.0)
        new = {"name": "ada", "password": PASSWORD, "code": running.console.first.code}
        assert running.client().post("/api/first", json=new).status_code == 403


def test_an_admin_keeps_the_accounts_and_never_locks_everybody_out(served):
    ada = served.client("ada")
    told = ada.post("/api/accounts", json={"name": "new", "role": "viewer", "password": "a few words in a row"}).json()
    assert {"name": "new", "role": "viewer", "closed": False} in told["accounts"]
    assert "argon2" not in json.dumps(told)
    assert ada.post("/api/accounts", json={"name": "new", "role": "admin", "password": PASSWORD}).status_code == 400
    ben = served.client("ben")
    assert ada.post("/api/accounts/change", json={"name": "ben", "closed": True}).status_code == 200
    assert ben.get("/api/me").status_code == 401
    for change in ({"closed": True}, {"role": "viewer"}):
        assert ada.post("/api/accounts/change", json={"name": "ada", **change}).status_code == 403
    assert served.leaves(LeafKind.NOTE)[-1].subject == "account ben"


def test_everybody_changes_their_own_password(served):
    ana = served.client("ana")
    assert ana.post("/api/password", json={"old": "wrong", "new": "other words in a row"}).status_code == 403
    assert ana.post("/api/password", json={"old": PASSWORD, "new": "other words in a row"}).status_code == 200
    assert ana.get("/api/me").status_code == 401


def test_a_certificate_of_its_own_is_kept_and_answers(tmp_path):
    now = dt.datetime.now(dt.UTC)
    cert, key = own_certificate(tmp_path / "tls", ["127.0.0.1", "unit-3.example"], now)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = fingerprint(cert)
    assert own_certificate(tmp_path / "tls", ["127.0.0.1"], now) == (cert, key)
    assert fingerprint(cert) == before
    own_certificate(tmp_path / "tls", ["127.0.0.1", "192.0.2.1"], now)
    assert fingerprint(cert) != before
    own_certificate(tmp_path / "tls", ["127.0.0.1"], now + dt.timedelta(days=396))
    assert own_certificate(tmp_path / "tls", ["127.0.0.1"], now)[0] == cert


def test_over_tls_the_cookie_is_bound_to_the_host(tmp_path, operation):
    from maps.review.serving import Tls

    cert, key = own_certificate(tmp_path / "tls", ["127.0.0.1"], dt.datetime.now(dt.UTC))
    people = people_file(tmp_path / "people" / "accounts.json")
    with serving([operation], people, tls=Tls(cert=cert, key=key)) as running:
        context = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(base_url=running.address, verify=context, headers={"origin": running.address}) as client:
            answer = client.post("/api/login", json={"name": "ana", "password": PASSWORD})
            assert answer.headers["set-cookie"].startswith("__Host-vedette_session=")
            assert "Secure" in answer.headers["set-cookie"]
            assert answer.headers["strict-transport-security"]
            assert client.get("/api/me").status_code == 200


def test_nothing_but_loopback_without_tls():
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        with pytest.raises(RefusedError, match="clear text"):
            Place(host=host, port=0)


def test_a_port_that_is_taken_is_said():
    with (
        Place(host="127.0.0.1", port=0).listen() as link,
        pytest.raises(AddressTakenError, match="another program.*--port"),
    ):
        Place(host="127.0.0.1", port=link.getsockname()[1]).listen()
