"""The sandbox's Jira speaks as the API description says: the real `jira` client, plain HTTP and its webhooks agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from jira import JIRA, JIRAError

from integration.sandbox import Served, World, jira_adf, running
from integration.sandbox import jira_bodies as bodies
from integration.sandbox.hooks import sign
from integration.sandbox.jira import REASON, JiraSaysNo, seed
from integration.sandbox.world import Fault

EARLY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SERVICE_MAIL, SERVICE_TOKEN = "release-stages@acme.example", "sandbox-service-token"


@pytest.fixture
def site() -> Iterator[Served]:
    with running(World()) as served:
        yield served


@pytest.fixture
def app(site: Served) -> str:
    """An issue that stands in Beta, made by Erin."""
    return site.world.jira.create_issue("APP", "Export invoices", "erin", "h3. What changes\nA lot.", status="Beta")


def cloud(site: Served, login: str = "release-stages[bot]") -> JIRA:
    one = site.world.people[login]
    return JIRA(
        site.jira_url, basic_auth=(one.email, one.token), max_retries=0, get_server_info=False, timeout=5
    )  # fmt: skip


def data_center(site: Served, login: str = "release-stages[bot]") -> JIRA:
    site.world.jira.flavour = "server"
    token = site.world.people[login].token
    return JIRA(site.jira_url, token_auth=token, max_retries=0, get_server_info=False, timeout=5)


def call(site: Served, method: str, path: str, login: str = "release-stages[bot]", **more: Any) -> requests.Response:
    one = site.world.people[login]
    url = f"{site.jira_url}/rest/api/2/{path}"
    return requests.request(method, url, auth=(one.email, one.token), timeout=5, **more)


def heard(site: Served) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Every delivery so far: headers and payload."""
    assert site.world.hooks.idle(10)
    return [(one.headers, json.loads(one.body)) for one in site.world.hooks.deliveries if one.hook.style == "jira"]


def listen(site: Served, secret: str = "s3cret") -> None:
    site.world.hooks.register(f"{site.url}/nobody-listens-here", secret, "jira")


# -- reading -----------------------------------------------------------------------------------------------------


def test_one_read_gives_the_issue_its_history_newest_first_and_its_comments_oldest_first(
    site: Served, app: str
) -> None:
    state = site.world.jira
    state.transition(app, "Released", "erin", EARLY + timedelta(days=1))
    state.transition(app, "Beta", "sam", EARLY + timedelta(days=2))
    state.comment(app, "first", "sam")
    state.comment(app, "second", "erin")

    issue = cloud(site).issue(app, expand="changelog,names,renderedFields")

    assert issue.fields.status.name == "Beta"
    assert [entry.author.displayName for entry in issue.changelog.histories] == ["Sam", "Erin"]
    assert [comment.body for comment in issue.fields.comment.comments] == ["first", "second"]
    assert issue.raw["names"]["customfield_10100"] == "Release notes"
    assert [each["body"] for each in issue.raw["renderedFields"]["comment"]["comments"]] == [
        "<p>first</p>",
        "<p>second</p>",
    ]


def test_the_status_is_not_the_first_item_of_a_change_and_the_resolution_goes_with_it(site: Served, app: str) -> None:
    site.world.jira.transition(app, "Released", "erin", EARLY)
    (entry,) = cloud(site).issue(app, expand="changelog").raw["changelog"]["histories"]
    assert [(item["field"], item["fromString"], item["toString"]) for item in entry["items"]] == [
        ("resolution", None, "Done"),
        ("status", "Beta", "Released"),
    ]
    assert (entry["items"][1]["from"], entry["items"][1]["to"]) == ("10003", "10004")
    assert entry["created"] == "2026-03-02T09:00:00.000+0000"


def test_an_archived_issue_is_read_as_ever_found_by_no_search_and_refuses_without_a_word_of_why(
    site: Served, app: str
) -> None:
    said = cloud(site).add_comment(app, "before")
    site.world.jira.archive(app)
    shown = call(site, "GET", f"issue/{app}")
    assert shown.status_code == 200
    assert "archiv" not in shown.text.lower()
    assert call(site, "GET", f"search/jql?jql=key={app}&fields=status").json()["issues"] == []
    assert call(site, "GET", f"issue/{app}/transitions").json()["transitions"] == []
    comment = call(site, "POST", f"issue/{app}/comment", json={"body": "x"})
    assert (comment.status_code, comment.json()["errorMessages"]) == (
        400, ["Release Stages, you do not have the permission to comment on this issue."]
    )  # fmt: skip
    label = call(site, "PUT", f"issue/{app}", json={"update": {"labels": [{"add": "x"}]}})
    assert label.json()["errors"]["labels"].startswith("Field 'labels' cannot be set. It is not on the appropriate")
    for method in ("PUT", "DELETE"):
        assert call(site, method, f"issue/{app}/comment/{said.id}", json={"body": "x"}).status_code == 400
    site.world.jira.archive(app, archived=False)
    assert call(site, "POST", f"issue/{app}/comment", json={"body": "x"}).status_code == 201


def test_cloud_embeds_only_the_newest_histories_and_pages_the_whole_oldest_first(site: Served, app: str) -> None:
    state = site.world.jira
    state.embedded_histories, state.page_size = 3, 4
    for number in range(10):
        state.set_labels(app, [f"round-{number}"], "erin", EARLY + timedelta(minutes=number))

    log = cloud(site).issue(app, expand="changelog").raw["changelog"]
    assert (log["total"], log["maxResults"]) == (10, 3)
    assert [entry["items"][0]["toString"] for entry in log["histories"]] == ["round-9", "round-8", "round-7"]

    pages, address = [], f"issue/{app}/changelog"
    while address:
        page = call(site, "GET", address).json()
        pages.append([entry["items"][0]["toString"] for entry in page["values"]])
        assert page["isLast"] is ("nextPage" not in page)
        address = page.get("nextPage", "").partition("/rest/api/2/")[2]
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [name for page in pages for name in page] == [f"round-{number}" for number in range(10)]


def test_data_center_embeds_the_whole_history_and_has_no_page_of_it(site: Served, app: str) -> None:
    client = data_center(site)
    site.world.jira.embedded_histories = 1
    site.world.jira.transition(app, "Internal", "erin")
    site.world.jira.transition(app, "Beta", "sofia")

    issue = client.issue(app, expand="changelog").raw

    assert [entry["author"]["name"] for entry in issue["changelog"]["histories"]] == ["erin", "sofia"]
    assert all("fieldId" not in item for entry in issue["changelog"]["histories"] for item in entry["items"])
    assert "accountId" not in issue["fields"]["reporter"]
    assert issue["fields"]["reporter"]["key"].startswith("JIRAUSER")
    with pytest.raises(JIRAError) as refused:
        client._get_json(f"issue/{app}/changelog")
    assert refused.value.status_code == 404


