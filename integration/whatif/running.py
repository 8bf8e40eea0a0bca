"""Thousands of histories under two files: in parts, over all cores, and once more where something had to be asked."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from integration import custom
from integration.memory import packed
from integration.memory.ledger import Ledger
from integration.stages.file.mappings import Custom, Mappings
from integration.stages.model import Issue, Ref
from integration.stages.moves import Names
from integration.stages.replay.comparing import Compared, WhatIf
from integration.stages.replay.played import Known
from integration.whatif.people import Members, Speaking, ToAsk, group_of, handles
from integration.whatif.reading import Progress
from integration.whatif.wanted import Wanted

PART = 50  # histories
FEW = 400  # so few are not worth other processes, each of which takes a second to begin
AHEAD = 4  # parts that lie ready for each process
_UNTIL_CLEARED = 50_000  # objects: a replay makes many, and few circles; looking for those oftener takes a tenth of it
_ROUNDS = 8  # of asking; what is not known then counts as what nobody may know


@dataclass(frozen=True, slots=True)
class Part:
    """Some histories, with what is known beside them. `blind`: what is not known cannot be asked for."""

    histories: Sequence[bytes]
    names: Mapping[str, Names]  # by place
    answers: Mapping[str, Any]
    blind: bool = False


@dataclass(slots=True)
class Result:
    """What came of it. `left` are issues for which something has to be asked first, `to_ask` what that is."""

    compared: Compared = field(default_factory=Compared)
    left: list[Ref] = field(default_factory=list)
    to_ask: dict[str, ToAsk] = field(default_factory=dict)
    spoilt: int = 0
    unknown: set[str] = field(default_factory=set)  # questions that nobody could be asked

    def add(self, other: Result) -> None:
        """Count the other's, too."""
        self.compared.add(other.compared)
        self.left += other.left
        self.to_ask |= other.to_ask
        self.spoilt += other.spoilt
        self.unknown |= other.unknown


class Bench:
    """Two files, ready to have histories put under them. Each process has one."""

    def __init__(self, wanted: Wanted) -> None:
        self.what_if = WhatIf(wanted.old, wanted.new, wanted.span)
        self.files = (wanted.old, wanted.new)
        own = any(isinstance(one, Custom) for file in wanted.files for one in file.asked())
        self.custom = custom.installed() if own else {}

    def work(self, part: Part) -> Result:
        """Put these under them."""
        result = Result()
        for one in part.histories:
            try:
                issue = packed.unpack(one)
            except packed.Spoilt:
                result.spoilt += 1
                continue
            self._issue(issue, part, result)
        return result

    def _issue(self, issue: Issue, part: Part, result: Result) -> None:
        old, new = (self._known(file, issue, part) if file else Known() for file in self.files)
        found = self.what_if.compare(issue, old, new)
        to_ask = {one.name: one for one in self._to_ask(found, issue, part) if one.name not in part.answers}
        if part.blind:
            result.unknown |= set(to_ask)
        elif to_ask:
            result.left.append(issue.ref)
            result.to_ask |= to_ask
            return
        result.compared.add(found)

    def _known(self, file: Mappings, issue: Issue, part: Part) -> Known:
        return Known(
            part.names.get(issue.ref.place, {}) if issue.ref.tracker == "github" else {},
            Speaking(file, issue.ref, part.answers),
            handles(file, issue, part.answers),
            self.custom,
            part.blind,
        )

    def _to_ask(self, found: Compared, issue: Issue, part: Part) -> Iterator[ToAsk]:
        for file in self.files:
            if file is None:
                continue
            speaking = Speaking(file, issue.ref, part.answers)
            yield from (one for doubt in found.doubts if (one := speaking.to_ask(doubt)))
            groups = (group_of(file, party) for party in found.wants)
            yield from (ToAsk(issue.ref, Members(group)) for group in groups if group)


_BENCH: Bench | None = None


