"""Jira as a tracker: exact answers and wrong ones by `responses`, whole walks against the sandbox over HTTP."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
import time_machine
from responses import matchers
from urllib3.exceptions import MaxRetryError, NewConnectionError

from integration.sandbox import World, running
from integration.sandbox.jira import NOTES, REASON, JiraState
from integration.sandbox.people import SERVICE
from integration.sandbox.world import SERVICE_EMAIL, SERVICE_TOKEN, Fault
from integration.settings import JiraSettings, Misconfigured, Settings
from integration.stages.model import (
    Carrier,
    ClosedAs,
    Comment,
    Happened,
    Issue,
    Label,
    Person,
    Ref,
    Related,
    Sighting,
    Status,
    Tie,
)
from integration.stages.texts.markup import Mention, Paragraph, Quoted, Text
from integration.trackers import Gone, Locked, Question, Refused, Tracker, TrackerError, Unavailable
from integration.trackers.jira import Jira

URL = "https://jira.acme.example"
API = f"{URL}/rest/api/2"
API3 = f"{URL}/rest/api/3"
REF = Ref.parse("APP-7")
SECRET = "tok-5ecret-tok"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT: Text = (Paragraph(("Told ", Mention("sam1"), " of ", Quoted("*x*"))),)

CLOUD = JiraSettings("main", URL, email="release-stages@acme.example", api_token=SECRET)
SERVER = JiraSettings("main", URL, pat=SECRET)
FLAVOURS = pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "data center"])


def site(cloud: bool = True, **changes: Any) -> Jira:
    return Jira(CLOUD if cloud else SERVER, **changes)


def user(login: str, cloud: bool = True, **more: Any) -> dict[str, Any]:
    named = (
        {"accountId": f"{login}1", "accountType": "atlassian"} if cloud else {"name": f"{login}1", "key": f"K-{login}"}
    )
    return {**named, "displayName": login.title(), "active": True, **more}


def stamp(minutes: int = 0) -> str:
    return (AT + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def status(number: str = "3", name: str = "In Progress", category: str = "indeterminate") -> dict[str, Any]:
    return {"id": number, "name": name, "statusCategory": {"key": category}}


def history(number: int, minutes: int, *items: dict[str, Any], cloud: bool = True) -> dict[str, Any]:
    return {"id": str(number), "author": user("erin", cloud), "created": stamp(minutes), "items": list(items)}


def to_status(was: tuple[str, str], now: tuple[str, str]) -> dict[str, Any]:
    return {"field": "status", "fieldtype": "jira", "from": was[0], "fromString": was[1], "to": now[0],
            "toString": now[1]}  # fmt: skip


def to_labels(was: str, now: str, **more: Any) -> dict[str, Any]:
    return {
        "field": "labels",
        "fieldtype": "jira",
        "from": None,
        "fromString": was,
        "to": None,
        "toString": now,
        **more,
    }


def comment(number: int, by: str, body: Any, cloud: bool = True, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "author": user(by, cloud), "body": body, "created": stamp(number),
            "updated": stamp(number), **more}  # fmt: skip


def issue(
    *log: dict[str, Any],
    cloud: bool = True,
    comments: tuple[dict[str, Any], ...] = (),
    key: str = "APP-7",
    **fields: Any,
) -> dict[str, Any]:
    return {
        "id": "10007",
        "key": key,
        "names": {"customfield_1": "Release notes", "customfield_2": "Summary"},
        "changelog": {"startAt": 0, "maxResults": len(log), "total": len(log), "histories": list(log)},
        "fields": {
            "summary": "Export invoices",
            "description": "h2. What changes\nAll of it",
            "creator": user("erin", cloud),
            "reporter": user("rhea", cloud),
            "created": stamp(),
            "updated": stamp(90),
            "status": status(),
            "resolution": None,
            "labels": [],
            "comment": {"comments": list(comments), "total": len(comments), "maxResults": len(comments), "startAt": 0},
            **fields,
        },
    }


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def knows_us(web: responses.RequestsMock, cloud: bool = True) -> None:
    web.get(f"{API}/myself", json=user("stages", cloud))


def fetched(web: responses.RequestsMock, raw: dict[str, Any], cloud: bool = True) -> Issue:
    knows_us(web, cloud)
    web.get(f"{API}/issue/APP-7", json=raw)
    return site(cloud).fetch(REF)


def asked(web: responses.RequestsMock) -> list[str]:
    """The requests that were made, without what they all have in common."""
    return [f"{call.request.method} {call.request.path_url.removeprefix('/rest/api/2/')}" for call in web.calls]


def test_it_is_a_tracker() -> None:
    tracker: Tracker = site()
    assert str(tracker) == "Jira (main)"


# --- reading ------------------------------------------------------------------------------------------------------


@FLAVOURS
def test_a_snapshot_holds_what_jira_shows(web: responses.RequestsMock, cloud: bool) -> None:
    read = fetched(
        web,
        issue(
            history(101, 10, to_status(("1", "To Do"), ("3", "In Progress")), cloud=cloud),
            comments=(comment(20, "sam", "Fine", cloud),), cloud=cloud, labels=["beta"],
        ),
        cloud,
    )  # fmt: skip
    erin = Person("erin1" if cloud else "K-erin", "erin1", "Erin")
    assert read == Issue(
        ref=REF,
        title="Export invoices",
        body="h2. What changes\nAll of it",
        url=f"{URL}/browse/APP-7",
        author=erin,
        me=Person("stages1" if cloud else "K-stages", "stages1", "Stages"),
        created=AT,
        watermark=AT + timedelta(minutes=90),
        labels=(Label("beta", "beta"),),
        status=Status("3", "In Progress"),
        sightings=(
            Sighting("created", AT, erin, Carrier.STATUS, Happened.BECAME, "To Do", "1"),
            Sighting("created-0", AT, erin, Carrier.LABEL, Happened.ADDED, "beta", "beta"),
            Sighting("101", AT + timedelta(minutes=10), erin, Carrier.STATUS, Happened.BECAME, "In Progress", "3",
                     "To Do", "1"),
        ),
        comments=(
            Comment("20", AT + timedelta(minutes=20), Person("sam1" if cloud else "K-sam", "sam1", "Sam"), "Fine",
                    f"{URL}/browse/APP-7?focusedCommentId=20#comment-20"),
        ),
        fields=read.fields,
    )  # fmt: skip
    assert read.author.handle == "erin1"
    assert len(web.calls) == 2, "who we are, once, and the issue"


def test_who_we_are_is_asked_once(web: responses.RequestsMock) -> None:
    knows_us(web)
    web.get(f"{API}/issue/APP-7", json=issue())
    jira = site()
    jira.fetch(REF), jira.fetch(REF)
    assert [line.split("?")[0] for line in asked(web)] == ["GET myself", "GET issue/APP-7", "GET issue/APP-7"]


def test_times_of_any_zone_are_told_in_utc(web: responses.RequestsMock) -> None:
    read = fetched(web, issue(created="2026-03-02T20:00:00.250+1100", updated="2026-03-02T04:00:00.000-0500"))
    assert read.created == AT + timedelta(milliseconds=250)
    assert read.created.tzinfo == UTC
    assert read.watermark == AT


def test_an_app_is_a_bot_and_a_vanished_person_is_nobody(web: responses.RequestsMock) -> None:
    moved = history(1, 5, to_status(("1", "To Do"), ("3", "In Progress")))
    moved["author"] = user("robo", accountType="app")
    nobody = history(2, 6, to_labels("", "x"))
    del nobody["author"]
    read = fetched(web, issue(moved, nobody))
    assert [(s.actor.handle, s.actor.bot) for s in read.sightings[-2:]] == [("robo1", True), ("", False)]


def test_the_first_change_tells_what_stood_at_the_beginning(web: responses.RequestsMock) -> None:
    log = (
        history(103, 30, to_labels("b c", "")),
        history(102, 20, to_status(("2", "Beta"), ("3", "Released")), to_labels("a b", "b c")),
        history(101, 10, to_status(("1", "To Do"), ("2", "Beta"))),
    )
    read = fetched(web, issue(*log))
    assert [(s.id, s.what, s.name) for s in read.sightings] == [
        ("created", "became", "To Do"),
        ("created-0", "added", "a"),
        ("created-1", "added", "b"),
        ("101", "became", "Beta"),
        ("102-0", "became", "Released"),
        ("102-1", "added", "c"),
        ("102-2", "removed", "a"),
        ("103-0", "removed", "b"),
        ("103-1", "removed", "c"),
    ]
    assert len({s.id for s in read.sightings}) == len(read.sightings)
    assert [s.order for s in read.sightings[2:]] == sorted(s.order for s in read.sightings[2:])


def test_without_a_change_the_status_and_labels_of_now_stood_from_the_beginning(web: responses.RequestsMock) -> None:
    read = fetched(web, issue(labels=["x"], changelog=None))
    assert [(s.id, s.name, s.value_id) for s in read.sightings] == [
        ("created", "In Progress", "3"),
        ("created-0", "x", "x"),
    ]


def test_a_status_that_is_not_the_first_item_is_found_and_other_fields_tell_nothing(
    web: responses.RequestsMock,
) -> None:
    log = history(
        101, 10,
        {"field": "resolution", "fieldtype": "jira", "fromString": None, "toString": "Done"},
        {"field": "Status", "fieldtype": "custom", "fieldId": "customfield_9", "fromString": "x", "toString": "y"},
        to_labels("p", "q", fieldtype="custom"),
        to_status(("3", "In Progress"), ("4", "Released")),
    )  # fmt: skip
    assert [(s.id, s.name) for s in fetched(web, issue(log)).sightings] == [
        ("created", "In Progress"),
        ("101", "Released"),
    ]


def test_a_long_history_is_read_to_its_end_on_cloud(web: responses.RequestsMock) -> None:
    log = [history(n, n, to_labels("", f"l{n}")) for n in range(1, 251)]
    raw = issue(*reversed(log[-100:]))
    raw["changelog"]["total"] = 250
    knows_us(web)
    web.get(f"{API}/issue/APP-7", json=raw)
    for start in (0, 100, 200):
        web.get(
            f"{API}/issue/APP-7/changelog",
            json={"values": log[start : start + 100], "startAt": start, "total": 250, "isLast": start == 200},
            match=[matchers.query_param_matcher({"startAt": start, "maxResults": 100})],
        )
    read = site().fetch(REF)
    assert [s.name for s in read.sightings[1:]] == [f"l{n}" for n in range(1, 251)]
    assert len(web.calls) == 5


def test_data_center_embeds_the_whole_history_and_has_no_pages(web: responses.RequestsMock) -> None:
    log = [history(n, n, to_labels("", f"l{n}"), cloud=False) for n in range(1, 251)]
    assert len(fetched(web, issue(*log, cloud=False), cloud=False).sightings) == 251
    assert len(web.calls) == 2


def test_comments_are_read_with_their_properties_when_one_is_ours(web: responses.RequestsMock) -> None:
    ours, theirs = comment(20, "stages", "Blocked"), comment(21, "sam", "ok")
    web.get(
        f"{API}/issue/APP-7/comment",
        json={
            "comments": [
                {
                    **ours,
                    "properties": [{"key": "other", "value": 1}, {"key": "release-stages", "value": {"token": "T"}}],
                },
                {**theirs, "properties": [{"key": "release-stages", "value": "odd"}], "updated": stamp(22)},
            ],
            "total": 2,
        },
        match=[matchers.query_param_matcher({"expand": "properties", "startAt": 0, "maxResults": 100})],
    )
    read = fetched(web, issue(comments=(ours, theirs)))
    assert [(one.token, one.edited) for one in read.comments] == [("T", False), ("", True)]


def test_more_comments_than_the_issue_embeds_are_read_in_pages(web: responses.RequestsMock) -> None:
    said = [comment(n, "sam", f"c{n}") for n in range(1, 4)]
    raw = issue(comments=tuple(said[:1]))
    raw["fields"]["comment"]["total"] = 3
    for start, size in ((0, 2), (2, 1)):
        web.get(
            f"{API}/issue/APP-7/comment",
            json={"comments": said[start : start + size], "total": 3},
            match=[matchers.query_param_matcher({"startAt": start}, strict_match=False)],
        )
    assert [one.body for one in fetched(web, raw).comments] == ["c1", "c2", "c3"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("Hello [~accountid:5B10-a:c] and [~sam]", {"5b10-a:c", "sam"}),
        ("{noformat}[~sam]{noformat} {code:java}[~gus]{code} {{[~erin]}} [~dora]", {"dora"}),
        ("{quote}[~sam]{quote}\nbq. [~gus]\n  bq. [~erin]\n[~dora]", {"dora"}),
        ("\\[~sam] \\\\[~gus]", {"gus"}),
        ("{code}\n[~sam]", set()),
        ("@sam [text|~sam] ~sam [~] [~a|b]", set()),
        ("{{x\n[~sam]\n}}", {"sam"}),
    ],
)
def test_only_what_jira_makes_a_mention_counts_as_one(web: responses.RequestsMock, body: str, named: set[str]) -> None:
    read = fetched(web, issue(comments=(comment(20, "erin", body),)))
    assert read.comments[0].mentions == named


def test_a_comment_that_not_everybody_may_read_proves_no_mention(web: responses.RequestsMock) -> None:
    hidden = comment(20, "erin", "[~accountid:sam1]", visibility={"type": "role", "value": "Developers"})
    assert fetched(web, issue(comments=(hidden,))).comments[0].mentions == frozenset()


@pytest.mark.parametrize(
    ("category", "resolution", "closed"),
    [
        ("done", "Done", ClosedAs.DONE),
        ("done", "Fixed", ClosedAs.DONE),
        ("done", "Won't Do", ClosedAs.NOT_PLANNED),
        ("done", "Won’t Fix", ClosedAs.NOT_PLANNED),
        ("done", "DUPLICATE", ClosedAs.NOT_PLANNED),
        ("done", "Cannot Reproduce", ClosedAs.NOT_PLANNED),
        ("done", None, ClosedAs.OPEN),
        ("indeterminate", "Won't Do", ClosedAs.OPEN),
        ("new", None, ClosedAs.OPEN),
    ],
)
def test_a_resolution_closes_an_issue_not_its_status_alone(
    web: responses.RequestsMock, category: str, resolution: str | None, closed: ClosedAs
) -> None:
    named = {"name": resolution} if resolution else None
    assert fetched(web, issue(status=status(category=category), resolution=named)).closed is closed


def test_fields_are_text_by_id_and_by_name(web: responses.RequestsMock) -> None:
    read = fetched(
        web,
        issue(
            customfield_1=" Faster ", customfield_2="not the summary", customfield_3={"value": "EU", "id": "1"},
            customfield_4=[{"value": "a"}, {"name": "b"}, "c", 3], customfield_5=12, customfield_6=None,
            customfield_7="  ",
        ),
    )  # fmt: skip
    wanted = {"customfield_1": "Faster", "Release notes": "Faster", "Summary": "not the summary",
              "summary": "Export invoices", "customfield_3": "EU", "customfield_4": "a, b, c"}  # fmt: skip
    assert {name: read.fields.get(name) for name in wanted} == wanted
    assert not {"customfield_5", "customfield_6", "customfield_7"} & set(read.fields)


def test_an_issue_that_answers_by_another_key_lives_there_now(web: responses.RequestsMock) -> None:
    with pytest.raises(Gone) as gone:
        fetched(web, issue(key="NEW-3"))
    assert gone.value.now == Ref("jira", "main", "NEW", 3)


@pytest.mark.parametrize("path", ["changelog", "comment"])
def test_a_part_that_is_not_there_does_not_make_an_issue_gone(web: responses.RequestsMock, path: str) -> None:
    raw = issue(history(1, 1, to_labels("", "x")))
    raw["changelog"]["total"] = 2 if path == "changelog" else 1
    raw["fields"]["comment"]["total"] = 1 if path == "comment" else 0
    web.get(f"{API}/issue/APP-7/{path}", status=404, json={"errorMessages": ["Nothing here."]})
    with pytest.raises(Unavailable, match=r"but not all of it.*Nothing here"):
        fetched(web, raw)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00.000+0500", "9999-12-31T23:59:59.000-0500"])
def test_a_time_beyond_all_times_is_an_odd_shape(web: responses.RequestsMock, created: str) -> None:
    with pytest.raises(Unavailable, match="shape"):
        fetched(web, issue(created=created))


@pytest.mark.parametrize("raw", [[], {}, {"key": "APP-7"}, {"key": "APP-7", "fields": {"created": "soon"}}, None, 7])
def test_an_issue_of_an_unknown_shape_is_not_guessed_at(web: responses.RequestsMock, raw: Any) -> None:
    with pytest.raises(Unavailable, match="shape"):
        fetched(web, raw)


@pytest.mark.parametrize("raw", [{}, {"displayName": "x"}, None])
def test_without_knowing_who_we_are_nothing_is_taken_for_ours(web: responses.RequestsMock, raw: Any) -> None:
    web.get(f"{API}/myself", json=raw)
    with pytest.raises(Unavailable, match="who we are"):
        site().fetch(REF)


# --- saying and doing ---------------------------------------------------------------------------------------------


def document(*inline: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": list(inline)}]}


def word(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def whom(account: str, **more: Any) -> dict[str, Any]:
    return {"type": "mention", "attrs": {"id": account, **more}}


MARKED = [{"key": "release-stages", "value": {"token": "T"}}]
ON_V2 = replace(CLOUD, api="2")
WRITTEN = {
    "cloud": (CLOUD, API3, document(word("Told "), whom("sam1"), word(" of *x*"))),
    "cloud, by version 2": (ON_V2, API, "Told [~accountid:sam1] of \u2060\\*x\\*\u2060"),
    "data center": (SERVER, API, "Told [~sam1] of \u2060\\*x\\*\u2060"),
}


@pytest.mark.parametrize(("settings", "api", "body"), WRITTEN.values(), ids=WRITTEN)
def test_a_comment_is_posted_with_its_marker_as_a_property(
    web: responses.RequestsMock, settings: JiraSettings, api: str, body: Any
) -> None:
    sent = matchers.json_params_matcher({"body": body, "properties": MARKED})
    answer = comment(30, "stages", body, settings.cloud)
    web.post(f"{api}/issue/APP-7/comment", json=answer, status=201, match=[sent])
    said = Jira(settings).say(REF, TEXT, "T")
    assert (said.id, said.token, said.mentions, said.at) == ("30", "T", {"sam1"}, AT + timedelta(minutes=30))
    assert "sam1" in said.body
    assert len(web.calls) == 1


@pytest.mark.parametrize(("settings", "api", "body"), WRITTEN.values(), ids=WRITTEN)
def test_a_comment_is_edited_in_place_and_keeps_its_marker(
    web: responses.RequestsMock, settings: JiraSettings, api: str, body: Any
) -> None:
    sent = matchers.json_params_matcher({"body": body, "properties": MARKED})
    quiet = matchers.query_param_matcher({"notifyUsers": "false"} if settings.cloud else {})
    answer = comment(30, "stages", body, settings.cloud)
    web.put(f"{api}/issue/APP-7/comment/30", json=answer, match=[sent, quiet])
    Jira(settings).edit(REF, "30", TEXT, "T")
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        (document(whom("5B10-a:C", text="@Sam")), {"5b10-a:c"}),
        (document(word("[~accountid:gus1] @gus")), set()),
        (document(), set()),
        ({"version": 1, "type": "doc", "content": []}, set()),
        (
            {"type": "doc", "content": [{"type": "bulletList", "content": [
                {"type": "listItem", "content": [document(whom("a1"))["content"][0]]},
                {"type": "listItem", "content": [document(word("x"), whom("b1"))["content"][0]]},
            ]}]},
            {"a1", "b1"},
        ),
    ],
)  # fmt: skip
def test_whom_a_posted_document_mentions_is_told_by_jiras_answer_and_not_by_what_we_sent(
    web: responses.RequestsMock, body: dict[str, Any], mentioned: set[str]
) -> None:
    web.post(f"{API3}/issue/APP-7/comment", json=comment(30, "stages", body), status=201)
    assert site().say(REF, TEXT, "T").mentions == mentioned


def test_a_posted_document_that_not_everybody_may_read_proves_no_mention(web: responses.RequestsMock) -> None:
    hidden = comment(30, "stages", document(whom("sam1")), visibility={"type": "role", "value": "Developers"})
    web.post(f"{API3}/issue/APP-7/comment", json=hidden, status=201)
    assert site().say(REF, TEXT, "T").mentions == frozenset()


@pytest.mark.parametrize("answer", [404, 400])
def test_editing_a_comment_that_somebody_deleted_says_so(web: responses.RequestsMock, answer: int) -> None:
    knows_us(web)
    missing = {"errorMessages": ["Can not find a comment for the id: 30."], "errors": {}}
    web.put(f"{API3}/issue/APP-7/comment/30", json=missing, status=answer)
    web.get(f"{API}/issue/APP-7/comment/30", json=missing, status=404)
    with pytest.raises(Gone):
        site().edit(REF, "30", TEXT, "T")


def test_a_refused_edit_of_a_comment_that_is_there_stays_refused(web: responses.RequestsMock) -> None:
    web.put(f"{API3}/issue/APP-7/comment/30", json={"errorMessages": ["Too long."]}, status=400)
    web.get(f"{API}/issue/APP-7/comment/30", json=comment(30, "stages", "x"))
    with pytest.raises(Refused, match=r"Too long\."):
        site().edit(REF, "30", TEXT, "T")


@pytest.mark.parametrize(("method", "verb"), [("put_label", "add"), ("take_label", "remove")])
def test_one_label_is_changed_never_the_set(web: responses.RequestsMock, method: str, verb: str) -> None:
    sent = matchers.json_params_matcher({"update": {"labels": [{verb: "beta"}]}})
    web.put(f"{API}/issue/APP-7", status=204, match=[sent])
    getattr(site(), method)(REF, "beta")
    assert len(web.calls) == 1


def test_reactions_pins_and_label_names_ask_jira_nothing(web: responses.RequestsMock) -> None:
    site().react(REF, "30", "+1")
    site().pin(REF, "30")
    assert site().label_names(REF) == ()
    assert len(web.calls) == 0


WAYS = [
    {"id": "11", "name": "Reopen", "to": status("1", "To Do"), "fields": {}},
    {"id": "21", "name": "Ask back", "to": status("2", "Beta"),
     "fields": {"customfield_1": {"name": "Reason", "required": True, "hasDefaultValue": False}}},
    {"id": "22", "name": "Not for you", "to": status("2", "Beta"), "isAvailable": False},
    {"id": "23", "name": "Back", "to": status("2", "Beta"),
     "fields": {"p": {"name": "P", "required": True, "hasDefaultValue": True}, "q": {"name": "Q", "required": False}}},
    {"id": "31", "name": "Close", "to": status("5", "Closed"),
     "fields": {"resolution": {"name": "Resolution", "required": True, "hasDefaultValue": False},
                "z": {"required": True}}},
]  # fmt: skip


def standing(web: responses.RequestsMock, ways: list[dict[str, Any]] = WAYS, **fields: Any) -> None:
    web.get(f"{API}/issue/APP-7", json=issue(status=status("4", "Released", "done"), **fields))
    web.get(
        f"{API}/issue/APP-7/transitions",
        json={"transitions": ways},
        match=[matchers.query_param_matcher({"expand": "transitions.fields"})],
    )


@pytest.mark.parametrize(
    ("to", "fields", "way"),
    [
        (("Beta",), {}, "23"),
        (("beta",), {}, "23"),
        (("2",), {}, "23"),
        (("Nowhere", "2", "1"), {}, "23"),
        (("1", "2"), {}, "11"),
        (("2",), {"customfield_1": "given before"}, "21"),
    ],
)
def test_the_transition_is_chosen_by_where_it_leads(
    web: responses.RequestsMock, to: tuple[str, ...], fields: dict[str, Any], way: str
) -> None:
    standing(web, **fields)
    sent = matchers.json_params_matcher({"transition": {"id": way}})
    web.post(f"{API}/issue/APP-7/transitions", status=204, match=[sent])
    site().transition(REF, to)
    assert len(web.calls) == 3


@pytest.mark.parametrize("to", [("Released",), ("4",), ("Beta", "released")])
def test_an_issue_that_stands_there_already_is_left_alone(web: responses.RequestsMock, to: tuple[str, ...]) -> None:
    standing(web)
    site().transition(REF, to)
    assert asked(web)[0].startswith("GET issue/APP-7?")
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("to", "ways", "words"),
    [
        (("Closed",), WAYS, "'Close' to Closed wants Resolution and z filled in"),
        (("Nowhere",), WAYS, "no transition leads back from Released to Nowhere that the service's account may use"),
        (("2",), WAYS[2:3], "no transition leads back from Released to Beta that"),
        (("Beta",), [], "no transition leads back from Released to Beta that"),
    ],
)
def test_where_no_transition_can_be_taken_it_says_why(
    web: responses.RequestsMock, to: tuple[str, ...], ways: list[dict[str, Any]], words: str
) -> None:
    standing(web, ways)
    with pytest.raises(Refused, match=words):
        site().transition(REF, to)


@pytest.mark.parametrize(("code", "error"), [(400, Refused), (403, Refused), (409, Unavailable)])
def test_a_workflow_that_says_no_is_quoted(web: responses.RequestsMock, code: int, error: type[TrackerError]) -> None:
    standing(web)
    no = {"errorMessages": ["The gate is shut."], "errors": {"customfield_1": "Reason is required."}}
    web.post(f"{API}/issue/APP-7/transitions", status=code, json=no)
    with pytest.raises(error, match=r"The gate is shut\.; customfield_1: Reason is required\.") as raised:
        site().transition(REF, ("Beta",))
    if isinstance(raised.value, Unavailable):
        assert not raised.value.unknown


# --- what an issue is tied to --------------------------------------------------------------------------------------

BLOCKS = {"name": "Blocks", "inward": "is blocked by", "outward": "blocks"}
DOCUMENTS = {"name": "Documentation", "inward": "is documented by", "outward": "documents"}


def embedded(key: str, category: str = "indeterminate", kind: str = "Story", **more: Any) -> dict[str, Any]:
    """An issue as another one embeds it, or, with labels, as a search finds it."""
    fields = {"summary": f"{key}!", "status": status(category=category), "issuetype": {"name": kind}}
    return {"id": key[-1], "key": key, "fields": fields | more}


def tied(key: str, tie: Tie, via: str, **more: Any) -> Related:
    known: dict[str, Any] = {"is_open": True, "ref": Ref.parse(key), "type": "Story"}
    return Related(key, f"{key}!", f"{URL}/browse/{key}", tie, via=via, **(known | more))


def has_ties(
    web: responses.RequestsMock, *links: dict[str, Any], subtasks: Any = (), pages: Any = (), key: str = "APP-7"
) -> None:
    wanted = matchers.query_param_matcher({"fields": "subtasks,issuelinks"})
    fields = {"subtasks": list(subtasks), "issuelinks": list(links)}
    web.get(f"{API}/issue/APP-7", json={"key": key, "fields": fields}, match=[wanted])
    web.get(f"{API}/issue/APP-7/remotelink", json=list(pages))


def finds(web: responses.RequestsMock, cloud: bool, jql: str, *found: dict[str, Any]) -> None:
    wanted = {"jql": jql, "fields": "summary,issuetype,labels", "maxResults": "100"}
    wanted |= {} if cloud else {"startAt": "0", "validateQuery": "false"}
    answer = {"issues": list(found)} | ({"isLast": True} if cloud else {"total": len(found), "startAt": 0})
    path = "search/jql" if cloud else "search"
    web.get(f"{API}/{path}", json=answer, match=[matchers.query_param_matcher(wanted)])


def related(cloud: bool = True) -> tuple[Related, ...]:
    return site(cloud).related(REF, SNAPSHOT)


SNAPSHOT = Issue(REF, "Export", "", "", Person("e", "e"), Person("s", "s"), AT, AT)


@FLAVOURS
def test_sub_tasks_links_and_pages_are_told_with_what_one_search_knows_of_them(
    web: responses.RequestsMock, cloud: bool
) -> None:
    has_ties(
        web,
        {"type": BLOCKS, "inwardIssue": embedded("APP-2")},
        {"type": BLOCKS, "outwardIssue": embedded("APP-3", "done")},
        {"type": DOCUMENTS, "inwardIssue": embedded("DOC-4", "done")},
        subtasks=[embedded("APP-5", "new", "Sub-task")],
        pages=[
            {"id": 1, "relationship": "documented by", "object": {"url": "https://help.example/x", "title": "Help"}},
            {"id": 2, "object": {"url": "https://acme.example/y", "title": ""}},
        ],
    )  # fmt: skip
    finds(
        web, cloud, "key in (APP-5, APP-2)",
        embedded("APP-2", kind="Bug", labels=["crash", "p1"]), embedded("APP-5", "new", "Sub-task", labels=[]),
    )  # fmt: skip
    assert related(cloud) == (
        tied("APP-5", Tie.SUB_ISSUE, "sub-task", type="Sub-task"),
        tied("APP-2", Tie.BLOCKING, "is blocked by", type="Bug", labels=("crash", "p1")),
        tied("APP-3", Tie.LINKED, "blocks", is_open=False),
        tied("DOC-4", Tie.LINKED, "is documented by", is_open=False),
        Related("Help", "Help", "https://help.example/x", Tie.PAGE, via="documented by"),
        Related("https://acme.example/y", "https://acme.example/y", "https://acme.example/y", Tie.PAGE),
    )


def test_an_issue_that_is_tied_to_nothing_costs_no_search(web: responses.RequestsMock) -> None:
    has_ties(web)
    assert related() == ()
    assert len(web.calls) == 2


def test_an_issue_that_is_tied_in_two_ways_is_told_twice_and_asked_for_once(web: responses.RequestsMock) -> None:
    has_ties(
        web,
        {"type": BLOCKS, "inwardIssue": embedded("APP-2")},
        {"type": {"inward": "relates to", "outward": "relates to"}, "outwardIssue": embedded("APP-2")},
        {"type": {"inward": "relates to", "outward": "relates to"}, "inwardIssue": embedded("APP-2")},
    )
    finds(web, True, "key in (APP-2)", embedded("APP-2", labels=["x"]))
    assert [(one.tie, one.via, one.labels) for one in related()] == [
        (Tie.BLOCKING, "is blocked by", ("x",)), (Tie.LINKED, "relates to", ("x",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "side", "tie"),
    [
        (BLOCKS, "inwardIssue", Tie.BLOCKING),
        (BLOCKS, "outwardIssue", Tie.LINKED),
        ({"inward": "Is Blocked By", "outward": "is blocking"}, "inwardIssue", Tie.BLOCKING),
        ({"inward": "blocks", "outward": "is blocked by"}, "outwardIssue", Tie.BLOCKING),
        ({"inward": "relates to", "outward": "relates to"}, "inwardIssue", Tie.LINKED),
        ({}, "inwardIssue", Tie.LINKED),
        (None, "outwardIssue", Tie.LINKED),
    ],
)
def test_only_what_our_issue_is_blocked_by_blocks_it(
    web: responses.RequestsMock, type_: Any, side: str, tie: Tie
) -> None:
    has_ties(web, {"type": type_, side: embedded("APP-2")})
    finds(web, True, "key in (APP-2)", embedded("APP-2"))
    assert [one.tie for one in related()] == [tie]


def jql_of(call: Any) -> str:
    return str(call.request.params.get("jql", ""))


def finds_all_but(web: responses.RequestsMock, *hidden: str) -> None:
    """A search names those that are not for us, as Jira does; it finds all others, labelled with their keys."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        keys = request.params["jql"].removeprefix("key in (").removesuffix(")").split(", ")  # type: ignore[attr-defined]
        if no := [f"An issue with key '{key}' does not exist for field 'key'." for key in keys if key in hidden]:
            return 400, {}, json.dumps({"errorMessages": no, "warningMessages": []})
        return 200, {}, json.dumps({"issues": [embedded(key, labels=[key]) for key in keys], "isLast": True})

    web.add_callback("GET", f"{API}/search/jql", callback=answer)


