"""The parts of a story: the house that is told of, and a team at work on one of its trackers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from integration.look import Desk
from integration.memory.inbox import QUEUE, Inbox
from integration.sandbox import World
from integration.sandbox.jira_bodies import wiki
from integration.sandbox.people import PEOPLE, SERVICE
from integration.settings import Settings
from integration.stages.entries import Judged
from integration.stages.model import Ref
from integration.stages.remembered import Remembered, remember
from tests.stories.files import RULES, mappings
from workers import clock, jobs
from workers.failing import OURS
from workers.pool import HouseJob, HouseQueue, HouseWorker


def unhurried(redis_url: str) -> Inbox:
    """An inbox for a story, in which time stands still: however much happens at one moment, nothing pours in."""
    return Inbox.connect(redis_url, free=1_000_000)


@dataclass
class House:
    """The service, as it stands in a story. `mappings()` puts a file in force; `settle()` lets it do its work."""

    settings: Settings
    world: World
    traveller: Any
    rules: str = RULES
    _desk: Desk | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.inbox = unhurried(self.settings.redis_url)
        self.redis = Redis.from_url(self.settings.redis_url)
        self.put_in_force(self.rules)

    def put_in_force(self, rules: str, **changes: Any) -> None:
        """A new mappings.yaml, with these rules."""
        self.settings.mappings.write_text(mappings(rules, **changes))

    @property
    def desk(self) -> Desk:
        if self._desk is None:
            self._desk = Desk.open(self.settings)
        return self._desk

    def restart(self, **settings: Any) -> None:
        """End the process, and begin another one; with other settings, if any are given."""
        if self._desk:
            self._desk.ledger.close()
        self._desk = None
        self.settings = replace(self.settings, **settings)

    def lose_the_ledger(self) -> None:
        """The database is gone; an empty one takes its place."""
        self.restart(database_url=f"sqlite:///{self.settings.data_dir / 'another.db'}")
        self.settle()
        self.traveller.shift(2)  # GitHub's stamps are cut to the second

    def later(self, **delta: float) -> None:
        """Time passes, and the house does what time has made due."""
        self.traveller.shift(timedelta(**delta))
        self.settle()

    def at(self, when: str) -> None:
        """It becomes that moment (in UTC), and the house does what time has made due."""
        self.traveller.move_to(datetime.fromisoformat(when).replace(tzinfo=UTC))
        self.settle()

    def now(self) -> datetime:
        return datetime.now(UTC)

    clock_runs: bool = True
    has_bugs: bool = False  # where a story puts one in, none is a surprise

    def settle(self) -> None:
        """Until every webhook is delivered, and every job that is due has run."""
        queue = HouseQueue(QUEUE, connection=self.redis)
        for _ in range(60):
            assert self.world.hooks.idle(20), "the webhooks are not delivered"
            if self.clock_runs:
                assert self.desk.mappings.current
                clock.look_again(self.inbox, self.desk.ledger, self.now())
                clock.hint_at_digests(self.inbox, self.desk.ledger, self.desk.mappings.current, self.now())
            self.inbox.wake_due(self.now())
            if queue.count == 0:
                return
            self._work(queue)
        raise AssertionError("the house does not come to rest")

    def _work(self, queue: Queue) -> None:
        """Run what is queued in the house's own worker, with this story's desk."""
        broken: list[BaseException] = []

        def reconcile(ref: str) -> None:
            try:
                jobs.run_one(self.desk, self.inbox, Ref.parse(ref))
            except Exception as error:
                broken.append(error)
                raise

        HouseJob.offered = {"workers.jobs.reconcile": reconcile}
        HouseWorker([queue], connection=self.redis, serializer=JSONSerializer).work(burst=True, logging_level="ERROR")
        if broken:
            raise broken[0]
        bugs = [one for one in self.desk.ledger.failures.listed() if one.step == OURS]
        assert self.has_bugs or not bugs, bugs


def bare(text: str) -> str:
    """Without the invisible signs that keep quoted words from being markup."""
    return text.replace("\u2060", "")


@dataclass
class Said:
    """A comment, as the story's readers see it."""

    id: str
    body: str
    html: str

    @property
    def mentions(self) -> set[str]:
        """Who is mentioned, as the tracker has rendered it."""
        github = re.findall(r'class="(?:user|team)-mention[^"]*"[^>]*>@([^<]+)<', self.html)
        jira = re.findall(r'class="user-hover"[^>]*rel="([^"]+)"', self.html)
        names = {one.account_id: one.login for one in PEOPLE.values()}
        return {names.get(one, one) for one in (*github, *jira)}


