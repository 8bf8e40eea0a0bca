"""GitHub as the house sees it: snapshots that are whole, words that are said once, and errors that say what to do."""

from __future__ import annotations

import base64
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from responses import matchers
from urllib3.exceptions import MaxRetryError, NewConnectionError

from integration.sandbox import Served, World, running
from integration.sandbox.faults import Fault
from integration.sandbox.people import SERVICE, SERVICE_TOKEN
from integration.settings import GitHubSettings
from integration.stages.model import ClosedAs, Comment, Happened, Issue, Label, Person, Ref, Related, Tie
from integration.stages.texts.markup import Mention, Paragraph, Quoted
from integration.trackers import Gone, Locked, Question, Refused, TrackerError, Unavailable
from integration.trackers.github import GitHub
from integration.trackers.pace import Bare

API = "http://localhost:9000/api/v3"
PLACE = f"{API}/repos/acme/app"
ISSUE = f"{PLACE}/issues/12"
TIMELINE = f"{ISSUE}/timeline"
COMMENTS = f"{ISSUE}/comments"
TEAM = f"{API}/orgs/acme/teams/support"
FULL = "application/vnd.github.full+json"
REF = Ref("github", "", "acme/app", 12)
SECRET = "ghp_a-very-secret-token"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ERIN = {"id": 7, "login": "Erin", "type": "User"}
US = {"id": 99, "login": "release-stages", "type": "User"}
TEXT = (Paragraph((Mention("acme/support"), ": please look at ", Quoted("@sam <!-- release-stages: forged -->"))),)


def issue(**more: Any) -> dict[str, Any]:
    return {
        "number": 12, "title": "Export", "body": "To CSV", "state": "open", "state_reason": None, "user": ERIN,
        "html_url": "https://github.example/acme/app/issues/12", "repository_url": PLACE, "labels": [],
        "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-03-01T10:00:00Z", **more,
    }  # fmt: skip


def event(number: int, what: str, label: str, at: str = "2026-02-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    named = {"name": label, "color": "ededed"}
    return {"id": number, "event": what, "label": named, "created_at": at, "actor": ERIN, **more}


def comment(number: int, body: str, html: str | None = "", **more: Any) -> dict[str, Any]:
    entry = {
        "id": number, "event": "commented", "body": body, "user": ERIN, "actor": ERIN,
        "html_url": f"{COMMENTS}/{number}", "created_at": "2026-02-02T10:00:00Z",
        "updated_at": "2026-02-02T10:00:00Z", **more,
    }  # fmt: skip
    return entry if html is None else {**entry, "body_html": html}


def user_link(login: str) -> str:
    return f'<a class="user-mention notranslate" data-hovercard-type="user" href="https://x/{login}">@{login}</a>'


def team_link(team: str) -> str:
    return f'<a class="team-mention js-team-mention notranslate" href="https://x/orgs/{team}">@{team}</a>'


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(registry=responses.registries.OrderedRegistry) as mock:
        yield mock


@pytest.fixture
def github() -> GitHub:
    tracker = GitHub(GitHubSettings(api_url=API, token=SECRET), clock=lambda: NOW)
    tracker._me = Person("99", "release-stages", "release-stages")
    return tracker


def asked(web: responses.RequestsMock) -> list[tuple[str, str]]:
    return [(str(call.request.method), str(call.request.url).removeprefix(API)) for call in web.calls]


def sent(web: responses.RequestsMock, place: int = -1) -> Any:
    return json.loads(web.calls[place].request.body)


LOCKED = "Unable to create comment because issue is locked."
ARCHIVED = "Repository was archived so is read-only."
BOTH = "Repository was archived so is read-only and unable to create comment because issue is locked."


class TestAnIssueThatIsShut:
    @pytest.mark.parametrize(
        ("message", "opens"), [(LOCKED, "unlock the conversation"), (ARCHIVED, "unarchive"), (BOTH, "unarchive")]
    )
    def test_says_so_in_githubs_words_and_who_can_open_it(
        self, web: Any, github: GitHub, message: str, opens: str
    ) -> None:
        web.post(COMMENTS, status=403, json={"message": message, "documentation_url": "https://docs.github.com/x"})
        with pytest.raises(Locked, match=re.escape(message)) as no:
            github.say(REF, TEXT, "T")
        assert opens in str(no.value)
        assert "commenting on acme/app#12" in str(no.value)
        assert "permission" not in str(no.value)

    def test_is_none_where_the_word_stands_in_another_answer(self, web: Any, github: GitHub) -> None:
        web.post(COMMENTS, status=422, json={"message": LOCKED})
        web.post(COMMENTS, status=403, json={"message": "Resource not accessible by integration"})
        for _ in range(2):
            with pytest.raises(Refused) as no:
                github.say(REF, TEXT, "T")
            assert not isinstance(no.value, Locked)

    def test_is_none_while_github_only_asks_us_to_wait(self, web: Any, github: GitHub) -> None:
        web.post(COMMENTS, status=403, json={"message": LOCKED}, headers={"Retry-After": "5"})
        with pytest.raises(Unavailable):
            github.say(REF, TEXT, "T")


class TestASnapshot:
    def test_is_two_reads_the_issue_then_its_rendered_history(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue())
        page = {"per_page": "100"}
        web.get(
            TIMELINE,
            json=[],
            match=[matchers.query_param_matcher(page), matchers.header_matcher({"Accept": FULL})],
        )
        snapshot = github.fetch(REF)
        assert (snapshot.ref, snapshot.title, snapshot.body) == (REF, "Export", "To CSV")
        assert snapshot.author == Person("7", "Erin", "Erin")
        assert snapshot.created == datetime(2026, 1, 5, 9, tzinfo=UTC)
        assert snapshot.watermark == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert not snapshot.is_pull_request

    def test_has_each_label_change_with_who_when_and_through_which_app(self, web: Any, github: GitHub) -> None:
        bot = {"id": 8, "login": "tidy[bot]", "type": "Bot"}
        web.get(ISSUE, json=issue(labels=[{"id": 501, "name": "stage: beta"}]))
        web.get(
            TIMELINE,
            json=[
                event(2, "unlabeled", "stage: beta", "2026-02-01T12:00:00+01:00", actor=bot,
                      performed_via_github_app={"id": 4, "slug": "tidy"}),
                event(1, "labeled", "stage: beta", "2026-02-01T10:30:00Z", actor=None),
                event(3, "labeled", "stage: beta", "2026-02-01T11:00:00Z"),
                {"event": "subscribed", "id": 4}, {"event": "committed", "sha": "0" * 40}, {"event": None},
            ],
        )  # fmt: skip
        snapshot = github.fetch(REF)
        assert snapshot.labels == (Label("501", "stage: beta"),)
        first, second, third = snapshot.sightings
        assert [seen.id for seen in (first, second, third)] == ["1", "2", "3"]
        assert (first.what, first.actor) == (Happened.ADDED, Person("", "ghost", "ghost"))
        assert (second.what, second.actor) == (Happened.REMOVED, Person("8", "tidy[bot]", "tidy[bot]", bot=True))
        assert (second.app, second.at) == ("4", datetime(2026, 2, 1, 11, tzinfo=UTC))
        assert (third.name, third.app, third.value_id) == ("stage: beta", "", "")

    def test_of_a_long_history_reads_every_page(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue())
        for page in (1, 2, 3):
            more = {"Link": f'<{TIMELINE}?per_page=100&page={page + 1}>; rel="next", <{TIMELINE}?page=3>; rel="last"'}
            web.get(TIMELINE, json=[comment(page, "x")], headers=more if page < 3 else {})
        assert [said.id for said in github.fetch(REF).comments] == ["1", "2", "3"]
        assert parse_qs(urlsplit(web.calls[-1].request.url).query) == {"per_page": ["100"], "page": ["3"]}
        assert all(call.request.headers["Accept"] == FULL for call in web.calls[1:])

    @pytest.mark.parametrize(
        ("more", "closed"),
        [
            ({}, ClosedAs.OPEN),
            ({"state_reason": "reopened"}, ClosedAs.OPEN),
            ({"state": "closed", "state_reason": "completed"}, ClosedAs.DONE),
            ({"state": "closed"}, ClosedAs.DONE),
            ({"state": "closed", "state_reason": "not_planned"}, ClosedAs.NOT_PLANNED),
            ({"state": "closed", "state_reason": "duplicate"}, ClosedAs.NOT_PLANNED),
        ],
    )
    def test_tells_how_the_issue_stands(self, web: Any, github: GitHub, more: Any, closed: ClosedAs) -> None:
        web.get(ISSUE, json=issue(**more))
        web.get(TIMELINE, json=[])
        assert github.fetch(REF).closed is closed

    def test_of_a_pull_request_without_a_body_by_a_deleted_account(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue(pull_request={"url": "x"}, body=None, user=None))
        web.get(TIMELINE, json=[])
        snapshot = github.fetch(REF)
        assert snapshot.is_pull_request
        assert (snapshot.body, snapshot.author.handle) == ("", "ghost")

    @pytest.mark.parametrize(
        ("kind", "name"), [({"id": 1, "name": "Bug"}, "Bug"), (None, ""), ({"id": 1}, ""), ("Bug", "")]
    )
    def test_has_the_issues_type(self, web: Any, github: GitHub, kind: Any, name: str) -> None:
        web.get(ISSUE, json=issue(type=kind))
        web.get(TIMELINE, json=[])
        assert github.fetch(REF).type == name

    def test_of_a_place_written_in_another_case_is_no_moved_issue(self, web: Any, github: GitHub) -> None:
        web.get(f"{API}/repos/ACME/App/issues/12", json=issue())
        web.get(f"{API}/repos/ACME/App/issues/12/timeline", json=[])
        ref = Ref("github", "", "ACME/App", 12)
        assert github.fetch(ref).ref == ref

    @pytest.mark.parametrize(
        "answer",
        [
            [],
            {"number": 12},
            issue(created_at="yesterday"),
            issue(labels=None),
            issue(updated_at="0001-01-01T00:00:00+05:00"),
            issue(updated_at="9999-12-31T23:59:59-05:00"),
            issue(repository_url="http://[::1"),
        ],
    )
    def test_is_not_made_of_an_answer_that_makes_no_sense(self, web: Any, github: GitHub, answer: Any) -> None:
        web._registry = responses.registries.FirstMatchRegistry()
        web.assert_all_requests_are_fired = False
        web.get(ISSUE, json=answer)
        web.get(TIMELINE, json=[])
        with pytest.raises(Unavailable, match="cannot read"):
            github.fetch(REF)

    def test_is_not_made_of_a_page_that_is_no_json(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, body="<html>Unicorn!</html>")
        with pytest.raises(Unavailable, match="reading acme/app#12"):
            github.fetch(REF)

    @pytest.mark.parametrize("status", [200, 403, 404, 500])
    def test_is_not_made_of_an_answer_nested_without_end(self, web: Any, github: GitHub, status: int) -> None:
        web._registry = responses.registries.FirstMatchRegistry()
        web.get(ISSUE, status=status, body="[" * 100_000 + "]" * 100_000)
        with pytest.raises(Gone if status == 404 else Refused if status == 403 else Unavailable):
            github.fetch(REF)

    @pytest.mark.parametrize("status", [404, 410])
    def test_whose_history_is_not_there_may_be_tried_again(self, web: Any, github: GitHub, status: int) -> None:
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, status=status, json={"message": "Not Found"})
        with pytest.raises(Unavailable, match=r"not all of it.*the history of acme/app#12"):
            github.fetch(REF)

    def test_by_an_account_that_github_does_not_know_is_refused(self, web: Any) -> None:
        github = GitHub(GitHubSettings(api_url=API, token=SECRET), clock=lambda: NOW)
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[])
        web.get(f"{API}/user", status=404)
        with pytest.raises(Refused, match="which account our token belongs to"):
            github.fetch(REF)


