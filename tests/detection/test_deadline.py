"""Runs that take too long are ended, each at its own time, by a thread that does not outlive them by long."""

from __future__ import annotations

import threading
import time

from detection.deadline import Deadline


class Options:
    """What ONNX Runtime looks at while it runs."""

    terminate = False


def runs_until_ended(deadline: Deadline, options: Options, most_s: float = 10.0) -> float:
    """Run until it is told to end, and return how long that took."""
    begun_s = time.monotonic()
    with deadline.over(options):
        while not options.terminate and time.monotonic() - begun_s < most_s:
            time.sleep(0.001)
    return time.monotonic() - begun_s


def watchers() -> int:
    return sum(thread.name == "deadline" for thread in threading.enumerate())


def test_each_run_has_its_own_time_from_its_own_beginning() -> None:
    deadline = Deadline(0.2)
    with deadline.over(quick := Options()):
        pass
    time.sleep(0.1)
    assert 0.2 <= runs_until_ended(deadline, slow := Options()) < 10.0
    assert 0.2 <= runs_until_ended(deadline, again := Options()) < 10.0
    assert (quick.terminate, slow.terminate, again.terminate) == (False, True, True)


def test_runs_side_by_side_are_ended_each_and_what_ends_in_time_is_not() -> None:
    deadline, options = Deadline(0.15), [Options() for _ in range(4)]
    threads = [threading.Thread(target=runs_until_ended, args=(deadline, one)) for one in options[:3]]
    for thread in threads:
        thread.start()
    with deadline.over(options[3]):
        pass
    for thread in threads:
        thread.join()
    assert [one.terminate for one in options] == [True, True, True, False]


def test_one_thread_watches_any_number_of_runs_and_goes_when_there_are_none() -> None:
    deadline, before = Deadline(0.05), watchers()
    for _ in range(20):
        with deadline.over(Options()):
            assert watchers() <= before + 1
    until_s = time.monotonic() + 10.0
    while watchers() > before and time.monotonic() < until_s:
        time.sleep(0.01)
    assert watchers() == before
