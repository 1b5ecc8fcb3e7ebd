"""What a program asks of the file system, in order: recorded with strace, without root.

Only calls that change files, their names or what is on disk are kept, and only those
below one folder; reads and other files are not. What a test's program acknowledges
it says by writing a line that begins with ``ack `` to its standard error.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TRACED = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync,"
    "sync_file_range,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,"
    "lseek,chdir,copy_file_range,sendfile,splice,mmap"
)
_LONGEST = 1 << 22
_STRING = r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?'
_FD = r"(-?\w+)<((?:\\x[0-9a-f]{2}|[^>\\])*)>(\(deleted\))?"
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += +(-?\d+|\?)(.*)$", re.DOTALL)
_UNFINISHED = re.compile(r"^(\d+) +(\w+\(.*) <unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of the file system, or one acknowledgement."""

    what: str
    """create, write, truncate, sync, rename, link, unlink, mkdir, rmdir, ack."""
    path: str
    other: str = ""
    offset: int = 0
    data: bytes = b""

    def __str__(self) -> str:
        more = f" -> {self.other}" if self.other else f" {len(self.data)} B at {self.offset}" if self.data else ""
        return f"{self.what} {self.path}{more}"


class UnknownCallError(Exception):
    """The program changed a file in a way that this recorder does not understand."""


def require_strace() -> str:
    """Return strace, or skip: not installed, or tracing is forbidden here."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (apt-get install strace)")
    if subprocess.run([strace, "-qq", "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let processes be traced")
    return strace


def record(command: Sequence[str], root: Path, trace: Path, environment: dict[str, str] | None = None) -> list[Step]:
    """Run a command to its end under strace and return what it did below `root`."""
    strace = require_strace()
    options = ["-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", str(_LONGEST), "-o", str(trace)]
    options += ["-e", f"trace={TRACED}"]
    done = subprocess.run([strace, *options, *command], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return list(steps_of(_joined(trace.read_text("latin-1").splitlines()), str(root)))


def _joined(lines: Sequence[str]) -> Iterator[str]:
    """Put together the calls that another thread's call interrupted, at the place where they end."""
    waiting: dict[str, str] = {}
    for line in lines:
        if begun := _UNFINISHED.match(line):
            waiting[begun[1]] = begun[2]
        elif resumed := _RESUMED.match(line):
            yield f"{resumed[1]} {waiting.pop(resumed[1])}{resumed[3]}"
        else:
            yield line


def _text(escaped: str) -> str:
    return os.fsdecode(bytes.fromhex(escaped.replace("\\x", ""))) if escaped.startswith("\\x") else escaped


def steps_of(lines: Iterator[str], root: str) -> Iterator[Step]:
    """Read strace's lines."""
    places: dict[str, Any] = {"here": os.getcwd()}
    for line in lines:
        match = _LINE.match(line)
        if match is None or match[4] == "?" or int(match[4]) < 0:
            continue
        call, arguments, result = match[2], match[3], int(match[4])
        reader = _READERS.get(call)
        if reader is None:
            raise UnknownCallError(line[:300])
        for step in reader(call, arguments, result, match[5], places):
            if step.what != "ack" and not _below(step.path, root):
                continue
            if step.what == "unknown":
                raise UnknownCallError(line[:300])
            yield step


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")


def _paths(arguments: str, here: str) -> list[str]:
    """Return the absolute paths of a call that takes names, whichever folder they are relative to."""
    found: list[str] = []
    base = here
    for folder, name in _tokens(arguments):
        if folder is not None:
            base = folder
        else:
            found.append(os.path.normpath(os.path.join(base, name)))
    return found


def _tokens(arguments: str) -> list[tuple[str | None, str]]:
    return [
        (_text(match[2]), "") if match[2] is not None else (None, _text(match[4]))
        for match in re.finditer(rf"{_FD}|{_STRING}", arguments)
    ]


