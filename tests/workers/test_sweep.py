"""A sweep over real lists: page by page, in slices, bounded; what it has gone over is kept, and nothing slips."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from redis import Redis

from integration.look import Desk
from integration.memory.inbox import Inbox
from integration.memory.ledger import Card, Ledger
from integration.memory.versions import Own
from integration.sandbox import World, running
from integration.sandbox.people import SERVICE, SERVICE_EMAIL, SERVICE_TOKEN
from integration.sandbox.world import FOR_EVER, Fault
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.stages.entries import Frozen
from integration.stages.model import Carrier, Ref
from integration.trackers import Refused, github
from integration.trackers import jira as jira_adapter
from integration.trackers.changes import Listed, Page, Swept
from tests.stories.files import mappings
from workers import clock, sweep

NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EACH = pytest.mark.parametrize("place", ["github", "jira", "data center"], indirect=True)


@dataclass
class Place:
    """A desk before a tracker, with nobody who works off what the sweep finds."""

    desk: Desk
    world: World
    inbox: Inbox
    traveller: Any
    kind: str

    @property
    def tracker(self) -> Any:
        return self.desk.trackers[("github", "") if self.kind == "github" else ("jira", "main")]

    def open(self, number: int, stage: str = "beta", at: datetime = NOON) -> list[Ref]:
        """So many issues, all changed in one second."""
        if self.kind == "github":
            with self.world.github.quietly():
                made = [self.world.github.open_issue("acme/app", f"feature {n}", "erin", "", [f"stage: {stage}"], at=at)
                        for n in range(number)]  # fmt: skip
            return [Ref("github", "", "acme/app", one.number) for one in made]
        status = {"beta": "Beta", "public": "Released"}[stage]
        keys = [self.world.jira.create_issue("APP", f"feature {n}", "erin", "", status, at=at) for n in range(number)]
        return [Ref.parse(key) for key in keys]

    def ref(self, kind: str = sweep.LIGHT) -> Ref:
        return Ref(kind, "", "github" if self.kind == "github" else "jira/main", 0)

    def sweep(self, kind: str = sweep.LIGHT) -> datetime | None:
        return sweep.sweep(self.desk, self.inbox, self.ref(kind), datetime.now(UTC))

    def looked_at(self, refs: list[Ref]) -> None:
        """A look has been taken, and the tracker said that it changed then."""
        for ref in refs:
            seq = self.desk.ledger.read(ref).seq
            card = Card("feature", "u", "beta", watermark=datetime.now(UTC))
            self.desk.ledger.append(ref, [], seq, datetime.now(UTC), card)

    def waiting(self) -> set[Ref]:
        redis = Redis.from_url(self.desk.settings.redis_url)
        return {Ref.parse(one.decode()) for one in redis.zrange("release-stages:dirty", 0, -1)}

    def delete(self, ref: Ref) -> None:
        """Somebody deletes the issue, and nobody tells us."""
        if self.kind == "github":
            self.world.github.delete_issue("acme/app", ref.number, "rhea")
        else:
            self.world.jira.delete_issue(ref.key)

    def full_sweep(self, days: int = 1) -> set[Ref]:
        """A full sweep some days later, to its end; what it hints at."""
        self.traveller.shift(timedelta(days=days))
        Redis.from_url(self.desk.settings.redis_url).flushall()
        while again := self.sweep(sweep.FULL):
            self.traveller.move_to(again)
        return self.waiting()

    def work_off(self) -> None:
        found = self.waiting()
        Redis.from_url(self.desk.settings.redis_url).flushall()
        self.looked_at(sorted(found))


@pytest.fixture(params=["github", "jira"])
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    ledger_file: Path,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    monkeypatch.setattr(github, "PER_PAGE", 10)
    monkeypatch.setattr(jira_adapter, "PAGE", 10)
    with ExitStack() as stack:
        traveller = stack.enter_context(time_machine.travel(NOON, tick=True))
        served = stack.enter_context(running(World()))
        jira = JiraSettings("main", served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN, webhook_secrets=("s",))
        if request.param == "data center":
            served.world.jira.flavour = "server"
            jira = JiraSettings("main", served.jira_url, pat=SERVICE_TOKEN, webhook_secrets=("s",))
        settings = Settings(
            data_dir=tmp_path,
            mappings=tmp_path / "mappings.yaml",
            redis_url=redis_url,
            database_url=f"sqlite:///{ledger_file}",
            marker_key=b"a key for the sweeps",
            github=GitHubSettings(served.github_url, SERVICE_TOKEN, webhook_secrets=("s",)),
            jira=(jira,),
        )
        settings.mappings.write_text(mappings())
        Ledger.open(settings.database_url, now=NOON - timedelta(hours=1)).close()
        desk = Desk.open(settings)
        kind = "github" if request.param == "github" else "jira"
        yield Place(desk, served.world, Inbox.connect(redis_url), traveller, kind)
        desk.ledger.close()


def walked(tracker: Swept, place: str, since: datetime) -> list[Listed]:
    """All pages of what changed."""
    found, onward = [], ""
    for _ in range(20):
        page = tracker.changed(place, since, onward)
        found += page.found
        if not (onward := page.onward):
            return found
    raise AssertionError("the pages do not end")


@EACH
def test_pages_of_what_changed_hold_all_of_it_in_order_also_where_it_changed_in_one_second(place: Place) -> None:
    early = place.open(3, at=NOON - 30 * MINUTE)
    many = place.open(23, at=NOON - 10 * MINUTE)
    late = place.open(3, at=NOON - MINUTE)
    where = early[0].place
    found = walked(place.tracker, where, NOON - 20 * MINUTE)
    assert {one.ref for one in found} == {*many, *late}
    assert [one.updated for one in found] == sorted(one.updated for one in found)
    assert {one.ref for one in walked(place.tracker, where, NOON - 5 * MINUTE)} == set(late)


@EACH
def test_beyond_ten_thousand_pages_are_had_by_the_trackers_own_cursor(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.sandbox.paging.DEEPEST", 15)
    refs = place.open(23, at=NOON - 10 * MINUTE)
    where, found, onward = refs[0].place, list[Ref](), ""
    names, carrier = (["stage: beta"], Carrier.LABEL) if place.kind == "github" else (["Beta"], Carrier.STATUS)
    while True:
        page = place.tracker.carrying(where, carrier, names, onward)
        found += [one.ref for one in page.found]
        if not (onward := page.onward):
            break
    assert found == refs
    assert {one.ref for one in walked(place.tracker, where, NOON - 20 * MINUTE)} == set(refs)


@EACH
def test_an_issue_that_changes_while_the_pages_are_read_lets_no_other_slip(place: Place) -> None:
    refs = [ref for minute in range(6) for ref in place.open(4, at=NOON - timedelta(minutes=60 - 3 * minute))]
    where, found, onward = refs[0].place, set(), ""
    for page_number in range(20):
        page = place.tracker.changed(where, NOON - timedelta(hours=2), onward)
        found |= {one.ref for one in page.found}
        for ref in refs[page_number : page_number + 1]:
            if place.kind == "github":
                place.world.github.edit("acme/app", ref.number, "erin", body=f"{page_number}")
            else:
                place.world.jira.edit(ref.key, "erin", description=f"{page_number}")
        if not (onward := page.onward) or len(found) == len(refs):
            break
    assert found == set(refs)


@EACH
def test_a_full_list_holds_what_shows_a_stage_whenever_it_changed(place: Place) -> None:
    beta, public = place.open(12, at=NOON - timedelta(days=90)), place.open(2, "public", NOON - timedelta(days=80))
    where = beta[0].place
    if place.kind == "github":
        page = place.tracker.carrying(where, Carrier.LABEL, ["stage: beta"])
    else:
        page = place.tracker.carrying(where, Carrier.STATUS, ["Beta", "no such status"])
        assert place.tracker.carrying(where, Carrier.STATUS, ["no such status"]).found == ()
    names, carrier = (["stage: beta"], Carrier.LABEL) if place.kind == "github" else (["Beta"], Carrier.STATUS)
    rest = place.tracker.carrying(where, carrier, names, page.onward)
    assert [one.ref for one in (*page.found, *rest.found)] == beta
    assert rest.onward == ""
    assert not set(public) & {one.ref for one in page.found}


@EACH
def test_patterns_become_the_places_that_our_account_sees(place: Place) -> None:
    if place.kind == "github":
        assert place.tracker.places(["acme/*", "other/one"]) == ("other/one", "acme/app", "acme/web", "acme/secret")
    else:
        assert set(place.tracker.places(["A*", "NONE"])) == {"NONE", "APP"}
    assert place.tracker.places(["acme/app"]) == ("acme/app",)


def test_a_sweep_goes_on_slice_by_slice_and_hints_at_each_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SLICE", 10)
    refs = place.open(25)
    slices = 0
    while (again := place.sweep()) or place.desk.ledger.rounds.of(str(place.ref())).under_way:
        assert again and again > datetime.now(UTC)
        slices += 1
        place.work_off()
        place.traveller.move_to(again)
        assert slices < 9
    place.work_off()
    assert slices >= 2
    assert set(place.desk.ledger.rounds.known(refs)) == set(refs)
    place.traveller.shift(timedelta(minutes=6))
    assert place.sweep() is None
    assert place.waiting() == set()


def test_a_sweep_adds_nothing_to_a_crowd_and_goes_on_when_it_is_smaller(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MOST_WAITING", 3)
    refs = place.open(2)
    for number in range(3):
        place.inbox.hint(Ref("github", "", "acme/other", number + 1))
    assert place.sweep() is not None
    assert not place.waiting() & set(refs)
    place.work_off()
    place.traveller.shift(30)
    assert place.sweep() is None
    assert place.waiting() == set(refs)


def test_a_full_sweep_finds_what_is_unknown_and_what_shows_another_stage_than_we_know(place: Place) -> None:
    known, strange = place.open(2, at=NOON - timedelta(days=9))
    unknown = place.open(1, at=NOON - timedelta(days=9))[0]
    place.looked_at([known, strange])
    seq = place.desk.ledger.read(strange).seq
    card = Card("feature", "u", "public", watermark=datetime.now(UTC))
    place.desk.ledger.append(strange, [], seq, datetime.now(UTC), card)
    while place.sweep(sweep.FULL):
        place.traveller.shift(30)
    assert place.waiting() == {strange, unknown}
    assert place.sweep() is None, "a light one begins with the ledger, and they did not change since"
    assert place.waiting() == {strange, unknown}


# --- what is not met --------------------------------------------------------------------------------------------


@EACH
def test_what_the_ledger_knows_in_a_stage_and_a_full_sweep_meets_nowhere_is_looked_for_once(place: Place) -> None:
    here, gone, new = place.open(3)
    place.looked_at([here, gone])
    place.delete(gone)
    assert place.full_sweep() == {gone, new}
    place.looked_at([new])
    assert place.full_sweep() == set(), "once is enough, whatever the look has found"
    assert place.full_sweep(days=31) == {gone}, "it may have gone for good only later"


def test_what_was_met_again_and_is_missed_once_more_is_looked_for_again(place: Place) -> None:
    (ref,) = place.open(1)
    place.looked_at([ref])
    rounds = place.desk.ledger.rounds
    rounds.miss([ref], datetime.now(UTC))
    assert place.full_sweep() == set()
    place.delete(ref)
    assert place.full_sweep() == {ref}


def test_what_stands_in_no_stage_and_what_was_looked_at_meanwhile_is_not_missed(place: Place) -> None:
    bare, seen = place.open(2)
    place.looked_at([bare, seen])
    ledger = place.desk.ledger
    ledger.append(bare, [], ledger.read(bare).seq, datetime.now(UTC), Card("feature", "u", None))
    place.delete(bare)
    place.delete(seen)
    place.traveller.shift(timedelta(days=1))
    ledger.rounds.begin(str(place.ref(sweep.FULL)), ["acme/app label x" if place.kind == "github" else "APP status"],
                        datetime.now(UTC) - MINUTE)  # fmt: skip
    place.looked_at([seen])
    while again := place.sweep(sweep.FULL):
        place.traveller.move_to(again)
    assert place.waiting() == set()


def test_many_that_are_not_met_are_hinted_at_in_slices_and_each_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = place.open(25)
    place.looked_at(refs)
    place.traveller.shift(timedelta(days=1))
    for ref in refs[1:]:
        place.delete(ref)
    monkeypatch.setattr(sweep, "SLICE", 10)
    found: list[Ref] = []
    while again := place.sweep(sweep.FULL):
        assert len(place.waiting()) <= 10
        found += place.waiting()
        Redis.from_url(place.desk.settings.redis_url).flushall()
        place.traveller.move_to(again)
    assert sorted([*found, *place.waiting()]) == sorted(refs[1:])
    assert place.desk.ledger.rounds.of(str(place.ref(sweep.FULL))).found == 24


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_of_a_place_that_cannot_be_listed_nothing_is_missed_and_of_one_that_is_gone_all(place: Place) -> None:
    (ref,) = place.open(1)
    hidden, gone = Ref("github", "", "acme/web", 7), Ref("github", "", "acme/gone", 8)
    place.looked_at([ref, hidden, gone])
    place.delete(ref)
    place.world.faults.add(Fault(r"^GET .*/repos/acme/web/issues$", "before", status=403, times=FOR_EVER))
    assert place.full_sweep() == {ref, gone}


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_where_nothing_can_be_listed_at_all_nothing_is_missed(place: Place) -> None:
    (ref,) = place.open(1)
    place.looked_at([ref])
    place.delete(ref)
    repos = place.world.github.repos.values()
    rights = [(repo, repo.private, repo.people.pop(SERVICE)) for repo in repos]
    for repo, _, _ in rights:
        repo.private = True
    assert place.full_sweep() == set()
    for repo, private, role in rights:
        repo.private, repo.people[SERVICE] = private, role
    assert place.full_sweep() == {ref}


def test_one_that_was_taken_for_deleted_and_is_met_again_is_looked_at(place: Place) -> None:
    (ref,) = place.open(1)
    place.looked_at([ref])
    ledger = place.desk.ledger
    ledger.append(ref, [Frozen(NOON, "not for our account to see")], ledger.read(ref).seq, datetime.now(UTC))
    assert place.full_sweep() == {ref}


def test_a_place_that_is_not_for_us_hinders_only_itself(place: Place) -> None:
    text = place.desk.settings.mappings.read_text()
    text = text.replace('["acme/*"]', '["acme/nope", "acme/app"]').replace("[APP, ONE]", "[AAA, APP]")
    if place.kind == "jira":
        place.world.faults.add(Fault(r"^GET .*/search", "before", status=400))
    place.desk.settings.mappings.write_text(text)
    refs = place.open(1)
    assert place.sweep() is None
    assert place.waiting() == set(refs)
    standing = place.desk.ledger.rounds.of(str(place.ref()))
    assert ("issues: read" if place.kind == "github" else "Browse projects") in standing.hindrance
    assert "nope" not in standing.hindrance.lower()
    assert not standing.under_way


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_repository_that_the_file_writes_in_another_case_is_the_same(place: Place) -> None:
    text = place.desk.settings.mappings.read_text().replace('["acme/*"]', '["Acme/App"]')
    place.desk.settings.mappings.write_text(text)
    (ref,) = place.open(1)
    assert ref.place == "acme/app"
    for kind in (sweep.LIGHT, sweep.FULL):
        place.sweep(kind)
        assert place.waiting() == {ref}


def test_a_later_page_that_is_refused_ends_the_stretch_and_is_told_and_not_asked_for_without_end(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs, listed, asked = place.open(25), place.tracker.changed, list[str]()

    def changed(where: str, since: datetime, onward: str = "") -> Page:
        asked.append(onward)
        if onward:
            raise Refused("Pagination is not supported for large datasets")
        return listed(where, since)

    monkeypatch.setattr(place.tracker, "changed", changed)
    monkeypatch.setattr(place.tracker, "places", lambda patterns: (refs[0].place,))
    for _ in range(3):
        if not (again := place.sweep()):
            break
        place.traveller.move_to(again)
    assert len([one for one in asked if one]) <= 2
    standing = place.desk.ledger.rounds.of(str(place.ref()))
    assert not standing.under_way
    assert standing.hindrance


def test_an_account_that_is_refused_is_told_and_is_tried_again_later_and_not_at_each_tick(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(patterns: object) -> tuple[str, ...]:
        raise Refused("401: Bad credentials")

    refs = place.open(1)
    monkeypatch.setattr(place.tracker, "places", refused)
    assert place.sweep() is None
    standing = place.desk.ledger.rounds.of(str(place.ref()))
    assert standing.hindrance == sweep.REFUSED
    assert "ok" not in place.desk.ledger.rounds.told()[str(place.ref())].split(";")[0]
    assert standing.again_at is not None
    assert not standing.is_due(sweep.EVERY[sweep.LIGHT], datetime.now(UTC) + timedelta(minutes=4))
    monkeypatch.undo()
    place.traveller.move_to(standing.again_at)
    place.sweep()
    assert place.waiting() == set(refs)
    assert place.desk.ledger.rounds.of(str(place.ref())).hindrance == ""


def test_what_waits_for_its_next_try_keeps_no_sweep_from_its_work(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MOST_WAITING", 3)
    refs = place.open(2)
    for number in range(3):
        other = Ref("jira", "gone", "APP", number + 1)
        place.inbox.hint(other)
        run = place.inbox.begin(other)
        assert run
        place.inbox.put_off(run, datetime.now(UTC) + timedelta(hours=1))
    assert place.sweep() is None
    assert set(refs) <= place.waiting()


def test_the_clock_hints_at_each_round_when_it_is_due_and_forgets_those_of_trackers_that_are_gone(place: Place) -> None:
    ledger, settings = place.desk.ledger, place.desk.settings
    ledger.rounds.begin("sweep:jira/old", [], NOON)
    clock.hint_at_rounds(place.inbox, ledger, settings, NOON)
    rounds = {"catch-up:github", "sweep:github", "full-sweep:github", "sweep:jira/main", "full-sweep:jira/main"}
    assert {str(one) for one in place.waiting()} == rounds
    assert [one.name for one in ledger.rounds.stand()] == []
    Redis.from_url(settings.redis_url).flushall()
    ledger.rounds.begin("sweep:github", [], NOON)
    ledger.rounds.finish("sweep:github", NOON)
    clock.hint_at_rounds(place.inbox, ledger, replace(settings, jira=()), NOON + 4 * MINUTE)
    assert {str(one) for one in place.waiting()} == {"catch-up:github", "full-sweep:github"}


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_label_that_was_renamed_while_nobody_told_makes_the_place_looked_at(place: Place) -> None:
    ref = Ref("github", "", "acme/app", 0)
    place.desk.ledger.learn_names("acme/app", place.tracker.label_names(ref), NOON)
    assert place.sweep(sweep.FULL) is None
    assert place.waiting() == set()
    repo = place.world.github.repo("acme/app")
    place.world.github.rename_label(repo, "stage: beta", "stage: beta 2", "erin")
    place.traveller.shift(timedelta(days=1))
    assert place.sweep(sweep.FULL) is None
    assert place.waiting() == {ref}


def test_a_server_that_fails_is_asked_again_later_and_nothing_is_lost(place: Place) -> None:
    refs = place.open(1)
    place.world.faults.add(Fault(r"^GET .*/(issues|search|search/jql)$", "before", status=500, times=FOR_EVER))
    assert place.sweep() is None
    standing = place.desk.ledger.rounds.of(str(place.ref()))
    assert standing.again_at and "goes on by itself" in standing.hindrance
    place.world.faults.clear()
    assert place.sweep() is None
    assert place.waiting() == set(), "not before its time"
    place.traveller.move_to(standing.again_at)
    assert place.sweep() is None
    assert place.waiting() == set(refs)


# --- what repositories have added ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_sweep_has_the_rules_of_repositories_read_again_that_had_some_and_a_full_one_those_of_all(
    place: Place,
) -> None:
    app, web = Ref.of_additions("acme/app"), Ref.of_additions("acme/web")
    versions = place.desk.ledger.versions
    place.sweep(sweep.LIGHT)
    place.sweep(sweep.FULL)
    assert not {app, web} & place.waiting(), "it is not allowed"

    place.desk.settings.mappings.write_text(mappings(more="additions: {allowed: true, repositories: ['acme/???']}"))
    assert place.desk.mappings.current.additions.allowed
    versions.keep_own("acme/app", Own("a" * 64, NOON), "version: 1", NOON)
    versions.keep_own("acme/web", Own("", NOON), "", NOON)
    versions.keep_own("acme/gone", Own("b" * 64, NOON), "version: 1", NOON)
    place.traveller.shift(6 * MINUTE)
    place.sweep(sweep.LIGHT)
    assert not {app, web} & place.waiting(), "they were read a moment ago"
    assert "acme/gone" not in versions.owns(), "none is allowed there"
    place.traveller.shift(6 * MINUTE)
    place.sweep(sweep.LIGHT)
    assert {app, web} & place.waiting() == {app}
    place.traveller.shift(timedelta(days=1))
    place.sweep(sweep.FULL)
    assert {app, web} <= place.waiting()
