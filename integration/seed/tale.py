"""One feature's tale as it is written: what people do and when, and beside it what must come of it.

What comes of it is worked out from the script alone (who was told when, who has answered, how long it was in Beta, what
the rules of that time said), so that the ledger can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from integration.seed import cast, words
from integration.seed.acting import Act
from integration.seed.house_rules import LABELS, SOAK, Eras
from integration.seed.paper import Paper
from integration.seed.truth import Block, Debt, Escape, Feature, Response, Stay, Waiver
from integration.seed.working_hours import CALENDAR, after, days_after, in_hours
from integration.stages.calendars import Duration, later
from integration.stages.model import ClosedAs, Ref
from integration.stages.rules.catalogue import REPLY_SETTLES

TYPICAL = {"support": 5.0, "growth": 7.0, "docs": 13.0, "stakeholders": 9.0}
"""Working hours until half of a party's answers are there."""
_SPREAD = 0.85  # of their logarithms
_SLOWEST = 60.0
WORDS = ("support", "growth")  # those without whose notice a feature has escaped


@dataclass(frozen=True, slots=True)
class Cut:
    """How a feature is cut: what its stories do not choose."""

    ref: Ref
    number: int
    title: str
    now: datetime
    eras: Eras
    one_way: bool = False
    unreached: tuple[tuple[str, str], ...] = ()


