"""What a child takes from itself, read back from the system; each in a process of its own, for there is no way back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("resource")


def told(script):
    whole = f"import json, resource\nfrom geo.children import seal\n{script}"
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_limits_bind_both_ways_so_that_a_child_cannot_take_them_back():
    soft_and_hard = told(
        "seal.limit_memory(3 << 30); seal.deny_core_dumps(); seal.deny_writing()\n"
        "print(json.dumps([resource.getrlimit(n) for n in (resource.RLIMIT_AS, resource.RLIMIT_CORE, "
        "resource.RLIMIT_FSIZE)]))"
    )
    assert soft_and_hard == [[3 << 30, 3 << 30], [0, 0], [0, 0]]


def test_memory_may_grow_by_so_much_from_what_is_used_now():
    before, after, pages = told(
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "seal.limit_more_memory(1 << 28)\n"
        "print(json.dumps([used, *resource.getrlimit(resource.RLIMIT_AS)]))"
    )
    assert after == pages
    assert before + (1 << 28) <= after < before + (1 << 28) + (1 << 24)


@pytest.mark.parametrize("seconds", [3, 40])
def test_time_counts_from_now(seconds):
    soft, used = told(
        f"sum(range(10 ** 6)); seal.limit_time({seconds})\n"
        "use = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(json.dumps([resource.getrlimit(resource.RLIMIT_CPU)[0], use.ru_utime + use.ru_stime]))"
    )
    assert used + seconds <= soft <= used + seconds + 2.0


def test_open_files_are_raised_as_far_as_the_system_lets_them_and_never_lowered():
    first, second, hard = told(
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512)); seal.allow_descriptors(300)\n"
        "first = resource.getrlimit(resource.RLIMIT_NOFILE)[0]; seal.allow_descriptors(100)\n"
        "second = resource.getrlimit(resource.RLIMIT_NOFILE)[0]; seal.allow_descriptors(9000)\n"
        "print(json.dumps([first, second, resource.getrlimit(resource.RLIMIT_NOFILE)[0]]))"
    )
    assert (first, second, hard) == (300, 300, 512)