class TestATornSnapshot:
    added = event(1, "labeled", "stage: public", "2026-03-01T10:00:05Z")

    def test_is_read_again(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[self.added])
        web.get(ISSUE, json=issue(labels=[{"id": 3, "name": "stage: public"}], updated_at="2026-03-01T10:00:05Z"))
        web.get(TIMELINE, json=[self.added])
        assert github.fetch(REF).labels == (Label("3", "stage: public"),)

    def test_is_given_up_after_the_third_time(self, web: Any, github: GitHub) -> None:
        for _ in range(3):
            web.get(ISSUE, json=issue(labels=[{"id": 3, "name": "stage: beta"}]))
            web.get(TIMELINE, json=[event(1, "unlabeled", "stage: beta", "2026-03-01T10:00:01Z")])
        with pytest.raises(Unavailable, match="changes faster") as caught:
            github.fetch(REF)
        assert caught.value.retry_at is not None
        assert not caught.value.unknown

    def test_is_none_when_a_newer_change_left_everything_as_it_was(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[self.added, event(2, "unlabeled", "Stage: Public", "2026-03-01T10:00:06Z")])
        assert len(github.fetch(REF).sightings) == 2


class TestLabelsThatWereDeleted:
    def test_are_named_when_the_place_has_them_no_more(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue(labels=[{"id": 1, "name": "Stage: Beta"}]))
        web.get(
            TIMELINE,
            json=[
                event(1, "labeled", "stage: beta"),
                event(2, "labeled", "stage: public/new?"),
                event(3, "labeled", "kind: bug"),
                event(4, "labeled", "once"),
                event(5, "unlabeled", "once"),
            ],
        )
        web.get(f"{PLACE}/labels/stage%3A%20public/new%3F", status=404, json={"message": "Not Found"})
        web.get(f"{PLACE}/labels/kind%3A%20bug", json={"id": 9, "name": "kind: bug"})
        assert github.fetch(REF).deleted_labels == {"stage: public/new?"}

    def test_cannot_lead_the_request_elsewhere(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[event(1, "labeled", "../../other/secrets")])
        web.get(f"{PLACE}/labels/..%2F..%2Fother%2Fsecrets", status=404)
        assert github.fetch(REF).deleted_labels == {"../../other/secrets"}


class TestComments:
    def read(self, web: Any, github: GitHub, *entries: dict[str, Any]) -> tuple[Comment, ...]:
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=list(entries))
        return github.fetch(REF).comments

    def test_name_whom_github_linked_outside_of_quotes(self, web: Any, github: GitHub) -> None:
        html = (
            f"<blockquote><p>{user_link('quoted')}<blockquote>{team_link('acme/quoted')}</blockquote></p></blockquote>"
            f"<p>Hi {user_link('Sam')} and <strong>{team_link('Acme/Support')}</strong>, <code>@code</code>, @nobody"
            '<a href="https://x/other">@other</a><br><a class="issue-link" href="x">#1</a>'
        )
        (said,) = self.read(web, github, comment(1, "Hi @sam", html))
        assert said.mentions == {"sam", "acme/support"}

    def test_are_read_with_their_links_when_the_history_lacks_them(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[comment(1, "Hi @sam", None), comment(2, "Hi", None)])
        full = [comment(1, "Hi @sam", user_link("sam"), actor=None), comment(2, "Hi", "Hi", actor=None)]
        page = {"per_page": "100"}
        web.get(
            COMMENTS,
            json=full,
            match=[matchers.header_matcher({"Accept": FULL}), matchers.query_param_matcher(page)],
        )
        assert [said.mentions for said in github.fetch(REF).comments] == [{"sam"}, frozenset()]

    def test_without_an_at_sign_need_no_read_of_their_own(self, web: Any, github: GitHub) -> None:
        (said,) = self.read(web, github, comment(1, "Hi all", None))
        assert said.mentions == frozenset()

    @pytest.mark.parametrize(
        ("body", "shown", "token"),
        [
            ("Hello", "Hello", ""),
            ("Hello\n\n<!-- release-stages: abc.DEF -->", "Hello", "abc.DEF"),
            ("Hello\r\n\r\n<!-- release-stages: abc.DEF -->\r\n", "Hello", "abc.DEF"),
            ("<!-- release-stages: a--b -->", "", "a--b"),
            ("<!-- release-stages: a -->\nHello", "<!-- release-stages: a -->\nHello", ""),
            ("Hello <!-- release-stages: a -->", "Hello <!-- release-stages: a -->", ""),
            ("> <!-- release-stages: a -->", "> <!-- release-stages: a -->", ""),
            ("<!-- release-stages: a -->\n<!-- release-stages: b -->", "<!-- release-stages: a -->", "b"),
            ("<!-- release-stages: a b -->", "<!-- release-stages: a b -->", ""),
        ],
    )
    def test_carry_a_token_on_their_very_last_line(
        self, web: Any, github: GitHub, body: str, shown: str, token: str
    ) -> None:
        (said,) = self.read(web, github, comment(1, body))
        assert (said.body, said.token) == (shown, token)

    @pytest.mark.parametrize(("changed", "edited"), [("10:00:00", False), ("10:00:01", False), ("10:00:02", True)])
    def test_were_edited_when_they_changed_later(self, web: Any, github: GitHub, changed: str, edited: bool) -> None:
        (said,) = self.read(web, github, comment(1, "x", updated_at=f"2026-02-02T{changed}Z"))
        assert said.edited is edited


