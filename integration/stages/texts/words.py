"""Verdicts and notices as text for people: what happened, why, the one next step and its owner.

Every text that we post begins here, as a `Text` that knows no tracker. Somebody else's words are always `Quoted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from integration.stages.entries import Finding, GateResult, Outcome, Owed
from integration.stages.file.mappings import Level
from integration.stages.model import ADDITIONS_FILE
from integration.stages.remembered import Attempt
from integration.stages.rules.case import Case
from integration.stages.rules.catalogue import ANY
from integration.stages.rules.gate import Verdict, only_tells
from integration.stages.texts.briefings import briefing
from integration.stages.texts.markup import (
    Block,
    Bold,
    Code,
    Heading,
    Item,
    Items,
    Line,
    Link,
    Mention,
    Paragraph,
    Piece,
    Quoted,
    Small,
    Text,
    joined,
    listed,
)


@dataclass(frozen=True, slots=True)
class Voice:
    """What every text may need: the case, how each party is mentioned, and where the feature stands.

    `on_duty` are the parties of which one person is mentioned, as it is their turn; `asker` is who asked for the stage.
    """

    case: Case
    stage: str | None
    handles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on_duty: frozenset[str] = frozenset()
    asker: str = ""

    def name(self, stage: str | None) -> str:
        """The stage's name."""
        return self.case.stage(stage)

    def mention(self, party: str) -> Line:
        """The party's mention; its bare name where nobody of it is known on this tracker."""
        handles = self.handles.get(party, ())
        if not handles:
            return (self.case.party(party),)
        named = joined([Mention(handle) for handle in handles], " ")
        return (*named, f" (on duty for {self.case.party(party)})") if party in self.on_duty else named

    def parties(self, parties: Iterable[str]) -> Line:
        """Several mentions as a phrase."""
        return listed([self.mention(party) for party in parties])

    def named(self, parties: Iterable[str]) -> str:
        """Several parties by name, with nobody mentioned."""
        return "".join(map(str, listed([(self.case.party(party),) for party in parties])))


def blocked(voice: Voice, attempt: Attempt, verdict: Verdict, stays_put: bool) -> Text:
    """The comment on a blocked move: it mentions just those who must act or know, and whoever asked.

    `verdict` is as this comment leaves it: those who are `awaiting` have been told by it.
    """
    target, opens = voice.name(attempt.to), verdict.outcome is not Outcome.BLOCKED
    acting = tuple(dict.fromkeys(one.party for one in verdict.missing if one.party))
    missing = f" needs {_either(voice, acting, verdict)} first" if acting else " is not ready yet"
    goes = f"goes back to {voice.name(attempt.was)}" if attempt.was else "is taken out again"
    back = "" if stays_put or opens else f"It {goes} until then. "
    return (
        Heading((f"{target} is on its way" if opens else f"{target}{missing}",)),
        Paragraph((Mention(attempt.by.handle), f" asked for {target}. {back}", *_reasons(voice, verdict))),
        *checklist(verdict.failing),
        *_next_step(voice, attempt, verdict, acting),
        *_briefing(voice, verdict.awaited),
    )


def _either(voice: Voice, parties: Sequence[str], verdict: Verdict) -> str:
    """ "Support and Growth"; "Support or Growth" where one of them is enough."""
    choices = [one for gate in verdict.failing for one in gate.findings if one.ok is not True]
    last = " or " if len(choices) == 1 and choices[0].says == ANY else " and "
    return "".join(map(str, listed([(voice.case.party(party),) for party in parties], last)))


def _reasons(voice: Voice, verdict: Verdict, level: Level = Level.BLOCK) -> Line:
    pieces: list[Piece] = []
    for gate in verdict.failing:
        if gate.level == level:
            why: Line = (" says: ", Quoted(gate.because)) if gate.because else (" is not met.",)
            whose: Line = (" of this repository",) if voice.case.mappings.has_added(gate.rule) else ()
            pieces += ["The rule ", Code(gate.rule), *whose, *why, " "]
    return tuple(pieces[:-1])


