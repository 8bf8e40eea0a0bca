"""Webhooks through the whole web, with a real Redis: what is answered, what is kept, what is logged."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
import structlog
from werkzeug.test import Client, TestResponse

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.web.front import LARGEST_BODY
from integration.web.server import create_front
from tests.web.by_wsgi import by_wsgi

FIXTURES = Path(__file__).parent.parent / "fixtures"
GITHUB_SECRETS = ("hook-secret-old", "hook-secret-new")
SIGNING, IN_PATH = "signing-secret", "path-secret"
SECRETS = (*GITHUB_SECRETS, SIGNING, IN_PATH)


def make_settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings(
        data_dir=tmp_path,
        mappings=tmp_path / "mappings.yaml",
        redis_url="redis://nowhere",
        database_url="sqlite://",
        marker_key=b"k",
        github=GitHubSettings(webhook_secrets=GITHUB_SECRETS),
        jira=(
            JiraSettings("main", "https://acme.example", webhook_secrets=(SIGNING,), path_secret=IN_PATH),
            JiraSettings("dc", "https://jira.acme.example", path_secret=IN_PATH),
            JiraSettings("open", "https://open.acme.example"),
        ),
        admission=Admission("open"),
        **more,
    )


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def client(redis_client: redis.Redis, tmp_path: Path) -> Client:
    return client_of(make_settings(tmp_path), Inbox(redis_client))


def client_of(settings: Settings, inbox: Inbox) -> Client:
    return Client(by_wsgi(create_front(settings, inbox, dict)))


def recorded(tracker: str, name: str) -> tuple[dict[str, str], bytes]:
    told = json.loads((FIXTURES / tracker / f"{name}.json").read_text("utf-8"))
    return told["headers"], json.dumps(told["body"]).encode()


def sign(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def to_github(client: Client, name: str = "issue_moved_to_public", **more: str) -> TestResponse:
    headers, body = recorded("github", name)
    signed = {**headers, "X-Hub-Signature-256": sign(body, GITHUB_SECRETS[1]), **more}
    return client.post("/webhooks/github", data=body, headers=signed)


def to_jira(client: Client, path: str, secret: str = "", name: str = "dc_issue_moved_to_released") -> TestResponse:
    headers, body = recorded("jira", name)
    if secret:
        headers["x-hub-signature"] = sign(body, secret)
    return client.post(path, data=body, headers=headers)


def refuses(answer: TestResponse, status: int) -> str:
    """One line of JSON, with the reason and nothing else."""
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert answer.get_data(as_text=True).count("\n") <= 1
    assert answer.json is not None
    assert list(answer.json) == ["error"]
    reason = answer.json["error"]
    assert isinstance(reason, str)
    assert reason
    assert "\n" not in reason
    return reason


# --- what is accepted -------------------------------------------------------------------------------------------


def test_a_signed_delivery_is_kept_and_wakes_a_worker(client: Client, redis_client: redis.Redis) -> None:
    answer = to_github(client)
    assert (answer.status_code, answer.json) == (202, {"accepted": 1})
    assert [job.args for job in Inbox(redis_client).queue.jobs] == [["github:acme/app#12"]]


def test_the_same_delivery_again_is_fine_and_changes_nothing(client: Client, redis_client: redis.Redis) -> None:
    to_github(client)
    Inbox(redis_client).queue.empty()
    answer = to_github(client)
    assert (answer.status_code, answer.json) == (202, {"accepted": 0})
    assert not Inbox(redis_client).queue.jobs


@pytest.mark.parametrize("name", ["ping_of_an_app", "starred", "app_installed"])
def test_what_asks_for_nothing_is_accepted_and_dropped(client: Client, redis_client: redis.Redis, name: str) -> None:
    answer = to_github(client, name)
    assert (answer.status_code, answer.json) == (202, {"accepted": 0})
    assert redis_client.keys("*") == []


def test_a_form_larger_than_flasks_own_limit_is_accepted(client: Client) -> None:
    headers, body = recorded("github", "issue_moved_to_public")
    told = json.loads(body)
    told["issue"]["body"] = "x" * 600_000
    form = urlencode({"payload": json.dumps(told)}).encode()
    headers |= {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Hub-Signature-256": sign(form, GITHUB_SECRETS[0]),
    }
    answer = client.post("/webhooks/github", data=form, headers=headers)
    assert (answer.status_code, answer.json) == (202, {"accepted": 1})


@pytest.mark.parametrize(
    ("path", "secret", "status"),
    [
        ("/webhooks/jira", SIGNING, 202),
        ("/webhooks/jira/", SIGNING, 202),
        ("/webhooks/jira/main", SIGNING, 202),
        ("/webhooks/jira/MAIN", SIGNING, 202),
        ("/webhooks/jira/main", "", 401),
        ("/webhooks/jira/main", "wrong", 401),
        (f"/webhooks/jira/main/{IN_PATH}", "", 401),  # it signs: the address does not count
        (f"/webhooks/jira/main/{IN_PATH}", SIGNING, 401),
        (f"/webhooks/jira/dc/{IN_PATH}", "", 202),
        ("/webhooks/jira/dc/wrong", "", 401),
        ("/webhooks/jira/dc", "", 401),
        ("/webhooks/jira/dc", SIGNING, 401),
        ("/webhooks/jira/open", "", 401),
        ("/webhooks/jira/open/anything", "", 401),
        ("/webhooks/jira/open/%20", "", 401),
        ("/webhooks/jira/nobody", SIGNING, 404),
        (f"/webhooks/jira/{IN_PATH}", "", 404),
        (f"/webhooks/jira/dc/{IN_PATH}/more", "", 404),
        (f"/webhooks/jira//{IN_PATH}", "", 404),
        (f"/webhooks/jira/dc/{IN_PATH}/", "", 202),
    ],
)
def test_a_jira_site_is_let_in_by_signature_or_else_by_its_address(
    client: Client, redis_client: redis.Redis, path: str, secret: str, status: int
) -> None:
    answer = to_jira(client, path, secret)
    assert answer.status_code == status
    if status != 202:
        refuses(answer, status)
        assert redis_client.keys("*") == []


def test_the_site_is_in_the_name_of_the_issue(client: Client, redis_client: redis.Redis) -> None:
    to_jira(client, f"/webhooks/jira/dc/{IN_PATH}")
    assert [job.args for job in Inbox(redis_client).queue.jobs] == [["jira:dc/APP-7"]]


def test_a_comment_that_names_no_issue_is_dropped_with_its_reason(client: Client) -> None:
    answer = to_jira(client, f"/webhooks/jira/dc/{IN_PATH}", name="dc_comment_created_without_its_issue")
    assert answer.status_code == 202
    assert answer.json is not None
    assert answer.json["accepted"] == 0
    assert "issue updated" in answer.json["dropped"]


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", ["", "sha256=00", "sha1=00", "sha256=é"])
def test_what_is_not_signed_is_refused_and_not_kept(client: Client, redis_client: redis.Redis, signature: str) -> None:
    refuses(to_github(client, **{"X-Hub-Signature-256": signature}), 401)
    assert redis_client.keys("*") == []


def test_without_a_configured_tracker_nobody_is_let_in(redis_client: redis.Redis, tmp_path: Path) -> None:
    bare = Settings(tmp_path, tmp_path / "m", "redis://nowhere", "sqlite://", b"k")
    client = client_of(bare, Inbox(redis_client))
    assert "GITHUB_WEBHOOK_SECRETS" in refuses(to_github(client), 401)
    refuses(to_jira(client, "/webhooks/jira"), 404)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"[" * 100_000, b"\xff", b"nothing"])
def test_what_is_malformed_is_refused_and_not_kept(client: Client, redis_client: redis.Redis, body: bytes) -> None:
    headers, _ = recorded("github", "issue_moved_to_public")
    headers["X-Hub-Signature-256"] = sign(body, GITHUB_SECRETS[0])
    refuses(client.post("/webhooks/github", data=body, headers=headers), 400)
    assert redis_client.keys("*") == []


def test_jira_without_a_body_is_told_what_to_untick(client: Client) -> None:
    assert "Exclude body" in refuses(client.post(f"/webhooks/jira/dc/{IN_PATH}"), 400)


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/webhooks/github", "text/plain"),
        ("/webhooks/github", "multipart/form-data; boundary=x"),
        ("/webhooks/jira", "application/x-www-form-urlencoded"),
        ("/webhooks/jira", "application/xml"),
    ],
)
def test_another_type_is_refused(client: Client, path: str, type_: str) -> None:
    refuses(client.post(path, data=b"x", headers={"Content-Type": type_}), 415)


@pytest.mark.parametrize("path", ["/webhooks/github", "/webhooks/jira", "/webhooks/jira/main"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_refused(client: Client, path: str, method: str) -> None:
    answer = client.open(path, method=method)
    refuses(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/gitlab", "/nothing", "//webhooks//github"])
def test_another_address_is_refused(client: Client, path: str) -> None:
    refuses(client.post(path), 404)


def test_a_body_that_says_it_is_too_large_is_refused(client: Client) -> None:
    told = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(LARGEST_BODY + 1)}
    refuses(client.post("/webhooks/github", environ_overrides=told), 413)


def test_a_body_that_ends_too_early_is_refused(client: Client, log: list[Any]) -> None:
    told = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "10"}
    refuses(client.post("/webhooks/github", data=b"short", environ_overrides=told), 400)
    assert [line["outcome"] for line in log] == ["cut off"]


def test_without_redis_the_sender_is_told_to_come_again(tmp_path: Path, log: list[Any]) -> None:
    client = client_of(make_settings(tmp_path), Inbox.connect("redis://127.0.0.1:1"))
    answer = to_github(client)
    refuses(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert [(line["outcome"], line["refs"]) for line in log] == [("redis away", ["github:acme/app#12"])]


def test_without_redis_what_asks_for_nothing_is_still_accepted(tmp_path: Path) -> None:
    client = client_of(make_settings(tmp_path), Inbox.connect("redis://127.0.0.1:1"))
    assert to_github(client, "ping_of_an_app").status_code == 202


def test_after_a_503_the_same_delivery_is_new(redis_client: redis.Redis, client: Client) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        assert to_github(client).status_code == 503
    finally:
        redis_client.config_set("maxmemory", 0)
    assert to_github(client).json == {"accepted": 1}


def test_an_unexpected_error_says_nothing_of_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    def fails(*_: object) -> bool:
        raise RuntimeError("private words")

    monkeypatch.setattr(Inbox, "accept_all", fails)
    assert "private" not in refuses(to_jira(client, f"/webhooks/jira/dc/{IN_PATH}"), 500)
    assert [(line["log_level"], line["path"]) for line in log] == [("error", "/webhooks/jira/dc/***")]


# --- what is logged ---------------------------------------------------------------------------------------------


def test_each_delivery_is_one_line_with_id_event_issues_and_outcome(client: Client, log: list[Any]) -> None:
    to_github(client)
    to_github(client)
    to_github(client, "starred")
    to_github(client, **{"X-Hub-Signature-256": "sha256=00"})
    to_jira(client, f"/webhooks/jira/dc/{IN_PATH}")
    assert [line["event"] for line in log] == ["delivery"] * 5
    assert [line["outcome"] for line in log] == ["accepted", "seen before", "nothing to do", "unsigned", "accepted"]
    first, *_, refused, last = log
    assert (first["tracker"], first["what"], first["refs"]) == ("github", "issues.labeled", ["github:acme/app#12"])
    assert first["id"].endswith(":480011")
    assert (refused["what"], refused["log_level"]) == ("issues", "warning")
    assert (last["tracker"], last["what"], last["refs"]) == ("jira/dc", "jira:issue_updated", ["jira:dc/APP-7"])


def test_no_secret_and_nothing_of_a_body_gets_into_a_log_or_an_answer(client: Client, log: list[Any]) -> None:
    answers = [
        to_github(client),
        to_github(client, **{"X-Hub-Signature-256": "sha256=00"}),
        to_github(client, **{"X-GitHub-Delivery": "Export as CSV"}),
        to_jira(client, f"/webhooks/jira/dc/{IN_PATH}"),
        to_jira(client, f"/webhooks/jira/main/{IN_PATH}"),
        to_jira(client, f"/webhooks/jira/{IN_PATH}"),
        to_jira(client, f"/webhooks/jira/dc/{IN_PATH}/more"),
        to_jira(client, f"/webhooks/github/{IN_PATH}"),
        client.get(f"/webhooks/jira/dc/{IN_PATH}"),
        client.get("/"),
        client.get("/readyz"),
    ]
    told = repr(log) + "".join(answer.get_data(as_text=True) + repr(answer.headers) for answer in answers)
    assert len(log) >= 5
    for secret in (*SECRETS, "Export as CSV"):
        assert secret not in told


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/webhooks/github", "/nothing", "/static/style.css"])
def test_every_answer_is_safe_in_a_browser(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers
