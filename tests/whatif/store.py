"""A store with a generated organisation in it, and somebody who knows who is in which team."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from integration.memory.ledger import Ledger
from integration.stages.file.mappings import read
from integration.stages.model import Label
from integration.stages.replay.comparing import Span
from integration.trackers import Question
from integration.whatif.people import ToAsk
from integration.whatif.wanted import Wanted
from tests.stages.histories import IN, LABELS
from tests.stages.organisation import NEW, NOW, OLD, PLACES, SINCE, features

WANTED = Wanted(read(NEW), read(OLD), Span(SINCE, NOW))
_AT_ONCE = 500


class Still:
    """A progress that nobody looks at; it counts."""

    def __init__(self) -> None:
        self.steps = 0
        self.told: list[tuple[str, int]] = []

    def of(self, what: str, how_many: int) -> None:
        self.told.append((what, how_many))

    def step(self) -> None:
        self.steps += 1


def fill(ledger: Ledger, how_many: int) -> None:
    """As if so many features had been read."""
    made = (issue for _, issue in features(how_many))
    while part := list(islice(made, _AT_ONCE)):
        ledger.histories.keep(part, frozenset(), NOW)
    labels = [Label(f"id of {name}", name) for name in (*LABELS.values(), "stage: inside", "ready", "bug")]
    for number in range(PLACES):
        ledger.learn_names(f"acme/app-{number}", labels, NOW)


class Personnel:
    """Answers who is in which team, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked = 0

    def __call__(self, questions: Mapping[str, ToAsk]) -> Mapping[str, Any]:
        for name, one in questions.items():
            assert isinstance(one.question, Question)
            self.answers[name] = one.question.person.handle in IN.get(one.question.team.rpartition("/")[2], ())
            self.asked += 1
        return self.answers
