"""Deliveries as they were recorded, and as nobody should send them: a Delivery, or a refusal, and nothing else."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.stages.model import Hint, Ref
from integration.trackers.deliveries import Delivery, Malformed, Misfit, Unsigned, github, jira, mask, same_secret
from tests.whole import some

FIXTURES = Path(__file__).parent.parent / "fixtures"
OLD, NEW = "the old secret", "das neue Geheimnis – ü"
SECRETS = (OLD, NEW)


def recorded(tracker: str, name: str) -> tuple[dict[str, str], Any]:
    told = json.loads((FIXTURES / tracker / f"{name}.json").read_text("utf-8"))
    return lower(told["headers"]), told["body"]


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """As the web server hands them on; others may spell them otherwise."""
    return {name.lower(): value for name, value in headers.items()}


def names(tracker: str) -> list[str]:
    return sorted(path.stem for path in (FIXTURES / tracker).glob("*.json"))


def signed(body: bytes, secret: str = NEW) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def from_github(headers: Mapping[str, str], body: Any) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return github({**headers, "x-hub-signature-256": signed(raw)}, raw, SECRETS)


def from_jira(headers: Mapping[str, str], body: Any, site: str = "main") -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return jira({**headers, "x-hub-signature": signed(raw)}, raw, site, SECRETS, path_secret_ok=False)


def app(number: int) -> Ref:
    return Ref("github", "", "acme/app", number)


def tools(number: int) -> Ref:
    return Ref("github", "", "acme/tools", number)


def key(number: int, place: str = "APP", site: str = "main") -> Ref:
    return Ref("jira", site, place, number)


def at(hour: int, minute: int = 0, second: int = 0, milli: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, second, milli * 1000, tzinfo=UTC)


GITHUB: dict[str, tuple[str, list[Hint]]] = {
    "issue_moved_to_public": ("issues.labeled", [Hint(app(12), at(10, 15, 30))]),
    "issue_left_beta_but_still_lists_it": ("issues.unlabeled", [Hint(app(12), at(10, 15, 31))]),
    "label_deleted_from_repository_took_it_off_the_issue": ("issues.unlabeled", [Hint(app(12), at(10, 15, 30))]),
    "issue_opened": ("issues.opened", [Hint(app(13), at(11))]),
    "issue_arrived_from_another_repository": (
        "issues.opened",
        [Hint(app(14), at(11, 5)), Hint(tools(3), at(11, 4, 59))],
    ),
    "issue_left_for_another_repository": (
        "issues.transferred",
        [Hint(tools(3), at(11, 4, 59)), Hint(app(14), at(11, 5))],
    ),
    "issue_deleted": ("issues.deleted", [Hint(app(12), at(10, 15, 30))]),
    "issue_closed_as_not_planned": ("issues.closed", [Hint(app(12), at(10, 15, 30))]),
    "issue_field_set": ("issues.field_added", [Hint(app(12), at(10, 15, 30))]),
    "support_commented": ("issue_comment.created", [Hint(app(12), at(10, 20))]),
    "comment_edited": ("issue_comment.edited", [Hint(app(12), at(10, 21))]),
    "comment_deleted": ("issue_comment.deleted", [Hint(app(12), at(10, 22))]),
    "commented_on_a_pull_request": ("issue_comment.created", [Hint(app(21), at(13, 1))]),
    "pull_request_labelled": ("pull_request.labeled", [Hint(app(21), at(13))]),
    "pull_request_unlabelled": ("pull_request.unlabeled", [Hint(app(21), at(13))]),
    "pull_request_pushed_to": ("pull_request.synchronize", []),
    "label_renamed": ("label.edited", [Hint(app(0))]),
    "label_deleted": ("label.deleted", [Hint(app(0))]),
    "label_created": ("label.created", [Hint(app(0))]),
    "sub_issue_added_in_another_repository": (
        "sub_issues.sub_issue_added",
        [Hint(app(12), at(14)), Hint(tools(3), at(14))],
    ),
    "parent_issue_removed": (
        "sub_issues.parent_issue_removed",
        [Hint(app(12), at(14, 5)), Hint(tools(3), at(14, 5))],
    ),
    "pushed_rules_of_the_repository": ("push", [Hint(Ref.of_additions("acme/app"))]),
    "pushed_to_the_default_branch": ("push", []),
    "pushed_rules_to_another_branch": ("push", []),
    "set_the_default_branch_back": ("push", [Hint(Ref.of_additions("acme/app"))]),
    "app_installed": ("installation.created", []),
    "app_given_another_repository": ("installation_repositories.added", []),
    "ping_of_an_app": ("ping", []),
    "project_item_moved": ("projects_v2_item.edited", []),
    "starred": ("star.created", []),
}

MOVED = at(10, 15, 30, 250)
JIRA: dict[str, tuple[str, list[Hint]]] = {
    "cloud_issue_moved_to_released": ("jira:issue_updated", [Hint(key(7), MOVED)]),
    "cloud_issue_created": ("jira:issue_created", [Hint(key(7), at(10))]),
    "cloud_issue_deleted": ("jira:issue_deleted", [Hint(key(7), MOVED)]),
    "cloud_issue_moved_to_another_project": ("jira:issue_updated", [Hint(key(31, "CORE"), MOVED), Hint(key(7))]),
    "cloud_comment_created": ("comment_created", [Hint(key(7))]),
    "cloud_comment_updated": ("comment_updated", [Hint(key(7))]),
    "cloud_comment_deleted": ("comment_deleted", [Hint(key(7))]),
    "cloud_sprint_started": ("sprint_started", []),
    "cloud_issuelink_created": ("issuelink_created", []),
    "dc_issue_moved_to_released": ("jira:issue_updated", [Hint(key(7), MOVED)]),
    "dc_issue_updated_with_empty_changelog": ("jira:issue_updated", [Hint(key(7), MOVED)]),
    "dc_issue_commented": ("jira:issue_updated", [Hint(key(7), MOVED)]),
    "dc_comment_created_without_its_issue": ("comment_created", []),
    "dc_comment_created_with_the_key_in_its_address": ("comment_created", [Hint(key(7))]),
}


# --- what was recorded ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
def test_headers_may_be_spelled_in_any_way(spelled: Callable[[str], str]) -> None:
    headers, body = recorded("github", "issue_moved_to_public")
    raw = json.dumps(body).encode()
    given = {spelled(name): value for name, value in {**headers, "x-hub-signature-256": signed(raw)}.items()}
    assert github(given, raw, SECRETS).event == "issues.labeled"


def test_every_recorded_delivery_has_its_row() -> None:
    assert (names("github"), names("jira")) == (sorted(GITHUB), sorted(JIRA))


@pytest.mark.parametrize("name", GITHUB)
def test_github_hints_at_the_issues_it_tells_of(name: str) -> None:
    delivery = from_github(*recorded("github", name))
    assert (delivery.event, list(delivery.hints)) == GITHUB[name]


@pytest.mark.parametrize("name", GITHUB)
def test_a_form_says_the_same_as_json(name: str) -> None:
    headers, body = recorded("github", name)
    form = urlencode({"payload": json.dumps(body, ensure_ascii=False)}).encode()
    as_form = {**headers, "content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert from_github(as_form, form) == from_github(headers, body)


@pytest.mark.parametrize("name", JIRA)
def test_jira_hints_at_the_issues_it_tells_of(name: str) -> None:
    delivery = from_jira(*recorded("jira", name))
    assert (delivery.event, list(delivery.hints)) == JIRA[name]


@pytest.mark.parametrize(("tracker", "name"), [*(("github", n) for n in GITHUB), *(("jira", n) for n in JIRA)])
def test_every_ref_can_be_read_back_from_its_text(tracker: str, name: str) -> None:
    read = from_github if tracker == "github" else from_jira
    for hint in read(*recorded(tracker, name)).hints:
        assert Ref.parse(str(hint.ref)) == hint.ref


def test_a_comment_with_the_number_of_its_issue_alone_says_why_it_is_dropped() -> None:
    delivery = from_jira(*recorded("jira", "dc_comment_created_without_its_issue"))
    assert "issue updated" in delivery.dropped


def test_a_form_may_be_as_large_as_github_lets_it_be() -> None:
    headers, body = recorded("github", "issue_moved_to_public")
    body["issue"]["body"] = "ü&" * 1_000_000
    form = b"payload=" + quote_plus(json.dumps(body, ensure_ascii=False)).encode()
    headers["content-type"] = "application/x-www-form-urlencoded"
    assert from_github(headers, form).hints == (Hint(app(12), at(10, 15, 30)),)


# --- who it is --------------------------------------------------------------------------------------------------


def test_one_event_heard_by_two_hooks_is_two_deliveries() -> None:
    headers, body = recorded("github", "issue_moved_to_public")
    first, second = (from_github({**headers, "x-github-hook-id": hook}, body) for hook in ("480011", "480012"))
    assert first.id != second.id
    assert first.id == from_github(headers, body).id


def test_the_same_delivery_to_two_sites_is_two_deliveries() -> None:
    told = recorded("jira", "cloud_issue_moved_to_released")
    assert from_jira(*told, site="main").id != from_jira(*told, site="eu").id
    assert from_jira(*told, site="eu").hints[0].ref == key(7, site="eu")


def test_a_retry_of_jira_cloud_is_the_same_delivery() -> None:
    headers, body = recorded("jira", "cloud_issue_moved_to_released")
    assert from_jira(headers, body).id == from_jira({**headers, "x-atlassian-webhook-retry": "2"}, body).id


DC = "dc_issue_moved_to_released"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"user": {}}, True),
        ({"timestamp": 1}, False),
        ({"changelog": {"id": "40002"}}, False),
        ({"webhookEvent": "jira:issue_deleted"}, False),
    ],
)
def test_data_center_gets_an_id_from_what_happened_to_what_and_when(change: dict[str, Any], same: bool) -> None:
    headers, body = recorded("jira", DC)
    assert (from_jira(headers, body).id == from_jira(headers, {**body, **change}).id) is same


def test_without_a_time_only_the_very_same_bytes_are_the_same_delivery() -> None:
    headers, body = recorded("jira", DC)
    del body["timestamp"]
    changed = {**body, "user": {"name": "sam"}}
    assert from_jira(headers, body).id == from_jira(headers, body).id != from_jira(headers, changed).id


# --- issues that hang together --------------------------------------------------------------------------------------

APP_REPO, TOOLS_REPO = {"full_name": "acme/app"}, {"full_name": "acme/tools"}
OURS = {"number": 12, "updated_at": "2026-11-23T10:00:00Z"}
THEIRS = {"number": 3, "updated_at": "2026-11-23T11:00:00Z"}


def hints(event: str, **body: Any) -> list[Hint]:
    delivery = from_github({"x-github-event": event, "x-github-delivery": "guid"}, body)
    assert delivery.event == f"{event}.{body['action']}"
    return list(delivery.hints)


@pytest.mark.parametrize("action", ["pinned", "unpinned"])
def test_a_pin_changes_nothing_that_we_look_at(action: str) -> None:
    assert hints("issue_comment", action=action, repository=APP_REPO, issue=OURS, comment={"id": 1}) == []


@pytest.mark.parametrize("what", ["added", "removed"])
def test_a_dependency_hints_at_the_issue_that_waits_whichever_side_tells(what: str) -> None:
    both = {"blocked_issue": OURS, "blocking_issue": THEIRS}
    blocked = {"action": f"blocked_by_{what}", "repository": APP_REPO, "blocking_issue_repo": TOOLS_REPO}
    blocking = {"action": f"blocking_{what}", "repository": TOOLS_REPO, "blocked_issue_repo": APP_REPO}
    for told in (blocked, blocking):
        assert hints("issue_dependencies", **told, **both) == [Hint(app(12), at(10))]


def test_a_dependency_on_an_issue_that_is_not_shown_hints_at_nothing() -> None:
    assert hints("issue_dependencies", action="blocking_added", repository=APP_REPO, blocking_issue=OURS) == []


def test_a_part_that_moves_between_repositories_hints_at_its_parent_from_either_side() -> None:
    both = {"parent_issue": OURS, "sub_issue": THEIRS}
    above = {"action": "sub_issue_added", "repository": APP_REPO, "sub_issue_repo": TOOLS_REPO}
    below = {"action": "parent_issue_added", "repository": TOOLS_REPO, "parent_issue_repo": APP_REPO}
    for told in (above, below):
        assert hints("sub_issues", **told, **both) == [Hint(app(12), at(10)), Hint(tools(3), at(11))]


@pytest.mark.parametrize(
    ("action", "parent", "hinted"),
    [
        ("closed", "https://api.github.example/repos/acme/app/issues/12", True),
        ("reopened", "https://github.example/api/v3/repos/acme/app/issues/12", True),
        ("labeled", "https://api.github.example/repos/acme/app/issues/12", True),
        ("typed", "https://api.github.example/repos/acme/app/issues/12", True),
        ("assigned", "https://api.github.example/repos/acme/app/issues/12", False),
        ("closed", "https://api.github.example/repos/acme/app/issues/0", False),
        ("closed", "https://api.github.example/repos/acme/app/issues/12/comments", False),
        ("closed", "x" * 100_000, False),
        ("closed", None, False),
        ("closed", 12, False),
    ],
)
def test_a_change_of_a_part_hints_at_the_issue_that_may_wait_for_it(action: str, parent: Any, hinted: bool) -> None:
    part = THEIRS | {"parent_issue_url": parent}
    found = hints("issues", action=action, repository=TOOLS_REPO, issue=part)
    assert found == [Hint(tools(3), at(11)), *([Hint(app(12))] if hinted else [])]


# --- who sent it ------------------------------------------------------------------------------------------------

TOLD = recorded("github", "issue_moved_to_public")
RAW = json.dumps(TOLD[1]).encode()


@pytest.mark.parametrize("secret", SECRETS)
def test_each_secret_of_a_rotation_is_good(secret: str) -> None:
    headers = {**TOLD[0], "x-hub-signature-256": signed(RAW, secret)}
    assert github(headers, RAW, SECRETS).hints


@pytest.mark.parametrize("secret", [*SECRETS, "another"])
def test_every_secret_of_a_rotation_is_compared_whichever_fits(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return real(one, other)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    with suppress(Misfit):
        github({**TOLD[0], "x-hub-signature-256": signed(RAW, secret)}, RAW, SECRETS)
    assert compared == [signed(RAW, each)[7:].encode() for each in SECRETS]


WRONG = {
    "none": None,
    "empty": "",
    "of another secret": signed(RAW, "another"),
    "of the empty secret": signed(RAW, ""),
    "of another body": signed(RAW + b" "),
    "without its method": signed(RAW)[7:],
    "another method": "sha1=" + hmac.new(NEW.encode(), RAW, hashlib.sha1).hexdigest(),
    "cut short": signed(RAW)[:-1],
    "longer": signed(RAW) + "0",
    "not ASCII": "sha256=ü\udcff" + "é" * 60,
    "no digest": "sha256=",
}


@pytest.mark.parametrize("signature", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("secrets", [SECRETS, (), ("",), ("", OLD)], ids=["two", "none", "empty", "empty and old"])
def test_a_signature_that_does_not_fit_is_refused(signature: str | None, secrets: tuple[str, ...]) -> None:
    given = {} if signature is None else {"x-hub-signature-256": signature}
    with pytest.raises(Unsigned) as told:
        github({**TOLD[0], **given}, RAW, secrets)
    assert "\n" not in str(told.value)
    assert OLD not in str(told.value)
    with pytest.raises(Unsigned):
        jira({"x-hub-signature": signature or ""}, RAW, "main", secrets, path_secret_ok=False)


@pytest.mark.parametrize("name", ["x-hub-signature", "x-hub-signature-512"])
def test_a_signature_in_another_header_counts_for_nothing(name: str) -> None:
    with pytest.raises(Unsigned):
        github({**TOLD[0], name: signed(RAW)}, RAW, SECRETS)


def test_jiras_published_example_is_good() -> None:
    digest = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    headers = {"x-hub-signature": f"sha256={digest}"}
    with pytest.raises(Malformed):  # signed, but no JSON
        jira(headers, b"Hello World!", "main", ("It's a Secret to Everybody",), path_secret_ok=False)


@pytest.mark.parametrize(
    ("secrets", "path_secret_ok", "good"),
    [((), True, True), (("",), True, True), ((), False, False), (SECRETS, True, False)],
)
def test_a_secret_in_the_address_counts_only_where_none_signs(
    secrets: tuple[str, ...], path_secret_ok: bool, good: bool
) -> None:
    headers, body = recorded("jira", DC)
    raw = json.dumps(body).encode()
    if good:
        assert jira(headers, raw, "main", secrets, path_secret_ok).hints
    else:
        with pytest.raises(Unsigned):
            jira(headers, raw, "main", secrets, path_secret_ok)


@pytest.mark.parametrize(
    ("given_secret", "expected", "same"),
    [("a", "a", True), ("a", "b", False), ("", "", False), ("a", "", False), ("ü", "ü", True), ("\udcff", "a", False)],
)
def test_secrets_are_compared_whole_and_an_empty_one_is_never_right(
    given_secret: str, expected: str, same: bool
) -> None:
    assert same_secret(given_secret, expected) is same


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/webhooks/jira/main/s3cret", "/webhooks/jira/main/***"),
        ("/webhooks/jira/main/s3cret/", "/webhooks/jira/main/***"),
        ("/webhooks/jira/main/s3cret/more", "/webhooks/jira/main/***"),
        ("/webhooks/jira/main//s3cret", "/webhooks/jira/main/***"),
        ("/webhooks/jira/main?secret=s3cret", "/webhooks/jira/main/***"),
        ("//webhooks//jira//main//s3cret", "//webhooks//jira//main/***"),
        ("/Webhooks/JIRA/main/s3cret", "/Webhooks/JIRA/main/***"),
        ("/webhooks/jira/main/s3\ncret", "/webhooks/jira/main/***"),
        ("/webhooks/github/s3cret", "/webhooks/github/***"),
        ("/webhooks/s3cret", "/webhooks/***"),
        ("/webhooks/jira/s3cret", "/webhooks/jira/***"),
        ("/webhooks/jira/main", "/webhooks/jira/main"),
        ("/webhooks/jira/main/", "/webhooks/jira/main/"),
        ("/webhooks/jira", "/webhooks/jira"),
        ("/webhooks/github", "/webhooks/github"),
        ("/healthz", "/healthz"),
    ],
)
def test_a_path_is_shown_without_what_may_be_a_secret(path: str, shown: str) -> None:
    assert mask(path, sites=("main",)) == shown


def test_without_the_sites_names_what_stands_in_their_place_is_shown() -> None:
    assert mask("/webhooks/jira/eu/s3cret") == "/webhooks/jira/eu/***"


# --- what nobody should send ------------------------------------------------------------------------------------

ODD_BODIES = {
    "empty": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a text": b'"issue"',
    "a number": b"12",
    "null": b"null",
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"issue":' * 100_000,
    "nested and closed": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": b'{"webhookEvent": NaN}',
    "infinity": b'{"timestamp": -Infinity}',
    "a number of 10,000 digits": b'{"timestamp": ' + b"9" * 10_000 + b"}",
    "UTF-16": '{"webhookEvent": "jira:issue_updated"}'.encode("utf-16"),
    "not UTF-8": b'{"webhookEvent": "\xff"}',
    "two values": b"{}{}",
    "zero bytes": b"\0" * 10,
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_an_odd_body_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        from_jira({}, body)
    with pytest.raises(Malformed):
        from_github(TOLD[0], body)


@pytest.mark.parametrize(
    "passed_over", [b'"\\ud800"', b'"\\ud83d cut"', b'"\xff"', b"1e999", b'{"": {"": [[[]]]}}', b"9" * 4000]
)
def test_what_is_not_read_of_a_body_may_be_odd(passed_over: bytes) -> None:
    body = RAW[:-1] + b', "odd": ' + passed_over + b"}"
    assert from_github(TOLD[0], body).hints == (Hint(app(12), at(10, 15, 30)),)


def test_of_a_field_that_stands_twice_the_last_one_counts() -> None:
    body = RAW[:-1] + b', "issue": {"number": 13}}'
    assert from_github(TOLD[0], body).hints == (Hint(app(13)),)


def test_of_a_change_with_keys_without_end_only_the_first_ones_are_hints() -> None:
    headers, body = recorded("jira", DC)
    body["changelog"] = {"items": [{"field": "Key", "fromString": f"APP-{number}"} for number in range(100, 10_000)]}
    assert len(from_jira(headers, body).hints) == 101


ODD_FORMS = [
    b"",
    b"payload",
    b"payload=",
    b"payload=%ff",
    b"payload=[]",
    b"other={}",
    b"payload={}&payload={}",
    b"\xff",
]


@pytest.mark.parametrize("form", [*ODD_FORMS, b"&a=" * 1000])
def test_an_odd_form_is_malformed(form: bytes) -> None:
    with pytest.raises(Malformed):
        from_github({**TOLD[0], "content-type": "application/x-www-form-urlencoded"}, form)


@pytest.mark.parametrize("name", ["x-github-event", "x-github-delivery"])
@pytest.mark.parametrize("value", [None, "", "with space", "new\nline", "ü", "x" * 201])
def test_an_odd_header_is_malformed(name: str, value: str | None) -> None:
    headers = {key_: each for key_, each in TOLD[0].items() if key_ != name}
    with pytest.raises(Malformed):
        from_github(headers if value is None else {**headers, name: value}, TOLD[1])


@pytest.mark.parametrize(
    "number", [None, "12", 12.0, True, 0, -1, 10**15, 10**400, [12], {}], ids=lambda each: repr(each)[:20]
)
def test_what_is_no_issues_number_is_malformed(number: Any) -> None:
    body = copy.deepcopy(TOLD[1])
    body["issue"]["number"] = number
    with pytest.raises(Malformed):
        from_github(TOLD[0], body)


@pytest.mark.parametrize("place", [None, "", "acme", "acme/app/x", "acme/app#1", "a b/c", "../../x", "acme/app\n", 7])
def test_what_is_no_repository_is_malformed(place: Any) -> None:
    body = copy.deepcopy(TOLD[1])
    body["repository"]["full_name"] = place
    with pytest.raises(Malformed):
        from_github(TOLD[0], body)


@pytest.mark.parametrize(
    "name", [None, "", "APP", "7", "APP-", "app-7", "APP-7\n", "APP-0", "A/B-7", "APP-" + "9" * 99, 7]
)
def test_what_is_no_issue_key_is_malformed(name: Any) -> None:
    headers, body = recorded("jira", DC)
    body["issue"]["key"] = name
    with pytest.raises(Malformed):
        from_jira(headers, body)


@pytest.mark.parametrize(
    "moment",
    [None, "", "yesterday", "2026-11-23", "2026-11-23T10:15:30", 5, [], "0001-01-01T00:00:00+14:00", "9" * 400],
)
def test_a_hint_does_without_a_watermark_that_cannot_be_read(moment: Any) -> None:
    body = copy.deepcopy(TOLD[1])
    body["issue"]["updated_at"] = moment
    assert from_github(TOLD[0], body).hints == (Hint(app(12)),)
    headers, body = recorded("jira", DC)
    body["issue"]["fields"]["updated"] = moment
    assert from_jira(headers, body).hints == (Hint(key(7)),)


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each field of a body."""
    for name, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*here, name)
        yield from paths(each, (*here, name))


