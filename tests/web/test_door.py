"""The door: whom it lets in, what it lets through without a visitor, and what it says to all others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.sandbox.serving import Served, running
from integration.settings import GitHubSettings
from integration.stages.model import Ref
from integration.web.app import create_app
from integration.web.entrance.visitors import Role, Visitor, current
from integration.web.server import set_up_pages
from tests.web.doors import Way, by_github, by_openid, settings, with_pages

PROXY = Admission(
    "proxy", admins=("release-managers",), user_header="X-Forwarded-User", groups_header="X-Forwarded-Groups",
    proxy_from=(ip_network("10.0.0.7"), ip_network("10.1.0.0/24"), ip_network("fd00::/64")),
)  # fmt: skip
SAM = {"X-Forwarded-User": "sam@acme.example", "X-Forwarded-Groups": "Support-Agents, staff"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running() as one:
        yield one


@pytest.fixture
def make(tmp_path: Path, redis_client: redis.Redis, redis_url: str) -> Callable[..., Flask]:
    def made(admission: Admission, **more: object) -> Flask:
        return with_pages(settings(tmp_path, admission, redis_url, **more), redis_client)

    return made


@pytest.fixture
def make_client(make: Callable[..., Flask]) -> Callable[..., FlaskClient]:
    return lambda admission, **more: make(admission, **more).test_client()


# --- open -------------------------------------------------------------------------------------------------------------


def test_at_one_machine_everything_is_open_and_each_page_says_so(make_client: Callable[..., FlaskClient]) -> None:
    client = make_client(Admission("open"), sandbox=True)
    told = client.get("/for-admins").json
    assert told is not None
    assert (told["how"], told["role"], told["places"]) == ("open", "ADMIN", None)
    assert told["parties"] == ["docs", "growth", "release-managers", "support"], "in a play one may play all of them"


def test_where_it_is_no_play_nobody_unknown_speaks_for_a_party(make_client: Callable[..., FlaskClient]) -> None:
    told = make_client(Admission("open")).get("/board").json
    assert told is not None
    assert told["parties"] == []


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "127.0.0.9"])
def test_a_name_of_this_machine_is_fine(make_client: Callable[..., FlaskClient], host: str) -> None:
    assert make_client(Admission("open")).get("/board", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "stages.acme.example"},
        {"Host": "rebound.example:8000"},  # a name that an attacker lets point here
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example@127.0.0.1:8000x"},
        {"X-Forwarded-For": "203.0.113.5"},
        {"X-Forwarded-Host": "stages.acme.example"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=203.0.113.5"},
        {"X-Real-IP": "203.0.113.5"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "203.0.113.5"},
    ],
)
def test_whoever_comes_through_a_tunnel_or_a_proxy_is_told_to_set_up_signing_in(
    make_client: Callable[..., FlaskClient], headers: dict[str, str]
) -> None:
    client = make_client(Admission("open"))
    for path in ("/", "/board", "/for-admins", "/nothing"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 403
        assert "docs/signing-in.md" in answer.text
    assert client.get("/healthz", headers=headers).status_code == 200
    assert client.get("/readyz", headers=headers).status_code in (200, 503)


def test_whoever_comes_from_another_machine_is_not_let_in_either(make_client: Callable[..., FlaskClient]) -> None:
    client = make_client(Admission("open"))
    assert client.get("/board", environ_base={"REMOTE_ADDR": "192.168.0.20"}).status_code == 403


# --- off --------------------------------------------------------------------------------------------------------------


def test_switched_off_there_is_one_page_and_it_says_how_to_turn_them_on(
    make_client: Callable[..., FlaskClient],
) -> None:
    client = make_client(Admission())
    page = client.get("/")
    assert page.status_code == 200
    assert "SIGN_IN=github" in page.text
    for path in ("/board", "/party", "/for-admins", "/nothing", "/sign-in"):
        assert client.get(path).status_code == 404
    assert client.get("/healthz").status_code == 200


# --- a proxy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["10.0.0.7", "10.1.0.200", "fd00::17", "::ffff:10.0.0.7"])
def test_whom_the_proxy_names_is_in(make_client: Callable[..., FlaskClient], address: str) -> None:
    told = make_client(PROXY).get("/party", headers=SAM, environ_base={"REMOTE_ADDR": address}).json
    assert told is not None
    assert (told["id"], told["role"], told["parties"]) == ("proxy:sam@acme.example", "MEMBER", ["support"])
    assert told["email"] == "sam@acme.example"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8", "10.1.1.1", "::1", "fd01::17", "", "x"])
def test_from_elsewhere_the_header_counts_for_nothing(make_client: Callable[..., FlaskClient], address: str) -> None:
    answer = make_client(PROXY).get("/board", headers=SAM, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 401
    assert "sam" not in answer.text


@pytest.mark.parametrize("who", ["", " ", "sam,rhea", "s" * 300, "sam\x07"])
def test_a_header_that_names_nobody_or_two_lets_nobody_in(make_client: Callable[..., FlaskClient], who: str) -> None:
    asked = {**SAM, "X-Forwarded-User": who}
    assert make_client(PROXY).get("/board", headers=asked, environ_base={"REMOTE_ADDR": "10.0.0.7"}).status_code == 401


def test_a_user_who_is_called_like_a_group_is_not_that_group(make_client: Callable[..., FlaskClient]) -> None:
    asked = {"X-Forwarded-User": "release-managers"}
    told = make_client(PROXY).get("/board", headers=asked, environ_base={"REMOTE_ADDR": "10.0.0.7"}).json
    assert told is not None
    assert told["role"] == "READER"


def test_of_those_whom_the_proxy_names_a_list_may_take_some(make_client: Callable[..., FlaskClient]) -> None:
    listed = Admission("proxy", ("staff", "user:dora"), user_header="X-Forwarded-User",
                       groups_header="X-Forwarded-Groups", proxy_from=PROXY.proxy_from)  # fmt: skip
    client, from_proxy = make_client(listed), {"REMOTE_ADDR": "10.0.0.7"}
    assert client.get("/board", headers=SAM, environ_base=from_proxy).status_code == 200
    assert client.get("/board", headers={"X-Forwarded-User": "dora"}, environ_base=from_proxy).status_code == 200
    answer = client.get("/board", headers={"X-Forwarded-User": "staff"}, environ_base=from_proxy)
    assert answer.status_code == 403
    assert "SIGN_IN_ALLOW" in answer.text


# --- every route, for everybody ---------------------------------------------------------------------------------------

FREE = {"/healthz", "/readyz", "/static/<path:filename>", "/sign-in", "/sign-in/begin", "/sign-in/back", "/sign-out",
        "/setup/github", "/setup/github/done", "/metrics"}  # fmt: skip


def concrete(rule: str) -> str:
    """An address for a route."""
    return re.sub(r"<(?:int:)[^>]*>", "7", re.sub(r"<(?!int:)[^>]*>", "x", rule))


def routes(app: Flask) -> list[tuple[str, str]]:
    return sorted(
        (method, rule.rule) for rule in app.url_map.iter_rules() for method in (rule.methods or ()) - {"OPTIONS"}
    )


@pytest.mark.parametrize("way", ["github", "openid", "proxy", "off", "open from elsewhere"])
def test_no_route_but_the_free_ones_is_reached_without_a_visitor(
    make: Callable[..., Flask], served: Served, way: str, tmp_path: Path
) -> None:
    ways = {"github": by_github(served), "openid": by_openid(served), "proxy": PROXY, "off": Admission(),
            "open from elsewhere": Admission("open")}  # fmt: skip
    app, reached = make(ways[way]), []
    for endpoint, view in app.view_functions.items():

        def watched(_view: object = view, _name: str = endpoint, **_: object) -> str:
            reached.append(_name)
            return ""

        app.view_functions[endpoint] = watched
    client = app.test_client()
    for method, rule in routes(app):
        answer = client.open(concrete(rule), method=method, headers={"Host": "stages.acme.example"})
        assert bool(reached) == (rule in FREE and method != "POST"), f"{method} {rule}: {answer.status_code}"
        reached.clear()


def test_the_page_that_sets_github_up_keeps_its_own_key_and_its_own_policy(
    tmp_path: Path, redis_client: redis.Redis, redis_url: str
) -> None:
    one = settings(tmp_path, Admission(), redis_url, github=GitHubSettings(token="t"))
    set_up = set_up_pages(one, {"PUBLIC_URL": "https://stages.acme.example"}, tmp_path)
    client = create_app(one, Inbox(redis_client), dict, set_up).test_client()
    answer = client.get("/setup/github", headers={"Host": "stages.acme.example"})
    assert answer.status_code == 403
    assert "release-stages setup github --link" in answer.text


@pytest.mark.parametrize(
    ("who", "board", "party", "operations"),
    [
        ("erin", 200, 403, 403),  # of the organisation
        ("sam", 200, 200, 403),  # of Support
        ("rhea", 200, 200, 200),  # an admin
        ("mallory", 302, 302, 302),  # a stranger
    ],
)
def test_each_role_reaches_what_is_for_it(
    make_client: Callable[..., FlaskClient], served: Served, who: str, board: int, party: int, operations: int
) -> None:
    client = make_client(by_github(served, admins=("user:rhea",)))
    Way(client).go(who)
    asked = {"Accept": "text/html"}
    seen = [client.get(path, headers=asked).status_code for path in ("/board", "/party", "/for-admins")]
    assert seen == [board, party, operations]


def test_whoever_may_not_is_told_why_and_whom_to_ask(make_client: Callable[..., FlaskClient], served: Served) -> None:
    client = make_client(by_github(served, admins=("user:rhea", "acme/release-managers")))
    Way(client).go("sam")
    page = client.get("/for-admins").text
    assert "It is for admins. Sam speaks for a party." in page
    assert "ask an admin (rhea, acme/release-managers)" in page


# --- whoever is not signed in -----------------------------------------------------------------------------------------


def test_people_are_led_to_signing_in_and_programs_are_told(
    make_client: Callable[..., FlaskClient], served: Served
) -> None:
    client = make_client(by_github(served))
    led = client.get("/board?party=support&q=a+b", headers={"Accept": "text/html"})
    assert (led.status_code, led.location) == (302, "/sign-in?next=/board%3Fparty%3Dsupport%26q%3Da%2Bb")
    told = client.get("/board", headers={"Accept": "text/event-stream"})
    assert (told.status_code, told.json) == (401, {"error": "nobody is signed in; open /sign-in first"})
    page = {"HX-Request": "true", "HX-Current-URL": "http://evil.example/board?party=docs", "Accept": "*/*"}
    part = client.get("/board/rows", headers=page)
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in?next=/board%3Fparty%3Ddocs")
    assert client.post("/board").status_code == 401


def test_nobody_is_there_before_the_door(make: Callable[..., Flask]) -> None:
    app = make(Admission("open"))
    with app.test_request_context("/healthz"), pytest.raises(LookupError):
        current()


def test_a_visitor_sees_the_features_of_their_places() -> None:
    some = Visitor(
        "github:1", "Sam", "sam", Role.READER, frozenset(), "github", frozenset({"github:acme/app", "jira:eu/APP"})
    )
    seen = ("github:acme/app#12", "jira:eu/APP-7", "github:acme/app2#1", "jira:main/APP-7")
    assert [some.may_see(Ref.parse(ref)) for ref in seen] == [True, True, False, False]
    assert Visitor("open", "x", "", Role.ADMIN, frozenset(), "open", None).may_see(Ref.parse("github:acme/secret#1"))
