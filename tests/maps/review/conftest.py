"""A console that really listens, on loopback, over an operation made for asking; and people who may come in."""

from __future__ import annotations

import contextlib
import threading
import time

import argon2
import httpx
import pytest

from maps.review.access.accounts import Account, Passwords
from maps.review.access.accounts_file import AccountsFile
from maps.review.access.roles import Role
from maps.review.app import Settings, build_app
from maps.review.desk import Desk, Folder
from maps.review.serving import Place, server_for
from operations.consultation import Purpose, open_case
from tests.operations.finding.conftest import made_operation

PASSWORD = "four words in a row"
PEOPLE = {"vera": Role.VIEWER, "ana": Role.ANALYST, "ben": Role.ANALYST, "sue": Role.SUPERVISOR, "ada": Role.ADMIN}
TRUST = httpx.create_ssl_context()
"""Read once: the authorities of the world take a client 50 ms."""
CHEAP = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Steps:
    """A clock that goes on only when it is told to; `now_s` is monotonic seconds, called as it is."""

    def __init__(self):
        self.now_s = 1_000.0

    def __call__(self):
        return self.now_s

    def forward(self, seconds):
        self.now_s += seconds


class Served:
    """A console that listens, with what tests ask of it."""

    def __init__(self, app, desk, address, steps):
        self.app, self.desk, self.address, self.steps = app, desk, address, steps
        self.console = app.state.console
        self._open = contextlib.ExitStack()

    def client(self, name=None, **headers):
        """Return a client, logged in where a name is given; what changes something carries the token."""
        client = self._open.enter_context(
            httpx.Client(base_url=self.address, headers={"origin": self.address, **headers}, timeout=30.0, verify=TRUST)
        )
        if name is not None:
            answer = client.post("/api/login", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["x-vedette-token"] = answer.json()["token"]
        return client

    def with_case(self, name):
        """Return a client of somebody who has a case open in every operation."""
        for source in range(len(self.desk.stores)):
            open_case(self.desk.store_of(source, name), Purpose(case="2026-0412", reason="group at km 31"), hours=12)
        return self.client(name)

    def leaves(self, kind=None):
        """Return the records of the first operation."""
        return [leaf for leaf in self.desk.stores[0].leaves() if kind in (None, leaf.kind)]

    def close(self):
        self._open.close()


def people_file(path):
    """Write accounts for everybody in `PEOPLE`."""
    accounts = AccountsFile(path)
    hashed = CHEAP.hashed(PASSWORD)
    for name, role in PEOPLE.items():
        accounts.put(Account(name=name, role=role, password=hashed))
    return path


@contextlib.contextmanager
def serving(folders, accounts, *, clock=time.time_ns, tls=None, secret=None, **settings):
    """Serve operations in a thread, until the context ends."""
    steps = Steps()
    place = Place(host="127.0.0.1", port=0, tls=tls)
    with place.listen() as link, Desk([Folder(path=path, secret=secret) for path in folders], clock=clock) as desk:
        port = link.getsockname()[1]
        chosen = Settings(accounts=accounts, origins=place.origins(port), passwords=CHEAP, now_s=steps, **settings)
        app = build_app(desk, chosen)
        server = server_for(app, tls)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [link]})
        thread.start()
        served = Served(app, desk, f"http{'s' if tls else ''}://127.0.0.1:{port}", steps)
        try:
            yield served
        finally:
            served.close()
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()


@pytest.fixture
def operation(tmp_path):
    """Return an operation with two nights of walks."""
    return made_operation(tmp_path / "op")


@pytest.fixture
def served(tmp_path, operation):
    """Return a console over that operation, with an account of every role."""
    with serving([operation], people_file(tmp_path / "people" / "accounts.json")) as running:
        yield running
