"""The stories of the seeded world: how features fare in a company that learns to talk before it ships.

`STORIES` has each with the stage in which it leaves its feature, and how many of a hundred and twenty go that way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from integration.seed import words
from integration.seed.house_rules import LISTED
from integration.seed.tale import Tale
from integration.seed.working_hours import after, days_after
from integration.stages.model import ClosedAs


@dataclass(frozen=True, slots=True)
class Story:
    """One way in which a feature fares.

    `rests`: so many days at most lie between its end and today. `era`: it begins under that version of the rules at the
    earliest. `on`: the trackers it can happen on. `one_way`: where a workflow has no way back.
    """

    name: str
    stage: str
    many: int
    goes: Callable[[Tale], object]
    rests: float = 200.0
    era: int = -1
    on: tuple[str, ...] = ("github", "jira")
    one_way: bool = False
    described: bool = True
    unreached: bool = False
    length: int = 40  # days, roughly


# --- on the way -----------------------------------------------------------------------------------------------------


def _develops(tale: Tale, least: int = 3, most: int = 14) -> Tale:
    return tale.waits(tale.dice.randint(1, 20)).moves("development").works(least, most)


def _to_internal(tale: Tale) -> Tale:
    return _develops(tale).moves("internal").works(1, 6)


def _to_beta(tale: Tale) -> Tale:
    """Some features go to Beta straight away."""
    before = _to_internal(tale) if tale.dice.random() < 0.75 else _develops(tale, 4, 18)
    return before.moves("beta")


def _seen_in_beta(tale: Tale, *parties: str) -> Tale:
    """Those who must know are told in Beta, and answer; Docs now and then says a word, too."""
    _to_beta(tale).waits(tale.dice.randint(1, 10))
    if tale.dice.random() < 0.6:
        tale.answers("docs")
    tale.waits(1).heads_up(*parties).answers(*parties)
    return tale.works(6, 10)


def _rests(tale: Tale) -> Tale:
    """What is out is done, and some close their issues."""
    if tale.dice.random() < 0.5:
        tale.works(1, 3).closes()
    return tale


ALL = ("support", "growth", "stakeholders")


def _all_answer(tale: Tale, days: int) -> None:
    """Everybody who was told has answered within a working day; so many of them are over."""
    begins = tale.at
    for party in ALL:
        tale.answers_at(party, after(begins, min(7.0, tale.span(party))), explicit=True)
    tale.at = days_after(begins, days)


# --- in Public --------------------------------------------------------------------------------------------------------


def _all_well(tale: Tale) -> Tale:
    return _rests(_seen_in_beta(tale, *ALL).asks().opens())


def _internal_only(tale: Tale) -> Tale:
    tale.labelled("internal-only")
    return _rests(_seen_in_beta(tale, "stakeholders").asks().opens())


def _support_later(tale: Tale) -> Tale:
    """Nobody told Support: blocked, answered, and applied by the service; in early days it went out all the same."""
    _seen_in_beta(tale, "growth", "stakeholders").asks()
    if tale.feature.wanted:
        tale.answers("support", explicit=True)
    return _rests(tale.opens())


def _growth_never(tale: Tale) -> Tale:
    return _rests(_seen_in_beta(tale, "support", "stakeholders").asks().opens())


def _unseen(tale: Tale) -> Tale:
    return _rests(_seen_in_beta(tale, "support", "growth").asks().opens())


def _nobody_knew(tale: Tale) -> Tale:
    """As it was before there was a service."""
    return _rests(_to_beta(tale).works(6, 9).asks())


def _too_soon(tale: Tale) -> Tale:
    """Out of Beta after two days: blocked until five are over, where the rule blocks."""
    _to_beta(tale).waits(1).heads_up(*ALL)
    _all_answer(tale, 2)
    return _rests(tale.waits(1).asks().opens())


def _hotfix(tale: Tale) -> Tale:
    """Rushed, and waived: it has a reason, and that is on record."""
    tale.labelled("hotfix")
    _develops(tale, 1, 2).moves("beta").waits(1).heads_up(*ALL)
    _all_answer(tale, 2)
    return _rests(tale.waits(0.5).asks().waives("soak", 1).opens())


def _held_once(tale: Tale) -> Tale:
    _seen_in_beta(tale, *ALL).holds("sam").waits(3).asks().works(1, 4).resumes("sam")
    return _rests(tale.opens())


def _needs_work(tale: Tale) -> Tale:
    """Support misses something, it is mended, and Support agrees."""
    _seen_in_beta(tale, "growth", "stakeholders").asks().waits(4)
    tale.says(f"/stage needs-work support {words.needs(tale.dice)}", "sofia")
    tale.spoke("support", tale.at)
    tale.unsay("support").works(1, 3).says("/stage recheck", tale.author)
    tale.hands_over("support").waits(3)
    tale.answers_at("support", tale.at, explicit=True)
    return _rests(tale.opens())


def _routed(tale: Tale) -> Tale:
    """Growth and Support have agreed that it needs no Beta."""
    _to_internal(tale).routed("internal", "public").waits(2)
    tale.heads_up(*ALL).answers(*ALL, explicit=True)
    return _rests(tale.works(2, 5).asks().opens())


def _paid(tale: Tale) -> Tale:
    """Docs promised its word for later, and gave it."""
    _to_internal(tale).owes("docs", "dora", 4).waits(2).moves("beta").works(2, 3).pays("docs")
    tale.waits(1).heads_up(*ALL).answers(*ALL)
    return _rests(tale.works(6, 9).asks().opens())


def _owing(tale: Tale) -> Tale:
    """Docs promised its word for later, and it was forgotten."""
    _to_internal(tale).owes("docs", "dora", 3).waits(2).moves("beta").works(3, 4)
    tale.waits(1).heads_up(*ALL).answers(*ALL)
    return tale.works(6, 9).asks().opens()


def _unresolved(tale: Tale) -> Tale:
    """The mention of Support's team was no link: Lena is named instead, and answers."""
    _seen_in_beta(tale, "growth", "stakeholders").asks().waits(3)
    tale.answers_at("support", tale.at, explicit=True, by="support-lead")
    return _rests(tale.opens())


