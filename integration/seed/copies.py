"""What a what-if over the seeded world reads: histories as a tracker would show them, and who is in which team."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from integration.memory.ledger import Ledger
from integration.seed import cast
from integration.seed.house_rules import PLACES, PROJECTS, SITE
from integration.seed.telling import Told, World
from integration.stages.model import Person, Ref
from integration.trackers import Question
from integration.whatif.people import Members, ToAsk

_AT_ONCE = 500
_AROUND = frozenset({"issues", "pages"})  # there is nothing around these issues, and that is known


def fill(ledger: Ledger, told: Sequence[Told], world: World) -> None:
    """Keep them, so that `simulate --offline` works."""
    for start in range(0, len(told), _AT_ONCE):
        issues = [one.issue for one in told[start : start + _AT_ONCE]]
        ledger.histories.keep(issues, _AROUND, world.now)
    ledger.histories.learn(dict(_answers()), world.now)


def _answers() -> Iterator[tuple[str, Any]]:
    """Every answer that the trackers of this world could give about its people."""
    for place in (*PLACES, *PROJECTS):
        tracker = "github" if "/" in place else "jira"
        ref = Ref(tracker, "" if tracker == "github" else SITE, place, 0)
        for login in cast.NAMES:
            who = cast.person(login, tracker)
            yield ToAsk(ref, Question(who, triage=True)).name, cast.may_triage(login)
            for party, people in cast.TEAMS.items():
                yield ToAsk(ref, _asked(who, party, tracker)).name, login in people
        if tracker == "jira":
            for party, people in cast.TEAMS.items():
                yield ToAsk(ref, Members(party)).name, [cast.account(one) for one in people]


def _asked(who: Person, party: str, tracker: str) -> Question:
    return Question(who, f"{cast.ORG}/{party}", "") if tracker == "github" else Question(who, "", party)
