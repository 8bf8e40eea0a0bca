"""What never arrived is fetched: failed deliveries are asked for again, and the sweep finds what no delivery told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from integration.memory import breaker
from integration.memory.failures import State
from integration.memory.rounds import Standing
from integration.sandbox import hooks
from integration.sandbox.people import ORG
from integration.sandbox.world import FOR_EVER, Fault
from integration.settings import GitHubSettings
from integration.stages.model import Ref
from tests.stories.house import House, OnGitHub, OnJira, Team
from workers import clock, jobs, sweep

LISTS = r"^GET .*/(issues|search/jql|deliveries)$"


@dataclass
class Rounds:
    """A house whose clock makes rounds; `away` is an outage of its web."""

    house: House
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.house.world.hooks.retry_pause = 0.01
        self.be_told_by(ORG)

    def be_told_by(self, place: str, public: bool = True) -> None:
        """GitHub's webhook belongs to this organisation or repository, or (empty) to our App."""
        registered = self.house.world.hooks._hooks
        was = next(one for one in registered if one.style == "github")
        registered[registered.index(was)] = replace(was, place=place)
        self.house.restart(public_url=was.url.removesuffix("/webhooks/github") if public else "")

    @contextmanager
    def away(self, **how_long: float) -> Iterator[None]:
        """Nobody answers at our address; only the workers and the clock go on."""
        with self.monkeypatch.context() as patch:
            patch.setattr(hooks, "_post", lambda delivery: 0)
            yield
            assert self.house.world.hooks.idle(20)
            self.house.later(**how_long or {"hours": 1})

    @contextmanager
    def untold(self) -> Iterator[None]:
        """The trackers do not even try to tell of what happens."""
        with self.monkeypatch.context() as patch:
            patch.setattr(self.house.world.hooks, "send", lambda *args, **kwargs: None)
            yield

    def go(self) -> None:
        """Time has come for the rounds that are due; they do their work, and what they find is worked off."""
        for _ in range(30):
            clock.hint_at_rounds(self.house.inbox, self.house.desk.ledger, self.house.settings, self.house.now())
            self.house.settle()
            if not any(one.under_way and not one.again_at for one in self.house.desk.ledger.rounds.stand()):
                return
            self.house.traveller.shift(30)
        raise AssertionError(self.house.desk.ledger.rounds.stand())

    def of(self, name: str) -> Standing:
        return self.house.desk.ledger.rounds.of(name)

    @property
    def asked_for(self) -> int:
        """How many deliveries GitHub was asked for once more."""
        return sum(one.again for one in self.house.world.hooks.deliveries)


@pytest.fixture
def rounds(house: House, monkeypatch: pytest.MonkeyPatch) -> Rounds:
    made = Rounds(house, monkeypatch)
    for name in ("catch-up:github", "sweep:github", "full-sweep:github", "sweep:jira/main", "full-sweep:jira/main"):
        house.desk.ledger.rounds.begin(name, [], house.now())  # the first ones are over; there was nothing yet
        house.desk.ledger.rounds.finish(name, house.now())
    house.later(minutes=6)
    return made


def blocked_once(team: Team) -> bool:
    """It was put back to Beta, and said so once."""
    return team.stage == "beta" and len([one for one in team.told if "needs Support first" in one.body]) == 1


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


# --- an hour away -----------------------------------------------------------------------------------------------------


def test_what_people_did_while_the_web_was_down_ends_as_the_rules_want_it_on_both_trackers(rounds: Rounds) -> None:
    teams: tuple[Team, ...] = (OnGitHub(rounds.house), OnJira(rounds.house), OnGitHub(rounds.house))
    for team in teams:
        team.stand_in("beta")
    with rounds.away(hours=1):
        for team in teams:
            team.move("public")
        teams[2].write("/stage hold we are not ready", by="sam")
    assert [team.verdicts[-1] for team in teams] == [(None, "beta", "admitted")] * 3, "nobody has told us"

    rounds.go()
    rounds.house.later(minutes=2)

    assert all(blocked_once(team) for team in teams)
    assert all(team.verdicts[-1] == ("beta", "public", "blocked") for team in teams)
    assert rounds.asked_for > 0
    assert rounds.house.inbox.depth() == 0


