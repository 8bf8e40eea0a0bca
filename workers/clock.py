"""The clock: what runs when. It decides nothing; it turns what time has made due into hints, which workers then judge.

RQ's own cron is not used (docs/decisions/0002-workers.md says why). Each task may run twice, or
in several clocks at once, without harm: a hint is kept once for each issue, and anchoring a chain again adds nothing.
What must not wait for a clock that is dead, waking what was lost, each worker process does, too (`pool.Crew`).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import NoReturn, Protocol

import structlog

from integration.health.reading import note_terms
from integration.health.telling import tell
from integration.in_force import LOOKED_AT_EVERY, MappingsFile
from integration.memory.copies import Copies
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.memory.rounds import Standing
from integration.settings import Settings, digest_variable
from integration.stages.file.mappings import Mappings
from integration.stages.model import Ref
from integration.stages.texts import digests
from workers import catch_up, live, sweep
from workers.digests import awaited

ASKED_AGAIN = timedelta(minutes=1)
AT_ONCE = 200

log = structlog.get_logger(__name__)


class Task(Protocol):
    """Something to be done again and again; gets the time it is."""

    def __call__(self, now: datetime, /) -> object:
        """Do it."""


@dataclass(slots=True)
class Tick:
    """One line of the clock's table: a task, how often, and what became of it so far."""

    name: str
    every: timedelta
    task: Task
    due: float = 0.0  # on the monotonic clock: the first time is at once
    failures: int = field(default=0, init=False)

    def run(self, now: datetime, monotonic: float) -> None:
        """Run it and set the next time. An error is said when it begins and when it is over, and stops nothing."""
        self.due = monotonic + self.every.total_seconds()
        try:
            self.task(now)
        except Exception as error:
            self.failures += 1
            if self.failures == 1:
                log.exception("clock task failed, it will be tried again", task=self.name, error=str(error))
            return
        if self.failures:
            log.warning("clock task works again", task=self.name, failures=self.failures)
        self.failures = 0


def table(inbox: Inbox, ledger: Ledger, settings: Settings) -> list[Tick]:
    """What runs when."""
    rules = Rules(ledger, settings)
    due = DueDigests(inbox, ledger, settings, rules)
    return [
        Tick("file", LOOKED_AT_EVERY, lambda now: rules.current),
        Tick("wake", timedelta(seconds=2), lambda now: inbox.wake_due(now)),
        Tick("look again", timedelta(seconds=10), lambda now: look_again(inbox, ledger, now)),
        Tick("digests", timedelta(minutes=1), due),
        Tick("rules", timedelta(minutes=1), RuleNews(ledger, settings, rules)),
        Tick("rounds", timedelta(seconds=30), lambda now: hint_at_rounds(inbox, ledger, settings, now)),
        Tick("live check", live.EVERY, lambda now: hint_at_live_checks(inbox, settings)),
        Tick("anchor", timedelta(days=1), lambda now: log.info("ledger anchored", digest=ledger.anchor(now))),
    ]


def look_again(inbox: Inbox, ledger: Ledger, now: datetime) -> None:
    """Hint at the features whose time has come.

    Each is put off first: the run that follows sets its next time, which must not be overwritten. If the hint is lost,
    it is made again after `ASKED_AGAIN`.
    """
    for ref in ledger.due(now, AT_ONCE):
        ledger.put_off(ref, now + ASKED_AGAIN)
        inbox.hint(ref, cause="time")


def hint_at_digests(inbox: Inbox, ledger: Ledger, mappings: Mappings, now: datetime) -> None:
    """Hint at the parties whose digest was due since the last one; one that was missed is not made up for twice."""
    ledger.agenda.note_orders(digests.orders(mappings), now)
    for party in mappings.parties:
        due_at = awaited(ledger, mappings, party, now)
        if due_at is not None and ledger.agenda.awaits(party, due_at, now):
            inbox.hint(Ref.of_party(party))


