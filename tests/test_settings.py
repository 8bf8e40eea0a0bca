"""The environment: what each variable does, what is wrong with it in words, and that no secret shows anywhere."""

from __future__ import annotations

import ast
import multiprocessing
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from integration import admission
from integration import settings as module
from integration.settings import GITHUB, JIRA, PLAIN, GitHubSettings, JiraSettings, Misconfigured, Settings

ROOT = Path(__file__).parent.parent
PEM = "-----BEGIN PRIVATE KEY-----\nhush-key\n-----END PRIVATE KEY-----"
TOKEN = {"GITHUB_TOKEN": "hush-token", "GITHUB_WEBHOOK_SECRETS": "hush-one"}
APP = {"GITHUB_APP_ID": "12", "GITHUB_APP_PRIVATE_KEY": PEM, "GITHUB_WEBHOOK_SECRETS": "hush-one"}
CLOUD = {
    "JIRA_URL": "https://acme.atlassian.example",
    "JIRA_EMAIL": "bot@acme.example",
    "JIRA_API_TOKEN": "hush-api",
    "JIRA_WEBHOOK_SECRETS": "hush-jira",
}
DATA_CENTER = {
    "JIRA_EU_URL": "https://jira.acme.example/",
    "JIRA_EU_PAT": "hush-pat",
    "JIRA_EU_WEBHOOK_PATH_SECRET": "hush-path-0123456789",
}


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(*environs: Mapping[str, str], **more: str) -> Settings:
    environ: dict[str, str] = {}
    for each in (*environs, more):
        environ |= each
    return Settings.read(environ)


# --- defaults ---------------------------------------------------------------------------------------------------


def test_an_empty_environment_is_the_sandbox_with_everything_in_var(tmp_path: Path) -> None:
    found = read()
    assert (found.host, found.port, found.workers, found.log_level) == ("127.0.0.1", 8000, 2, "INFO")
    assert found.data_dir == tmp_path / "var" / "sandbox", "a trial is kept apart from what is in earnest"
    assert found.redis_url == f"unix://{tmp_path}/var/sandbox/redis.sock"
    assert found.database_url == f"sqlite:///{tmp_path}/var/sandbox/ledger.db"
    assert found.sandbox
    assert found.mappings == Path(module.__file__).parent / "sandbox" / "mappings.yaml"
    assert found.warnings == ()


def test_in_the_sandbox_both_trackers_are_the_ones_that_it_plays() -> None:
    found = read(SANDBOX_PORT="9001")
    assert found.sandbox_port == 9001
    assert found.github == GitHubSettings(
        "http://127.0.0.1:9001/api/v3", token="sandbox-service-token", webhook_secrets=("sandbox-secret",)
    )
    assert found.jira == (
        JiraSettings(
            "main", "http://127.0.0.1:9001/jira", "release-stages@acme.example", "sandbox-service-token",
            webhook_secrets=("sandbox-secret",),
        ),
    )  # fmt: skip


def test_with_a_tracker_there_is_no_sandbox_and_the_rules_are_the_file_here() -> None:
    found = read(TOKEN)
    assert not found.sandbox
    assert found.mappings == Path("mappings.yaml")
    assert found.jira == ()


def test_mappings_that_are_named_are_used_in_the_sandbox_too() -> None:
    assert read(MAPPINGS="mine.yaml").mappings == Path("mine.yaml")


def test_what_is_set_to_nothing_is_not_set() -> None:
    assert read(PORT="", GITHUB_TOKEN=" ", SANDBOX="").sandbox


def test_plain_variables_are_taken_as_they_are(tmp_path: Path) -> None:
    found = read(
        HOST="0.0.0.0", PORT="80", WORKERS="9", LOG_LEVEL="debug", DATA_DIR=str(tmp_path / "d"),
        REDIS_URL="rediss://r:1/2", DATABASE_URL="postgresql://u@h/n", MARKER_KEY="0123456789abcdef",
    )  # fmt: skip
    assert (found.host, found.port, found.workers, found.log_level) == ("0.0.0.0", 80, 9, "DEBUG")
    assert (found.redis_url, found.database_url) == ("rediss://r:1/2", "postgresql://u@h/n")
    assert (found.data_dir, found.marker_key) == (tmp_path / "d" / "sandbox", b"0123456789abcdef")