@pytest.mark.parametrize("place", ["", ORG, "acme/app"], ids=["the App's", "the organisation's", "the repository's"])
def test_each_kind_of_webhook_is_asked_for_what_failed_once(rounds: Rounds, place: str, private_key: str) -> None:
    github = rounds.house.settings.github
    assert github
    if not place:
        app = GitHubSettings(github.api_url, app_id="1", app_private_key=private_key, webhook_secrets=("new",))
        rounds.house.restart(github=app)
    rounds.be_told_by(place, public=bool(place))
    team = OnGitHub(rounds.house)
    team.stand_in("beta")
    with rounds.away(minutes=20):
        team.move("public")
    with_sweep, sweep.EVERY[sweep.LIGHT] = sweep.EVERY[sweep.LIGHT], sweep.EVERY[sweep.FULL]
    try:
        rounds.go()
        rounds.house.later(minutes=1)
    finally:
        sweep.EVERY[sweep.LIGHT] = with_sweep

    assert blocked_once(team)
    failed = {one.guid for one in rounds.house.world.hooks.deliveries if one.status == 0}
    assert rounds.asked_for == len(failed) > 0
    for _ in range(3):
        rounds.house.later(minutes=6)
        rounds.go()
    assert rounds.asked_for == len(failed), "what arrived is not asked for again"
    assert rounds.of("catch-up:github").hindrance == ""


def test_while_we_are_still_away_one_delivery_is_asked_for_and_not_all(rounds: Rounds) -> None:
    team = OnGitHub(rounds.house)
    team.stand_in("beta")
    with rounds.away(minutes=6):
        for number in range(9):
            team.write(f"thought {number}", by="erin")
        rounds.go()
        probed = rounds.asked_for
        assert 1 <= probed <= 2
    rounds.go()

    arrived = {one.guid for one in rounds.house.world.hooks.deliveries if one.status == 202}
    assert {one.guid for one in rounds.house.world.hooks.deliveries if one.hook.style == "github"} <= arrived


# --- never attempted --------------------------------------------------------------------------------------------------


def test_what_the_tracker_never_tried_to_tell_is_found_by_the_sweep(team: Team, rounds: Rounds) -> None:
    team.stand_in("beta")
    another = type(team)(rounds.house)
    deliveries = len(rounds.house.world.hooks.deliveries)
    with rounds.untold():
        team.move("public")
        another.open("beta", "Nobody told us of this one")
    assert len(rounds.house.world.hooks.deliveries) == deliveries
    rounds.house.later(minutes=6)
    rounds.go()
    rounds.house.later(minutes=2)

    assert blocked_once(team)
    assert another.verdicts == [(None, "beta", "admitted")]


def test_a_sweep_over_what_we_know_already_looks_at_nothing_again(team: Team, rounds: Rounds) -> None:
    team.stand_in("beta")
    team.ask_for("public")
    rounds.house.later(minutes=6)
    rounds.go()
    rounds.house.later(minutes=6)
    checked = rounds.house.desk.ledger.rounds.known([team.ref])[team.ref].checked_at
    rounds.house.later(minutes=6)
    rounds.go()

    name = f"sweep:{'github' if team.ref_tracker == 'github' else 'jira/main'}"
    assert (rounds.of(name).looked > 0, rounds.of(name).found) == (True, 0)
    assert rounds.house.desk.ledger.rounds.known([team.ref])[team.ref].checked_at == checked
    assert rounds.of(name).hindrance == ""


def test_an_issue_that_was_deleted_without_a_word_is_noticed_by_the_full_sweep_and_rests(
    team: Team, rounds: Rounds
) -> None:
    team.stand_in("beta")
    with rounds.untold():
        if isinstance(team, OnGitHub):
            team.world.github.delete_issue(team.repo, team.number, "rhea")
        else:
            team.world.jira.delete_issue(str(team.ref.key))
    rounds.house.later(hours=1)
    rounds.go()
    assert not team.remembered.frozen, "no list of what has changed can show it"

    rounds.house.later(days=1)
    rounds.go()

    ledger = rounds.house.desk.ledger
    assert team.remembered.frozen
    known = ledger.failures.of(team.ref)
    assert known
    assert (known.state, "the issue is gone" in known.reason) == (State.DROPPED, True)
    seen = ledger.read(team.ref).seq
    rounds.house.later(days=1)
    rounds.go()
    assert ledger.read(team.ref).seq == seen


