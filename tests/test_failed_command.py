"""`release-stages failed`: what people and machines read of what went wrong, and what the admin can do about it."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from integration.cli import main
from integration.failed import named, next_step
from integration.memory.breaker import MOST
from integration.memory.failures import Failure, Kind, State
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.model import Ref
from integration.web.app import create_app
from integration.web.readiness import Readiness
from integration.web.standing import PARTS

APP, OTHER, MOBILE = Ref.parse("acme/app#12"), Ref.parse("acme/other#3"), Ref.parse("eu/APP-7")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
AWAY = Failure(APP, Kind.LATER, State.RETRYING, "GitHub failed (HTTP 502)", NOON, NOON, 4, 0, NOON + HOUR)
DEAD = Failure(
    MOBILE, Kind.ADMIN, State.DEAD, "Jira does not accept our sign-in", NOON + HOUR, NOON + HOUR, 8, 8,
    step="renew JIRA_API_TOKEN; then: release-stages failed retry REF",
)  # fmt: skip
HELD = replace(AWAY, ref=OTHER, kind=Kind.ADMIN, reason="held", step="then: release-stages failed release sweep")

Ask = Callable[..., Result]


@pytest.fixture
def environ(tmp_path: Path, redis_url: str, ledger_file: Path) -> dict[str, str]:
    return {
        "DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "DATABASE_URL": f"sqlite:///{ledger_file}",
        "GITHUB_TOKEN": "a token of nobody", "GITHUB_WEBHOOK_SECRETS": "of the webhook",
    }  # fmt: skip


@pytest.fixture
def ask(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **changed: CliRunner().invoke(main, ["failed", *arguments], env=environ | changed)


@pytest.fixture
def ledger(environ: dict[str, str]) -> Ledger:
    return Ledger.open(environ["DATABASE_URL"])


@pytest.fixture
def inbox(redis_client: redis.Redis) -> Inbox:
    return Inbox(redis_client)


def keep(ledger: Ledger, *failures: Failure) -> None:
    for one in failures:
        ledger.failures.keep(one)


def test_where_nothing_has_failed_it_says_so_with_code_0(ask: Ask) -> None:
    told = ask()
    assert (told.exit_code, told.output) == (0, "Nothing has failed.\n")


def test_people_read_a_table_with_reason_and_next_step_below_each_row_and_code_1(ask: Ask, ledger: Ledger) -> None:
    keep(ledger, AWAY, DEAD)
    told = ask()
    assert told.exit_code == 1
    assert re.sub(r" +", " ", told.output).splitlines() == [
        "WHAT STATE SINCE TRIES NEXT TRY",
        "acme/app#12 retrying 2026-03-02 12:00:00Z 4 2026-03-02 13:00:00Z",
        " GitHub failed (HTTP 502)",
        " next: nothing; it is tried again by itself",
        "jira:eu/APP-7 dead 2026-03-02 13:00:00Z 8 when it is asked for",
        " Jira does not accept our sign-in",
        " next: renew JIRA_API_TOKEN; then: release-stages failed retry jira:eu/APP-7",
    ]
    assert len({line.index("2026") for line in told.output.splitlines() if "2026" in line}) == 1, "in columns"


def test_machines_read_the_same(ask: Ask, ledger: Ledger) -> None:
    keep(ledger, DEAD)
    told = ask("--json")
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert set(found) == {"failures", "held", "jobs", "away"}
    (one,) = found["failures"]
    assert (one["ref"], one["state"], one["since"]) == ("jira:eu/APP-7", "dead", "2026-03-02T13:00:00+00:00")
    assert one["next_step"] == next_step(DEAD)
    assert one["next_try"] is None


def test_retry_makes_it_a_hint_and_gives_it_all_its_tries_anew(ask: Ask, ledger: Ledger, inbox: Inbox) -> None:
    keep(ledger, DEAD)
    told = ask("retry", "eu/APP-7")
    assert (told.exit_code, told.output) == (0, "1 to be tried again: jira:eu/APP-7\n")
    assert inbox.begin(MOBILE)
    known = ledger.failures.of(MOBILE)
    assert known
    assert (known.state, known.strikes) == (State.RETRYING, 0)


def test_retry_all_wakes_what_is_open_and_leaves_what_was_dropped(ask: Ask, ledger: Ledger, inbox: Inbox) -> None:
    keep(ledger, AWAY, DEAD, replace(AWAY, ref=OTHER, state=State.DROPPED))
    assert ask("retry", "all").output.startswith("2 to be tried again")
    assert [inbox.begin(ref) is not None for ref in (APP, MOBILE, OTHER)] == [True, True, False]


def test_retry_all_with_nothing_open_says_so(ask: Ask) -> None:
    assert ask("retry", "all").output == "Nothing is open.\n"


def test_drop_keeps_who_and_why_and_takes_the_hint_out_of_the_inbox(ask: Ask, ledger: Ledger, inbox: Inbox) -> None:
    keep(ledger, AWAY)
    inbox.hint(APP)
    told = ask("drop", "acme/app#12", "--because", "the repository is archived")
    assert (told.exit_code, told.output) == (0, "acme/app#12 is dropped.\n")
    assert inbox.depth() == 0
    listed = ask()
    assert listed.exit_code == 0, "nothing is open"
    assert f"dropped by {getpass.getuser()}: the repository is archived" in listed.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("retry", "acme/app#99"), "nothing is known to have failed for 'acme/app#99'"),
        (("retry", "the blue one"), "nothing is known to have failed for 'the blue one'"),
        (("drop", "acme/app#99", "--because", "x"), "release-stages failed lists what has"),
        (("release", "sweep"), "'sweep' is not held; held is: nothing"),
    ],
)
def test_what_is_not_known_is_one_message_and_code_2(ask: Ask, arguments: tuple[str, ...], says: str) -> None:
    told = ask(*arguments)
    assert told.exit_code == 2
    assert says in told.output
    assert "Traceback" not in told.output


def test_drop_wants_to_know_why(ask: Ask, ledger: Ledger) -> None:
    keep(ledger, AWAY)
    told = ask("drop", "acme/app#12")
    assert told.exit_code == 2
    assert "--because" in told.output
    assert ledger.failures.of(APP) == AWAY


def test_what_the_breaker_holds_is_listed_and_goes_on_when_it_is_released(
    ask: Ask, ledger: Ledger, inbox: Inbox
) -> None:
    keep(ledger, HELD)
    while inbox.breaker.let("sweep", datetime.now(UTC)):
        pass
    told = ask()
    assert told.exit_code == 1
    assert "held: 'sweep' since 2" in told.output
    assert f"after {MOST} acts" in told.output
    assert [one["cause"] for one in json.loads(ask("--json").output)["held"]] == ["sweep"]
    assert ask("release", "sweep").output == "'sweep' goes on, with 1 that waited for it.\n"
    run = inbox.begin(OTHER)
    assert run
    assert run.cause == "sweep", "what it does is counted all the same"
    assert not inbox.breaker.held()


def test_a_job_that_is_none_of_ours_is_listed_and_can_be_taken_out(ask: Ask, inbox: Inbox) -> None:
    job = inbox.queue.enqueue("os.getpid")
    inbox.queue.failed_job_registry.add(job, ttl=60)
    told = ask()
    assert told.exit_code == 1
    assert f"job {job.id}: os.getpid" in told.output
    assert ask("drop", job.id, "--because", "who was that?").exit_code == 0
    assert ask().exit_code == 0


def test_without_redis_what_failed_is_listed_all_the_same(ask: Ask, ledger: Ledger) -> None:
    keep(ledger, AWAY)
    told = ask(REDIS_URL="redis://127.0.0.1:1")
    assert told.exit_code == 1
    assert "GitHub failed" in told.output
    assert "see to Redis" in told.output
    refused = ask("retry", "acme/app#12", REDIS_URL="redis://127.0.0.1:1")
    assert refused.exit_code == 2
    assert "Redis does not take it" in refused.output


def test_without_the_ledger_it_is_one_message_and_code_2(ask: Ask) -> None:
    told = ask(DATABASE_URL="postgresql://somebody:hunter2@127.0.0.1:1/ledger")
    assert told.exit_code == 2
    assert "the ledger (postgresql) does not answer" in told.output
    assert "hunter2" not in told.output


@pytest.mark.parametrize(
    "ref", ["acme/app#12", "APP-7", "jira:eu/APP-7", "party:support", "acme/app#0", "additions:acme/app"]
)
def test_each_is_named_so_that_it_is_found_again(ref: str) -> None:
    assert Ref.parse(named(Ref.parse(ref))) == Ref.parse(ref)
    assert named(Ref.parse(ref)) == ref


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (AWAY, "nothing; it is tried again by itself"),
        (replace(AWAY, kind=Kind.PEOPLE), "somebody of the issue sees to that; it is tried once a day"),
        (replace(DEAD, ref=APP), "renew JIRA_API_TOKEN; then: release-stages failed retry acme/app#12"),
        (replace(AWAY, state=State.DROPPED, because="gone", reason="gone"), "nothing; dropped"),
        (replace(AWAY, state=State.DROPPED, dropped_by="sam", because="x"), "nothing; dropped by sam: x"),
    ],
)
def test_each_has_one_next_step(failure: Failure, step: str) -> None:
    assert next_step(failure).partition(", and")[0] == step


# --- the first page ---------------------------------------------------------------------------------------------------


def test_the_first_page_says_how_much_failed_and_not_why_and_is_ready_all_the_same(
    environ: dict[str, str], ledger: Ledger, inbox: Inbox
) -> None:
    settings = Settings.read({**environ, "SIGN_IN": "open"})
    ready = Readiness(settings)
    assert "failing" not in ready()
    keep(ledger, AWAY, DEAD, replace(AWAY, ref=OTHER, state=State.DROPPED))
    shown = create_app(settings, inbox, ready).test_client().get("/status").text
    assert "2 issues could not be seen to (1 not tried again by itself), the first since 2026-03-02 12:00Z" in shown
    assert "release-stages failed" in shown
    assert AWAY.reason not in shown
    assert DEAD.reason not in shown
    assert set(create_app(settings, inbox, ready).test_client().get("/readyz").json or {}) == set(PARTS)