@pytest.mark.parametrize(("said", "forced"), [({}, False), ({"FORCE_COLOR": ""}, False), ({"FORCE_COLOR": "1"}, True)])
def test_force_color_is_on_when_it_is_set_to_anything(said: dict[str, str], forced: bool) -> None:
    assert read(said).force_color is forced


def test_github_api_url_alone_which_build_systems_set_configures_nothing() -> None:
    assert read(GITHUB_API_URL="https://api.github.com").sandbox


def test_sandbox_1_stands_in_for_trackers_that_are_configured_and_says_so() -> None:
    found = read(TOKEN, SANDBOX="1")
    assert found.github
    assert found.github.token == "sandbox-service-token"
    assert found.warnings == (
        "SANDBOX=1: the sandbox stands in for the trackers; not used: GITHUB_TOKEN, GITHUB_WEBHOOK_SECRETS",
    )


# --- trackers ---------------------------------------------------------------------------------------------------


def test_github_with_a_token_and_several_secrets() -> None:
    found = read(TOKEN, GITHUB_WEBHOOK_SECRETS=" new , old,, new ", GITHUB_API_URL="https://ghe.acme.example/api/v3/")
    assert found.github == GitHubSettings(
        "https://ghe.acme.example/api/v3", token="hush-token", webhook_secrets=("new", "old")
    )


@pytest.mark.parametrize("one_line", [False, True])
def test_github_as_an_app_with_its_key_as_a_text(one_line: bool) -> None:
    found = read(APP, GITHUB_APP_PRIVATE_KEY=PEM.replace("\n", "\\n") if one_line else PEM)
    assert found.github == GitHubSettings(app_id="12", app_private_key=PEM, webhook_secrets=("hush-one",))


def test_github_as_an_app_with_its_key_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_text(PEM + "\n")
    environ = {name: value for name, value in APP.items() if name != "GITHUB_APP_PRIVATE_KEY"}
    found = read(environ, GITHUB_APP_PRIVATE_KEY_FILE="app.pem")
    assert found.github
    assert found.github.app_private_key == PEM


def test_an_app_goes_before_a_token_that_happens_to_be_there() -> None:
    found = read(APP, TOKEN)
    assert found.github
    assert (found.github.app_id, found.github.token) == ("12", "")
    assert found.warnings == ("GITHUB_TOKEN: it is not used, because GITHUB_APP_ID is set",)


def test_jira_sites_have_their_names_from_the_variables_and_main_is_the_first() -> None:
    main, eu = read(DATA_CENTER, CLOUD).jira
    assert main == JiraSettings(
        "main", "https://acme.atlassian.example", "bot@acme.example", "hush-api", webhook_secrets=("hush-jira",)
    )
    assert eu == JiraSettings("eu", "https://jira.acme.example", pat="hush-pat", path_secret="hush-path-0123456789")
    assert (main.cloud, eu.cloud) == (True, False)


def test_a_site_s_name_may_have_several_words() -> None:
    environ = {name.replace("_EU_", "_NORTH_WEST_"): value for name, value in DATA_CENTER.items()}
    assert [each.site for each in read(environ).jira] == ["north_west"]


def test_the_unnamed_site_may_be_called_main() -> None:
    environ = {name.replace("JIRA_", "JIRA_MAIN_"): value for name, value in CLOUD.items()}
    assert read(environ).jira == read(CLOUD).jira


# --- faults -----------------------------------------------------------------------------------------------------


def faults(*environs: Mapping[str, str], **more: str) -> str:
    with pytest.raises(Misconfigured) as told:
        read(*environs, **more)
    assert all(fault.variable and fault.cause and fault.fix for fault in told.value.faults)
    assert "hush" not in f"{told.value}{told.value!r}"
    return str(told.value)