def _next_step(voice: Voice, attempt: Attempt, verdict: Verdict, acting: Sequence[str]) -> tuple[Block, ...]:
    """The one next step, and its owner; and who need do nothing but know."""
    target = voice.name(attempt.to)
    knowing = [party for party in verdict.awaited if party not in acting]
    lines: list[Line] = []
    if knowing:
        does = "is" if verdict.outcome is not Outcome.BLOCKED else "was"
        lines.append(
            (*voice.parties(knowing), f": {target} {does} asked for; you are told by this, and need do nothing.")
        )
    if acting:
        lines.append(_please(voice, acting, verdict))
    elif verdict.outcome is not Outcome.BLOCKED:
        lines.append((Bold("Next:"), " nobody has to do anything; the move goes through."))
    elif verdict.look_again_at and all(finding.look_again_at for finding in verdict.missing):
        when = voice.case.when(verdict.look_again_at)
        lines.append((Bold("Next:"), f" nobody has to do anything; I look again on {when}."))
    else:
        lines.append((Bold("Next:"), " ", Mention(attempt.by.handle), ", please see to the open points above."))
    if verdict.outcome is Outcome.BLOCKED:
        then = "I tell you here" if only_tells(verdict.gates) else f"I set {target} myself; nobody has to relabel"
        lines.append((f"When the last point is ticked, {then}. ", Code("/stage cancel"), " withdraws the request."))
    return tuple(Paragraph(line) for line in lines)


def _please(voice: Voice, acting: Sequence[str], verdict: Verdict, mentioned: bool = False) -> Line:
    """What they are asked for; by name, where the text has `mentioned` them before."""
    approves = any(one.party in acting and "approved" in one.says for one in verdict.missing)
    word = "/stage approve" if approves else "/stage ack"
    plainly: Line = () if approves else (" (a plain reply will do, too)",)
    return (
        Bold("Next:"),
        " ",
        *((voice.named(acting),) if mentioned else voice.parties(acting)),
        ", please look at this feature and answer ",
        Code(word),
        *plainly,
        ", or ",
        Code("/stage needs-work"),
        " with what is missing.",
    )


def _briefing(voice: Voice, readers: Sequence[str]) -> tuple[Block, ...]:
    """What the readers need to know of the feature, from the issue's own sections and fields."""
    if not readers:
        return ()
    return briefing(readers, voice.case.issue, voice.case.mappings, voice.asker, voice.case.party)


def checklist(gates: Iterable[GateResult]) -> tuple[Block, ...]:
    """The gates' findings as tick boxes, a finding that several gates share, and what one comment shuts, only once."""
    items: dict[Item, None] = {}
    told: set[tuple[str, tuple[str, ...]]] = set()
    for gate in gates:
        waived: Line = (" — ", Quoted(gate.waived)) if gate.waived else ()
        for finding in gate.findings:
            because = (finding.reason, finding.evidence)
            if finding.ok is False and finding.evidence and because in told and not waived:
                continue
            told |= {because} if not waived else set()
            for item in _ticked(finding, 0, waived):
                items.setdefault(item)
    return (Items(tuple(items)),) if items else ()


def _ticked(finding: Finding, depth: int, more: Line = ()) -> Iterable[Item]:
    reason: Line = (" — ", Quoted(finding.reason)) if finding.reason else ()
    seen = [Link(str(n + 1) if n else "see", url) for n, url in enumerate(finding.evidence[:3])]
    links: Line = (" (", *joined(seen, ", "), ")") if seen else ()
    yield Item((Quoted(finding.says), *reason, *links, *more), finding.ok is True or bool(more), depth)
    for part in finding.parts:
        yield from _ticked(part, depth + 1)


