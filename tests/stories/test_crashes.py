"""A worker that is killed between any say and any do: the next one finishes it, and nothing is said twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from redis import Redis

from integration.sandbox.github import Event
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from integration.sandbox.world import Fault
from tests.stories.house import House, OnGitHub, OnJira, Team
from tests.whole import WHOLE
from workers.pool import NAME

SEEN = """
  - id: support-before-public
    entering: public
    require: [{acknowledged: {party: support}}]
    level: block
    effective: 2026-01-01
    because: Support answers our customers; they must know first.
"""
TOLD = "\n  - {entering: public, parties: [growth], level: post, effective: 2026-01-01}"

GITHUB = {
    "the block comment": r"^POST .*/issues/\d+/comments$",
    "the label off": r"^DELETE .*/issues/\d+/labels/",
    "the label on": r"^POST .*/issues/\d+/labels$",
}
JIRA = {
    "the block comment": r"^POST .*/comment$",
    "the transition back": r"^POST .*/transitions$",
    "the transition forward": r"^POST .*/transitions$",
}
DEATHS = [
    pytest.param(kind, pattern, step, when, id=f"{kind.ref_tracker}, {when} {step}")
    for number, (kind, patterns) in enumerate(((OnGitHub, GITHUB), (OnJira, JIRA)))
    for step, pattern in patterns.items()
    for when in (("before", "after") if WHOLE else (("after", "before")[number],))
]
"""By `make test` before each request on the one tracker, and after each on the other; by `make drill` all of them."""


class Worker:
    """The real worker process, which can be killed with all its children at a request of its own."""

    def __init__(self, house: House) -> None:
        settings = house.settings
        assert settings.github
        environment = {
            "PATH": os.environ["PATH"],
            "SANDBOX": "0",
            "WORKERS": "1",
            "DATA_DIR": str(settings.data_dir),
            "MAPPINGS": str(settings.mappings),
            "REDIS_URL": settings.redis_url,
            "DATABASE_URL": settings.database_url,
            "MARKER_KEY": settings.marker_key.decode(),
            "GITHUB_API_URL": settings.github.api_url,
            "GITHUB_TOKEN": SERVICE_TOKEN,
            "GITHUB_WEBHOOK_SECRETS": "new",
            "JIRA_URL": settings.jira[0].url,
            "JIRA_EMAIL": SERVICE_EMAIL,
            "JIRA_API_TOKEN": SERVICE_TOKEN,
            "JIRA_WEBHOOK_SECRETS": "js",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers", "worker"], env=environment, start_new_session=True
        )

    def die(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)

    def wait_for_death(self, redis: Redis) -> None:
        """Of all its processes: until the last is gone, Redis may still give a job to one that listened."""
        assert self.process.wait(40) == -signal.SIGKILL
        deadline = time.monotonic() + 20
        while any(one["name"] == NAME for one in redis.client_list()):
            assert time.monotonic() < deadline, "a killed worker still listens"
            time.sleep(0.01)


@pytest.fixture
def start(house: House) -> Iterator[Callable[[], Worker]]:
    started: list[Worker] = []

    def begin() -> Worker:
        started.append(Worker(house))
        return started[-1]

    yield begin
    for worker in started:
        if worker.process.poll() is None:
            worker.die()
            worker.process.wait(10)


def kill_at(worker: Worker, house: House, pattern: str, when: str) -> None:
    """Killed before the request takes effect, or after it did and before the answer is there."""
    if when == "before":
        house.world.faults.add(Fault(pattern, "call", call=worker.die))
        house.world.faults.add(Fault(pattern, "before", status=502))
    else:
        house.world.faults.add(Fault(pattern, "call", call=worker.die, when="after"))


def lease_runs_out(house: House) -> None:
    redis = Redis.from_url(house.settings.redis_url)
    for key in redis.scan_iter("release-stages:lock:*"):
        redis.delete(key)


def real_time(house: House) -> None:
    """The killed process lives in the world's time, so this story does, too."""
    house.traveller.move_to(_real_now())


