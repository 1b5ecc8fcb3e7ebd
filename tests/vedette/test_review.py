"""The review console from the command line: it starts, ends by a signal, and says what it cannot do."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from maps.review.access.accounts_file import AccountsFile
from tests.operations.finding.conftest import made_operation
from vedette.main import main

ROOT = Path(__file__).resolve().parents[2]


def test_it_starts_with_a_code_for_the_first_account_and_ends_by_a_signal(tmp_path):
    operation = made_operation(tmp_path / "op")
    (tmp_path / "broken").mkdir()
    command = [sys.executable, "-m", "vedette", "review", str(operation), str(tmp_path / "broken"), "--port", "0"]
    running = subprocess.Popen(
        [*command, "--accounts", str(tmp_path / "accounts.json"), "--basemap", str(tmp_path / "gone.pmtiles")],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
    )
    try:
        said = ""
        while "Code for the first one" not in said:
            line = running.stderr.readline()
            assert line, said
            said += line
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+", said)
        (code,) = re.findall(r"\b[0-9a-f]{16}\b", said)
        assert "left out" in said
        assert "no operation folder" in said
        assert "gone.pmtiles cannot be read" in said
        with httpx.Client(base_url=address, headers={"origin": address}) as client:
            assert client.get("/api/me").status_code == 401
            new = {"name": "ada", "password": "four words in a row", "code": code}
            assert client.post("/api/first", json=new).status_code == 200
        assert set(AccountsFile(tmp_path / "accounts.json").accounts()) == {"ada"}
        running.send_signal(signal.SIGINT)
        running.wait(timeout=60)
    finally:
        running.kill()
        running.wait(timeout=20)
        running.stderr.close()


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--host", "0.0.0.0"], 3, "clear text"),
        (["--host", "nowhere"], 2, "no address"),
        (["--tls-cert", "a.pem"], 2, "belong together"),
        (["--tak", "smtp:1:2"], 2, "no address"),
        (["--hook", "https://example.org/"], 2, "--hook-secret-file"),
        (["--signing-key", "nowhere.key"], 2, "nowhere.key"),
    ],
)
def test_what_cannot_be_is_said_before_anything_listens(capsys, tmp_path, options, status, said):
    assert main(["review", str(tmp_path), "--port", "0", "--accounts", str(tmp_path / "a.json"), *options]) == status
    assert said in " ".join(capsys.readouterr().err.split())


def test_no_operation_at_all_is_said(capsys, tmp_path):
    assert main(["review", str(tmp_path), "--port", "0", "--accounts", str(tmp_path / "a.json")]) == 2
    assert "no operation folder" in " ".join(capsys.readouterr().err.split())


def test_a_port_that_is_taken_is_said(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["review", str(tmp_path), "--port", port, "--accounts", str(tmp_path / "a.json")]) == 2
    assert "another program" in " ".join(capsys.readouterr().err.split())


def test_accounts_are_kept_from_the_command_line(capsys, tmp_path):
    path, words = str(tmp_path / "accounts.json"), tmp_path / "words"
    words.write_text("four words in a row\n")
    add = ["accounts", "add", "ana.k", "--accounts", path, "--password-file", str(words)]
    assert main(add) == 0
    assert main(add) == 2
    assert main(["accounts", "add", "b b", "--accounts", path, "--password-file", str(words)]) == 2
    assert main(["accounts", "add", "ben", "--role", "king", "--accounts", path, "--password-file", str(words)]) == 2
    before = AccountsFile(tmp_path / "accounts.json").accounts()["ana.k"]
    words.write_text("other words in a row\n")
    assert main(["accounts", "password", "ana.k", "--accounts", path, "--password-file", str(words)]) == 0
    assert main(["accounts", "close", "ana.k", "--accounts", path]) == 0
    after = AccountsFile(tmp_path / "accounts.json").accounts()["ana.k"]
    assert (after.closed, after.password != before.password) == (True, True)
    assert main(["accounts", "close", "nobody", "--accounts", path]) == 2
    capsys.readouterr()
    assert main(["accounts", "list", "--accounts", path, "--json"]) == 0
    assert '"closed": true' in capsys.readouterr().out