def also_needed(voice: Voice, attempt: Attempt, verdict: Verdict, parties: Sequence[str]) -> Text:
    """Parties that the attempt waits for now and that have not been told of it yet."""
    line: Line = (*voice.parties(parties), ", ", Quoted(str(attempt.by)), f" asked for {voice.name(attempt.to)}, and ")
    waits = Paragraph((*line, "that waits for you, too."))
    step = Paragraph(_please(voice, parties, verdict, mentioned=True))
    return (waits, *checklist(verdict.failing), step, *_briefing(voice, parties))


def fallback(voice: Voice, attempt: Attempt, party: str, people: Sequence[str], why: str) -> Text:
    """The party's mention reached nobody: the people who are named for that case."""
    line: Line = (
        *joined([Mention(one) for one in people], " "),
        f", the mention of {voice.case.party(party)} above has not reached them (",
        Quoted(why),
        f"). Please make sure that somebody of {voice.case.party(party)} answers here: "
        f"{voice.name(attempt.to)} stays shut until one of them, or you, has written ",
        Code("/stage ack"),
        ".",
    )
    return (Paragraph(line),)


def warned(voice: Voice, by: str, stage: str, verdict: Verdict) -> Text:
    """The move is let through, and what was missing is said."""
    awaited = verdict.awaited
    acting = [party for party in awaited if any(one.party == party for one in verdict.missing)]
    knowing = [party for party in awaited if party not in acting]
    lead: Line = (Mention(by), f" moved this to {voice.name(stage)}. It stays there, but something is missing. ")
    tell: Line = (*voice.parties(knowing), f": it is in {voice.name(stage)}; you need do nothing.")
    step: Line = (Bold("Next:"), " ", Mention(by), ", please see to the open points above.")
    return (
        Paragraph((*lead, *_reasons(voice, verdict, Level.WARN))),
        *checklist(verdict.failing),
        *((Paragraph(tell),) if knowing else ()),
        Paragraph(_please(voice, acting, verdict) if acting else step),
        *_briefing(voice, awaited),
    )


def moved_by(by: str, asked: bool, is_open: bool) -> str:
    """How a feature came into its stage."""
    return f"as {by} asked{'; its gates are open' if is_open else ''}" if asked else f"moved by {by}"


def entered(voice: Voice, stage: str, parties: Sequence[str], who: str) -> Text:
    """Told without being asked: the feature has entered a stage."""
    here: Line = (": this feature is now in ", Bold(voice.name(stage)), " (", Quoted(who), ").")
    return (
        Paragraph((*voice.parties(parties), *here, " Nothing to do; a reply shows the others that you have seen it.")),
        *_briefing(voice, parties),
    )


def went_back(voice: Voice, stage: str, parties: Sequence[str]) -> Text:
    """Those who were told of a stage hear that the feature has left it."""
    now = f"It is back in {voice.name(voice.stage)}." if voice.stage else "It is in no release stage now."
    line: Line = (*voice.parties(parties), f": this feature is not in {voice.name(stage)} any more. ", Bold(now))
    return (Paragraph((*line, f" You are told as you were told of {voice.name(stage)}; nothing to do.")),)


def cleared(voice: Voice, attempt: Attempt, why_not: str = "") -> Text:
    """All gates are open, and somebody has to make the move by hand."""
    line: Line = (
        Mention(attempt.by.handle),
        f", all gates to {voice.name(attempt.to)} are open. ",
        *(("I could not set it myself (", Quoted(why_not), "). ") if why_not else ()),
        "Please set it when it suits you.",
    )
    return (Paragraph(line),)


def standing(voice: Voice, attempt: Attempt, reason: str, people: Sequence[str]) -> Text:
    """Blocked, but not put back: said once, with those who can end it."""
    line: Line = (
        *joined([Mention(one) for one in people], " "),
        *((", so that you know: ",) if people else ()),
        f"this feature stands in {voice.name(attempt.to)}, though its gates are shut, and I do not put it back: ",
        Quoted(reason),
        ". ",
    )
    out = f"move it back to {voice.name(attempt.was)}" if attempt.was else f"take it out of {voice.name(attempt.to)}"
    todo: Line = (
        Bold("Next:"),
        " ",
        Mention(attempt.by.handle),
        f", please {out} by hand, or have the open points settled; then ",
        Code("/stage recheck"),
        ".",
    )
    return (Paragraph(line), Paragraph(todo))