def without(body: Any, path: tuple[Any, ...]) -> Any:
    """A copy of what is on the way; the rest is shared, as nobody changes it."""
    changed = copy.copy(body)
    if path[1:]:
        changed[path[0]] = without(body[path[0]], path[1:])
    else:
        del changed[path[0]]
    return changed


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.copy(body)
    changed[path[0]] = replaced(body[path[0]], path[1:], value) if path[1:] else value
    return changed


REPLACEMENTS = (None, True, 0, 10**30, 1e300, "", "\ud800\n", [None], {})


@pytest.mark.parametrize(("tracker", "name"), [*(("github", n) for n in GITHUB), *(("jira", n) for n in JIRA)])
def test_any_field_missing_or_wrong_is_a_delivery_or_malformed(tracker: str, name: str) -> None:
    headers, body = recorded(tracker, name)
    read = from_github if tracker == "github" else from_jira
    for path in paths(body):
        for changed in (without(body, path), *(replaced(body, path, value) for value in REPLACEMENTS)):
            try:
                delivery = read(headers, changed)
            except Malformed as error:
                assert str(error).isprintable(), path
            else:
                assert delivery.id.isascii()
                assert delivery.id.isprintable()
                assert all(Ref.parse(str(hint.ref)) == hint.ref for hint in delivery.hints)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=10), each, max_size=4),
    max_leaves=20,
)
FIELDS = [
    *("blocked_issue", "blocked_issue_repo", "parent_issue_url", "sub_issue_repo"),
    *("action", "issue", "repository", "changes", "label", "pull_request", "parent_issue", "sub_issue", "number"),
    *("full_name", "updated_at", "webhookEvent", "comment", "changelog", "fields", "key", "self", "updated", "items"),
]
KNOWN = st.dictionaries(st.sampled_from(FIELDS), JSON | st.deferred(lambda: KNOWN), max_size=8)
EVENTS = (
    st.sampled_from(["issues", "issue_comment", "issue_dependencies", "pull_request", "label", "sub_issues", "ping"])
    | st.text()
)
HEADERS = st.dictionaries(
    st.sampled_from(["x-github-hook-id", "x-atlassian-webhook-identifier", "content-type"]), st.text()
)


