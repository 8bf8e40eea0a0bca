"""What workers share when they ask a tracker: budgets that none oversteps, tokens, and what need not be read again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from redis import Redis

from integration.memory.traffic import Traffic
from integration.sandbox import Served, World, running
from integration.sandbox.faults import Fault
from integration.sandbox.people import SERVICE, SERVICE_EMAIL, SERVICE_TOKEN
from integration.settings import GitHubSettings, JiraSettings
from integration.stages.model import Comment, Issue, Ref
from integration.stages.texts.markup import Mention, Paragraph
from integration.trackers import Gone, Refused, Tracker, Unavailable
from integration.trackers.github import GitHub
from integration.trackers.jira import Jira

MONDAY = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
KEY = b"a marker key of thirty-two bytes"
TEXT = (Paragraph(("Please look at it",)),)
TO_SUPPORT = (Paragraph((Mention("acme/support"), ": please look at it")),)
PLACE, PROJECT = "acme/app", "APP"


@dataclass
class Trackers:
    """A sandbox, and as many clients of it as are asked for: each as if in a process of its own."""

    served: Served
    redis: Redis
    clock: Any
    private_key: str
    made: list[Traffic] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.served.world

    def traffic(self) -> Traffic:
        """Of a process whose turn begins when those of the others are over."""
        for one in self.made:
            one.flush()
        self.made.append(Traffic(self.redis, KEY))
        return self.made[-1]

    def github(self, app: bool = False) -> GitHub:
        settings, traffic = GitHubSettings(self.served.github_url, token=SERVICE_TOKEN), self.traffic()
        if app:
            settings = GitHubSettings(self.served.github_url, app_id="1", app_private_key=self.private_key)
        return GitHub(settings, pace=traffic, shelf=traffic)

    def jira(self) -> Jira:
        traffic = self.traffic()
        settings = JiraSettings("main", self.served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN)
        return Jira(settings, pace=traffic, shelf=traffic)

    def issue(self) -> Ref:
        return Ref("github", "", PLACE, self.world.github.open_issue(PLACE, "Export", "erin").number)

    def story(self) -> Ref:
        return Ref.parse(self.world.jira.create_issue(PROJECT, "Export", "erin"))

    def asked(self, what: Callable[[], object]) -> int:
        """How many calls it is."""
        self.world.github.calls.clear()
        self.world.jira.calls.clear()
        what()
        return len(self.world.github.calls.asked) + len(self.world.jira.calls.asked)


@pytest.fixture(scope="module")
def private_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture
def trackers(redis_client: Redis, private_key: str) -> Iterator[Trackers]:
    with time_machine.travel(MONDAY, tick=True) as clock, running(World()) as served:
        yield Trackers(served, redis_client, clock, private_key)


# --- budgets ------------------------------------------------------------------------------------------------------


def patiently(trackers: Trackers, acts: list[Callable[[], object]]) -> int:
    """Do all of them; what would be one too many is done when it says so. How often somebody had to wait."""
    waited = 0
    while acts:
        try:
            acts[-1]()
        except Unavailable as late:
            assert late.unsent, late
            assert late.retry_at is not None
            trackers.clock.move_to(max(late.retry_at, datetime.now(UTC)), tick=True)
            waited += 1
        else:
            acts.pop()
    return waited


class TestBudgets:
    def test_two_processes_write_200_comments_and_github_never_says_that_it_is_too_much(
        self, trackers: Trackers
    ) -> None:
        ref, two = trackers.issue(), [trackers.github(), trackers.github()]
        trackers.world.github.limit()
        waited = patiently(trackers, [lambda t=two[n % 2]: t.say(ref, TEXT, "a.b") for n in range(200)])  # type: ignore[misc]
        assert trackers.world.github.calls.refused == []
        assert len(trackers.world.github.issue(PLACE, ref.number).comments) == 200
        assert waited
        assert timedelta(minutes=2) < datetime.now(UTC) - MONDAY < timedelta(minutes=8)

    def test_two_processes_write_200_times_to_one_issue_of_jira_and_it_never_says_that_it_is_too_much(
        self, trackers: Trackers
    ) -> None:
        ref, two = trackers.story(), [trackers.jira(), trackers.jira()]
        trackers.world.jira.limit()
        acts: list[Callable[[], object]] = [lambda t=two[n % 2]: t.put_label(ref, "x") for n in range(200)]  # type: ignore[misc]
        assert patiently(trackers, acts)
        assert trackers.world.jira.calls.refused == []
        assert len(trackers.world.jira.calls.asked) == 200
        assert timedelta(seconds=30) < datetime.now(UTC) - MONDAY < timedelta(minutes=4)

    def test_the_sandbox_does_refuse_who_counts_nothing(self, trackers: Trackers) -> None:
        ref, story = trackers.issue(), trackers.story()
        trackers.world.github.limit()
        trackers.world.jira.limit()
        alone = GitHub(GitHubSettings(trackers.served.github_url, token=SERVICE_TOKEN))
        with pytest.raises(Unavailable) as caught:
            for _ in range(81):
                alone.say(ref, TEXT, "a.b")
        assert not caught.value.unsent
        assert trackers.world.github.calls.refused
        jira = Jira(JiraSettings("main", trackers.served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN))
        with pytest.raises(Unavailable, match="wait"):
            for _ in range(101):
                jira.put_label(story, "x")

    def test_room_tells_beforehand_and_asks_nobody(self, trackers: Trackers) -> None:
        ref, github, other = trackers.issue(), trackers.github(), trackers.github()
        github.room(ref, comments=2, writes=3)
        for _ in range(71):
            github.say(ref, TEXT, "a.b")

        def look() -> None:
            other.room(ref, comments=1)
            with pytest.raises(Unavailable) as caught:
                other.room(ref, comments=2)
            assert caught.value.unsent
            assert caught.value.retry_at is not None
            assert caught.value.retry_at > datetime.now(UTC)

        assert trackers.asked(look) == 0
        other.say(ref, TEXT, "a.b")
        with pytest.raises(Unavailable, match="as much as we may"):
            github.say(ref, TEXT, "a.b")

    def test_room_on_jira_is_that_of_the_issue(self, trackers: Trackers) -> None:
        ref, another, jira = trackers.story(), trackers.story(), trackers.jira()
        for _ in range(18):
            jira.put_label(ref, "x")
        with pytest.raises(Unavailable):
            jira.room(ref, comments=1)
        jira.room(another, comments=1, writes=3)


class TestWhenATrackerSaysThatItIsTooMuch:
    @pytest.mark.parametrize("seconds", [30, 0])
    @pytest.mark.parametrize("kind", ["rate_limit", "secondary_rate_limit"])
    @pytest.mark.parametrize("status", [403, 429])
    def test_nobody_asks_github_until_then(self, trackers: Trackers, kind: Any, status: int, seconds: float) -> None:
        ref, github, other = trackers.issue(), trackers.github(), trackers.github()
        other.fetch(ref)
        trackers.world.faults.add(Fault("GET", kind, status=status, seconds=seconds))
        with pytest.raises(Unavailable) as told:
            github.fetch(ref)
        assert not told.value.unsent
        assert told.value.retry_at is not None

        def ask() -> None:
            with pytest.raises(Unavailable) as caught:
                other.fetch(ref)
            assert caught.value.unsent

        assert trackers.asked(ask) == 0
        trackers.clock.move_to(told.value.retry_at + timedelta(seconds=1))
        assert other.fetch(ref).title == "Export"

    def test_where_github_names_no_time_each_rest_is_longer(self, trackers: Trackers) -> None:
        ref, github, rests = trackers.issue(), trackers.github(), []
        for _ in range(3):
            trackers.world.faults.add(Fault("GET", "secondary_rate_limit"))
            with pytest.raises(Unavailable) as told:
                github.fetch(ref)
            assert told.value.retry_at is not None
            rests.append(round((told.value.retry_at - datetime.now(UTC)).total_seconds()))
            trackers.clock.move_to(told.value.retry_at + timedelta(seconds=1))
        assert rests == [60, 120, 240]

    def test_what_is_left_of_the_hour_is_not_used_up(self, trackers: Trackers) -> None:
        github, other = trackers.github(), trackers.github()
        address, soon = "http://localhost:9000/api/v3/repos/acme/app/labels", int(datetime.now(UTC).timestamp()) + 600
        for one in (github, other):
            one.wire = GitHub(
                GitHubSettings("http://localhost:9000/api/v3", token=SERVICE_TOKEN),
                pace=trackers.traffic(), shelf=trackers.traffic(),
            ).wire  # fmt: skip
        with responses.RequestsMock() as web:
            limits = {"limit": "5000", "remaining": "99", "reset": str(soon), "resource": "core"}
            web.get(address, json=[], headers={f"X-RateLimit-{name}": value for name, value in limits.items()})
            ref = Ref("github", "", PLACE, 1)
            assert github.label_names(ref) == ()
            with pytest.raises(Unavailable) as caught:
                other.label_names(ref)
            assert caught.value.retry_at is not None
            assert caught.value.retry_at.timestamp() >= soon
            assert len(web.calls) == 1

    @pytest.mark.parametrize("form", ["seconds", "date", "nothing"])
    @pytest.mark.parametrize(
        ("reason", "rests"), [("jira-per-issue-on-write", "issue"), ("jira-burst-based", "tenant"), ("", "tenant")]
    )
    def test_jira_says_whether_the_issue_rests_or_all(
        self, redis_client: Redis, reason: str, rests: str, form: str
    ) -> None:
        traffic, url = Traffic(redis_client, KEY), "https://jira.acme.example"
        jira, other = (Jira(JiraSettings("main", url, "a@acme.example", "t"), pace=traffic) for _ in range(2))
        then = datetime.now(UTC) + timedelta(seconds=90)
        told = {"seconds": {"Retry-After": "90"}, "date": {"Retry-After": format_datetime(then, usegmt=True)}}
        headers = told.get(form, {}) | ({"RateLimit-Reason": reason} if reason else {})
        with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
            web.put(f"{url}/rest/api/2/issue/APP-1", status=429, headers=headers)
            web.put(f"{url}/rest/api/2/issue/APP-2", status=204)
            with pytest.raises(Unavailable) as caught:
                jira.put_label(Ref.parse("APP-1"), "x")
            assert caught.value.retry_at is not None
            wait = (caught.value.retry_at - datetime.now(UTC)).total_seconds()
            assert 55 < wait <= 60 if form == "nothing" else 85 < wait <= 90
            with pytest.raises(Unavailable, match="as much as we may"):
                other.take_label(Ref.parse("APP-1"), "x")
            if rests == "issue":
                other.put_label(Ref.parse("APP-2"), "x")
            else:
                with pytest.raises(Unavailable, match="as much as we may"):
                    other.put_label(Ref.parse("APP-2"), "x")


# --- what all processes know --------------------------------------------------------------------------------------


class TestTokens:
    def test_are_shared_by_all_processes_until_they_expire(self, trackers: Trackers) -> None:
        ref = trackers.issue()
        cold = trackers.asked(lambda: trackers.github(app=True).label_names(ref))
        assert cold == 3
        assert trackers.asked(lambda: trackers.github(app=True).label_names(ref)) == 1
        trackers.clock.shift(timedelta(minutes=56))
        assert trackers.asked(lambda: trackers.github(app=True).label_names(ref)) == 2

    def test_that_no_longer_hold_are_forgotten_by_all(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github(app=True)
        github.label_names(ref)
        trackers.world.faults.add(Fault("GET", "before", status=401))
        with pytest.raises(Refused):
            github.label_names(ref)
        assert trackers.asked(lambda: trackers.github(app=True).label_names(ref)) == 3

    def test_and_what_was_read_cannot_be_found_in_redis(self, trackers: Trackers) -> None:
        title = "A feature that nobody is to know of"
        number = trackers.world.github.open_issue(PLACE, title, "erin", "planted words").number
        trackers.github(app=True).fetch(Ref("github", "", PLACE, number))
        trackers.jira().fetch(trackers.story())
        planted = [SERVICE_TOKEN, "ghs_", title, "planted words", *trackers.private_key.split()[4:8]]
        redis: Any = trackers.redis
        kept = b"".join(name + redis.dump(name) for name in redis.keys("*"))
        assert kept
        assert [secret for secret in planted if secret.encode() in kept] == []

    def test_nothing_of_them_is_told_when_they_are_printed(self, trackers: Trackers) -> None:
        github = trackers.github(app=True)
        github.fetch(trackers.issue())
        assert "ghs_" not in repr(github.wire.__dict__)


def test_the_sandbox_tags_what_it_shows_to_whom_and_in_which_form(trackers: Trackers) -> None:
    ref, path = trackers.issue(), f"{trackers.served.github_url}/repos/{PLACE}/issues/1"
    signed = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
    tags = {requests.get(path, headers=signed | {"Accept": form}).headers["ETag"] for form in ("", "x.full+json") * 2}
    assert len(tags) == 2
    assert all(tag.startswith('W/"') for tag in tags)
    before = requests.get(path, headers=signed).headers
    again = requests.get(path, headers=signed | {"If-None-Match": before["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Remaining"] == before["X-RateLimit-Remaining"]
    trackers.world.github.label(PLACE, ref.number, "x", "erin")
    assert requests.get(path, headers=signed | {"If-None-Match": before["ETag"]}).status_code == 200


class TestWhoWeAre:
    def test_is_asked_by_the_first_process_alone(self, trackers: Trackers) -> None:
        ref, story = trackers.issue(), trackers.story()
        assert trackers.asked(lambda: trackers.github().fetch(ref)) == 3
        trackers.world.github.comment(PLACE, ref.number, "x", "sam")
        assert trackers.asked(lambda: trackers.github().fetch(ref)) == 2
        assert trackers.asked(lambda: trackers.jira().fetch(story)) == 2
        assert trackers.asked(lambda: trackers.jira().fetch(story)) == 1
        assert trackers.jira().fetch(story).me == Jira(
            JiraSettings("main", trackers.served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN)
        ).fetch(story).me  # fmt: skip


class TestReach:
    def test_is_believed_for_ten_minutes_when_it_is_good(self, trackers: Trackers) -> None:
        ref = trackers.issue()
        github = trackers.github()
        said = github.say(ref, TO_SUPPORT, "a.b")

        def proof() -> None:
            assert trackers.github().unreached(ref, said, ["acme/support"]) == {}

        assert trackers.asked(proof) == 2
        assert trackers.asked(proof) == 0
        trackers.clock.shift(timedelta(minutes=11))
        assert trackers.asked(proof) == 2

    def test_is_asked_each_time_while_it_is_not(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        said = github.say(ref, TO_SUPPORT, "a.b")
        trackers.world.github.teams["support"].notification_setting = "notifications_disabled"
        for _ in range(2):
            assert "turned off" in github.unreached(ref, said, ["acme/support"])["acme/support"]
        trackers.world.github.teams["support"].notification_setting = "notifications_enabled"
        assert github.unreached(ref, said, ["acme/support"]) == {}

    def test_is_nothing_that_a_comment_without_the_mention_can_claim(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        assert github.unreached(ref, github.say(ref, TO_SUPPORT, "a.b"), ["acme/support"]) == {}
        assert github.unreached(ref, github.say(ref, TEXT, "a.c"), ["acme/support"])


# --- what need not be read again ----------------------------------------------------------------------------------


def aged(trackers: Trackers, ref: Ref, events: int) -> None:
    """A history of so many entries, all of some days ago."""
    with trackers.world.github.quietly():
        for number in range(events // 2):
            at = MONDAY - timedelta(days=3, minutes=-number)
            if ref.tracker == "github":
                trackers.world.github.label(PLACE, ref.number, "noise", "evan", at=at)
                trackers.world.github.unlabel(PLACE, ref.number, "noise", "evan", at=at)
            else:
                trackers.world.jira.set_labels(ref.key, ["noise"], "evan", at=at)
                trackers.world.jira.set_labels(ref.key, [], "evan", at=at)


class TestAnIssueThatWasReadBefore:
    def test_is_one_call_when_nothing_happened_in_any_process(self, trackers: Trackers) -> None:
        ref = trackers.issue()
        before = trackers.github().fetch(ref)
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(trackers.github().fetch(ref))) == 1
        assert found == [before]

    def test_is_read_whole_when_that_is_wanted(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        aged(trackers, ref, 220)
        assert trackers.asked(lambda: github.fetch(ref)) == 5
        assert trackers.asked(lambda: github.fetch(ref)) == 1
        assert trackers.asked(lambda: github.fetch(ref, fresh=True)) == 4

    def test_is_two_calls_when_something_happened_however_long_its_history(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        aged(trackers, ref, 510)
        github.fetch(ref)
        trackers.world.github.label(PLACE, ref.number, "stage: beta", "erin")
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(trackers.github().fetch(ref))) == 2
        assert found == [github.fetch(ref, fresh=True)]
        assert len(found[0].sightings) == 511

    def test_is_read_whole_when_a_comment_of_long_ago_is_gone(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        old = trackers.world.github.comment(PLACE, ref.number, "First", "sam", at=MONDAY - timedelta(days=9))
        aged(trackers, ref, 220)
        assert [one.body for one in github.fetch(ref).comments] == ["First"]
        trackers.world.github.delete_comment(PLACE, old.id, "sam")
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(github.fetch(ref))) == 5
        assert found[0].comments == ()
        assert found == [github.fetch(ref, fresh=True)]

    def test_is_one_call_after_what_we_said_ourselves(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        github.fetch(ref)
        said = github.say(ref, TO_SUPPORT, "a.b")
        github.edit(ref, said.id, TEXT, "c.d")
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(trackers.github().fetch(ref))) == 1
        assert [(one.token, one.mentions) for one in found[0].comments] == [("c.d", frozenset())]
        assert found == [github.fetch(ref, fresh=True)]

    def test_is_not_kept_while_its_history_lags_behind(self, trackers: Trackers) -> None:
        """GitHub shows a label before the timeline tells who put it on: kept, that would stay so."""
        ref, github, state = trackers.issue(), trackers.github(), trackers.world.github
        state.label(PLACE, ref.number, "stage: beta", "erin")
        late = state.issue(PLACE, ref.number).timeline.pop()
        assert github.fetch(ref).sightings == ()
        state.issue(PLACE, ref.number).timeline.append(late)
        assert [one.name for one in github.fetch(ref).sightings] == ["stage: beta"]

    def test_that_moved_is_not_taken_for_what_it_was(self, trackers: Trackers) -> None:
        ref, github = trackers.issue(), trackers.github()
        github.fetch(ref)
        moved = trackers.world.github.transfer(PLACE, ref.number, "acme/secret", "erin")
        with pytest.raises(Gone) as caught:
            github.fetch(ref)
        assert caught.value.now == Ref("github", "", "acme/secret", moved.number)

    def test_tells_its_ties_as_they_are_now(self, trackers: Trackers) -> None:
        ref, github, state = trackers.issue(), trackers.github(), trackers.world.github
        other = state.open_issue(PLACE, "Colours", "erin", f"See {ref.key}").number
        assert [one.is_open for one in github.related(ref, github.fetch(ref))] == [True]
        state.close(PLACE, other, "erin")
        assert [one.is_open for one in github.related(ref, github.fetch(ref))] == [False]

    def test_needs_one_read_on_jira_however_long_its_history_and_with_our_comments(self, trackers: Trackers) -> None:
        ref, jira = trackers.story(), trackers.jira()
        aged(trackers, ref, 500)
        jira.fetch(ref)
        said = jira.say(ref, TEXT, "a.b")
        jira.edit(ref, said.id, TEXT, "c.d")
        trackers.world.jira.set_labels(ref.key, ["mobile"], "erin")
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(trackers.jira().fetch(ref))) == 1
        assert [one.token for one in found[0].comments] == ["c.d"]
        assert found == [jira.fetch(ref, fresh=True)]

    def test_is_read_whole_on_jira_when_more_happened_than_it_shows_with_the_issue(self, trackers: Trackers) -> None:
        ref, jira, state = trackers.story(), trackers.jira(), trackers.world.jira
        state.embedded_histories = 20
        aged(trackers, ref, 120)
        jira.fetch(ref)
        for number in range(30):
            state.set_labels(ref.key, [] if number % 2 else ["odd"], "erin")
        assert len(jira.fetch(ref).sightings) == 1 + 120 + 30

    def test_has_its_markers_read_again_on_jira_when_somebody_changed_our_comment(self, trackers: Trackers) -> None:
        ref, jira = trackers.story(), trackers.jira()
        jira.fetch(ref)
        said = jira.say(ref, TEXT, "a.b")
        trackers.clock.shift(5)
        (comment,) = trackers.world.jira.issue(ref.key).comments
        trackers.world.jira.edit_comment(str(comment.id), "Mended", SERVICE)
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(jira.fetch(ref))) == 2
        assert found == [jira.fetch(ref, fresh=True)]
        assert said.id == found[0].comments[0].id


def on_github(trackers: Trackers, ref: Ref, dice: random.Random) -> None:
    """Somebody does something."""
    state, number = trackers.world.github, ref.number
    comments = [one for one in state.issue(PLACE, number).comments if one.by != SERVICE]
    names = state.label_names(PLACE, number)
    acts: list[Callable[[], object]] = [
        lambda: state.label(PLACE, number, dice.choice(["stage: beta", "stage: public", "noise"]), "erin"),
        lambda: state.comment(PLACE, number, dice.choice(["Fine", "@acme/support look", "/stage ack"]), "sam"),
        lambda: state.edit(PLACE, number, "erin", body=f"Text {dice.random()}"),
        lambda: state.close(PLACE, number, "erin") if dice.random() < 0.3 else state.reopen(PLACE, number, "erin"),
    ]
    if comments:
        acts.append(lambda: state.delete_comment(PLACE, dice.choice(comments).id, "sam"))
        acts.append(lambda: state.edit_comment(PLACE, dice.choice(comments[-1:]).id, "Written anew", "sam"))
    if names:
        acts.append(lambda: state.unlabel(PLACE, number, dice.choice(names), "erin"))
    dice.choice(acts)()


def on_jira(trackers: Trackers, ref: Ref, dice: random.Random) -> None:
    """The same."""
    state, key = trackers.world.jira, ref.key
    comments = [one for one in state.issue(key).comments if one.author != SERVICE]
    acts: list[Callable[[], object]] = [
        lambda: state.set_labels(key, dice.sample(["a", "b", "c"], dice.randint(0, 3)), "erin"),
        lambda: state.comment(key, dice.choice(["Fine", "/stage ack"]), "sam"),
        lambda: state.transition(key, dice.choice(["In Progress", "Internal", "Beta"]), "erin"),
    ]
    if comments:
        acts.append(lambda: state.delete_comment(str(dice.choice(comments).id), "sam"))
    try:
        dice.choice(acts)()
    except Exception as no_way:  # not every transition leads everywhere
        assert "JiraSaysNo" in type(no_way).__name__, no_way


@pytest.mark.parametrize("tracker", ["github", "jira"])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_the_shelf_shows_what_a_whole_read_shows(trackers: Trackers, tracker: str, seed: int) -> None:
    dice = random.Random(seed)
    on_tracker = trackers.github if tracker == "github" else trackers.jira
    ref = trackers.issue() if tracker == "github" else trackers.story()
    two: list[Any] = [on_tracker(), on_tracker()]
    aged(trackers, ref, 190)
    trackers.world.jira.embedded_histories = trackers.world.jira.page_size = 40
    act = on_github if tracker == "github" else on_jira
    said: list[Comment] = []
    for _ in range(12):
        trackers.clock.shift(dice.choice([0.2, 1, 3, 70]))
        us = dice.choice(two)
        for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
            act(trackers, ref, dice)
        if dice.random() < 0.3:
            said.append(us.say(ref, TEXT, f"token.{len(said)}"))
        elif said and dice.random() < 0.3:
            us.edit(ref, dice.choice(said).id, TO_SUPPORT if tracker == "github" else TEXT, f"again.{len(said)}")
        alone: Any = GitHub(GitHubSettings(trackers.served.github_url, token=SERVICE_TOKEN))
        if tracker == "jira":
            alone = Jira(JiraSettings("main", trackers.served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN))
        whole = alone.fetch(ref)
        shown = us.fetch(ref)
        assert _but_for_edits(shown) == _but_for_edits(whole)


def _but_for_edits(issue: Issue) -> Issue:
    """A comment counts as it was when it was first seen: what people made of an old one later need not be read."""
    told = tuple(
        one if one.author == issue.me else replace(one, body="", edited=False, mentions=frozenset())
        for one in issue.comments
    )
    return replace(issue, comments=told)


class TestAfterALabelOfOurs:
    @pytest.fixture
    def ref(self, trackers: Trackers) -> Ref:
        ref = trackers.issue()
        for label in ("stage: beta", "stage: public"):
            trackers.world.github.label(PLACE, ref.number, label, "erin")
        trackers.world.github.unlabel(PLACE, ref.number, "stage: beta", "erin")
        trackers.clock.shift(5)
        return ref

    def put_back(self, trackers: Trackers, github: GitHub, ref: Ref) -> None:
        issue = replace(github.fetch(ref), related=())
        github.say(ref, TO_SUPPORT, "a.b")
        github.recheck(ref, issue)
        trackers.clock.shift(1)
        github.put_label(ref, "stage: beta")
        github.take_label(ref, "stage: public")

    def test_the_history_alone_is_read_and_shows_what_a_whole_read_shows(self, trackers: Trackers, ref: Ref) -> None:
        github = trackers.github()
        self.put_back(trackers, github, ref)
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(github.fetch(ref))) == 1
        assert found == [github.fetch(ref, fresh=True)]
        assert {one.name for one in found[0].labels} == {"stage: beta"}
        assert trackers.asked(lambda: found.append(trackers.github().fetch(ref))) == 1, "and another process knows it"
        assert found[0] == found[1]

    @pytest.mark.parametrize(
        "act",
        [
            lambda state, number: state.unlabel(PLACE, number, "stage: beta", "erin"),
            lambda state, number: state.label(PLACE, number, "stage: public", "erin"),
            lambda state, number: state.label(PLACE, number, "noise", "erin"),
            lambda state, number: state.comment(PLACE, number, "/stage ack", "sam"),
            lambda state, number: state.delete_comment(PLACE, state.issue(PLACE, number).comments[0].id, "erin"),
        ],
        ids=["take ours off", "put it on again", "put another on", "comment", "delete our comment"],
    )
    def test_what_people_do_meanwhile_is_seen(
        self, trackers: Trackers, ref: Ref, act: Callable[[Any, int], object]
    ) -> None:
        github = trackers.github()
        self.put_back(trackers, github, ref)
        act(trackers.world.github, ref.number)
        assert github.fetch(ref) == github.fetch(ref, fresh=True)

    def test_what_else_people_do_meanwhile_is_seen_too(self, trackers: Trackers, ref: Ref) -> None:
        github = trackers.github()
        self.put_back(trackers, github, ref)
        trackers.world.github.close(PLACE, ref.number, "erin")
        assert github.fetch(ref) == github.fetch(ref, fresh=True)

    def test_what_people_do_to_the_labels_right_after_is_seen_the_next_time(self, trackers: Trackers, ref: Ref) -> None:
        github = trackers.github()
        self.put_back(trackers, github, ref)
        github.fetch(ref)
        trackers.world.github.label(PLACE, ref.number, "stage: public", "erin")
        trackers.world.github.unlabel(PLACE, ref.number, "stage: beta", "erin")
        assert github.fetch(ref) == github.fetch(ref, fresh=True)

    def test_a_history_that_lags_behind_is_not_believed(self, trackers: Trackers, ref: Ref) -> None:
        github = trackers.github()
        issue = replace(github.fetch(ref), related=())
        github.recheck(ref, issue)
        github.take_label(ref, "stage: public")
        timeline = trackers.world.github.issue(PLACE, ref.number).timeline
        late = timeline.pop()
        assert trackers.asked(lambda: github.fetch(ref)) > 2, "all of it is read, and where the label went is asked"
        timeline.append(late)
        assert github.fetch(ref).labels == ()

    def test_long_after_it_all_is_read(self, trackers: Trackers, ref: Ref, monkeypatch: pytest.MonkeyPatch) -> None:
        github = trackers.github()
        self.put_back(trackers, github, ref)
        later = time.monotonic() + 60
        monkeypatch.setattr("integration.trackers.github.time.monotonic", lambda: later)
        assert trackers.asked(lambda: github.fetch(ref)) == 2


class TestAnotherLookBeforeTheAct:
    @pytest.mark.parametrize("tracker", ["github", "jira"])
    def test_is_one_call_when_only_we_spoke_and_has_our_words(self, trackers: Trackers, tracker: str) -> None:
        us: Tracker = trackers.github() if tracker == "github" else trackers.jira()
        ref = trackers.issue() if tracker == "github" else trackers.story()
        issue = replace(us.fetch(ref), related=())
        said = us.say(ref, TEXT, "a.b")
        found: list[Issue] = []
        assert trackers.asked(lambda: found.append(us.recheck(ref, issue))) == 1
        assert [one.id for one in found[0].comments] == [said.id]
        assert found == [replace(us.fetch(ref, fresh=True), related=())]

    @pytest.mark.parametrize("tracker", ["github", "jira"])
    def test_sees_what_somebody_did_meanwhile(self, trackers: Trackers, tracker: str) -> None:
        us: Tracker = trackers.github() if tracker == "github" else trackers.jira()
        ref = trackers.issue() if tracker == "github" else trackers.story()
        issue = us.fetch(ref)
        us.say(ref, TEXT, "a.b")
        if tracker == "github":
            trackers.world.github.label(PLACE, ref.number, "stage: beta", "erin")
        else:
            trackers.world.jira.set_labels(ref.key, ["stage:beta"], "erin")
        assert [one.name.replace(" ", "") for one in us.recheck(ref, issue).labels] == ["stage:beta"]

    @pytest.mark.parametrize("tracker", ["github", "jira"])
    def test_needs_no_shelf(self, trackers: Trackers, tracker: str) -> None:
        us: Tracker = GitHub(GitHubSettings(trackers.served.github_url, token=SERVICE_TOKEN))
        ref = trackers.issue() if tracker == "github" else trackers.story()
        if tracker == "jira":
            us = Jira(JiraSettings("main", trackers.served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN))
        issue = us.fetch(ref)
        us.say(ref, TEXT, "a.b")
        assert trackers.asked(lambda: us.recheck(ref, issue)) == 1


class TestRemoving:
    @pytest.mark.parametrize("tracker", ["github", "jira"])
    def test_takes_our_comment_away_and_minds_not_if_somebody_did(self, trackers: Trackers, tracker: str) -> None:
        us: Tracker = trackers.github() if tracker == "github" else trackers.jira()
        ref = trackers.issue() if tracker == "github" else trackers.story()
        us.fetch(ref)
        said, other = us.say(ref, TEXT, "a.b"), us.say(ref, TEXT, "a.b")
        for _ in range(2):
            us.remove(ref, said.id)
        assert [one.id for one in us.fetch(ref).comments] == [other.id]
