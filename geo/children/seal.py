"""What a child takes from itself before it touches hostile bytes: memory, time, files, the network, other programs.

`seal` needs no privilege. On Linux (x86-64, AArch64) it is a seccomp filter, so it binds C code too: whatever
a library is talked into, no file is opened, no socket made, no program started. Elsewhere only the limits hold.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import struct
import sys
from typing import Final

_DENIED: Final[dict[str, dict[str, int]]] = {
    "x86_64": {
        "open": 2, "socket": 41, "connect": 42, "sendto": 44, "bind": 49, "listen": 50, "socketpair": 53,
        "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "truncate": 76, "rename": 82, "mkdir": 83, "rmdir": 84,
        "creat": 85, "link": 86, "unlink": 87, "symlink": 88, "chmod": 90, "chown": 92, "ptrace": 101,
        "mknod": 133, "chroot": 161, "mount": 165, "tkill": 200, "openat": 257, "mkdirat": 258, "mknodat": 259,
        "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266, "fchmodat": 268, "perf_event_open": 298,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "process_vm_readv": 310, "process_vm_writev": 311,
        "renameat2": 316, "bpf": 321, "execveat": 322, "userfaultfd": 323, "pidfd_send_signal": 424,
        "io_uring_setup": 425, "open_tree": 428, "fsopen": 430, "pidfd_open": 434, "openat2": 437, "pidfd_getfd": 438,
    },
    "aarch64": {
        "mknodat": 33, "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37, "renameat": 38, "mount": 40,
        "truncate": 45, "chroot": 51, "fchmodat": 53, "openat": 56, "ptrace": 117, "kill": 129, "tkill": 130,
        "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "connect": 203, "sendto": 206, "execve": 221,
        "perf_event_open": 241, "name_to_handle_at": 264, "open_by_handle_at": 265, "process_vm_readv": 270,
        "process_vm_writev": 271, "renameat2": 276, "bpf": 280, "execveat": 281, "userfaultfd": 282,
        "pidfd_send_signal": 424, "io_uring_setup": 425, "open_tree": 428, "fsopen": 430, "pidfd_open": 434,
        "openat2": 437, "pidfd_getfd": 438,
    },
}  # fmt: skip
"""System calls by their numbers (Linux arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h)."""
_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Linux include/uapi/linux/audit.h."""
_X32_BIT: Final = 0x40000000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCH_AT = 0, 4
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EACCES


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def limit_memory(max_bytes: int) -> None:
    """Bound the address space of this process; an allocation beyond it fails."""
    resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))


def limit_more_memory(extra_bytes: int) -> None:
    """Bound the address space to what is in use now and so much more (unbounded where Linux does not say)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as pages:
            used = int(pages.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    limit_memory(used + extra_bytes)


def limit_time(seconds: int) -> None:
    """End this process when it has computed for so long from now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + seconds, hard))


def deny_core_dumps() -> None:
    """Leave no image of this process's memory behind when it dies."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def deny_writing() -> None:
    """Let no file grow by this process's hand."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def allow_descriptors(count: int) -> None:
    """Let this process hold so many files open, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def seal() -> bool:
    """Refuse this process, for good, opening files, sockets and programs; False where the system has no such filter.

    Descriptors it already holds, or is sent, stay usable.
    """
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in _DENIED or sys.maxsize < 2**32:
        return False
    program = ctypes.create_string_buffer(_program(machine))
    rule = _Filter(len(program.raw[:-1]) // 8, ctypes.cast(program, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(rule), 0, 0) == 0)


def _program(machine: str) -> bytes:
    """Return a classic BPF program: another architecture or a denied number is refused, all else passes."""
    numbers = sorted(_DENIED[machine].values())
    steps = [(_LOAD, 0, 0, _ARCH_AT), (_EQUAL, 1, 0, _AUDIT_ARCH[machine]), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_LOAD, 0, 0, _NUMBER_AT), (_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_EQUAL, len(numbers) - k, 0, number) for k, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