def test_comments_come_in_pages_and_the_issue_carries_only_the_first(site: Served, app: str) -> None:
    state = site.world.jira
    state.embedded_comments, state.page_size = 2, 3
    for number in range(5):
        state.comment(app, f"word {number}", "erin")
    embedded = call(site, "GET", f"issue/{app}").json()["fields"]["comment"]
    assert (embedded["total"], [one["body"] for one in embedded["comments"]]) == (5, ["word 0", "word 1"])
    second = call(site, "GET", f"issue/{app}/comment?startAt=3&maxResults=50").json()
    assert (second["total"], second["maxResults"]) == (5, 3)
    assert [one["body"] for one in second["comments"]] == ["word 3", "word 4"]


@pytest.mark.parametrize(
    ("fields", "present", "absent"),
    [
        ("summary,status", {"summary", "status"}, {"comment", "labels"}),
        ("*all", {"summary", "comment"}, set()),
        ("*navigable", {"summary", "labels"}, {"comment"}),
        ("*all,-comment", {"summary"}, {"comment"}),
        ("comment", {"comment"}, {"summary"}),
    ],
)
def test_the_fields_asked_for_are_the_fields_given(
    site: Served, app: str, fields: str, present: set[str], absent: set[str]
) -> None:
    given = set(call(site, "GET", f"issue/{app}?fields={fields}").json()["fields"])
    assert present <= given
    assert not absent & given


# -- who asks ----------------------------------------------------------------------------------------------------


def test_cloud_takes_mail_and_token_and_data_center_a_personal_token(site: Served) -> None:
    address = f"{site.jira_url}/rest/api/2/myself"
    bearer = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
    assert requests.get(address, auth=(SERVICE_MAIL, SERVICE_TOKEN), timeout=5).json()["accountType"] == "atlassian"
    assert requests.get(address, auth=(SERVICE_MAIL, "wrong"), timeout=5).status_code == 401
    assert requests.get(address, headers=bearer, timeout=5).status_code == 401
    assert requests.get(address, timeout=5).status_code == 401
    assert requests.get(f"{site.jira_url}/rest/api/2/serverInfo", timeout=5).json()["deploymentType"] == "Cloud"
    site.world.jira.flavour = "server"
    assert requests.get(address, headers=bearer, timeout=5).json()["name"] == "release-stages"
    assert requests.get(address.replace("/2/", "/3/"), headers=bearer, timeout=5).status_code == 404


def test_an_issue_that_one_may_not_browse_is_not_there(site: Served, app: str) -> None:
    site.world.jira.forbid("sam", app)
    assert call(site, "GET", f"issue/{app}", login="sam").status_code == 404
    assert call(site, "POST", f"issue/{app}/comment", login="sam", json={"body": "hm"}).status_code == 404
    assert call(site, "GET", f"issue/{app}", login="sofia").status_code == 200
    assert call(site, "GET", "issue/APP-999").json()["errorMessages"] == [
        "Issue does not exist or you do not have permission to see it."
    ]


def test_whoever_was_deactivated_signs_in_no_more_browses_no_more_and_is_still_known(site: Served, app: str) -> None:
    state, sam = site.world.jira, site.world.people["sam"]
    state.deactivate("sam")
    assert call(site, "GET", "myself", login="sam").status_code == 401
    assert call(site, "GET", f"user?accountId={sam.account_id}").json()["active"] is False
    assert call(site, "GET", f"user/viewissue/search?issueKey={app}&accountId={sam.account_id}").json() == []
    assert [
        one["displayName"] for one in call(site, "GET", "group/member?groupname=support-agents").json()["values"]
    ] == [
        "Sofia",
        "Lena",
    ]


def test_who_may_browse_and_who_may_move_is_told(site: Served, app: str) -> None:
    mallory, erin = (site.world.people[one].account_id for one in ("mallory", "erin"))
    assert len(call(site, "GET", f"user/viewissue/search?issueKey={app}&accountId={mallory}").json()) == 1
    move = f"user/permission/search?permissions=TRANSITION_ISSUES&issueKey={app}"
    assert call(site, "GET", f"{move}&accountId={mallory}").json() == []
    assert [one["accountId"] for one in call(site, "GET", f"{move}&accountId={erin}").json()] == [erin]
    assert call(site, "GET", f"{move}&accountId={erin}", login="erin").status_code == 403
    mine = cloud(site).my_permissions(issueKey=app, permissions="TRANSITION_ISSUES,BROWSE_PROJECTS")["permissions"]
    assert {name: one["havePermission"] for name, one in mine.items()} == {
        "TRANSITION_ISSUES": True,
        "BROWSE_PROJECTS": True,
    }


def test_groups_are_paged_and_one_that_is_not_there_is_404(site: Served) -> None:
    first = call(site, "GET", "group/member?groupname=support-agents&maxResults=2").json()
    assert (first["total"], first["isLast"], len(first["values"])) == (3, False, 2)
    rest = call(site, "GET", first["nextPage"].partition("/rest/api/2/")[2]).json()
    assert (rest["isLast"], [one["displayName"] for one in rest["values"]]) == (True, ["Lena"])
    assert call(site, "GET", "group/member?groupname=nobody").status_code == 404
    sam = site.world.people["sam"].account_id
    assert [one["name"] for one in call(site, "GET", f"user/groups?accountId={sam}").json()] == ["support-agents"]
    site.world.jira.denied.add(("release-stages[bot]", "USER_PICKER"))
    assert call(site, "GET", "group/member?groupname=support-agents").status_code == 403


def test_data_center_knows_people_by_name_and_tells_their_groups_with_them(site: Served, app: str) -> None:
    client = data_center(site)
    sam = client._get_json("user", {"username": "sam", "expand": "groups"})
    assert [one["name"] for one in sam["groups"]["items"]] == ["support-agents"]
    assert [one.name for one in client.search_allowed_users_for_issue("sam", issueKey=app)] == ["sam"]
    with pytest.raises(JIRAError) as refused:
        client.user("nobody-of-that-name")
    assert refused.value.status_code == 404
    with pytest.raises(JIRAError) as absent:
        client._get_json("user/groups", {"username": "sam"})
    assert absent.value.status_code == 404


# -- moving ------------------------------------------------------------------------------------------------------