def hint_at_rounds(inbox: Inbox, ledger: Ledger, settings: Settings, now: datetime) -> None:
    """Hint at the rounds whose time has come: what never arrived is looked for."""
    standing = {one.name: one for one in ledger.rounds.stand()}
    places = {"github"} if settings.github else set[str]()
    places |= {f"jira/{each.site}" for each in settings.jira}
    ledger.rounds.drop([name for name in standing if name.partition(":")[2] not in places])
    wanted = [Ref.of_round(kind, "github") for kind in (catch_up.CATCH_UP, *sweep.EVERY) if settings.github]
    wanted += [Ref.of_round(kind, "jira", each.site) for kind in sweep.EVERY for each in settings.jira]
    for one in wanted:
        every = sweep.EVERY.get(one.tracker, catch_up.EVERY)
        if standing.get(str(one), Standing(str(one))).is_due(every, now):
            inbox.hint(one)


def hint_at_live_checks(inbox: Inbox, settings: Settings) -> None:
    """Compare the file with each tracker: when a clock starts, and then daily. A trial has no world to be sure of."""
    if settings.sandbox:
        return
    if settings.github:
        inbox.hint(Ref.of_round(live.LIVE, "github"))
    for each in settings.jira:
        inbox.hint(Ref.of_round(live.LIVE, "jira", each.site))


class Rules:
    """The clock's mappings.yaml. It is opened when it can be: a broken file stops nothing else."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger, self._settings = ledger, settings
        self._file: MappingsFile | None = None

    @property
    def current(self) -> Mappings:
        """The version in force. Raises `Faulty` while there is none."""
        if self._file is None:
            copies = Copies.connect(self._settings.redis_url)
            self._file = MappingsFile(self._settings.mappings, self._ledger, copies)
        return self._file.current

    @property
    def written(self) -> tuple[Mappings, str]:
        """The same, and the text that it was read from."""
        current = self.current
        return current, self._file.text_of(current.hash) if self._file else ""


class RuleNews:
    """The clock's task for rules that may be raised: since when each has stood so, and once a week which are ripe."""

    def __init__(self, ledger: Ledger, settings: Settings, rules: Rules | None = None) -> None:
        self._ledger, self._file = ledger, settings.mappings.name
        self._rules = rules or Rules(ledger, settings)
        self._noted = ""  # the version whose rules were noted last

    def __call__(self, now: datetime) -> None:
        """Note, and tell where it is time. Raises `Faulty` while no file is in force."""
        mappings, text = self._rules.written
        if mappings.hash != self._noted:
            note_terms(self._ledger, mappings, text, now)
            self._noted = mappings.hash
        tell(self._ledger, mappings, text, now, self._file)


class DueDigests:
    """The clock's task for digests."""

    def __init__(self, inbox: Inbox, ledger: Ledger, settings: Settings, rules: Rules | None = None) -> None:
        self._inbox, self._ledger, self._settings = inbox, ledger, settings
        self._rules = rules or Rules(ledger, settings)
        self._checked = ""  # the version of the file whose names were compared with the variables

    def __call__(self, now: datetime) -> None:
        """Hint at what is due by the file in force. Raises `Faulty` while there is none."""
        mappings = self._rules.current
        if mappings.hash != self._checked:
            self._checked = mappings.hash
            self._warn(mappings)
        hint_at_digests(self._inbox, self._ledger, mappings, now)

    def _warn(self, mappings: Mappings) -> None:
        """An address that belongs to nobody would never be heard of again."""
        with_digest = {name.replace("_", "-") for name, one in mappings.parties.items() if one.digest}
        for name in sorted(set(self._settings.digests) - with_digest):
            fix = "give the party a `digest` in mappings.yaml, or mend the variable's name"
            log.warning("no party has a digest for this variable", variable=digest_variable(name), fix=fix)


def run(settings: Settings) -> None:
    """Keep the table until a signal says stop."""
    _stop_at_once_on_signals()
    inbox, ledger = Inbox.connect(settings.redis_url), Ledger.open(settings.database_url)
    ticks = table(inbox, ledger, settings)
    log.info("clock starts", tasks={each.name: each.every.total_seconds() for each in ticks})
    while True:
        step(ticks, time.monotonic, lambda: datetime.now(UTC))
        time.sleep(max(0.0, min(each.due for each in ticks) - time.monotonic()))


def step(ticks: list[Tick], monotonic: Callable[[], float], now: Callable[[], datetime]) -> None:
    """Run whatever is due."""
    for each in ticks:
        if each.due <= monotonic():
            each.run(now(), monotonic())


def _stop_at_once_on_signals() -> None:
    """Raising where we are is safe: what was begun is not committed, and the next clock does it again."""

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
