"""Attempts at the door: prepared sessions, forms of others, forged cookies and tokens, ways back to elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from authlib.integrations.flask_client import OAuth
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from integration.admission import Admission
from integration.sandbox.openid_model import signing_key
from integration.sandbox.serving import Served, running
from integration.web.entrance import by_openid as provider
from integration.web.entrance.keys import derived
from integration.web.entrance.signing_in import local
from integration.web.front import _environ
from tests.web.doors import SECRET, Way, by_github, by_openid, settings, with_pages

HTML = {"Accept": "text/html"}
COOKIE = "release-stages"
Clients = Callable[..., FlaskClient]


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Served]:
    with running() as one:
        yield one


@pytest.fixture
def served(running_sandbox: Served) -> Iterator[Served]:
    yield running_sandbox
    openid = running_sandbox.world.openid
    openid.claims, openid.shown, openid.forge, openid.discovered = {}, {}, None, {}


@pytest.fixture
def client_of(tmp_path: Path, redis_client: redis.Redis, redis_url: str) -> Clients:
    def made(admission: Admission, url: str = redis_url) -> FlaskClient:
        return with_pages(settings(tmp_path, admission, url), redis_client).test_client()

    return made


def is_in(client: FlaskClient) -> bool:
    status = client.get("/board", headers=HTML).status_code
    assert status in (200, 302)
    return status == 200


# --- the way there and back -------------------------------------------------------------------------------------------


def test_a_state_of_another_browser_or_of_nobody_lets_nobody_in(client_of: Clients, served: Served) -> None:
    for way in (by_github(served), by_openid(served)):
        attacker, victim = client_of(way), client_of(way)
        here = Way(attacker).allow(Way(attacker).begin(), "mallory")
        assert Way(victim).back(here).status_code == 403, "a link that would sign somebody in as somebody else"
        Way(victim).begin()
        assert Way(victim).back(here).status_code == 403
        assert victim.get("/sign-in/back?code=x&state=y").status_code == 403
        assert victim.get("/sign-in/back").status_code == 403
        assert not is_in(victim)


def test_a_code_is_good_once(client_of: Clients, served: Served) -> None:
    for way in (by_github(served), by_openid(served)):
        client = client_of(way)
        there = Way(client).begin()
        before = client.get_cookie(COOKIE)
        here = Way(client).allow(there, "sam")
        assert Way(client).back(here).status_code == 302
        assert before is not None
        thief = client_of(way)
        thief.set_cookie(COOKIE, before.value)  # even with the browser's own half of the state
        assert Way(thief).back(here).status_code == 403
        assert not is_in(thief)


def test_a_code_that_somebody_else_was_given_is_not_taken(client_of: Clients, served: Served) -> None:
    """PKCE: the code of an attacker's way, put into the victim's, is not what the victim's way asked for."""
    for way in (by_github(served), by_openid(served)):
        attacker, victim = client_of(way), client_of(way)
        theirs = Way(attacker).allow(Way(attacker).begin(), "erin")
        mine = Way(victim).allow(Way(victim).begin(), "sam")
        code = theirs.partition("code=")[2].partition("&")[0]
        swapped = f"{mine.partition('code=')[0]}code={code}&{mine.partition('code=')[2].partition('&')[2]}"
        assert Way(victim).back(swapped).status_code == 403
        assert not is_in(victim)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example",
        "evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n//evil.example", "/board\r\nSet-Cookie: a=b",
        " //evil.example", "/%0d%0a\x00", "http:/evil.example", "/a\\..\\b", "/sign-out", "/sign-in/begin",
        "/" + "a" * 3000,
    ],
)  # fmt: skip
def test_the_way_back_leads_nowhere_else(client_of: Clients, served: Served, address: str) -> None:
    assert local(address) == "/"
    client = client_of(by_github(served))
    came = Way(client).go("sam", address)
    assert (came.status_code, came.location) == (302, "/")


