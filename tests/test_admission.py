"""Who gets in, as the environment says it: each way, what it needs, and each fault with its mending."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest

from integration.admission import VARIABLES, Admission
from integration.settings import Misconfigured, Settings

TOKEN = {"GITHUB_TOKEN": "t", "GITHUB_WEBHOOK_SECRETS": "s"}
CLIENT = {"SIGN_IN_CLIENT_ID": "id", "SIGN_IN_CLIENT_SECRET": "hunter2"}
GITHUB = {"SIGN_IN": "github", "SIGN_IN_ALLOW": "acme", **CLIENT, **TOKEN}
OPENID = {"SIGN_IN": "openid", "SIGN_IN_ALLOW": "@acme.example", "SIGN_IN_ISSUER": "https://id.acme.example", **CLIENT,
          **TOKEN}  # fmt: skip
PROXY = {"SIGN_IN": "proxy", "SIGN_IN_PROXY_USER_HEADER": "X-Forwarded-User", "SIGN_IN_PROXY_FROM": "10.0.0.7", **TOKEN}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(*environs: Mapping[str, str]) -> Settings:
    return Settings.read({name: value for environ in environs for name, value in environ.items()})


def faults(*environs: Mapping[str, str]) -> dict[str, str]:
    with pytest.raises(Misconfigured) as caught:
        read(*environs)
    assert "hunter2" not in str(caught.value)
    assert all(one.cause and one.fix for one in caught.value.faults)
    return {one.variable: str(one) for one in caught.value.faults}


# --- without a word ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "way"),
    [
        ({}, "open"),  # a trial with the sandbox
        ({"HOST": "localhost"}, "open"),
        ({"HOST": "::1"}, "open"),
        ({"HOST": "0.0.0.0"}, "off"),
        ({"PUBLIC_URL": "https://stages.acme.example"}, "off"),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, "open"),
        (TOKEN, "off"),  # in earnest: perhaps behind a proxy, which nobody could tell from this machine
        ({**TOKEN, "SANDBOX": "1"}, "open"),
        (CLIENT, "off"),
    ],
)
def test_only_a_trial_at_one_machine_is_open_by_itself(environ: dict[str, str], way: str) -> None:
    assert read(environ).admission.way == way


def test_what_is_set_for_nothing_is_told() -> None:
    assert any(
        "SIGN_IN is not set" in line and "SIGN_IN_ALLOW" in line for line in read({"SIGN_IN_ALLOW": "acme"}).warnings
    )
    warnings = read(GITHUB, {"SIGN_IN_ISSUER": "https://id.acme.example"}).warnings
    assert "SIGN_IN_ISSUER: it is not used, because SIGN_IN is github" in warnings
    assert "SIGN_IN_ALOW: nobody reads it; did you mean SIGN_IN_ALLOW?" in read(GITHUB, {"SIGN_IN_ALOW": "x"}).warnings


# --- each way ---------------------------------------------------------------------------------------------------------


def test_each_way_is_read_whole() -> None:
    lists = {"SIGN_IN_ALLOW": "ACME, acme/Support,acme", "SIGN_IN_ADMINS": "user:Rhea"}
    found = read(GITHUB, lists, {"PUBLIC_URL": "https://stages.acme.example/"}).admission
    assert (found.way, found.allow, found.admins) == ("github", ("acme", "acme/support"), ("user:rhea",))
    assert (found.client_id, found.client_secret, found.secure) == ("id", "hunter2", True)
    assert (found.address, found.github_api_url) == ("https://stages.acme.example", "https://api.github.com")
    own = read(OPENID, {"SIGN_IN_GROUPS_CLAIM": "roles", "SIGN_IN_ADMINS": "user:aBc, Staff", "PORT": "8080"}).admission
    assert (own.issuer, own.groups_claim, own.admins) == ("https://id.acme.example", "roles", ("user:aBc", "staff"))
    assert (own.address, own.secure) == ("http://127.0.0.1:8080", False)
    proxied = read(PROXY, {"SIGN_IN_PROXY_FROM": "10.0.0.7, fd00::/64", "HOST": "0.0.0.0"}).admission
    assert proxied.proxy_from == (ip_network("10.0.0.7/32"), ip_network("fd00::/64"))
    assert (proxied.user_header, proxied.allow) == ("X-Forwarded-User", ())


def test_github_is_the_one_whose_api_is_asked_also_where_it_is_no_tracker() -> None:
    enterprise = {"GITHUB_API_URL": "https://github.acme.example/api/v3/"}
    assert read(GITHUB, enterprise).admission.github_api_url == "https://github.acme.example/api/v3"
    jira = {"JIRA_URL": "https://j.example", "JIRA_PAT": "p", "JIRA_WEBHOOK_SECRETS": "s"}
    without = {name: value for name, value in GITHUB.items() if name not in TOKEN}
    found = read(without, jira, enterprise)
    assert found.github is None
    assert found.admission.github_api_url == "https://github.acme.example/api/v3"
    assert "GITHUB_API_URL" in faults(without, jira, {"GITHUB_API_URL": "nonsense"})


def test_per_repository_names_what_all_may_see_of_jira() -> None:
    found = read(GITHUB, {"SIGN_IN_PER_REPOSITORY": "yes", "SIGN_IN_JIRA_PROJECTS": "APP, eu/OPS"}).admission
    assert found.per_repository
    assert found.jira_projects == {"jira:main/APP", "jira:eu/OPS"}


def test_the_secret_is_hidden_from_whoever_prints_the_settings() -> None:
    assert "hunter2" not in repr(read(GITHUB))


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "variable", "says"),
    [
        ({"SIGN_IN": "everybody"}, "SIGN_IN", "write one of github, openid, proxy, open, off"),
        ({"SIGN_IN": "open", "HOST": "0.0.0.0"}, "SIGN_IN", "open to everybody who reaches 0.0.0.0"),
        ({"SIGN_IN": "open", "HOST": "stages.acme.example"}, "SIGN_IN", "HOST=127.0.0.1"),
        ({**GITHUB, "SIGN_IN_CLIENT_ID": ""}, "SIGN_IN_CLIENT_ID", "it is missing"),
        ({**GITHUB, "SIGN_IN_CLIENT_SECRET": ""}, "SIGN_IN_CLIENT_SECRET", "it is missing"),
        ({**GITHUB, "SIGN_IN_ALLOW": " , "}, "SIGN_IN_ALLOW", "everybody in the world would get in"),
        ({**GITHUB, "SIGN_IN_ALLOW": "@acme.example"}, "SIGN_IN_ALLOW", "an organisation (acme)"),
        ({**GITHUB, "SIGN_IN_ALLOW": "acme/a/b"}, "SIGN_IN_ALLOW", "'acme/a/b'"),
        ({**GITHUB, "SIGN_IN_ADMINS": "erin@acme.example"}, "SIGN_IN_ADMINS", "an account (user:erin)"),
        ({**GITHUB, "HOST": "0.0.0.0"}, "PUBLIC_URL", "it is missing, and SIGN_IN is github"),
        ({**GITHUB, "SIGN_IN_PER_REPOSITORY": "1"}, "SIGN_IN_PER_REPOSITORY", "write yes or no"),
        ({**GITHUB, "SIGN_IN_JIRA_PROJECTS": "app"}, "SIGN_IN_JIRA_PROJECTS", "write keys"),
        ({**OPENID, "SIGN_IN_PER_REPOSITORY": "yes"}, "SIGN_IN_PER_REPOSITORY", "only GitHub can tell"),
        ({**PROXY, "SIGN_IN_PER_REPOSITORY": "yes"}, "SIGN_IN_PER_REPOSITORY", "only GitHub can tell"),
        ({**OPENID, "SIGN_IN_ISSUER": ""}, "SIGN_IN_ISSUER", "it is missing"),
        ({**OPENID, "SIGN_IN_ISSUER": "http://id.acme.example"}, "SIGN_IN_ISSUER", "no https address"),
        ({**OPENID, "SIGN_IN_ISSUER": "https://u:hunter2@id.acme.example"}, "SIGN_IN_ISSUER", "no https address"),
        ({**OPENID, "SIGN_IN_ALLOW": "a@b@c"}, "SIGN_IN_ALLOW", "an e-mail domain (@acme.example)"),
        ({**PROXY, "SIGN_IN_PROXY_USER_HEADER": ""}, "SIGN_IN_PROXY_USER_HEADER", "it is missing"),
        ({**PROXY, "SIGN_IN_PROXY_USER_HEADER": "X_User"}, "SIGN_IN_PROXY_USER_HEADER", "no name of a header"),
        ({**PROXY, "SIGN_IN_PROXY_FROM": ""}, "SIGN_IN_PROXY_FROM", "it is missing"),
        ({**PROXY, "SIGN_IN_PROXY_FROM": "proxy.acme.example"}, "SIGN_IN_PROXY_FROM", "is no address"),
        ({**PROXY, "SIGN_IN_PROXY_FROM": "10.0.0.7, 0.0.0.0/0"}, "SIGN_IN_PROXY_FROM", "whom they like"),
        ({**PROXY, "SIGN_IN_PROXY_FROM": "::/0"}, "SIGN_IN_PROXY_FROM", "whom they like"),
    ],
)
def test_what_does_not_fit_is_named_with_its_mending(environ: dict[str, str], variable: str, says: str) -> None:
    found = faults(environ)
    assert list(found) == [variable]
    assert says in found[variable]


def test_over_http_one_is_warned() -> None:
    assert any(
        line.startswith("PUBLIC_URL: over http") for line in read(GITHUB, {"PUBLIC_URL": "http://s.example"}).warnings
    )
    assert not read(GITHUB, {"PUBLIC_URL": "http://localhost:8000"}).warnings


def test_every_variable_of_signing_in_is_told_in_the_admins_page() -> None:
    told = (Path(__file__).parent.parent / "docs/signing-in.md").read_text("utf-8")
    assert [one for one in VARIABLES if one not in told] == []


def test_without_a_word_from_anybody_nobody_is_let_in() -> None:
    assert Admission().way == "off"
