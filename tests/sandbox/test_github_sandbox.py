"""The sandbox's GitHub, driven by the real PyGithub client and by plain HTTP, and its webhooks by a real receiver."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import github
import jwt
import pytest
import requests
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integration.sandbox import Served, World, environment, running
from integration.sandbox.demo import play, seed
from integration.sandbox.hooks import sign
from integration.sandbox.people import PEOPLE, SERVICE, SERVICE_TOKEN
from integration.sandbox.world import FOR_EVER, Fault, Hooks

APP = "acme/app"
PUBLIC, BETA = "stage: public", "stage: beta"


class Receiver:
    """A real HTTP server that keeps what it gets, and answers with the next of `answers`, then with 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/github"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def events(self) -> list[str]:
        return [f"{headers['x-github-event']}.{json.loads(body).get('action')}" for headers, body in self.got]

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def served() -> Iterator[Served]:
    with running() as served:
        yield served


@pytest.fixture
def world(served: Served) -> World:
    return served.world


@pytest.fixture
def receiver(world: World) -> Iterator[Receiver]:
    receiver = Receiver()
    world.hooks.register(receiver.url, "s3cret", "github")
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def client(served: Served, token: str = SERVICE_TOKEN) -> github.Github:
    return github.Github(
        auth=github.Auth.Token(token),
        base_url=served.github_url,
        lazy=True,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        per_page=100,
    )


def call(
    served: Served, method: str, path: str, body: Any = None, by: str = SERVICE, **headers: str
) -> requests.Response:
    headers.setdefault("Authorization", f"token {PEOPLE[by].token}")
    return requests.request(
        method, served.github_url + path, json=body, headers=headers, timeout=10, allow_redirects=False
    )


def delivered(world: World) -> None:
    assert world.hooks.idle(10), "webhooks are still on their way"


# --- the real client ------------------------------------------------------------------------------------------------


def test_pygithub_reads_an_issue_with_labels_comments_and_timeline(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin", "Words", [BETA])
    world.github.label(APP, 1, PUBLIC, "erin")
    world.github.comment(APP, 1, "Looks good", "sam")
    issue = client(served).get_repo(APP).get_issue(1)
    assert (issue.title, issue.body, issue.user.login, issue.state) == ("Dark mode", "Words", "erin", "open")
    assert [label.name for label in issue.labels] == [BETA, PUBLIC]
    assert [comment.body for comment in issue.get_comments()] == ["Looks good"]
    told = [(event.event, event.actor.login, (event.raw_data.get("label") or {}).get("name"))
            for event in issue.get_timeline()]  # fmt: skip
    assert told == [("labeled", "erin", BETA), ("labeled", "erin", PUBLIC), ("commented", "sam", None)]
    assert all(isinstance(event.id, int) and event.created_at.microsecond == 0 for event in issue.get_timeline())


def test_pygithub_writes_labels_comments_reactions_and_state_as_the_account_of_its_token(served: Served) -> None:
    state = served.world.github
    state.open_issue(APP, "Dark mode", "erin", labels=[BETA])
    issue = client(served).get_repo(APP).get_issue(1)
    comment = issue.create_comment("Hello")
    comment.edit("Hello again")
    comment.create_reaction("+1")
    issue.add_to_labels(PUBLIC)
    issue.remove_from_labels(BETA)
    issue.edit(state="closed", state_reason="not_planned")
    assert state.label_names(APP, 1) == [PUBLIC]
    assert {entry.by for entry in state.issue(APP, 1).history[1:]} == {SERVICE}
    assert [(one.body, [sign.content for sign in one.reactions]) for one in state.issue(APP, 1).comments] == [
        ("Hello again", ["+1"])
    ]
    assert (state.issue(APP, 1).state, state.issue(APP, 1).state_reason) == ("closed", "not_planned")


def test_pygithub_follows_the_pages_of_a_long_timeline(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Long", "erin")
    for number in range(230):
        world.github.comment(APP, 1, f"comment {number}", "sam")
    bodies = [event.raw_data["body"] for event in client(served).get_repo(APP).get_issue(1).get_timeline()]
    assert bodies == [f"comment {number}" for number in range(230)]
    first = call(served, "GET", f"/repos/{APP}/issues/1/timeline?per_page=100")
    assert len(first.json()) == 100
    assert set(first.links) == {"next", "last"}
    assert first.links["last"]["url"].endswith("page=3")
    assert "/repositories/101/issues/1/timeline" in first.links["next"]["url"]
    assert set(requests.get(first.links["last"]["url"], headers=first.request.headers, timeout=5).links) == {
        "prev",
        "first",
    }


def test_pygithub_reads_teams_and_permissions(served: Served) -> None:
    reading = client(served)
    team = reading.get_organization("acme").get_team_by_slug("support")
    assert team.notification_setting == "notifications_enabled"
    assert {member.login for member in team.get_members()} == {"sam", "sofia", "support-lead"}
    assert team.get_team_membership("sam").state == "active"
    with pytest.raises(github.UnknownObjectException):
        team.get_team_membership("erin")
    may = team.get_repo_permission(APP)
    assert may is not None
    assert (may.triage, may.push) == (True, False)
    assert team.get_repo_permission("acme/secret") is None
    repo = reading.get_repo(APP)
    assert [repo.has_in_collaborators(login) for login in ("erin", "sam", "mallory")] == [True, True, False]


@pytest.mark.parametrize(
    ("login", "place", "permission", "role"),
    [
        ("erin", "app", "write", "write"),
        ("sam", "app", "read", "triage"),
        ("gus", "app", "read", "read"),
        ("rhea", "app", "write", "maintain"),
        ("mallory", "app", "read", "read"),
        ("mallory", "secret", "none", "none"),
        ("sam", "secret", "none", "none"),
    ],
)
def test_permissions_are_told_in_the_old_words_and_as_roles(
    served: Served, login: str, place: str, permission: str, role: str
) -> None:
    told = call(served, "GET", f"/repos/acme/{place}/collaborators/{login}/permission").json()
    assert (told["permission"], told["role_name"]) == (permission, role)


def test_an_app_signs_in_with_its_installation_token_until_it_expires(served: Served) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    served.world.github.open_issue(APP, "Dark mode", "erin")
    app = github.GithubIntegration(auth=github.Auth.AppAuth(1, pem), base_url=served.github_url)
    installation = app.get_repo_installation("acme", "app")
    token = app.get_access_token(installation.id).token
    assert client(served, token).get_repo(APP).get_issue(1).create_comment("As the App").user.login == SERVICE
    comment = call(served, "GET", f"/repos/{APP}/issues/1/comments").json()[0]
    assert comment["performed_via_github_app"]["id"] == 1
    assert call(served, "GET", "/user", Authorization=f"Bearer {token}").status_code == 403
    signed = jwt.encode({"iss": "1"}, pem, "RS256")
    assert call(served, "GET", "/app", Authorization=f"Bearer {signed}").json()["slug"] == "release-stages"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61)):
        assert call(served, "GET", "/meta", Authorization=f"Bearer {token}").status_code == 401


def test_an_app_without_a_permission_is_refused(served: Served, world: World) -> None:
    token = call(served, "POST", "/app/installations/1/access_tokens", Authorization="Bearer a.b.c").json()["token"]
    del world.github.app_permissions["members"]
    refused = call(served, "GET", "/orgs/acme/teams/support", Authorization=f"Bearer {token}")
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "members=read"


