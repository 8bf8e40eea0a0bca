"""Failed deliveries, fetched over real HTTP: page by page, once each, in slices; what hinders it is said in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from integration.look import Desk
from integration.memory.ledger import Ledger
from integration.memory.rounds import Rounds
from integration.sandbox import World, hooks, running
from integration.sandbox.people import ORG, SERVICE_TOKEN
from integration.sandbox.world import FOR_EVER, Fault
from integration.settings import GitHubSettings, Settings
from integration.stages.model import Ref
from integration.trackers import Refused, github_hooks
from tests.stories.files import mappings
from workers import catch_up

NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REF = Ref.of_round(catch_up.CATCH_UP, "github")
OURS = "http://127.0.0.1:9"


@dataclass
class Place:
    """A desk before GitHub, whose deliveries are answered as `answers` says; nobody is there to take them."""

    desk: Desk
    world: World
    traveller: Any
    answers: list[int]

    def told(self, number: int, answer: int) -> None:
        """So many events are delivered, and answered so."""
        self.answers[:] = [answer]
        for _ in range(number):
            self.world.hooks.send("github", "ping", {"zen": "Keep it logically awesome."})
        assert self.world.hooks.idle(20)

    def go(self) -> datetime | None:
        again = catch_up.catch_up(self.desk, REF, datetime.now(UTC))
        assert self.world.hooks.idle(20)
        return again

    def round(self) -> int:
        """One whole round; how many slices it took."""
        self.traveller.shift(timedelta(minutes=6))
        for number in range(1, 30):
            if not (again := self.go()):
                return number
            self.traveller.move_to(again)
        raise AssertionError("the round does not end")

    @property
    def asked_for(self) -> list[str]:
        return [one.guid for one in self.world.hooks.deliveries if one.again]

    @property
    def hindrance(self) -> str:
        return self.desk.ledger.rounds.of(str(REF)).hindrance


@pytest.fixture
def place(tmp_path: Path, ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with ExitStack() as stack:
        traveller = stack.enter_context(time_machine.travel(NOON, tick=True))
        served = stack.enter_context(running(World()))
        settings = Settings(
            data_dir=tmp_path,
            mappings=tmp_path / "mappings.yaml",
            redis_url="redis://127.0.0.1:1",
            database_url=f"sqlite:///{ledger_file}",
            marker_key=b"a key for the rounds",
            github=GitHubSettings(served.github_url, SERVICE_TOKEN, webhook_secrets=("s",)),
            public_url=OURS,
        )
        settings.mappings.write_text(mappings())
        Ledger.open(settings.database_url, now=NOON - timedelta(hours=1)).close()
        desk = Desk.open(settings)
        answers = [202]
        monkeypatch.setattr(github_hooks, "PER_PAGE", 10)
        monkeypatch.setattr(catch_up, "AT_ONCE", 9)
        monkeypatch.setattr(hooks, "_post", lambda delivery: answers[-1])
        served.world.hooks.register("http://127.0.0.1:9/somebody-elses", "s", "github", place=ORG)
        served.world.hooks.register(f"{OURS}/webhooks/github", "s", "github", place=ORG)
        yield Place(desk, served.world, traveller, answers)
        desk.ledger.close()


def failed(place: Place) -> set[str]:
    """What was not delivered to us, by any attempt."""
    ours = [one for one in place.world.hooks.deliveries if one.hook.url.startswith(f"{OURS}/webhooks")]
    return {one.guid for one in ours} - {one.guid for one in ours if one.status == 202}


def test_what_failed_on_any_page_is_asked_for_once_and_nothing_else_is(place: Place) -> None:
    place.told(3, 202)
    place.told(23, 503)
    place.told(4, 202)
    lost = failed(place)
    assert len(lost) == 23
    assert place.round() >= 2, "in slices"
    assert sorted(place.asked_for) == sorted(lost)
    assert failed(place) == set()
    place.round()
    place.round()
    assert len(place.asked_for) == 23
    assert place.hindrance == ""
    standing = place.desk.ledger.rounds.of(str(REF))
    assert not standing.under_way


@pytest.mark.parametrize(("method", "at"), [("begin", 1), ("note", 2), ("asked", 2), ("reached", 9)])
def test_it_goes_on_after_a_death_at_any_step(
    place: Place, monkeypatch: pytest.MonkeyPatch, method: str, at: int
) -> None:
    place.told(23, 503)
    place.told(1, 202)
    lost, whole, calls = failed(place), getattr(Rounds, method), []

    def dies(*args: Any, **kwargs: Any) -> None:
        whole(*args, **kwargs)
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt

    place.traveller.shift(timedelta(minutes=6))
    with monkeypatch.context() as patch:
        patch.setattr(Rounds, method, dies)
        with pytest.raises(KeyboardInterrupt):
            for _ in range(4):
                place.go()
                place.traveller.shift(20)
    for _ in range(3):
        place.round()
    assert failed(place) == set()
    assert len(place.asked_for) <= len(lost) + 1, "at most the one in hand is asked for twice"


def test_what_fails_again_is_asked_for_ever_more_rarely(place: Place) -> None:
    place.told(1, 401)
    place.answers[:] = [401]
    asked = []
    for _ in range(24):
        place.round()
        asked.append(len(place.asked_for))
    assert 3 <= asked[-1] <= 6, "in two and a half hours"
    assert asked[-1] - asked[12] < asked[12]


def test_what_is_older_than_github_keeps_is_let_go(place: Place) -> None:
    place.told(2, 503)
    place.round()
    place.traveller.shift(timedelta(days=4))
    place.answers[:] = [202]
    before = len(place.asked_for)
    place.round()
    assert len(place.asked_for) == before
    assert place.desk.ledger.rounds.failed() == 0


def test_only_webhooks_that_lead_to_us_are_ours_wherever_they_belong(place: Place) -> None:
    place.told(1, 503)
    place.round()
    place.round()
    again = [one.hook.url for one in place.world.hooks.deliveries if one.again]
    assert set(again) == {f"{OURS}/webhooks/github"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [(r"/hooks$", "rate_limit"), (r"/deliveries$", "rate_limit"), (r"/attempts$", "secondary_rate_limit")],
)
def test_a_rate_limit_ends_the_round_which_goes_on_later(place: Place, path: str, kind: Any) -> None:
    place.told(3, 503)
    place.told(1, 202)
    place.world.faults.add(Fault(path, kind, seconds=600, times=FOR_EVER))
    place.traveller.shift(timedelta(minutes=6))
    assert place.go() is None
    assert "goes on by itself" in place.hindrance
    place.world.faults.clear()
    assert place.go() is None
    assert place.asked_for == [], "not before GitHub said"
    place.traveller.shift(timedelta(minutes=5))
    place.round()
    place.round()
    assert failed(place) == set()
    assert place.hindrance == ""


def test_without_the_permission_to_ask_it_is_named(place: Place) -> None:
    place.told(1, 503)
    place.told(1, 202)
    place.world.faults.add(Fault(r"/attempts$", "before", status=403, times=FOR_EVER))
    place.round()
    assert "organisation permission webhooks: write" in place.hindrance
    place.world.faults.clear()
    place.traveller.shift(timedelta(minutes=20))
    place.round()
    assert failed(place) == set()
    assert place.hindrance == ""


def test_an_account_that_is_refused_is_told_and_tried_again_with_the_next_round(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> object:
        raise Refused("401: Bad credentials")

    monkeypatch.setattr(type(place.desk.trackers["github", ""]), "hooks", refused)
    place.round()
    assert place.hindrance == catch_up.NOT_OURS
    monkeypatch.undo()
    place.traveller.shift(timedelta(minutes=20))
    place.round()
    assert place.hindrance != catch_up.NOT_OURS


def test_no_webhook_that_leads_to_us_is_said(place: Place) -> None:
    place.desk = Desk.open(replace(place.desk.settings, public_url="https://stages.acme.example"))
    place.round()
    assert place.hindrance == "no webhook at GitHub that we can see leads to PUBLIC_URL"