def test_where_the_provider_sends_people_back_to_does_not_follow_from_the_request(
    client_of: Clients, served: Served
) -> None:
    asked = client_of(by_github(served)).get(
        "/sign-in/begin", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    )
    assert "evil" not in asked.location


# --- sessions and forms -----------------------------------------------------------------------------------------------


def test_a_prepared_session_is_not_the_one_that_is_signed_in(client_of: Clients, served: Served) -> None:
    attacker = client_of(by_github(served))
    Way(attacker).begin()
    with attacker.session_transaction() as session:
        session["csrf_token"] = "known to the attacker"
        session["in"] = {"sid": "known"}
    planted = attacker.get_cookie(COOKIE)
    assert planted is not None
    victim = client_of(by_github(served))
    victim.set_cookie(COOKIE, planted.value)
    assert Way(victim).go("sam").status_code == 302
    with victim.session_transaction() as session:
        assert session["in"]["sid"] != "known"
        assert session.get("csrf_token") != "known to the attacker"
    assert is_in(victim)
    assert not is_in(attacker)


def form_token(client: FlaskClient) -> str:
    return client.get("/for-admins").text.partition('name="csrf_token" value="')[2].partition('"')[0]


def test_a_form_counts_only_with_the_token_of_its_own_session(client_of: Clients, served: Served) -> None:
    sam, erin = client_of(by_github(served)), client_of(by_github(served))
    Way(sam).go("sam")
    Way(erin).go("erin")
    own, other = form_token(sam), form_token(erin)
    assert own
    assert other
    for data in ({}, {"csrf_token": ""}, {"csrf_token": other}, {"csrf_token": own[:-2]}, {"csrf_token": f"{own}x"}):
        refused = sam.post("/board", data=data)
        assert refused.status_code == 400
        assert "This form is too old" in refused.text
    assert sam.post("/board", data={"csrf_token": own}).status_code == 200
    assert sam.post("/board", headers={"X-CSRFToken": own}).status_code == 200


def test_open_to_one_machine_is_not_open_to_forms_of_other_pages_there(client_of: Clients) -> None:
    client = client_of(Admission("open"))
    assert client.post("/for-admins", headers={"Origin": "http://evil.example"}).status_code == 400


def with_key(secret: bytes) -> Flask:
    app = Flask(__name__)
    app.secret_key = secret
    return app


def signed(secret: bytes, session: dict[str, Any]) -> str:
    made = SecureCookieSessionInterface().get_signing_serializer(with_key(secret))
    assert made is not None
    return str(made.dumps(session))


@pytest.mark.parametrize("key", [b"k" * 32, b"", b"another", hashlib.sha256(b"k" * 32).digest()])
def test_a_cookie_of_another_key_is_none(client_of: Clients, served: Served, key: bytes) -> None:
    """Not even of the marker key itself, from which ours follows."""
    who = {"how": "github", "key": "1", "handle": "rhea", "name": "Rhea", "email": "", "groups": ["acme"]}
    session = {"in": {"sid": "s", "since": int(time.time()) - 5, "who": who}}
    client = client_of(by_github(served))
    client.set_cookie(COOKIE, signed(key or b"x", session))
    assert not is_in(client)
    client.set_cookie(COOKIE, signed(derived(b"k" * 32, "session"), session))
    assert is_in(client), "or the one before was refused for another reason"


@pytest.mark.parametrize("cookie", ["", "x", "e30.x.y", "." * 50, "a" * 4000, "eyJpbiI6e319"])
def test_a_cookie_that_is_no_cookie_of_ours_is_none(client_of: Clients, served: Served, cookie: str) -> None:
    client = client_of(by_github(served))
    client.set_cookie(COOKIE, cookie)
    assert not is_in(client)


def test_a_session_of_one_way_is_none_of_another(client_of: Clients, served: Served) -> None:
    github, openid = client_of(by_github(served)), client_of(by_openid(served))
    Way(github).go("sam")
    cookie = github.get_cookie(COOKIE)
    assert cookie is not None
    openid.set_cookie(COOKIE, cookie.value)
    assert not is_in(openid)