def test_an_issue_that_was_moved_without_a_word_is_noticed_by_the_full_sweep_and_keeps_its_record(
    team: Team, rounds: Rounds
) -> None:
    team.stand_in("beta")
    told, was = len(team.told), team.ref
    with rounds.untold():
        if isinstance(team, OnGitHub):
            team.number = team.world.github.transfer(team.repo, team.number, "acme/web", "erin").number
            team.repo = "acme/web"
            team.ref = team.ref_of(team.number)
        elif isinstance(team, OnJira):
            team.key = team.world.jira.move_issue(team.key, "ONE")
            team.ref = Ref.parse(team.key)
    rounds.house.later(days=1)
    rounds.go()

    assert str(was) in team.remembered.former
    assert rounds.house.desk.ledger.verify(team.ref) is None
    assert len(team.told) == told, "nobody is told anything twice"


def test_a_comment_on_an_issue_that_others_wait_for_is_not_lost_for_them(rounds: Rounds) -> None:
    no_bugs = """
  - {id: no-bugs, entering: public, require: [no_open: {}], level: block, effective: 2026-01-01}
"""
    rounds.house.put_in_force(no_bugs)
    team, bug = OnGitHub(rounds.house), OnGitHub(rounds.house)
    team.stand_in("beta")
    bug.open(title="It crashes")
    rounds.house.world.github.add_sub_issue("acme/app", team.number, bug.number, "erin")
    team.ask_for("public")
    rounds.house.later(minutes=10)
    assert team.stage == "beta"
    with rounds.untold():
        rounds.house.world.github.close("acme/app", bug.number, "erin")
    rounds.house.later(minutes=6)
    rounds.go()
    rounds.house.later(minutes=2)

    assert team.stage == "public"


def test_what_a_sweep_brings_about_through_another_issue_is_counted_as_the_sweeps(rounds: Rounds) -> None:
    rounds.house.put_in_force(
        "\n  - {id: no-bugs, entering: public, require: [no_open: {}], level: block, effective: 2026-01-01}\n"
    )
    team, bug = OnGitHub(rounds.house), OnGitHub(rounds.house)
    team.stand_in("beta")
    bug.open(title="It crashes")
    rounds.house.world.github.add_sub_issue("acme/app", team.number, bug.number, "erin")
    team.ask_for("public")
    rounds.house.inbox.hint(bug.ref, watermark=rounds.house.now(), cause="sweep")
    run = rounds.house.inbox.begin(bug.ref)
    assert run
    jobs._work(rounds.house.desk, rounds.house.inbox, run)
    rounds.house.inbox.finish(run)
    waiting = rounds.house.inbox.begin(team.ref)
    assert waiting and waiting.cause == "sweep"


# --- the first day, and floods ----------------------------------------------------------------------------------------


def test_a_first_install_takes_up_old_issues_and_posts_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, old = Rounds(house, monkeypatch), list[Team]()
    with rounds.untold():
        for kind in (OnGitHub, OnJira) * 3:
            team = kind(house)
            team.open("public" if len(old) % 3 else "beta")
            old.append(team)
    house.traveller.shift(3600)
    house.lose_the_ledger()  # an install over issues that are older than it
    rounds.go()
    house.later(hours=2)
    rounds.go()

    assert [team.said for team in old] == [[]] * len(old)
    assert all(team.verdicts[-1][2] == "adopted" for team in old)


def test_more_than_the_breaker_lets_through_is_held_until_the_admin_has_looked(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "MOST", 4)
    teams = [OnGitHub(rounds.house) for _ in range(4)]
    for team in teams:
        team.open("beta")
    rounds.house.settle()
    rounds.house.later(hours=1)
    with rounds.untold():
        for team in teams:
            team.move("public")
    rounds.house.later(minutes=6)
    rounds.go()
    rounds.house.later(minutes=6)
    rounds.go()

    judged = [team for team in teams if any("needs Support first" in one.body for one in team.told)]
    assert 0 < len(judged) < 4
    assert "release-stages failed release sweep" in rounds.of("sweep:github").hindrance
    rounds.house.inbox.breaker.release("sweep")
    for _ in range(4):
        rounds.house.later(minutes=61)
        rounds.house.inbox.breaker.release("sweep")
        rounds.go()
    assert all(blocked_once(team) for team in teams)
    assert rounds.of("sweep:github").hindrance == ""