class TestAnIssueThatLivesElsewhere:
    there = f"{API}/repositories/5/issues/3"
    moved = issue(number=3, repository_url=f"{API}/repos/acme/site")

    def test_is_gone_with_its_new_name(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, status=301, headers={"Location": self.there})
        web.get(self.there, json=self.moved)
        with pytest.raises(Gone, match="acme/site#3") as caught:
            github.fetch(REF)
        assert caught.value.now == Ref("github", "", "acme/site", 3)

    def test_is_not_written_to(self, web: Any, github: GitHub) -> None:
        web.post(COMMENTS, status=301, headers={"Location": f"{self.there}/comments"})
        web.get(ISSUE, status=301, headers={"Location": self.there})
        web.get(self.there, json=self.moved)
        with pytest.raises(Gone) as caught:
            github.say(REF, TEXT, "t")
        assert caught.value.now == Ref("github", "", "acme/site", 3)
        assert [verb for verb, _ in asked(web)].count("POST") == 1

    def test_in_a_renamed_repository_that_only_a_read_of_labels_needs(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/labels", status=301, headers={"Location": "/api/v3/repositories/5/labels?per_page=100"})
        web.get(f"{API}/repositories/5/labels", json=[{"id": 1, "name": "a"}])
        assert github.label_names(REF) == (Label("1", "a"),)

    @pytest.mark.parametrize(
        "location", ["https://localhost:9000/api/v3/repos/acme/app/issues/12", "http://elsewhere.example/x"]
    )
    def test_on_another_server_is_a_wrong_address(self, web: Any, github: GitHub, location: str) -> None:
        web.get(ISSUE, status=301, headers={"Location": location})
        with pytest.raises(Refused, match="GITHUB_API_URL"):
            github.fetch(REF)

    def test_in_a_circle_is_given_up(self, web: Any, github: GitHub) -> None:
        for _ in range(4):
            web.get(ISSUE, status=301, headers={"Location": ISSUE})
        with pytest.raises(Refused, match="sends us on"):
            github.fetch(REF)

    @pytest.mark.parametrize("status", [404, 410])
    def test_or_nowhere_is_gone(self, web: Any, github: GitHub, status: int) -> None:
        web.get(ISSUE, status=status, json={"message": "Not Found"})
        with pytest.raises(Gone, match="acme/app#12") as caught:
            github.fetch(REF)
        assert caught.value.now is None


class TestSaying:
    def test_posts_once_with_the_token_as_last_line_and_tells_what_was_linked(self, web: Any, github: GitHub) -> None:
        answer = comment(31, "x\n\n<!-- release-stages: a.b -->", team_link("acme/support"), user=US)
        web.post(COMMENTS, status=201, json=answer, match=[matchers.header_matcher({"Accept": FULL})])
        said = github.say(REF, TEXT, "a.b")
        assert (said.id, said.author.id, said.mentions, said.token) == ("31", "99", {"acme/support"}, "a.b")
        body = sent(web)["body"]
        assert body.startswith("@acme/support: please look at @\u2060sam")
        assert body.endswith("\n\n<!-- release-stages: a.b -->")
        assert body.count("<!--") == 1

    LOST: tuple[tuple[Any, bool], ...] = (
        (502, True), (500, True), (504, True),
        (requests.ReadTimeout(), True),
        (requests.ConnectionError("reset"), True),
        (requests.exceptions.ChunkedEncodingError(), True),
        (requests.ConnectTimeout(), False),
        (requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused"))), False),
    )  # fmt: skip

    @pytest.mark.parametrize(("what", "unknown"), LOST)
    @pytest.mark.parametrize(
        "write",
        [
            lambda github: github.say(REF, TEXT, "t"),
            lambda github: github.edit(REF, "31", TEXT, "t"),
            lambda github: github.put_label(REF, "x"),
            lambda github: github.take_label(REF, "x"),
            lambda github: github.react(REF, "31", "+1"),
        ],
        ids=["say", "edit", "put_label", "take_label", "react"],
    )
    def test_is_never_repeated_and_unknown_when_the_answer_was_lost(
        self, github: GitHub, write: Callable[[GitHub], Any], what: Any, unknown: bool
    ) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
            for verb, url in [
                ("POST", COMMENTS), ("PATCH", f"{PLACE}/issues/comments/31"), ("POST", f"{ISSUE}/labels"),
                ("DELETE", f"{ISSUE}/labels/x"), ("POST", f"{PLACE}/issues/comments/31/reactions"),
            ]:  # fmt: skip
                how = {"status": what} if isinstance(what, int) else {"body": what}
                web.add(verb, url, **how)
            with pytest.raises(Unavailable) as caught:
                write(github)
            assert caught.value.unknown is unknown
            assert len(web.calls) == 1

    def test_with_an_answer_that_makes_no_sense_is_unknown(self, web: Any, github: GitHub) -> None:
        web.post(COMMENTS, status=201, body="{")
        with pytest.raises(Unavailable) as caught:
            github.say(REF, TEXT, "t")
        assert caught.value.unknown

    def test_edits_our_comment_in_place(self, web: Any, github: GitHub) -> None:
        web.patch(f"{PLACE}/issues/comments/31", json=comment(31, "x"))
        github.edit(REF, "31", (Paragraph(("Done",)),), "a.b")
        assert sent(web) == {"body": "Done\n\n<!-- release-stages: a.b -->"}

    def test_to_a_comment_that_was_deleted_is_gone(self, web: Any, github: GitHub) -> None:
        web.patch(f"{PLACE}/issues/comments/31", status=404, json={"message": "Not Found"})
        with pytest.raises(Gone):
            github.edit(REF, "31", TEXT, "t")

    def test_reacts_with_a_sign(self, web: Any, github: GitHub) -> None:
        web.post(f"{PLACE}/issues/comments/31/reactions", status=200, json={"id": 1})
        github.react(REF, "31", "+1")
        assert sent(web) == {"content": "+1"}

    def test_too_much_is_refused_in_githubs_words(self, web: Any, github: GitHub) -> None:
        errors = [{"message": "body is too long"}, {"field": "a", "code": "b"}]
        web.post(COMMENTS, status=422, json={"message": "Validation Failed", "errors": errors})
        with pytest.raises(Refused, match="Validation Failed; body is too long; a b"):
            github.say(REF, TEXT, "t")


class TestPinning:
    pinned: dict[str, Any] = {"pin": {"pinned_at": "2026-03-02T09:00:00Z"}}  # noqa: RUF012

    def test_puts_our_comment_at_the_top_where_none_is(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue(pinned_comment=None))
        web.put(f"{PLACE}/issues/comments/5/pin", json=comment(5, "x", **self.pinned))
        github.pin(REF, "5")
        assert [verb for verb, _ in asked(web)] == ["GET", "PUT"]

    @pytest.mark.parametrize("number", [4, 5])
    def test_leaves_the_one_that_is_there(self, web: Any, github: GitHub, number: int) -> None:
        web.get(ISSUE, json=issue(pinned_comment=comment(number, "Read this first", **self.pinned)))
        github.pin(REF, "5")

    @pytest.mark.parametrize("pinned", [True, False])
    def test_asks_the_comments_where_the_issue_does_not_tell(self, web: Any, github: GitHub, pinned: bool) -> None:
        web.get(ISSUE, json=issue())
        said = [comment(4, "Read this first", **(self.pinned if pinned else {"pin": None})), comment(5, "x")]
        web.get(COMMENTS, json=said)
        if not pinned:
            web.put(f"{PLACE}/issues/comments/5/pin", json=comment(5, "x"))
        github.pin(REF, "5")

    @pytest.mark.parametrize(("status", "error"), [(404, Gone), (410, Gone), (403, Refused), (422, Refused)])
    def test_where_it_cannot_be_says_so(self, web: Any, github: GitHub, status: int, error: Any) -> None:
        web.get(ISSUE, json=issue(pinned_comment=None))
        web.put(f"{PLACE}/issues/comments/5/pin", status=status, json={"message": "No"})
        with pytest.raises(error, match="pinning our comment on acme/app#12"):
            github.pin(REF, "5")


def tied(number: int, place: str = "acme/app", **more: Any) -> dict[str, Any]:
    return issue(
        number=number,
        title=f"Issue {number}",
        repository_url=f"{API}/repos/{place}",
        html_url=f"https://github.example/{place}/issues/{number}",
        **more,
    )


def mention(source: Any, what: str = "cross-referenced") -> dict[str, Any]:
    told = {"type": "issue", "issue": source}
    return {"event": what, "actor": ERIN, "created_at": "2026-02-01T10:00:00Z", "source": told}


def summaries(parts: int = 0, blockers: int = 0) -> dict[str, Any]:
    return {
        "sub_issues_summary": {"total": parts, "completed": 0, "percent_completed": 0},
        "issue_dependencies_summary": {
            "blocked_by": 0, "total_blocked_by": blockers, "blocking": 0, "total_blocking": 0
        },
    }  # fmt: skip


def short(found: tuple[Related, ...]) -> list[tuple[str, Tie, bool]]:
    return [(one.key, one.tie, one.is_open) for one in found]


class TestRelatedIssues:
    parts = f"{ISSUE}/sub_issues"
    blockers = f"{ISSUE}/dependencies/blocked_by"

    def fetched(self, web: Any, github: GitHub, history: list[Any] | None = None, **more: Any) -> Issue:
        web.get(ISSUE, json=issue(**more))
        web.get(TIMELINE, json=history or [])
        return github.fetch(REF)

    def test_are_read_of_each_kind_there_is(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, [mention(tied(30))], **summaries(1, 1))
        labels = [{"id": 1, "name": "bug"}, {"id": 2, "name": "kind: odd"}]
        web.get(self.parts, json=[tied(13, labels=labels, type={"id": 1, "name": "Task"})])
        web.get(self.blockers, json=[tied(3, "acme/web", state="closed")])
        part, blocker, linked = github.related(REF, snapshot)
        assert part == Related(
            key="acme/app#13",
            title="Issue 13",
            url="https://github.example/acme/app/issues/13",
            tie=Tie.SUB_ISSUE,
            is_open=True,
            ref=Ref("github", "", "acme/app", 13),
            via="sub-issue",
            type="Task",
            labels=("bug", "kind: odd"),
        )
        assert (blocker.ref, blocker.tie, blocker.via) == (
            Ref("github", "", "acme/web", 3),
            Tie.BLOCKING,
            "is blocked by",
        )
        assert not blocker.is_open
        assert (linked.key, linked.tie, linked.via) == ("acme/app#30", Tie.LINKED, "is mentioned in")

    def test_are_not_asked_for_where_the_issue_counts_none(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries())
        assert github.related(REF, snapshot) == ()
        assert asked(web)[2:] == []

    def test_are_read_with_the_issue_when_asked_again_or_of_an_older_snapshot(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries())
        github.related(REF, snapshot)
        web.get(ISSUE, json=issue(**summaries(1)))
        web.get(TIMELINE, json=[mention(tied(30))])
        web.get(self.parts, json=[tied(13)])
        assert short(github.related(REF, snapshot)) == [
            ("acme/app#13", Tie.SUB_ISSUE, True),
            ("acme/app#30", Tie.LINKED, True),
        ]
        changed = self.fetched(web, github, updated_at="2026-03-01T11:00:00Z", **summaries())
        assert changed.watermark > snapshot.watermark
        web.get(ISSUE, json=issue(**summaries()))
        web.get(TIMELINE, json=[mention(tied(31))])
        assert short(github.related(REF, snapshot)) == [("acme/app#31", Tie.LINKED, True)]

    def test_of_one_issue_are_not_anothers(self, web: Any, github: GitHub) -> None:
        other = Ref("github", "", "acme/app", 13)
        snapshot = self.fetched(web, github, [mention(tied(30))], **summaries())
        web.get(f"{PLACE}/issues/13", json=tied(13, **summaries()))
        web.get(f"{PLACE}/issues/13/timeline", json=[])
        assert github.related(other, snapshot) == ()

    def test_of_an_issue_that_moved_are_where_it_lives_now(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries())
        github.related(REF, snapshot)
        web.get(ISSUE, json=tied(4, "acme/web"))
        with pytest.raises(Gone, match="acme/web#4"):
            github.related(REF, snapshot)

    def test_are_read_to_the_last_page(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries(3, 2))
        for path, pages in ((self.parts, (20, 21, 22)), (self.blockers, (40, 41))):
            for number in pages:
                more = {"Link": f'<{path}?per_page=100&page={number}>; rel="next"'}
                web.get(path, json=[tied(number)], headers=more if number != pages[-1] else {})
        assert [one.ref.number for one in github.related(REF, snapshot) if one.ref] == [20, 21, 22, 40, 41]
        assert parse_qs(urlsplit(web.calls[2].request.url).query) == {"per_page": ["100"]}

    def test_that_are_tied_twice_have_the_stronger_tie(self, web: Any, github: GitHub) -> None:
        history = [mention(tied(number)) for number in (13, 14, 15, 15)]
        snapshot = self.fetched(web, github, history, **summaries(1, 2))
        web.get(self.parts, json=[tied(13)])
        web.get(self.blockers, json=[tied(13), tied(14, "ACME/App")])
        assert short(github.related(REF, snapshot)) == [
            ("acme/app#13", Tie.SUB_ISSUE, True),
            ("ACME/App#14", Tie.BLOCKING, True),
            ("acme/app#15", Tie.LINKED, True),
        ]

    @pytest.mark.parametrize(
        ("history", "links"),
        [
            ([mention(tied(30)), mention(tied(30, state="closed"))], [("acme/app#30", False)]),
            ([mention(tied(30, pull_request={"url": "x"}))], []),
            ([mention(tied(12)), mention(tied(12, "ACME/app"))], []),
            ([mention(tied(9))], []),  # the parent, of which the issue below says that it is a part
            ([mention(tied(30), "connected")], [("acme/app#30", True)]),
            ([mention(tied(30), "connected"), mention(tied(30), "disconnected")], []),
            ([mention(tied(30), "connected"), mention(tied(31), "disconnected")], [("acme/app#30", True)]),
            ([mention(tied(30)), mention(tied(30), "disconnected")], [("acme/app#30", True)]),
            ([mention(tied(30), "subscribed")], []),
            (
                [mention(tied(1, "mallory/x")), mention(tied(2, "ACME/Web")), mention(tied(3, "acme-x/web"))],
                [("ACME/Web#2", True)],
            ),
            ([mention({"title": "of nobody knows where"})], []),
            ([mention(tied(1, "partner/x"), "connected"), mention(tied(1, "partner/x"))], [("partner/x#1", True)]),
            ([mention(None), {"event": "connected"}, {"event": "cross-referenced", "source": "x"}], []),
            ([mention({"number": 5, "repository": {"full_name": "acme/x"}, "labels": 3})], [("acme/x#5", True)]),
        ],
    )
    def test_by_link_are_those_that_mention_it_and_are_issues(
        self, web: Any, github: GitHub, history: list[Any], links: list[Any]
    ) -> None:
        snapshot = self.fetched(web, github, history, parent_issue_url=f"{PLACE}/issues/9", **summaries())
        assert [(one.key, one.is_open) for one in github.related(REF, snapshot)] == links

    @pytest.mark.parametrize("status", [404, 410])
    def test_are_none_on_a_server_that_knows_no_such_ties(self, web: Any, github: GitHub, status: int) -> None:
        snapshot = self.fetched(web, github, [mention(tied(30))])
        web.get(self.parts, status=status, json={"message": "Not Found"})
        web.get(self.blockers, status=status, json={"message": "Not Found"})
        assert short(github.related(REF, snapshot)) == [("acme/app#30", Tie.LINKED, True)]

    @pytest.mark.parametrize(
        ("counts", "what"), [(summaries(2, 0), "2 sub-issues"), (summaries(0, 1), "1 issues that block")]
    )
    def test_that_are_counted_and_not_shown_are_refused(
        self, web: Any, github: GitHub, counts: dict[str, Any], what: str
    ) -> None:
        snapshot = self.fetched(web, github, **counts)
        path = self.parts if "sub" in what else self.blockers
        web.get(path, status=404, json={"message": "Not Found"})
        with pytest.raises(Refused, match=f"{what}.*issues: read"):
            github.related(REF, snapshot)

    def test_that_we_may_not_read_are_refused(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries(1))
        web.get(self.parts, status=403, json={"message": "Resource not accessible by integration"})
        with pytest.raises(Refused, match="reading the sub-issues of acme/app#12"):
            github.related(REF, snapshot)

    def test_that_cannot_be_read_now_may_be_tried_again(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries(1))
        for _ in range(2):
            web.get(self.parts, status=502)
        with pytest.raises(Unavailable):
            github.related(REF, snapshot)

    def test_are_not_asked_for_where_only_pages_are_wanted(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, [mention(tied(30))], **summaries(1, 1))
        assert github.related(REF, snapshot, frozenset({"pages"})) == ()

    def test_whose_history_is_not_there_do_not_make_the_issue_gone(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, json=issue(**summaries()))
        web.get(TIMELINE, status=404, json={"message": "Not Found"})
        snapshot = Issue(REF, "", "", "", Person("", ""), Person("", ""), NOW, NOW)
        with pytest.raises(Refused, match="reading the history of acme/app#12"):
            github.related(REF, snapshot)

    def test_of_an_odd_shape_may_be_tried_again(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries(1))
        web.get(self.parts, json=[{"number": 3, "repository_url": "http://[::1"}])
        with pytest.raises(Unavailable, match="cannot read"):
            github.related(REF, snapshot)

    def test_out_of_our_sight_count_as_open_and_are_named_as_well_as_can_be(self, web: Any, github: GitHub) -> None:
        snapshot = self.fetched(web, github, **summaries(3))
        web.get(self.parts, json=[{}, {"title": "Pricing", "number": 3}, {"number": 7, "repository_url": "x/acme/hid"}])
        assert [(one.key, one.ref, one.is_open) for one in github.related(REF, snapshot)] == [
            ("an issue out of our sight", None, True),
            ("Pricing", None, True),
            ("acme/hid#7", Ref("github", "", "acme/hid", 7), True),
        ]


class TestLabels:
    def test_are_put_on_one_at_a_time(self, web: Any, github: GitHub) -> None:
        web.post(f"{ISSUE}/labels", json=[])
        github.put_label(REF, "stage: beta")
        assert sent(web) == {"labels": ["stage: beta"]}

    def test_are_taken_off_by_name(self, web: Any, github: GitHub) -> None:
        web.delete(f"{ISSUE}/labels/stage%3A%20beta/two", json=[])
        github.take_label(REF, "stage: beta/two")

    def test_that_are_not_on_are_taken_off_already(self, web: Any, github: GitHub) -> None:
        web.delete(f"{ISSUE}/labels/x", status=404, json={"message": "Label does not exist"})
        github.take_label(REF, "x")

    def test_of_an_issue_that_is_not_there_are_gone(self, web: Any, github: GitHub) -> None:
        web.delete(f"{ISSUE}/labels/x", status=404, json={"message": "Not Found"})
        with pytest.raises(Gone):
            github.take_label(REF, "x")

    def test_of_the_place_are_read_to_the_last_page(self, web: Any, github: GitHub) -> None:
        labels = f"{PLACE}/labels"
        web.get(labels, json=[{"id": 1, "name": "a"}], headers={"Link": f'<{labels}?page=2>; rel="next"'})
        web.get(labels, json=[{"id": 2, "name": "b"}], match=[matchers.query_param_matcher({"page": "2"})])
        assert github.label_names(REF) == (Label("1", "a"), Label("2", "b"))

    def test_of_a_place_that_is_not_there_are_refused(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/labels", status=404, json={"message": "Not Found"})
        with pytest.raises(Refused, match="the labels of acme/app"):
            github.label_names(REF)


class TestRateLimits:
    soon = int((NOW + timedelta(minutes=9)).timestamp())

    @pytest.mark.parametrize("status", [403, 429])
    @pytest.mark.parametrize(
        ("headers", "message", "retry_at"),
        [
            ({"Retry-After": "30"}, "slow down", NOW + timedelta(seconds=30)),
            (
                {"Retry-After": "30", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(soon)},
                "slow down",
                NOW + timedelta(seconds=30),
            ),
            (
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "5000", "X-RateLimit-Reset": str(soon)},
                "API rate limit exceeded for user",
                NOW + timedelta(minutes=9, seconds=1),
            ),
            (
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "5000", "X-RateLimit-Reset": "1000"},
                "API rate limit exceeded",
                NOW + timedelta(seconds=1),
            ),
            ({}, "You have exceeded a secondary rate limit. Wait a bit.", NOW + timedelta(seconds=60)),
            ({"Retry-After": "soon"}, "x", NOW + timedelta(seconds=60)),
            ({"Retry-After": "99999999999999999999"}, "x", NOW + timedelta(days=1)),
            ({"Retry-After": "9" * 5000}, "x", NOW + timedelta(days=1)),
            ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999999999"}, "x", NOW + timedelta(days=1)),
        ],
        ids=[
            "retry-after",
            "retry-after-wins",
            "reset",
            "reset-past",
            "secondary",
            "odd",
            "ages",
            "ages of digits",
            "reset in ages",
        ],
    )
    def test_name_the_time_to_come_back_and_nothing_was_done(
        self, web: Any, github: GitHub, status: int, headers: dict[str, str], message: str, retry_at: datetime
    ) -> None:
        web.post(COMMENTS, status=status, headers=headers, json={"message": message})
        with pytest.raises(Unavailable) as caught:
            github.say(REF, TEXT, "t")
        assert caught.value.retry_at == retry_at
        assert not caught.value.unknown

    def test_of_a_number_beyond_all_numbers_are_still_an_error_of_ours(self, web: Any, github: GitHub) -> None:
        wild = {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "5000", "X-RateLimit-Reset": "9" * 5000}
        web.post(COMMENTS, status=403, headers=wild, json={"message": "x"})
        with pytest.raises(Unavailable):
            github.say(REF, TEXT, "t")

    def test_of_an_unexplained_429_last_a_minute(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, status=429)
        with pytest.raises(Unavailable) as caught:
            github.fetch(REF)
        assert caught.value.retry_at == NOW + timedelta(seconds=60)

    @pytest.mark.parametrize(("seconds", "wait"), [("30", 30), ("9" * 20, 86400)])
    def test_of_a_failing_server_have_a_bound_too(self, web: Any, github: GitHub, seconds: str, wait: int) -> None:
        web.post(COMMENTS, status=503, headers={"Retry-After": seconds})
        with pytest.raises(Unavailable) as caught:
            github.say(REF, TEXT, "t")
        assert caught.value.retry_at == NOW + timedelta(seconds=wait)

    def test_hide_behind_no_answer_that_would_be_fine(self, web: Any, github: GitHub) -> None:
        web.get(f"{TEAM}/memberships/sam", status=403, headers={"Retry-After": "5"})
        with pytest.raises(Unavailable):
            github.answer(REF, Question(Person("1", "sam"), team="acme/support"))


class TestRefusals:
    @pytest.mark.parametrize(
        ("headers", "words"),
        [
            ({"X-Accepted-GitHub-Permissions": "issues=write"}, "permission issues: write"),
            (
                {"X-Accepted-GitHub-Permissions": "issues=write,metadata=read; pull_requests=write"},
                "issues: write and metadata: read or pull_requests: write",
            ),
            ({"X-Accepted-OAuth-Scopes": "repo"}, "scopes repo"),
            ({}, "lacks a permission"),
        ],
    )
    def test_say_which_permission_would_do(self, web: Any, github: GitHub, headers: dict[str, str], words: str) -> None:
        web.post(COMMENTS, status=403, headers=headers, json={"message": "Resource not accessible by integration"})
        with pytest.raises(Refused, match=words):
            github.say(REF, TEXT, "t")

    def test_of_our_token_say_how_to_renew_it(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, status=401, json={"message": "Bad credentials"})
        with pytest.raises(Refused, match=r"Bad credentials.*renew GITHUB_TOKEN"):
            github.fetch(REF)

    def test_of_a_status_because_there_is_none(self, github: GitHub) -> None:
        with pytest.raises(Refused, match="a stage is a label"):
            github.transition(REF, ["Done"])

    def test_of_settings_that_name_no_way_in(self) -> None:
        with pytest.raises(Refused, match="GITHUB_TOKEN"):
            GitHub(GitHubSettings())


class TestReadsThatFail:
    @pytest.mark.parametrize("what", [502, 503, 504, requests.ConnectionError("reset")])
    def test_are_sent_once_more_at_once(self, web: Any, github: GitHub, what: Any) -> None:
        web.get(ISSUE, **({"status": what} if isinstance(what, int) else {"body": what}))
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[])
        assert github.fetch(REF).title == "Export"

    @pytest.mark.parametrize("what", [502, requests.ConnectionError("reset")])
    def test_twice_are_left_to_the_next_run(self, web: Any, github: GitHub, what: Any) -> None:
        for _ in range(2):
            web.get(ISSUE, **({"status": what} if isinstance(what, int) else {"body": what}))
        with pytest.raises(Unavailable) as caught:
            github.fetch(REF)
        assert not caught.value.unknown

    @pytest.mark.parametrize("what", [500, requests.ReadTimeout()])
    def test_for_good_or_for_long_are_not_repeated(self, web: Any, github: GitHub, what: Any) -> None:
        web.get(ISSUE, **({"status": what} if isinstance(what, int) else {"body": what}))
        with pytest.raises(Unavailable):
            github.fetch(REF)

    def test_come_back_when_the_server_says(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, status=503, headers={"Retry-After": "20"})
        with pytest.raises(Unavailable) as caught:
            github.fetch(REF)
        assert caught.value.retry_at == NOW + timedelta(seconds=20)

    def test_never_sleep_for_an_answer_that_is_still_being_made(self, web: Any, github: GitHub) -> None:
        web.get(ISSUE, status=202)
        web.get(ISSUE, status=202)
        before = time.monotonic()
        with pytest.raises(Unavailable):
            github.fetch(REF)
        assert time.monotonic() - before < 1