@pytest.mark.parametrize("hidden", [1, 60, 99])
def test_those_that_are_not_for_us_are_left_out_of_a_second_search(web: responses.RequestsMock, hidden: int) -> None:
    secret = [f"SEC-{n}" for n in range(10, 10 + hidden)]
    has_ties(web, subtasks=[embedded(key) for key in (*secret, "APP-2")])
    finds_all_but(web, *secret)
    assert [(one.key, one.is_open, one.labels) for one in related()] == [
        *((key, True, ()) for key in secret),
        ("APP-2", True, ("APP-2",)),
    ]
    assert len(web.calls) == 4, "the issue, two searches, the pages"


def test_where_all_are_not_for_us_one_search_tells(web: responses.RequestsMock) -> None:
    has_ties(web, subtasks=[embedded("SEC-9"), embedded("SEC-8")])
    finds_all_but(web, "SEC-9", "SEC-8")
    assert [one.key for one in related()] == ["SEC-9", "SEC-8"]
    assert len(web.calls) == 3


def test_where_a_search_is_refused_without_a_reason_ten_are_read_and_the_others_stay_as_embedded(
    web: responses.RequestsMock,
) -> None:
    keys = [f"APP-{n}" for n in range(10, 140)]
    has_ties(web, subtasks=[embedded(key) for key in keys])
    web.get(f"{API}/search/jql", status=400, json={"errorMessages": ["Leider nein."]})
    web.get(f"{API}/issue/APP-10", status=404, json={"errorMessages": ["Issue does not exist"]})
    for key in keys[1:]:
        web.get(f"{API}/issue/{key}", json=embedded(key, labels=["x"]))
    assert [one.labels for one in related()] == [(), *[("x",)] * 9, *[()] * 120]
    assert "GET myself" not in asked(web)
    assert len(web.calls) == 1 + 2 + 10 + 1


