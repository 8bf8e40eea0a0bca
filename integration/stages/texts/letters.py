"""The texts that go out by time or by agreement, not by a move: reminders, routes, debts, approvals that fell.

Each says why its reader got it, since when something is awaited, the one next step and its owner, and what happens
otherwise. Whether and when one is due is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from integration.stages.entries import NeedsWork, Owed
from integration.stages.file import mappings as m
from integration.stages.texts.markup import Bold, Code, Line, Link, Mention, Paragraph, Piece, Quoted, Text, listed
from integration.stages.texts.words import Voice

NEXT = Bold("Next:")
NEEDS_WORK: Line = (", or ", Code("/stage needs-work"), " with what is missing.")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody's turn: which party's word is awaited, on what stage, since when, and how soon they mean to answer."""

    party: str
    stage: str
    since: datetime
    word: Literal["ack", "approve"]  # the word that is asked for
    within: str = ""  # "1 working day"
    evidence: str = ""  # address of the notice that they got


# --- a request that waits -------------------------------------------------------------------------------------------


def reminded(voice: Voice, by: str, waiting: Sequence[Waiting]) -> Text:
    """A party has not answered in the time that it meant to: one reminder. `by` is the name of whoever asked."""
    parties = _parties(waiting)
    why: Line = (
        *voice.parties(parties),
        ", a reminder: ",
        Quoted(by),
        f" asked for {_stages(voice, waiting)}, and your answer has been awaited since ",
        *_since(voice, waiting),
        _within(waiting),
        ".",
    )
    step: Line = (NEXT, f" {voice.named(parties)}, please look at this feature and answer ", *_words(voice, waiting))
    return (Paragraph(why), Paragraph((*step, *NEEDS_WORK)), _otherwise(voice, parties))


def escalated(voice: Voice, by: str, waiting: Sequence[Waiting], people: Mapping[str, tuple[str, ...]]) -> Text:
    """The reminder was not answered either: the people who are named for that case, and all of the party."""
    parties, stages = _parties(waiting), _stages(voice, waiting)
    why: Line = (
        *voice.parties(parties),
        ": ",
        Quoted(by),
        f" asked for {stages}, and {voice.named(parties)} {_has(parties)} not answered since ",
        *_since(voice, waiting),
        ", nor after my reminder.",
    )
    step: Line = (*_whom_to_turn_to(voice, parties, people), *_words(voice, waiting), *NEEDS_WORK)
    then = f"Without that, the gate to {stages} stays shut. I ask nobody else after this."
    return (Paragraph(why), Paragraph(step), Paragraph((then,)))


def handed_over(voice: Voice, by: str, stage: str, parties: Sequence[str]) -> Text:
    """What the parties handed back has been seen to, says `by`: it is their turn again."""
    why: Line = (
        *voice.parties(parties),
        f", you said that this needs work before {voice.name(stage)}",
        *_handed_back_on(voice, stage, parties),
        ". ",
        Quoted(by),
        " has seen to it, and asks for another look.",
    )
    step: Line = (
        NEXT,
        f" {voice.named(parties)}, please look again and answer ",
        Code("/stage ack"),
        ", or ",
        Code("/stage approve"),
        " where your approval is asked for",
        *NEEDS_WORK,
    )
    then = f"Until then, the gate to {voice.name(stage)} stays shut."
    timed = any(
        voice.case.mappings.parties[one].respond_within for one in parties if one in voice.case.mappings.parties
    )
    return (Paragraph(why), Paragraph(step), Paragraph((then, " Your time to answer begins anew." if timed else "")))


def voided(voice: Voice, stage: str, party: str, approver: str, facts: Sequence[str]) -> Text:
    """An approval fell, as facts that it was given for have changed."""
    why: Line = (
        *voice.mention(party),
        f", your approval for {voice.name(stage)}, given by ",
        Quoted(approver),
        ", does not count any more. Changed since then: ",
        *listed([(Quoted(fact),) for fact in facts]),
        ".",
    )
    step: Line = (NEXT, f" {voice.case.party(party)}, please look again and answer ", Code("/stage approve"))
    then = f"Until then, the gate to {voice.name(stage)} waits for a new one."
    return (Paragraph(why), Paragraph((*step, *NEEDS_WORK)), Paragraph((then,)))


# --- routes ---------------------------------------------------------------------------------------------------------


def route_proposed(
    voice: Voice, by: str, stages: Sequence[str], was: Sequence[str] | None, parties: Sequence[str], from_text: bool
) -> Text:
    """Somebody proposes which stages the feature visits. `was` is the route in force, `parties` those who agree."""
    why: Line = (
        *voice.parties(parties),
        ", the text of the issue (opened by " if from_text else ", ",
        Quoted(by),
        ") proposes" if from_text else " proposes",
        " that this feature visits ",
        *_path(voice, stages),
        ". You are asked because a route needs your agreement.",
    )
    so_far: Line = ("every stage counts",) if was is None else ("the route stays ", *_path(voice, was))
    then = Paragraph(("Until everybody who is asked has agreed, ", *so_far, "."))
    return (Paragraph(why), Paragraph(_agree(voice, parties)), then)


def route_reminded(voice: Voice, stages: Sequence[str], waiting: Sequence[Waiting]) -> Text:
    """A party has not yet said whether it agrees to a route: one reminder."""
    parties = _parties(waiting)
    why: Line = (
        *voice.parties(parties),
        ", a reminder: this feature is to visit ",
        *_path(voice, stages),
        ", and your agreement has been awaited since ",
        *_since(voice, waiting),
        _within(waiting),
        ".",
    )
    return (Paragraph(why), Paragraph(_agree(voice, parties)), _otherwise(voice, parties))


def route_escalated(
    voice: Voice, stages: Sequence[str], waiting: Sequence[Waiting], people: Mapping[str, tuple[str, ...]]
) -> Text:
    """Nor did they after the reminder: the people who are named for that case, and all of the party."""
    parties = _parties(waiting)
    why: Line = (
        *voice.parties(parties),
        ": this feature is to visit ",
        *_path(voice, stages),
        f", and {voice.named(parties)} {_has(parties)} not answered since ",
        *_since(voice, waiting),
        ", nor after my reminder.",
    )
    step: Line = (
        *_whom_to_turn_to(voice, parties, people),
        Code("/stage ack"),
        " to agree (a plain reply does not), or say in a comment what should change.",
    )
    then = "Without that, the route does not come into force. I ask nobody else after this."
    return (Paragraph(why), Paragraph(step), Paragraph((then,)))


def _agree(voice: Voice, parties: Sequence[str]) -> Line:
    return (
        NEXT,
        f" {voice.named(parties)}, please answer ",
        Code("/stage ack"),
        " to agree (a plain reply does not). If you disagree, say so in a comment; ",
        Code("/stage route STAGE, STAGE"),
        " proposes another.",
    )


# --- debts ----------------------------------------------------------------------------------------------------------


def debt_due(voice: Voice, debt: Owed) -> Text:
    """A party's word was put off, and is due: the person who meant to give it."""
    party = voice.case.party(debt.party)
    step: Line = (
        NEXT,
        " ",
        Mention(debt.who),
        f", you are named to answer for {party}: please look at this feature and write ",
        Code(f"/stage {debt.asks}"),
        ", which pays this debt.",
    )
    then = _shut_while_owed(voice, debt) + _if_silent(voice, [debt.party])
    return (Paragraph(_put_off(voice, debt)), Paragraph(step), *_if_any(then))


def debt_escalated(voice: Voice, debt: Owed, people: Sequence[str]) -> Text:
    """It is still owed after the person was asked: the people who are named for that case, and that person."""
    if not people:
        return debt_due(voice, debt)
    asked: Line = (" It is still owed, though I have asked ", Mention(debt.who), " for it.")
    if debt.who.casefold() in (one.casefold() for one in people):
        asked = ()
    step: Line = (
        *_whom_to_turn_to(voice, [debt.party], {debt.party: tuple(people)}),
        Code(f"/stage {debt.asks}"),
        ", which pays this debt.",
    )
    return (Paragraph((*_put_off(voice, debt), *asked)), Paragraph(step), *_if_any(_shut_while_owed(voice, debt)))


def _put_off(voice: Voice, debt: Owed) -> Line:
    """Who put off what, when, until when, and where the feature is."""
    until = f"until {voice.case.until(debt.until)}" if debt.until else "without a date"
    word = "answer" if debt.asks == "ack" else "approval"
    stage, now = voice.name(debt.stage), voice.name(voice.stage)
    where = "there" if voice.stage == debt.stage else f"in {now}"
    return (
        "On ",
        _linked(voice.case.when(debt.at, debt.party), debt.url),
        " ",
        Quoted(str(debt.by)),
        f" put off {_of(voice.case.party(debt.party))} {word} on {stage}, {until}.",
        f" The feature is {where} now." if voice.stage else "",
    )


def _shut_while_owed(voice: Voice, debt: Owed) -> Line:
    """What a debt keeps shut, where the file has such a rule."""
    blocking = (rule for rule in voice.case.mappings.rules if rule.level == m.Level.BLOCK)
    asked = (one for rule in blocking for one in voice.case.mappings.asked_by(rule) if isinstance(one, m.NoDebt))
    if any(one.party in (None, debt.party) for one in asked):
        return ("While it is owed, gates that allow no debt stay shut. ",)
    return ()


# --- what they have in common ---------------------------------------------------------------------------------------


def _parties(waiting: Iterable[Waiting]) -> list[str]:
    return list(dict.fromkeys(one.party for one in waiting))


def _stages(voice: Voice, waiting: Iterable[Waiting]) -> str:
    return " and ".join(dict.fromkeys(voice.name(one.stage) for one in waiting))


def _path(voice: Voice, stages: Sequence[str]) -> Line:
    """A route as people read it: one stage, then the next."""
    return listed([(Bold(voice.name(stage)),) for stage in stages], last=", then ") if stages else ("no stage",)