def _opened(call, arguments, result, after, places):
    (path, *_) = _paths(arguments, places["here"])
    flags = arguments.rsplit('"', 1)[1]
    if call == "creat":
        flags = "O_WRONLY|O_CREAT|O_TRUNC"
    if "O_WRONLY" not in flags and "O_RDWR" not in flags:
        return
    real = re.match(r"<(.*)>", after)
    path = _text(real[1]) if real else path
    places[str(result)] = -1 if "O_APPEND" in flags else 0
    if "O_CREAT" in flags:
        yield Step(what="create", path=path)
    if "O_TRUNC" in flags:
        yield Step(what="truncate", path=path, offset=0)


def _strings(arguments: str) -> bytes:
    pieces = []
    for escaped, cut in re.findall(_STRING, arguments):
        if cut:
            raise UnknownCallError("strace cut a string")
        pieces.append(bytes.fromhex(escaped.replace("\\x", "")))
    return b"".join(pieces)


def _written(call, arguments, result, after, places):
    match = re.match(_FD, arguments)
    if match is None:
        return
    number, path, gone = match[1], _text(match[2]), match[3]
    data = _strings(arguments)[:result]
    if number == "2" and data.startswith(b"ack "):
        yield Step(what="ack", path=data[4:].decode().rstrip("\n"))
        return
    if gone:
        return
    if call in {"pwrite64", "pwritev", "pwritev2"}:
        offset = int(arguments.rsplit(", ", 2 if call == "pwritev2" else 1)[1])
    else:
        offset = places.get(number, 0)
        if offset >= 0:
            places[number] = offset + result
    yield Step(what="write", path=path, offset=offset, data=data)


def _truncated(call, arguments, result, after, places):
    match = re.match(_FD, arguments)
    path = _text(match[2]) if match else _paths(arguments, places["here"])[0]
    if match and match[3]:
        return
    yield Step(what="truncate", path=path, offset=int(arguments.rsplit(", ", 1)[1]))


def _synced(call, arguments, result, after, places):
    match = re.match(_FD, arguments)
    if match and not match[3]:
        yield Step(what="sync", path=_text(match[2]))


def _sought(call, arguments, result, after, places):
    number = re.match(r"\d+", arguments)
    if number and places.get(number[0], -1) >= 0:  # a file opened for appending goes on appending
        places[number[0]] = result
    return iter(())


def _named(call, arguments, result, after, places):
    paths = _paths(arguments, places["here"])
    what = re.sub(r"at2?$", "", call)
    if what == "unlink" and "AT_REMOVEDIR" in arguments:
        what = "rmdir"
    if what == "symlink":
        raise UnknownCallError(arguments)
    yield Step(what=what, path=paths[0], other=paths[1] if len(paths) > 1 else "")


def _moved(call, arguments, result, after, places):
    places["here"] = _paths(arguments, places["here"])[0]
    return iter(())


def _allocated(call, arguments, result, after, places):
    path = _text(re.match(_FD, arguments)[2])
    yield Step(what="unknown", path=path)


def _copied(call, arguments, result, after, places):
    fds = [_text(m[2]) for m in re.finditer(_FD, arguments)]
    target = fds[0] if call == "sendfile" else fds[-1]
    yield Step(what="unknown", path=target)


def _mapped(call, arguments, result, after, places):
    match = re.search(_FD, arguments)
    if match and "PROT_WRITE" in arguments and "MAP_SHARED" in arguments:
        path = _text(match[2])
        if not path.endswith("-shm"):  # SQLite's index of its journal is never read after a crash
            yield Step(what="unknown", path=path)


_READERS = {
    **dict.fromkeys(("openat", "open", "creat"), _opened),
    **dict.fromkeys(("write", "pwrite64", "writev", "pwritev", "pwritev2"), _written),
    **dict.fromkeys(("ftruncate", "truncate"), _truncated),
    **dict.fromkeys(("fsync", "fdatasync"), _synced),
    **dict.fromkeys(
        (
            "rename",
            "renameat",
            "renameat2",
            "unlink",
            "unlinkat",
            "mkdir",
            "mkdirat",
            "rmdir",
            "link",
            "linkat",
            "symlink",
            "symlinkat",
        ),
        _named,
    ),
    "lseek": _sought,
    "chdir": _moved,
    "fallocate": _allocated,
    "sync_file_range": lambda *_: iter(()),
    **dict.fromkeys(("copy_file_range", "sendfile", "splice"), _copied),
    "mmap": _mapped,
}
