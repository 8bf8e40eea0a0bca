"""Digests on their way, over real HTTP: each is said once, on the issue and through Apprise; the clock wakes them."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
import time_machine
from redis import Redis
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from sqlalchemy import text

from integration.look import Desk
from integration.memory.agenda import State
from integration.memory.database import connect_to, transaction
from integration.memory.inbox import Inbox
from integration.memory.ledger import Card, Ledger
from integration.sandbox import World, running
from integration.sandbox.people import SERVICE, SERVICE_EMAIL, SERVICE_TOKEN
from integration.sandbox.world import Fault
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.stages.entries import AttemptOpened, Judged, Outcome, Owed
from integration.stages.model import ClosedAs, Move, Person, Ref
from integration.stages.texts import digests as mind
from integration.stages.texts import markers
from integration.stages.texts.markup import Paragraph
from integration.trackers.github_shapes import marked
from workers import clock, digests, jobs

BORN = datetime(2026, 12, 2, 10, 0, tzinfo=UTC)  # a Wednesday
TUESDAY = datetime(2026, 12, 8, 9, 0, 30, tzinfo=UTC)  # half a minute after Support's day has begun
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ERIN = Person("1", "erin", "Erin")
DARK, PDF = Ref.parse("acme/app#11"), Ref.parse("acme/app#12")
POSTED = {"github": r"^POST .*/issues/\d+/comments$", "jira": r"^POST .*/comment$"}

FILE = """
version: 1
time_zone: Europe/London
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
calendars: {{london: {{time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}}}}
parties:
  support: {{name: Support, github: {{team: acme/support}}, calendar: london, digest: {digest}}}
  growth: {{name: Growth, github: {{team: acme/growth}}}}
sources: [{{github: {{repositories: ["acme/*"], labels: {{public: "stage: public", beta: "stage: beta"}}}}}}]
rules:
  - {{id: one, entering: public, require: [{{acknowledged: {{party: support}}}}], level: block, effective: 2026-12-01}}