def test_a_search_that_names_one_after_the_other_is_asked_three_times_at_most(web: responses.RequestsMock) -> None:
    has_ties(web, subtasks=[embedded(f"APP-{n}") for n in range(10, 60)])

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        first = request.params["jql"].removeprefix("key in (").split(", ")[0]  # type: ignore[attr-defined]
        return 400, {}, json.dumps({"errorMessages": [f"An issue with key '{first}' does not exist."]})

    web.add_callback("GET", f"{API}/search/jql", callback=answer)
    web.get(re.compile(f"{API}/issue/APP-[1-5]"), status=404)
    assert len(related()) == 50
    assert len([call for call in web.calls if jql_of(call)]) == 3
    assert len(web.calls) == 1 + 3 + 10 + 1


def test_a_search_that_is_forbidden_is_refused_and_not_tried_in_another_way(web: responses.RequestsMock) -> None:
    has_ties(web, subtasks=[embedded("APP-2"), embedded("APP-3")])
    web.get(f"{API}/search/jql", status=403, json={"errorMessages": ["No."]})
    with pytest.raises(Refused, match="what jira:main/APP-7 is tied to"):
        related()
    assert len(web.calls) == 2


def test_whether_it_is_open_is_told_by_the_link_as_a_search_may_lag_behind(web: responses.RequestsMock) -> None:
    has_ties(web, {"type": BLOCKS, "inwardIssue": embedded("APP-2")})
    finds(web, True, "key in (APP-2)", embedded("APP-2", "done", labels=["x"]))
    assert related() == (tied("APP-2", Tie.BLOCKING, "is blocked by", labels=("x",)),)