_AT_REST = "Nothing is awaited, and nothing needs to be done."


@dataclass(frozen=True, slots=True)
class Life:
    """What the living comment shows."""

    attempt: Attempt | None = None
    verdict: Verdict | None = None
    hold: Line = ()
    news: Line = ()
    puts_back: int = 0
    checked: str = ""
    stands: str = ""  # a stage in which it stands though its gates were shut
    debts: tuple[Owed, ...] = ()
    unknown_in_route: str = ""  # what the issue's text names as a stage and is none
    unfit: str = ""  # why the rules that the repository has added do not count as they stand there


def status(voice: Voice, life: Life) -> Text:
    """How it stands: the stage, the gates with ticks, who is awaited."""
    where = voice.name(voice.stage) if voice.stage else "In no release stage"
    head: tuple[Block, ...] = (Heading((where,)),)
    if life.hold:
        head = (*head, Paragraph((Bold("On hold:"), " ", *life.hold)))
    if life.attempt and life.verdict:
        attempt = life.attempt
        asked: Line = (Quoted(str(attempt.by)), " asked for ", Bold(voice.name(attempt.to)), ".")
        times = f" Asked for {len(attempt.asks)} times." if len(attempt.asks) > 1 else ""
        times += f" Put back {life.puts_back} times." if life.puts_back > 1 else ""
        stands: Line = ()
        if attempt.standing and voice.stage == attempt.to:
            stands = (" It stands there all the same: ", Quoted(attempt.standing.reason), ".")
        body: tuple[Block, ...] = (
            Paragraph((*asked, times, *stands)),
            *checklist(life.verdict.shown),
            Paragraph((Bold("Next:"), " ", *next_step(voice, life))),
        )
    else:
        body = (Paragraph(next_step(voice, life)),)
    news: tuple[Block, ...] = (Paragraph(life.news),) if life.news else ()
    return (*head, *body, *_agreed_and_owed(voice, life), *news, *_unfit(life.unfit))


def next_step(voice: Voice, life: Life) -> Line:
    """What comes next, and who sees to it, in one sentence."""
    if life.attempt and life.verdict:
        return _awaited(voice, life.verdict, Quoted(str(life.attempt.by)))
    if life.stands:
        return (f"It stands in {life.stands}, though its gates were shut, and could not be put back.",)
    return ("No stage is asked for." if _promised(voice, life) else _AT_REST,)


def _unfit(why: str) -> tuple[Block, ...]:
    """For the people of the repository, who alone can mend its file."""
    if not why:
        return ()
    lead: Line = (Bold("This repository's own rules"), " (", Code(ADDITIONS_FILE), ") do not count as they stand: ")
    return (Paragraph((*lead, Quoted(why), ".")),)


def _promised(voice: Voice, life: Life) -> bool:
    """Is anybody's word awaited, though no stage is asked for?"""
    return bool(life.debts or voice.case.proposed or life.unknown_in_route)


def _agreed_and_owed(voice: Voice, life: Life) -> tuple[Block, ...]:
    """The route, and the words that were put off."""
    case, lines = voice.case, list[Line]()
    if case.route is not None:
        lines.append((Bold("Route:"), f" {route(voice, case.route)}."))
    if case.proposed:
        awaited = case.to_agree
        waits = f". {voice.named(awaited)} {'has' if len(awaited) == 1 else 'have'} to agree to it with "
        ask: Line = (waits, Code("/stage ack"), ".") if awaited else (".",)
        lines.append((Bold("Proposed route:"), f" {route(voice, case.proposed.stages)}", *ask))
    if life.unknown_in_route:
        lines.append(("The route in the text above names ", Quoted(life.unknown_in_route), ", which is no stage."))
    for debt in life.debts:
        by: Line = (", by ", Quoted(debt.name or debt.who)) if debt.who else ()
        until = f", until {case.until(debt.until)}" if debt.until else ""
        lines.append((Bold("Owed:"), f" {case.party(debt.party)}'s word on {voice.name(debt.stage)}", *by, f"{until}."))
    return tuple(Paragraph(line) for line in lines)