def _stood(tale: Tale) -> Tale:
    """No way back in the workflow: in Public although blocked, and admitted there a day or two later."""
    _seen_in_beta(tale, "growth", "stakeholders").asks().stands().works(1, 2)
    tale.answers_at("support", tale.at, explicit=True)
    return tale.waits(10).settles()


def _stands(tale: Tale) -> Tale:
    """The same, and nobody has answered yet."""
    return _seen_in_beta(tale, "growth", "stakeholders").asks().stands()


def _insists(tale: Tale) -> Tale:
    """Set again as often as it is put back, until it stands for an hour; applied when Support has answered."""
    _seen_in_beta(tale, "growth", "stakeholders").asks()
    for _ in range(3):
        tale.at += timedelta(minutes=tale.dice.randint(6, 20))
        tale.insists()
    tale.stands().falls_back().waits(1)
    tale.answers("support", explicit=True)
    return _rests(tale.opens())


def _withdrawn(tale: Tale) -> Tale:
    """Asked for, and withdrawn."""
    _seen_in_beta(tale, "growth", "stakeholders").asks().waits(5).says("/stage cancel", tale.author)
    return tale.gives_up()


# --- in Beta ----------------------------------------------------------------------------------------------------------


def _in_beta(tale: Tale) -> Tale:
    _to_beta(tale).waits(tale.dice.randint(1, 6))
    return tale.answers("docs") if tale.dice.random() < 0.5 else tale


def _told_in_beta(tale: Tale) -> Tale:
    """Some have answered, some have not."""
    _to_beta(tale).waits(2).heads_up(*ALL)
    return tale.answers(*tale.dice.sample(ALL, tale.dice.randint(0, 2)))


def _waits_for_support(tale: Tale) -> Tale:
    return _seen_in_beta(tale, "growth", "stakeholders").asks()


def _waits_for_all(tale: Tale) -> Tale:
    return _to_beta(tale).works(6, 8).asks()


def _waits_for_soak(tale: Tale) -> Tale:
    _to_beta(tale).waits(1).heads_up(*ALL)
    _all_answer(tale, 1)
    return tale.waits(1).asks()


def _on_hold(tale: Tale) -> Tale:
    return _seen_in_beta(tale, *ALL).holds("gwen").waits(2).asks()


def _held_until(tale: Tale) -> Tale:
    return _seen_in_beta(tale, *ALL).holds("sofia", days_after(tale.cut.now, 6))


def _sent_back(tale: Tale) -> Tale:
    """Support misses something, and nobody has seen to it."""
    _seen_in_beta(tale, "growth", "stakeholders").asks().waits(3)
    tale.says(f"/stage needs-work support {words.needs(tale.dice)}", "sam")
    tale.spoke("support", tale.at)
    return tale.unsay("support")


def _rolled_back(tale: Tale) -> Tale:
    return _seen_in_beta(tale, *ALL).asks().opens().works(1, 3).back("beta")


# --- before -----------------------------------------------------------------------------------------------------------


def _in_internal(tale: Tale) -> Tale:
    return _to_internal(tale)


def _promised(tale: Tale) -> Tale:
    """In Beta with Docs' word still owed."""
    return _to_internal(tale).owes("docs", "dora", 5).waits(2).moves("beta")


def _proposed(tale: Tale) -> Tale:
    """A route that nobody has agreed to yet."""
    _to_internal(tale).says("/stage route internal, public", tale.author)
    return tale