def test_those_that_are_closed_are_not_looked_up(web: responses.RequestsMock) -> None:
    has_ties(web, subtasks=[embedded("APP-2", "done", "Bug")])
    assert related() == (tied("APP-2", Tie.SUB_ISSUE, "sub-task", is_open=False, type="Bug"),)
    assert len(web.calls) == 2


@pytest.mark.parametrize(
    ("wanted", "found", "requests_"),
    [
        (frozenset({"issues", "pages"}), ["APP-2", "Help"], ["search/jql", "issue/APP-7/remotelink"]),
        (frozenset({"issues"}), ["APP-2"], ["search/jql"]),
        (frozenset({"pages"}), ["Help"], ["issue/APP-7/remotelink"]),
        (frozenset(), [], []),
    ],
)
def test_right_after_a_snapshot_only_what_is_wanted_and_not_yet_known_is_asked_for(
    web: responses.RequestsMock, wanted: frozenset[str], found: list[str], requests_: list[str]
) -> None:
    knows_us(web)
    web.get(f"{API}/issue/APP-7", json=issue(subtasks=[embedded("APP-2")], issuelinks=[]))
    web.get(f"{API}/issue/APP-7/remotelink", json=[{"id": 1, "object": {"url": "https://x.example", "title": "Help"}}])
    finds(web, True, "key in (APP-2)", embedded("APP-2", labels=["x"]))
    jira = site()
    snapshot = jira.fetch(REF)
    before = len(web.calls)
    assert [one.key for one in jira.related(REF, snapshot, wanted)] == found
    assert [line.removeprefix("GET ").split("?")[0] for line in asked(web)[before:]] == requests_