class Tale:
    """A story under way. Each method is what somebody does next, or how long nobody does anything."""

    def __init__(self, cut: Cut, dice: Random, began: datetime, described: bool = True) -> None:
        self.cut, self.dice, self.eras = cut, dice, cut.eras
        self.at = in_hours(began, dice)
        self.author = dice.choice(cast.ENGINEERS)
        body = words.body(cut.title, dice, described)
        self.paper = Paper(cut.ref, cut.number, self.author, cut.title, body, self.at, cut.one_way, dict(cut.unreached))
        self.acts: list[Act] = []
        self.feature = Feature(str(cut.ref), "")
        self.labels: set[str] = set()
        self._asked: dict[tuple[str, str], datetime] = {}  # (party, stage) told, and not answered since
        self._told: dict[str, datetime] = {}  # for Public
        self._seen: dict[str, datetime] = {}  # for Public: from when on the answer counts
        self._public_since = self.at  # what was given for Public before counts no more
        self._arrives: dict[str, datetime] = {}
        self._waived: dict[str, datetime] = {}
        self._route: tuple[str, ...] = ()
        self._resumed = self.at

    @property
    def tracker(self) -> str:
        """Which tracker it is on."""
        return self.cut.ref.tracker

    # --- time

    def waits(self, hours: float) -> Tale:
        """So many working hours."""
        self.at = after(self.at, hours) + timedelta(seconds=self.dice.randrange(30, 1500))
        return self

    def works(self, least: int, most: int) -> Tale:
        """So many working days, now and then with a word among engineers."""
        for day in range(self.dice.randint(least, most)):
            self.at = in_hours(days_after(self.at, 1), self.dice)
            if day % 4 == 1 and self.dice.random() < 0.5:
                self.says(words.work(self.dice), self._engineer())
        return self

    # --- what people do

    def does(self, do: Callable[[Paper, datetime], object], at: datetime | None = None) -> None:
        """Something on the issue, now or at another time."""
        self.acts.append(Act(at or self.at, do))

    def says(self, text: str, by: str, at: datetime | None = None, mentions: tuple[str, ...] = ()) -> None:
        """A comment."""
        self.does(lambda paper, when: paper.says(text, by, when, mentions), at)

    def labelled(self, label: str) -> Tale:
        """A label that is no stage."""
        self.labels.add(label)
        self.does(lambda paper, when: paper.puts_on(label, self.author, when))
        return self

    def moves(self, stage: str, by: str = "") -> Tale:
        """To a stage whose gates nobody has shut; the way back is always free."""
        who = by or self.author
        self.does(lambda paper, when: paper.moves(stage, who, when))
        self._enters(stage, self.at)
        if stage == "beta" and self._is_watched():
            self._tell("docs", "beta", self.at)
        return self

    def heads_up(self, *parties: str) -> Tale:
        """An engineer mentions the parties, while it stands before Public."""
        named = tuple(handle for party in parties for handle in cast.handles(party, self.tracker))
        text = " ".join(cast.mention(cast.login_of(one), self.tracker) for one in named)
        self.says(f"{text} {words.heads_up(self.dice)}", self.author, mentions=named)
        for party in parties:
            self._tell(party, "public", self.at)
        return self

    def answers(self, *parties: str, explicit: bool | None = None) -> Tale:
        """Each of them answers in its own time; the tale goes on when the last one has."""
        last = self.at
        for party in parties:
            at = after(self.at, self.span(party)) + timedelta(seconds=self.dice.randrange(5, 600))
            self.answers_at(party, at, explicit)
            last = max(last, at)
        self.at = last
        return self

    def answers_at(self, party: str, at: datetime, explicit: bool | None = None, by: str = "") -> None:
        """The party answers at that moment: by a command that names it, or in words of its own."""
        who = by or self.dice.choice(cast.PARTIES[party][:1] if party == "stakeholders" else cast.PARTIES[party])
        command = self.dice.random() < 0.4 if explicit is None else explicit
        self.says(f"/stage ack {party}" if command else words.seen(party, self.dice), who, at)
        self.spoke(party, at, timedelta() if command else REPLY_SETTLES)

    def spoke(self, party: str, at: datetime, settles: timedelta = timedelta()) -> None:
        """The party has answered all that it was told."""
        for (whose, stage), told in list(self._asked.items()):
            if whose == party and told < at:
                del self._asked[whose, stage]
                if at >= self.eras.born and told >= self.eras.born:
                    self.feature.responses.append(Response(self.feature.ref, party, stage, told, at))
                known = self._seen.get(party)
                if stage == "public" and (known is None or self._is_forgotten(known, at)):
                    self._seen[party] = at + settles

    def span(self, party: str) -> float:
        """Working hours until the party answers, as such things spread."""
        return min(_SLOWEST, TYPICAL[party] * self.dice.lognormvariate(0.0, _SPREAD))

    # --- to Public

    def asks(self) -> Tale:
        """To Public, whatever its gates say: in, or blocked and put back."""
        self.does(lambda paper, when: paper.moves("public", self.author, when))
        shut = [rule for rule in self._unmet(self.at) if self.eras.level(rule, self.at) == "block"]
        if not shut:
            self._goes_public(self.at)
            self._tell("growth", "public", self.at)
            self._tell("docs", "public", self.at)
            return self
        shut += ["hold"] if self.feature.held else []
        self.feature.blocks.append(Block(self.feature.ref, self.at, tuple(shut)))
        self.feature.wanted = "public"
        for party in self._awaited_of(self._unmet(self.at)):
            self._tell(party, "public", self.at)
        return self

    def insists(self) -> Tale:
        """To Public once more."""
        self.does(lambda paper, when: paper.moves("public", self.author, when))
        return self

    def opens(self) -> Tale:
        """What was missing has been given by now, or time gives it: the service applies the stage."""
        if not self.feature.wanted:
            return self
        asked = self.feature.blocks[-1].at
        met = [self._met_at(rule, asked) for rule in self.feature.blocks[-1].rules]
        at = max([asked, *(one for one in met if one)])
        if None in met or at > self.cut.now - timedelta(minutes=10):
            return self  # it still waits
        self.at = max(self.at, at)
        self.feature.wanted = ""
        self._goes_public(at)
        return self

    def stands(self) -> Tale:
        """It was blocked and cannot be put back: it is in Public all the same."""
        at = self.at
        self.feature.escapes.append(Escape(self.feature.ref, at, "standing"))
        self._leaves(at)
        self._stays("public", at)
        return self

    def falls_back(self) -> Tale:
        """After an hour the service tries again, and nobody sets it against that: it is in Beta, as if never away."""
        back, began = self.at + timedelta(hours=1), self._arrives["beta"]
        self._leaves(back)
        self._stays("beta", back)
        self._arrives["beta"] = began
        return self

    def settles(self) -> Tale:
        """It stands in Public, and what was missing is there: it is admitted where it stands."""
        self.feature.wanted = ""
        self._public_since, self._asked = self.at, {}
        return self

    def waives(self, rule: str, after_hours: float) -> Tale:
        """A release manager lets it pass the rule."""
        self.waits(after_hours)
        self.says(f"/stage waive {rule} {words.waiver(self.dice)}", "rhea")
        self._waived[rule] = self.at
        self.feature.waivers.append(Waiver(self.feature.ref, rule, "rhea", self.at))
        return self

    def owes(self, party: str, who: str, days: int) -> Tale:
        """A party promises its word for later."""
        until = days_after(self.at, days)
        by = cast.mention(who, self.tracker)
        self.says(f"/stage later {party} by {by} until {until:%Y-%m-%d}", who, mentions=(who,))
        self.feature.debts.append(Debt(self.feature.ref, party, "beta", who, self.at))
        return self

    def pays(self, party: str) -> Tale:
        """And gives it."""
        self.answers_at(party, self.at, explicit=True)
        self.feature.debts[-1] = replace(self.feature.debts[-1], paid=self.at)
        return self

    def holds(self, by: str, until: datetime | None = None) -> Tale:
        """Nothing goes forward until somebody resumes it."""
        date = f"until {until:%Y-%m-%d} " if until else ""
        self.says(f"/stage hold {date}{words.hold(self.dice)}", by)
        self.feature.held = True
        return self

    def resumes(self, by: str) -> Tale:
        """It may go on."""
        self.says("/stage resume", by)
        self.feature.held = False
        self._resumed = self.at
        return self

    def unsay(self, party: str) -> Tale:
        """What the party has said was no yes."""
        self._seen.pop(party, None)
        return self

    def hands_over(self, party: str) -> Tale:
        """It has been seen to: the service tells the party so."""
        self._tell(party, "public", self.at)
        return self

    def gives_up(self) -> Tale:
        """Nobody asks for it any more."""
        self.feature.wanted = ""
        return self

    def listed(self, label: str) -> Tale:
        """A label of Jira's that shows Beta, beside the status."""
        self.does(lambda paper, when: paper.puts_on(label, self.author, when))
        self._enters("beta", self.at)
        self._tell("docs", "beta", self.at)
        self.feature.disagrees = True
        return self

    def relabelled(self, stage: str) -> Tale:
        """A stage's label more, and the old one stays."""
        self.does(lambda paper, when: paper.puts_on(LABELS[stage], self.author, when))
        self._enters(stage, self.at)
        self.feature.disagrees = True
        return self

    def routed(self, *stages: str) -> Tale:
        """The stages that it visits are agreed: proposed by the engineer, seen by Growth and Support."""
        self.says(f"/stage route {', '.join(stages)}", self.author)
        last = self.at
        for party in ("growth", "support"):
            at = after(self.at, self.span(party))
            self.says("/stage ack", self.dice.choice(cast.PARTIES[party]), at)
            last = max(last, at)
        self.at, self._route = last, stages
        return self

    def closes(self, how: ClosedAs = ClosedAs.DONE) -> Tale:
        """Nothing more is to be done for it."""
        self.does(lambda paper, when: paper.closes(how, when))
        self.feature.closed = how.value
        return self

    # --- what must come of it

    def ends(self, story: str) -> Feature:
        """What the script knows of it at its end."""
        feature = self.feature
        feature.story = story
        here = [one for one in feature.stays if one.until is None]
        feature.stage = here[-1].stage if here else ""
        feature.adopted = bool(here) and here[-1].since < self.eras.born
        return feature

    def _is_watched(self) -> bool:
        return self.at >= self.eras.born

    def _engineer(self) -> str:
        return self.dice.choice(cast.ENGINEERS)

    def _tell(self, party: str, stage: str, at: datetime) -> None:
        self._asked.setdefault((party, stage), at)
        if stage == "public":
            self._told.setdefault(party, at)

    def _enters(self, stage: str, at: datetime) -> None:
        self._leaves(at)
        self._stays(stage, at)
        self._asked = {(party, of): told for (party, of), told in self._asked.items() if of != stage}

    def _leaves(self, at: datetime) -> None:
        stays = self.feature.stays
        if stays and stays[-1].until is None:
            stays[-1] = replace(stays[-1], until=at)

    def _stays(self, stage: str, at: datetime) -> None:
        self.feature.stays.append(Stay(self.feature.ref, stage, at))
        self._arrives[stage] = at

    def back(self, stage: str) -> Tale:
        """Back to an earlier stage: what was given for a later one counts no more."""
        self.says(words.bug(self.dice), self.author)
        self.at += timedelta(minutes=2)
        self.moves(stage, self._engineer())
        self._told, self._seen, self._public_since = {}, {}, self.at
        self._asked = {key: told for key, told in self._asked.items() if key[1] != "public"}
        return self

    def _goes_public(self, at: datetime) -> None:
        for kind, party in self._missing(at):
            rule = {"no soak": "soak", "no view": "seen-by-stakeholders"}.get(kind, f"{party}-before-public")
            self.feature.escapes.append(
                Escape(self.feature.ref, at, kind, party, at < self.eras.born, rule in self._waived)  # type: ignore[arg-type]
            )
        self._enters("public", at)

    def _missing(self, at: datetime) -> list[tuple[str, str]]:
        """What an escape is made of, had it gone Public then."""
        found = []
        if "internal-only" not in self.labels:
            found += [("no notice", party) for party in WORDS if not self._told.get(party, at) < at]
        seen = self._seen.get("stakeholders", at)
        if not seen < at or self._is_forgotten(seen, at):
            found.append(("no view", ""))
        if not self._soaked(at):
            found.append(("no soak", ""))
        return found

    def _is_forgotten(self, word: datetime, at: datetime) -> bool:
        """What was said before the ledger was born counts for no move that is judged."""
        return word < self.eras.born <= at

    def _soaked(self, at: datetime) -> bool:
        met = self._soaked_at()
        return met is not None and met <= at

    def _soaked_at(self) -> datetime | None:
        if self._route and "beta" not in self._route:
            return self.paper.created
        return self._arrives["beta"] + SOAK if "beta" in self._arrives else None

    def _unmet(self, at: datetime) -> list[str]:
        """The rules before Public that are not met then; those that only observe are left out."""
        return [
            rule for rule in ("support-before-public", "growth-before-public", "seen-by-stakeholders", "soak",
                              "not-on-hold")
            if self.eras.level(rule, at) != "observe" and not self._is_met(rule, at)
        ]  # fmt: skip

    def _is_met(self, rule: str, at: datetime) -> bool:
        met = self._met_at(rule, at)
        return met is not None and met <= at

    def _met_at(self, rule: str, asked: datetime) -> datetime | None:
        """From when on the rule is met, as far as the tale has come."""
        if rule in self._waived:
            return self._waived[rule]
        if rule in ("hold", "not-on-hold"):
            return None if self.feature.held else self._resumed
        if rule == "soak":
            return self._soaked_at()
        if rule == "seen-by-stakeholders":
            return self._seen.get("stakeholders")
        if "internal-only" in self.labels:
            return self.paper.created
        party = rule.removesuffix("-before-public")
        told, seen = self._told.get(party), self._seen.get(party)
        if told is None or seen is None:
            return None
        proved = seen if self.cut.unreached else told  # a mention that reaches nobody proves nothing
        ahead = later(proved, Duration(1, "working day"), CALENDAR) if party == "support" else told
        return max(seen, ahead)

    def _awaited_of(self, rules: list[str]) -> list[str]:
        """Whom the comment on the request tells: those whose word is missing, and who is told of Public anyway."""
        found = [rule.removesuffix("-before-public") for rule in rules if rule.endswith("-before-public")]
        found += ["stakeholders"] if "seen-by-stakeholders" in rules else []
        found = [party for party in found if party not in self._seen]
        return list(dict.fromkeys((*found, "growth", "docs")))