@settings(max_examples=some(300), deadline=None)
@given(body=st.binary() | KNOWN.map(lambda each: json.dumps(each).encode()), event=EVENTS, headers=HEADERS)
def test_whatever_is_signed_is_a_delivery_or_malformed(body: bytes, event: str, headers: dict[str, str]) -> None:
    for read in (
        lambda: from_github({**headers, "x-github-event": event, "x-github-delivery": "guid"}, body),
        lambda: from_jira(headers, body),
    ):
        with suppress(Malformed):
            assert isinstance(read(), Delivery)


@settings(max_examples=some(200), deadline=None)
@given(signature=st.text(), body=st.binary(), secrets=st.lists(st.text(), max_size=3))
def test_whatever_is_not_signed_is_refused(signature: str, body: bytes, secrets: list[str]) -> None:
    with pytest.raises(Unsigned):
        github({"x-hub-signature-256": signature}, body, tuple(secrets))
    with pytest.raises(Unsigned):
        jira({"x-hub-signature": signature}, body, "main", tuple(secrets), path_secret_ok=False)


def test_nothing_of_a_body_gets_into_a_refusal() -> None:
    with pytest.raises(Malformed) as told:
        from_jira({}, {"webhookEvent": "jira:issue_updated", "issue": {"key": "very private words"}})
    assert "private" not in str(told.value)


# --- pushes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "is_heard"),
    [
        ({"commits": []}, True),
        ({"commits": [{"added": [], "modified": ["README.md"], "removed": []}] * 2048}, True),
        ({"commits": [{"removed": [".github/release-stages.yaml"]}]}, True),
        ({"commits": [{"added": ".github/release-stages.yaml"}, 7, None]}, False),
        ({"commits": None}, True),
        ({"ref": "refs/tags/main"}, False),
        ({"ref": None}, False),
        ({"deleted": True, "ref": "refs/heads/old"}, False),
    ],
)
def test_a_push_is_heard_where_it_may_have_changed_the_rules_of_its_repository(
    changed: dict[str, Any], is_heard: bool
) -> None:
    headers, body = recorded("github", "pushed_rules_of_the_repository")
    found = from_github(headers, body | changed)
    assert found.hints == ((Hint(Ref.of_additions("acme/app")),) if is_heard else ())
