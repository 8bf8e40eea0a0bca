"""Whose turn it was and is: each feature's answers, and what its parties have still to answer.

Entries are appended and never changed, so what they come to is kept until there are more: with 10,000 features there
are fifty thousand of them, and a page waits for none that were read before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from integration.memory.ledger import Ledger
from integration.memory.reports import Head, Over, about
from integration.stages.file.mappings import Mappings
from integration.stages.reports.answers import Asked, Timed, follow, timed


@dataclass(frozen=True, slots=True)
class Turned:
    """One feature: its answers, measured; and what is not answered, since when."""

    head: Head
    answers: tuple[Timed, ...]
    waits: Mapping[Asked, datetime]


class Turns:
    """One for all threads: what one has read, the others need not."""

    def __init__(self) -> None:
        self._known: dict[int, Turned] = {}
        self._measured_by = ""  # the version of the rules
        self._reading = Lock()

    def of(self, ledger: Ledger, mappings: Mappings | None, over: Over) -> dict[int, Turned]:
        """Each feature's, by its number in the ledger. Of `over` only the place and whose eyes count."""
        heads = ledger.reports.heads(over)
        with self._reading:
            version = mappings.hash if mappings else ""
            if version != self._measured_by:
                self._known, self._measured_by = {}, version
            known = self._known
            new = {id: head for id, head in heads.items() if id not in known or known[id].head != head}
            known.update(_read(ledger, mappings, new))
            return {id: known[id] for id in heads}


def _read(ledger: Ledger, mappings: Mappings | None, heads: Mapping[int, Head]) -> Iterator[tuple[int, Turned]]:
    quiet = dict(heads)
    for id, turns in ledger.reports.turns(heads.keys()):
        head = quiet.pop(id)
        found, waits = follow(about(*head[1:]), turns, ledger.born)
        yield id, Turned(head, tuple(timed(found, mappings)), waits)
    yield from ((id, Turned(head, (), {})) for id, head in quiet.items())