def _back_from_beta(tale: Tale) -> Tale:
    return _to_beta(tale).works(1, 3).back("internal")


def _two_sources(tale: Tale) -> Tale:
    """A label says Beta, the status says Internal."""
    _develops(tale)
    tale.listed(LISTED)
    return tale.works(1, 2).moves("internal")


def _in_development(tale: Tale) -> Tale:
    return _develops(tale, 0, 16)


def _back_from_internal(tale: Tale) -> Tale:
    return _to_internal(tale).back("development")


def _two_labels(tale: Tale) -> Tale:
    """Two stage labels since before the service was there: it touches nothing that it has not judged."""
    return _develops(tale, 2, 5).relabelled("internal")


def _not_planned(tale: Tale) -> Tale:
    return _develops(tale, 2, 9).closes(ClosedAs.NOT_PLANNED)


GITHUB, JIRA = ("github",), ("jira",)
STORIES = (
    Story("all well", "public", 11, _all_well),
    Story("internal only", "public", 1, _internal_only, on=GITHUB),
    Story("Support later", "public", 6, _support_later),
    Story("Growth never", "public", 4, _growth_never),
    Story("no stakeholder", "public", 2, _unseen),
    Story("nobody knew", "public", 3, _nobody_knew, rests=0),
    Story("too soon", "public", 3, _too_soon),
    Story("rushed", "public", 1, _too_soon, rests=0),
    Story("hotfix", "public", 1, _hotfix, era=2, on=GITHUB, length=10),
    Story("held once", "public", 1, _held_once, era=0),
    Story("needs work", "public", 1, _needs_work, era=1),
    Story("routed", "public", 1, _routed, era=0, on=GITHUB),
    Story("debt paid", "public", 1, _paid, era=2, on=GITHUB),
    Story("debt forgotten", "public", 1, _owing, era=2, on=GITHUB),
    Story("mention unresolved", "public", 1, _unresolved, era=1, on=GITHUB, unreached=True),
    Story("stood", "public", 1, _stood, era=1, on=JIRA, one_way=True),
    Story("insists", "public", 1, _insists, era=1, on=GITHUB),
    Story("stands", "public", 1, _stands, era=2, on=JIRA, one_way=True, rests=2),
    Story("in Beta", "beta", 6, _in_beta, rests=9),
    Story("told in Beta", "beta", 3, _told_in_beta, rests=4),
    Story("waits for Support", "beta", 3, _waits_for_support, era=2, rests=4),
    Story("waits for all", "beta", 1, _waits_for_all, era=2, rests=3),
    Story("waits for soak", "beta", 1, _waits_for_soak, era=2, rests=0.6),
    Story("on hold", "beta", 1, _on_hold, era=2, rests=6),
    Story("held until", "beta", 1, _held_until, era=2, rests=4),
    Story("sent back", "beta", 1, _sent_back, era=2, rests=5),
    Story("rolled back", "beta", 1, _rolled_back, era=0, rests=12),
    Story("withdrawn", "beta", 1, _withdrawn, era=1, rests=12),
    Story("debt promised", "beta", 1, _promised, era=2, on=GITHUB, rests=2),
    Story("in Internal", "internal", 20, _in_internal, rests=16, length=20),
    Story("route proposed", "internal", 2, _proposed, era=2, on=GITHUB, rests=4, length=20),
    Story("back from Beta", "internal", 2, _back_from_beta, era=0, rests=9, length=20),
    Story("two sources", "internal", 1, _two_sources, era=0, on=JIRA, rests=8, length=20),
    Story("in Development", "development", 28, _in_development, rests=24, length=12),
    Story("undescribed", "development", 2, _in_development, rests=24, length=12, described=False),
    Story("back from Internal", "development", 2, _back_from_internal, rests=9, length=20),
    Story("two labels", "internal", 1, _two_labels, on=GITHUB, rests=0, length=12),
    Story("not planned", "development", 2, _not_planned, rests=60, length=12),
)  # fmt: skip
"""`rests=0` of a story without an era: it is over before the ledger is born."""


def share(features: int) -> list[Story]:
    """So many stories in these proportions, each at least once where there is room; in a fixed order."""
    wished = [features * one.many / sum(each.many for each in STORIES) for one in STORIES]
    least = 1 if features >= len(STORIES) else 0
    counts = [max(least, int(many)) for many in wished]
    while sum(counts) != features:
        over = [count - many for count, many in zip(counts, wished, strict=True)]
        if sum(counts) > features:
            counts[max((place for place in range(len(counts)) if counts[place] > least), key=over.__getitem__)] -= 1
        else:
            counts[min(range(len(counts)), key=over.__getitem__)] += 1
    return [one for count, one in zip(counts, STORIES, strict=True) for _ in range(count)]
