"""Comments -> what they say and whether their writers may: entries for the ledger.

A comment counts as it was when it was first read. Who may is asked at the tracker in that moment: where an answer is
needed that is not there yet, `Unanswered` names it, and the caller comes back with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from integration.stages.calendars import later
from integration.stages.entries import (
    Acknowledged,
    Agreed,
    Approved,
    AttemptEnded,
    AttemptJoined,
    AttemptOpened,
    Ended,
    Entry,
    HandedOver,
    Heard,
    Held,
    NeedsWork,
    Noticed,
    Owed,
    Proposed,
    Resumed,
    Standing,
    Waived,
)
from integration.stages.file import mappings as m
from integration.stages.file.mappings import Mappings, Rule
from integration.stages.model import NEVER, Comment, Issue, Person
from integration.stages.moves import rank
from integration.stages.planning.commands import Command, Known, is_plain_reply, parse
from integration.stages.remembered import Memory, Remembered, asked_to_agree
from integration.stages.rules.facts import facts_of
from integration.stages.rules.sections import cut

TRIAGE = ""
"""In a `Doubt`, instead of a party: may this person triage at the issue's place?"""

ASKED = "asked-"
"""How the id of a move begins that a comment asks for, and nobody made."""

_LONGEST = 500  # letters of a reason that we quote again and again
_REPLY_GAP = timedelta(minutes=10)
_DAY = timedelta(days=1)  # a date is meant to its end


@dataclass(frozen=True, slots=True)
class Doubt:
    """Is this person in that party?"""

    person: Person
    party: str


Answers = Mapping[Doubt, bool | None]
"""What the tracker said; None where it may not be known."""


class Unanswered(Exception):
    """Hearing needs to know this first."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(f"may {doubt.person} speak for {doubt.party or 'triage'}?")
        self.doubt = doubt


class Unreadable(Exception):
    """Who is in the party cannot be read: the comment waits, and the party's findings say so."""

    def __init__(self, party: str) -> None:
        super().__init__(party)
        self.party = party


class _TooEarly(Exception):
    """Where the feature stands is not judged yet, and this comment asks to go on from there."""


@dataclass(frozen=True, slots=True)
class Heed:
    """What hearing looks at. `stage_at` tells what a word without a stage, written then, is for.

    `unjudged` is when the first move was made that has no verdict yet: a stage that is asked for later has to wait.
    """

    issue: Issue
    mappings: Mappings
    past: tuple[Entry, ...]
    stage_at: Callable[[datetime], str]
    answers: Answers
    born: datetime
    now: datetime
    called: Mapping[str, str] = field(default_factory=dict)  # handle -> name, of people that a comment has named
    stands_in: str | None = None  # the highest stage that it was let into
    source: str = ""  # in which a move that is asked for would be made
    unjudged: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What unheard comments say, in their order. `unreadable`: parties, and since when.

    `waits`: the next one asks for a stage, and what was moved before it is to be judged first.
    """

    entries: tuple[Entry, ...] = ()
    unreadable: Mapping[str, datetime] = field(default_factory=dict)
    waits: bool = False


def hear(heed: Heed) -> Said:
    """Hear all comments that were not heard yet, or those before one that has to wait."""
    entries: list[Entry] = []
    unreadable: dict[str, datetime] = {}
    if not heed.issue.comments:
        return Said()
    memory = Memory(heed.past)
    remembered = memory.result()
    for comment in sorted(heed.issue.comments, key=lambda one: (one.at, len(one.id), one.id)):
        ours_or_bots = comment.author.id == heed.issue.me.id or comment.author.bot
        if ours_or_bots or comment.id in remembered.heard or _is_of_another_time(comment, remembered, heed):
            continue
        try:
            new = _Hearing(heed, remembered, comment).entries()
        except Unreadable as error:
            unreadable.setdefault(error.party, comment.at)
            continue
        except _TooEarly:
            return Said(tuple(entries), unreadable, waits=True)
        if new:
            entries += new
            for one in new:
                memory.take(one)
            remembered = memory.result()
    return Said(tuple(entries), unreadable)


def _is_of_another_time(comment: Comment, remembered: Remembered, heed: Heed) -> bool:
    """Words from before the ledger's birth count only for a request that the living comment has handed down."""
    attempt = remembered.attempt
    return comment.at < heed.born and (attempt is None or comment.at < attempt.asked_at)


