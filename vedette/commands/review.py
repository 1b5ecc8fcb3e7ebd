"""``vedette review``: the console in which people look at what was found, decide, and hand it on."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from vedette.commands.question_options import BorderFile, BriefFile, Operations, Question, Zone, parse_zone
from vedette.commands.screen import ERRORS, line, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for
from vedette.commands.signing_options import SigningPassphraseFile, signer_of
from vedette.commands.two_people import FirstKey, SecondKey, SecondPassphraseFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maps.review.console import Console
    from maps.review.desk import Folder
    from maps.review.handing import Outlet
    from maps.review.hooks import Hook
    from maps.review.looking import Sight
    from maps.review.serving import Tls

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Example: vedette review night-1 night-2 --brief brief.toml --tak tls:tak.example.org:8089 "
    "--tak-cert me.pem --tak-key me.key --tak-ca ca.pem"
)
def review(
    operations: Operations,
    brief: BriefFile = None,
    border: BorderFile = None,
    zone: Zone = None,
    accounts: Annotated[
        Path | None, typer.Option(help="File of accounts (default: accounts.json in your settings folder).")
    ] = None,
    host: Annotated[str, typer.Option(help="Address of this machine to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any that is free.")] = 8765,
    name: Annotated[list[str] | None, typer.Option(help="Another name it is reached by; again for more.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Answer by TLS, with a certificate of the console's own.")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM) to answer with.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    tak: Annotated[str | None, typer.Option(help="Where events go: tls:HOST:PORT, tcp:HOST:PORT.")] = None,
    tak_cert: Annotated[Path | None, typer.Option(help="Our certificate for it (PEM).")] = None,
    tak_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    tak_ca: Annotated[Path | None, typer.Option(help="Who signs that server's certificate (PEM).")] = None,
    cleartext: Annotated[str | None, typer.Option(help="Why clear text may leave this machine.")] = None,
    basemap: Annotated[
        Path | None, typer.Option(help="Base map (PMTiles, MBTiles, GeoTIFF); its tiles are read from the file.")
    ] = None,
    planted: Annotated[
        list[Path] | None, typer.Option(help="Operation of simulated films with settled verdicts; again for more.")
    ] = None,
    hook: Annotated[list[str] | None, typer.Option(help="Tell this address of new alerts; again for more.")] = None,
    hook_secret_file: Annotated[
        Path | None, typer.Option(help="File whose first line signs what hooks are told (16 bytes or more).")
    ] = None,
    signing_key: FirstKey = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    second_key: SecondKey = None,
    second_passphrase_file: SecondPassphraseFile = None,
) -> None:
    """Serve the review console of one or several operations; nobody gets in without an account.

    The first account is made with a code that is printed here; more with 'vedette accounts'.
    """
    from maps.basemap_file import BasemapOnDisk
    from maps.review.app import Settings, build_app
    from maps.review.desk import Desk
    from maps.review.serving import Place, server_for

    people = accounts or default_accounts()
    names = tuple(name or ())
    answering = _tls(own=tls, cert=tls_cert, key=tls_key, folder=people.parent, hosts=(host, *names))
    place = Place(host=host, port=port, tls=answering, names=names)
    sight = _sight(Question(brief=brief, border=border), zone)
    outlet = _outlet(tak, (tak_cert, tak_key, tak_ca), cleartext)
    signer = None if signing_key is None else signer_of(signing_key, signing_passphrase_file)
    second = None if second_key is None else signer_of(second_key, second_passphrase_file)
    hooks = _hooks(hook or (), hook_secret_file)
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(place.listen())
        desk = stack.enter_context(Desk(_folders(operations, key_file, passphrase_file), clock=utc_now_ns))
        beneath = None
        try:
            beneath = None if basemap is None else BasemapOnDisk(basemap)
        except InputError as error:
            desk.problems.append(error.message)
        for problem in desk.problems:
            ERRORS.print(line(("left out:", "yellow"), f" {problem}"))
        known = None
        if planted:
            known = stack.enter_context(Desk(_folders(planted, key_file, passphrase_file), clock=utc_now_ns))
        taken = link.getsockname()[1]
        settings = Settings(
            accounts=people, origins=place.origins(taken), sight=sight, outlet=outlet, planted=known, signer=signer,
            second_signer=second, basemap=beneath,
        )  # fmt: skip
        console = build_app(desk, settings)
        console.state.console.read_ahead()
        _tell(
            console.state.console.first.code, f"{'http' if answering is None else 'https'}://{host}:{taken}/", answering
        )
        stack.enter_context(_telling(hooks, console.state.console))
        server_for(console, answering).run(sockets=[link])


@contextlib.contextmanager
def _telling(hooks: Sequence[Hook], console: Console) -> Iterator[None]:
    """Tell hooks of new alerts, beside the server, until the context ends."""
    from maps.review.hooks import Herald

    stop = threading.Event()
    if not hooks:
        yield
        return
    thread = threading.Thread(target=Herald(console.looking, hooks, console.clock).run, args=(stop,), name="hooks")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _hooks(addresses: Sequence[str], secret_file: Path | None) -> list[Hook]:
    from maps.review.hooks import Hook

    if not addresses:
        return []
    if secret_file is None:
        raise InputError("--hook needs --hook-secret-file: what is told is signed")
    secret = secret_file.read_bytes().split(b"\n", 1)[0].strip()
    return [Hook.parse(address, secret) for address in addresses]


def default_accounts() -> Path:
    """Return where accounts are kept unless said otherwise."""
    return Path(typer.get_app_dir("vedette")) / "accounts.json"


def _tls(*, own: bool, cert: Path | None, key: Path | None, folder: Path, hosts: Sequence[str]) -> Tls | None:
    from maps.review.access.own_certificate import own_certificate
    from maps.review.serving import Tls

    if (cert is None) != (key is None):
        raise InputError("--tls-cert and --tls-key belong together: give both")
    if cert is not None and key is not None:
        return Tls(cert=cert, key=key)
    if not own:
        return None
    made = own_certificate(folder, list(dict.fromkeys((*hosts, "127.0.0.1", "localhost"))), dt.datetime.now(dt.UTC))
    return Tls(cert=made[0], key=made[1])


def _sight(question: Question, zone: str | None) -> Sight:
    from maps.review.looking import Sight
    from operations.finding.border import BorderLine

    lines = tuple(question.border_lines())
    return Sight(lines=lines, border=BorderLine(lines) if lines else None, zone=parse_zone(zone))


def _outlet(
    tak: str | None, files: tuple[Path | None, Path | None, Path | None], cleartext: str | None
) -> Outlet | None:
    from maps.review.handing import Outlet
    from operations.exports.send_link import Address, Identity, require_meant

    if tak is None:
        return None
    address = Address.parse(tak)
    require_meant(address, cleartext)
    cert, key, ca = files
    return Outlet(address=address, identity=Identity(cert=cert, key=key, ca=ca), cleartext=cleartext or "")


def _folders(operations: Sequence[Path], key_file: Path | None, passphrase_file: Path | None) -> list[Folder]:
    from maps.review.desk import Folder
    from operations.vault.keys_file import is_encrypted

    folders = []
    for path in dict.fromkeys(operations):
        given = (key_file, passphrase_file) if is_encrypted(path) else (None, None)
        folders.append(Folder(path=path, secret=secret_for(path, *given)))
    return folders


def _tell(code: str, address: str, answering: Tls | None) -> None:
    from maps.review.access.own_certificate import fingerprint

    ERRORS.print(line("The console is at ", (address, "bold"), "  (Ctrl-C ends it)"))
    if answering is not None:
        ERRORS.print(
            f"SHA-256 of its certificate, to compare with what the browser shows: {fingerprint(answering.cert)}"
        )
    if code:
        ERRORS.print(line("Nobody has an account yet. Code for the first one, good for half an hour: ", (code, "bold")))