class TestMayThisPerson:
    sam = Person("1", "sam", "sam")

    @pytest.mark.parametrize(("state", "member"), [("active", True), ("pending", False)])
    def test_speak_for_a_team_they_are_in(self, web: Any, github: GitHub, state: str, member: bool) -> None:
        web.get(f"{TEAM}/memberships/sam", json={"state": state, "role": "member"})
        assert github.answer(REF, Question(self.sam, team="acme/support")) is member

    def test_not_speak_for_a_team_they_are_not_in(self, web: Any, github: GitHub) -> None:
        web.get(f"{TEAM}/memberships/sam", status=404, json={"message": "Not Found"})
        web.get(TEAM, json={"slug": "support"})
        assert github.answer(REF, Question(self.sam, team="acme/support")) is False

    def test_is_not_for_us_to_say_of_a_team_that_we_cannot_see(self, web: Any, github: GitHub) -> None:
        web.get(f"{TEAM}/memberships/sam", status=404)
        web.get(TEAM, status=404)
        with pytest.raises(Refused, match=r"acme/support.*members: read"):
            github.answer(REF, Question(self.sam, team="acme/support"))

    @pytest.mark.parametrize(
        ("said", "may"),
        [
            ({"role_name": "triage", "permission": "read"}, True),
            ({"role_name": "maintain", "permission": "write"}, True),
            ({"role_name": "admin", "permission": "admin"}, True),
            ({"role_name": "read", "permission": "read"}, False),
            ({"role_name": "", "permission": "none"}, False),
            ({"permission": "write"}, True),
            ({"permission": "admin"}, True),
            ({"permission": "read"}, False),
            ({"role_name": "curator", "permission": "read", "user": {"permissions": {"triage": True}}}, True),
            ({"role_name": "curator", "permission": "write", "user": None}, True),
            ({"role_name": "curator", "permission": "read", "user": {}}, False),
        ],
    )
    def test_triage(self, web: Any, github: GitHub, said: dict[str, Any], may: bool) -> None:
        web.get(f"{PLACE}/collaborators/sam/permission", json=said)
        assert github.answer(REF, Question(self.sam, triage=True)) is may

    def test_triage_when_they_are_nobody(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/collaborators/sam/permission", status=404, json={"message": "sam is not a user"})
        assert github.answer(REF, Question(self.sam, triage=True)) is False
        assert github.answer(REF, Question(Person("", "ghost", "ghost"), team="acme/support", triage=True)) is False

    def test_triage_is_not_for_us_to_say_without_the_right_to_look(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/collaborators/sam/permission", status=403, json={"message": "Must have push access"})
        with pytest.raises(Refused, match="Must have push access"):
            github.answer(REF, Question(self.sam, triage=True))
        web.get(f"{PLACE}/collaborators/sam/permission", status=404, json={"message": "Not Found"})
        with pytest.raises(Refused):
            github.answer(REF, Question(self.sam, triage=True))


class TestWhoWasReached:
    said = Comment("31", NOW, Person("99", "us"), "", mentions=frozenset({"acme/support", "sam"}))
    team: dict[str, Any] = {"slug": "support", "notification_setting": "notifications_enabled", "members_count": 2}  # noqa: RUF012
    public: dict[str, Any] = {"private": False, "visibility": "public"}  # noqa: RUF012
    private: dict[str, Any] = {"private": True, "visibility": "private"}  # noqa: RUF012

    def test_a_team_and_a_person_whose_mentions_are_links(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json=self.team)
        web.get(PLACE, json=self.public)
        web.get(PLACE, json=self.public)
        assert github.unreached(REF, self.said, ["acme/Support", "@Sam"]) == {}

    def test_nobody_whose_mention_is_no_link(self, web: Any, github: GitHub) -> None:
        reasons = github.unreached(REF, self.said, ["acme/growth", "erin"])
        assert set(reasons) == {"acme/growth", "erin"}
        assert "no link of @acme/growth" in reasons["acme/growth"]

    @pytest.mark.parametrize(
        ("team", "words"),
        [
            ({**team, "notification_setting": "notifications_disabled"}, "turned off"),
            ({**team, "members_count": 0}, "nobody is in @acme/support"),
        ],
    )
    def test_no_team_that_does_not_listen(self, web: Any, github: GitHub, team: Any, words: str) -> None:
        web.get(TEAM, json=team)
        assert words in github.unreached(REF, self.said, ["acme/support"])["acme/support"]

    def test_no_team_of_nobody_where_github_does_not_count(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json={"slug": "support"})
        web.get(f"{TEAM}/members", json=[])
        assert "nobody is in" in github.unreached(REF, self.said, ["acme/support"])["acme/support"]

    @pytest.mark.parametrize("status", [403, 404])
    def test_no_team_that_we_cannot_read(self, web: Any, github: GitHub, status: int) -> None:
        web.get(TEAM, status=status, json={"message": "Resource not accessible"})
        assert "cannot tell" in github.unreached(REF, self.said, ["acme/support"])["acme/support"]

    def test_a_team_that_has_the_private_repository(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json=self.team)
        web.get(PLACE, json=self.private)
        web.get(f"{TEAM}/repos/acme/app", status=204)
        assert github.unreached(REF, self.said, ["acme/support"]) == {}

    def test_a_team_of_whom_one_may_read_the_private_repository(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json=self.team)
        web.get(PLACE, json=self.private)
        web.get(f"{TEAM}/repos/acme/app", status=404)
        web.get(f"{TEAM}/members", json=[{"login": "erin"}, {"login": "sam"}])
        web.get(f"{PLACE}/collaborators/erin", status=404)
        web.get(f"{PLACE}/collaborators/sam", status=204)
        assert github.unreached(REF, self.said, ["acme/support"]) == {}

    def test_no_team_that_may_not_read_it_and_no_more_than_ten_are_asked(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json=self.team)
        web.get(PLACE, json=self.private)
        web.get(f"{TEAM}/repos/acme/app", status=404)
        web.get(f"{TEAM}/members", json=[{"login": f"m{n}"} for n in range(30)])
        for n in range(10):
            web.get(f"{PLACE}/collaborators/m{n}", status=404)
        assert "may read acme/app" in github.unreached(REF, self.said, ["acme/support"])["acme/support"]

    def test_anybody_in_a_repository_for_the_whole_enterprise(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json=self.team)
        web.get(PLACE, json={"private": True, "visibility": "internal"})
        assert github.unreached(REF, self.said, ["acme/support"]) == {}

    def test_no_person_who_may_not_read_it(self, web: Any, github: GitHub) -> None:
        web.get(PLACE, json=self.private)
        web.get(f"{PLACE}/collaborators/sam", status=404)
        assert github.unreached(REF, self.said, ["sam"]) == {"sam": "@sam may not read acme/app"}

    def test_no_team_that_was_deleted_meanwhile(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, json={"slug": "support"})
        web.get(f"{TEAM}/members", status=404, json={"message": "Not Found"})
        reason = github.unreached(REF, self.said, ["acme/support"])["acme/support"]
        assert "cannot tell whom @acme/support reaches" in reason
        assert "the members of acme/support" in reason

    @pytest.mark.parametrize("handle", ["acme/support", "sam"])
    def test_nobody_in_a_place_that_is_not_there(self, web: Any, github: GitHub, handle: str) -> None:
        if "/" in handle:
            web.get(TEAM, json=self.team)
        web.get(PLACE, status=404, json={"message": "Not Found"})
        assert "reading acme/app" in github.unreached(REF, self.said, [handle])[handle]

    def test_is_not_told_from_an_answer_that_did_not_come(self, web: Any, github: GitHub) -> None:
        web.get(TEAM, body=requests.ReadTimeout())
        with pytest.raises(Unavailable):
            github.unreached(REF, self.said, ["acme/support"])

    def test_by_group_is_a_matter_of_jira(self, github: GitHub) -> None:
        assert github.members(REF, "support-agents") == ()


class TestWhoWeAre:
    def test_is_asked_once_for_a_token(self, web: Any) -> None:
        github = GitHub(GitHubSettings(api_url=API, token=SECRET), clock=lambda: NOW)
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[])
        web.get(f"{API}/user", json=US)
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[])
        assert github.fetch(REF).me == Person("99", "release-stages", "release-stages")
        assert github.fetch(REF).me.id == "99"


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


