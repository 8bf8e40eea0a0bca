"""One look at one issue: fetch it, recall what the ledger knows, and plan; nothing is written, said or done here.

`workers/jobs.py` applies what a look plans; `release-stages explain` shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from integration import custom, duty, membership
from integration.additions import OwnRules
from integration.check import text_of
from integration.in_force import MappingsFile
from integration.memory.copies import Copies
from integration.memory.ledger import Card, Ledger
from integration.memory.traffic import Traffic
from integration.memory.versions import Under
from integration.settings import Settings
from integration.stages.entries import Noticed
from integration.stages.file.mappings import Approved, Custom, Faulty, Linked, Mappings, NoOpen, at, known
from integration.stages.model import Comment, Issue, Ref, Related
from integration.stages.planning import hearing, plan
from integration.stages.planning.actions import Prove, Say, is_beside, why
from integration.stages.planning.hearing import Doubt
from integration.stages.planning.scene import Given
from integration.trackers import EVERYTHING, Refused, Tracker, TrackerError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found: the snapshot, the plan, and the ledger's head that the plan builds on."""

    issue: Issue
    plan: plan.Plan
    given: Given
    seq: int
    looked_under: str = ""  # the version of the rules under which it was looked at before
    under: Under | None = None  # and now
    anew: bool = False  # a change of the rules made it: it counts as looked at under them when all that follows is done

    @property
    def card(self) -> Card:
        """What lists show of it."""
        issue, made = self.issue, self.plan
        return Card(
            issue.title, issue.url, made.stage, str(issue.author), made.look_again_at, issue.closed,
            wanted=made.attempt.to if made.attempt else None,
            awaited=made.verdict.awaited if made.attempt and made.verdict else (),
            owing=tuple(dict.fromkeys(debt.party for debt in made.debts)),
            waits_for=made.waits_for,
            looked_under=self.looked_under if self.anew else self.given.mappings.hash,
            under=self.under,
            watermark=issue.watermark,
            met=made.met,
            seen=made.seen,
        )  # fmt: skip


@dataclass(slots=True)
class Desk:
    """All that lies open when an issue is looked at. One for each thread; holds no state of any issue."""

    settings: Settings
    ledger: Ledger
    mappings: MappingsFile
    trackers: dict[tuple[str, str], Tracker] = field(default_factory=dict)
    shared: Traffic | None = None
    own_rules: OwnRules = field(init=False)

    def __post_init__(self) -> None:
        self.own_rules = OwnRules(self.ledger, self.mappings)

    @classmethod
    def open(cls, settings: Settings, file: MappingsFile | None = None, takes: bool = True) -> Desk:
        """Open the ledger, the file and the trackers. Raises `Faulty` where the file is broken from the start.

        `file` is the one that this process has open; else it is opened here, and `takes` as `MappingsFile` has it.
        """
        ledger = Ledger.open(settings.database_url)
        shared = Traffic.connect(settings.redis_url, settings.marker_key)
        copies = Copies.connect(settings.redis_url)
        mappings = file or MappingsFile(settings.mappings, ledger, copies, takes)
        return cls(settings, ledger, mappings, trackers_of(settings, shared), shared)

    def leave(self) -> None:
        """The run is over: what trackers' adapters had still to tell all other workers is told now."""
        if self.shared:
            self.shared.flush()

    def tracker(self, ref: Ref) -> Tracker:
        """The tracker that has this issue. Raises `Refused` where none is configured, so nothing is lost."""
        try:
            return self.trackers[ref.tracker, ref.site]
        except KeyError:
            raise Refused(f"{ref}: no such tracker is configured in the environment") from None

    def look(self, ref: Ref, now: datetime, carried: Issue | None = None) -> Look:
        """Fetch, recall, plan; ask the tracker who may speak, where the plan depends on it.

        `carried` is a snapshot of this run, with what we have said since: then nothing is fetched.
        """
        tracker = self.tracker(ref)
        effective = self.own_rules.at(ref, tracker, now)
        mappings = effective.mappings
        recalled = self.ledger.read(ref)
        issue = carried or tracker.fetch(ref, fresh=recalled.seq == 0)
        if carried is None and (wanted := looked_at_around(mappings)) and at(mappings, ref):
            issue = replace(issue, related=_related(tracker, issue, wanted))
        given = Given(
            issue=issue,
            mappings=mappings,
            past=recalled.entries,
            now=now,
            born=self.ledger.born,
            marker_key=self.settings.marker_key,
            names=self._names(ref, issue, now),
            custom=custom.installed(),
            spoken=self.ledger.spoken.on_their_way(ref),
            unfit=effective.unfit,
        )
        made, given = self._planned(tracker, given)
        return Look(issue, made, given, recalled.seq, recalled.looked_under, effective.under)

    def write(self, ref: Ref, look: Look, now: datetime) -> int:
        """Write down what the look has decided, and how the feature stands; the number to build on.

        Raises `Overtaken` where another has written since. An issue that shows no stage, and never did, leaves nothing.
        """
        made, seq = look.plan, look.seq
        if look.seq or made.entries or made.stage:
            seq = self.ledger.append(ref, made.entries, look.seq, now, look.card)
        if made.settled:
            self.ledger.spoken.settle(made.settled, now)
        return seq

    def _planned(self, tracker: Tracker, given: Given) -> tuple[plan.Plan, Given]:
        answers: dict[Doubt, bool | None] = {}
        handles: dict[str, tuple[str, ...]] = {}
        on_duty: dict[str, str] = {}
        called: dict[str, str] = {}
        while True:
            given = replace(
                given, answers=dict(answers), handles=dict(handles), on_duty=dict(on_duty), called=dict(called)
            )
            try:
                made = plan.make(given)
            except hearing.Unanswered as question:
                doubt = question.doubt
                answers[doubt] = _resolve(tracker, given, doubt)
                if not doubt.person.id:  # named in a comment, not its writer
                    called[doubt.person.handle] = tracker.called(given.issue.ref, doubt.person.handle)
                continue
            missing = [party for party in made.wants if party not in handles or party not in on_duty]
            if not missing:
                return made, given
            for party in missing:
                handles[party] = _people(tracker, given, party)
                on_duty[party] = _on_duty(given, party, self.settings.rota_hosts)

    def _names(self, ref: Ref, issue: Issue, now: datetime) -> dict[str, tuple[str, ...]]:
        """What the place's labels are and were called; read once as a whole, then learned as we go."""
        if ref.tracker != "github":
            return {}
        known = self.ledger.known_names(ref.place)
        seen = issue.labels if known else self.tracker(ref).label_names(ref)
        fresh = [label for label in seen if label.name not in known.get(label.id, ())[-1:]]
        if fresh:
            self.ledger.learn_names(ref.place, fresh, now)
            known = self.ledger.known_names(ref.place)
        return known