def _begin(wanted: Wanted) -> None:
    """A process of the pool begins."""
    global _BENCH
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever began us, and ends us, too
    _BENCH = Bench(wanted)
    gc.set_threshold(_UNTIL_CLEARED)


def _work(part: Part) -> Result:
    assert _BENCH is not None  # noqa: S101 - `_begin` comes first
    return _BENCH.work(part)


Work = Callable[[Iterator[Part]], Iterator[tuple[Result, int]]]
"""Puts parts under the files, and tells what came of each in turn, and how many histories it had."""


class Running:
    """Puts all stored histories under the two files."""

    def __init__(self, ledger: Ledger, wanted: Wanted, progress: Progress, processes: int | None = None) -> None:
        self.ledger, self.wanted, self.progress = ledger, wanted, progress
        self.processes = processes or _cores()
        self._names: dict[str, Names] = {}

    def run(self, ask: Callable[[Mapping[str, ToAsk]], Mapping[str, Any]], offline: bool) -> Result:
        """`ask` settles questions, and answers with all that is known by then; offline nothing can be asked for."""
        refs, total = [ref for ref in self._stored() if self.wanted.covers(ref)], Result()
        left, later = (refs, list[Ref]()) if offline else _few_first(refs)
        answers = ask({})
        with self._working(len(refs)) as work:
            for number in range(_ROUNDS):
                result = self._round(work, left, answers, blind=offline or number == _ROUNDS - 1)
                left, later = [*result.left, *later], []
                total.add(replace(result, left=[], to_ask={}))
                if not left:
                    break
                answers = ask(result.to_ask)
        return total

    def _stored(self) -> Sequence[Ref]:
        return self.ledger.histories.changed(self.wanted.span.since)

    def _round(self, work: Work, refs: Sequence[Ref], answers: Mapping[str, Any], blind: bool) -> Result:
        total = Result()
        self.progress.of("replayed", len(refs))
        parts = (self._part(refs[start : start + PART], answers, blind) for start in range(0, len(refs), PART))
        for result, count in work(parts):
            total.add(result)
            for _ in range(count):
                self.progress.step()
        return total

    @contextmanager
    def _working(self, how_many: int) -> Iterator[Work]:
        """In this process, or in as many as there are cores."""
        if how_many < FEW or self.processes < 2:
            bench = Bench(self.wanted)
            yield lambda parts: ((bench.work(part), len(part.histories)) for part in parts)
            return
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.processes, spawn, _begin, (self.wanted,)) as pool:
            try:
                yield partial(_ahead, pool, AHEAD * self.processes)
            finally:
                pool.shutdown(cancel_futures=True)

    def _part(self, refs: Sequence[Ref], answers: Mapping[str, Any], blind: bool) -> Part:
        places = {ref.place for ref in refs if ref.tracker == "github"}
        for place in places - set(self._names):
            self._names[place] = self.ledger.known_names(place)
        names = {place: self._names[place] for place in places}
        return Part(self.ledger.histories.packed(refs), names, answers, blind)


def _cores() -> int:
    """Those that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ahead(pool: Executor, most: int, parts: Iterator[Part]) -> Iterator[tuple[Result, int]]:
    """So many parts lie ready, and no more: all of them together are large."""
    under_way = deque[tuple[Future[Result], int]]()
    for part in parts:
        under_way.append((pool.submit(_work, part), len(part.histories)))
        if len(under_way) > most:
            one, count = under_way.popleft()
            yield one.result(), count
    yield from ((one.result(), count) for one, count in under_way)


def _few_first(refs: Sequence[Ref]) -> tuple[list[Ref], list[Ref]]:
    """A few of all places, and the others: most of what has to be asked shows in those few, and is known then.

    A history for which something has to be asked is gone through once more.
    """
    few = list(refs[:: max(1, len(refs) // FEW)]) if len(refs) > 2 * FEW else list(refs)
    known = set(few)
    return few, [ref for ref in refs if ref not in known]