def test_the_client_moves_an_issue_and_it_is_where_it_went(site: Served, app: str) -> None:
    client = cloud(site)
    ways = {way["to"]["name"]: way["id"] for way in client.transitions(app)}
    assert set(ways) == {"To Do", "In Progress", "In Review", "Internal", "Released"}
    client.transition_issue(app, ways["Released"])
    issue = client.issue(app)
    assert (issue.fields.status.name, issue.fields.resolution.name) == ("Released", "Done")


def test_a_transition_that_is_no_longer_there_is_refused_and_changes_nothing(site: Served, app: str) -> None:
    client = cloud(site)
    way = next(one["id"] for one in client.transitions(app) if one["to"]["name"] == "Internal")
    site.world.jira.transition(app, "Internal", "erin")
    with pytest.raises(JIRAError) as refused:
        client.transition_issue(app, way)
    assert refused.value.status_code == 400
    assert "not valid for the current state" in refused.value.text
    assert call(site, "POST", f"issue/{app}/transitions", json={"transition": {"id": "999"}}).status_code == 400
    assert len(site.world.jira.issue(app).history) == 1


def test_nothing_leads_away_from_released_in_the_one_way_project(site: Served) -> None:
    key = site.world.jira.create_issue("ONE", "No return", "erin", status="Beta")
    site.world.jira.transition(key, "Released", "erin")
    assert cloud(site).transitions(key) == []
    with pytest.raises(JiraSaysNo):
        site.world.jira.transition(key, "Beta", "erin")


def test_a_required_field_is_announced_and_missed(site: Served) -> None:
    client, key = cloud(site), site.world.jira.create_issue("GUARD", "Plans", "erin", status="Beta")
    (way,) = [one for one in client.transitions(key, expand="transitions.fields") if one["to"]["name"] == "Released"]
    assert {name: (one["required"], one["hasDefaultValue"]) for name, one in way["fields"].items()} == {
        "resolution": (True, False)
    }
    with pytest.raises(JIRAError) as refused:
        client.transition_issue(key, way["id"])
    assert (refused.value.status_code, refused.value.response.json()["errors"]) == (
        400,
        {"resolution": "Resolution is required."},
    )
    client.transition_issue(key, way["id"], fields={"resolution": {"name": "Won't Do"}})
    assert client.issue(key).fields.resolution.name == "Won't Do"

    back = [one for one in client.transitions(key, expand="transitions.fields") if one["to"]["name"] == "Beta"]
    assert [list(one["fields"]) for one in back] == [[REASON], []]


def test_a_transition_can_be_hidden_from_the_service_alone(site: Served, app: str) -> None:
    site.world.jira.hide("APP", "Internal")
    assert "Internal" not in {way["to"]["name"] for way in cloud(site).transitions(app)}
    assert "Internal" in {way["to"]["name"] for way in cloud(site, "erin").transitions(app)}
    assert cloud(site, "mallory").transitions(app) == []
    assert call(site, "POST", f"issue/{app}/transitions", json={"transition": {"id": "41"}}).status_code == 400


def test_a_conflict_is_409_once_and_has_no_effect(site: Served, app: str) -> None:
    site.world.jira.conflicts = 1
    answers = [call(site, "POST", f"issue/{app}/transitions", json={"transition": {"id": "61"}}) for _ in range(2)]
    assert [one.status_code for one in answers] == [409, 204]
    assert len(site.world.jira.issue(app).history) == 1


def test_labels_are_added_and_removed_one_by_one_or_replaced(site: Served, app: str) -> None:
    client = cloud(site)
    client.issue(app).update(fields={"labels": ["one", "two"]})
    client.issue(app).update(update={"labels": [{"add": "three"}, {"remove": "one"}, {"remove": "never-there"}]})
    issue = client.issue(app, expand="changelog").raw
    assert issue["fields"]["labels"] == ["three", "two"]
    assert [item["toString"] for entry in issue["changelog"]["histories"] for item in entry["items"]] == [
        "three two",
        "one two",
    ]
    spaced = call(site, "PUT", f"issue/{app}", json={"fields": {"labels": ["a b"], "summary": "New"}})
    assert (spaced.status_code, list(spaced.json()["errors"])) == (400, ["labels"])
    assert call(site, "GET", f"issue/{app}").json()["fields"]["summary"] == "Export invoices"
    assert call(site, "PUT", f"issue/{app}", login="mallory", json={"fields": {"labels": []}}).status_code == 400


def test_a_path_that_jira_does_not_know_is_404_in_json(site: Served) -> None:
    answer = call(site, "POST", "issue/APP-1/sing", json={})
    assert (answer.status_code, set(answer.json())) == (404, {"errorMessages", "errors"})
    assert [one["name"] for one in call(site, "GET", "project/APP/statuses").json()[0]["statuses"]][-2:] == [
        "Beta",
        "Released",
    ]


def test_issues_are_created_and_deleted_by_those_who_may(site: Served) -> None:
    client = cloud(site)
    made = client.create_issue(
        project="APP", summary="New", description="Why not", issuetype="Story", labels=["x"], customfield_10100="Notes"
    )
    assert (made.key, made.fields.labels, made.fields.customfield_10100) == ("APP-1", ["x"], "Notes")
    assert (made.fields.status.name, made.fields.reporter.displayName) == ("To Do", "Release Stages")
    assert call(site, "DELETE", "issue/APP-1", login="mallory").status_code == 403
    assert call(site, "DELETE", "issue/APP-1").status_code == 204
    assert call(site, "GET", "issue/APP-1").status_code == 404


def test_a_moved_issue_answers_to_its_old_key_with_its_new_one(site: Served, app: str) -> None:
    new = site.world.jira.move_issue(app, "ONE")
    issue = cloud(site).issue(app, expand="changelog").raw
    assert (new, issue["key"]) == ("ONE-1", "ONE-1")
    assert [
        (item["field"], item["fromString"], item["toString"]) for item in issue["changelog"]["histories"][0]["items"]
    ] == [
        ("project", "App", "One way"),
        ("Key", "APP-1", "ONE-1"),
    ]
    assert cloud(site).issue(issue["id"]).key == "ONE-1"


# -- comments ----------------------------------------------------------------------------------------------------