def test_what_a_snapshot_told_counts_once_and_for_that_snapshot_alone(web: responses.RequestsMock) -> None:
    knows_us(web)
    whole = matchers.query_param_matcher({"expand": "changelog,names"}, strict_match=False)
    web.get(f"{API}/issue/APP-7", json=issue(subtasks=[embedded("APP-2", "done")]), match=[whole])
    has_ties(web, subtasks=[embedded("APP-3", "done")])
    web.get(f"{API}/issue/APP-8", json={"key": "APP-8", "fields": {"subtasks": [], "issuelinks": []}})
    web.get(f"{API}/issue/APP-8/remotelink", json=[])
    jira = site()
    snapshot = jira.fetch(REF)
    assert [one.key for one in jira.related(REF, snapshot)] == ["APP-2"]
    assert [one.key for one in jira.related(REF, snapshot)] == ["APP-3"], "read anew"
    jira.fetch(REF)
    assert jira.related(Ref.parse("APP-8"), snapshot) == ()
    jira.fetch(REF)
    assert [one.key for one in jira.related(REF, SNAPSHOT)] == ["APP-3"], "of another time"


def test_an_issue_whose_key_we_cannot_write_has_no_ref_and_is_not_searched_for(web: responses.RequestsMock) -> None:
    has_ties(web, {"type": BLOCKS, "inwardIssue": embedded("odd-key")})
    (one,) = related()
    assert (one.key, one.ref, one.is_open) == ("odd-key", None, True)
    assert len(web.calls) == 2


@FLAVOURS
def test_more_than_a_page_of_them_is_read_to_the_end(web: responses.RequestsMock, cloud: bool) -> None:
    keys = [f"APP-{n}" for n in range(10, 160)]
    has_ties(web, subtasks=[embedded(key) for key in keys])

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        asked = request.params  # type: ignore[attr-defined]
        wanted = asked["jql"].removeprefix("key in (").removesuffix(")").split(", ")
        start = int(asked.get("nextPageToken" if cloud else "startAt") or 0)
        page: dict[str, Any] = {"issues": [embedded(key, labels=[key]) for key in wanted[start : start + 40]]}
        more = {"nextPageToken": str(start + 40)} if start + 40 < len(wanted) else {"isLast": True}
        return 200, {}, json.dumps(page | (more if cloud else {"total": len(wanted)}))

    web.add_callback("GET", f"{API}/{'search/jql' if cloud else 'search'}", callback=answer)
    assert [one.labels for one in related(cloud)] == [(key,) for key in keys]


def test_a_moved_issue_tells_its_ties_under_its_new_key_alone(web: responses.RequestsMock) -> None:
    has_ties(web, key="NEW-3")
    with pytest.raises(Gone) as gone:
        related()
    assert gone.value.now == Ref("jira", "main", "NEW", 3)


def test_where_links_are_not_for_us_it_says_so(web: responses.RequestsMock) -> None:
    has_ties(web)
    web.replace("GET", f"{API}/issue/APP-7/remotelink", status=403, json={"errorMessages": ["Linking is disabled."]})
    with pytest.raises(Refused, match=r"what jira:main/APP-7 is tied to.*Linking is disabled"):
        related()


def test_where_pages_are_not_there_the_issue_is_not_taken_for_gone(web: responses.RequestsMock) -> None:
    has_ties(web)
    web.replace("GET", f"{API}/issue/APP-7/remotelink", status=404, json={"errorMessages": ["Nothing here."]})
    with pytest.raises(Refused, match=r"what jira:main/APP-7 is tied to.*Nothing here"):
        related()


def test_a_snapshot_tells_the_type_of_the_issue(web: responses.RequestsMock) -> None:
    assert fetched(web, issue(issuetype={"id": "1", "name": "Bug"})).type == "Bug"


# --- errors -------------------------------------------------------------------------------------------------------


def say(jira: Jira) -> None:
    jira.say(REF, TEXT, "T")


def fetch(jira: Jira) -> None:
    jira.fetch(REF)


def raised(act: Callable[[Jira], object], jira: Jira) -> TrackerError:
    with pytest.raises(TrackerError) as caught:
        act(jira)
    return caught.value


NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("code", [429, 408])
@pytest.mark.parametrize(
    ("header", "waits"),
    [
        ({"Retry-After": "300"}, 300),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"Retry-After": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0),
        ({"Retry-After": "999999999"}, 86400),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "-5"}, 60),
        ({}, 60),
    ],
)
@pytest.mark.parametrize("act", [say, fetch])
def test_a_rate_limit_tells_when_to_try_again(
    web: responses.RequestsMock, code: int, header: dict[str, str], waits: float, act: Callable[[Jira], None]
) -> None:
    knows_us(web)
    web.get(f"{API}/issue/APP-7", status=code, headers=header)
    web.post(f"{API3}/issue/APP-7/comment", status=code, headers=header)
    with time_machine.travel(NOW, tick=False):
        error = raised(act, site())
    assert isinstance(error, Unavailable)
    assert (error.retry_at, error.unknown) == (NOW + timedelta(seconds=waits), False)


@pytest.mark.parametrize("code", [500, 502, 503, 504])
@pytest.mark.parametrize(("act", "unknown"), [(say, True), (fetch, False)])
def test_a_failing_server_leaves_a_write_unknown_and_is_asked_only_once(
    web: responses.RequestsMock, code: int, act: Callable[[Jira], None], unknown: bool
) -> None:
    web.post(f"{API3}/issue/APP-7/comment", status=code, headers={"Retry-After": "1"}, body="<html>oops</html>")
    web.get(f"{API}/myself", status=code, headers={"Retry-After": "1"})
    began = time.monotonic()
    error = raised(act, site())
    assert isinstance(error, Unavailable)
    assert error.unknown is unknown
    assert "oops" not in str(error)
    assert len(web.calls) == 1
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("broken", "unknown"),
    [
        (requests.ReadTimeout("x"), True),
        (requests.ConnectionError("reset"), True),
        (requests.exceptions.ChunkedEncodingError("x"), True),
        (requests.exceptions.SSLError("x"), True),
        (requests.ConnectTimeout("x"), False),
        (requests.exceptions.ProxyError("x"), False),
        (requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused"))), False),  # type: ignore[arg-type]
    ],
)
def test_a_lost_write_is_unknown_unless_no_connection_was_made(
    web: responses.RequestsMock, broken: Exception, unknown: bool
) -> None:
    web.post(f"{API3}/issue/APP-7/comment", body=broken)
    error = raised(say, site())
    assert isinstance(error, Unavailable)
    assert error.unknown is unknown
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (400, Refused, r"refused to comment on jira:main/APP-7 \(HTTP 400\): Comment body can not be empty!"),
        (401, Refused, "does not accept our sign-in: renew JIRA_API_TOKEN"),
        (403, Refused, "refused to comment on jira:main/APP-7"),
        (404, Gone, "it is not there, or not for our account"),
        (409, Unavailable, "busy"),
        (410, Refused, "HTTP 410"),
        (302, Refused, "mend JIRA_URL"),
    ],
)
def test_an_answer_that_is_no_success_is_told_in_words(
    web: responses.RequestsMock, code: int, kind: type[TrackerError], words: str
) -> None:
    knows_us(web)
    web.post(
        f"{API3}/issue/APP-7/comment",
        status=code,
        json={"errorMessages": ["Comment body can not be empty!"]},
        headers={"Location": "https://sign-in.acme.example/"} if code == 302 else {},
    )
    with pytest.raises(kind, match=words):
        say(site())


def test_the_variable_to_mend_is_named_for_the_site(web: responses.RequestsMock) -> None:
    web.get(f"{API}/myself", status=401)
    for settings, variable in ((replace(CLOUD, site="eu"), "JIRA_EU_API_TOKEN"), (SERVER, "JIRA_PAT")):
        with pytest.raises(Refused, match=f"renew {variable}$"):
            Jira(settings).fetch(REF)