# --- what a provider's token must prove -------------------------------------------------------------------------------


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}."


def by_our_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "sandbox-1"}, claims, OctKey.import_key(SECRET))


def by_the_public_key(claims: dict[str, Any]) -> str:
    """As an HMAC whose key everybody can read, for who takes the algorithm from the token."""
    head = f"{encoded({'alg': 'HS256', 'kid': 'sandbox-1'})}.{encoded(claims)}"
    digest = hmac.new(signing_key().as_pem(private=False), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "sandbox-1"}, claims, RSAKey.generate_key(2048))


def with_its_own_key(claims: dict[str, Any]) -> str:
    own = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "jwk": own.as_dict(private=False)}, claims, own)


def changed_after(claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "sandbox-1"}, claims, signing_key()).split(".")
    return f"{head}.{encoded({**claims, 'email': 'rhea@acme.example'})}.{signature}"


@pytest.mark.parametrize("trusting", [{}, {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}])
@pytest.mark.parametrize(
    "forge", [unsigned, by_our_secret, by_the_public_key, by_another_key, with_its_own_key, changed_after]
)
def test_a_token_that_the_provider_did_not_sign_proves_nothing(
    client_of: Clients, served: Served, forge: Callable[[dict[str, Any]], str], trusting: dict[str, Any]
) -> None:
    served.world.openid.forge, served.world.openid.discovered = forge, trusting
    client = client_of(by_openid(served))
    assert Way(client).go("gus").status_code == 403
    assert not is_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-client"},
        {"aud": "another-client", "azp": "sandbox-client"},
        {"aud": ["another-client", "sandbox-client"], "azp": "another-client"},
        {"iss": "https://evil.example"},
        {"iss": None}, {"aud": None}, {"sub": None}, {"exp": None}, {"iat": None},
        {"nonce": "another"}, {"nonce": None}, {"nonce": None, "nonce_supported": False},
        {"exp": 1_000_000_000}, {"nbf": 99_999_999_999}, {"iat": 99_999_999_999},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
)  # fmt: skip
def test_a_token_for_others_of_others_or_of_another_time_proves_nothing(
    client_of: Clients, served: Served, claims: dict[str, Any]
) -> None:
    served.world.openid.claims = claims
    client = client_of(by_openid(served))
    assert Way(client).go("gus").status_code in (403, 503)
    assert not is_in(client)


def test_who_the_token_names_and_whom_userinfo_shows_must_be_one(client_of: Clients, served: Served) -> None:
    served.world.openid.shown = {"sub": "somebody else", "groups": ["growth-team"]}
    client = client_of(by_openid(served))
    assert Way(client).go("gus").status_code == 503
    assert not is_in(client)


def test_userinfo_does_not_speak_against_the_token(client_of: Clients, served: Served) -> None:
    served.world.openid.shown = {"email": "rhea@acme.example", "email_verified": True}
    client = client_of(by_openid(served, admins=("rhea@acme.example",)))
    Way(client).go("gus")
    assert (client.get("/board").json or {})["email"] == "gus@acme.example"
    assert client.get("/for-admins").status_code == 403


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
)
def test_a_provider_that_is_another_or_does_not_sign_is_not_asked(
    client_of: Clients, served: Served, said: dict[str, Any]
) -> None:
    served.world.openid.discovered = said
    client = client_of(by_openid(served))
    assert client.get("/sign-in/begin").status_code == 503
    served.world.openid.discovered = {}
    assert Way(client).go("gus").status_code == 302, "and it is asked anew once it is mended"