def test_a_comment_keeps_its_properties_and_only_its_author_changes_it(site: Served, app: str) -> None:
    sent = {"body": "hello", "properties": [{"key": "release-stages", "value": {"token": "abc"}}]}
    made = call(site, "POST", f"issue/{app}/comment?expand=properties,renderedBody", json=sent)
    assert made.status_code == 201
    assert (made.json()["properties"], made.json()["renderedBody"]) == (sent["properties"], "<p>hello</p>")
    path = f"issue/{app}/comment/{made.json()['id']}"
    assert "properties" not in call(site, "GET", path).json()

    again = {"body": "better", "properties": [{"key": "release-stages", "value": {"token": "def"}}]}
    assert call(site, "PUT", path, login="erin", json=again).status_code == 400
    assert call(site, "PUT", path, json=again).status_code == 200
    now = call(site, "GET", f"{path}?expand=properties").json()
    assert (now["body"], now["properties"][0]["value"]) == ("better", {"token": "def"})
    listed = call(site, "GET", f"issue/{app}/comment?expand=properties").json()["comments"]
    assert listed[0]["properties"] == now["properties"]

    assert call(site, "DELETE", path, login="erin").status_code == 400
    assert call(site, "DELETE", path).status_code == 204
    assert call(site, "GET", path).status_code == 404


def test_properties_of_a_comment_and_of_an_issue_are_put_read_and_dropped(site: Served, app: str) -> None:
    comment = site.world.jira.comment(app, "mine", "release-stages[bot]")
    for path in (f"comment/{comment}/properties/mark", f"issue/{app}/properties/mark"):
        assert call(site, "GET", path).status_code == 404
        assert call(site, "PUT", path, json={"n": 1}).status_code == 201
        assert call(site, "PUT", path, json={"n": 2}).status_code == 200
        assert call(site, "GET", path).json() == {"key": "mark", "value": {"n": 2}}
        assert call(site, "PUT", path, json="x" * 40_000).status_code == 400
        assert call(site, "DELETE", path).status_code == 204
        assert call(site, "GET", path).status_code == 404


@pytest.mark.parametrize("body", ["", "   ", "x" * 32_768])
def test_an_empty_or_too_long_comment_is_refused(site: Served, app: str, body: str) -> None:
    answer = call(site, "POST", f"issue/{app}/comment", json={"body": body})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["comment"])
    assert site.world.jira.issue(app).comments == []


QUIET = World()
QUIET.jira.create_issue("APP", "An issue that a text may name", "erin")
ERIN = "7cbccb0c4caadf9fcdb51ee4"


@pytest.mark.parametrize(
    ("wiki", "html"),
    [
        ("*bold* and _soft_", "<p><b>bold</b> and <em>soft</em></p>"),
        ("{{mono *bold*}}", "<p><tt>mono <b>bold</b></tt></p>"),
        ("{noformat}*no* [~accountid:x] APP-1{noformat}", "<pre>*no* [~accountid:x] APP-1</pre>"),
        (r"\*no\* \[~accountid:" + ERIN + r"\] \{\{no\}\}", f"<p>*no* [~accountid:{ERIN}] {{{{no}}}}</p>"),
        ("a <b>tag</b> & more", "<p>a &lt;b&gt;tag&lt;/b&gt; &amp; more</p>"),
        ("&#91;~x&#93; &amp;", "<p>&#91;~x&#93; &amp;</p>"),
        ("[~accountid:nobody]", '<span class="error">&#91;~accountid:nobody&#93;</span>'),
        ("[~erin]", '<span class="error">&#91;~erin&#93;</span>'),
        (
            "[words|https://x.example/a]",
            '<a href="https://x.example/a" class="external-link" rel="nofollow noreferrer">words</a>',
        ),
        ("[words|javascript:alert(1)]", "<p>[words|javascript:alert(1)]</p>"),
        ("see https://x.example/a.", 'rel="nofollow noreferrer">https://x.example/a</a>.</p>'),
        ("APP-1 and APP-77", 'class="issue-link" data-issue-key="APP-1">APP-1</a> and APP-77</p>'),
        (r"APP\-1", "<p>APP-1</p>"),
        ("* one\n** deeper\n* two", "<ul><li>one<ul><li>deeper</ul><li>two</ul>"),
        ("# one\n#* bullet", "<ol><li>one<ul><li>bullet</ul></ol>"),
        ("h3. Title\ntext\nmore", "<h3>Title</h3>\n<p>text<br/>\nmore</p>"),
        ("||a||b||\n|1|[x|http://y.example]|", "<tr><th>a</th><th>b</th></tr><tr><td>1</td><td><a href="),
        ("{quote}said *so*{quote}", "<blockquote><p>said <b>so</b></p></blockquote>"),
        (r"line\\next", "<p>line<br/>next</p>"),
        ("(x) {color:red}hot{color}", '<span class="emoticon">✖</span> <font color="red">hot</font>'),
        ("2*3*4 snake_case_name well-known-thing", "<p>2*3*4 snake_case_name well-known-thing</p>"),
    ],
)
def test_wiki_markup_is_rendered_as_jira_does(site: Served, app: str, wiki: str, html: str) -> None:
    made = call(site, "POST", f"issue/{app}/comment?expand=renderedBody", json={"body": wiki}).json()
    assert html in made["renderedBody"]


def test_a_mention_is_a_link_only_for_a_person_who_exists(site: Served, app: str) -> None:
    text = f"[~accountid:{ERIN}]"
    on_cloud = call(site, "POST", f"issue/{app}/comment?expand=renderedBody", json={"body": text}).json()[
        "renderedBody"
    ]
    assert 'class="user-hover"' in on_cloud
    assert f'rel="{ERIN}"' in on_cloud
    client = data_center(site)
    mentions = client._get_json(
        f"issue/{app}/comment/{client.add_comment(app, '[~sam] ' + text).id}?expand=renderedBody"
    )
    assert mentions["renderedBody"].count("user-hover") == 1
    assert 'rel="sam"' in mentions["renderedBody"]