def test_with_a_dead_token_a_missing_issue_is_not_taken_for_deleted(web: responses.RequestsMock) -> None:
    jira = site()
    knows_us(web)
    web.get(f"{API}/issue/APP-7", json=issue())
    jira.fetch(REF)
    web.reset()
    web.get(f"{API}/issue/APP-7", status=404, json={"errorMessages": ["Issue does not exist"]})
    web.get(f"{API}/myself", status=401)
    with pytest.raises(Refused, match="sign-in"):
        jira.fetch(REF)


def test_a_wrong_address_is_not_taken_for_a_deleted_issue(web: responses.RequestsMock) -> None:
    web.get(f"{API}/issue/APP-7", status=404)
    web.get(f"{API}/myself", status=404)
    with pytest.raises(Refused, match="mend JIRA_URL"):
        fetch(site())


def test_a_page_instead_of_json_is_not_an_answer(web: responses.RequestsMock) -> None:
    web.post(f"{API3}/issue/APP-7/comment", body="<html>Please log in</html>")
    error = raised(say, site())
    assert isinstance(error, Unavailable)
    assert error.unknown
    assert "log in" not in str(error)


@pytest.mark.parametrize(
    "body",
    ["", "[1]", "5", '"x"', "null", '{"errorMessages": 5}', '{"errorMessages": null, "errors": [1]}', "{",
     "[" * 100_000, '{"errors": {"a": {"b": 1}}, "message": ["x"]}', '["message", "errors"]', "\xff"],
)  # fmt: skip
def test_an_error_with_an_odd_body_is_still_one_of_ours(web: responses.RequestsMock, body: str) -> None:
    web.post(f"{API3}/issue/APP-7/comment", status=400, body=body.encode("latin-1"))
    with pytest.raises(Refused, match=r"\(HTTP 400\)$"):
        say(site())


def test_a_success_with_brackets_without_end_is_still_one_of_ours(web: responses.RequestsMock) -> None:
    web.post(f"{API3}/issue/APP-7/comment", body="[" * 100_000 + "]" * 100_000)
    assert isinstance(raised(say, site()), Unavailable)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 429, 500])
@FLAVOURS
def test_no_error_holds_a_secret(web: responses.RequestsMock, code: int, cloud: bool) -> None:
    page = f"<html>token {SECRET} session-9f</html>"
    headers = {"X-Debug": f"Bearer {SECRET}", "X-Authentication-Denied-Reason": "CAPTCHA; session-9f"}
    for method in ("GET", "POST"):
        for path in (f"{API}/issue/APP-7/comment", f"{API3}/issue/APP-7/comment", f"{API}/myself"):
            web.add(method, path, status=code, body=page, headers=headers)
    error = raised(say, site(cloud))
    seen = "".join(traceback.format_exception(error)) + repr(error.__dict__) + repr(error.__context__)
    assert SECRET not in seen
    assert "session-9f" not in seen
    assert error.__context__ is None


def test_no_error_of_the_connection_holds_a_secret(web: responses.RequestsMock) -> None:
    request = requests.Request("POST", URL, headers={"authorization": SECRET}).prepare()
    web.post(f"{API3}/issue/APP-7/comment", body=requests.ConnectionError(SECRET, request=request))
    error = raised(say, site())
    assert SECRET not in "".join(traceback.format_exception(error))
    assert error.__context__ is None


# --- real sockets -------------------------------------------------------------------------------------------------