def route(voice: Voice, stages: Iterable[str]) -> str:
    """A route as people say it: `Internal Release, Public Release`."""
    return ", ".join(voice.name(stage) for stage in stages)


def living(voice: Voice, life: Life) -> Text:
    """The one comment that always tells how it stands; edited in place, mentions nobody."""
    foot: Line = (f"Last checked {life.checked}. ", Code("/stage help"), " tells what you can write here.")
    return (*status(voice, life), Small(foot))


Owner = Literal["nobody", "admin", "people"]
"""Who can do something about it that an issue could not be looked at."""


def unseen(stage: str, since: str, checked: str, owner: Owner, reason: str = "") -> Text:
    """What the living comment says while the issue cannot be looked at: where it was, since when, who is on it."""
    lead = f"I have not been able to look at this issue since {since}. What has happened since then is not judged yet."
    steps: Mapping[Owner, Line] = {
        "nobody": ("nobody has to do anything. I try again by myself, and then write here how it stands.",),
        "admin": ("nobody here has to do anything. Whoever runs Release Stages has been told, and sees to it.",),
        "people": ("whoever may change this issue, please see to this: ", Quoted(reason), ". Then I go on by myself."),
    }
    return (
        Heading((stage,)),
        Paragraph((lead,)),
        Paragraph((Bold("Next:"), " ", *steps[owner])),
        Small((f"Last checked {checked}.",)),
    )


def _awaited(voice: Voice, verdict: Verdict, asker: Piece) -> Line:
    if verdict.awaited:
        return (f"{voice.named(verdict.awaited)} to answer.",)
    times = [finding.look_again_at for finding in verdict.missing if finding.look_again_at]
    if times and len(times) == len(verdict.missing):
        return (f"nobody; it opens by itself on {voice.case.when(max(times))}.",)
    return (asker, " to see to the open points.") if verdict.missing else ("nobody; all gates are open.",)


# --- answers to commands ----------------------------------------------------------------------------------------------

_HELP = (
    ("/stage status", "how it stands, and who is awaited"),
    ("/stage check STAGE", "what would happen, before you move it"),
    ("/stage request STAGE", "ask; I set it when it is open"),
    ("/stage ack [PARTY]", "your party has seen it"),
    ("/stage approve [PARTY]", "your party agrees"),
    ("/stage needs-work WHAT", "your party hands it back, and says what is missing"),
    ("/stage hold [until DATE] WHY", "wait: I set no stage until that date, or until it is resumed"),
    ("/stage resume", "the hold is over"),
    ("/stage waive RULE [until DATE] WHY", "one rule is waived for this attempt, by those who may"),
    ("/stage later PARTY by @WHO until DATE", "your party's word comes later, where a rule lets it"),
    ("/stage route STAGE, STAGE", "which stages this feature is to visit; the parties agree with an ack"),
    ("/stage cancel", "the request is withdrawn"),
    ("/stage recheck", "look again now; what a party handed back has been seen to"),
)


def answer(voice: Voice, to: str, replies: Sequence[str], shown: Mapping[str, Text]) -> Text:
    """One comment that answers all commands of one comment; `shown` has the texts of status and checks."""
    blocks: list[Block] = []
    mistakes = [reply for reply in replies if reply.startswith("mistake:")]
    for reply in replies:
        code, _, rest = reply.partition(":")
        said = shown[reply] if reply in shown else _answered(voice, code, rest, reply in mistakes[-1:])
        blocks += map(_begun, said) if blocks else said
    first = blocks[0]
    lead: Line = (Mention(to), ", ")
    if isinstance(first, Paragraph):
        blocks[0] = Paragraph((*lead, *first.line))
    else:
        blocks.insert(0, Paragraph((Mention(to), ":")))
    return tuple(blocks)


