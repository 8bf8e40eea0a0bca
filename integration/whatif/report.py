"""What a what-if has found, sorted for people: which moves fare otherwise, what does nothing, who is asked how often.

Pure. `writing.py` writes it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

from integration.stages.entries import Outcome
from integration.stages.file import mappings as m
from integration.stages.file.mappings import Mappings, Rule
from integration.stages.replay.comparing import Change, Compared, Fate, Kind, Place, RuleTally, Tally, busiest
from integration.stages.replay.played import End
from integration.stages.replay.weighing import Weighing
from integration.whatif.reading import Read
from integration.whatif.running import Result
from integration.whatif.wanted import Wanted, fits_place

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule of the new file. `remark` says in words what is odd about it."""

    id: str
    level: str
    tally: RuleTally
    remark: str = ""


@dataclass(frozen=True, slots=True)
class PartyRow:
    """One party: how often in a week it would be asked for its word, and just told; before, and in the busiest week."""

    name: str
    asked: float
    asked_before: float
    told: float
    told_before: float
    busiest: int


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    wanted: Wanted
    compared: Compared
    rules: tuple[RuleRow, ...]
    parties: tuple[PartyRow, ...]
    idle: tuple[str, ...]  # names that match nothing, in words
    unknown: tuple[str, ...]  # what could not be known, in words
    old_name: str = ""
    new_name: str = ""

    def of(self, kind: Kind) -> list[Change]:
        """The moves that fare otherwise in this way, the newest first."""
        return sorted((one for one in self.compared.changes if one.kind is kind), key=lambda one: one.move.at)[::-1]

    def stage(self, name: str | None) -> str:
        """The stage's name as people say it."""
        known = {**(self.wanted.old.stages if self.wanted.old else {}), **self.wanted.new.stages}
        return known.get(name, name) if name else "no stage"


def report(
    wanted: Wanted, result: Result, read: Read | None, untold: Mapping[str, str], names: tuple[str, str]
) -> Report:  # fmt: skip
    """Sort it."""
    compared = result.compared
    return Report(
        wanted,
        compared,
        tuple(_rules(wanted.new, compared.new)),
        tuple(_parties(wanted, compared)),
        tuple(_idle(wanted, compared.seen)),
        tuple(_unknown(wanted, result, read, untold)),
        *names,
    )


# --- rules and parties ------------------------------------------------------------------------------------------------


def _rules(new: Mappings, tally: Tally) -> Iterator[RuleRow]:
    for rule in new.rules:
        found = tally.rules.get(rule.id, RuleTally())
        yield RuleRow(rule.id, str(rule.level), found, _remark(rule, found, new.stages))


def _remark(rule: Rule, tally: RuleTally, stages: Mapping[str, str]) -> str:
    if not tally.about:
        where = f"into {stages[rule.entering]}" if rule.entering else f"out of {stages[rule.leaving or '']}"
        return f"never fires: no move {where}" + (f" from {stages[rule.from_]}" if rule.from_ else "") + _when(rule)
    if tally.unknown == tally.about:
        return "could never be judged"
    return "never shut" if not tally.shut and not tally.unknown else ""


def _when(rule: Rule) -> str:
    return " of a feature that its `when` means" if rule.when else ""


def _parties(wanted: Wanted, compared: Compared) -> Iterator[PartyRow]:
    weeks = max((wanted.span.until - wanted.span.since) / _WEEK, 1 / 7)
    old, new = compared.old, compared.new
    named = {key: party.name or key for file in reversed(wanted.files) for key, party in file.parties.items()}
    for key, name in named.items():
        counts = [sum(which.get(key, {}).values()) for which in (new.asked, old.asked, new.told, old.told)]
        if any(counts):
            asked, before, told, told_before = (count / weeks for count in counts)
            yield PartyRow(name, asked, before, told, told_before, busiest(new.asked.get(key, {})))


# --- names that match nothing -----------------------------------------------------------------------------------------


def _idle(wanted: Wanted, seen: Mapping[Place, set[str]]) -> Iterator[str]:
    for where, source in wanted.sources(wanted.new):
        tracker, patterns = ("GitHub", source.github.repositories) if source.github else ("Jira", _projects(source))
        shown = [names for place, names in seen.items() if fits_place(place, where, patterns)]
        if not shown:
            yield f"no issue was found in {', '.join(patterns)} ({tracker})"
            continue
        mapped = _mapped(source)
        for kind, stage, name in mapped:
            if not any(name.casefold() in names for names in shown):
                taken = {other.casefold() for _, _, other in mapped}
                called = wanted.new.stages.get(stage, stage)
                yield f'the {kind} "{name}" ({called}, {tracker}) is on no issue{_meant(name, shown, taken)}'
    yield from _idle_labels(wanted.new, seen)