@contextmanager
def serving(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that answers the first connection in its own way; its address."""
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                answer(connection, over)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            with suppress(OSError):  # so that a server whom nobody called need not wait on
                socket.create_connection(listener.getsockname()[:2], timeout=1).close()
            thread.join(15)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LONG, CHUNKED = HEAD + b"Content-Length: 9999999\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def drip(head: bytes, drop: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """One drop after the other, and no end."""

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(0.01):
            connection.sendall(drop)

    return answer


@pytest.mark.parametrize(("act", "unknown"), [(say, True), (fetch, False)])
@pytest.mark.parametrize(("head", "drop"), [(LONG, b" "), (CHUNKED, b"1\r\n \r\n")], ids=["plain", "chunked"])
def test_an_answer_that_drips_ends_with_the_total_time(
    act: Callable[[Jira], None], unknown: bool, head: bytes, drop: bytes
) -> None:
    with serving(drip(head, drop)) as url:
        began = time.monotonic()
        error = raised(act, Jira(replace(CLOUD, url=url), total=0.4))
        assert time.monotonic() - began < 5
    assert isinstance(error, Unavailable)
    assert error.unknown is unknown
    assert "in time" in str(error)


@pytest.mark.parametrize(
    "answer", [b"", HEAD[:20], LONG + b'{"id":', CHUNKED + b'5\r\n{"id"\r\n', CHUNKED + b"zz\r\n"],
    ids=["nothing", "half a head", "half a body", "half of the chunks", "broken chunks"],
)  # fmt: skip
def test_an_answer_that_breaks_off_leaves_a_write_unknown(answer: bytes) -> None:
    with serving(lambda connection, _: connection.sendall(answer)) as url:
        error = raised(say, Jira(replace(CLOUD, url=url)))
    assert isinstance(error, Unavailable)
    assert error.unknown


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        (replace(CLOUD, api_token="t\u00f6k\u2603en"), "t\u00f6k\u2603en"),
        (replace(SERVER, pat="t\u00f6k\u2603en"), "t\u00f6k\u2603en"),
        (replace(SERVER, pat="token\nwith line"), "token\nwith line"),
    ],
    ids=["cloud", "data center", "data center, two lines"],
)
def test_a_token_that_cannot_be_sent_is_refused_without_being_told(settings: JiraSettings, secret: str) -> None:
    with serving(lambda connection, _: None) as url:
        error = raised(say, Jira(replace(settings, url=url)))
    assert isinstance(error, Refused)
    seen = "".join(traceback.format_exception(error)) + str(error)
    assert not [word for word in ("\u2603", "with line", repr(secret)[1:-1]) if word in seen]
    assert error.__context__ is None


class _Patient(BaseHTTPRequestHandler):
    """Keeps its connections, and notes which one each request came by."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.callers.append(self.client_address)  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.callers.append(self.client_address)  # type: ignore[attr-defined]
        body = json.dumps({"fields": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_one_connection_serves_many_requests() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Patient)
    server.callers = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        jira = Jira(replace(CLOUD, url=f"http://127.0.0.1:{server.server_port}"))
        for name in ("a", "b"):
            jira.put_label(REF, name)
            raised(fetch, jira)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    callers = server.callers  # type: ignore[attr-defined]
    assert len(callers) >= 4
    assert len(set(callers)) == 1


def test_nobody_listening_is_known_to_have_had_no_effect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = raised(say, Jira(replace(CLOUD, url=f"http://127.0.0.1:{port}")))
    assert isinstance(error, Unavailable)
    assert not error.unknown


def test_all_pages_together_have_one_time(web: responses.RequestsMock) -> None:
    knows_us(web)
    raw = issue(comments=(comment(1, "sam", "x"),))
    raw["fields"]["comment"]["total"] = 10**9
    web.get(f"{API}/issue/APP-7", json=raw)
    numbers = iter(range(2, 10**6))

    def page(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        time.sleep(0.02)
        return 200, {}, json.dumps({"comments": [comment(next(numbers), "sam", "x")], "total": 10**9})

    web.add_callback("GET", f"{API}/issue/APP-7/comment", callback=page)
    began = time.monotonic()
    assert isinstance(raised(fetch, site(total=0.4)), Unavailable)
    assert time.monotonic() - began < 5


# --- people -------------------------------------------------------------------------------------------------------


def named(login: str, cloud: bool) -> dict[str, str]:
    return {"accountId" if cloud else "username": login}


@FLAVOURS
@pytest.mark.parametrize(("group", "inside"), [("support-agents", True), ("Support-Agents", True), ("growth", False)])
def test_membership_is_asked_of_the_person(web: responses.RequestsMock, cloud: bool, group: str, inside: bool) -> None:
    web.get(
        f"{API}/user",
        json=user("sam", cloud, groups={"size": 1, "items": [{"name": "support-agents"}]}),
        match=[matchers.query_param_matcher({"expand": "groups", **named("sam1", cloud)})],
    )
    assert site(cloud).answer(REF, Question(Person("sam1", "sam1"), group=group)) is inside


def test_a_person_that_jira_does_not_know_is_in_no_group(web: responses.RequestsMock) -> None:
    knows_us(web)
    web.get(f"{API}/user", status=404)
    assert not site().answer(REF, Question(Person("x", "x"), group="support-agents"))


def test_a_list_of_groups_that_is_not_whole_is_no_answer(web: responses.RequestsMock) -> None:
    web.get(f"{API}/user", json=user("sam", groups={"size": 9, "items": [{"name": "a"}]}))
    with pytest.raises(Refused, match="only a part"):
        site().answer(REF, Question(Person("sam1", "sam1"), group="support-agents"))


@FLAVOURS
@pytest.mark.parametrize(("found", "able"), [([], False), (["sam"], True), (["samuel", "samantha"], False)])
def test_triage_is_the_right_to_move_the_issue(
    web: responses.RequestsMock, cloud: bool, found: list[str], able: bool
) -> None:
    wanted = {"permissions": "TRANSITION_ISSUES", "issueKey": "APP-7", "maxResults": "1000", **named("sam1", cloud)}
    web.get(
        f"{API}/user/permission/search",
        json=[user(login, cloud) for login in found],
        match=[matchers.query_param_matcher(wanted)],
    )
    assert site(cloud).answer(REF, Question(Person("sam1", "sam1"), triage=True)) is able


def test_where_we_may_not_ask_for_rights_the_missing_one_is_named(web: responses.RequestsMock) -> None:
    web.get(f"{API}/user/permission/search", status=403)
    with pytest.raises(Refused, match="'Administer projects' in APP"):
        site().answer(REF, Question(Person("sam1", "sam1"), triage=True))


def test_rights_in_what_is_not_there_are_not_for_us_to_say(web: responses.RequestsMock) -> None:
    knows_us(web)
    web.get(f"{API}/user/permission/search", status=404)
    with pytest.raises(Refused, match="ask what sam1 may do"):
        site().answer(REF, Question(Person("sam1", "sam1"), triage=True))


def test_whether_they_may_see_what_is_not_there_is_said_in_words(web: responses.RequestsMock) -> None:
    knows_us(web)
    web.get(f"{API}/user", json=user("sam"))
    web.get(f"{API}/user/viewissue/search", status=404)
    said = Comment("1", AT, Person("us", "us"), "", mentions=frozenset({"sam1"}))
    assert "we cannot tell whether they may see APP-7" in site().unreached(REF, said, ["sam1"])["sam1"]


def test_a_question_for_a_team_of_github_is_refused() -> None:
    with pytest.raises(Refused, match="acme/support"):
        site().answer(REF, Question(Person("sam1", "sam1"), team="acme/support"))


@FLAVOURS
def test_members_are_the_active_people_of_a_group_at_most_ten(web: responses.RequestsMock, cloud: bool) -> None:
    crowd = [user("idle", cloud, active=False), *(user(f"a{n}", cloud) for n in range(6))]
    crowd += [user("robo", cloud, accountType="app"), *(user(f"b{n}", cloud) for n in range(9))]
    for start in (0, 8):
        web.get(
            f"{API}/group/member",
            json={"values": crowd[start : start + 8], "isLast": start == 8, "total": len(crowd)},
            match=[matchers.query_param_matcher({"groupname": "support-agents", "startAt": start, "maxResults": 100})],
        )
    assert site(cloud).members(REF, "support-agents") == tuple(f"a{n}1" for n in range(6)) + tuple(
        f"b{n}1" for n in range(4)
    )


@pytest.mark.parametrize(("code", "words"), [(404, "no group 'x'"), (403, "name the party's users in mappings.yaml")])
def test_a_group_that_cannot_be_listed_says_what_to_do(web: responses.RequestsMock, code: int, words: str) -> None:
    knows_us(web)
    web.get(f"{API}/group/member", status=code)
    with pytest.raises(Refused, match=words):
        site().members(REF, "x")


# --- the sandbox, over HTTP ---------------------------------------------------------------------------------------


class Site:
    """The sandbox's Jira in one flavour, and our client of it."""

    def __init__(self, world: World, url: str, cloud: bool) -> None:
        self.world, self.state, self.cloud = world, world.jira, cloud
        self.client = Jira(
            JiraSettings("main", url, email=SERVICE_EMAIL, api_token=SERVICE_TOKEN)
            if cloud
            else JiraSettings("main", url, pat=SERVICE_TOKEN)
        )

    def handle(self, login: str) -> str:
        return self.world.people[login].account_id if self.cloud else login


@pytest.fixture(params=[True, False], ids=["cloud", "data center"])
def acme(request: pytest.FixtureRequest) -> Iterator[Site]:
    world = World()
    if not request.param:
        world.jira = JiraState(world, "server")
    with running(world) as served:
        yield Site(world, served.jira_url, request.param)


def test_a_feature_is_read_told_about_and_put_back(acme: Site) -> None:
    key = acme.state.create_issue(
        "APP", "Export", "erin", "h3. What", status="Beta", labels=["x"], custom={NOTES: "All"}
    )
    acme.state.transition(key, "Released", "erin")
    ref = Ref.parse(key)
    before = acme.client.fetch(ref)
    said = acme.client.say(ref, (Paragraph((Mention(acme.handle("sam")), " ", Quoted("[~gus] {code}"))),), "T")
    acme.client.transition(ref, ["Beta"])
    acme.client.put_label(ref, "told"), acme.client.put_label(ref, "told")
    acme.client.take_label(ref, "x"), acme.client.take_label(ref, "x")
    acme.client.edit(ref, said.id, (Paragraph(("Back in Beta",)),), "T2")
    after = acme.client.fetch(ref)

    assert (before.status and before.status.name, after.status and after.status.name) == ("Released", "Beta")
    assert [(s.what.value, s.name) for s in after.sightings] == [
        ("became", "Beta"), ("added", "x"), ("became", "Released"), ("became", "Beta"), ("added", "told"),
        ("removed", "x"),
    ]  # fmt: skip
    assert before.author.handle == acme.handle("erin")
    assert before.sightings[-1].actor.handle == acme.handle("erin")
    assert after.sightings[-1].actor == after.me
    assert said.mentions == {acme.handle("sam")}
    assert [(one.author, one.body, one.token) for one in after.comments] == [(after.me, "Back in Beta", "T2")]
    assert (before.closed, after.closed) == (ClosedAs.DONE, ClosedAs.OPEN)
    assert after.fields["Release notes"] == "All"
    assert after.watermark >= before.watermark


def test_a_history_and_a_talk_of_many_pages_come_back_whole(acme: Site) -> None:
    acme.state.embedded_histories, acme.state.embedded_comments, acme.state.page_size = 5, 3, 4
    key = acme.state.create_issue("APP", "Export", "erin")
    for n in range(11):
        acme.state.set_labels(key, [f"l{n}"], "erin")
        acme.state.comment(key, f"c{n}", "sam")
    read = acme.client.fetch(Ref.parse(key))
    assert [s.name for s in read.sightings if s.what is Happened.ADDED] == [f"l{n}" for n in range(11)]
    assert [one.body for one in read.comments] == [f"c{n}" for n in range(11)]


def test_a_moved_issue_and_a_deleted_one_are_gone(acme: Site) -> None:
    key = acme.state.create_issue("APP", "Export", "erin")
    new = acme.state.move_issue(key, "ONE")
    with pytest.raises(Gone) as moved:
        acme.client.fetch(Ref.parse(key))
    assert moved.value.now == Ref.parse(new)
    acme.state.delete_issue(new)
    with pytest.raises(Gone) as deleted:
        acme.client.fetch(Ref.parse(new))
    assert deleted.value.now is None


def test_what_an_issue_is_tied_to_is_as_it_is_now(acme: Site) -> None:
    state = acme.state
    key = state.create_issue("APP", "Export", "erin")
    blocker = state.create_issue("APP", "It crashes", "sam", labels=["crash"], type="Bug")
    hidden = state.create_issue("ONE", "A secret", "erin", type="Bug")
    text = state.create_issue("APP", "Write the page", "dora", type="Task")
    part = state.add_subtask(key, "Translate", "evan")
    state.link(key, "is blocked by", blocker)
    state.link(key, "is blocked by", hidden)
    state.link(text, "documents", key)
    state.add_remote_link(key, "https://help.acme.example/export", "Help: export", "dora", "documented by")
    state.forbid("release-stages[bot]", "ONE")
    ref = Ref.parse(key)

    def found() -> list[tuple[Any, ...]]:
        return [
            (one.key, one.tie.value, one.via, one.is_open, one.type, one.labels)
            for one in acme.client.related(ref, acme.client.fetch(ref))
        ]

    assert found() == [
        (part, "sub-issue", "sub-task", True, "Sub-task", ()),
        (blocker, "blocking", "is blocked by", True, "Bug", ("crash",)),
        (hidden, "blocking", "is blocked by", True, "Bug", ()),
        (text, "linked", "is documented by", True, "Task", ()),
        ("Help: export", "page", "documented by", False, "", ()),
    ]
    state.close(blocker, "sam"), state.close(part, "evan", "Won't Do")
    assert [(tie, is_open) for _, tie, _, is_open, *_ in found()][:2] == [("sub-issue", False), ("blocking", False)]
    state.reopen(blocker, "sam")
    assert found()[1][3]


EVERY_CHANGE: dict[str, Callable[[Jira, Ref, str], object]] = {
    "say": lambda jira, ref, _: jira.say(ref, TEXT, "T"),
    "edit": lambda jira, ref, comment_id: jira.edit(ref, comment_id, TEXT, "T"),
    "put a label": lambda jira, ref, _: jira.put_label(ref, "x"),
    "take a label": lambda jira, ref, _: jira.take_label(ref, "x"),
    "transition": lambda jira, ref, _: jira.transition(ref, ["Beta"]),
}


@pytest.mark.parametrize("change", EVERY_CHANGE.values(), ids=list(EVERY_CHANGE))
def test_an_archived_issue_is_read_as_before_and_every_change_says_that_people_have_to_restore_it(
    acme: Site, change: Callable[[Jira, Ref, str], object]
) -> None:
    key = acme.state.create_issue("APP", "Export", "erin", at=datetime.now(UTC) - timedelta(hours=1))
    ref = Ref.parse(key)
    acme.client.fetch(ref)
    said = acme.client.say(ref, TEXT, "T")
    acme.state.archive(key)
    assert acme.client.fetch(ref).comments[0].id == said.id
    with pytest.raises(Locked, match=rf"{key} is archived, or in an archived project: an admin .* restore it"):
        change(acme.client, ref, said.id)
    acme.state.archive(key, archived=False)
    acme.client.say(ref, TEXT, "T2")


def test_what_is_refused_on_an_issue_that_a_search_finds_or_that_is_new_is_no_archive(acme: Site) -> None:
    hour = timedelta(hours=1)
    old, new = (acme.state.create_issue("APP", "x", "erin", at=datetime.now(UTC) - age) for age in (hour, hour * 0))
    for key in (old, new):
        acme.client.fetch(Ref.parse(key))
    acme.state.denied.add((SERVICE, "ADD_COMMENTS"))
    acme.state.archive(new)
    for key in (old, new):
        with pytest.raises(Refused, match="permission to comment") as no:
            acme.client.say(Ref.parse(key), TEXT, "T")
        assert not isinstance(no.value, Locked)


def test_what_is_quoted_mentions_nobody_in_the_comment_that_is_read_again(acme: Site) -> None:
    key = acme.state.create_issue("APP", "Export", "erin")
    trap = f"[~accountid:{acme.handle('gus')}] [~gus] @gus {{code}}"
    said = acme.client.say(Ref.parse(key), (Paragraph((Mention(acme.handle("sam")), " ", Quoted(trap))),), "T")
    (read,) = acme.client.fetch(Ref.parse(key)).comments
    assert (said.mentions, read.mentions) == ({acme.handle("sam")}, {acme.handle("sam")})
    assert (read.id, read.token) == (said.id, "T")


def test_there_is_no_way_back_where_the_workflow_has_none(acme: Site) -> None:
    key = acme.state.create_issue("ONE", "Sign-in", "erin", status="Released")
    for to, words in ((["10003", "Beta"], "Released to Beta that"), (["10003"], "to the status that it should have")):
        with pytest.raises(Refused, match=f"no transition leads back from .*{words}") as no:
            acme.client.transition(Ref.parse(key), to)
        assert "10003" not in str(no.value)


def test_a_move_that_fails_names_no_number(web: responses.RequestsMock) -> None:
    web.get(f"{API}/issue/APP-7", status=502)
    with pytest.raises(Unavailable, match=r"move jira:main/APP-7 to Beta$"):
        site().transition(REF, ["10003", "Beta"])


def test_a_transition_that_asks_for_a_field_is_passed_by_or_named(acme: Site) -> None:
    first = acme.state.create_issue("GUARD", "Prices", "erin", status="Released")
    acme.client.transition(Ref.parse(first), ["Beta"])
    assert acme.state.issue(first).status.name == "Beta"
    acme.state.require("GUARD", "Beta", REASON)
    second = acme.state.create_issue("GUARD", "Plans", "erin", status="Released")
    with pytest.raises(Refused, match="wants Reason for going back filled in"):
        acme.client.transition(Ref.parse(second), ["Beta"])
    assert acme.state.issue(second).status.name == "Released"


def test_a_conflict_is_tried_again_later(acme: Site) -> None:
    acme.state.conflicts = 1
    key = acme.state.create_issue("APP", "Export", "erin", status="Released")
    with pytest.raises(Unavailable, match="busy"):
        acme.client.transition(Ref.parse(key), ["Beta"])


@pytest.mark.parametrize("code", [502, 0])
def test_a_comment_that_landed_without_an_answer_is_unknown_and_posted_once(acme: Site, code: int) -> None:
    key = acme.state.create_issue("APP", "Export", "erin")
    acme.world.faults.add(Fault("POST .*/comment$", "after", status=code))
    error = raised(lambda jira: jira.say(Ref.parse(key), TEXT, "T"), acme.client)
    assert isinstance(error, Unavailable)
    assert error.unknown
    assert [one.token for one in acme.client.fetch(Ref.parse(key)).comments] == ["T"]


def test_who_may_speak_is_asked_of_jira_each_time(acme: Site) -> None:
    ref = Ref.parse(acme.state.create_issue("APP", "Export", "erin"))

    def may(login: str, **question: Any) -> bool:
        return acme.client.answer(ref, Question(Person(acme.handle(login), acme.handle(login)), **question))

    assert may("sam", group="support-agents")
    assert not may("gus", group="support-agents")
    assert may("erin", triage=True)
    assert not may("mallory", triage=True)
    acme.state.groups["support-agents"].append("gus")
    assert may("gus", group="support-agents")
    acme.state.denied.add(("release-stages[bot]", "ADMINISTER_PROJECTS"))
    with pytest.raises(Refused, match="Administer projects"):
        may("erin", triage=True)


def test_whom_a_mention_cannot_have_reached_is_told_with_the_reason(acme: Site) -> None:
    ref = Ref.parse(acme.state.create_issue("APP", "Export", "erin"))
    people = {login: acme.handle(login) for login in ("sam", "sofia", "gus", "gwen")} | {"nobody": "nobody-here"}
    acme.state.deactivate("sofia")
    acme.state.forbid("gus", ref.key)
    mentions = tuple(piece for login in ("sam", "sofia", "gus", "nobody") for piece in (Mention(people[login]), " "))
    said = acme.client.say(ref, (Paragraph(mentions),), "T")
    reasons = acme.client.unreached(ref, said, people.values())
    assert {login: reasons.get(handle, "") for login, handle in people.items()} == {
        "sam": "",
        "sofia": "their account is not active",
        "gus": f"they may not see {ref.key}",
        "gwen": "the comment does not mention them in a way that Jira turns into a link",
        "nobody": "Jira (main) knows no such account",
    }
    acme.state.denied.add(("release-stages[bot]", "USER_PICKER"))
    assert "Browse users and groups" in acme.client.unreached(ref, said, [people["sam"]])[people["sam"]]


def test_the_members_of_a_group_are_listed_by_handle(acme: Site) -> None:
    acme.state.deactivate("sofia")
    ref = Ref.parse("APP-1")
    assert set(acme.client.members(ref, "support-agents")) == {acme.handle("sam"), acme.handle("support-lead")}
    with pytest.raises(Refused, match="no group"):
        acme.client.members(ref, "nobody")


def test_threads_may_share_one_client(acme: Site) -> None:
    refs = [Ref.parse(acme.state.create_issue("APP", f"Feature {n}", "erin")) for n in range(8)]
    titles: dict[Ref, str] = {}
    threads = [
        threading.Thread(target=lambda ref=ref: titles.update({ref: acme.client.fetch(ref).title})) for ref in refs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert titles == {ref: f"Feature {n}" for n, ref in enumerate(refs)}


# --- which version of the API -------------------------------------------------------------------------------------

HOOK = {"JIRA_URL": URL, "JIRA_WEBHOOK_SECRETS": "hush", "SANDBOX": "0"}
ON_CLOUD = {**HOOK, "JIRA_EMAIL": "release-stages@acme.example", "JIRA_API_TOKEN": "t"}
ON_DATA_CENTER = {**HOOK, "JIRA_PAT": "p"}


@pytest.mark.parametrize(
    ("environ", "said", "api"),
    [
        (ON_CLOUD, "", "3"),
        (ON_CLOUD, "3", "3"),
        (ON_CLOUD, "2", "2"),
        (ON_DATA_CENTER, "", "2"),
        (ON_DATA_CENTER, "2", "2"),
    ],
)
def test_comments_are_written_in_the_version_that_is_set_or_that_the_site_knows_best(
    tmp_path: Path, environ: dict[str, str], said: str, api: str
) -> None:
    read = Settings.read({**environ, "DATA_DIR": str(tmp_path), "JIRA_API_VERSION": said})
    assert [(one.api, Jira(one).api) for one in read.jira] == [(api, api)]


@pytest.mark.parametrize(
    ("environ", "said", "words"),
    [
        (ON_DATA_CENTER, "3", "JIRA_API_VERSION: Data Center has no version 3 of the REST API; write 2"),
        (ON_CLOUD, "latest", "JIRA_API_VERSION: it is no version of Jira's REST API that we know; write 2 or 3"),
    ],
)  # fmt: skip
def test_a_version_that_the_site_does_not_have_is_a_fault(
    tmp_path: Path, environ: dict[str, str], said: str, words: str
) -> None:
    with pytest.raises(Misconfigured, match=re.escape(words)):
        Settings.read({**environ, "DATA_DIR": str(tmp_path), "JIRA_API_VERSION": said})
