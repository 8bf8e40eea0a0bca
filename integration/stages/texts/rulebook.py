"""mappings.yaml in sentences: what each rule asks for, when, and what follows. For whoever does not read YAML.

Pure, and without markup. A rule completes the sentence "may enter Public if …".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import singledispatch
from typing import Any
from zoneinfo import ZoneInfo

from integration.stages.calendars import Calendar
from integration.stages.file import mappings as m
from integration.stages.file.mappings import Level, Mappings, Party, Rule, Source, Window

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FOLLOWS = {
    Level.OBSERVE: "on trial: what it finds is written down, and nobody is told",
    Level.WARN: "warns: the move stands, and what is missing is said on the issue",
    Level.BLOCK: "blocks: the issue goes back until it is met",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One requirement in words; `parts` where it is made of others."""

    says: str
    parts: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A rule in words."""

    id: str
    level: str
    says: str  # "may enter Public if"
    requires: tuple[Sentence, ...]
    when: tuple[Sentence, ...]
    follows: str
    because: str
    more: tuple[str, ...]  # what else it says of itself


class Book:
    """The sentences of one file."""

    def __init__(self, mappings: Mappings) -> None:
        self.mappings = mappings

    def stage(self, key: str | None) -> str:
        """A stage as people read it."""
        return self.mappings.stages.get(key, key) if key else "no stage"

    def party(self, key: str) -> str:
        """A party as people read it."""
        known = self.mappings.parties.get(key)
        return (known.name if known else None) or key.replace("-", " ").capitalize()

    def day(self, at: datetime) -> str:
        """A day, and its time where it is not midnight, on the file's clock."""
        local = at.astimezone(ZoneInfo(self.mappings.time_zone))
        return f"{local.day} {local:%b %Y}" + (f", {local:%H:%M}" if local.hour or local.minute else "")

    def window(self, window: Window) -> str:
        """When it is, and for whom it is not."""
        said = [_days(window.days)] if window.days else []
        said += [_hours(window.hours)] if window.hours else []
        said += [f"from {self.day(window.from_)}"] if window.from_ else []
        said += [f"until {self.day(window.until)}"] if window.until else []
        but = [f"features labelled {_listed(window.unless_labelled, 'or')}"] if window.unless_labelled else []
        but += [f"{issue} ({why})" for issue, why in window.unless.items()]
        return ", ".join(said) + (f"; but for {_listed(but)}" if but else "")

    def rules(self) -> tuple[Told, ...]:
        """All rules, in the file's order."""
        return tuple(map(self.rule, self.mappings.rules))

    def rule(self, rule: Rule) -> Told:
        """One rule."""
        way = f"enter {self.stage(rule.entering)}" if rule.entering else f"leave {self.stage(rule.leaving)}"
        way += f" from {self.stage(rule.from_)}" if rule.from_ else ""
        return Told(
            rule.id, str(rule.level), f"may {way} if", self._each(rule.require), self._each(rule.when),
            _FOLLOWS[rule.level], rule.because, tuple(self._more(rule)),
        )  # fmt: skip

    def _each(self, asked: Sequence[Any]) -> tuple[Sentence, ...]:
        return tuple(sentence(one, self) for one in asked)

    def _more(self, rule: Rule) -> Iterator[str]:
        if rule.level is Level.BLOCK:
            applies = "the stage that was asked for is applied by itself" if rule.when_cleared == "apply" else (
                "whoever asked is told, and moves it again"
            )  # fmt: skip
            yield f"When it is met, {applies}."
        if rule.later:
            yield f"A party's word may be put off for {rule.later} at most, by a named person."
        if rule.effective:
            yield f"It judges moves from {self.day(rule.effective)} on."
        if rule.on_error == "open":
            yield "Where it cannot be evaluated for long, it lets through, and a debt is noted."

    def notices(self) -> Iterator[str]:
        """Who is told without being asked."""
        for one in self.mappings.notify:
            when = f"When a feature enters {self.stage(one.entering)}" if one.entering else "When a feature goes back"
            who = _listed([self.party(key) for key in one.parties])
            told = "is told" if len(one.parties) == 1 else "are told"
            tail = "" if one.level == "post" else " (on trial: written down alone)"
            yield f"{when}, {who} {told}{tail}{f', from {self.day(one.effective)} on' if one.effective else ''}."

    def sources(self) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
        """Where stages are seen: the place, and what shows each stage there."""
        for one in self.mappings.sources:
            yield _where(one), tuple(self._shows(one))

    def _shows(self, one: Source) -> Iterator[tuple[str, str]]:
        found = one.github or one.jira
        kinds = [("label", found.labels if found else {}), ("status", one.jira.statuses if one.jira else {})]
        for stage, name in self.mappings.stages.items():
            said = [
                f"{kind} {_listed(names[stage], 'or')}" for kind, names in kinds if names.get(stage)
            ]  # fmt: skip
            if one.jira and stage in one.jira.prevent:
                said.append(f"guarded by the field {one.jira.prevent[stage]}")
            if said:
                yield name, "; ".join(said)

    def parties(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Who must know, and how they are reached."""
        for key, party in self.mappings.parties.items():
            yield self.party(key), tuple(_of_party(party))

    def calendars(self) -> Iterator[tuple[str, str]]:
        """When parties work."""
        for name, calendar in self.mappings.calendars.items():
            yield name, _hours_of(calendar)

    def terms(self) -> Iterator[tuple[str, str]]:
        """What else is settled: routes, links, windows, freezes, waivers, additions."""
        if routes := self.mappings.routes:
            agreed = _listed([self.party(one) for one in routes.agreed_by])
            yield "Routes", f"are agreed by {agreed}; proposed by /stage route, or under the heading {routes.section}"
        for name, kind in self.mappings.links.items():
            yield f"Link: {name}", _listed((*kind.urls, *(f"Jira's {one}" for one in kind.types)), "or")
        for name, window in self.mappings.windows.items():
            yield f"Window: {name}", self.window(window)
        for name, window in self.mappings.freezes.items():
            yield f"Freeze: {name}", self.window(window)
        waivers = self.mappings.waivers
        who = _listed([self.party(one) for one in waivers.allowed], "or") if waivers.allowed else "nobody"
        yield "Waivers", f"{who} may waive a rule for one attempt" + (", with a reason" if waivers.allowed else "")
        if self.mappings.additions.allowed:
            where = _listed(self.mappings.additions.repositories, "or") or "all repositories of the sources"
            yield "Rules of repositories' own", f"may be added, and levels raised, in {where}"


# --- requirements -----------------------------------------------------------------------------------------------------


@singledispatch
def sentence(asked: object, book: Book) -> Sentence:
    """One requirement in words."""
    return Sentence(type(asked).__name__)


def _says(kind: type[Any]) -> Callable[[Callable[[Any, Book], str]], object]:
    """The function of one kind of requirement, which answers with its words."""

    def note(words: Callable[[Any, Book], str]) -> object:
        return sentence.register(kind, lambda asked, book: Sentence(words(asked, book)))

    return note


@_says(m.Notified)
def _notified(asked: m.Notified, book: Book) -> str:
    ahead = f", {asked.ahead} ahead" if asked.ahead else ""
    within = f", while it was in {book.stage(asked.within_stage)}" if asked.within_stage else ""
    return f"{book.party(asked.party)} has provably been told{ahead}{within}"


@_says(m.Acknowledged)
def _acknowledged(asked: m.Acknowledged, book: Book) -> str:
    who = f"somebody of {book.party(asked.party)} has" if asked.by == 1 else (
        f"{asked.by} people of {book.party(asked.party)} have"
    )  # fmt: skip
    return f"{who} seen it"


@_says(m.Approved)
def _approved(asked: m.Approved, book: Book) -> str:
    who = f"somebody of {book.party(asked.party)} agrees" if asked.by == 1 else (
        f"{asked.by} people of {book.party(asked.party)} agree"
    )  # fmt: skip
    falls = f"; that falls when {_listed([str(one) for one in asked.voided_by], 'or')} changes"
    return f"{who}{', its author not counted' if asked.not_author else ''}{falls if asked.voided_by else ''}"


@_says(m.Visited)
def _visited(asked: m.Visited, book: Book) -> str:
    return f"it has been in {book.stage(asked.stage)}"


@_says(m.Spent)
def _spent(asked: m.Spent, book: Book) -> str:
    return f"it has spent {asked.at_least} in {book.stage(asked.stage)}"


@_says(m.Labelled)
def _labelled(asked: m.Labelled, book: Book) -> str:
    return f"it has the label {_listed(asked.labels, 'or')}"


@_says(m.NotLabelled)
def _not_labelled(asked: m.NotLabelled, book: Book) -> str:
    return f"it does not have the label {_listed(asked.labels, 'or')}"


@_says(m.Described)
def _described(asked: m.Described, book: Book) -> str:
    if asked.briefing:
        return f"all that {book.party(asked.briefing)}'s briefing needs is filled in"
    return f"the heading {asked.section} is filled in" if asked.section else f"the field {asked.field} is filled in"


@_says(m.Checklist)
def _checklist(asked: m.Checklist, book: Book) -> str:
    return f"every box {f'under {asked.section} ' if asked.section else ''}is ticked"


@_says(m.Linked)
def _linked(asked: m.Linked, book: Book) -> str:
    return f"it links to {asked.to or asked.url or f'another issue as {asked.type}'}"


@_says(m.NoOpen)
def _no_open(asked: m.NoOpen, book: Book) -> str:
    words = {"sub-issues": "sub-issue", "blocking": "issue that blocks it", "linked": "linked issue"}
    labelled = f" with the label {_listed(asked.labelled, 'or')}" if asked.labelled else ""
    kind = f" of the type {_listed(asked.type, 'or')}" if asked.type else ""
    return f"no {_listed([words[one] for one in asked.among], 'or')}{labelled}{kind} is open"


@_says(m.NotOnHold)
def _not_on_hold(asked: m.NotOnHold, book: Book) -> str:
    return "nobody holds it"


@_says(m.Within)
def _within(asked: m.Within, book: Book) -> str:
    return f"it is within the window {asked.window}"


@_says(m.Outside)
def _outside(asked: m.Outside, book: Book) -> str:
    return f"it is outside of the freeze {asked.freeze}"


@_says(m.NoDebt)
def _no_debt(asked: m.NoDebt, book: Book) -> str:
    return f"{book.party(asked.party) if asked.party else 'no party'} owes no word" if asked.party else (
        "no party owes its word on an earlier stage"
    )  # fmt: skip


@_says(m.FollowsRoute)
def _follows_route(asked: m.FollowsRoute, book: Book) -> str:
    return "the stage is on the feature's agreed route"


@_says(m.Custom)
def _custom(asked: m.Custom, book: Book) -> str:
    options = ", ".join(f"{name}: {value}" for name, value in asked.options.items())
    return f"the check {asked.name} passes{f' ({options})' if options else ''}"


def _nest(kind: type[Any], says: str) -> None:
    sentence.register(
        kind, lambda asked, book: Sentence(says, tuple(sentence(one, book) for one in asked.items))
    )  # fmt: skip


_nest(m.Any, "at least one of these holds")
_nest(m.All, "all of these hold")
_nest(m.None_, "none of these holds")


# --- the rest ---------------------------------------------------------------------------------------------------------


def _where(one: Source) -> str:
    if one.github:
        also = ", pull requests, too" if one.github.pull_requests else ""
        return f"GitHub: {_listed(one.github.repositories)}{also}"
    return f"Jira ({one.jira.site}): {_listed(one.jira.projects)}" if one.jira else ""


def _of_party(party: Party) -> Iterator[str]:
    for tracker, people in (("GitHub", party.github), ("Jira", party.jira)):
        if people is None:
            continue
        group = getattr(people, "team", None) or getattr(people, "group", None)
        who = _listed([*([group] if group else []), *people.users])
        yield f"on {tracker}: {who}" + (f"; else {_listed(people.fallback, 'or')}" if people.fallback else "")
        if people.rota:
            yield f"on {tracker} {'who is on duty' if people.rota.url else _listed(people.rota.people)} takes turns"
    if party.respond_within:
        yield f"answers within {party.respond_within}" + (f", calendar {party.calendar}" if party.calendar else "")
    if party.escalate_to:
        yield f"else {_listed((*party.escalate_to.github, *party.escalate_to.jira), 'or')} is asked"
    if party.briefing:
        yield f"is briefed on {_listed([one.title for one in party.briefing])}"
    if party.digest:
        at = f" at {_clock(party.digest.at)}" if party.digest.at else ""
        yield f"gets a digest on {_days(party.digest.days)}{at}"


def _hours_of(calendar: Calendar) -> str:
    off = f", holidays of {calendar.holidays}" if calendar.holidays else ""
    own = f", closed on {len(calendar.closed)} days of its own" if calendar.closed else ""
    return f"{_days(calendar.days)}, {_hours(calendar.hours)}, {calendar.time_zone}{off}{own}"


def _days(days: Sequence[int]) -> str:
    found = sorted(days)
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"{_DAYS[found[0]]} to {_DAYS[found[-1]]}"
    return _listed([_DAYS[one] for one in found])


def _hours(hours: tuple[time, time]) -> str:
    return f"{_clock(hours[0])} to {_clock(hours[1])}"


def _clock(at: time) -> str:
    return f"{at:%H:%M}"


def _listed(words: Sequence[str], last: str = "and") -> str:
    *first, end = [*words] or [""]
    return f"{', '.join(first)} {last} {end}" if first else end