class Team(ABC):
    """People at work on one issue of one tracker."""

    def __init__(self, house: House) -> None:
        self.house, self.world = house, house.world

    ref: Ref
    ref_tracker: str

    @abstractmethod
    def open(self, stage: str | None = None, title: str = "Export as PDF", by: str = "erin", body: str = "") -> None:
        """Open an issue that stands in this stage."""

    @abstractmethod
    def move(self, stage: str, by: str = "erin") -> None:
        """Move it as people do: put the label on (the old one stays), or make the transition."""

    @abstractmethod
    def write(self, text: str, by: str) -> None:
        """Comment."""

    @property
    @abstractmethod
    def stages(self) -> set[str]:
        """All stages that the issue shows."""

    @property
    def stage(self) -> str | None:
        """The one stage that the issue shows."""
        assert len(self.stages) < 2, f"the issue shows {self.stages}"
        return next(iter(self.stages), None)

    @property
    @abstractmethod
    def said(self) -> list[Said]:
        """All comments of the service, oldest first."""

    @property
    @abstractmethod
    def support(self) -> set[str]:
        """Whom a mention of Support names here."""

    @property
    def living(self) -> Said:
        """The one living comment."""
        found = [one for one in self.said if "Last checked" in one.body]
        assert len(found) == 1, [one.body for one in self.said]
        return found[0]

    @property
    def told(self) -> list[Said]:
        """Comments that want something of somebody, or answer: all but the living one."""
        return [one for one in self.said if "Last checked" not in one.body or "as you asked" in one.body]

    @property
    def remembered(self) -> Remembered:
        return remember(self.house.desk.ledger.entries(self.ref))

    @property
    def verdicts(self) -> list[tuple[str | None, str | None, str]]:
        """Every verdict of the ledger: from, to, outcome."""
        entries = self.house.desk.ledger.entries(self.ref)
        return [(one.move.was, one.move.to, str(one.outcome)) for one in entries if isinstance(one, Judged)]

    def stand_in(self, stage: str, title: str = "Export as PDF", by: str = "erin", body: str = "") -> None:
        """A feature that has stood in this stage for an hour, with all said of that."""
        self.open(stage, title, by, body)
        self.settle()
        self.later(hours=1)

    def ask_for(self, stage: str, by: str = "erin") -> None:
        """Somebody moves it, and the house has answered."""
        self.move(stage, by)
        self.settle()

    def settle(self) -> None:
        self.house.settle()

    def later(self, **delta: float) -> None:
        self.house.later(**delta)

    def at(self, when: str) -> None:
        self.house.at(when)

    def says(self, text: str, by: str) -> None:
        """Somebody writes it, and the house has answered."""
        self.write(text, by)
        self.settle()

    @abstractmethod
    def describe(self, body: str, by: str = "erin") -> None:
        """Write the issue's text anew."""

    @abstractmethod
    def naming(self, login: str) -> str:
        """A mention of somebody, as one writes it here."""

    def heading(self, title: str, text: str) -> str:
        """A section of the issue's text, as one writes it here."""
        return f"{'##' if self.ref_tracker == 'github' else 'h2.'} {title}\n\n{text}\n\n"

    def mentioning(self, *people: str) -> list[Said]:
        """Comments that mention exactly these."""
        return [one for one in self.told if one.mentions == set(people)]

    @property
    def growth(self) -> set[str]:
        """Whom a mention of Growth names here."""
        return {"acme/growth"} if self.ref_tracker == "github" else {"gus", "gwen"}


LABELS = {stage: f"stage: {stage}" for stage in ("development", "internal", "beta", "public")}


class OnGitHub(Team):
    """An issue of acme/app."""

    repo = "acme/app"
    ref_tracker = "github"

    def open(self, stage: str | None = None, title: str = "Export as PDF", by: str = "erin", body: str = "") -> None:
        labels = [LABELS[stage]] if stage else []
        self.number = self.world.github.open_issue(self.repo, title, by, body, labels).number
        self.ref = self.ref_of(self.number)

    def ref_of(self, number: int) -> Ref:
        return Ref("github", "", self.repo, number)

    def move(self, stage: str, by: str = "erin") -> None:
        if LABELS[stage] in self.labels:
            for other in self.stages - {stage}:
                self.take_off(other, by)
        self.world.github.label(self.repo, self.number, LABELS[stage], by)

    def take_off(self, stage: str, by: str = "erin") -> None:
        self.world.github.unlabel(self.repo, self.number, LABELS[stage], by)

    def write(self, text: str, by: str) -> None:
        self.world.github.comment(self.repo, self.number, text, by)

    def describe(self, body: str, by: str = "erin") -> None:
        self.world.github.edit(self.repo, self.number, by, body=body)

    def naming(self, login: str) -> str:
        return f"@{login}"

    @property
    def labels(self) -> list[str]:
        return self.world.github.label_names(self.repo, self.number)

    @property
    def stages(self) -> set[str]:
        return {stage for stage, label in LABELS.items() if label in self.labels}

    @property
    def said(self) -> list[Said]:
        repo = self.world.github.repo(self.repo)
        comments = self.world.github.issue(repo, self.number).comments
        return [
            Said(str(one.id), one.body, self.world.github.rendered(repo, one.body, SERVICE).html)
            for one in comments
            if one.by == SERVICE
        ]

    @property
    def support(self) -> set[str]:
        return {"acme/support"}


STATUSES = {"development": "In Progress", "internal": "Internal", "beta": "Beta", "public": "Released"}


class OnJira(Team):
    """An issue of the project APP."""

    project = "APP"
    ref_tracker = "jira"

    def open(self, stage: str | None = None, title: str = "Export as PDF", by: str = "erin", body: str = "") -> None:
        status = STATUSES[stage] if stage else "To Do"
        self.key = self.world.jira.create_issue(self.project, title, by, body, status)
        self.ref = Ref.parse(self.key)

    def move(self, stage: str, by: str = "erin") -> None:
        self.world.jira.transition(self.key, STATUSES[stage], by)

    def write(self, text: str, by: str) -> None:
        self.world.jira.comment(self.key, text, by)

    def describe(self, body: str, by: str = "erin") -> None:
        self.world.jira.edit(self.key, by, description=body)

    def naming(self, login: str) -> str:
        return f"[~accountid:{PEOPLE[login].account_id}]"

    @property
    def stages(self) -> set[str]:
        status = self.world.jira.issue(self.key).status.name
        return {stage for stage, name in STATUSES.items() if name == status}

    @property
    def said(self) -> list[Said]:
        comments = self.world.jira.issue(self.key).comments
        return [
            Said(str(one.id), bare(one.body), bare(wiki(self.world.jira).render(one.body)))
            for one in comments
            if one.author == SERVICE
        ]

    @property
    def support(self) -> set[str]:
        return {"sam", "sofia"}
