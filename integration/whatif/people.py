"""Who may speak for whom, in a what-if: what the file says by itself, what trackers said, and what is to be asked.

Trackers are asked once, and the answer is kept: who was in a party at the time of a move nobody tells, so it is judged
by who is in it now. A question has a name that tells no person's name: a digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from integration.membership import settle
from integration.memory.histories import Histories
from integration.stages.file.mappings import JiraPeople, Mappings
from integration.stages.model import Issue, Ref
from integration.stages.planning.hearing import Doubt
from integration.trackers import Gone, Question, Refused
from integration.whatif.reading import Reading

FRESH = timedelta(days=7)  # so long an answer is believed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a group of Jira's?"""

    group: str


@dataclass(frozen=True, slots=True)
class ToAsk:
    """A question, and where it is to be asked: at an issue of its place, as a right to triage is one of the place."""

    ref: Ref
    question: Question | Members

    @property
    def name(self) -> str:
        """By this the answer is known again, whichever issue it was asked for."""
        where, one = replace(self.ref, number=0), self.question
        if isinstance(one, Members):
            parts: tuple[str, ...] = ("members", where.tracker, where.site, one.group)
        elif one.triage:
            parts = ("triage", str(where), one.person.id)
        else:
            parts = ("in", where.tracker, where.site, one.team, one.group, one.person.id)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Speaking(Mapping[Doubt, "bool | None"]):
    """The answers for one issue under one file, as far as they are known."""

    def __init__(self, mappings: Mappings, ref: Ref, answers: Mapping[str, Any]) -> None:
        self._mappings, self._ref, self._answers = mappings, ref, answers

    def __getitem__(self, doubt: Doubt) -> bool | None:
        settled = settle(self._mappings, self._ref, doubt)
        if isinstance(settled, bool):
            return settled
        answer: bool | None = self._answers[ToAsk(self._ref, settled).name]
        return answer

    def __iter__(self) -> Iterator[Doubt]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def to_ask(self, doubt: Doubt) -> ToAsk | None:
        """The question that settles it."""
        settled = settle(self._mappings, self._ref, doubt)
        return None if isinstance(settled, bool) else ToAsk(self._ref, settled)


def group_of(mappings: Mappings, party: str) -> str:
    """The party's group on Jira, where it has one."""
    known = mappings.parties.get(party)
    people = known.jira if known else None
    return (people.group or "") if isinstance(people, JiraPeople) else ""


def handles(mappings: Mappings, issue: Issue, answers: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The people of each party's group, as far as they are known."""
    found: dict[str, tuple[str, ...]] = {}
    for party in mappings.parties if issue.ref.tracker == "jira" else ():
        group = group_of(mappings, party)
        name = ToAsk(issue.ref, Members(group)).name if group else ""
        if name in answers:
            found[party] = tuple(answers[name] or ())
    return found


class Asking:
    """Asks trackers what is to be known, and keeps what they say."""

    def __init__(self, histories: Histories, trackers: Mapping[tuple[str, str], Reading], offline: bool) -> None:
        self._histories, self._trackers = histories, trackers
        since = datetime.min.replace(tzinfo=UTC) if offline else datetime.now(UTC) - FRESH
        self.answers = histories.answers(since)
        self.untold: dict[str, str] = {}  # what could not be known, and why

    def ask(self, questions: Mapping[str, ToAsk]) -> Iterator[str]:
        """Ask them, one after another; each is named when it is settled. What may not be known is None."""
        for name, one in questions.items():
            answer = self._asked(one)
            self.answers[name] = answer
            if answer is not None:
                self._histories.learn({name: answer}, datetime.now(UTC))
            yield name

    def _asked(self, one: ToAsk) -> Any:
        what, tracker = _named(one), self._trackers.get((one.ref.tracker, one.ref.site))
        if tracker is None:
            self.untold[what] = "its tracker is not configured here"
            return None
        try:
            if isinstance(one.question, Members):
                return list(tracker.members(one.ref, one.question.group))
            return tracker.answer(one.ref, one.question)
        except (Refused, Gone) as no:
            log.warning("membership unreadable", of=what, reason=str(no))
            self.untold[what] = str(no)
            return None


def _named(one: ToAsk) -> str:
    """What could not be known, in words: a team, not the person who was asked about."""
    question = one.question
    if isinstance(question, Members):
        return f"who is in the group {question.group}"
    if question.triage:
        return f"who may triage in {one.ref.place}"
    return f"who is in {question.team or question.group}"