"""


@dataclass
class Place:
    """A house whose Support has a digest, and the issue that takes it."""

    desk: Desk
    world: World
    traveller: Any
    tracker: str
    issue: Ref

    def restart(self, **settings: Any) -> None:
        """The process ends; another begins, with other settings, if any are given."""
        self.desk.ledger.close()
        self.desk = Desk.open(replace(self.desk.settings, **settings))

    def put_in_force(self, digest: str) -> None:
        self.desk.settings.mappings.write_text(FILE.format(digest=digest))
        assert self.desk.mappings.current  # who runs sees it change; whoever begins may have an older one

    def send(self, at: datetime = TUESDAY) -> datetime | None:
        self.traveller.move_to(at)
        return digests.send(self.desk, "support", at)

    @property
    def said(self) -> list[str]:
        """The comments of the service on the issue, oldest first."""
        if self.tracker == "github":
            found = self.world.github.issue(self.world.github.repo("acme/app"), self.issue.number).comments
            return [one.body.replace("\u2060", "") for one in found if one.by == SERVICE]
        noted = self.world.jira.issue(self.issue.key).comments
        return [one.body.replace("\u2060", "") for one in noted if one.author == SERVICE]

    @property
    def states(self) -> dict[str, State]:
        """How far the newest digest has come, by channel."""
        due = mind.due(self.desk.mappings.current, "support", BORN, datetime.now(UTC))
        assert due
        return {one.channel: one.state for one in self.desk.ledger.agenda.sendings("support", due)}

    def moved(self, ref: Ref, at: datetime, title: str = "Dark mode", to: str = "public") -> None:
        """The feature went to a stage then."""
        entry = Judged(at, Move(f"{ref}{at}", "labels:0", "beta", to, ERIN, at), Outcome.ADMITTED)
        seq = self.desk.ledger.read(ref).seq
        self.desk.ledger.append(ref, [entry], seq, at, Card(title, f"https://acme.example/{ref.number}", to))

    def asked(self, ref: Ref, at: datetime, title: str = "Export", **card: Any) -> None:
        """Somebody asked for Public then."""
        seq = self.desk.ledger.read(ref).seq
        entries = [
            AttemptOpened(at, "m1", "labels:0", "beta", "public", ERIN, at),
            Owed(at, "support", "beta", ERIN, "sam", at + 9 * DAY),
        ]
        known = {"wanted": "public"} | card
        self.desk.ledger.append(ref, entries, seq, at, Card(title, "https://acme.example/12", "beta", **known))


@pytest.fixture(params=["github", "jira"])
def tracker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def place_on(tracker: str, ledger_file: Path, stack: ExitStack) -> Place:
    traveller = stack.enter_context(time_machine.travel(TUESDAY, tick=True))
    served = stack.enter_context(running(World()))
    settings = Settings(
        data_dir=ledger_file.parent,
        mappings=ledger_file.parent / "mappings.yaml",
        redis_url="redis://127.0.0.1:1",
        database_url=f"sqlite:///{ledger_file}",
        marker_key=b"a key for the digests",
        github=GitHubSettings(served.github_url, SERVICE_TOKEN, webhook_secrets=("s",)),
        jira=(JiraSettings("main", served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN, webhook_secrets=("s",)),),
    )
    if tracker == "github":
        issue = Ref("github", "", "acme/app", served.world.github.open_issue("acme/app", "Digests", "gus").number)
    else:
        issue = Ref.parse(served.world.jira.create_issue("APP", "Digests", "gus"))
    settings.mappings.write_text(FILE.format(digest=f'{{days: mon-fri, issue: "{issue.key}"}}'))
    Ledger.open(settings.database_url, now=BORN).close()
    place = Place(Desk.open(settings), served.world, traveller, tracker, issue)
    stack.callback(lambda: place.desk.ledger.close())
    return place


@pytest.fixture
def place(tracker: str, ledger_file: Path) -> Iterator[Place]:
    """The same on each tracker."""
    with ExitStack() as stack:
        yield place_on(tracker, ledger_file, stack)


@pytest.fixture
def on_github(ledger_file: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield place_on("github", ledger_file, stack)


# --- as a comment -------------------------------------------------------------------------------------------------


def test_what_is_due_is_said_on_the_party_s_issue_once(place: Place) -> None:
    place.moved(DARK, TUESDAY - DAY)
    place.asked(PDF, TUESDAY - 2 * HOUR, awaited=("support",), owing=("support",))
    assert place.send() is None
    (said,) = place.said
    for words in ("Digest for Support, Tue 8 Dec", "Dark mode", "Public Release since Mon 7 Dec", "Waits for you (2)",
                  "was asked for by Erin", "/stage ack", "until Thu 17 Dec"):  # fmt: skip
        assert words in said
    assert place.send() is None
    assert place.send(TUESDAY + 5 * HOUR) is None
    place.restart()
    assert place.send(TUESDAY + 6 * HOUR) is None
    assert place.said == [said]
    assert place.states == {"comment": State.SENT}


def test_with_nothing_to_say_nothing_is_sent_and_the_day_is_over(place: Place) -> None:
    place.moved(DARK, BORN - HOUR)  # from before the ledger
    place.moved(PDF, TUESDAY - HOUR, to="internal")  # a stage that no rule of theirs is about
    assert place.send() is None
    place.asked(PDF, TUESDAY, awaited=("support",))
    assert place.send(TUESDAY + HOUR) is None
    assert place.said == []
    assert place.send(TUESDAY + DAY) is None
    assert len(place.said) == 1


def test_a_request_that_waits_for_others_is_told_as_coming(place: Place) -> None:
    place.asked(PDF, TUESDAY - HOUR, awaited=("growth",))
    place.send()
    assert "Coming, nothing to do yet (1)" in place.said[0]
    assert "it waits for Growth" in place.said[0]


@pytest.mark.parametrize("closed", [ClosedAs.DONE, ClosedAs.NOT_PLANNED])
def test_of_a_closed_issue_is_told_what_is_owed_and_nothing_that_waits_or_comes(
    on_github: Place, closed: ClosedAs
) -> None:
    on_github.asked(PDF, TUESDAY - HOUR, awaited=("support",), closed=closed)
    on_github.asked(replace(PDF, number=13), TUESDAY - HOUR, "Import", awaited=("growth",), closed=closed)
    owing = {"awaited": ("support",), "owing": ("support",), "closed": closed}
    on_github.asked(replace(PDF, number=14), TUESDAY - HOUR, "Search", **owing)
    on_github.send()
    (said,) = on_github.said
    assert "Waits for you (1)" in said
    assert "Search: sam owes your word" in said
    assert "Coming" not in said


def test_a_feature_that_cannot_be_read_is_left_out_and_told_to_the_admin_once(
    on_github: Place, receiver: Receiver
) -> None:
    on_github.restart(digests={"support": (receiver.address(),)})
    later = replace(DARK, number=15)
    for ref, title in ((DARK, "Dark mode"), (later, "Later")):
        on_github.moved(ref, TUESDAY - DAY, title)
        on_github.asked(ref, TUESDAY - HOUR, title, awaited=("support",))
    engine = connect_to(on_github.desk.settings.database_url)
    with transaction(engine, writes=True) as connection:  # as an entry that a later release has written
        connection.execute(text("DROP TRIGGER entries_refuse_update"))
        connection.execute(text('UPDATE entries SET body = \'{"kind": "sung"}\' WHERE feature_id = 1 AND seq = 1'))
    engine.dispose()
    with structlog.testing.capture_logs() as told:
        assert on_github.send() is None
    (line,) = [one for one in told if one["log_level"] == "error"]
    assert (line["feature"], "entry 1" in line["reason"]) == (str(DARK), True)
    for said in (on_github.said[0], receiver.got[0]["message"]):
        assert "Later" in said
        assert "Dark mode" not in said


@pytest.mark.parametrize("arrives", [True, False])
def test_a_comment_whose_answer_was_lost_is_looked_for_before_it_is_posted_again(place: Place, arrives: bool) -> None:
    place.moved(DARK, TUESDAY - DAY)
    kind = "after" if arrives else "before"
    place.world.faults.add(Fault(POSTED[place.tracker], kind, status=0 if arrives else 502))
    again = place.send()
    assert again is not None
    assert again - TUESDAY >= timedelta(seconds=60)
    assert len(place.said) == int(arrives)
    place.restart()
    assert place.send(TUESDAY + timedelta(seconds=59)) == again
    assert len(place.said) == int(arrives)
    assert place.send(again) is None
    assert (len(place.said), place.states) == (1, {"comment": State.SENT})


@pytest.mark.parametrize("by_us", [True, False])
def test_only_a_comment_of_our_own_with_this_digest_s_marker_counts_as_it(on_github: Place, by_us: bool) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.world.faults.add(Fault(POSTED["github"], "before"))
    again = on_github.send()
    assert again
    digest = markers.Marker(f"digest:2026-12-0{7 if by_us else 8}T09:00")
    token = markers.write(digest, Ref.of_party("support"), on_github.desk.settings.marker_key)
    body = marked((Paragraph(("Digest for Support",)),), token)
    on_github.world.github.comment("acme/app", on_github.issue.number, body, SERVICE if by_us else "erin")
    before = len(on_github.said)
    assert on_github.send(again) is None
    assert len(on_github.said) == before + 1


def test_a_tracker_that_asks_us_to_wait_is_given_the_time_it_asks_for(place: Place) -> None:
    place.moved(DARK, TUESDAY - DAY)
    place.world.faults.add(Fault(POSTED[place.tracker], "rate_limit", seconds=900))
    again = place.send()
    assert again is not None
    assert timedelta(seconds=890) < again - TUESDAY < timedelta(seconds=960)
    assert place.send(TUESDAY + timedelta(minutes=5)) == again
    assert place.send(again) is None
    assert len(place.said) == 1


@pytest.mark.parametrize("issue", ["acme/app#999", "NOPE-1", "a:b/c#1", "eu/APP-1"])
def test_an_issue_that_is_not_there_fails_once_and_the_next_digest_tells_what_was_missed(
    on_github: Place, issue: str
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.put_in_force(f'{{days: mon-fri, issue: "{issue}"}}')
    with structlog.testing.capture_logs() as told:
        assert on_github.send() is None
        assert on_github.send() is None
    assert [one["event"] for one in told if one["log_level"] == "error"] == ["a digest could not be posted"]
    assert on_github.states == {"comment": State.FAILED}
    on_github.put_in_force(f'{{days: mon-fri, issue: "{on_github.issue.key}"}}')
    assert on_github.send(TUESDAY + DAY) is None
    assert "Dark mode" in on_github.said[0]


def test_a_digest_is_no_feature_and_its_comment_is_nothing_that_a_judge_has_said(on_github: Place) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.send()
    assert on_github.desk.ledger.refs() == (DARK,)
    assert on_github.desk.look(on_github.issue, TUESDAY + HOUR).plan.entries == ()


# --- when ---------------------------------------------------------------------------------------------------------


def test_each_move_is_told_in_exactly_one_digest(on_github: Place) -> None:
    moments = [TUESDAY - 6 * DAY, TUESDAY - DAY, *(TUESDAY + timedelta(minutes=7 * n) for n in range(-10, 10))]
    refs = [replace(DARK, number=n) for n in range(100, 100 + len(moments))]
    for ref, at in zip(refs, moments, strict=True):
        on_github.moved(ref, at, title=f"Feature {ref.number}.")
    on_github.send()
    on_github.send(TUESDAY + DAY)
    assert len(on_github.said) == 2
    told = [sum(f"Feature {ref.number}." in said for said in on_github.said) for ref in refs]
    assert told == [at > BORN for at in moments]


@pytest.mark.parametrize("first", ["one", "broken"])
def test_what_has_not_arrived_on_one_channel_is_told_there_next_time_whatever_arrived_elsewhere(
    on_github: Place, receiver: Receiver, first: str
) -> None:
    on_github.restart(digests={"support": (receiver.address(),)})
    on_github.moved(DARK, TUESDAY - DAY)
    receiver.status = 200 if first == "one" else 500
    if first == "one":
        on_github.world.faults.add(Fault(POSTED["github"], "before", status=403))
    on_github.send()
    assert sorted(on_github.states.values()) == [State.FAILED, State.SENT]
    receiver.status = 200
    on_github.moved(PDF, TUESDAY, "Export as PDF")
    on_github.send(TUESDAY + DAY)
    by_mail, by_comment = receiver.got[-1]["message"], on_github.said[-1]
    assert ("Dark mode" in by_mail, "Dark mode" in by_comment) == (first == "broken", first == "one")
    assert "Export as PDF" in by_mail
    assert "Export as PDF" in by_comment


def test_a_party_without_digest_and_one_that_is_not_there_are_sent_nothing(on_github: Place) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    assert digests.send(on_github.desk, "growth", TUESDAY) is None
    assert digests.send(on_github.desk, "nobody", TUESDAY) is None
    assert on_github.said == []


# --- through Apprise ----------------------------------------------------------------------------------------------

SECRET = "hush-token-0123456789"


class Receiver(ThreadingHTTPServer):
    """Takes what Apprise posts; `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.released = threading.Event()  # until then, nothing that has "slow" in its path is answered
        super().__init__(("127.0.0.1", 0), _Take)

    def address(self, path: str = "one") -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.server_address[1]}/{path}/{SECRET}"


class _Take(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body) | {"path": self.path})
        assert "slow" not in self.path or self.server.released.wait(60)
        self.send_response(500 if "broken" in self.path else self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join(10)


@pytest.fixture
def mailed(on_github: Place, receiver: Receiver) -> Place:
    """Support has named no issue, but an address."""
    on_github.put_in_force("{days: mon-fri}")
    on_github.restart(digests={"support": (receiver.address(),)})
    on_github.moved(DARK, TUESDAY - DAY, "Dark <b>mode</b> & more")
    return on_github


def test_a_digest_goes_through_apprise_once(mailed: Place, receiver: Receiver) -> None:
    for _ in range(3):
        assert mailed.send() is None
    mailed.restart()
    mailed.send()
    (got,) = receiver.got
    assert got["title"] == "Release stages: digest for Support"
    for words in ("Dark &lt;b&gt;mode&lt;/b&gt; &amp; more", "in Public Release since Mon 7 Dec, moved by Erin"):
        assert words in got["message"].replace("\u2060", "")
    assert list(mailed.states.values()) == [State.SENT]


def test_a_service_that_knows_letters_only_gets_no_markup(mailed: Place, receiver: Receiver) -> None:
    mailed.restart(digests={"support": (f"ntfy://127.0.0.1:{receiver.server_address[1]}/topic",)})
    mailed.send()
    line = "- acme/app#11 https://acme.example/11 Dark ‹b›mode‹/b› & more: in Public Release since Mon 7 Dec, moved by"
    assert line in receiver.got[0]["message"]


def test_it_goes_to_the_issue_and_to_every_address_and_one_that_fails_keeps_none_from_its_own(
    mailed: Place, receiver: Receiver
) -> None:
    mailed.put_in_force(f'{{days: mon-fri, issue: "{mailed.issue.key}"}}')
    addresses = (receiver.address("broken"), "nosuchservice://x", receiver.address())
    mailed.restart(digests={"support": addresses})
    for _ in range(2):
        assert mailed.send() is None
    assert sorted(one["path"].split("/")[1] for one in receiver.got) == ["broken", "one"]
    assert len(mailed.said) == 1
    assert sorted(mailed.states.values()) == [State.FAILED, State.FAILED, State.SENT, State.SENT]


def test_while_the_tracker_is_away_the_addresses_get_theirs_and_only_once(mailed: Place, receiver: Receiver) -> None:
    mailed.put_in_force(f'{{days: mon-fri, issue: "{mailed.issue.key}"}}')
    mailed.world.faults.add(Fault(POSTED["github"], "before"))
    again = mailed.send()
    assert again
    assert (len(receiver.got), mailed.said) == (1, [])
    assert mailed.send(again) is None
    assert (len(receiver.got), len(mailed.said)) == (1, 1)


def test_what_was_tried_and_is_not_known_to_have_arrived_is_not_sent_again(mailed: Place, receiver: Receiver) -> None:
    channel = digests.fingerprint(receiver.address(), mailed.desk.settings.marker_key)
    agenda, due = mailed.desk.ledger.agenda, TUESDAY.replace(second=0)
    (one,) = agenda.plan("support", due, [channel], TUESDAY)
    agenda.step(one, State.TRIED, TUESDAY)  # and here the process died
    assert mailed.send(TUESDAY + HOUR) is None
    assert (receiver.got, mailed.states) == ([], {channel: State.FAILED})
    mailed.send(TUESDAY + DAY)
    assert "Dark" in receiver.got[0]["message"]  # the next one tells what was missed


@pytest.mark.parametrize("path", ["one", "broken"])
def test_no_address_shows_in_a_log_a_ledger_or_an_output(
    mailed: Place, receiver: Receiver, path: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#hush"
    mailed.restart(digests={"support": (receiver.address(path), gone.replace("slack", "nosuch"))})
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as told:
        mailed.send()
    assert len(receiver.got) == 1
    assert told
    file = (mailed.desk.settings.data_dir / "ledger.db").read_bytes().decode("latin-1")
    everything = f"{told}{caplog.text}{capfd.readouterr()}{mailed.desk.settings!r}{file}"
    for secret in (SECRET, "TIiajkdnlazkcOXrIdevi7FQ", "hush"):
        assert secret not in everything
    assert logging.root.manager.disable == logging.NOTSET


def test_a_job_that_takes_too_long_over_an_address_ends_and_the_message_is_not_sent_again(
    mailed: Place, receiver: Receiver
) -> None:
    mailed.restart(digests={"support": (receiver.address("slow"),)})
    with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
        mailed.send()
    assert logging.root.manager.disable == logging.NOTSET
    assert list(mailed.states.values()) == [State.TRIED]
    receiver.released.set()
    assert mailed.send(TUESDAY + HOUR) is None
    assert (len(receiver.got), list(mailed.states.values())) == (1, [State.FAILED])


def test_a_service_of_apprise_that_breaks_down_is_named_without_its_address(
    mailed: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    def breaks(address: str, **more: object) -> None:
        raise RuntimeError(address)

    monkeypatch.setattr(apprise.Apprise, "instantiate", breaks)
    with structlog.testing.capture_logs() as told:
        assert mailed.send() is None
    assert told[0] == {
        "event": "a service of Apprise broke down", "log_level": "error", "through": "json", "error": "RuntimeError",
    }  # fmt: skip
    assert SECRET not in str(told)
    assert list(mailed.states.values()) == [State.FAILED]


def test_without_apprise_one_line_says_what_to_install_and_the_comment_is_posted(
    mailed: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed.put_in_force(f'{{days: mon-fri, issue: "{mailed.issue.key}"}}')
    mailed.restart(digests={"support": (receiver.address("a"), receiver.address("b"))})
    monkeypatch.setitem(sys.modules, "apprise", None)
    with structlog.testing.capture_logs() as told:
        for _ in range(2):
            assert mailed.send() is None
    (line,) = [one for one in told if one["log_level"] == "error"]
    assert "pip install 'apprise>=2.2'" in line["reason"]
    assert receiver.got == []
    assert len(mailed.said) == 1
    assert sorted(mailed.states.values()) == [State.FAILED, State.FAILED, State.SENT]


def test_a_digest_that_is_to_go_nowhere_is_told_to_the_admin_once(on_github: Place) -> None:
    on_github.put_in_force("{days: mon-fri}")
    on_github.moved(DARK, TUESDAY - DAY)
    with structlog.testing.capture_logs() as told:
        for _ in range(2):
            assert on_github.send() is None
    (line,) = [one for one in told if one["log_level"] == "warning"]
    assert "set DIGEST_SUPPORT" in line["fix"]


@pytest.mark.parametrize("state", [State.PLANNED, State.TRIED])
def test_an_address_that_was_taken_away_meanwhile_counts_as_not_arrived(
    mailed: Place, receiver: Receiver, state: State
) -> None:
    agenda = mailed.desk.ledger.agenda
    (one,) = agenda.plan("support", TUESDAY.replace(second=0), ["apprise:of-old"], TUESDAY)
    agenda.step(one, state, TUESDAY)
    mailed.restart(digests={})
    mailed.send()
    assert mailed.states == {"apprise:of-old": State.FAILED, "nowhere": State.FAILED}
    mailed.restart(digests={"support": (receiver.address(),)})
    mailed.send(TUESDAY + DAY)
    assert "Dark" in receiver.got[0]["message"]


# --- the clock wakes them -----------------------------------------------------------------------------------------


@pytest.fixture
def inbox(redis_client: Redis) -> Inbox:
    return Inbox(redis_client)


@pytest.fixture
def tick(on_github: Place, inbox: Inbox) -> Callable[[datetime], int]:
    """The clock looks, and a worker does what it finds; how many hints there were."""
    due = clock.DueDigests(inbox, on_github.desk.ledger, on_github.desk.settings)
    due(BORN)  # the file has ordered the digest from the beginning

    def look(now: datetime) -> int:
        on_github.traveller.move_to(now)
        due(now)
        hints = inbox.depth()
        jobs.run_one(on_github.desk, inbox, Ref.of_party("support"))
        return hints

    return look


def test_the_clock_hints_once_for_each_digest(on_github: Place, tick: Callable[[datetime], int], inbox: Inbox) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.send(TUESDAY - timedelta(minutes=2))  # Monday's
    assert len(on_github.said) == 0
    found = [tick(TUESDAY + timedelta(minutes=minute)) for minute in (-1, 0, 1, 2, 60)]
    assert found == [0, 1, 0, 0, 0]
    assert len(on_github.said) == 1
    assert inbox.depth() == 0
    assert on_github.desk.ledger.refs() == (DARK,)


def test_a_clock_that_was_dead_for_three_days_sends_one_digest_of_all_since_the_last(
    on_github: Place, tick: Callable[[datetime], int]
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    assert tick(TUESDAY) == 1
    for day in range(1, 4):
        on_github.moved(replace(PDF, number=20 + day), TUESDAY + day * DAY - 4 * HOUR, f"Feature {day}.")
    friday = TUESDAY + 3 * DAY + 2 * HOUR
    assert [tick(friday), tick(friday + timedelta(minutes=1))] == [1, 0]
    assert len(on_github.said) == 2
    assert all(f"Feature {day}." in on_github.said[1] for day in range(1, 4))
    assert "Dark mode" not in on_github.said[1]


ELSEWHERE = 'at: "08:00", issue: "acme/app#999"'


@pytest.mark.parametrize(
    "order",
    [
        "days: mon-fri, issue: {issue}", 'days: tue, at: "09:00", issue: {issue}', 'days: mon, issue: {issue}',
        'days: mon-sun, at: "08:00", issue: {issue}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [None, f"{{days: mon-fri, {ELSEWHERE}}}"])
def test_an_order_that_is_new_or_other_than_before_counts_from_its_next_day_on(
    on_github: Place, tick: Callable[[datetime], int], order: str, before: str | None
) -> None:
    on_github.asked(PDF, TUESDAY - HOUR, awaited=("support",))
    on_github.put_in_force(before or "")
    assert tick(TUESDAY - 2 * HOUR) == 0
    on_github.put_in_force(f"{{{order.format(issue=repr(on_github.issue.key))}}}")
    assert [tick(TUESDAY + timedelta(minutes=minute)) for minute in (3, 4, 60)] == [0, 0, 0]
    assert [tick(TUESDAY + days * DAY) for days in (1, 2, 7)].count(1) >= 1
    assert "Export" in on_github.said[0]


@pytest.mark.parametrize("at", ["11:00", "14:30"])
def test_a_digest_whose_time_is_changed_after_it_was_sent_is_not_sent_twice_on_that_day(
    on_github: Place, tick: Callable[[datetime], int], at: str
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    assert tick(TUESDAY) == 1
    on_github.asked(PDF, TUESDAY, awaited=("support",))
    on_github.put_in_force(f'{{days: mon-fri, at: "{at}", issue: "{on_github.issue.key}"}}')
    assert [tick(TUESDAY + hours * HOUR) for hours in (1, 2, 3, 6, 12)] == [0] * 5
    assert tick(TUESDAY + DAY + 6 * HOUR) == 1
    assert len(on_github.said) == 2


def test_a_second_time_of_a_day_counts_where_nothing_was_sent_at_the_first(
    on_github: Place, tick: Callable[[datetime], int]
) -> None:
    assert tick(TUESDAY) == 1
    on_github.asked(PDF, TUESDAY, awaited=("support",))
    on_github.put_in_force(f'{{days: mon-fri, at: "14:00", issue: "{on_github.issue.key}"}}')
    assert [tick(TUESDAY + hours * HOUR) for hours in (1, 6)] == [0, 1]
    assert len(on_github.said) == 1


def test_a_digest_that_is_on_its_way_is_brought_to_its_end_where_the_file_now_names_another_issue(
    on_github: Place, tick: Callable[[datetime], int]
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.world.faults.add(Fault(POSTED["github"], "rate_limit", seconds=900))
    tick(TUESDAY)
    other = on_github.world.github.open_issue("acme/app", "Other", "gus")
    on_github.put_in_force(f'{{days: mon-fri, issue: "acme/app#{other.number}"}}')
    tick(TUESDAY + timedelta(minutes=17))
    assert on_github.said == []
    assert len([one for one in other.comments if one.by == SERVICE]) == 1


def test_a_hint_of_an_order_that_does_not_stand_any_more_sends_nothing(
    on_github: Place, tick: Callable[[datetime], int]
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    assert tick(TUESDAY - HOUR) == 1  # yesterday's, with nothing to say
    on_github.put_in_force(f'{{days: mon-fri, at: "08:30", issue: "{on_github.issue.key}"}}')
    assert on_github.send() is None  # before the clock has seen the new order
    assert on_github.said == []
    assert [tick(TUESDAY), tick(TUESDAY + DAY)] == [0, 1]
    assert len(on_github.said) == 1


def test_a_digest_that_was_put_off_is_not_hinted_at_before_its_time(
    on_github: Place, tick: Callable[[datetime], int], inbox: Inbox
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.world.faults.add(Fault(POSTED["github"], "rate_limit", seconds=900))
    tick(TUESDAY)
    assert inbox.depth() == 1  # it waits in the inbox
    queued, mappings = inbox.queue.count, on_github.desk.mappings.current
    for minute in (2, 5):
        now = TUESDAY + timedelta(minutes=minute)
        clock.hint_at_digests(inbox, on_github.desk.ledger, mappings, now)
        assert inbox.wake_due(now, timedelta(hours=9)) == 0
    assert inbox.queue.count == queued
    assert tick(TUESDAY + timedelta(minutes=17)) == 1
    assert len(on_github.said) == 1


def test_a_digest_that_redis_forgot_is_hinted_at_again(
    on_github: Place, tick: Callable[[datetime], int], inbox: Inbox, redis_client: Redis
) -> None:
    on_github.moved(DARK, TUESDAY - DAY)
    on_github.world.faults.add(Fault(POSTED["github"], "before"))
    tick(TUESDAY)
    redis_client.flushall()
    assert inbox.depth() == 0
    assert tick(TUESDAY + timedelta(minutes=2)) == 1
    assert len(on_github.said) == 1


def test_a_file_that_is_broken_from_the_start_stops_no_other_task_and_counts_once_it_is_mended(
    on_github: Place, inbox: Inbox, tmp_path: Path
) -> None:
    good = on_github.desk.settings.mappings.read_text()
    settings = replace(
        on_github.desk.settings, mappings=tmp_path / "broken.yaml", database_url=f"sqlite:///{tmp_path / 'new.db'}"
    )
    settings.mappings.write_text("version: nine\n")
    ledger = Ledger.open(settings.database_url, now=BORN)
    ticks = [one for one in clock.table(inbox, ledger, settings) if one.name in ("digests", "look again")]
    assert [one.every for one in ticks if one.name == "digests"] == [timedelta(minutes=1)]
    with structlog.testing.capture_logs() as told:
        for second in (0, 60, 120):
            clock.step(ticks, lambda: float(second), lambda: TUESDAY)  # noqa: B023
    assert [one["event"] for one in told].count("clock task failed, it will be tried again") == 1
    assert (inbox.depth(), [one.failures for one in ticks]) == (0, [0, 3])
    settings.mappings.write_text(good)
    clock.step(ticks, lambda: 180.0, lambda: TUESDAY)
    assert inbox.depth() == 0
    clock.step(ticks, lambda: 240.0, lambda: TUESDAY + DAY)
    assert inbox.depth() == 1
    ledger.close()


def test_an_address_that_belongs_to_no_party_is_told_to_the_admin_once_and_is_not_shown(
    on_github: Place, inbox: Inbox
) -> None:
    settings = replace(on_github.desk.settings, digests={"suport": (f"json://{SECRET}",), "support": ("json://x",)})
    due = clock.DueDigests(inbox, on_github.desk.ledger, settings)
    with structlog.testing.capture_logs() as told:
        due(TUESDAY)
        due(TUESDAY)
    (line,) = told
    assert line["variable"] == "DIGEST_SUPORT"
    assert SECRET not in str(told)


def test_an_address_that_belongs_to_no_party_since_the_file_was_changed_is_told_then(
    on_github: Place, inbox: Inbox
) -> None:
    settings = replace(on_github.desk.settings, digests={"support": ("json://x",)})
    due = clock.DueDigests(inbox, on_github.desk.ledger, settings)
    with structlog.testing.capture_logs() as told:
        due(TUESDAY)
        assert told == []
        on_github.put_in_force("")
        due(TUESDAY)
        due(TUESDAY)
    assert [one["variable"] for one in told if one["log_level"] == "warning"] == ["DIGEST_SUPPORT"]


def test_the_inbox_takes_a_party_as_it_takes_an_issue(inbox: Inbox) -> None:
    party = Ref.of_party("support")
    inbox.hint(party, now=TUESDAY)
    run = inbox.begin(party, TUESDAY)
    assert run
    assert (run.ref, inbox.queue.jobs[0].args) == (party, ["party:support"])
    inbox.put_off(run, TUESDAY + HOUR, TUESDAY)
    assert inbox.wake_due(TUESDAY + HOUR, 9 * HOUR) == 1
