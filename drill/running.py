"""One drill from beginning to end: the world, the household, what people do, what is killed, rest, and the oracles."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

from drill.household import PARTS, Household, postgres
from drill.oracle import Miss, Oracle, Verdicts
from drill.orders import Orders
from drill.part import hurry
from drill.people import People
from drill.stories import AROUND, GAP, Due, Feature, features, timetable
from drill.watching import Watch
from drill.weather import THICK, USUAL, Weather
from integration.failed import Record, Unknown
from integration.look import Desk
from integration.memory.away import Away
from integration.memory.inbox import Inbox
from integration.memory.ledger import LedgerAway
from integration.sandbox import World, github_api, running
from integration.sandbox.hooks import Hooks, Odds
from integration.sandbox.people import GITHUB_SECRET, JIRA_SECRET, ORG
from integration.sandbox.world import Fault
from integration.settings import Settings

AROUND_EACH = 7
_AN_HOUR = 100_000  # requests that the sandbox's GitHub lets an account make: a drill has a working day in ten minutes
_STRETCHED = 1.5  # on a slow machine people take so much longer, and no more
_POST = r"^POST .*/comments?$"
_ACTS = (_POST, r"^POST .*/labels$", r"^DELETE .*/labels/", r"^POST .*/transitions$", r"^(PATCH|PUT) .*/comments?/")
_PARTS = ("worker", "worker", "work horse", "work horse", "web", "clock", "redis")


@dataclass
class Outcome:
    """What came of a drill."""

    orders: Orders
    verdicts: Verdicts = field(default_factory=Verdicts)
    figures: dict[str, str] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    home: str = ""

    @property
    def misses(self) -> list[Miss]:
        """The promises that were not kept."""
        return self.verdicts.misses


@dataclass
class Drill:
    """All parts of one drill."""

    orders: Orders
    world: World
    weather: Weather
    people: People
    household: Household
    watch: Watch
    features: list[Feature]
    say: Callable[[str], object] = print
    released: Counter[str] = field(default_factory=Counter)
    _lasts: float = 20.0  # seconds until what goes on beside is over, too
    _latest: float = 0.0  # so long people are at work at most
    _over: threading.Event = field(default_factory=threading.Event)
    _at_home: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Outcome:
        """Traffic among faults, then rest, then the oracles."""
        outcome = Outcome(self.orders, home=str(self.household.home))
        with self.household.running():
            self.watch.begin()
            operator = threading.Thread(target=self._operate, daemon=True)
            operator.start()
            begun = time.monotonic()
            self._traffic()
            worked = time.monotonic() - begun
            self.say(f"people have gone home after {worked:.0f} s; {self._progress()}")
            desk = Desk.open(Settings.read(self.household.environ))
            self._all_at_work(desk)
            rest = self.watch.rest(self.world, desk.ledger, self.orders.patience, swept=not self.orders.hard)
            self.watch.end()
            self._at_home.set()
            operator.join(20)
            self.say(f"at rest after {rest:.0f} s" if rest is not None else "it does not come to rest")
            inbox = Inbox.connect(self.household.environ["REDIS_URL"])
            hurry(timedelta(seconds=self.orders.swept_every))  # the oracle asks the trackers, too
            outcome.verdicts = Oracle(desk, inbox, self.people, self.weather).judge(self.features)
            self._judge_more(outcome.verdicts)
            if rest is None:
                waiting = ", ".join(self.watch.waiting()[:10])
                what = f"not within {self.orders.patience:.0f} s: {waiting}"
                outcome.verdicts.miss("it comes to rest", "the inbox", what)
            self._figures(outcome, worked, rest)
            desk.ledger.close()
        return outcome

    def _all_at_work(self, desk: Desk) -> None:
        """All faults are over, and what is to be looked at from the end is seen by those who are at work now."""

    def _judge_more(self, verdicts: Verdicts) -> None:
        """What only a drill of this kind can see."""

    # --- traffic ---

    def _traffic(self) -> None:
        self._troubled()
        threads = [threading.Thread(target=each, daemon=True) for each in self._beside()]
        for each in threads:
            each.start()
        self._act_out()
        self._over.set()
        for each in threads:
            each.join(self._lasts)
        for part in self._struck_at_the_end():  # the machine goes down, and comes up again
            self.household.kill(part)
        self.weather.blowing = False
        self.weather.clear()
        self.world.hooks.trouble(None)

    def _troubled(self) -> None:
        """From now on post and trackers have a bad day."""
        orders = self.orders
        self.weather.blowing = True
        self.world.hooks.trouble(Odds(0 if orders.hard else 0.03, 0.05, 0.05, 0.04, 6, orders.seed))

    def _beside(self) -> Sequence[Callable[[], None]]:
        """What goes on while people are at work."""
        return (self._kill_at_random, self._kill_at_acts)

    def _struck_at_the_end(self) -> Sequence[str]:
        return ("worker",) if self.orders.hard else PARTS

    def _act_out(self) -> None:
        """Everything in the timetable, and then as much around it as the deliveries that were ordered take."""
        begun = told = time.monotonic()
        self._latest = begun + self.orders.seconds * _STRETCHED
        behind = 0.0  # seconds that people have waited for the service
        for due in self._all():
            time.sleep(max(0.0, due.at - (time.monotonic() - begun - behind)))
            paused = time.monotonic()
            while self.watch.waiting_now > self.orders.bears and time.monotonic() < self._latest:
                time.sleep(0.1)
            behind += time.monotonic() - paused
            self.people.do(self.features[due.number], due.act)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                self.say(f"{told - begun:4.0f} s: {self._progress()}")

    def _all(self) -> Iterator[Due]:
        at = 0.0
        for due in timetable(self.features, self.orders.seconds, AROUND_EACH, self.orders.seed):
            at = due.at
            yield due
        dice, step = Random(f"more {self.orders.seed}"), 0.03  # noqa: S311
        at = max(at, self.orders.seconds) + GAP
        while len(self.world.hooks.deliveries) < self.orders.deliveries and time.monotonic() < self._latest:
            yield Due(at, dice.randrange(self.orders.issues), dice.choice(AROUND))
            at += step

    def _progress(self) -> str:
        sent, acts = len(self.world.hooks.deliveries), sum(self.people.acts.values())
        kills = sum(self.household.kills.values())
        return f"{acts:,} acts, {sent:,} deliveries, {len(self.watch.waits):,} hints worked off, {kills} kills"

    # --- deaths ---

    def _kill_at_random(self) -> None:
        dice = Random(f"kills {self.orders.seed}")  # noqa: S311
        parts, pause = (("worker", "work horse"), (4, 10)) if self.orders.hard else (_PARTS, (5, 20))
        while not self._over.wait(dice.uniform(*pause)):
            self.household.kill(dice.choice(parts))

    def _kill_at_acts(self) -> None:
        """The worker dies at the very moment of an act: before it takes effect, or after, without an answer."""
        dice = Random(f"deaths {self.orders.seed}")  # noqa: S311
        pause = (5, 12) if self.orders.hard else (20, 60)
        while not self._over.wait(dice.uniform(*pause)):
            when, at = dice.choice(("before", "after")), dice.choice(_ACTS)
            name = f"worker killed {when} the effect"
            if when == "before":
                self.weather.arm(Fault(at, "call", call=self._kill_worker), name)
                self.weather.add(Fault(at, "before", status=0))
            else:
                self.weather.arm(Fault(at, "call", call=self._kill_worker, when="after"), name)

    def _kill_worker(self) -> None:
        self.household.kill("worker")

    def _operate(self) -> None:
        """The operator sees that the breaker holds what sweeps would do, has a look, and lets it go on."""
        record = Record.open(Settings.read(self.household.environ))
        while not self._at_home.wait(3):
            with suppress(Away, LedgerAway, Unknown):
                for held in record.breaker.held():
                    record.release(held.cause)
                    self.released[held.cause] += 1
        record.ledger.close()

    # --- figures ---

    def _figures(self, outcome: Outcome, worked: float, rest: float | None) -> None:
        hooks, watch, counted = self.world.hooks, self.watch, outcome.verdicts.figures
        sent = len(hooks.deliveries)
        requests, looks = sum(self.weather.requests.values()), self.weather.looks()
        outcome.kills = self.household.kills
        outcome.faults = self.weather.struck + Counter({f"delivery {kind}": n for kind, n in hooks.struck.items()})
        died = ", ".join(f"{name} {n}" for name, n in self.household.deaths.items()) or "nobody"
        outcome.figures = {
            "features": f"{len(self.features)} ({self.orders.issues - self.orders.issues // 2} GitHub, "
            f"{self.orders.issues // 2} Jira)",
            "what people and bots did": f"{sum(self.people.acts.values()) - self.people.acts['left']:,} acts",
            "deliveries": f"{sent:,} in {worked:.0f} s, {sent / worked:.1f}/s",
            "answered by 2xx": f"{sum(1 for one in hooks.deliveries if one.status and one.status < 300):,}",
            "requests to the trackers": f"{requests:,}, {requests / max(1, sent):.1f} for each delivery",
            "looks at an issue": f"{looks:,}, {looks / max(1, sent):.2f} for each delivery",
            "hints worked off": f"{len(watch.waits):,}, at most {watch.deepest} waiting",
            "from delivery to done": f"p50 {watch.share(0.5):.1f} s, p99 {watch.share(0.99):.1f} s, "
            f"worst {watch.worst[0]:.1f} s ({watch.worst[1]})",
            "nothing waited any more": f"{watch.worked_off:.0f} s after the last fault",
            "time to quiet": "never" if rest is None else f"{rest:.0f} s",
            "entries in the ledger": f"{counted['entries']:,}",
            "comments of the service": f"{counted['comments']:,}",
            "recoveries": f"{counted['outcomes found later']} outcomes found out later, "
            f"{counted['tried again']} acts tried again, {counted['doubles removed']} doubled comments removed",
            "released by the operator": ", ".join(f"{cause} {n}" for cause, n in self.released.items()) or "nothing",
            "ended by themselves": died,
        }  # fmt: skip


K = TypeVar("K", bound=Drill)


@contextmanager
def prepared(orders: Orders, say: Callable[[str], object], kind: type[K], port: int) -> Iterator[K]:
    """A drill of that kind that can be run, with webhooks to this port; its parts are gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="drill-"))
    with ExitStack() as stack:
        database = stack.enter_context(postgres()) if orders.postgres else ""
        world = World()
        github_api._LIMIT = _AN_HOUR
        world.hooks = Hooks(retry_pause=2.0, lanes=4)
        weather = Weather(orders.seed, USUAL + THICK if orders.hard else USUAL)
        world.faults = weather
        served = stack.enter_context(running(world))
        household = Household.built(orders, home, served.url, port, database)
        world.hooks.register(f"{household.url}/webhooks/github", GITHUB_SECRET, "github", place=ORG)
        world.hooks.register(f"{household.url}/webhooks/jira", JIRA_SECRET, "jira")
        wanted = features(orders.issues, orders.seed)
        yield kind(orders, world, weather, People(world), household, Watch(household), wanted, say)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(orders: Orders, say: Callable[[str], object] = print) -> Outcome:
    """Run one drill."""
    say(str(orders))
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    with prepared(orders, say, Drill, free_port()) as drill:
        return drill.run()