# --- interrupted ------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here, and says goodbye to nobody."""


@pytest.mark.parametrize(("kind", "step"), [(OnGitHub, "known"), (OnGitHub, "reached"), (OnJira, "finish")])
def test_a_sweep_that_dies_in_the_middle_is_gone_on_with_and_misses_nothing(
    rounds: Rounds, kind: type[Team], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = kind(rounds.house)
    team.stand_in("beta")
    with rounds.untold():
        team.move("public")
    rounds.house.later(minutes=6)
    tracker = "github" if team.ref_tracker == "github" else "jira/main"
    for die_at in (1, 2, 1):
        with monkeypatch.context() as patch:
            patch.setattr(type(rounds.house.desk.ledger.rounds), step, dying(rounds, step, die_at))
            with pytest.raises((Killed, StopIteration)):
                for _ in range(4):
                    sweep.sweep(rounds.house.desk, rounds.house.inbox, Ref("sweep", "", tracker, 0), rounds.house.now())
                raise StopIteration
        rounds.house.restart()
    rounds.go()
    rounds.house.later(minutes=2)

    assert blocked_once(team)


def dying(rounds: Rounds, step: str, at: int) -> Callable[..., Any]:
    """The method, whose process is killed when it has done its work for the n-th time."""
    whole, calls = getattr(type(rounds.house.desk.ledger.rounds), step), []

    def method(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        done = whole(*args, **kwargs)
        if len(calls) == at:
            raise Killed
        return done

    return method


def test_a_rate_limit_in_the_middle_ends_the_round_which_goes_on_when_it_is_over(team: Team, rounds: Rounds) -> None:
    team.stand_in("beta")
    with rounds.untold():
        team.move("public")
    rounds.house.later(minutes=6)
    rounds.house.world.faults.add(Fault(LISTS, "rate_limit", seconds=900, times=FOR_EVER))
    rounds.go()
    name = f"sweep:{'github' if team.ref_tracker == 'github' else 'jira/main'}"
    hindered = [rounds.of(one).hindrance for one in (name, "catch-up:github")]  # whoever asks first is told for all
    assert any("asks us to wait" in one for one in hindered)
    assert team.verdicts[-1] == (None, "beta", "admitted")
    rounds.house.world.faults.clear()
    rounds.house.later(minutes=10)
    rounds.go()
    assert "public" in team.stages, "not before the tracker said"
    rounds.house.later(minutes=10)
    rounds.go()
    rounds.house.later(minutes=2)

    assert blocked_once(team)
    assert rounds.of(name).hindrance == ""


# --- not allowed ------------------------------------------------------------------------------------------------------


def test_a_missing_permission_is_said_once_with_its_name_and_breaks_nothing_else(rounds: Rounds) -> None:
    rounds.house.world.github.hook_readers.clear()
    team = OnGitHub(rounds.house)
    team.stand_in("beta")
    with capture_logs() as logs:
        with rounds.away(minutes=6):
            team.move("public")
        for _ in range(3):
            rounds.go()
            rounds.house.later(minutes=6)

    said = [one for one in logs if one["event"] == "deliveries that failed cannot all be fetched"]
    assert [one["log_level"] for one in said] == ["warning"] * len(said)
    assert len(said) == 2, "one for the organisation's webhooks, one for the repositories'"
    hindrance = rounds.of("catch-up:github").hindrance
    assert "webhooks: write" in hindrance
    assert "admin:org_hook" in hindrance
    assert "acme/" not in hindrance, "pages are open to all"
    assert blocked_once(team), "the sweep has found it"


def test_without_a_public_address_the_admin_is_told_what_to_set(rounds: Rounds) -> None:
    rounds.be_told_by(ORG, public=False)
    rounds.house.later(minutes=6)
    rounds.go()

    assert "PUBLIC_URL" in rounds.of("catch-up:github").hindrance