def without(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in names}


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"PORT": "eighty"}, "PORT: 'eighty' is no number that fits; write a whole number from 1 to 65535"),
        ({"PORT": "0"}, "PORT: '0'"),
        ({"PORT": "65536"}, "PORT: '65536'"),
        ({"PORT": "²"}, "PORT: '²'"),
        ({"PORT": "1" * 5000}, "PORT: '111"),
        ({"SANDBOX_PORT": "8000"}, "SANDBOX_PORT: 8000 is PORT, too"),
        ({"WORKERS": "-1"}, "WORKERS: '-1' is no number that fits; write a whole number from 1 to 64"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL: there is no level 'LOUD'; write one of DEBUG, INFO"),
        ({"SANDBOX": "yes"}, "SANDBOX: 'yes' is neither 0 nor 1"),
        ({"SANDBOX": "0"}, "SANDBOX: it is 0 and no tracker is configured; set GITHUB_TOKEN"),
        ({"REDIS_URL": "http://:hush@r"}, "REDIS_URL: it does not begin with redis:// or rediss:// or unix://"),
        ({"DATABASE_URL": "mysql://u:hush@h/n"}, "DATABASE_URL: it does not begin with sqlite://"),
        ({"DATABASE_URL": "hush"}, "DATABASE_URL: it does not begin with sqlite://"),
        ({"MARKER_KEY": "hush"}, "MARKER_KEY: it is too short"),
        ({"DATA_DIR": "d" * 120}, "DATA_DIR: the path of a socket in it would be longer"),
        (without(TOKEN, "GITHUB_TOKEN"), "GITHUB_TOKEN: it is missing; set it, or GITHUB_APP_ID and"),
        (without(TOKEN, "GITHUB_WEBHOOK_SECRETS"), "GITHUB_WEBHOOK_SECRETS: it is missing; no delivery could be"),
        (TOKEN | {"GITHUB_WEBHOOK_SECRETS": " , "}, "GITHUB_WEBHOOK_SECRETS: it is missing"),
        (TOKEN | {"GITHUB_API_URL": "github"}, "GITHUB_API_URL: it is no web address; write one such as https://"),
        (TOKEN | {"GITHUB_API_URL": "https://h:99999"}, "GITHUB_API_URL: it is no web address"),
        (TOKEN | {"GITHUB_API_URL": "https://me:hush@h"}, "GITHUB_API_URL: there is more in it than an address"),
        (without(APP, "GITHUB_APP_PRIVATE_KEY"), "GITHUB_APP_PRIVATE_KEY: it is missing; set it, or GITHUB_APP_PRIVA"),
        (without(APP, "GITHUB_APP_ID"), "GITHUB_APP_ID: it is missing"),
        (APP | {"GITHUB_APP_PRIVATE_KEY": "hush"}, "GITHUB_APP_PRIVATE_KEY: it is no private key"),
        (APP | {"GITHUB_APP_PRIVATE_KEY_FILE": "x"}, "GITHUB_APP_PRIVATE_KEY_FILE: GITHUB_APP_PRIVATE_KEY is set, too"),
        (
            {"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY_FILE": "nowhere"},
            "GITHUB_APP_PRIVATE_KEY_FILE: the file cannot be read (No such file or directory)",
        ),
        (without(CLOUD, "JIRA_URL"), "JIRA_URL: it is missing, but JIRA_API_TOKEN is set"),
        (without(CLOUD, "JIRA_EMAIL"), "JIRA_EMAIL: it is missing; set it to the e-mail of the account, or, on Data"),
        (without(CLOUD, "JIRA_API_TOKEN"), "JIRA_API_TOKEN: it is missing"),
        (CLOUD | {"JIRA_PAT": "hush"}, "JIRA_PAT: JIRA_EMAIL and JIRA_API_TOKEN is set, too"),
        (CLOUD | {"JIRA_MAIN_URL": "https://x"}, "JIRA_URL: JIRA_MAIN_URL means the same; keep one"),
        (without(CLOUD, "JIRA_WEBHOOK_SECRETS"), "JIRA_WEBHOOK_SECRETS: it is missing; no delivery could be trusted"),
        (without(DATA_CENTER, "JIRA_EU_PAT"), "JIRA_EU_API_TOKEN: it is missing"),
        (DATA_CENTER | {"JIRA_EU_WEBHOOK_PATH_SECRET": "hush"}, "JIRA_EU_WEBHOOK_PATH_SECRET: it is too short"),
        (DATA_CENTER | {"JIRA_EU_WEBHOOK_PATH_SECRET": "hush/" * 9}, "JIRA_EU_WEBHOOK_PATH_SECRET: it is too"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_variable_and_how_to_mend_it(environ: dict[str, str], says: str) -> None:
    assert says in faults(environ)


def test_all_faults_are_told_at_once() -> None:
    told = faults(without(TOKEN, "GITHUB_TOKEN"), without(CLOUD, "JIRA_EMAIL"), PORT="x", WORKERS="y", LOG_LEVEL="z")
    assert [line.split(":")[0].strip() for line in told.splitlines()[1:]] == [
        "PORT", "GITHUB_TOKEN", "JIRA_EMAIL", "WORKERS", "LOG_LEVEL",
    ]  # fmt: skip


def test_a_misspelt_name_stands_beside_the_fault_that_it_makes() -> None:
    assert "GITHUB_WEBHOOK_SECRET: nobody reads it; did you mean GITHUB_WEBHOOK_SECRETS?" in faults(
        GITHUB_TOKEN="hush", GITHUB_WEBHOOK_SECRET="hush"
    )


def test_with_a_fault_nothing_is_made(tmp_path: Path) -> None:
    faults(PORT="x")
    assert not (tmp_path / "var").exists()


def test_a_directory_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "DATA_DIR: nothing can be kept in" in faults(DATA_DIR=str(tmp_path / "file" / "var"))


# --- warnings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GITHUB_TOKN", "GITHUB_TOKEN"),
        ("GITHUB_TOKENS", "GITHUB_TOKEN"),
        ("GITHUB_APPID", "GITHUB_APP_ID"),
        ("GITHUB_APP_PRIVATE_KEYFILE", "GITHUB_APP_PRIVATE_KEY_FILE"),
        ("JIRA_APITOKEN", "JIRA_API_TOKEN"),
        ("JIRA_EU_APITOKEN", "JIRA_EU_API_TOKEN"),
        ("JIRA_EU_WEBHOOK_SECRET", "JIRA_EU_WEBHOOK_SECRETS"),
    ],
)
def test_a_name_that_is_almost_ours_is_told_with_the_one_that_was_meant(name: str, meant: str) -> None:
    assert read(TOKEN, DATA_CENTER, {name: "hush"}).warnings == (f"{name}: nobody reads it; did you mean {meant}?",)