class Tags(HTMLParser):
    """What a browser would make of it: the tags with their attributes, and the words that are read."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


MARKUP = st.lists(
    st.sampled_from(
        [*"*_-+^~|#{}[]()!@\\&<>\"' \n", "[~", "accountid:" + ERIN, "APP-1", "https://x.example", "{{", "}}"]
    )
    | st.sampled_from(["{noformat}", "{quote}", "{color:", "h1. ", "* ", "word", "bq. ", "javascript:", "|", "&#60;"]),
    max_size=25,
).map("".join)


@given(text=MARKUP)
def test_no_comment_brings_a_tag_or_an_attribute_of_its_own(text: str) -> None:
    plain = ["p", "br", "hr", "b", "em", "del", "ins", "sup", "sub", "tt", "cite", "ul", "ol", "li", "h1", "pre"]
    plain += ["blockquote", "tbody", "tr", "td", "th"]
    allowed = {one: set[str]() for one in plain} | {"span": {"class"}, "div": {"class"}, "table": {"class"}}
    allowed["a"] = {"href", "class", "rel", "title", "data-issue-key", "data-account-id", "accountid"}
    allowed |= {"font": {"color"}, "img": {"src", "alt"}}
    for tag, attributes in Tags(bodies.wiki(QUIET.jira).render(text)).tags:
        assert tag in allowed
        assert set(attributes) <= allowed[tag]


@given(
    text=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]) | st.sampled_from("[]~*{}-!:/"), min_size=1)
)
def test_text_written_as_entities_is_read_as_it_is_and_does_nothing(text: str) -> None:
    spelled = "".join(one if one == " " or one.isalnum() else f"&#{ord(one)};" for one in text.strip() or "x")
    page = Tags(bodies.wiki(QUIET.jira).render(f"x{spelled}x"))
    assert page.tags == [("p", ())]
    assert page.words == f"x{text.strip() or 'x'}x"


# -- search ------------------------------------------------------------------------------------------------------


def test_the_sweep_finds_what_changed_since_page_by_page(site: Served) -> None:
    state = site.world.jira
    keys = [state.create_issue("APP", f"Issue {n}", "erin", at=EARLY + timedelta(hours=n)) for n in range(5)]
    client = cloud(site)
    client.deploymentType = "Cloud"
    found = client.enhanced_search_issues(
        'project = APP AND updated >= "2026-03-02 11:00" ORDER BY updated ASC', maxResults=2, fields="summary,updated"
    )
    assert [one.key for one in found] == keys[2:4]
    rest = client.enhanced_search_issues(
        'project = APP AND updated >= "2026-03-02 11:00" ORDER BY updated ASC',
        maxResults=2,
        fields="summary,updated",
        nextPageToken=found.nextPageToken,
    )
    assert [one.key for one in rest] == keys[4:]
    assert call(site, "GET", "search?jql=project=APP").status_code == 410
    assert call(site, "GET", "search/jql?jql=order by updated").status_code == 400
    assert call(site, "GET", "search/jql?jql=nonsense ~ x").status_code == 400


def test_data_center_searches_the_old_way(site: Served) -> None:
    state = site.world.jira
    state.create_issue("ONE", "Old", "erin", at=EARLY)
    new = state.create_issue("ONE", "New", "erin")
    client = data_center(site)
    found = client.search_issues("project in (ONE) AND updated >= -30m", fields="status", expand="changelog")
    assert [(one.key, one.fields.status.name) for one in found] == [(new, "To Do")]
    assert found.total == 1


# -- webhooks ----------------------------------------------------------------------------------------------------


def test_every_change_is_told_and_signed_on_cloud(site: Served) -> None:
    listen(site)
    state = site.world.jira
    key = state.create_issue("APP", "Told", "erin", at=EARLY)
    state.transition(key, "Beta", "erin", EARLY + timedelta(seconds=1))
    comment = state.comment(key, "hello", "sam", EARLY + timedelta(seconds=2))
    state.edit_comment(comment, "hello!", "sam")
    state.delete_comment(comment, "sam")
    state.set_labels(key, ["b", "a"], "evan")
    state.delete_issue(key, "rhea")

    told = heard(site)

    assert [payload["webhookEvent"] for _, payload in told] == [
        "jira:issue_created", "jira:issue_updated", "comment_created", "comment_updated", "comment_deleted",
        "jira:issue_updated", "jira:issue_deleted",
    ]  # fmt: skip
    moved = told[1][1]
    assert moved["timestamp"] == int(EARLY.timestamp() * 1000) + 1000
    assert (moved["user"]["displayName"], moved["issue"]["key"], moved["issue_event_type_name"]) == (
        "Erin",
        key,
        "issue_generic",
    )
    assert [(item["fieldId"], item["toString"]) for item in moved["changelog"]["items"]] == [("status", "Beta")]
    assert moved["issue"]["fields"]["status"]["name"] == "Beta"
    assert told[2][1]["issue"]["key"] == key
    assert told[5][1]["changelog"]["items"][0]["toString"] == "a b"
    assert len({headers["X-Atlassian-Webhook-Identifier"] for headers, _ in told}) == 7
    for one in site.world.hooks.deliveries:
        assert one.headers["X-Hub-Signature"] == sign("s3cret", one.body)


def test_data_center_names_no_delivery_and_its_comment_hook_no_issue(site: Served, app: str) -> None:
    site.world.jira.flavour = "server"
    listen(site)
    site.world.jira.transition(app, "Internal", "erin")
    site.world.jira.comment(app, "hello", "sam")

    told = heard(site)

    assert [payload["webhookEvent"] for _, payload in told] == [
        "jira:issue_updated",
        "comment_created",
        "jira:issue_updated",
    ]
    assert all("X-Atlassian-Webhook-Identifier" not in headers for headers, _ in told)
    assert "fieldId" not in told[0][1]["changelog"]["items"][0]
    assert told[0][1]["user"]["name"] == "erin"
    assert "issue" not in told[1][1]
    assert told[2][1]["issue_event_type_name"] == "issue_commented"
    assert (told[2][1]["comment"]["body"], told[2][1]["issue"]["key"]) == ("hello", app)


def test_a_change_through_rest_is_told_in_the_callers_name(site: Served, app: str) -> None:
    listen(site)
    cloud(site).transition_issue(app, "61", comment="and said why")
    moved, said = (payload for _, payload in heard(site))
    assert (moved["user"]["displayName"], said["comment"]["author"]["displayName"]) == (
        "Release Stages",
        "Release Stages",
    )
    assert said["comment"]["body"] == "and said why"


# -- faults ------------------------------------------------------------------------------------------------------


def test_a_rate_limit_and_an_answer_lost_after_the_effect(site: Served, app: str) -> None:
    site.world.faults.add(Fault(r"GET /jira/rest/api/2/issue", "rate_limit", seconds=7))
    limited = call(site, "GET", f"issue/{app}")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert limited.headers["RateLimit-Reason"] == "jira-burst-based"
    site.world.faults.add(Fault(r"POST /jira/.*/comment", "after", status=502))
    assert call(site, "POST", f"issue/{app}/comment", json={"body": "landed"}).status_code == 502
    assert [one.body for one in site.world.jira.issue(app).comments] == ["landed"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "issue/{}/comment", b"{not json"),
        ("POST", "issue/{}/comment", b"[1]"),
        ("POST", "issue/{}/comment", b'{"body": 7}'),
        ("POST", "issue/{}/comment", b'{"body": "x", "properties": "mine"}'),
        ("POST", "issue/{}/transitions", b"{}"),
        ("POST", "issue/{}/transitions", b'{"transition": {"id": "61"}, "fields": {"summary": "x"}}'),
        ("POST", "issue/{}/transitions", b'{"transition": {"id": "61"}, "update": "x"}'),
        (
            "POST",
            "issue/{}/transitions",
            b'{"transition": {"id": "61"}, "update": {"comment": [{"add": {"body": " "}}]}}',
        ),
        ("POST", "issue", b'{"fields": {"project": {"key": "NONE"}, "summary": "x"}}'),
        ("POST", "issue", b'{"fields": {"project": {"key": "APP"}}}'),
        ("PUT", "issue/{}", b"{}"),
        ("PUT", "issue/{}", b'{"update": {"labels": "x"}}'),
        ("PUT", "issue/{}", b'{"fields": {"status": "Released"}}'),
        ("PUT", "issue/{}", b'{"fields": {"labels": "a"}}'),
        ("PUT", "issue/{}", b'{"fields": {"labels": []}, "update": {"labels": []}}'),
        ("PUT", "issue/{}", b'{"update": {"summary": [{"add": "x"}]}}'),
        ("POST", "search/jql", b'{"jql": "project = APP", "nextPageToken": "%%%"}'),
    ],
)
def test_what_makes_no_sense_is_400_and_changes_nothing(
    site: Served, app: str, method: str, path: str, body: bytes
) -> None:
    before = call(site, "GET", f"issue/{app}").json()
    answer = call(site, method, path.format(app), data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"errorMessages", "errors"}
    assert call(site, "GET", f"issue/{app}").json() == before


# -- pages -------------------------------------------------------------------------------------------------------


def test_a_person_moves_labels_and_discusses_an_issue_on_its_page(site: Served) -> None:
    seed(site.world)
    listen(site)
    page, people = f"{site.jira_url}/browse/APP-1", requests.Session()
    assert "Export invoices as CSV" in people.get(f"{site.jira_url}/", timeout=5).text
    assert "Release to everyone" in people.get(page, params={"as": "sam"}, timeout=5).text

    moved = people.post(f"{page}/transition", data={"as": "sam", "way": "61"}, timeout=5)
    people.post(f"{page}/edit", data={"as": "evan", "labels": "b a"}, timeout=5)
    said = people.post(f"{page}/comment", data={"as": "gus", "body": "*Great* <script>"}, timeout=5)

    assert moved.status_code == 200
    assert "<b>Great</b> &lt;script&gt;" in said.text
    issue = site.world.jira.issue("APP-1")
    assert (issue.status.name, issue.labels, issue.history[-1].author) == ("Released", ["a", "b"], "evan")
    assert [payload["webhookEvent"] for _, payload in heard(site)] == [
        "jira:issue_updated",
        "jira:issue_updated",
        "comment_created",
    ]


def test_the_page_says_what_jira_refuses(site: Served) -> None:
    seed(site.world)
    refused = requests.post(f"{site.jira_url}/browse/GUARD-1/transition", data={"as": "erin", "way": "61"}, timeout=5)
    assert refused.status_code == 400
    assert "Resolution is required." in refused.text
    stranger = requests.get(f"{site.jira_url}/browse/GUARD-1", params={"as": "mallory"}, timeout=5)
    assert "Mallory may not move this issue." in stranger.text
    assert requests.get(f"{site.jira_url}/browse/APP-999", timeout=5).status_code == 404


# -- documents ---------------------------------------------------------------------------------------------------


def word(text: str, *marks: str) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"marks": [{"type": one} for one in marks]} if marks else {})


def block(kind: str, *inside: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    return {"type": kind} | ({"attrs": attrs} if attrs else {}) | ({"content": list(inside)} if inside else {})


def document(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "type": "doc", "content": list(blocks)}


def on_v3(site: Served, method: str, path: str, **more: Any) -> requests.Response:
    url = f"{site.jira_url}/rest/api/3/{path}"
    return requests.request(method, url, auth=(SERVICE_MAIL, SERVICE_TOKEN), timeout=5, **more)


WHOM = {"type": "mention", "attrs": {"id": ERIN}}
LINKED = {"type": "text", "text": "a]|b", "marks": [{"type": "link", "attrs": {"href": "https://x.example/?a=[1]"}}]}
GREY = {"type": "text", "text": "grey", "marks": [{"type": "textColor", "attrs": {"color": "#6b778c"}}]}
LIST = block(
    "bulletList",
    block("listItem", block("paragraph", word("☑ one")), block("bulletList", block("listItem", block("paragraph")))),
    block("listItem", block("paragraph", word("☐ "), word("two", "strong"))),
)


@pytest.mark.parametrize(
    ("blocks", "html"),
    [
        ([block("paragraph", word("told "), WHOM)], f'class="user-hover" rel="{ERIN}" data-account-id="{ERIN}"'),
        ([block("paragraph", word("a"), word("b", "strong"), word("c"))], "<p>a\u2060<b>b</b>\u2060c</p>"),
        ([block("paragraph", word("/stage ack x-y", "code"))], "<p><tt>/stage ack x-y</tt></p>"),
        ([block("paragraph", LINKED)], '<a href="https://x.example/?a=%5B1%5D" class="external-link"'),
        ([block("paragraph", GREY)], '<p><font color="#6b778c">grey</font></p>'),
        ([block("heading", word("Beta"), level=3)], "<h3>Beta</h3>"),
        ([LIST], "<ul><li>☑ one<ul><li></ul><li>☐ <b>two</b></ul>"),
        ([block("paragraph", word("a"), {"type": "hardBreak"}, word("b"))], "<p>a<br/>\nb</p>"),
        ([block("codeBlock", word("*x* [~y]"))], "<pre>*x* [~y]</pre>"),
    ],
)
def test_a_document_is_kept_as_markup_that_shows_the_same(
    site: Served, app: str, blocks: list[dict[str, Any]], html: str
) -> None:
    sent = document(*blocks)
    made = on_v3(site, "POST", f"issue/{app}/comment", json={"body": sent})
    assert (made.status_code, made.json()["body"]) == (201, sent)
    path = f"issue/{app}/comment/{made.json()['id']}"
    assert on_v3(site, "GET", path).json()["body"] == sent
    markup = call(site, "GET", path).json()["body"]
    (kept,) = site.world.jira.issue(app).comments
    assert markup == kept.body
    assert html in bodies.wiki(site.world.jira).render(markup)


def test_a_document_replaces_a_comment_and_markup_replaces_the_document(site: Served, app: str) -> None:
    made = site.world.jira.comment(app, f"*x* [~accountid:{ERIN}] y\nz", "release-stages[bot]")
    path = f"issue/{app}/comment/{made}"
    assert on_v3(site, "GET", path).json()["body"] == document(
        block("paragraph", word("*x* "), {"type": "mention", "attrs": {"id": ERIN, "text": ""}}, word(" y")),
        block("paragraph", word("z")),
    )
    new = document(block("paragraph", word("new")))
    properties = [{"key": "release-stages", "value": {"token": "t"}}]
    assert on_v3(site, "PUT", path, json={"body": new, "properties": properties}).json()["body"] == new
    assert (
        on_v3(site, "GET", f"issue/{app}/comment?expand=properties").json()["comments"][0]["properties"] == properties
    )
    assert call(site, "GET", path).json()["body"] == "new"
    call(site, "PUT", path, json={"body": "again"})
    assert on_v3(site, "GET", path).json()["body"] == document(block("paragraph", word("again")))


CODE_AND_BOLD = word("x", "code", "strong")


@pytest.mark.parametrize(
    "body",
    [
        "markup", None, [], {}, {"type": "doc", "content": []}, document(word("x")), document(block("taskList")),
        document(block("paragraph", word(""))), document(block("paragraph", CODE_AND_BOLD)),
        document(block("listItem")), document(block("bulletList")),
        document(block("bulletList", block("paragraph", word("x")))),
        document(block("bulletList", block("listItem", block("bulletList", block("listItem", block("paragraph")))))),
        document(block("heading", word("x"), level=9)), document(block("paragraph", {"type": "mention", "attrs": {}})),
        document(block("paragraph", GREY | {"marks": [*GREY["marks"], *LINKED["marks"]]})),
        document(block("paragraph", LINKED | {"marks": [{"type": "link", "attrs": {"href": "javascript:x"}}]})),
        document(block("paragraph", word("x") | {"colour": 1})), document(), document(block("paragraph")),
    ],
)  # fmt: skip
def test_what_is_no_sound_document_is_refused(site: Served, app: str, body: Any) -> None:
    assert on_v3(site, "POST", f"issue/{app}/comment", json={"body": body}).status_code == 400
    assert site.world.jira.issue(app).comments == []


def test_version_2_takes_no_document_and_data_center_has_no_version_3(site: Served, app: str) -> None:
    sent = {"body": document(block("paragraph", word("x")))}
    assert call(site, "POST", f"issue/{app}/comment", json=sent).status_code == 400
    client = data_center(site)
    with pytest.raises(JIRAError) as refused:
        client._session.post(f"{site.jira_url}/rest/api/3/issue/{app}/comment", json=sent)
    assert refused.value.status_code == 404


_TRAPS = st.lists(
    st.sampled_from([
        *"[]{}|!*_-+^~?#%@:;()&\\/.<> aZ7", "http://", "x.example", "APP-1", "{code}", f"[~accountid:{ERIN}]", "h1. ",
        "bq. ", "----", "* ", "# ", "||", "mailto:", "(/)", ":)", "&lt;", "!x.png!", "??", "--",
    ]),
    min_size=1,
).map("".join)  # fmt: skip


@given(st.lists(_TRAPS, min_size=1, max_size=3), st.sampled_from(["paragraph", "heading", "entry"]))
@example(["https:", "//x.example"], "paragraph")
@example(["mailto:", "a"], "paragraph")
@example(["h1. x"], "entry")
def test_the_text_of_a_document_is_shown_as_it_is_and_does_nothing(texts: list[str], where: str) -> None:
    inside = [word(text) for text in texts]
    around = block("heading", *inside, level=3) if where == "heading" else block("paragraph", *inside)
    if where == "entry":
        around = block("bulletList", block("listItem", around))
    sent = document(around)
    assert jira_adf.fault(sent) == ""
    page = Page(bodies.wiki(QUIET.jira).render(jira_adf.to_wiki(sent)))
    assert set(page.tags) <= {"p", "h3", "ul", "li"}
    assert _solid(page.text) == _solid("".join(texts))


def _solid(text: str) -> str:
    return "".join(text.replace("\u2060", "").split())


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_shows_a_comment_of_either_form(site: Served, app: str) -> None:
    on_v3(
        site, "POST", f"issue/{app}/comment", json={"body": document(block("paragraph", WHOM, word("new", "strong")))}
    )
    call(site, "POST", f"issue/{app}/comment", json={"body": f"[~accountid:{ERIN}]*old*"})
    page = requests.get(f"{site.jira_url}/browse/{app}", timeout=5).text
    assert page.count(f'class="user-hover" rel="{ERIN}"') == 2
    assert "<b>new</b>" in page
    assert "<b>old</b>" in page


# -- what issues are tied to -------------------------------------------------------------------------------------


def test_a_link_is_read_from_both_ends_in_the_words_of_its_side(site: Served, app: str) -> None:
    bug = site.world.jira.create_issue("APP", "It crashes", "sam", type="Bug", labels=["crash"])
    client = cloud(site)
    client.create_issue_link("Blocks", bug, app)
    (here,), (there,) = (client.issue(key).raw["fields"]["issuelinks"] for key in (app, bug))
    assert (here["type"]["inward"], here["inwardIssue"]["key"]) == ("is blocked by", bug)
    assert (there["type"]["outward"], there["outwardIssue"]["key"]) == ("blocks", app)
    assert here["inwardIssue"]["fields"]["issuetype"]["name"] == "Bug"
    assert "labels" not in here["inwardIssue"]["fields"]
    client.delete_issue_link(here["id"])
    assert client.issue(app).raw["fields"]["issuelinks"] == []


@pytest.mark.parametrize(
    ("words", "side"),
    [("Blocks", "outwardIssue"), ("blocks", "outwardIssue"), ("is blocked by", "inwardIssue"),
     ("Documentation", "outwardIssue"), ("is documented by", "inwardIssue"), ("relates to", "outwardIssue")],
)  # fmt: skip
def test_people_link_issues_as_one_says_it(site: Served, app: str, words: str, side: str) -> None:
    other = site.world.jira.create_issue("APP", "Other", "erin")
    site.world.jira.link(app, words, other)
    (link,) = call(site, "GET", f"issue/{app}").json()["fields"]["issuelinks"]
    assert link[side]["key"] == other
    with pytest.raises(JiraSaysNo, match="No issue link type"):
        site.world.jira.link(app, "eats", other)


def test_a_link_is_told_by_ids_alone_and_stands_in_both_histories(site: Served, app: str) -> None:
    state = site.world.jira
    bug = state.create_issue("APP", "It crashes", "sam", at=EARLY)
    listen(site)
    link = state.link(app, "is blocked by", bug, "sam", EARLY + timedelta(days=400))
    state.unlink(link, "sam")
    told = [payload for _, payload in heard(site)]
    assert [one["webhookEvent"] for one in told] == ["issuelink_created", "issuelink_deleted"]
    ends = {"sourceIssueId": state.issue(bug).id, "destinationIssueId": state.issue(app).id}
    assert all(ends.items() <= one["issueLink"].items() for one in told)
    assert "issue" not in told[0]
    for key, words in ((app, f"This issue is blocked by {bug}"), (bug, f"This issue blocks {app}")):
        items = [change.items[0] for change in state.issue(key).history]
        assert [(one["field"], one["fromString"], one["toString"]) for one in items] == [
            ("Link", None, words), ("Link", words, None),
        ]  # fmt: skip
    assert state.issue(bug).updated > EARLY


def test_a_sub_task_names_its_parent_and_goes_with_it(site: Served, app: str) -> None:
    listen(site)
    made = site.world.jira.add_subtask(app, "Translate", "evan", status="In Progress")
    fields = call(site, "GET", f"issue/{made}").json()["fields"]
    assert (fields["parent"]["key"], fields["issuetype"]["subtask"]) == (app, True)
    (shown,) = call(site, "GET", f"issue/{app}").json()["fields"]["subtasks"]
    assert (shown["key"], shown["fields"]["status"]["name"]) == (made, "In Progress")
    created, linked = (payload for _, payload in heard(site))
    assert created["issue"]["fields"]["parent"]["key"] == app
    assert linked["issueLink"]["issueLinkType"]["isSubTaskLinkType"]
    site.world.jira.delete_issue(app)
    assert site.world.jira.find(made) is None


def test_issues_of_every_type_are_created_over_rest(site: Served, app: str) -> None:
    def create(**fields: Any) -> requests.Response:
        return call(site, "POST", "issue", json={"fields": {"project": {"key": "APP"}, "summary": "x", **fields}})

    for more, name in (
        ({}, "Story"),
        ({"issuetype": {"name": "Bug"}}, "Bug"),
        ({"issuetype": {"id": "10002"}}, "Task"),
    ):
        key = create(**more).json()["key"]
        assert call(site, "GET", f"issue/{key}").json()["fields"]["issuetype"]["name"] == name
    part = create(issuetype={"name": "Sub-task"}, parent={"key": app}).json()["key"]
    assert [one["key"] for one in call(site, "GET", f"issue/{app}").json()["fields"]["subtasks"]] == [part]
    assert create(issuetype={"name": "Sub-task"}).status_code == 400
    assert create(issuetype={"name": "Whale"}).status_code == 400


def test_a_page_elsewhere_is_linked_found_replaced_and_taken_away(site: Served, app: str) -> None:
    client = cloud(site)
    there = {"url": "https://help.acme.example/a", "title": "Help"}
    client.add_simple_link(app, there)
    sent = {"globalId": "g1", "relationship": "documented by", "object": there}
    first = call(site, "POST", f"issue/{app}/remotelink", json=sent)
    again = call(site, "POST", f"issue/{app}/remotelink", json=sent | {"object": there | {"title": "New"}})
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 200, again.json()["id"])
    listed = call(site, "GET", f"issue/{app}/remotelink").json()
    assert [(one.get("relationship"), one["object"]["title"]) for one in listed] == [
        (None, "Help"), ("documented by", "New"),
    ]  # fmt: skip
    assert call(site, "GET", f"issue/{app}/remotelink?globalId=g1").json() == listed[1:]
    assert call(site, "POST", f"issue/{app}/remotelink", json={"object": {"url": "x"}}).status_code == 400
    assert call(site, "DELETE", f"issue/{app}/remotelink/{listed[0]['id']}").status_code == 204
    assert call(site, "GET", f"issue/{app}/remotelink/{listed[0]['id']}").status_code == 404


def test_a_search_for_a_key_that_is_not_ours_to_see_is_refused_as_a_whole(site: Served, app: str) -> None:
    other = site.world.jira.create_issue("ONE", "Secret", "erin")
    site.world.jira.forbid("release-stages[bot]", "ONE")
    jql = {"jql": f"key in ({app}, {other})", "fields": "summary"}
    refused = call(site, "GET", "search/jql", params=jql)
    assert (refused.status_code, other in refused.json()["errorMessages"][0]) == (400, True)
    data_center(site)
    token = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
    for validate, status in (("true", 400), ("false", 200)):
        found = requests.get(
            f"{site.jira_url}/rest/api/2/search", params=jql | {"validateQuery": validate}, headers=token, timeout=5
        )
        assert found.status_code == status
    assert [one["key"] for one in found.json()["issues"]] == [app]


def test_people_edit_fields_close_and_reopen_and_each_is_told(site: Served, app: str) -> None:
    state = site.world.jira
    listen(site)
    state.set_description(app, "New words", "erin")
    state.set_field(app, "Help page", "https://help.acme.example/a", "dora")
    state.set_field(app, "summary", "Export", "erin")
    state.close(app, "erin", "Won't Do")
    state.reopen(app, "erin")
    told = [payload for _, payload in heard(site)]
    assert {one["webhookEvent"] for one in told} == {"jira:issue_updated"}
    assert [[item["field"] for item in one["changelog"]["items"]] for one in told] == [
        ["description"], ["Help page"], ["summary"], ["resolution", "status"], ["resolution", "status"],
    ]  # fmt: skip
    assert told[3]["issue"]["fields"]["resolution"]["name"] == "Won't Do"
    issue = state.issue(app)
    assert (issue.description, issue.status.name, issue.resolution) == ("New words", "To Do", None)


def test_the_page_shows_what_an_issue_is_tied_to_but_not_what_one_may_not_see(site: Served, app: str) -> None:
    state = site.world.jira
    hidden = state.create_issue("ONE", "Secret plan", "erin")
    state.forbid("erin", "ONE")
    state.link(app, "is blocked by", state.create_issue("APP", "It crashes", "sam", type="Bug"))
    state.link(app, "Relates", hidden)
    state.add_subtask(app, "Translate")
    state.add_remote_link(app, "https://help.acme.example/a", "Help: export", "dora")
    state.add_remote_link(app, "javascript:alert(1)", "Trap", "mallory")
    page = requests.get(f"{site.jira_url}/browse/{app}", params={"as": "erin"}, timeout=5).text
    section = page.partition("Tied to it")[2].partition("</section>")[0]
    for words in (
        "is blocked by",
        "It crashes",
        "sub-task",
        "Translate",
        "https://help.acme.example/a",
        "Help: export",
    ):
        assert words in section
    assert "Secret plan" not in section
    assert "javascript:" not in section
