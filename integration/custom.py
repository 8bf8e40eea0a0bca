"""Requirements of your own: the entry points that are installed beside the service, found and loaded once.

They are somebody else's code within our job. So each has little time, is asked once for the same question, gets options
of its own to spoil, and whatever goes wrong in it becomes a finding. What ends the job itself is let through.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from queue import Empty, SimpleQueue
from types import FrameType, MappingProxyType
from typing import Any, TypeVar

import structlog

from integration.stages.entries import Finding
from integration.stages.file import mappings as m
from integration.stages.model import Issue
from integration.stages.rules.case import Custom

GROUP = "release_stages.requirements"
LIMIT = 2.0  # seconds for one answer
TO_IMPORT = 10.0
_AGAIN = 0.1  # so soon it is told again that its time is up, if it did not listen

T = TypeVar("T")
log = structlog.get_logger(__name__)


class _TooLong(BaseException):
    """The time is up. No `Exception`, so that it is not caught by code that goes on after any."""

    stray: threading.Thread | None = None  # where it goes on all the same


class Check:
    """One requirement that is installed. Asked again about the same issue at the same time, it answers as before."""

    def __init__(self, name: str, check: Custom) -> None:
        self.name, self._check = name, check
        self._asked: tuple[Issue, datetime, dict[str, Finding]] | None = None
        self._stray: threading.Thread | None = None  # does not end: another beside it would not, either

    def __call__(self, issue: Issue, options: Mapping[str, Any], now: datetime) -> Finding:
        """What it finds; a finding that could not be made says why."""
        asked = self._asked
        if asked is None or asked[0] is not issue or asked[1] != now:
            asked = self._asked = (issue, now, {})
        question = repr(options)
        if question not in asked[2]:
            asked[2][question] = self._ask(issue, options, now)
        return asked[2][question]

    def _ask(self, issue: Issue, options: Mapping[str, Any], now: datetime) -> Finding:
        if self._stray and self._stray.is_alive():
            return Finding(self.name, None, "it could not be evaluated: it has not ended since it was asked before")
        found, wrong, self._stray = _tried(LIMIT, lambda: self._check(issue, deepcopy(dict(options)), now))
        if not wrong:
            return found  # type: ignore[return-value]  # whatever it is: the rule looks at it
        log.warning("a requirement could not be evaluated", name=self.name, issue=str(issue.ref), wrong=wrong)
        return Finding(self.name, None, f"it could not be evaluated: {wrong}")


@cache
def installed() -> Mapping[str, Custom]:
    """Every requirement that can be imported, by its name; one that cannot is logged, and is as good as missing."""
    found: dict[str, Custom] = {}
    for point in entry_points(group=GROUP):
        check = _imported(point)
        if check is None:
            continue
        if not callable(check):
            log.error("a requirement is no function", name=point.name, at=point.value)
        elif point.name in found:
            log.error("two packages have a requirement of this name; the first counts", name=point.name, at=point.value)
        else:
            found[point.name] = Check(point.name, check)
    return MappingProxyType(found)


def _imported(point: EntryPoint) -> object:
    """What the entry point names; None where it cannot be had."""
    found, wrong, _ = _tried(TO_IMPORT, point.load)
    if wrong:
        log.error("a requirement cannot be imported", name=point.name, at=point.value, wrong=wrong)
    return found


def missing(mappings: m.Mappings) -> list[str]:
    """The names that the file asks for and that are not installed here, each once."""
    asked = dict.fromkeys(one.name for one in mappings.asked() if isinstance(one, m.Custom))
    return [name for name in asked if name not in installed()] if asked else []


# --- somebody else's code -------------------------------------------------------------------------------------------


def _tried(seconds: float, call: Callable[[], T]) -> tuple[T | None, str, threading.Thread | None]:
    """What it answers, and what went wrong: the class of an error, as its words may hold anything; or the time.

    The thread is the one in which it goes on for ever, if it does.
    """

    def safely() -> tuple[T | None, str]:
        # In here, where no alarm of the job can ring: that one is no fault of this code, and rings only once.
        try:
            return call(), ""
        except (Exception, SystemExit) as wrong:
            return None, type(wrong).__name__

    can_ring = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    within = _by_alarm if can_ring else _in_a_thread
    try:
        return (*within(seconds, safely), None)
    except _TooLong as late:
        return None, f"it took longer than {seconds:g} seconds", late.stray


def _by_alarm(seconds: float, call: Callable[[], T]) -> T:
    """In the main thread, where commands run: a signal ends even a search that never lets go. An alarm that was set
    before, which uses the same clock, is set again afterwards. Raises `_TooLong`."""
    running = True

    def ring(signum: int, frame: FrameType | None) -> None:
        if running:
            raise _TooLong

    began = time.monotonic()
    left, every = signal.setitimer(signal.ITIMER_REAL, 0)
    outer = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, min(seconds, left or seconds), _AGAIN)
        try:
            return call()
        finally:
            running = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if outer is None else outer)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), every)


def _in_a_thread(seconds: float, call: Callable[[], T]) -> T:
    """Elsewhere, as in a worker: it is not waited for any longer, is told to end, and cannot keep the process from
    ending. Raises `_TooLong`."""
    answered: SimpleQueue[T | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            answered.put(call())
        except BaseException as wrong:
            answered.put(wrong)

    thread = threading.Thread(target=run, name="requirement", daemon=True)
    thread.start()
    try:
        answer = answered.get(timeout=seconds)
    except Empty:
        late = _TooLong()
        late.stray = _told_to_end(thread)
        raise late from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _told_to_end(thread: threading.Thread) -> threading.Thread:
    """Python code hears it at its next step; what waits within a library, when it comes back from there."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TooLong))
    return thread