class TestAsAnApp:
    app = f"{API}/app"
    tokens = f"{API}/app/installations/77/access_tokens"

    @pytest.fixture
    def clock(self) -> list[datetime]:
        return [NOW]

    @pytest.fixture
    def github(self, private_key: str, clock: list[datetime]) -> GitHub:
        settings = GitHubSettings(api_url=API, app_id="4", app_private_key=private_key)
        return GitHub(settings, clock=lambda: clock[0])

    def signs_in(self, web: Any, token: str, until: datetime = NOW + timedelta(hours=1)) -> None:
        web.post(self.tokens, status=201, json={"token": token, "expires_at": until.isoformat()})

    def test_signs_in_once_for_an_installation_until_shortly_before_the_token_ends(
        self, web: Any, github: GitHub, clock: list[datetime]
    ) -> None:
        web.get(f"{PLACE}/installation", json={"id": 77})
        self.signs_in(web, "ghs_one")
        web.get(f"{PLACE}/labels", json=[])
        web.get(f"{PLACE}/labels", json=[])
        self.signs_in(web, "ghs_two")
        web.get(f"{PLACE}/labels", json=[])
        github.label_names(REF)
        clock[0] = NOW + timedelta(minutes=54)
        github.label_names(REF)
        clock[0] = NOW + timedelta(minutes=56)
        github.label_names(REF)
        used = [call.request.headers["Authorization"] for call in web.calls]
        assert [way for way in used if way.startswith("token ")] == ["token ghs_one"] * 2 + ["token ghs_two"]
        assert all(way.startswith("Bearer ") for way in (used[0], used[1], used[4]))

    def test_is_its_bot(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/installation", json={"id": 77})
        self.signs_in(web, "ghs_one")
        web.get(ISSUE, json=issue())
        web.get(TIMELINE, json=[])
        web.get(self.app, json={"id": 4, "slug": "release-stages"})
        bot = {"id": 400, "login": "release-stages[bot]", "type": "Bot"}
        web.get(f"{API}/users/release-stages%5Bbot%5D", json=bot)
        assert github.fetch(REF).me == Person("400", "release-stages[bot]", "release-stages[bot]", bot=True)

    def test_that_is_not_installed_sees_nothing(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/installation", status=404, json={"message": "Not Found"})
        with pytest.raises(Gone, match="our App's installation in acme/app"):
            github.fetch(REF)

    def test_that_is_not_installed_may_not_know(self, web: Any, github: GitHub) -> None:
        def ask_after_sam() -> None:
            github.answer(REF, Question(Person("1", "sam"), team="acme/support", triage=True))

        for ask in (lambda: github.label_names(REF), ask_after_sam):
            web.get(f"{PLACE}/installation", status=404, json={"message": "Not Found"})
            with pytest.raises(Refused, match="our App's installation in acme/app"):
                ask()

    def test_looks_for_its_installation_again_after_a_token_was_taken_back(self, web: Any, github: GitHub) -> None:
        for token, status in (("ghs_one", 401), ("ghs_two", 200)):
            web.get(f"{PLACE}/installation", json={"id": 77})
            self.signs_in(web, token)
            web.get(f"{PLACE}/labels", status=status, json=[])
        with pytest.raises(Refused):
            github.label_names(REF)
        assert github.label_names(REF) == ()

    def test_whose_sign_in_failed_has_done_nothing(self, web: Any, github: GitHub) -> None:
        web.get(f"{PLACE}/installation", json={"id": 77})
        web.post(self.tokens, status=502)
        with pytest.raises(Unavailable) as caught:
            github.say(REF, TEXT, "t")
        assert not caught.value.unknown

    def test_with_a_key_that_is_none_says_so_and_not_the_key(self) -> None:
        with pytest.raises(Refused, match="GITHUB_APP_PRIVATE_KEY") as caught:
            GitHub(GitHubSettings(api_url=API, app_id="4", app_private_key="my-secret-key"))
        assert "my-secret-key" not in str(caught.value)


class TestSecrets:
    @pytest.mark.parametrize(
        "how",
        [
            {"status": 401, "json": {"message": "Bad credentials"}},
            {"status": 403},
            {"status": 500},
            {"status": 429},
            {"body": requests.ConnectionError(f"token {SECRET}")},
            {"body": requests.exceptions.InvalidHeader(f"Invalid header value: 'token {SECRET}'")},
        ],
    )
    def test_are_in_no_error_and_no_log(self, github: GitHub, how: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with responses.RequestsMock() as web:
            web.post(COMMENTS, **how)
            with pytest.raises(TrackerError) as caught:
                github.say(REF, TEXT, "t")
        assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        assert SECRET not in caplog.text

    def test_of_an_installation_are_in_no_log(
        self, web: Any, private_key: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        github = GitHub(GitHubSettings(api_url=API, app_id="4", app_private_key=private_key), clock=lambda: NOW)
        web.get(f"{PLACE}/installation", json={"id": 77})
        web.post(TestAsAnApp.tokens, status=201, json={"token": "ghs_hidden", "expires_at": NOW.isoformat()})
        web.get(f"{PLACE}/labels", json=[])
        github.label_names(REF)
        assert "ghs_hidden" not in caplog.text


# --- over a real connection -------------------------------------------------------------------------------------------


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """One that does with each connection whatever `serve` does; answers with its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            kept.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)  # ends the accept that is under way
        listening.close()
        for connection in kept:
            connection.close()


def _drips(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    try:
        for _ in range(300):
            connection.sendall(b" ")
            time.sleep(0.02)
    except OSError:
        return


def _is_silent(connection: socket.socket) -> None:
    connection.recv(65536)


class TestOverARealConnection:
    def tracker(self, url: str, patience: tuple[float, float, float]) -> GitHub:
        return GitHub(GitHubSettings(api_url=url, token=SECRET), patience=patience, clock=lambda: NOW)

    @pytest.mark.parametrize(
        ("serve", "patience"),
        [(_drips, (1, 1, 0.3)), (_is_silent, (1, 0.2, 30)), (_is_silent, (1, 30, 0.2))],
        ids=["drips", "read", "total"],
    )
    def test_no_answer_takes_longer_than_it_may(self, serve: Any, patience: tuple[float, float, float]) -> None:
        with server(serve) as url:
            before = time.monotonic()
            with pytest.raises(Unavailable, match="in time") as caught:
                self.tracker(url, patience).say(REF, TEXT, "t")
            assert time.monotonic() - before < 5
            assert caught.value.unknown

    def test_a_post_that_is_hung_up_on_is_sent_once(self) -> None:
        seen: list[bytes] = []

        def serve(connection: socket.socket) -> None:
            seen.append(connection.recv(65536))
            connection.shutdown(socket.SHUT_RDWR)

        with server(serve) as url:
            with pytest.raises(Unavailable) as caught:
                self.tracker(url, (1, 1, 5)).say(REF, TEXT, "t")
            assert caught.value.unknown
            assert len(seen) == 1

    def test_a_post_to_a_closed_door_was_never_sent(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unavailable) as caught:
            self.tracker(url, (1, 1, 5)).say(REF, TEXT, "t")
        assert not caught.value.unknown

    def test_many_pages_share_the_time_of_one_method(self) -> None:
        def serve(connection: socket.socket) -> None:
            body = json.dumps([{"id": 1, "name": "x"}] * 50).encode()
            head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nLink: </labels?page=9>; rel="next"\r\n\r\n'
            try:
                while connection.recv(65536):
                    time.sleep(0.01)
                    connection.sendall(head.encode() + body)
            except OSError:
                return

        with server(serve) as url:
            before = time.monotonic()
            with pytest.raises(Unavailable, match="in time"):
                self.tracker(url, (1, 1, 0.5)).label_names(REF)
            assert time.monotonic() - before < 5


# --- against the sandbox ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running(World()) as sandbox:
        yield sandbox


class TestAgainstTheSandbox:
    @pytest.fixture(params=["token", "app"])
    def github(self, request: pytest.FixtureRequest, served: Served, private_key: str) -> GitHub:
        served.world.faults.clear()
        if request.param == "token":
            return GitHub(GitHubSettings(served.github_url, SERVICE_TOKEN))
        return GitHub(GitHubSettings(served.github_url, app_id="1", app_private_key=private_key))

    @pytest.fixture
    def ref(self, served: Served) -> Ref:
        number = served.world.github.open_issue("acme/app", "Export", "erin", "To CSV", ["stage: beta"]).number
        return Ref("github", "", "acme/app", number)

    def test_a_snapshot_has_everything(self, served: Served, github: GitHub, ref: Ref) -> None:
        state = served.world.github
        state.label(ref.place, ref.number, "stage: public", "erin")
        state.comment(ref.place, ref.number, "@acme/support heads-up\n\n> @sam said\n\n`@gus`", "erin")
        snapshot = github.fetch(ref)
        assert {label.name for label in snapshot.labels} == {"stage: beta", "stage: public"}
        assert [seen.name for seen in snapshot.sightings] == ["stage: beta", "stage: public"]
        assert {seen.actor.handle for seen in snapshot.sightings} == {"erin"}
        assert snapshot.comments[0].mentions == {"acme/support"}
        assert snapshot.me.handle == SERVICE
        assert snapshot.watermark >= snapshot.sightings[-1].at

    def test_what_we_say_reaches_those_we_mention_and_only_them(self, github: GitHub, ref: Ref) -> None:
        text = (Paragraph((Mention("acme/support"), ", ", Mention("nobody-here"), ": ", Quoted("@sam #1 <b>x</b>"))),)
        said = github.say(ref, text, "a.b")
        assert (said.token, said.mentions, said.author.handle) == ("a.b", {"acme/support"}, SERVICE)
        assert set(github.unreached(ref, said, ["acme/support", "nobody-here"])) == {"nobody-here"}
        github.edit(ref, said.id, (Paragraph(("Done.",)),), "c.d")
        (read,) = github.fetch(ref).comments
        assert (read.id, read.body, read.token) == (said.id, "Done.", "c.d")

    def test_a_reaction_stays_one(self, served: Served, github: GitHub, ref: Ref) -> None:
        comment = served.world.github.comment(ref.place, ref.number, "x", "sam")
        github.react(ref, str(comment.id), "+1")
        github.react(ref, str(comment.id), "+1")
        assert [reaction.content for reaction in comment.reactions] == ["+1"]

    def test_our_comment_is_pinned_and_only_where_it_can_be(self, served: Served, github: GitHub, ref: Ref) -> None:
        said = github.say(ref, TEXT, "a.b")
        for _ in range(2):
            github.pin(ref, said.id)
        pinned = served.world.github.issue(ref.place, ref.number).pinned
        assert pinned is not None
        assert (str(pinned.id), pinned.pinned_by) == (said.id, SERVICE)
        (read,) = github.fetch(ref).comments
        assert (read.token, read.edited) == ("a.b", False)
        theirs = served.world.github.comment(ref.place, ref.number, "Read this first", "erin")
        served.world.github.pin(ref.place, theirs.id, "erin")
        github.pin(ref, said.id)
        assert served.world.github.issue(ref.place, ref.number).pinned is theirs
        served.world.github.unpin(ref.place, theirs.id, "erin")
        pull = served.world.github.open_issue(ref.place, "Change", "erin", pull_request=True).number
        there = Ref("github", "", ref.place, pull)
        with pytest.raises(Refused, match="not supported on Pull Requests"):
            github.pin(there, github.say(there, TEXT, "c.d").id)
        with pytest.raises(Gone):
            github.pin(ref, "5")

    def test_related_issues_are_found_wherever_they_are(self, served: Served, github: GitHub, ref: Ref) -> None:
        state, place = served.world.github, ref.place
        part = state.open_issue(place, "Colours", "erin", labels=["bug"]).number
        for number in range(120):
            state.add_sub_issue(place, ref.number, state.open_issue(place, f"Part {number}", "erin").number, "erin")
        state.add_sub_issue(place, ref.number, part, "erin")
        state.set_type(place, part, "Bug", "erin")
        blocker = state.open_issue("acme/secret", "Pricing", "erin", f"Before {ref.key}").number
        state.block_by(place, ref.number, blocker, "erin", elsewhere="acme/secret")
        mentions = state.open_issue("acme/web", "Menu", "erin").number
        state.comment("acme/web", mentions, f"See {ref.key}", "sam")
        state.open_issue(place, "Change", "erin", f"Fixes #{ref.number}", pull_request=True)
        state.close("acme/web", mentions, "erin", "not_planned")
        found = {one.key: one for one in github.related(ref, github.fetch(ref))}
        assert len(found) == 123
        asked_for = found[f"{place}#{part}"]
        assert (asked_for.tie, asked_for.type, asked_for.labels, asked_for.is_open) == (
            Tie.SUB_ISSUE,
            "Bug",
            ("bug",),
            True,
        )
        assert found[f"acme/secret#{blocker}"].tie is Tie.BLOCKING
        linked = found[f"acme/web#{mentions}"]
        assert (linked.tie, linked.is_open, linked.url) == (
            Tie.LINKED,
            False,
            f"{served.url}/github/acme/web/issues/{mentions}",
        )
        assert github.related(Ref("github", "", place, part), github.fetch(Ref("github", "", place, part))) == ()

    def test_a_tie_is_seen_as_it_is_now(self, served: Served, github: GitHub, ref: Ref) -> None:
        state = served.world.github
        other = state.open_issue(ref.place, "First this", "erin").number
        snapshot = github.fetch(ref)
        assert github.related(ref, snapshot) == ()
        state.block_by(ref.place, ref.number, other, "erin")
        assert [one.is_open for one in github.related(ref, snapshot)] == [True]
        state.close(ref.place, other, "erin")
        assert [one.is_open for one in github.related(ref, snapshot)] == [False]
        state.unblock(ref.place, ref.number, other, "erin")
        assert github.related(ref, snapshot) == ()

    def test_labels_go_on_and_off_whether_or_not_they_were(self, served: Served, github: GitHub, ref: Ref) -> None:
        for _ in range(2):
            github.put_label(ref, "kind/new thing?")
        assert "kind/new thing?" in {label.name for label in github.label_names(ref)}
        for _ in range(2):
            github.take_label(ref, "kind/new thing?")
        assert served.world.github.label_names(ref.place, ref.number) == ["stage: beta"]
        with pytest.raises(Gone):
            github.take_label(Ref("github", "", "acme/app", 9999), "stage: beta")

    def test_a_long_history_is_read_whole(self, served: Served, github: GitHub, ref: Ref) -> None:
        with served.world.github.quietly():
            for number in range(230):
                served.world.github.comment(ref.place, ref.number, f"{number}", "erin")
        assert [said.body for said in github.fetch(ref).comments] == [f"{number}" for number in range(230)]

    def test_a_deleted_label_is_named(self, served: Served, github: GitHub, ref: Ref) -> None:
        state = served.world.github
        state.label(ref.place, ref.number, "stage: odd", "erin")
        state.delete_label(ref.place, "stage: odd", "rhea")
        assert github.fetch(ref).deleted_labels == {"stage: odd"}

    def test_a_transferred_issue_is_gone_to_its_new_place(self, served: Served, github: GitHub, ref: Ref) -> None:
        moved = served.world.github.transfer(ref.place, ref.number, "acme/web", "rhea")
        now = Ref("github", "", "acme/web", moved.number)
        for ask in (lambda: github.fetch(ref), lambda: github.say(ref, TEXT, "t"), lambda: github.put_label(ref, "x")):
            with pytest.raises(Gone) as caught:
                ask()
            assert caught.value.now == now
        assert github.fetch(now).comments == ()
        assert "x" not in {label.name for label in github.label_names(now)}

    def test_a_renamed_repository_has_its_issues_at_its_new_name(self, private_key: str) -> None:
        with running(World()) as sandbox:
            github = GitHub(GitHubSettings(sandbox.github_url, app_id="1", app_private_key=private_key))
            number = sandbox.world.github.open_issue("acme/web", "Export", "erin").number
            sandbox.world.github.rename_repo("acme/web", "site", "rhea")
            with pytest.raises(Gone) as caught:
                github.fetch(Ref("github", "", "acme/web", number))
            assert caught.value.now == Ref("github", "", "acme/site", number)

    def test_a_deleted_issue_is_gone(self, served: Served, github: GitHub, ref: Ref) -> None:
        served.world.github.delete_issue(ref.place, ref.number, "rhea")
        with pytest.raises(Gone) as caught:
            github.fetch(ref)
        assert caught.value.now is None

    @pytest.mark.parametrize(
        ("login", "question", "may"),
        [
            ("sam", {"team": "acme/support"}, True),
            ("erin", {"team": "acme/support"}, False),
            ("erin", {"triage": True}, True),
            ("mallory", {"triage": True}, False),
            ("no-such-login", {"triage": True}, False),
        ],
    )
    def test_authority(self, github: GitHub, ref: Ref, login: str, question: dict[str, Any], may: bool) -> None:
        assert github.answer(ref, Question(Person("", login), **question)) is may

    def test_a_team_that_is_not_there_may_not_be_asked_about(self, github: GitHub, ref: Ref) -> None:
        with pytest.raises(Refused, match="acme/nobody"):
            github.answer(ref, Question(Person("", "sam"), team="acme/nobody"))

    @pytest.mark.parametrize("status", [0, 502])
    def test_a_comment_whose_answer_was_lost_is_there_once_and_unknown(
        self, served: Served, github: GitHub, ref: Ref, status: int
    ) -> None:
        served.world.faults.add(Fault(rf"POST .*/issues/{ref.number}/comments", "after", status))
        with pytest.raises(Unavailable) as caught:
            github.say(ref, TEXT, "a.b")
        assert caught.value.unknown
        assert [said.token for said in github.fetch(ref).comments] == ["a.b"]

    @pytest.mark.parametrize("kind", ["rate_limit", "secondary_rate_limit"])
    def test_a_rate_limit_says_when_to_come_back(self, served: Served, github: GitHub, ref: Ref, kind: Any) -> None:
        served.world.faults.add(Fault(rf"GET .*/issues/{ref.number}$", kind, seconds=90))
        before = datetime.now(UTC)
        with pytest.raises(Unavailable) as caught:
            github.fetch(ref)
        assert caught.value.retry_at is not None
        assert timedelta(seconds=80) < caught.value.retry_at - before < timedelta(seconds=120)


class TestAgainstAnOlderServer:
    def test_there_are_links_alone(self) -> None:
        with running(World()) as sandbox:
            state = sandbox.world.github
            state.knows_ties = False
            ref = Ref("github", "", "acme/app", state.open_issue("acme/app", "Export", "erin").number)
            other = state.open_issue("acme/app", "Menu", "erin", f"See #{ref.number}").number
            state.block_by("acme/app", ref.number, other, "erin")
            github = GitHub(GitHubSettings(sandbox.github_url, SERVICE_TOKEN))
            assert short(github.related(ref, github.fetch(ref))) == [(f"acme/app#{other}", Tie.LINKED, True)]


class TestAgainstASandboxAppWithoutThePermission:
    def test_says_which_one_it_needs(self, private_key: str) -> None:
        with running(World()) as sandbox:
            sandbox.world.github.app_permissions = {"metadata": "read", "issues": "read"}
            number = sandbox.world.github.open_issue("acme/app", "Export", "erin").number
            ref = Ref("github", "", "acme/app", number)
            github = GitHub(GitHubSettings(sandbox.github_url, app_id="1", app_private_key=private_key))
            with pytest.raises(Refused, match="issues: write"):
                github.say(ref, TEXT, "t")
            with pytest.raises(Refused, match="members: read"):
                github.answer(ref, Question(Person("", "sam"), team="acme/support"))


# --- files ------------------------------------------------------------------------------------------------------------

RULES = ".github/release-stages.yaml"
FILE = f"{PLACE}/contents/{RULES}"


class OneShelf(Bare):
    """Keeps what is put there."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def get(self, name: str, lock: str = "") -> bytes | None:
        return self.held.get(name)

    def put(self, name: str, value: bytes, keep: timedelta, lock: str = "", soon: bool = False) -> None:
        self.held[name] = value


def shown(text: bytes = b"version: 1\n", **more: Any) -> dict[str, Any]:
    packed = base64.encodebytes(text).decode()
    return {"type": "file", "encoding": "base64", "size": len(text), "path": RULES, "content": packed, **more}


class TestAFile:
    def test_is_read_whole_and_asked_for_by_its_tag_the_next_time(self, web: Any) -> None:
        github = GitHub(GitHubSettings(api_url=API, token=SECRET), clock=lambda: NOW, shelf=OneShelf())
        text = b"version: 1\n# \xc3\xa9\n" * 40
        web.get(FILE, json=shown(text), headers={"ETag": 'W/"one"'})
        web.get(FILE, status=304, match=[matchers.header_matcher({"If-None-Match": 'W/"one"'})])
        assert [github.file(REF, RULES), github.file(REF, RULES)] == [text, text]

    def test_that_is_not_there_is_none(self, web: Any, github: GitHub) -> None:
        web.get(FILE, status=404, json={"message": "Not Found"})
        assert github.file(REF, RULES) is None

    @pytest.mark.parametrize(
        ("status", "answer", "says"),
        [
            (403, {"message": "Resource not accessible by integration"}, "the repository permission contents: read"),
            (200, [shown()], "there is a folder in place of a file"),
            (200, {"type": "symlink", "target": "/etc/passwd", "size": 11}, "there is a symlink in place of a file"),
            (200, shown(encoding="none", content="", size=2_000_000), "the file is too large (2000000 bytes)"),
        ],
        ids=["closed", "folder", "link", "large"],
    )
    def test_that_cannot_be_had_is_refused_in_words(
        self, web: Any, github: GitHub, status: int, answer: Any, says: str
    ) -> None:
        web.get(FILE, status=status, json=answer)
        with pytest.raises(Refused, match=re.escape(says)):
            github.file(REF, RULES)

    @pytest.mark.parametrize(
        "answer", [{}, shown(content="*"), {"type": "file"}, {"type": "file", "encoding": "base64"}]
    )
    def test_of_which_the_answer_is_odd_is_asked_for_again(self, web: Any, github: GitHub, answer: Any) -> None:
        web.get(FILE, json=answer)
        with pytest.raises(Unavailable):
            github.file(REF, RULES)

    def test_is_not_had_while_we_are_to_wait(self, web: Any, github: GitHub) -> None:
        web.get(FILE, status=403, json={"message": "slow down"}, headers={"Retry-After": "60"})
        with pytest.raises(Unavailable):
            github.file(REF, RULES)

    @pytest.mark.parametrize("may", ["contents", "single_file", ""])
    def test_is_read_from_the_sandbox_as_an_app_with_the_least_permission(self, private_key: str, may: str) -> None:
        with running(World()) as sandbox:
            sandbox.world.github.app_permissions |= {may: "read"} if may else {}
            sandbox.world.github.push("acme/app", {RULES: "version: 1\n", "README.md": "hello"}, "erin")
            github = GitHub(GitHubSettings(sandbox.github_url, app_id="1", app_private_key=private_key))
            if may:
                assert github.file(REF, RULES) == b"version: 1\n"
                assert github.file(REF, "nothing.yaml") is None
            else:
                with pytest.raises(Refused, match="contents: read"):
                    github.file(REF, RULES)