BUILD_SYSTEMS = (
    "ACTION ACTIONS ACTION_PATH ACTION_REF ACTION_REPOSITORY ACTION_STATUS ACTOR ACTOR_ID BASE_REF CODESPACES_PORT_"
    "FORWARDING_DOMAIN ENV EVENT_NAME EVENT_PATH GRAPHQL_URL HEAD_REF JOB OUTPUT PATH REF REF_NAME REF_PROTECTED "
    "REF_TYPE REPOSITORY REPOSITORY_ID REPOSITORY_OWNER REPOSITORY_OWNER_ID RETENTION_DAYS RUN_ATTEMPT RUN_ID "
    "RUN_NUMBER SERVER_URL SHA STATE STEP_SUMMARY TRIGGERING_ACTOR USER WORKFLOW WORKFLOW_REF WORKFLOW_SHA WORKSPACE"
)


def test_what_build_systems_set_neither_warns_nor_configures_anything() -> None:
    found = read({f"GITHUB_{name}": "x" for name in BUILD_SYSTEMS.split()}, JIRA_HOME="x", PORTS="x")
    assert found.warnings == ()
    assert found.sandbox


def test_a_token_over_http_and_a_path_secret_beside_a_signature_are_warned_of() -> None:
    found = read(CLOUD, JIRA_URL="http://jira.acme.example", JIRA_WEBHOOK_PATH_SECRET="hush-path-0123456789")
    assert [each.split(":")[0] for each in found.warnings] == ["JIRA_URL", "JIRA_WEBHOOK_PATH_SECRET"]
    assert read(CLOUD, JIRA_URL="http://localhost:8080").warnings == ()


# --- digests ----------------------------------------------------------------------------------------------------

DIGESTS = {
    "DIGEST_SUPPORT": " slack://hush-a/b/c\tmailtos://me:hush@acme.example?to=x@acme.example  slack://hush-a/b/c "
}


def test_a_party_s_digest_has_its_addresses_from_the_variable_of_its_name() -> None:
    found = read(DIGESTS, DIGEST_RELEASE_MANAGERS_2="json://hush.example")
    assert found.digest_addresses("support") == (
        "slack://hush-a/b/c", "mailtos://me:hush@acme.example?to=x@acme.example",
    )  # fmt: skip
    assert found.digest_addresses("release-managers_2") == ("json://hush.example",)
    assert found.digest_addresses("growth") == read().digest_addresses("support") == ()
    assert found.sandbox
    assert found.warnings == ()


@pytest.mark.parametrize("said", ["hush", "slack://hush-a, mailto:hush@acme.example", "://hush", "slack://"])
def test_what_is_no_apprise_address_is_a_fault_and_is_not_repeated(said: str) -> None:
    told = faults(DIGEST_SUPPORT=said)
    assert "DIGEST_SUPPORT: there is something in it that is no Apprise address; write one such as mailtos://" in told