def known_words(mappings: Mappings, jira: bool = False) -> Known:
    """What commands may name under this file."""
    return Known(
        jira=jira,
        stages=dict(mappings.stages),
        parties={key: party.name or key for key, party in mappings.parties.items()},
        rules=tuple(rule.id for rule in mappings.rules),
        time_zone=mappings.time_zone,
        reason_required=mappings.waivers.reason == "required",
    )


class _Hearing:
    """One comment, heard once."""

    def __init__(self, heed: Heed, remembered: Remembered, comment: Comment) -> None:
        self.heed, self.past, self.comment = heed, remembered, comment
        self.by, self.stage = comment.author, heed.stage_at(comment.at)
        self.jira = heed.issue.ref.tracker == "jira"
        self.facts: list[Entry] = []
        self.replies: list[str] = []
        self.allowed = True

    def entries(self) -> list[Entry]:
        """What the comment says, and that it was heard; nothing, where it says nothing to us."""
        commands = parse(self.comment.body, self.jira, known_words(self.heed.mappings, self.jira), self.comment.at)
        if commands and self.comment.edited:
            self.replies.append("anew")
        elif commands:
            for command in commands:
                self._follow(replace(command, text=cut(command.text, _LONGEST)))
        elif not self._plain_reply():
            return []
        verbs = " ".join(command.verb for command in commands)
        return [*self.facts, self._heard(verbs)]

    def _heard(self, verbs: str) -> Heard:
        replies = self.replies if self.comment.at >= self.heed.born else []
        if replies and not self.allowed and self._stranger():
            replies = []
        if any(reply.startswith("mistake") for reply in replies) and self._answered_lately():
            replies = [reply for reply in replies if not reply.startswith("mistake")]
        return Heard(self.heed.now, self.comment.id, self.by, verbs, self.allowed, "\n".join(dict.fromkeys(replies)))

    def _answered_lately(self) -> bool:
        return any(
            "mistake" in heard.reply and self.heed.now - heard.at < _REPLY_GAP for heard in self.past.heard.values()
        )

    # --- who may ---

    def _is(self, party: str) -> bool:
        return self._was_named_for(party) or self._holds(Doubt(self.by, party))

    def _holds(self, doubt: Doubt) -> bool:
        if doubt not in self.heed.answers:
            raise Unanswered(doubt)
        answer = self.heed.answers[doubt]
        if answer is None:
            raise Unreadable(doubt.party)
        return answer

    def _was_named_for(self, party: str) -> bool:
        """Whom a notice of our own has asked by name to answer for a party, on duty or instead of it, may do so."""
        return any(
            isinstance(one, Noticed) and one.party == party and one.by.id == self.heed.issue.me.id
            and self.by.handle.lower() in (handle.lower() for handle in one.handles)
            for one in self.past.evidence
        )  # fmt: skip

    def _asked_for_it(self) -> bool:
        attempt = self.past.attempt
        return attempt is not None and self.by.id in attempt.askers

    def _stranger(self) -> bool:
        if self._asked_for_it() or self.by.id == self.heed.issue.author.id:
            return False
        return not self._is(TRIAGE) and not self._parties()

    def _parties(self, among: Iterable[str] | None = None) -> list[str]:
        return [party for party in (self.heed.mappings.parties if among is None else among) if self._is(party)]

    def _party_asked(self) -> list[str]:
        """The parties that were told of this stage or are named by the file, those told first."""
        told = [one.party for one in self._notices()]
        agreeing = [party for party in self.heed.mappings.parties if self._is_to_agree(party)]
        return list(dict.fromkeys((*told, *agreeing))) or list(self.heed.mappings.parties)

    def _notices(self) -> list[Noticed]:
        noticed = (one for one in self.past.evidence if isinstance(one, Noticed))
        return [one for one in noticed if one.stage == self.stage and one.at > self._since(one.stage)]

    def _since(self, stage: str) -> datetime:
        """From when on words for this stage count."""
        return self.past.ended_at.get(stage, NEVER)

    def _outstanding(self) -> list[tuple[str, str]]:
        """(party, stage) of every notice that stood here when this was written, and that its party has not answered."""
        answered = {
            (one.party, one.stage)
            for one in self.past.evidence
            if isinstance(one, Acknowledged | Approved) and one.at > self._since(one.stage)
        }
        told = (
            (one.party, one.stage)
            for one in self.past.evidence
            if isinstance(one, Noticed) and one.stage and self._since(one.stage) < one.at <= self.comment.at
            if one.by.id != self.by.id
        )
        return [one for one in dict.fromkeys(told) if one not in answered]

    def _debts(self) -> list[Owed]:
        """What was owed when this was written, and can be paid by whoever wrote it."""
        return [one for one in self.past.debts if one.at < self.comment.at and self.by.id not in one.askers]

    # --- a reply without a command ---

    def _plain_reply(self) -> bool:
        """A member of a party who replies after a notice has seen it. True when this comment is settled for good."""
        if self.comment.edited or not is_plain_reply(self.comment.body, self.jira):
            return False
        owed = [(debt.party, debt.stage) for debt in self._debts() if debt.asks == "ack"]
        waiting = [one for one in self._outstanding() if not (one[1] == self.stage and self._asked_for_it())]
        waiting = list(dict.fromkeys((*waiting, *owed)))
        for party, stage in waiting:
            if self._is(party):
                self._say(Acknowledged, party, stage, plain=True)
        return bool(waiting)

    # --- commands ---

    def _follow(self, command: Command) -> None:
        if command.wrong:
            self.allowed = self.allowed and not self._stranger()
            self.replies.append(f"mistake:{command.wrong}")
            return
        follow = {
            "ack": self._voice,
            "approve": self._voice,
            "needs-work": self._needs_work,
            "hold": self._hold,
            "resume": self._resume,
            "waive": self._waive,
            "later": self._later,
            "request": self._request,
            "route": self._route,
            "cancel": self._cancel,
            "recheck": self._recheck,
        }.get(command.verb, self._ask_us)
        follow(command)

    def _may_not(self, verb: str, who: str) -> None:
        self.allowed = False
        self.replies.append(f"may-not:{verb}:{who}")

    def _say(self, kind: type[Acknowledged] | type[Approved], party: str, stage: str, plain: bool = False) -> None:
        at, url = self.comment.at, self.comment.url
        if kind is Approved:
            given_for = facts_of(self.heed.issue, _void_it(party, self.heed.mappings), self.heed.mappings)
            if at < self.heed.born:  # what the text said then, the lost ledger knew
                given_for = tuple((name, "lost") for name, _ in given_for)
            self.facts.append(Approved(at, party, stage, self.by, self.comment.id, url, given_for))
        else:
            self.facts.append(Acknowledged(at, party, stage, self.by, self.comment.id, url, plain))

    def _voice(self, command: Command) -> None:
        kind = Approved if command.verb == "approve" else Acknowledged
        parties = self._parties([command.party] if command.party else self._party_asked())
        if not parties and not command.party:
            parties = self._parties()
        owed = [(one.party, one.stage) for one in self._debts() if one.party in parties]
        if self._asked_for_it() and not owed:
            self.allowed = False
            self.replies.append(f"asker:{command.verb}")
        elif not parties:
            self._may_not(command.verb, command.party or ",".join(self._party_asked()))
        elif command.verb == "approve" and len(parties) > 1:
            self.replies.append(f"which-party:{','.join(parties)}")
        else:
            told_before = [one for one in self._outstanding() if one[1] != self.stage and one[0] in parties]
            for party in () if self._asked_for_it() else parties:
                settled = self._agree(party) or any(one[0] == party for one in owed)
                if not settled or self._is_told(party):
                    self._say(kind, party, self.stage)
            for party, stage in dict.fromkeys((*told_before, *owed)):
                if stage != self.stage or not self._is_told(party):
                    self._say(kind if (party, stage) in owed else Acknowledged, party, stage)

    def _is_told(self, party: str) -> bool:
        return any(one.party == party for one in self._notices())

    def _is_to_agree(self, party: str) -> bool:
        """Is the party one that has been asked to agree to a route, and has not yet?"""
        routes, proposed = self.heed.mappings.routes, self.past.proposed
        if routes is None or proposed is None or party not in routes.agreed_by or proposed.by.id == self.by.id:
            return False
        settled = self.past.route is not None and self.past.route.route == proposed.route
        if settled or party not in asked_to_agree(self.past, proposed.route, routes.agreed_by):
            return False
        since = proposed.at.replace(microsecond=0)  # a tracker's stamp may be cut to the second
        return since <= self.comment.at and all(one.party != party for one in self._agreements())

    def _agreements(self) -> list[Agreed]:
        return [*self.past.agreements, *(one for one in self.facts if isinstance(one, Agreed))]

    def _agree(self, party: str) -> bool:
        """A party's word agrees to the route that it was asked about, too."""
        if not self._is_to_agree(party) or self.past.proposed is None:
            return False
        route = self.past.proposed.route
        self.facts.append(Agreed(self.comment.at, route, party, self.by, self.comment.id, self.comment.url))
        return True

    def _needs_work(self, command: Command) -> None:
        parties = self._parties([command.party] if command.party else self._party_asked())
        if not parties and not command.party:
            parties = self._parties()
        if not parties:
            self._may_not(command.verb, command.party or ",".join(self._party_asked()))
        for party in parties:
            self.facts.append(
                NeedsWork(self.comment.at, party, self.stage, self.by, command.text, self.comment.id, self.comment.url)
            )

    def _hold(self, command: Command) -> None:
        parties = self._parties()
        if parties or self._is(TRIAGE):
            self.facts.append(
                Held(self.comment.at, self.by, command.text, self.comment.id, tuple(parties), command.until)
            )
        else:
            self._may_not("hold", "")

    def _resume(self, command: Command) -> None:
        hold = self.past.hold
        if hold is None:
            self.replies.append("not-held")
        elif hold.by.id == self.by.id or self._parties(hold.parties) or self._is(TRIAGE):
            self.facts.append(Resumed(self.comment.at, self.by, self.comment.id))
        else:
            self._may_not("resume", ",".join(hold.parties))

    def _waive(self, command: Command) -> None:
        waivers = self.heed.mappings.waivers
        if self._asked_for_it() and waivers.self_ != "allowed":
            self.allowed = False
            self.replies.append("asker:waive")
        elif not self._parties(waivers.allowed):
            self._may_not("waive", ",".join(waivers.allowed))
        else:
            self.facts.append(
                Waived(
                    self.comment.at,
                    command.rule,
                    self.stage,
                    self.by,
                    command.text,
                    self.comment.id,
                    command.until,
                )
            )

    def _later(self, command: Command) -> None:
        """A party's word comes later, by a named person of it, where a rule on the way lets it."""
        mappings, party = self.heed.mappings, command.party
        waivers, gates = mappings.waivers, self._gates_that_wait(party)
        lengths = [rule.later for rules in gates.values() for rule in rules if rule.later]
        latest = max((later(self.comment.at, length, mappings.calendar_of(party)) for length in lengths), default=None)
        asks_themselves = self._asked_for_it() or self._asks(command.who)
        if latest is None:
            self.replies.append(f"no-later:{party}")
        elif asks_themselves and waivers.self_ != "allowed":
            self.allowed = False
            self.replies.append("asker:later")
        elif not self._parties([party, *waivers.allowed]):
            self._may_not("later", ",".join((party, *waivers.allowed)))
        elif not self._is_one(command.who, party):
            name = self.heed.called.get(command.who, command.who)
            self.replies.append(f"not-of:{party}:{name}")
        elif command.until and command.until > latest + _DAY:
            self.replies.append(f"too-late:{party}:{latest.isoformat()}")
        else:
            self.facts += [self._owed(command, stage, rules) for stage, rules in gates.items()]

    def _gates_that_wait(self, party: str) -> dict[str, list[Rule]]:
        """The rules on the way to the stage in play that let this party's word come later, by the stage they guard."""
        stages, gates = list(self.heed.mappings.stages), dict[str, list[Rule]]()
        here, there = rank(self.heed.stands_in, stages), rank(self.stage, stages)
        for rule in self.heed.mappings.rules:
            guarded = rule.entering or (self.stage if rule.leaving == self.heed.stands_in else "")
            if rule.later and _asks(rule, party, self.heed.mappings) and here < rank(guarded, stages) <= there:
                gates.setdefault(guarded, []).append(rule)
        return gates

    def _asks(self, handle: str) -> bool:
        attempt = self.past.attempt
        return attempt is not None and attempt.by.handle.lower() == handle.lower()

    def _owed(self, command: Command, stage: str, rules: Iterable[Rule]) -> Owed:
        words = (one for rule in rules for one in self.heed.mappings.asked_by(rule))
        approves = any(isinstance(one, m.Approved) and one.party == command.party for one in words)
        askers = tuple(sorted(self.past.attempt.askers)) if self.past.attempt else ()
        name = self.heed.called.get(command.who, command.who)
        return Owed(
            self.comment.at, command.party, stage, self.by, command.who, command.until,
            "approve" if approves else "ack",
            self.comment.id, self.comment.url, name, askers,
        )  # fmt: skip

    def _is_one(self, handle: str, party: str) -> bool:
        """Is the person of this handle of the party?"""
        return self._holds(Doubt(Person("", handle), party))

    def _route(self, command: Command) -> None:
        if self.heed.mappings.routes is None:
            self.replies.append("no-routes")
        elif self.past.proposed and self.past.proposed.stages == command.stages and self._is_pending():
            return  # it is on its way: asking again would only take back who has agreed
        elif self._asked_for_it() or self.by.id == self.heed.issue.author.id or self._is(TRIAGE):
            self.facts.append(
                Proposed(self.comment.at, f"c{self.comment.id}", command.stages, self.by, "command", self.comment.id,
                         self.comment.url)
            )  # fmt: skip
        else:
            self._may_not("route", "")

    def _is_pending(self) -> bool:
        route, proposed = self.past.route, self.past.proposed
        return proposed is not None and (route is None or route.route != proposed.route)

    def _hand_over(self) -> None:
        """What a party handed back has been seen to, says who asks, or who may triage: the turn is the party's."""
        words = [one for one in self.past.evidence if isinstance(one, NeedsWork | HandedOver | Acknowledged | Approved)]
        last = {(one.party, one.stage): one for one in words if one.at > self._since(one.stage)}
        back = [
            key for key, word in last.items()
            if isinstance(word, NeedsWork) and key[1] == self.stage and word.by.id != self.by.id
        ]  # fmt: skip
        if back and (self._asked_for_it() or self.by.id == self.heed.issue.author.id or self._is(TRIAGE)):
            for party, stage in back:
                self.facts.append(HandedOver(self.comment.at, party, stage, self.by, self.comment.id))

    def _request(self, command: Command) -> None:
        """The stage is asked for without a move: as if it had been made, and put back."""
        stages, attempt = list(self.heed.mappings.stages), self.past.attempt
        here = attempt.to if attempt else self.heed.stands_in
        if self.comment.at < self.heed.born:
            return
        if attempt is None and self.heed.unjudged and self.heed.unjudged <= self.comment.at:
            raise _TooEarly
        if not self._is(TRIAGE):
            self._may_not("request", "")
        elif rank(command.stage, stages) < rank(here, stages) or command.stage == self.heed.stands_in:
            self.replies.append(f"not-ahead:{here}")
        elif attempt:
            self.facts.append(AttemptJoined(self.comment.at, attempt.id, self._asked, command.stage, self.by))
        else:
            was, at = self.heed.stands_in, self.comment.at
            self.facts.append(AttemptOpened(at, self._asked, self.heed.source, was, command.stage, self.by, at))

    @property
    def _asked(self) -> str:
        """What stands for the move that this comment asks for."""
        return f"{ASKED}{self.comment.id}"

    def _cancel(self, command: Command) -> None:
        attempt = self.past.attempt
        if attempt is None:
            self.replies.append("nothing-to-cancel")
        elif self._asked_for_it() or self._is(TRIAGE):
            self.facts.append(AttemptEnded(self.comment.at, attempt.id, attempt.to, Ended.CANCELLED, str(self.by)))
        else:
            self._may_not("cancel", "")

    def _recheck(self, command: Command) -> None:
        if self._stranger():
            self._may_not("recheck", "")
            return
        self._hand_over()
        if self.past.attempt and self.past.attempt.standing:
            standing = self.past.attempt.standing
            self.facts.append(Standing(self.heed.now, standing.attempt, standing.reason, self.heed.now))

    def _ask_us(self, command: Command) -> None:
        """help, status, check: answered with a comment, to those who have to do with the issue."""
        if self._stranger():
            self._may_not(command.verb, "")
        else:
            self.replies.append(f"{command.verb}:{command.stage}" if command.stage else command.verb)


def _void_it(party: str, mappings: Mappings) -> Iterable[m.Fact]:
    """The facts that an approval of this party is given for, wherever a rule names some."""
    asked = (one for one in mappings.asked() if isinstance(one, m.Approved) and one.party == party)
    return dict.fromkeys(fact for one in asked for fact in one.voided_by)


def _asks(rule: Rule, party: str, mappings: Mappings) -> bool:
    """Does the rule ask for this party's word?"""
    words = (one for one in mappings.asked_by(rule) if isinstance(one, m.Acknowledged | m.Approved))
    return any(one.party == party for one in words)