def _begun(block: Block) -> Block:
    """The block as one that begins a sentence: only the first follows a name."""
    first = block.line[0] if isinstance(block, Paragraph) else None
    if not isinstance(block, Paragraph) or not isinstance(first, str | Quoted):
        return block
    words = first if isinstance(first, str) else first.text
    begun = words[:1].upper() + words[1:]
    return Paragraph((begun if isinstance(first, str) else Quoted(begun), *block.line[1:]))


def _answered(voice: Voice, code: str, rest: str, last_mistake: bool = False) -> tuple[Block, ...]:
    if code == "help":
        items = tuple(Item((Code(command), f" — {means}")) for command, means in _HELP)
        return (Paragraph(("write one of these at the start of a line:",)), Items(items))
    if code == "mistake":
        ends = "" if rest.endswith("?") else "."
        lists: Line = (" ", Code("/stage help"), " lists what I understand.") if last_mistake else ()
        return (Paragraph((Quoted(rest), ends, *lists)),)
    return (Paragraph(_plain_answer(voice, code, rest)),)


def _plain_answer(voice: Voice, code: str, rest: str) -> Line:
    verb, _, who = rest.partition(":")
    parties = [voice.case.party(party) for party in who.split(",") if party]
    match code:
        case "anew":
            return ("your comment had been edited before I read it. Please write the command anew, in a new comment.",)
        case "asker":
            return (
                "you asked for this move yourself, so ",
                Code(f"/stage {rest}"),
                " has to come from somebody else who may.",
            )
        case "which-party":
            names = ", ".join(voice.case.party(party) for party in rest.split(","))
            return (
                f"you can speak for several parties here ({names}). Please name one: ",
                Code("/stage approve PARTY"),
            )
        case "no-later":
            return (f"no rule lets {voice.case.party(rest)} answer later here.",)
        case "not-of":
            return (
                Quoted(who),
                f" is not of {voice.case.party(verb)}. Please name one of its people.",
            )
        case "too-late":
            latest = voice.case.when(datetime.fromisoformat(who), verb)
            return (f"that is later than the rule lets {voice.case.party(verb)} answer: {latest} at the latest.",)
        case "no-routes":
            return ("routes are not in use here (mappings.yaml has no ", Code("routes"), "); every stage counts.")
        case "not-ahead":
            return (f"{voice.name(rest)} is asked for, or entered, already. Moves back are free: just make them.",)
        case "nothing-to-cancel":
            return ("there is no open request here to cancel.",)
        case "not-held":
            return ("nobody holds this feature.",)
        case "may-not" if parties:
            whose = "" if parties[0].endswith("s") else "the people of "
            return (Code(f"/stage {verb}"), f" can be said here by {whose}{' or '.join(parties)} only.")
        case "may-not" if verb == "request":
            return (Code("/stage request"), " can be said here by those who may move issues only.")
        case "may-not":
            who_may = {"cancel": "whoever asked for the move", "route": "whoever asked for the move"}.get(
                verb, "a party's people"
            )
            return (Code(f"/stage {verb}"), f" can be said here by {who_may}, or by those who may triage issues.")
        case _:
            return ("I have nothing to say to that.",)


def checked(voice: Voice, stage: str, verdict: Verdict, forward: bool) -> Text:
    """The answer to `/stage check`: what would happen."""
    name = voice.name(stage)
    if not forward:
        return (Paragraph((f"a move to {name} would not be a step forward, so nothing is asked for.",)),)
    if not verdict.failing:
        return (Paragraph((f"{name} is open: the move would be let through.",)), *checklist(verdict.shown))
    would = {True: "put back", False: "let through with a warning"}[
        any(gate.level == Level.BLOCK for gate in verdict.failing)
    ]
    next_line: Line = (Bold("Next:"), " ", *_awaited(voice, verdict, "whoever wants it there"))
    return (
        Paragraph((f"a move to {name} would be {would} now.",)),
        *checklist(verdict.shown),
        Paragraph(next_line),
    )