def test_the_example_says_how_a_digest_s_variable_is_called() -> None:
    (line,) = re.findall(r"^#\s+(DIGEST_\w+=\S+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    name, _, address = line.partition("=")
    assert read({name: address}).digest_addresses("support") == (address,)


# --- secrets ----------------------------------------------------------------------------------------------------


def test_no_secret_shows_in_a_repr() -> None:
    found = read(
        APP, CLOUD, DATA_CENTER, DIGESTS, MARKER_KEY="hush-marker-0123", REDIS_URL="redis://:hush@r/0",
        DATABASE_URL="postgresql://u:hush@h/n",
    )  # fmt: skip
    assert "hush" not in repr(found)
    assert "hush" not in repr(read(TOKEN))


# --- the marker key ---------------------------------------------------------------------------------------------


def test_the_marker_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key = read().marker_key
    assert len(key) == 64
    assert read().marker_key == key
    assert stat.S_IMODE((tmp_path / "var" / "sandbox" / "marker.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var" / "sandbox").iterdir()] == ["marker.key"]
    assert read(DATA_DIR=str(tmp_path / "other")).marker_key != key


@pytest.mark.parametrize("content", ["", "short"])
def test_a_damaged_marker_key_is_a_fault_and_is_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "var" / "sandbox").mkdir(parents=True)
    (tmp_path / "var" / "sandbox" / "marker.key").write_text(content)
    assert "marker.key is damaged; restore it" in faults()
    assert (tmp_path / "var" / "sandbox" / "marker.key").read_text() == content


def read_one(start: Any, keys: Any, directory: str) -> None:
    """In a process of its own, together with the others."""
    start.wait(60)
    keys.put(Settings.read({"DATA_DIR": directory}).marker_key)


def test_processes_that_start_at_once_have_the_same_marker_key(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    start, keys = fork.Barrier(6), fork.Queue()
    processes = [fork.Process(target=read_one, args=(start, keys, str(tmp_path / "new"))) for _ in range(6)]
    for process in processes:
        process.start()
    found = {keys.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
    assert len(found) == 1
    assert [path.name for path in (tmp_path / "new" / "sandbox").iterdir()] == ["marker.key"]


# --- .env.example -----------------------------------------------------------------------------------------------


def documented() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(found.groups() for line in lines if (found := re.fullmatch(r"#([A-Z_]+)=(.*)", line)))  # type: ignore[misc]


def test_env_example_documents_exactly_the_variables_that_are_read() -> None:
    ours = {*PLAIN, *GITHUB, *(f"JIRA_{what}" for what in JIRA)}
    assert set(documented()) == ours
    sources = [ast.parse(Path(one.__file__).read_text()) for one in (module, admission)]
    nodes = [node for source in sources for node in ast.walk(source) if isinstance(node, ast.Constant)]
    named = {node.value for node in nodes if isinstance(node.value, str)}
    levels = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
    read_by_name = {name for name in named if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", name)} - levels
    assert read_by_name == {*PLAIN, *GITHUB, *JIRA}


def test_the_defaults_in_env_example_are_the_defaults() -> None:
    shown = {name: documented()[name] for name in ("HOST", "PORT", "WORKERS", "LOG_LEVEL", "DATA_DIR", "SANDBOX_PORT")}
    assert read(shown) == read()
    shown = {name: documented()[name] for name in ("MAPPINGS", "GITHUB_API_URL")}
    assert read(TOKEN, shown) == read(TOKEN)


def test_a_copy_of_env_example_as_it_is_sets_nothing() -> None:
    assert not [line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("said", ["https://stages.acme.example/", "http://stages.acme.example/under/here"])
def test_our_own_address_is_as_said_and_holds_no_token_to_warn_of(said: str) -> None:
    settings = read(TOKEN, PUBLIC_URL=said)
    assert (settings.public_url, settings.warnings) == (said.rstrip("/"), ())
    assert read(TOKEN).public_url == "", "nobody has said"
    assert read().public_url == "http://127.0.0.1:8000", "the sandbox knows it"


def test_an_address_of_ours_that_is_none_is_a_fault() -> None:
    assert "PUBLIC_URL: it is no web address" in faults(TOKEN, PUBLIC_URL="stages.acme.example")
