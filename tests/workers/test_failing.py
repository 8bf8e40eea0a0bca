"""Each error has one fate; by one law it is tried again, ever more rarely; and somebody hears of it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from rq.timeouts import JobTimeoutException

import integration
import workers
from integration.duty import Unknown
from integration.memory.away import Away
from integration.memory.failures import Failure, Hopeless, Kind, State
from integration.memory.ledger import LedgerAway, Overtaken, Unreadable
from integration.settings import Fault, Misconfigured
from integration.stages.file import written
from integration.stages.file.additions import Unfit
from integration.stages.file.mappings import Faulty
from integration.stages.model import Ref, Unnamed
from integration.trackers import Gone, Locked, Refused, Unavailable
from integration.trackers.jira_wire import Rejected
from workers import jobs
from workers.failing import AND_AFTER, DEAD_AFTER, OURS, Fate, again, fate, follow
from workers.reconciling import HeldBack

APP, MOVED = Ref.parse("acme/app#12"), Ref.parse("acme/mobile#3")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def made(kind: type[Exception], *given: object) -> Exception:
    """An error as it would be caught: it has been raised."""
    try:
        raise kind(*given)
    except kind as error:
        return error


FATES: list[tuple[Exception, Kind, str]] = [
    (made(Unavailable, "GitHub does not answer"), Kind.LATER, ""),
    (made(LedgerAway, "the database does not answer"), Kind.LATER, ""),
    (made(Away, "Redis does not take it"), Kind.LATER, ""),
    (made(Overtaken, "another run has written"), Kind.LATER, ""),
    (made(Gone, "it lives elsewhere", MOVED), Kind.LATER, ""),
    (made(JobTimeoutException, "120 s"), Kind.LATER, ""),
    (made(Locked, "the conversation is locked"), Kind.PEOPLE, ""),
    (made(Refused, "we may not read issues"), Kind.ADMIN, "let our account"),
    (made(Rejected, "Jira says no", ()), Kind.ADMIN, "let our account"),
    (made(Unreadable, "entry 3 cannot be read"), Kind.ADMIN, "release that wrote it"),
    (made(Faulty, ()), Kind.ADMIN, "release-stages check"),
    (made(Unfit, [written.Fault(3, 1, "rules", "no such rule")]), Kind.PEOPLE, ""),
    (made(Misconfigured, (Fault("PORT", "no number", "write one"),)), Kind.ADMIN, "environment"),
    (made(HeldBack, "what 'sweep' would do is held", "sweep"), Kind.ADMIN, "failed release"),
    (made(KeyError, "a secret of somebody"), Kind.ADMIN, OURS),
    (made(Unknown, "who is on duty"), Kind.ADMIN, OURS),  # never comes out of a look: if it does, that is a fault
    (made(Gone, "there is no such issue"), Kind.ADMIN, "let our account"),
    (made(Hopeless, "the issue was deleted"), Kind.DROP, ""),
    (made(Unnamed, "'x' names no issue"), Kind.DROP, ""),
]

NEVER_IN_A_JOB = {
    "integration.custom._TooLong": "becomes a finding",
    "integration.duty.Unknown": "all of the party are asked then",
    "integration.failed.Unknown": "of the command",
    "integration.first_day.InTheWay": "of the command",
    "integration.first_day.NotThere": "of the command",
    "integration.importing.Stopped": "of the command",
    "integration.live.asking.Silent": "becomes a finding",
    "integration.memory.packed.Spoilt": "of the command",
    "integration.running.CannotStart": "of the command",
    "integration.setup.dotenv.Unclear": "of a command",
    "integration.setup.registering.NotKept": "of a command",
    "integration.setup.registering.SetupFailed": "of the command",
    "integration.whatif.wanted.NothingToDo": "of the command",
    "integration.stages.planning.hearing.Unanswered": "the desk asks, and plans anew",
    "integration.stages.planning.hearing.Unreadable": "becomes a finding",
    "integration.upgrades.NoWayBack": "of the command",
    "integration.trackers.TrackerError": "only its kinds are raised",
    "integration.trackers.deliveries.Malformed": "of the web",
    "integration.trackers.deliveries.Misfit": "of the web",
    "integration.trackers.deliveries.Unsigned": "of the web",
    "integration.trackers.github_wire._Elsewhere": "becomes one of the kinds",
    "integration.health.command.NoSuchRule": "of a command",
    "integration.memory.what_ifs.Full": "of the web",
    "integration.seed.seeding.NotEmpty": "of a command",
    "integration.stages.planning.hearing._TooEarly": "is caught where it is raised",
    "integration.web.entrance.identity.Unreadable": "of the web",
    "integration.web.entrance.identity.Withdrawn": "of the web",
    "integration.web.receiving.Declined": "of the web",
    "integration.web.together.Unkept": "of the web",
    "workers.pool.NotOffered": "no job of ours: RQ keeps it, and `failed` lists it",
}


@pytest.mark.parametrize(("error", "kind", "step"), FATES, ids=lambda one: type(one).__name__)
def test_each_error_has_its_fate(error: Exception, kind: Kind, step: str) -> None:
    told = fate(error)
    assert told.kind is kind
    assert step in told.step
    assert bool(told.step) is (kind is Kind.ADMIN), "the admin gets a fix, nobody else"


def modules(package: ModuleType) -> Iterator[str]:
    """All that can be imported without anything being started."""
    begins = ("integration.sandbox", "integration.memory.migrations", "integration.web.wsgi")
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not one.name.startswith(begins):
            yield one.name


def kinds_of(base: type[BaseException]) -> Iterator[type[BaseException]]:
    for one in base.__subclasses__():
        yield one
        yield from kinds_of(one)


def test_no_class_of_error_in_the_house_is_without_a_fate() -> None:
    for name in (*modules(integration), *modules(workers)):
        importlib.import_module(name)
    named = {f"{one.__module__}.{one.__qualname__}": one for one in kinds_of(BaseException)}
    ours = {
        name for name in named
        if name.startswith(("integration.", "workers.")) and not name.startswith("integration.sandbox.")
    }  # fmt: skip
    with_a_fate = {f"{type(one).__module__}.{type(one).__qualname__}" for one, _, _ in FATES}
    assert ours - with_a_fate - set(NEVER_IN_A_JOB) == set(), "give it a fate, and a line in FATES"
    assert set(NEVER_IN_A_JOB) - ours == set(), "it is gone: take it out here"
    assert written.Faulty is Faulty


def test_of_an_error_that_is_not_ours_only_class_and_place_are_told() -> None:
    assert fate(made(KeyError, "hunter2")).reason == "KeyError outside of the house"
    with pytest.raises(TypeError) as wrong:
        again(FATE[Kind.LATER], 1, "hunter2")  # type: ignore[arg-type]
    assert re.fullmatch(r"TypeError in workers\.failing\.again, line \d+", fate(wrong.value).reason)


# --- when it is tried again -------------------------------------------------------------------------------------------

FATE = {kind: Fate(kind, "why", OURS if kind is Kind.ADMIN else "") for kind in Kind}


@given(tries=st.integers(1, 10_000), kind=st.sampled_from([Kind.LATER, Kind.PEOPLE, Kind.ADMIN]))
def test_it_waits_longer_from_try_to_try_and_never_longer_than_an_hour(tries: int, kind: Kind) -> None:
    waits = again(FATE[kind], tries, NOON) - NOON
    longest = min(15 * SECOND * 2 ** min(tries - 1, 20), HOUR)
    assert longest / 2 <= waits <= longest


def test_what_only_people_can_mend_is_tried_after_an_hour_and_then_once_a_day() -> None:
    known, waits = None, []
    for _ in range(4):
        known = follow(fate(made(Locked, "the conversation is locked")), known, APP, NOON)
        assert known.next_try
        waits.append(known.next_try - NOON)
    assert waits == [HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]


@given(tries=st.integers(1, 100), seconds=st.integers(-60, 90_000))
def test_it_is_never_tried_before_the_tracker_said_and_then_soon(tries: int, seconds: int) -> None:
    asked = Fate(Kind.LATER, "wait", not_before=NOON + seconds * SECOND)
    at = again(asked, tries, NOON)
    assert at >= NOON + seconds * SECOND
    assert NOON < at <= max(NOON + 60 * SECOND, NOON + (seconds + 5) * SECOND)


def test_two_that_were_told_to_come_back_in_the_same_moment_do_not() -> None:
    asked = Fate(Kind.LATER, "wait", not_before=NOON + HOUR)
    assert len({again(asked, 1, NOON) for _ in range(20)}) > 10


TRIED = st.tuples(
    st.sampled_from(
        [*FATE.values(), fate(made(Overtaken, "x")), fate(made(HeldBack, "x", "sweep")), fate(made(Gone, "x"))]
    ),
    st.integers(0, 7200),
)


@given(st.lists(TRIED, min_size=1, max_size=30))
def test_however_it_goes_on_the_failure_adds_up(history: list[tuple[Fate, int]]) -> None:
    known: Failure | None = None
    now, since = NOON, NOON
    for told, seconds in history:
        now += seconds * SECOND
        if known is None or known.state is State.DROPPED:
            since, known = now, None
        before, known = known, follow(told, known, APP, now)
        assert known.tries == (before.tries if before else 0) + 1
        assert (known.since, known.last_try, known.kind, known.reason) == (since, now, told.kind, told.reason)
        assert (known.next_try is None) is (known.state is not State.RETRYING)
        assert (known.state is State.DROPPED) is (told.kind is Kind.DROP)
        if known.state is State.DEAD:
            assert known.strikes >= DEAD_AFTER
            assert now - since >= AND_AFTER


def test_what_only_the_admin_can_mend_is_dead_after_eight_tries_by_the_law_of_the_backoff() -> None:
    now, known = NOON, None
    for number in range(1, 9):
        known = follow(FATE[Kind.ADMIN], known, APP, now)
        assert known.state is (State.DEAD if number == 8 else State.RETRYING)
        now = known.next_try or now
    assert now - NOON < HOUR


def test_a_storm_of_hints_alone_buries_nothing() -> None:
    known = None
    for second in range(100):
        known = follow(FATE[Kind.ADMIN], known, APP, NOON + second * SECOND)
    assert known
    assert known.state is State.RETRYING


@pytest.mark.parametrize("kind", [Kind.LATER, Kind.PEOPLE])
def test_what_time_or_people_can_mend_is_tried_for_ever(kind: Kind) -> None:
    known = None
    for hour in range(1000):
        known = follow(FATE[kind], known, APP, NOON + hour * HOUR)
    assert known
    assert (known.state, known.tries) == (State.RETRYING, 1000)


def test_the_last_of_many_failures_does_not_bury_what_only_time_had_to_mend() -> None:
    known = None
    for hour in range(20):
        known = follow(FATE[Kind.LATER], known, APP, NOON + hour * HOUR)
    known = follow(FATE[Kind.ADMIN], known, APP, NOON + 21 * HOUR)
    assert (known.state, known.strikes, known.since) == (State.RETRYING, 1, NOON)


def test_what_changed_under_our_hands_is_looked_at_anew_at_once_three_times_and_then_as_rarely_as_anything() -> None:
    known, waits = None, []
    for _ in range(5):
        known = follow(fate(made(Overtaken, "another run has written")), known, APP, NOON)
        assert known.next_try
        waits.append(known.next_try - NOON)
    assert waits[:3] == [5 * SECOND] * 3
    assert waits[3] >= 60 * SECOND


def test_what_was_dropped_begins_anew_when_it_is_tried_and_fails_again() -> None:
    first = follow(FATE[Kind.DROP], None, APP, NOON)
    assert (first.state, first.because, first.next_try) == (State.DROPPED, "why", None)
    second = follow(FATE[Kind.LATER], first, APP, NOON + HOUR)
    assert (second.state, second.because, second.since, second.tries) == (State.RETRYING, "", NOON + HOUR, 1)


def test_a_job_that_cannot_even_begin_is_nothing_that_rq_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "a pony")
    with structlog.testing.capture_logs() as logs:
        jobs.reconcile("acme/app#12")
    (said,) = [one for one in logs if one["event"] == "a job could not begin; it is tried again"]
    assert (said["ref"], said["log_level"]) == ("acme/app#12", "error")
    assert "PORT" in said["reason"]
    assert "environment" in said["fix"]