# --- status codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "by", "status"),
    [
        ("GET", "/repos/acme/app/issues/1", None, "erin", 200),
        ("GET", "/repos/acme/app/issues/99", None, "erin", 404),
        ("GET", "/repos/acme/nothing", None, "erin", 404),
        ("GET", "/repos/acme/secret", None, "mallory", 404),
        ("GET", "/repos/acme/secret", None, "erin", 200),
        ("DELETE", "/repos/acme/app/issues/1/labels/bug", None, "erin", 404),
        ("DELETE", "/repos/acme/app/issues/1/labels/stage:%20beta", None, "erin", 200),
        ("POST", "/repos/acme/app/issues/1/labels", {"labels": ["bug"]}, "mallory", 403),
        ("POST", "/repos/acme/app/issues/1/labels", ["bug"], "sam", 200),
        ("POST", "/repos/acme/app/issues/1/labels", {"labels": []}, "erin", 422),
        ("POST", "/repos/acme/app/issues/1/comments", {"body": "x"}, "mallory", 201),
        ("POST", "/repos/acme/app/issues/1/comments", {"body": "x" * 65536}, "erin", 201),
        ("POST", "/repos/acme/app/issues/1/comments", {"body": "x" * 65537}, "erin", 422),
        ("POST", "/repos/acme/app/issues/1/comments", {"body": ""}, "erin", 422),
        ("POST", "/repos/acme/app/issues/1/comments", {"body": " \n"}, "erin", 422),
        ("POST", "/repos/acme/app/issues/1/comments", {}, "erin", 422),
        ("POST", "/repos/acme/app/issues/1/comments", {"body": 3}, "erin", 422),
        ("POST", "/repos/acme/app/issues/1/comments", [], "erin", 400),
        ("GET", "/repos/acme/app/issues/comments/5", None, "erin", 404),
        ("PATCH", "/repos/acme/app/issues/1", {"state": "closed"}, "mallory", 403),
        ("PATCH", "/repos/acme/app/issues/1", {"state": "half"}, "erin", 422),
        ("POST", "/repos/acme/app/labels", {"name": "bug"}, "erin", 422),
        ("POST", "/repos/acme/app/labels", {"name": "new"}, "erin", 201),
        ("POST", "/repos/acme/app/labels", {"name": "new"}, "sam", 403),
        ("GET", "/repos/acme/app/labels/stage:%20beta", None, "erin", 200),
        ("DELETE", "/repos/acme/app/labels/nothing", None, "erin", 404),
        ("PATCH", "/repos/acme/app", {"name": "other"}, "erin", 403),
        ("GET", "/orgs/acme/teams/nobody", None, "erin", 404),
        ("GET", "/orgs/acme/teams/support", None, "mallory", 404),
        ("GET", "/orgs/acme/teams/support/repos/acme/app", None, "erin", 204),
        ("GET", "/orgs/acme/teams/support/repos/acme/web/", None, "erin", 404),
        ("GET", "/app", None, "erin", 401),
    ],
)
def test_answers_have_the_status_that_the_api_description_gives(
    served: Served, method: str, path: str, body: Any, by: str, status: int
) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin", labels=[BETA])
    answer = call(served, method, path, body, by)
    assert answer.status_code == status, answer.text
    if status >= 400 and not path.endswith("/"):
        assert answer.json()["message"]


@pytest.mark.parametrize("header", ["", "token wrong", "Bearer wrong", "Basic c2FtOng="])
def test_a_wrong_token_is_answered_with_401(served: Served, header: str) -> None:
    assert call(served, "GET", f"/repos/{APP}", Authorization=header).status_code == 401