def _real_now() -> float:
    return float(subprocess.run(["date", "+%s.%N"], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize(("kind", "pattern", "step", "when"), DEATHS)
def test_a_worker_that_is_killed_at_any_step_leaves_nothing_undone_and_nothing_said_twice(
    house: House, start: Callable[[], Worker], kind: type[Team], pattern: str, step: str, when: str
) -> None:
    real_time(house)
    house.restart(database_url=f"sqlite:///{house.settings.data_dir / 'crash.db'}")
    house.put_in_force(SEEN, notify=TOLD)
    house.settle()
    team = kind(house)
    team.open("beta")
    team.settle()
    team.later(seconds=2)
    forward = step in ("the label on", "the transition forward")
    if forward:
        team.ask_for("public")
        team.write("/stage ack", by="sam")
    else:
        team.move("public")
    assert house.world.hooks.idle(20)

    worker = start()
    kill_at(worker, house, pattern, when)
    worker.wait_for_death(Redis.from_url(house.settings.redis_url))
    house.world.faults.clear()
    lease_runs_out(house)
    team.later(minutes=3)
    if not forward:
        assert team.stage == "beta"
        assert team.verdicts[-1] == ("beta", "public", "blocked")
        team.write("/stage ack", by="sam")
        team.settle()
    team.later(minutes=3)

    assert team.stage == "public"
    assert team.verdicts[-1] == ("beta", "public", "admitted")
    assert len([one for one in team.told if "needs Support first" in one.body]) == 1
    assert len([one for one in team.told if team.growth <= one.mentions]) == 1
    assert team.living
    assert house.inbox.depth() == 0


@pytest.mark.parametrize("status", [0, 502], ids=["connection lost", "502"])
def test_a_comment_that_landed_though_its_answer_was_lost_is_not_posted_again(team: Team, status: int) -> None:
    team.stand_in("beta")
    told = len(team.told)
    team.world.faults.add(Fault(r"^POST .*/comments?$", "after", status=status))

    team.ask_for("public")
    assert len(team.told) == told + 1
    team.later(minutes=2)
    team.later(minutes=2)

    assert team.stage == "beta"
    assert len(team.told) == told + 1


def test_a_comment_that_never_landed_is_posted_after_a_minute(team: Team) -> None:
    team.stand_in("beta")
    told = len(team.told)
    team.world.faults.add(Fault(r"^POST .*/comments?$", "before", status=502))

    team.ask_for("public")
    assert len(team.told) == told
    assert "public" in team.stages, "say comes before do"
    team.later(minutes=2)
    team.later(minutes=2)

    assert len(team.told) == told + 1
    assert team.stage == "beta"


def test_a_rate_limit_puts_the_job_off_and_sleeps_in_nothing(team: Team) -> None:
    team.stand_in("beta")
    team.world.faults.add(Fault(r"^GET .*/issue", "rate_limit", seconds=600, times=1))

    team.move("public")
    begun = time.monotonic()
    team.settle()
    assert time.monotonic() - begun < 10
    assert "public" in team.stages
    team.later(minutes=9)
    assert "public" in team.stages, "not before the tracker said"
    team.later(minutes=2)

    assert team.stage == "beta"


def test_a_person_who_moves_the_issue_between_our_say_and_our_do_is_not_overruled(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")

    def meanwhile() -> None:
        team.take_off("public", by="erin")

    house.world.faults.add(Fault(r"^POST .*/issues/\d+/comments$", "call", call=meanwhile, when="after"))
    team.ask_for("public")
    team.later(minutes=10)

    assert team.stage == "beta"
    assert team.remembered.attempt is None, "erin has taken it back herself"
    history = house.world.github.issue("acme/app", team.number).timeline
    assert [one.by for one in history if isinstance(one, Event) and one.event == "unlabeled"] == ["erin"]


@pytest.mark.parametrize("fault", ["lost and swept", "doubled", "held and reversed"])
def test_lost_doubled_and_swapped_deliveries_change_nothing_in_the_end(team: Team, fault: str) -> None:
    team.stand_in("beta")
    told = len(team.told)
    hooks = team.world.hooks

    if fault == "lost and swept":
        hooks.drop_next(1)
        team.ask_for("public")
        team.write("any comment is as good a hint", by="evan")
    elif fault == "doubled":
        hooks.double_next(4)
        team.move("public")
    else:
        hooks.hold()
        team.move("public")
        team.write("now public", by="erin")
        hooks.release(order="reversed")
    team.settle()

    assert team.stage == "beta"
    assert len(team.told) == told + 1
    assert team.verdicts[-1] == ("beta", "public", "blocked")


def test_a_hint_that_is_ahead_of_the_tracker_is_waited_for_a_minute_and_not_for_ever(in_beta: Team) -> None:
    in_beta.world.hooks.drop_next(1)
    in_beta.move("public")
    in_beta.house.inbox.hint(in_beta.ref, in_beta.house.now() + timedelta(hours=1))
    in_beta.settle()
    assert in_beta.verdicts[-1] == (None, "beta", "admitted"), "what we read is older than what we were told"
    in_beta.later(seconds=30)
    assert in_beta.verdicts[-1] == (None, "beta", "admitted")
    in_beta.later(seconds=40)

    assert in_beta.verdicts[-1] == ("beta", "public", "blocked")
    assert in_beta.stage == "beta"
    in_beta.later(seconds=70)  # what our own acts have hinted at since waits its minute, too
    assert in_beta.house.inbox.depth() == 0


def test_a_worker_whose_lease_is_over_begins_nothing_more_and_the_next_one_goes_on(in_beta: Team) -> None:
    told = len(in_beta.told)
    over = Fault(r"^POST .*/comments?$", "call", call=lambda: lease_runs_out(in_beta.house), when="after")
    in_beta.world.faults.add(over)
    in_beta.move("public")
    in_beta.settle()
    in_beta.later(minutes=2)
    in_beta.later(minutes=2)

    assert in_beta.stage == "beta"
    assert len(in_beta.told) == told + 1
    assert in_beta.house.inbox.depth() == 0