def _has(parties: Sequence[str]) -> str:
    return "has" if len(parties) == 1 else "have"


def _of(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def _since(voice: Voice, waiting: Sequence[Waiting]) -> Line:
    """Since when they wait, each on its party's own clock, with the notice behind it."""
    return _each(voice, waiting, lambda one: _linked(voice.case.when(one.since, one.party), one.evidence))


def _within(waiting: Iterable[Waiting]) -> str:
    """How soon they mean to answer, where the file says the same for all of them."""
    lengths = {one.within for one in waiting}
    return f" (you mean to answer within {lengths.pop()})" if len(lengths) == 1 and "" not in lengths else ""


def _each(voice: Voice, waiting: Sequence[Waiting], tell: Callable[[Waiting], Piece]) -> Line:
    """What is the same for all is told once; else for each, with its party."""
    told: dict[Piece, list[str]] = {}
    for one in waiting:
        told.setdefault(tell(one), []).append(one.party)
    if len(told) == 1:
        return tuple(told)
    return listed([(piece, f" ({voice.named(parties)})") for piece, parties in told.items()])


def _words(voice: Voice, waiting: Sequence[Waiting]) -> Line:
    """The word that is asked for, by party where they differ, and whether a plain reply will do."""
    lines: list[Line] = []
    kinds = dict.fromkeys(one.word for one in waiting)
    for word in kinds:
        asked = [one for one in waiting if one.word == word]
        notes = [voice.named(_parties(asked))] if len(kinds) > 1 else []
        if word == "ack" and not any(_back(voice, one.stage, one.party) for one in asked):
            notes.append("a plain reply will do, too")
        lines.append((Code(f"/stage {word}"), f" ({'; '.join(notes)})" if notes else ""))
    return listed(lines)


def _back(voice: Voice, stage: str, party: str) -> NeedsWork | None:
    """How the party handed this back, if it has; after that a plain reply does not count."""
    said = (one for one in voice.case.evidence if isinstance(one, NeedsWork))
    return next((one for one in reversed(tuple(said)) if (one.stage, one.party) == (stage, party)), None)


def _handed_back_on(voice: Voice, stage: str, parties: Sequence[str]) -> Line:
    found = [one for party in parties if (one := _back(voice, stage, party))]
    times = dict.fromkeys(_linked(voice.case.when(one.at, one.party), one.url) for one in found)
    return (" (", *listed([(one,) for one in times]), ")") if times else ()


def _whom_to_turn_to(voice: Voice, parties: Sequence[str], people: Mapping[str, tuple[str, ...]]) -> Line:
    """ "Next: @support-lead, …: please answer, or have somebody of Support answer, with"; else the parties."""
    named = list(dict.fromkeys(one for party in parties for one in people.get(party, ())))
    if not named:
        return (NEXT, f" {voice.named(parties)}, please have somebody of you answer with ")
    you = "the one" if len(named) == 1 else "the people"
    does = "does" if len(parties) == 1 else "do"
    return (
        NEXT,
        " ",
        *listed([(Mention(one),) for one in named]),
        f", you are {you} to turn to when {voice.named(parties)} {does} not answer: please answer, or have ",
        " and ".join(f"somebody of {voice.case.party(party)}" for party in parties),
        " answer, with ",
    )


def _otherwise(voice: Voice, parties: Sequence[str]) -> Paragraph:
    return Paragraph(("I remind only once. ", *_if_silent(voice, parties)))


def _if_silent(voice: Voice, parties: Sequence[str]) -> Line:
    """Who is asked next, where the file names somebody on this tracker."""
    clauses: list[Line] = []
    for party in parties:
        name = voice.case.party(party)
        if people := _asked_next(voice, party):
            clauses.append((f"{'; if' if clauses else 'If'} {name} does not answer, I ask ", *people))
    return (*(piece for clause in clauses for piece in clause), ".") if clauses else ()


def _asked_next(voice: Voice, party: str) -> Line:
    """Those whom the party escalates to, and all of it where so far only the one on duty was asked."""
    known, tracker = voice.case.mappings.parties.get(party), voice.case.issue.ref.tracker
    if known is None:
        return ()
    up, people = known.escalate_to, known.on(tracker)
    named = (up.github if tracker == "github" else up.jira) if up else ()
    lines = _by_name(voice, named)
    return listed([*lines, (f"all of {voice.case.party(party)}",)] if people and people.rota else lines)


def _by_name(voice: Voice, handles: Sequence[str]) -> list[Line]:
    """People by name, not mentioned. A Jira account means nothing to its readers, unless the issue shows its name."""
    issue = voice.case.issue
    names = [issue.name_of(handle) for handle in handles]
    if issue.ref.tracker == "jira" and set(names) & set(handles):
        return [("those who are named for that",)]
    return [(Quoted(name),) for name in names]


def _linked(words: str, url: str) -> Piece:
    return Link(words, url) if url else words


def _if_any(line: Line) -> tuple[Paragraph, ...]:
    return (Paragraph(line),) if line else ()