def test_a_body_that_is_no_json_is_answered_with_400(served: Served) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin")
    headers = {"Authorization": f"token {SERVICE_TOKEN}"}
    answer = requests.post(f"{served.github_url}/repos/{APP}/issues/1/comments", b"{", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")


def test_a_comment_that_is_too_long_is_refused_with_the_reason(served: Served) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin")
    answer = call(served, "POST", f"/repos/{APP}/issues/1/comments", {"body": "x" * 65537}).json()
    assert answer["message"] == "Validation Failed"
    assert answer["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


def test_a_reaction_given_twice_is_there_once(served: Served) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin")
    comment = served.world.github.comment(APP, 1, "x", "sam")
    path = f"/repos/{APP}/issues/comments/{comment.id}/reactions"
    assert [call(served, "POST", path, {"content": "+1"}).status_code for _ in range(2)] == [201, 200]
    assert call(served, "POST", path, {"content": "shrug"}).status_code == 422
    assert [one["user"]["login"] for one in call(served, "GET", path).json()] == [SERVICE]


def test_a_renamed_repository_redirects_readers_with_301_and_writers_with_307(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin")
    world.github.rename_repo(APP, "application", "rhea")
    moved = call(served, "GET", f"/repos/{APP}/issues/1?x=1")
    assert moved.status_code == 301
    assert moved.headers["Location"] == f"{served.github_url}/repositories/101/issues/1?x=1"
    assert client(served).get_repo(APP).get_issue(1).title == "Dark mode"
    assert call(served, "POST", f"/repos/{APP}/issues/1/comments", {"body": "x"}).status_code == 307
    assert call(served, "GET", "/repos/acme/application/issues/1").status_code == 200


def test_a_transferred_issue_redirects_and_keeps_its_comments_and_labels_by_name(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin", labels=[BETA])
    world.github.comment(APP, 1, "seen", "sam")
    world.github.open_issue("acme/web", "Other", "erin")
    world.github.transfer(APP, 1, "acme/web", "erin")
    moved = call(served, "GET", f"/repos/{APP}/issues/1")
    assert (moved.status_code, moved.headers["Location"]) == (301, f"{served.github_url}/repositories/102/issues/2")
    there = client(served).get_repo(APP).get_issue(1)
    assert (there.raw_data["number"], there.html_url) == (2, f"{served.url}/github/acme/web/issues/2")
    assert [label.name for label in there.labels] == [BETA]
    assert [comment.body for comment in there.get_comments()] == ["seen"]


def test_a_deleted_issue_is_gone(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin")
    world.github.delete_issue(APP, 1, "rhea")
    assert call(served, "GET", f"/repos/{APP}/issues/1").status_code == 410
    assert call(served, "POST", f"/repos/{APP}/issues/1/comments", {"body": "x"}).status_code == 410


def test_the_rate_limit_is_counted_for_each_account_and_hour(served: Served) -> None:
    left = [int(call(served, "GET", f"/repos/{APP}").headers["X-RateLimit-Remaining"]) for _ in range(3)]
    assert left == [4999, 4998, 4997]
    assert call(served, "GET", f"/repos/{APP}", by="erin").headers["X-RateLimit-Remaining"] == "4999"
    assert call(served, "GET", "/rate_limit").json()["rate"]["remaining"] == 4997


def test_an_unchanged_answer_is_304(served: Served) -> None:
    first = call(served, "GET", f"/repos/{APP}/labels")
    again = call(served, "GET", f"/repos/{APP}/labels", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_issues_are_listed_by_what_changed_since(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Old", "erin", at=datetime(2026, 3, 1, tzinfo=UTC))
    world.github.open_issue(APP, "New", "erin", at=datetime(2026, 5, 1, tzinfo=UTC))
    world.github.close(APP, 2, "erin", at=datetime(2026, 5, 2, tzinfo=UTC))
    repo = client(served).get_repo(APP)
    since = datetime(2026, 4, 1, tzinfo=UTC)
    assert [issue.title for issue in repo.get_issues(state="all", since=since)] == ["New"]
    assert [issue.title for issue in repo.get_issues()] == ["Old"]


# --- history --------------------------------------------------------------------------------------------------------


def test_history_can_be_backdated_and_follows_a_travelling_clock(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin", at=datetime(2025, 1, 1, tzinfo=UTC))
    world.github.label(APP, 1, PUBLIC, "erin")
    with time_machine.travel(datetime(2027, 5, 1, 12, 0, 1, 900_000, tzinfo=UTC), tick=False):
        call(served, "POST", f"/repos/{APP}/issues/1/comments", {"body": "x"})
    world.github.label(APP, 1, BETA, "erin", at=datetime(2025, 1, 2, tzinfo=UTC))
    told = call(served, "GET", f"/repos/{APP}/issues/1/timeline").json()
    assert [entry.get("label", {}).get("name") for entry in told] == [BETA, PUBLIC, None]
    assert told[0]["created_at"] == "2025-01-02T00:00:00Z"
    assert told[2]["created_at"] == "2027-05-01T12:00:01Z"
    assert call(served, "GET", f"/repos/{APP}/issues/1").json()["updated_at"] == "2027-05-01T12:00:01Z"


@pytest.mark.parametrize(("rename_history", "shown"), [(True, "stage: out"), (False, PUBLIC)])
def test_a_renamed_label_shows_its_new_name_in_history_unless_told_otherwise(
    served: Served, rename_history: bool, shown: str
) -> None:
    state = served.world.github
    state.rename_history = rename_history
    state.open_issue(APP, "Dark mode", "erin", labels=[PUBLIC])
    was = call(served, "GET", f"/repos/{APP}/labels/{PUBLIC}").json()["id"]
    call(served, "PATCH", f"/repos/{APP}/labels/{PUBLIC}", {"new_name": "stage: out"}, "erin")
    assert call(served, "GET", f"/repos/{APP}/issues/1/timeline").json()[0]["label"]["name"] == shown
    now_on = call(served, "GET", f"/repos/{APP}/issues/1").json()["labels"]
    assert [(label["id"], label["name"]) for label in now_on] == [(was, "stage: out")]


def test_a_label_that_the_repository_does_not_have_is_made(served: Served) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin")
    put = call(served, "POST", f"/repos/{APP}/issues/1/labels", {"labels": ["brand new"]}).json()
    assert [label["name"] for label in put] == ["brand new"]
    assert call(served, "GET", f"/repos/{APP}/labels/brand%20new").status_code == 200


def test_a_label_that_is_on_already_leaves_no_trace(served: Served, receiver: Receiver) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin", labels=[PUBLIC])
    delivered(served.world)
    before = len(receiver.got)
    call(served, "POST", f"/repos/{APP}/issues/1/labels", {"labels": ["STAGE: public"]})
    delivered(served.world)
    assert len(receiver.got) == before
    assert len(served.world.github.issue(APP, 1).timeline) == 1


# --- rendering ------------------------------------------------------------------------------------------------------


def rendered(served: Served, body: str, by: str = SERVICE) -> str:
    if not served.world.github.repo(APP).issues:
        served.world.github.open_issue(APP, "Dark mode", "erin")
    full = {"Accept": "application/vnd.github.full+json"}
    answer = call(served, "POST", f"/repos/{APP}/issues/1/comments", {"body": body}, by, **full).json()
    assert answer["body"] == body
    html: str = answer["body_html"]
    return html


@pytest.mark.parametrize(
    ("body", "links"),
    [
        ("Hello @sam, see", ["@sam"]),
        ("@SAM.", ["@SAM"]),
        ("**@sam** and (@erin)", ["@sam", "@erin"]),
        ("> @sam", ["@sam"]),
        ("&#64;sam", ["@sam"]),
        ("\\@sam", ["@sam"]),
        ("@acme/support", ["@acme/support"]),
        ("see #1, GH-1 and acme/app#1", ["#1", "GH-1", "acme/app#1"]),
        ("https://acme.example/x?y=@sam.", ["https://acme.example/x?y=@sam"]),
        ("www.acme.example", ["www.acme.example"]),
        ("someone@acme.example", ["someone@acme.example"]),
        ("[words](https://acme.example)", ["words"]),
        ("deadbeef1 is a commit", ["deadbee"]),
        ("@nobody-like-this @sam-x x@sam @sam/erin @acme/nobody", []),
        ("`@sam` `#1`", []),
        ("```\n@sam #1\n```", []),
        ("    @sam", []),
        ("@\u200bsam @<!-- -->sam", []),
        ("<!-- @sam -->", []),
        ("<code>@sam</code> <pre>#1</pre>", []),
        ("<script>@sam</script><style>@sam</style>", []),
        ("#99 and &num;", []),
    ],
)
def test_text_links_what_github_links_and_nothing_else(served: Served, body: str, links: list[str]) -> None:
    found = re.findall(r"<a [^>]*>(.*?)</a>", rendered(served, body))
    assert [re.sub(r"<[^>]+>", "", link) for link in found] == links


@pytest.mark.parametrize(
    ("body", "never"),
    [
        ("<script>alert(1)</script>", "alert"),
        ("<img src=x onerror=alert(1)>", "onerror"),
        ("<a class='user-mention' href='https://x.example'>@sam</a>", "user-mention"),
        ("<a href='javascript:alert(1)'>x</a>", "javascript"),
        ("[x](javascript:alert(1))", '"javascript'),
        ("<!-- secret -->shown", "secret"),
        ("<iframe src='https://x.example'></iframe>", "iframe"),
        ("<p style='color:red'>x", "style"),
        ("</div></body>x", "</body>"),
        ("a <input class='task-list-item-checkbox' type=password> b", "password"),
    ],
)
def test_raw_html_is_sanitised(served: Served, body: str, never: str) -> None:
    assert never not in rendered(served, body)


def test_markdown_is_rendered_as_github_flavours_it(served: Served) -> None:
    html = rendered(served, "- [x] told\n- [ ] seen\n\n|a|b|\n|-|-|\n|1|~~2~~|\n\none\ntwo")
    assert html.count('type="checkbox"') == 2
    assert html.count(" checked") == 1
    for part in ("<table>", "<s>2</s>", "one<br>\ntwo"):
        assert part in html


def test_a_mention_shows_what_kind_it_is(served: Served) -> None:
    html = rendered(served, "@acme/support and @sam")
    assert re.search(r'<a class="[^"]*\bteam-mention\b[^"]*" data-hovercard-type="team"[^>]*>@acme/support</a>', html)
    assert re.search(r'<a class="[^"]*\buser-mention\b[^"]*" data-hovercard-type="user"[^>]*>@sam</a>', html)


@pytest.mark.parametrize("why", ["switched off", "a stranger wrote it", "a secret team", "no members permission"])
def test_a_team_that_the_author_cannot_see_is_not_linked(served: Served, why: str) -> None:
    state, by = served.world.github, SERVICE
    if why == "switched off":
        state.team_visible["support"] = False
    elif why == "a stranger wrote it":
        by = "mallory"
    elif why == "a secret team":
        state.teams["support"].privacy, by = "secret", "erin"
    else:
        del state.app_permissions["members"]
    assert "<a" not in rendered(served, "@acme/support", by)


def test_a_plain_answer_has_no_rendering(served: Served) -> None:
    served.world.github.open_issue(APP, "Dark mode", "erin")
    plain = call(served, "POST", f"/repos/{APP}/issues/1/comments", {"body": "@sam"}).json()
    assert "body_html" not in plain


# --- webhooks -------------------------------------------------------------------------------------------------------


def test_a_delivery_is_signed_and_has_the_headers_that_github_sends(world: World, receiver: Receiver) -> None:
    world.github.open_issue(APP, "Größe", "erin")
    delivered(world)
    headers, body = receiver.got[0]
    assert headers["x-hub-signature-256"] == sign("s3cret", body)
    assert headers["x-github-event"] == "issues"
    assert headers["x-github-hook-id"] == "1"
    assert headers["user-agent"].startswith("GitHub-Hookshot/")
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-github-delivery"])
    payload = json.loads(body)
    assert payload["issue"]["title"] == "Größe"
    assert payload["repository"]["full_name"] == APP
    assert (payload["sender"]["login"], payload["organization"]["login"]) == ("erin", "acme")


def test_a_form_encoded_hook_carries_the_same_payload(world: World, receiver: Receiver) -> None:
    world.hooks.register(receiver.url, "other", "github", form=True)
    world.github.open_issue(APP, "Dark & light", "erin")
    delivered(world)
    headers, body = receiver.got[1]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["x-hub-signature-256"] == sign("other", body)
    assert json.loads(parse_qs(body.decode())["payload"][0]) == json.loads(receiver.got[0][1])
    assert headers["x-github-delivery"] == receiver.got[0][0]["x-github-delivery"]


def act_label_twice(world: World) -> None:
    world.github.label(APP, 1, PUBLIC, "erin")
    world.github.unlabel(APP, 1, PUBLIC, "erin")


def act_comment(world: World) -> None:
    comment = world.github.comment(APP, 1, "x", "sam")
    world.github.edit_comment(APP, comment.id, "y", "sam")
    world.github.delete_comment(APP, comment.id, "sam")


def act_state(world: World) -> None:
    world.github.close(APP, 1, "erin")
    world.github.reopen(APP, 1, "erin")
    world.github.edit(APP, 1, "erin", title="Other")


def act_pull_request(world: World) -> None:
    world.github.open_issue(APP, "Change", "erin", labels=[BETA], pull_request=True)
    world.github.unlabel(APP, 2, BETA, "erin")


def act_labels_of_repo(world: World) -> None:
    world.github.create_label(APP, "new", "erin")
    world.github.rename_label(APP, "new", "newer", "erin")


def act_sub_issue(world: World) -> None:
    world.github.open_issue(APP, "Part", "erin")
    world.github.add_sub_issue(APP, 1, 2, "erin")


def act_blocker(world: World) -> None:
    world.github.open_issue(APP, "First this", "erin")
    world.github.block_by(APP, 1, 2, "erin")
    world.github.unblock(APP, 1, 2, "erin")


def act_type(world: World) -> None:
    world.github.set_type(APP, 1, "bug", "erin")
    world.github.set_type(APP, 1, "Task", "erin")
    world.github.set_type(APP, 1, "Task", "erin")


PINNED = [f"issue_comment.{what}" for what in ("pinned", "unpinned", "pinned", "unpinned")]


def act_pin(world: World) -> None:
    first, other = (world.github.comment(APP, 1, words, "sam") for words in ("One", "Two"))
    for comment in (first, first, other):
        world.github.pin(APP, comment.id, "erin")
    world.github.unpin(APP, other.id, "erin")


def act_app(world: World) -> None:
    world.github.installation("created")
    world.github.ping()


@pytest.mark.parametrize(
    ("act", "events"),
    [
        (act_label_twice, ["issues.labeled", "issues.unlabeled"]),
        (act_comment, ["issue_comment.created", "issue_comment.edited", "issue_comment.deleted"]),
        (act_state, ["issues.closed", "issues.reopened", "issues.edited"]),
        (act_pull_request, ["pull_request.opened", "pull_request.labeled", "pull_request.unlabeled"]),
        (act_labels_of_repo, ["label.created", "label.edited"]),
        (act_sub_issue, ["issues.opened", "sub_issues.sub_issue_added", "sub_issues.parent_issue_added"]),
        (
            act_blocker,
            [
                *("issues.opened", "issue_dependencies.blocked_by_added", "issue_dependencies.blocking_added"),
                *("issue_dependencies.blocked_by_removed", "issue_dependencies.blocking_removed"),
            ],
        ),
        (act_type, ["issues.typed", "issues.untyped", "issues.typed"]),
        (act_pin, [*["issue_comment.created"] * 2, *PINNED]),
        (lambda world: world.github.edit(APP, 1, "sam", body="New words"), ["issues.edited"]),
        (lambda world: world.github.transfer(APP, 1, "acme/web", "erin"), ["issues.transferred", "issues.opened"]),
        (lambda world: world.github.delete_issue(APP, 1, "erin"), ["issues.deleted"]),
        (lambda world: world.github.rename_repo(APP, "application", "rhea"), ["repository.renamed"]),
        (act_app, ["installation.created", "ping.None"]),
    ],
)
def test_every_change_is_told(
    world: World, receiver: Receiver, act: Callable[[World], object], events: list[str]
) -> None:
    with world.github.quietly():
        world.github.open_issue(APP, "Dark mode", "erin")
    act(world)
    delivered(world)
    assert receiver.events == events


def test_labels_given_at_once_are_told_one_by_one(served: Served, world: World, receiver: Receiver) -> None:
    world.github.open_issue(APP, "Dark mode", "erin", labels=["bug"])
    call(served, "POST", f"/repos/{APP}/issues/1/labels", {"labels": [BETA, PUBLIC]}, "evan")
    delivered(world)
    assert receiver.events == ["issues.opened", *["issues.labeled"] * 3]
    assert [payload["label"]["name"] for payload in receiver.payloads[1:]] == ["bug", BETA, PUBLIC]
    assert [payload["sender"]["login"] for payload in receiver.payloads] == ["erin", "erin", "evan", "evan"]


def test_a_deleted_label_leaves_issues_without_an_event_and_tells_it_without_the_label(
    served: Served, world: World, receiver: Receiver
) -> None:
    with world.github.quietly():
        world.github.open_issue(APP, "Dark mode", "erin", labels=[PUBLIC])
        world.github.open_issue(APP, "Other", "erin")
    call(served, "DELETE", f"/repos/{APP}/labels/{PUBLIC}", by="erin")
    delivered(world)
    assert receiver.events == ["label.deleted", "issues.unlabeled"]
    assert "label" not in receiver.payloads[1]
    assert receiver.payloads[1]["issue"]["labels"] == []
    told = call(served, "GET", f"/repos/{APP}/issues/1/timeline").json()
    assert [(entry["event"], entry["label"]["name"]) for entry in told] == [("labeled", PUBLIC)]


def test_a_renamed_label_tells_its_old_name(world: World, receiver: Receiver) -> None:
    world.github.rename_label(APP, PUBLIC, "stage: out", "erin")
    delivered(world)
    assert receiver.payloads[0]["changes"] == {"name": {"from": PUBLIC}}
    assert receiver.payloads[0]["label"]["name"] == "stage: out"


def test_a_transfer_tells_both_ends(world: World, receiver: Receiver) -> None:
    with world.github.quietly():
        world.github.open_issue(APP, "Dark mode", "erin", labels=[BETA])
    world.github.transfer(APP, 1, "acme/web", "erin")
    delivered(world)
    left, came = receiver.payloads
    assert (left["repository"]["full_name"], left["issue"]["number"]) == (APP, 1)
    assert left["changes"]["new_repository"]["full_name"] == "acme/web"
    assert came["changes"]["old_issue"]["number"] == 1
    assert came["repository"]["full_name"] == "acme/web"


def test_deliveries_can_be_lost_doubled_and_swapped(world: World, receiver: Receiver) -> None:
    world.hooks.drop_next(1)
    world.github.open_issue(APP, "Lost", "erin")
    world.hooks.double_next(1)
    world.github.open_issue(APP, "Doubled", "erin")
    delivered(world)
    assert [payload["issue"]["title"] for payload in receiver.payloads] == ["Doubled", "Doubled"]
    assert len({headers["x-github-delivery"] for headers, _ in receiver.got}) == 1
    world.hooks.hold()
    world.github.open_issue(APP, "First", "erin")
    world.github.open_issue(APP, "Second", "erin")
    assert (world.hooks.idle(1), world.hooks.holding) == (True, 2)
    world.hooks.release("reversed")
    delivered(world)
    assert [payload["issue"]["title"] for payload in receiver.payloads[2:]] == ["Second", "First"]
    assert world.hooks.holding is None


def test_github_never_tries_again_and_a_redelivery_has_the_same_guid(world: World, receiver: Receiver) -> None:
    receiver.answers = [503]
    world.github.open_issue(APP, "Dark mode", "erin")
    delivered(world)
    assert [delivery.status for delivery in world.hooks.deliveries] == [503]
    world.hooks.redeliver(world.hooks.deliveries[0].id)
    delivered(world)
    assert [delivery.status for delivery in world.hooks.deliveries] == [503, 200]
    assert receiver.got[0][1] == receiver.got[1][1]
    assert receiver.got[0][0]["x-github-delivery"] == receiver.got[1][0]["x-github-delivery"]


@pytest.mark.parametrize(("answers", "tries"), [([503, 429, 200], 3), ([500] * 9, 6), ([404, 200], 1)])
def test_jira_tries_again_five_times_with_the_same_identifier(
    receiver: Receiver, answers: list[int], tries: int
) -> None:
    hooks = Hooks(retry_pause=0.01)
    hooks.register(receiver.url, "s3cret", "jira")
    receiver.answers = list(answers)
    hooks.send("jira", "jira:issue_updated", {"webhookEvent": "jira:issue_updated"})
    assert hooks.idle(10)
    hooks.close()
    assert len(receiver.got) == tries
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in receiver.got}) == 1
    counts = [headers.get("x-atlassian-webhook-retry") for headers, _ in receiver.got]
    assert counts == [None, *[str(number) for number in range(1, tries)]]
    assert receiver.got[0][0]["x-hub-signature"] == sign("s3cret", receiver.got[0][1])


def test_a_header_can_be_taken_away_for_a_data_center(world: World, receiver: Receiver) -> None:
    world.hooks.register(receiver.url, "", "jira")
    world.hooks.send("jira", "x", {"a": 1}, {"X-Atlassian-Webhook-Identifier": "", "X-Extra": "yes"})
    delivered(world)
    headers = receiver.got[0][0]
    assert headers["x-extra"] == "yes"
    assert not {"x-atlassian-webhook-identifier", "x-hub-signature"} & set(headers)


# --- how issues hang together ----------------------------------------------------------------------------------------


def at_work(world: World) -> tuple[int, int, int]:
    """Three issues: #1 and #2 in acme/app, #1 in acme/secret, which not everybody may see."""
    with world.github.quietly():
        ids = [world.github.open_issue(APP, title, "erin").id for title in ("Dark mode", "Colours")]
        return ids[0], ids[1], world.github.open_issue("acme/secret", "Pricing", "erin").id


def numbers(served: Served, path: str, by: str = SERVICE) -> list[tuple[str, int]]:
    listed = call(served, "GET", f"/repos/{APP}/issues/1/{path}", by=by)
    assert listed.status_code == 200, listed.text
    return [(one["repository"]["name"], one["number"]) for one in listed.json()]


def test_parts_are_counted_in_the_issue_and_name_their_parent(served: Served, world: World) -> None:
    _, part, hidden = at_work(world)
    for one in (part, hidden):
        added = call(served, "POST", f"/repos/{APP}/issues/1/sub_issues", {"sub_issue_id": one}, "erin")
        assert (added.status_code, added.json()["number"]) == (201, 1)
    world.github.close(APP, 2, "erin")
    issue = call(served, "GET", f"/repos/{APP}/issues/1").json()
    assert issue["sub_issues_summary"] == {"total": 2, "completed": 1, "percent_completed": 50}
    assert "parent_issue_url" not in issue
    part_of = call(served, "GET", f"/repos/{APP}/issues/2").json()["parent_issue_url"]
    assert part_of == f"{served.github_url}/repos/{APP}/issues/1"
    assert call(served, "GET", f"/repos/{APP}/issues/2/parent").json()["number"] == 1
    assert numbers(served, "sub_issues") == [("app", 2), ("secret", 1)]
    assert numbers(served, "sub_issues", "mallory") == [("app", 2)]
    taken = call(served, "DELETE", f"/repos/{APP}/issues/1/sub_issue", {"sub_issue_id": part}, "erin")
    assert (taken.status_code, numbers(served, "sub_issues")) == (200, [("secret", 1)])
    assert call(served, "GET", f"/repos/{APP}/issues/2/parent").status_code == 404


def test_a_part_has_one_parent_until_it_is_given_another(served: Served, world: World) -> None:
    _, part, hidden = at_work(world)
    world.github.open_issue(APP, "Epic", "erin")
    world.github.add_sub_issue(APP, 1, 2, "erin")
    path = f"/repos/{APP}/issues/3/sub_issues"
    assert call(served, "POST", path, {"sub_issue_id": part}, "erin").status_code == 422
    assert call(served, "POST", path, {"sub_issue_id": part, "replace_parent": True}, "erin").status_code == 201
    assert call(served, "POST", path, {"sub_issue_id": part}, "erin").status_code == 422
    assert call(served, "POST", path, {"sub_issue_id": 7}, "erin").status_code == 422
    assert call(served, "POST", path, {"sub_issue_id": hidden}, "sam").status_code == 422  # sam may not see it
    assert call(served, "POST", path, {"sub_issue_id": hidden}, "mallory").status_code == 403
    assert numbers(served, "sub_issues") == []


# --- locked conversations, archived repositories ----------------------------------------------------------------------


def test_in_a_locked_conversation_only_those_who_may_write_speak_and_no_app_does(
    served: Served, world: World, receiver: Receiver
) -> None:
    number = world.github.open_issue(APP, "Export", "erin", "", [BETA]).number
    issue = client(served, PEOPLE["erin"].token).get_repo(APP).get_issue(number)
    issue.lock("resolved")
    assert world.hooks.idle(10)
    assert receiver.events[-1] == "issues.locked"
    assert (issue.update(), issue.locked, issue.active_lock_reason) == (True, True, "resolved")
    issue.create_comment("erin may write here")
    for speaker in ("sam", "gus"):
        with pytest.raises(github.GithubException) as no:
            client(served, PEOPLE[speaker].token).get_repo(APP).get_issue(number).create_comment("hello?")
        assert no.value.status == 403
        assert no.value.data["message"] == "Unable to create comment because issue is locked."
    with pytest.raises(github.GithubException, match="Reactions"):
        issue.get_comments()[0].create_reaction("+1")
    client(served, PEOPLE["sam"].token).get_repo(APP).get_issue(number).add_to_labels(PUBLIC)
    issue.unlock()
    assert world.hooks.idle(10)
    assert receiver.events[-1] == "issues.unlocked"
    client(served, PEOPLE["sam"].token).get_repo(APP).get_issue(number).create_comment("thanks")
    assert [one.event for one in issue.get_timeline() if one.event in ("locked", "unlocked")] == ["locked", "unlocked"]


def test_an_archived_repository_can_be_read_and_takes_nothing(served: Served, world: World, receiver: Receiver) -> None:
    number = world.github.open_issue(APP, "Export", "erin", "", [BETA]).number
    said = world.github.comment(APP, number, "hello", SERVICE)
    world.github.archive(APP, "rhea")
    repo = client(served).get_repo(APP)
    issue = repo.get_issue(number)
    assert (repo.archived, issue.locked, issue.body) == (True, True, None)
    tries: list[Callable[[], object]] = [
        lambda: issue.create_comment("x"), lambda: issue.add_to_labels(PUBLIC), lambda: issue.remove_from_labels(BETA),
        lambda: issue.edit(title="x"), lambda: issue.get_comment(said.id).edit("x"),
        lambda: issue.get_comment(said.id).delete(), lambda: repo.create_issue("x"), lambda: issue.lock("spam"),
    ]  # fmt: skip
    for act in tries:
        with pytest.raises(github.GithubException) as no:
            act()
        assert (no.value.status, no.value.data["message"]) == (403, "Repository was archived so is read-only.")
    world.github.unarchive(APP, "rhea")
    issue.create_comment("x")
    assert world.hooks.idle(10)
    assert {"repository.archived", "repository.unarchived"} <= set(receiver.events)


def test_blockers_are_counted_open_and_in_all(served: Served, world: World) -> None:
    _, blocker, hidden = at_work(world)
    path = f"/repos/{APP}/issues/1/dependencies/blocked_by"
    for one in (blocker, hidden):
        assert call(served, "POST", path, {"issue_id": one}, "erin").status_code == 201
    assert call(served, "POST", path, {"issue_id": blocker}, "erin").status_code == 422
    world.github.close("acme/secret", 1, "erin")
    summary = {"blocked_by": 1, "total_blocked_by": 2, "blocking": 0, "total_blocking": 0}
    assert call(served, "GET", f"/repos/{APP}/issues/1").json()["issue_dependencies_summary"] == summary
    assert numbers(served, "dependencies/blocked_by") == [("app", 2), ("secret", 1)]
    assert call(served, "GET", f"/repos/{APP}/issues/2/dependencies/blocking").json()[0]["number"] == 1
    assert call(served, "DELETE", f"{path}/{blocker}", by="erin").status_code == 200
    assert call(served, "DELETE", f"{path}/{blocker}", by="erin").status_code == 404
    assert numbers(served, "dependencies/blocked_by") == [("secret", 1)]


def test_a_tie_is_told_on_either_side_and_leaves_the_issues_time_alone(world: World, receiver: Receiver) -> None:
    at_work(world)
    before = world.github.issue(APP, 1).updated
    later = before + timedelta(hours=1)
    world.github.add_sub_issue(APP, 1, 1, "erin", elsewhere="acme/secret", at=later)
    world.github.block_by(APP, 1, 1, "erin", elsewhere="acme/secret", at=later)
    delivered(world)
    above, below, blocked, blocking = receiver.payloads
    assert (above["repository"]["name"], above["sub_issue_repo"]["name"]) == ("app", "secret")
    assert (below["repository"]["name"], below["parent_issue_repo"]["name"]) == ("secret", "app")
    assert (blocked["repository"]["name"], blocked["blocking_issue_repo"]["name"]) == ("app", "secret")
    assert (blocking["repository"]["name"], blocking["blocked_issue_repo"]["name"]) == ("secret", "app")
    assert {payload["blocked_issue"]["title"] for payload in (blocked, blocking)} == {"Dark mode"}
    assert above["parent_issue"]["sub_issues_summary"]["total"] == 1
    assert world.github.issue(APP, 1).updated == before


def test_ties_follow_a_transferred_issue_and_end_with_a_deleted_one(served: Served, world: World) -> None:
    at_work(world)
    world.github.add_sub_issue(APP, 1, 2, "erin")
    world.github.block_by(APP, 1, 2, "erin")
    world.github.comment(APP, 2, "For #1", "erin")
    world.github.transfer(APP, 2, "acme/web", "erin")
    assert numbers(served, "sub_issues") == numbers(served, "dependencies/blocked_by") == [("web", 1)]
    assert call(served, "GET", f"/repos/{APP}/issues/1/timeline").json()[-1]["source"]["issue"]["number"] == 1
    world.github.delete_issue("acme/web", 1, "erin")
    issue = call(served, "GET", f"/repos/{APP}/issues/1").json()
    assert (issue["sub_issues_summary"]["total"], issue["issue_dependencies_summary"]["total_blocked_by"]) == (0, 0)
    events = [entry["event"] for entry in call(served, "GET", f"/repos/{APP}/issues/1/timeline").json()]
    assert events == ["sub_issue_added", "blocked_by_added"]
    world.github.transfer(APP, 1, "acme/web", "erin")
    assert world.github.issue("acme/web", 2).parts == []


def test_an_older_server_knows_nothing_of_ties(served: Served, world: World) -> None:
    at_work(world)
    world.github.knows_ties = False
    issue = call(served, "GET", f"/repos/{APP}/issues/1").json()
    assert not {"sub_issues_summary", "issue_dependencies_summary", "parent_issue_url"} & set(issue)
    for path in ("sub_issues", "dependencies/blocked_by"):
        assert call(served, "GET", f"/repos/{APP}/issues/1/{path}").status_code == 404


@pytest.mark.parametrize(
    ("body", "mentions"),
    [
        ("Part of #1", True),
        ("See acme/app#1.", True),
        ("See gh-1", True),
        ("> quoted #1", True),
        ("See {url}/github/acme/app/issues/1#issuecomment-5", True),
        ("[words]({url}/github/acme/app/issues/1)", True),
        ("`#1` and \n```\n#1\n```", False),
        ("#10 and #2 and 1 and acme/web#1", False),
        ("&#35;<!-- -->1", False),
    ],
)
def test_an_issue_is_told_once_which_other_mentions_it(
    served: Served, world: World, receiver: Receiver, body: str, mentions: bool
) -> None:
    at_work(world)
    before = world.github.issue(APP, 1).updated
    world.github.comment(APP, 2, body.replace("{url}", world.url), "sam")
    world.github.edit(APP, 2, "erin", body=body.replace("{url}", world.url))
    told = call(served, "GET", f"/repos/{APP}/issues/1/timeline").json()
    shown = [(entry["event"], entry["actor"]["login"], entry["source"]["issue"]["number"]) for entry in told]
    assert shown == ([("cross-referenced", "sam", 2)] if mentions else [])
    assert all("id" not in entry for entry in told)
    delivered(world)
    assert receiver.events == ["issue_comment.created", "issues.edited"]
    assert world.github.issue(APP, 1).updated == before


def test_a_mention_is_shown_as_it_is_now_and_only_to_those_who_may_read_it(served: Served, world: World) -> None:
    at_work(world)
    world.github.edit("acme/secret", 1, "erin", body="After acme/app#1 and acme/app#1")
    world.github.comment("acme/secret", 1, "Again acme/app#1", "erin")
    world.github.open_issue("acme/web", "Change", "erin", "Fixes acme/app#1", pull_request=True)
    world.github.comment(APP, 1, "Of #1 itself", "erin")
    world.github.close("acme/secret", 1, "erin")

    def sources(by: str) -> list[tuple[str, str, bool]]:
        told = call(served, "GET", f"/repos/{APP}/issues/1/timeline", by=by).json()
        issues = [entry["source"]["issue"] for entry in told if entry["event"] == "cross-referenced"]
        return [(one["repository"]["name"], one["state"], "pull_request" in one) for one in issues]

    assert sources("erin") == [("secret", "closed", False), ("web", "open", True)]
    assert sources("mallory") == [("web", "open", True)]


def test_a_type_is_one_that_the_organisation_has(served: Served, world: World) -> None:
    at_work(world)
    path = f"/repos/{APP}/issues/1"
    assert call(served, "GET", path).json()["type"] is None
    assert call(served, "PATCH", path, {"type": "Bug"}, "erin").json()["type"]["name"] == "Bug"
    assert call(served, "PATCH", path, {"type": "Wish"}, "erin").status_code == 422
    assert call(served, "PATCH", path, {"title": "Darker mode"}, "erin").json()["type"]["name"] == "Bug"
    assert call(served, "PATCH", path, {"type": None}, "erin").json()["type"] is None
    made = call(served, "POST", f"/repos/{APP}/issues", {"title": "New", "type": "task"}, "erin").json()
    assert made["type"]["name"] == "Task"


# --- pinned comments ------------------------------------------------------------------------------------------------


def test_one_comment_of_an_issue_is_pinned_and_shows_who_pinned_it(served: Served, world: World) -> None:
    at_work(world)
    first, second = (world.github.comment(APP, 1, words, SERVICE) for words in ("One", "Two"))
    path = f"/repos/{APP}/issues/comments"
    assert call(served, "GET", f"{path}/{first.id}").json()["pin"] is None
    for _ in range(2):
        answer = call(served, "PUT", f"{path}/{first.id}/pin")
        assert (answer.status_code, answer.json()["pin"]["pinned_by"]["login"]) == (200, SERVICE)
    call(served, "PUT", f"{path}/{second.id}/pin")
    assert [one["pin"] is not None for one in call(served, "GET", f"/repos/{APP}/issues/1/comments").json()] == [
        False,
        True,
    ]
    assert call(served, "GET", f"/repos/{APP}/issues/1").json()["pinned_comment"]["id"] == second.id
    assert call(served, "DELETE", f"{path}/{second.id}/pin").status_code == 204
    assert call(served, "GET", f"/repos/{APP}/issues/1").json()["pinned_comment"] is None


@pytest.mark.parametrize(
    ("on", "by", "status"),
    [("issue", "mallory", 403), ("issue", "sam", 200), ("pull", SERVICE, 422), ("", SERVICE, 404)],
)
def test_a_comment_is_pinned_by_those_who_may_and_where_it_can_be(
    served: Served, world: World, on: str, by: str, status: int
) -> None:
    number = world.github.open_issue(APP, "Dark mode", "erin", pull_request=on == "pull").number
    comment = world.github.comment(APP, number, "One", "sam").id if on else 5
    assert call(served, "PUT", f"/repos/{APP}/issues/comments/{comment}/pin", by=by).status_code == status


# --- faults ---------------------------------------------------------------------------------------------------------


def test_a_fault_before_answers_without_the_effect_and_after_with_it(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin")
    world.faults.add(Fault("POST .*/comments", "before", status=500))
    world.faults.add(Fault("POST .*/labels", "after", status=504))
    path = f"/repos/{APP}/issues/1"
    assert call(served, "POST", f"{path}/comments", {"body": "x"}).status_code == 500
    assert call(served, "POST", f"{path}/labels", ["bug"]).status_code == 504
    assert world.github.issue(APP, 1).comments == []
    assert world.github.label_names(APP, 1) == ["bug"]
    assert world.faults.armed() == []
    assert call(served, "POST", f"{path}/comments", {"body": "x"}).status_code == 201


def test_an_answer_can_get_lost_after_the_effect(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin")
    world.faults.add(Fault("POST .*/comments", "after", status=0))
    with pytest.raises(requests.ConnectionError):
        client(served).get_repo(APP).get_issue(1).create_comment("landed")
    assert [comment.body for comment in world.github.issue(APP, 1).comments] == ["landed"]


def test_a_call_runs_at_that_instant(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin")
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(world.github.label_names(APP, 1))

    world.faults.add(Fault("POST .*/labels", "call", call=look))
    world.faults.add(Fault("POST .*/labels", "call", call=look, when="after"))
    call(served, "POST", f"/repos/{APP}/issues/1/labels", ["bug"])
    assert seen == [[], ["bug"]]


def test_a_used_up_rate_limit_is_what_pygithub_takes_for_one(served: Served, world: World) -> None:
    world.faults.add(Fault("GET", "rate_limit", seconds=120))
    before = datetime.now(UTC).timestamp()
    with pytest.raises(github.RateLimitExceededException) as caught:
        client(served).get_repo(APP).get_issue(1).title  # noqa: B018  reading it is the request
    assert caught.value.headers is not None
    assert caught.value.headers["x-ratelimit-remaining"] == "0"
    assert before + 118 <= int(caught.value.headers["x-ratelimit-reset"]) <= before + 125


@pytest.mark.parametrize(("seconds", "status", "retry_after"), [(30, 403, "30"), (0, 429, None)])
def test_the_secondary_rate_limit_may_or_may_not_say_how_long(
    served: Served, seconds: int, status: int, retry_after: str | None
) -> None:
    served.world.faults.add(Fault("/repos/", "secondary_rate_limit", status=status, seconds=seconds))
    answer = call(served, "GET", f"/repos/{APP}")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert "secondary rate limit" in answer.json()["message"]


def test_a_fault_strikes_as_often_as_asked_or_until_cleared(served: Served, world: World) -> None:
    world.faults.add(Fault("GET .*/labels$", "before", times=2))
    assert [call(served, "GET", f"/repos/{APP}/labels").status_code for _ in range(3)] == [502, 502, 200]
    world.faults.add(Fault("GET", "before", times=FOR_EVER))
    assert [call(served, "GET", f"/repos/{APP}/labels").status_code for _ in range(3)] == [502] * 3
    world.faults.clear()
    assert call(served, "GET", f"/repos/{APP}/labels").status_code == 200


def test_a_slow_answer_lets_a_client_run_into_its_timeout(served: Served, world: World) -> None:
    world.faults.add(Fault("GET", "latency", seconds=1))
    with pytest.raises(requests.ReadTimeout):
        requests.get(
            f"{served.github_url}/repos/{APP}", headers={"Authorization": f"token {SERVICE_TOKEN}"}, timeout=0.2
        )


# --- pages and the sandbox's own JSON -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/faults", "/github/acme/app", "/github/acme/app/issues/4", "/jira/"])
def test_each_page_is_there_after_seeding(served: Served, path: str) -> None:
    seed(served.world)
    page = requests.get(served.url + path, timeout=5)
    assert page.status_code == 200
    assert "http" not in re.sub(r"https?://(127\.0\.0\.1|github\.com/|[\w.]*acme\.example)", "", page.text)


def test_on_a_page_one_is_anybody_and_may_do_what_they_may(served: Served, world: World) -> None:
    world.github.open_issue(APP, "Dark mode", "erin", labels=[BETA])
    page, anybody = f"{served.url}/github/{APP}/issues/1", requests.Session()
    anybody.post(f"{served.url}/github/who", {"who": "sam", "back": f"/github/{APP}/issues/1"}, timeout=5)
    anybody.post(f"{page}/labels", {"put": PUBLIC}, timeout=5)
    anybody.post(f"{page}/labels", {"take": BETA}, timeout=5)
    shown = anybody.post(f"{page}/comments", {"body": "@erin\r\n/stage ack"}, timeout=5).text
    assert world.github.label_names(APP, 1) == [PUBLIC]
    assert (world.github.issue(APP, 1).comments[0].by, world.github.issue(APP, 1).comments[0].body) == (
        "sam",
        "@erin\n/stage ack",
    )
    assert 'class="user-mention' in shown
    anybody.post(f"{served.url}/github/who", {"who": "mallory", "back": "/"}, timeout=5)
    refused = anybody.post(f"{page}/labels", {"take": PUBLIC}, timeout=5).text
    assert "Mallory may not do that" in refused
    assert world.github.label_names(APP, 1) == [PUBLIC]
    assert anybody.get(f"{served.url}/github/acme/secret", timeout=5).status_code == 404


def test_on_a_page_issues_are_tied_typed_described_anew_and_comments_pinned(served: Served, world: World) -> None:
    for title in ("Dark mode", "Colours", "Fonts"):
        world.github.open_issue(APP, title, "evan")
    comment = world.github.comment(APP, 1, "The state of things", SERVICE)
    world.github.open_issue("acme/web", "Themes", "erin", "For acme/app#1")
    page, erin = f"{served.url}/github/{APP}/issues/1", requests.Session()

    def post(what: str, **form: str) -> str:
        return erin.post(f"{page}/{what}", form, timeout=5).text

    post("ties", other="2", do="part")
    post("ties", other="#3", do="part")
    post("ties", other="#3", do="no-part")
    post("ties", other=" acme/web#1 ", do="block")
    post("type", type="Feature")
    post("body", body="## What changes\r\nDark colours")
    shown = post("pin", comment=str(comment.id))
    issue = world.github.issue(APP, 1)
    assert (len(issue.parts), len(issue.blocked_by), issue.type) == (1, 1, "Feature")
    assert issue.body == "## What changes\nDark colours"
    assert re.search(r"Sub-issues.*#2 Colours.*Blocked by.*acme/web#1 Themes", shown, re.DOTALL)
    assert "mentioned this in" in shown
    assert shown.index("pinned") < shown.index("The state of things") < shown.index("issuecomment-")
    assert "acme/web#3 for one elsewhere" in post("ties", other="that one", do="part")
    assert "pinned" not in post("pin", comment=str(comment.id), off="1").partition("<ol")[2].partition("</ol>")[0]
    erin.post(f"{served.url}/github/who", {"who": "mallory", "back": "/"}, timeout=5)
    assert "Mallory may not do that" in post("body", body="Mine")
    assert "Mallory may not do that" in post("ties", other="3", do="part")


def test_a_page_shows_a_hostile_title_as_text(served: Served, world: World) -> None:
    world.github.open_issue(APP, "<script>alert(1)</script> @sam", "erin")
    page = requests.get(f"{served.url}/github/{APP}/issues/1", timeout=5).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_leads_back_only_into_the_sandbox(served: Served) -> None:
    answer = requests.post(
        f"{served.url}/github/who", {"who": "sam", "back": "//evil.example"}, timeout=5, allow_redirects=False
    )
    assert answer.headers["Location"] == "/"


def test_faults_are_armed_by_page_and_by_json(served: Served, world: World) -> None:
    form = {"kind": "hangup", "match": "POST", "status": "502", "seconds": "3", "times": "2"}
    requests.post(f"{served.url}/faults/add", form, timeout=5)
    requests.post(f"{served.url}/_sandbox/faults", json={"match": "GET", "kind": "before", "status": 500}, timeout=5)
    assert world.faults.armed() == [
        (Fault("POST", "after", status=0, seconds=3, times=2), 2),
        (Fault("GET", "before", status=500), 1),
    ]
    wrong = requests.post(f"{served.url}/_sandbox/faults", json={"match": "(", "kind": "before"}, timeout=5)
    assert (wrong.status_code, "a fault has match" in wrong.json()["error"]) == (400, True)
    requests.delete(f"{served.url}/_sandbox/faults", timeout=5)
    assert requests.get(f"{served.url}/_sandbox/faults", timeout=5).json() == []
    requests.post(f"{served.url}/faults/teams", {"hide": "support"}, timeout=5)
    assert world.github.team_visible == {"support": False}


def test_deliveries_are_listed_and_sent_anew_by_json(served: Served, world: World, receiver: Receiver) -> None:
    world.github.open_issue(APP, "Dark mode", "erin")
    delivered(world)
    listed = requests.get(f"{served.url}/_sandbox/deliveries", timeout=5).json()
    assert [(one["event"], one["status"]) for one in listed] == [("issues", 200)]
    assert requests.post(f"{served.url}/_sandbox/deliveries/1/attempts", timeout=5).status_code == 202
    delivered(world)
    assert len(receiver.got) == 2
    assert requests.post(f"{served.url}/_sandbox/deliveries/9/attempts", timeout=5).status_code == 404


def test_the_environment_names_what_is_served(served: Served) -> None:
    told = environment(served.url)
    assert (told["GITHUB_API_URL"], told["JIRA_URL"]) == (served.github_url, served.jira_url)
    assert client(served, told["GITHUB_TOKEN"]).get_user().login == SERVICE


# --- the demo -------------------------------------------------------------------------------------------------------


def test_the_scene_waits_for_the_service_and_tells_each_step_with_a_link(served: Served, world: World) -> None:
    """The service is played by hand here; that it plays its part itself is a story's business."""
    told: list[str] = []
    said = threading.Condition()

    def say(line: str) -> None:
        with said:
            told.append(line)
            said.notify_all()

    scene = play(world, say=say)
    with said:
        assert said.wait_for(lambda: any("erin puts" in line for line in told), 10)
    number = next(issue.number for issue in world.github.repo(APP).issues.values() if issue.title == "Dark mode")
    world.github.comment(APP, number, "**Not yet**\n\n@acme/support, please have a look.", SERVICE)
    world.github.unlabel(APP, number, PUBLIC, SERVICE)
    with said:
        assert said.wait_for(lambda: any("sam, of Support" in line for line in told), 10)
    world.github.label(APP, number, PUBLIC, SERVICE)
    world.github.unlabel(APP, number, BETA, SERVICE)
    scene.join(10)
    assert not scene.is_alive()
    assert [comment.body for comment in world.github.issue(APP, number).comments if comment.by == "sam"] == [
        "/stage ack"
    ]
    assert len(told) == 6
    assert all(re.search(r"http://127\.0\.0\.1:\d+/", line) and "\n" not in line for line in told)
    assert "Not yet @acme/support, please have a look." in told[2]


def test_the_seed_has_features_at_every_stage_on_both_trackers(served: Served, world: World) -> None:
    seed(world)
    standing = {name for number in world.github.repo(APP).issues for name in world.github.label_names(APP, number)}
    assert {"stage: development", "stage: internal", BETA, PUBLIC} <= standing
    assert {world.jira.find(f"APP-{number}").status.name for number in (1, 2, 3)} == {"In Progress", "Internal", "Beta"}  # type: ignore[union-attr]


# --- files --------------------------------------------------------------------------------------------------------


def test_pygithub_reads_a_file_of_the_default_branch_and_a_folder(served: Served, world: World) -> None:
    world.github.push(APP, {".github/release-stages.yaml": "version: 1\n", ".github/CODEOWNERS": "* @erin\n"}, "erin")
    world.github.push(APP, {".github/release-stages.yaml": "version: 2\n"}, "erin", branch="try-it")
    repo = client(served).get_repo(APP)
    found = repo.get_contents(".github/release-stages.yaml")
    assert not isinstance(found, list)
    assert (found.decoded_content, found.type, found.size) == (b"version: 1\n", "file", 11)
    listed = repo.get_contents(".github")
    assert isinstance(listed, list)
    assert [one.name for one in listed] == ["CODEOWNERS", "release-stages.yaml"]
    with pytest.raises(github.UnknownObjectException):
        repo.get_contents("nothing.yaml")


def test_a_file_that_has_not_changed_is_304_and_a_huge_one_is_told_of_without_its_text(
    served: Served, world: World
) -> None:
    world.github.push(APP, {"rules.yaml": "version: 1\n", "huge.bin": b"x" * 1_048_577}, "erin")
    first = call(served, "GET", f"/repos/{APP}/contents/rules.yaml")
    again = call(served, "GET", f"/repos/{APP}/contents/rules.yaml", **{"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    world.github.push(APP, {"rules.yaml": "version: 2\n"}, "erin")
    later = call(served, "GET", f"/repos/{APP}/contents/rules.yaml", **{"If-None-Match": first.headers["ETag"]})
    assert later.status_code == 200
    huge = call(served, "GET", f"/repos/{APP}/contents/huge.bin").json()
    assert (huge["size"], huge["encoding"], huge["content"]) == (1_048_577, "none", "")


def test_a_push_is_told_with_the_files_that_it_touches(world: World, receiver: Receiver) -> None:
    world.github.push(APP, {"a.txt": "a", "b.txt": "b"}, "erin")
    world.github.push(APP, {"a.txt": "A", "b.txt": None, "c.txt": "c"}, "evan", branch="main")
    world.github.push(APP, {"a.txt": "a"}, "evan", branch="other", forced=True)
    delivered(world)
    bodies = [json.loads(one.body) for one in world.hooks.deliveries if one.event == "push"]
    first, second, forced = bodies[-3:]
    assert (first["ref"], first["repository"]["default_branch"]) == ("refs/heads/main", "main")
    assert [sorted(first["commits"][0][kind]) for kind in ("added", "modified", "removed")] == [
        ["a.txt", "b.txt"],
        [],
        [],
    ]
    assert [second["commits"][0][kind] for kind in ("added", "modified", "removed")] == [
        ["c.txt"],
        ["a.txt"],
        ["b.txt"],
    ]
    assert (second["before"], second["pusher"]["name"]) == (first["after"], "evan")
    assert (forced["ref"], forced["forced"], forced["commits"]) == ("refs/heads/other", True, [])
    assert "action" not in first