def test_of_the_ways_to_sign_only_those_count_that_prove_who_signed(served: Served) -> None:
    served.world.openid.discovered = {"id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256"]}
    admission = by_openid(served)
    client = OAuth(Flask(__name__)).register("openid", server_metadata_url=provider.discovery(admission))
    provider.meet(client, admission)
    assert client.server_metadata["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]


def test_a_provider_that_is_away_is_told(client_of: Clients, served: Served) -> None:
    away = replace(by_openid(served), issuer="http://127.0.0.1:1")
    answer = client_of(away).get("/sign-in/begin")
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.text


# --- how often --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("away", [False, True])
def test_too_many_tries_have_to_wait_also_while_redis_is_away(client_of: Clients, served: Served, away: bool) -> None:
    client = client_of(by_github(served), "redis://127.0.0.1:1") if away else client_of(by_github(served))
    statuses = [client.get("/sign-in/back?code=guess&state=guess").status_code for _ in range(21)]
    assert statuses == [403] * 20 + [429]
    assert "too many tries" in client.get("/sign-in/begin").text
    assert client.get("/sign-in").status_code == 200
    assert client.get("/sign-in/begin", environ_base={"REMOTE_ADDR": "192.0.2.9"}).status_code == 302


def test_whose_tries_they_are_is_the_proxys_to_say_and_nobody_elses(client_of: Clients, served: Served) -> None:
    client = client_of(replace(by_github(served), proxy_from=(ip_network("10.0.0.7"),)))

    def tried(address: str, seen: str) -> int:
        return client.get(
            "/sign-in/back", headers={"X-Forwarded-For": seen}, environ_base={"REMOTE_ADDR": address}
        ).status_code

    assert [tried("192.0.2.1", f"203.0.113.{number}") for number in range(21)][-1] == 429, "others cannot hide so"
    assert [tried("10.0.0.7", f"1.2.3.4, 203.0.113.{number}") for number in range(21)][-1] == 403
    assert [tried("10.0.0.7", f"{number}.2.3.4, 198.51.100.1") for number in range(21)][-1] == 429


# --- headers ----------------------------------------------------------------------------------------------------------


class _Scope:
    method, path, query_string, http_version, scheme = "GET", "/", "", "1.1", "http"
    server, client = "127.0.0.1:8000", "10.0.0.7:5"

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers = self
        self._headers = headers

    def items(self) -> list[tuple[str, str]]:
        return list(self._headers)


def test_a_header_with_an_underscore_is_not_taken_for_the_proxys() -> None:
    sent = _environ(
        _Scope(("x-forwarded-user", "erin"), ("x_forwarded_user", "rhea"), ("x-forwarded_groups", "all")), b""
    )  # type: ignore[arg-type]
    assert sent["HTTP_X_FORWARDED_USER"] == "erin"
    assert "HTTP_X_FORWARDED_GROUPS" not in sent


def test_a_header_that_comes_twice_is_both_and_so_nobody() -> None:
    sent = _environ(
        _Scope(("x-forwarded-user", "erin"), ("x-forwarded-user", "rhea"), ("cookie", "a=1"), ("cookie", "b=2")), b""
    )  # type: ignore[arg-type]
    assert sent["HTTP_X_FORWARDED_USER"] == "erin,rhea"
    assert sent["HTTP_COOKIE"] == "a=1; b=2"


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_of_the_way_in_is_logged_or_shown(
    client_of: Clients, served: Served, caplog: pytest.LogCaptureFixture, redis_client: redis.Redis
) -> None:
    caplog.set_level(logging.DEBUG)
    github, openid = served.world.github.oauth, served.world.openid
    shown: list[str] = []
    with structlog.testing.capture_logs() as lines:
        for way, who in ((by_github(served), "sam"), (by_openid(served), "gus"), (by_github(served), "mallory")):
            client = client_of(way)
            here = Way(client).allow(Way(client).begin(), who)
            shown += [
                answer.text for answer in (Way(client).back(here), Way(client).back(here), client.get("/for-admins"))
            ]
    assert [line["event"] for line in lines].count("somebody signed in") == 2
    told = caplog.text + repr(lines) + "".join(shown)
    assert caplog.records
    for secret in (SECRET, *github.handed_out, *openid.handed_out):
        assert secret not in told
    assert "code_verifier" not in caplog.text