def _projects(source: m.Source) -> tuple[str, ...]:
    return source.jira.projects if source.jira else ()


def _mapped(source: m.Source) -> list[tuple[str, str, str]]:
    """Kind, stage and name of all that the source maps."""
    one = source.github or source.jira
    kinds = (("label", one.labels if one else {}), ("status", source.jira.statuses if source.jira else {}))
    return [(kind, stage, name) for kind, names in kinds for stage, each in names.items() for name in each]


def _meant(name: str, shown: Sequence[set[str]], taken: set[str]) -> str:
    others = set().union(*shown) - taken
    close = get_close_matches(name.casefold(), others, n=1, cutoff=0.8)
    return f'; there is "{close[0]}"' if close else ""


def _idle_labels(new: Mappings, seen: Mapping[Place, set[str]]) -> Iterator[str]:
    """Labels that rules ask for and that no issue ever had."""
    shown = list(seen.values())
    if not shown:
        return
    for rule in new.rules:
        top = new.model_copy(update={"rules": (rule,)}).asked()
        wanted = (label for one in top if isinstance(one, m.Labelled | m.NotLabelled) for label in one.labels)
        for label in dict.fromkeys(wanted):
            if not any(label.casefold() in names for names in shown):
                yield f'the label "{label}" that {rule.id} asks for is on no issue{_meant(label, shown, set())}'


# --- what is not known ------------------------------------------------------------------------------------------------


def _unknown(wanted: Wanted, result: Result, read: Read | None, untold: Mapping[str, str]) -> Iterator[str]:
    yield from _of_the_past(wanted, result.compared)
    yield from (f"{what} could not be known ({why}); what hangs on it is open" for what, why in untold.items())
    if result.unknown:
        yield f"{len(result.unknown)} questions about who is in a party were never asked; run it once without --offline"
    if result.spoilt:
        yield f"{result.spoilt} stored histories could not be read and were left out; run it once without --offline"
    for name, why in (read.refused if read else {}).items():
        yield f"{name} could not be read and is left out: {why}"


def _of_the_past(wanted: Wanted, compared: Compared) -> Iterator[str]:
    hanging = [one for one in Weighing(wanted.new).rules if (found := compared.new.rules.get(one)) and found.by_today]
    if hanging:
        count = sum(compared.new.rules[one].by_today for one in hanging)
        yield (
            f"{count} verdicts of {', '.join(hanging)} go by what the issues show today: their text, fields, links and "
            "related issues of that time are not known"
        )
    if compared.edited:
        were = "1 comment was" if compared.edited == 1 else f"{compared.edited} comments were"
        yield f"{were} edited later: a command in one does not count, as nobody knows what it said at first"
    if any(_has_url(party) for party in wanted.new.parties.values()):
        yield "who was on duty by a rota's url is not known: all of the party counted as asked"


def _has_url(party: m.Party) -> bool:
    return any(people and people.rota and people.rota.url for people in (party.github, party.jira))


ALWAYS = (
    "Both files are judged as if they had been in force since each issue was opened; `effective` is not looked at.",
    "Each move is judged from where the issue really stood. What people would have done after a block, nobody knows: "
    "what they wrote afterwards counts, and the next move begins where the issue really went.",
    "Who is in a party is as it is today. A mention counts as arrived where the tracker made a link of it. Comments "
    "that were deleted are not there, and a closed issue counts as open until the last thing that happened to it.",
    "Reminders and escalations are not counted: nobody knows who would have answered in time.",
)


# --- in words ---------------------------------------------------------------------------------------------------------


def fate(one: Fate | None) -> str:
    """What becomes of a move, in few words."""
    if one is None:
        return "not seen"
    if one.outcome is Outcome.BLOCKED:
        ends = {
            End.OPENED: f"opened {length(one.wait)}" if one.wait is not None else "opened",
            End.WENT_ON: "not opened before it went on",
            End.OVER: "never opened",
            End.OPEN: "not opened yet",
            None: "",
        }
        return f"blocked, {ends[one.end]}".removesuffix(", ")
    return "warned" if one.outcome is Outcome.WARNED else "let through"


def length(span: timedelta) -> str:
    """`after 3 hours`; `at once`."""
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"after {count} {unit}{'' if count == 1 else 's'}"
    return "at once"