def proofs(say: Say, comment: Comment) -> Iterator[Prove]:
    """What is to be found out about a comment of ours: whom of those that it tells it has reached."""
    for party, handles in say.tells.items():
        yield Prove(comment, party, tuple(handles), say.stage, comment.author, is_beside(say.key), why(say.key))


def notice(tracker: Tracker, ref: Ref, proved: Prove) -> Noticed:
    """The notice that a comment was, with its proof: asked at the tracker now."""
    return noticed(proved, tracker.unreached(ref, proved.comment, proved.handles))


def noticed(proved: Prove, unreached: Mapping[str, str]) -> Noticed:
    """Proof of notice: a party is told when at least one of its mentions can have reached somebody."""
    comment, handles = proved.comment, proved.handles
    failed = "; ".join(dict.fromkeys(unreached.values())) if len(unreached) == len(handles) else ""
    failed = failed if handles else "nobody of this party is named for this tracker"
    return Noticed(
        comment.at, proved.party, proved.stage, comment.id, proved.by, comment.url, failed, proved.fallback, handles,
        proved.why,
    )  # fmt: skip


def load(settings: Settings) -> None:
    """Import what looks will need, and read the file: done before a process is copied, its copies share all of it."""
    with suppress(Faulty, TrackerError):  # whoever needs it meets it again, and says so
        trackers_of(settings)
        known(text_of(settings.mappings), settings.mappings.name)


def trackers_of(settings: Settings, shared: Traffic | None = None) -> dict[tuple[str, str], Tracker]:
    """The adapters of the trackers that are configured, by kind and site; of no other the library is imported."""
    shared = shared or Traffic.connect(settings.redis_url, settings.marker_key)
    found: dict[tuple[str, str], Tracker] = {}
    if settings.jira:
        from integration.trackers.jira import Jira

        found |= {("jira", site.site): Jira(site, pace=shared, shelf=shared) for site in settings.jira}
    if settings.github:
        from integration.trackers.github import GitHub

        found["github", ""] = GitHub(settings.github, pace=shared, shelf=shared)
    return found


def looked_at_around(mappings: Mappings) -> frozenset[str]:
    """What the file's rules look at around an issue: the issues that are tied to it, and the pages."""
    asked = mappings.asked()
    links = (fact.link for one in asked if isinstance(one, Approved) for fact in one.voided_by)
    if any(isinstance(one, Linked | Custom) for one in asked) or any(links):
        return EVERYTHING
    return frozenset({"issues"}) if any(isinstance(one, NoOpen) for one in asked) else frozenset()


def _related(tracker: Tracker, issue: Issue, wanted: frozenset[str]) -> tuple[Related, ...] | None:
    """What is tied to the issue; None where the tracker does not let us know."""
    try:
        return tracker.related(issue.ref, issue, wanted)
    except Refused as error:
        log.warning("related issues unreadable", ref=str(issue.ref), reason=str(error))
        return None


def _resolve(tracker: Tracker, given: Given, doubt: Doubt) -> bool | None:
    """Is this person in that party? None where the tracker will not tell."""
    ref = given.issue.ref
    settled = membership.settle(given.mappings, ref, doubt)
    if isinstance(settled, bool):
        return settled
    try:
        return tracker.answer(ref, settled)
    except Refused as error:
        log.warning("membership unreadable", ref=str(ref), party=doubt.party or "triage", reason=str(error))
        return None


def _people(tracker: Tracker, given: Given, party: str) -> tuple[str, ...]:
    known = given.mappings.parties[party].jira
    try:
        return tracker.members(given.issue.ref, known.group) if known and known.group else ()
    except Refused as error:
        log.warning("group unreadable", ref=str(given.issue.ref), party=party, reason=str(error))
        return ()


def _on_duty(given: Given, party: str, trusted: Collection[str]) -> str:
    """Who is, as the party's address tells; empty where it does not."""
    people = given.mappings.parties[party].on(given.issue.ref.tracker)
    if people is None or people.rota is None or people.rota.url is None:
        return ""
    try:
        return duty.ask(people.rota.url, trusted)
    except duty.Unknown as error:
        log.warning("nobody knows who is on duty; all of the party are asked", party=party, reason=str(error))
        return ""
