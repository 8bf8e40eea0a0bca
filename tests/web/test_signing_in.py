"""Signing in and out, for real over HTTP: with GitHub, with an OpenID provider; what one may see per repository."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
import time_machine
from flask.testing import FlaskClient

from integration.admission import Admission
from integration.sandbox.faults import FOR_EVER, Fault
from integration.sandbox.serving import Served, running
from integration.web.entrance.places import AFTER
from integration.web.entrance.signing_in import local
from tests.web.doors import Way, by_github, by_openid, settings, with_pages

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Served]:
    with running() as one:
        yield one


@pytest.fixture
def served(running_sandbox: Served) -> Iterator[Served]:
    """The sandbox, with nothing left of what a test did to it."""
    yield running_sandbox
    world = running_sandbox.world
    world.faults.clear()
    world.openid.claims, world.openid.shown, world.openid.forge, world.openid.discovered = {}, {}, None, {}
    world.github.oauth.tokens.clear()


@pytest.fixture
def client_of(tmp_path: Path, redis_client: redis.Redis, redis_url: str) -> Callable[..., FlaskClient]:
    def made(admission: Admission, **more: Any) -> FlaskClient:
        return with_pages(settings(tmp_path, admission, redis_url, **more), redis_client).test_client()

    return made


Clients = Callable[..., FlaskClient]


def board(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/board")
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


# --- with GitHub ------------------------------------------------------------------------------------------------------


def test_with_github_one_is_who_one_is_there_and_speaks_for_ones_team(client_of: Clients, served: Served) -> None:
    client = client_of(by_github(served))
    came = Way(client).go("sam", "/party?sort=due")
    assert (came.status_code, came.location) == (302, "/party?sort=due")
    told = board(client)
    assert (told["name"], told["handle"], told["how"], told["role"]) == ("Sam", "sam", "github", "MEMBER")
    assert (told["parties"], told["places"]) == (["support"], None)
    assert told["id"].startswith("github:")


def test_people_whom_the_file_names_speak_for_their_party_without_its_team(client_of: Clients, served: Served) -> None:
    client = client_of(by_github(served))
    Way(client).go("support-lead")
    assert board(client)["parties"] == ["support"]


@pytest.mark.parametrize(
    ("allow", "who", "is_let_in"),
    [
        (("acme",), "erin", True),
        (("ACME".lower(),), "mallory", False),
        (("acme/support",), "sam", True),
        (("acme/support",), "erin", False),
        (("acme/support", "user:erin"), "erin", True),
        (("user:erin",), "evan", False),
        (("erin",), "evan", False),
        (("other/support", "other"), "sam", False),
    ],
)
def test_an_organisation_a_team_or_an_account_may_come_in(
    client_of: Clients, served: Served, allow: tuple[str, ...], who: str, is_let_in: bool
) -> None:
    client = client_of(by_github(served, *allow))
    came = Way(client).go(who)
    assert came.status_code == (302 if is_let_in else 403)
    assert client.get("/board", headers=HTML).status_code == (200 if is_let_in else 302)
    if not is_let_in:
        assert "not among those who may come in" in came.text


def test_whoever_has_not_accepted_a_team_is_not_in_it(client_of: Clients, served: Served) -> None:
    team = served.world.github.teams["support"]
    team.pending.add("sam") if isinstance(team.pending, set) else team.pending.append("sam")  # type: ignore[attr-defined]
    try:
        assert Way(client_of(by_github(served, "acme/support"))).go("sam").status_code == 403
    finally:
        team.pending.remove("sam")


@pytest.mark.parametrize("status", [403, 500, 502, 429])
@pytest.mark.parametrize("asked", ["/user$", "/user/memberships/orgs/acme", "/orgs/acme/teams/support/memberships/sam"])
def test_what_github_does_not_tell_is_no_yes(client_of: Clients, served: Served, asked: str, status: int) -> None:
    client = client_of(by_github(served))
    here = Way(client).allow(Way(client).begin(), "sam")
    served.world.faults.add(Fault(f"GET .*{asked}", "before", status=status, times=FOR_EVER))
    came = Way(client).back(here)
    assert came.status_code == 503
    assert "GitHub does not tell" in came.text
    assert client.get("/board", headers=HTML).status_code == 302


def test_github_that_is_not_there_is_told_and_lets_nobody_in(client_of: Clients, served: Served) -> None:
    client = client_of(by_github(served))
    here = Way(client).allow(Way(client).begin(), "sam")
    served.world.faults.add(Fault("access_token|/user", "after", status=0, times=FOR_EVER))
    assert Way(client).back(here).status_code in (403, 503)
    assert client.get("/board", headers=HTML).status_code == 302


def test_saying_no_at_the_provider_is_no_error_of_ours(client_of: Clients, served: Served) -> None:
    for way in (by_github(served), by_openid(served)):
        came = Way(client_of(way)).go("")
        assert came.status_code == 403
        assert "Try again" in came.text


# --- with an OpenID provider ------------------------------------------------------------------------------------------


def test_with_a_provider_one_speaks_for_the_party_of_ones_group(client_of: Clients, served: Served) -> None:
    client = client_of(by_openid(served, admins=("rhea@acme.example",)))
    Way(client).go("gus")
    told = board(client)
    assert (told["name"], told["how"], told["role"], told["parties"]) == ("Gus", "openid", "MEMBER", ["growth"])
    assert (told["id"], told["email"]) == (f"openid:{served.world.people['gus'].account_id}", "gus@acme.example")
    other = client_of(by_openid(served, admins=("rhea@acme.example",)))
    Way(other).go("rhea")
    assert board(other)["role"] == "ADMIN"


@pytest.mark.parametrize(
    ("allow", "claims", "is_let_in"),
    [
        ("@acme.example", {}, True),
        ("gus@acme.example", {}, True),
        ("growth-team", {}, True),
        ("support-agents", {}, False),
        ("@acme.example", {"email": "gus@acme.example.evil.example"}, False),
        ("@acme.example", {"email": "gus@sub.acme.example"}, False),
        ("@acme.example", {"email": "evil@evil.example@acme.example"}, False),
        ("@acme.example", {"email_verified": False}, False),
        ("@acme.example", {"email_verified": "true"}, False),
        ("@acme.example", {"email_verified": None}, False),
        ("gus", {}, False),  # a name that anybody may give themselves
        ("gus", {"groups": ["gus"]}, True),
        ("@acme.example", {"email": "x@evil.example", "groups": ["@acme.example", "gus@acme.example"]}, False),
    ],
)
def test_a_group_or_a_verified_address_may_come_in(
    client_of: Clients, served: Served, allow: str, claims: dict[str, Any], is_let_in: bool
) -> None:
    served.world.openid.claims = claims
    came = Way(client_of(by_openid(served, allow))).go("gus")
    assert came.status_code == (302 if is_let_in else 403)


def test_groups_may_be_in_another_claim_and_in_the_token_itself(client_of: Clients, served: Served) -> None:
    served.world.openid.claims = {"roles": ["Docs-Writers", 7, ""]}
    client = client_of(by_openid(served, groups_claim="roles"))
    Way(client).go("gus")
    assert board(client)["parties"] == ["docs"]


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_ends_after_eight_hours_however_busy_it_was(client_of: Clients, served: Served) -> None:
    client = client_of(by_github(served))
    start = time.time()
    with time_machine.travel(start, tick=False) as clock:
        Way(client).go("sam")
        for hours in range(8):
            clock.move_to(start + hours * 3600)
            client.get("/refreshes-the-token-of-forms")
            with client.session_transaction() as session:
                session["written"] = hours  # which signs the cookie anew
            assert client.get("/board").status_code == 200
        clock.move_to(start + 8 * 3600 + 1)
        assert client.get("/board", headers=HTML).status_code == 302


def test_signing_out_is_a_post_and_ends_copies_of_the_cookie_too(client_of: Clients, served: Served) -> None:
    client = client_of(by_github(served))
    Way(client).go("sam")
    copied = client.get_cookie("release-stages")
    assert copied is not None
    assert client.get("/sign-out").status_code == 405
    page = client.get("/for-admins").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert client.post("/sign-out").status_code == 400, "not without the token of a form of ours"
    assert client.get("/board").status_code == 200
    left = client.post("/sign-out", data={"csrf_token": token})
    assert (left.status_code, left.location) == (303, "/sign-in")
    assert client.get("/board", headers=HTML).status_code == 302
    thief = client.application.test_client()
    thief.set_cookie("release-stages", copied.value)
    assert thief.get("/board", headers=HTML).status_code == 302


def test_what_an_admin_takes_away_is_gone_at_once(
    tmp_path: Path, redis_client: Any, redis_url: str, served: Served
) -> None:
    admins = by_github(served, admins=("user:sam",))
    first = with_pages(settings(tmp_path, admins, redis_url), redis_client).test_client()
    Way(first).go("sam")
    assert board(first)["role"] == "ADMIN"
    cookie = first.get_cookie("release-stages")
    assert cookie is not None
    for admission, status in ((by_github(served), 200), (by_github(served, "acme/docs"), 403)):
        later = with_pages(settings(tmp_path, admission, redis_url), redis_client).test_client()
        later.set_cookie("release-stages", cookie.value)
        answer = later.get("/board")
        assert answer.status_code == status
        assert status != 200 or (answer.json or {})["role"] == "MEMBER"


def test_over_https_the_cookie_goes_nowhere_else_and_browsers_are_told_to_stay(
    client_of: Clients, served: Served
) -> None:
    client = client_of(replace(by_github(served), address="https://stages.acme.example"))
    begun = client.get("/sign-in/begin", base_url="https://stages.acme.example")
    cookie = begun.headers["Set-Cookie"]
    assert cookie.startswith("__Host-release-stages=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert begun.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "redirect_uri=https%3A%2F%2Fstages.acme.example%2Fsign-in%2Fback" in begun.location


@pytest.mark.parametrize("back", ["/", "/board", "/feature/github:acme/app%2312?at=1#x", "/party/support?q=a%20b"])
def test_after_signing_in_one_is_where_one_wanted_to_be(back: str) -> None:
    assert local(back) == back


# --- per repository ---------------------------------------------------------------------------------------------------


def test_per_repository_one_sees_what_ones_own_token_reads(client_of: Clients, served: Served) -> None:
    secret = served.world.github.repo("acme/secret")
    readers = [one for one in ("erin", "sam", "gus") if served.world.github.role(secret, one) != "none"]
    for who in ("erin", "sam", "gus"):
        client = client_of(by_github(served, per_repository=True, jira_projects=frozenset({"jira:main/APP"})))
        assert Way(client).go(who).status_code == 302
        places = board(client)["places"]
        assert {"github:acme/app", "github:acme/web", "jira:main/APP"} <= set(places)
        assert ("github:acme/secret" in places) == (who in readers)
    assert 0 < len(readers) < 3, "or this test would see nothing"


def test_admins_see_all_places(client_of: Clients, served: Served) -> None:
    client = client_of(by_github(served, admins=("user:gus",), per_repository=True))
    Way(client).go("gus")
    assert board(client)["places"] is None


def test_it_is_asked_anew_each_quarter_of_an_hour_and_not_before(client_of: Clients, served: Served) -> None:
    client, calls = client_of(by_github(served, per_repository=True)), served.world.github
    start = time.time()
    with time_machine.travel(start, tick=False) as clock:
        Way(client).go("gus")
        assert "github:acme/secret" not in board(client)["places"]
        secret = calls.repo("acme/secret")
        secret.people["gus"] = "read"
        try:
            clock.move_to(start + AFTER - 1)
            assert "github:acme/secret" not in board(client)["places"]
            clock.move_to(start + AFTER)
            assert "github:acme/secret" in board(client)["places"]
        finally:
            del secret.people["gus"]
        clock.move_to(start + 2 * AFTER)
        assert "github:acme/secret" not in board(client)["places"]


def test_a_token_that_was_taken_back_signs_out_and_one_that_cannot_be_asked_shows_nothing(
    client_of: Clients, served: Served
) -> None:
    client = client_of(by_github(served, per_repository=True))
    start = time.time()
    with time_machine.travel(start, tick=False) as clock:
        Way(client).go("sam")
        clock.move_to(start + AFTER)
        served.world.faults.add(Fault("/user/repos", "before", status=502, times=1))
        away = client.get("/board")
        assert (away.status_code, "acme" in away.text) == (503, False)
        assert client.get("/board").status_code == 200
        clock.move_to(start + 2 * AFTER)
        served.world.github.oauth.tokens.clear()
        assert client.get("/board", headers=HTML).status_code == 302


def test_the_token_lies_in_redis_sealed_and_only_where_it_is_needed(
    client_of: Clients, served: Served, redis_client: redis.Redis
) -> None:
    def kept() -> str:
        return repr(
            [(key, redis_client.get(key)) for key in redis_client.scan_iter() if redis_client.type(key) == b"string"]
        )

    given = served.world.github.oauth
    given.handed_out.clear()
    Way(client_of(by_github(served))).go("sam")
    assert "visit:kept" not in kept()
    Way(client_of(by_github(served, per_repository=True))).go("sam")
    assert "visit:kept" in kept()
    assert len(given.handed_out) == 4
    assert not [one for one in given.handed_out if one in kept()]
    assert "acme/app" not in kept()


def test_without_redis_nobody_sees_what_they_might_not(tmp_path: Path, redis_client: Any, served: Served) -> None:
    away = settings(tmp_path, by_github(served, per_repository=True), "redis://127.0.0.1:1")
    client = with_pages(away, redis_client).test_client()
    assert Way(client).go("sam").status_code == 503
    assert client.get("/board", headers=HTML).status_code == 302
