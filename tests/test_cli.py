"""The command: its help, its exit codes, what is wrong said in words for people; and what logs must hide."""

import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from integration import logs
from integration.check import check
from integration.cli import main
from integration.settings import GitHubSettings, JiraSettings, Settings

ROOT = Path(__file__).parent.parent


def ask(*arguments: str, home: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    command = [sys.executable, "-m", "integration.cli", *arguments]
    return subprocess.run(command, cwd=home, env=clean, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "command", ["run", "web", "worker", "clock", "check", "explain", "tables", "init", "import", "rules"]
)
def test_every_command_has_a_help_that_says_what_it_does(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert command in CliRunner().invoke(main, ["--help"]).output
    assert len(shown.output.splitlines()) > 4


def test_an_unknown_command_is_answered_with_the_usage_and_code_2() -> None:
    shown = CliRunner().invoke(main, ["walk"])
    assert shown.exit_code == 2
    assert "No such command 'walk'" in shown.output


def test_help_loads_nothing_heavy() -> None:
    heavy = {"flask", "rq", "github", "jira", "pydantic", "sqlalchemy", "redis", "honcho"}
    asks = f"import sys, integration.cli; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [["run"], ["web"], ["worker"], ["clock"], ["explain", "acme/app#12"]])
def test_an_environment_that_makes_no_sense_is_one_message_and_code_2(command: list[str], tmp_path: Path) -> None:
    told = ask(*command, home=tmp_path, PORT="a pony", DATA_DIR=str(tmp_path / "var"))
    assert told.returncode == 2
    assert "PORT" in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""


def test_a_file_env_here_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=a pony\n")
    from_file = ask("web", home=tmp_path, DATA_DIR=str(tmp_path / "var"))
    assert (from_file.returncode, "PORT" in from_file.stderr) == (2, True)
    wins = ask("web", home=tmp_path, DATA_DIR=str(tmp_path / "var"), PORT="no number either")
    assert "no number either" in wins.stderr


def test_a_sound_file_is_code_0_and_a_faulty_one_code_1_with_its_lines(tmp_path: Path) -> None:
    assert ask("check", str(ROOT / "mappings.yaml")).returncode == 0
    faulty = tmp_path / "mappings.yaml"
    faulty.write_text("version: 1\nstages: 7\n")
    told = ask("check", str(faulty))
    assert told.returncode == 1
    assert "mappings.yaml:2:" in told.stdout
    assert "Traceback" not in told.stderr


def test_what_does_nothing_is_noted_and_is_no_fault(tmp_path: Path) -> None:
    noted = tmp_path / "mappings.yaml"
    noted.write_text((ROOT / "mappings.yaml").read_text().replace("outside: {freeze: end-of-year}", "not_on_hold"))
    told = ask("check", str(noted))
    assert (told.returncode, told.stderr) == (0, "")
    first, note = told.stdout.splitlines()
    assert "has no fault" in first
    assert note == "note: no rule looks at the freeze end-of-year"


@pytest.mark.parametrize("file", ["mappings.yaml", "integration/sandbox/mappings.yaml"])
def test_there_is_nothing_to_note_about_the_files_that_ship(file: str) -> None:
    lines, mappings = check(ROOT / file)
    assert mappings
    assert len(lines) == 1


def test_a_name_of_no_issue_is_answered_with_how_one_is_named(tmp_path: Path) -> None:
    told = ask("explain", "the blue one", home=tmp_path, DATA_DIR=str(tmp_path / "var"), SANDBOX="1")
    assert told.returncode == 2
    assert "acme/app#12" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["worker", "clock"])
def test_worker_and_clock_become_the_process_of_that_name(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    became: list[list[str]] = []

    def become(path: str, arguments: list[str], environ: dict[str, str]) -> None:
        became.append(arguments)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(Settings, "read", lambda environ: None)
    assert CliRunner().invoke(main, [command]).exit_code == 0
    assert became == [[sys.executable, "-m", "workers", command]]


# --- logs -------------------------------------------------------------------------------------------------------

KEY = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEAtheprivatekey0\nAnotherLineOfTheKey0123456789\n-----END KEY-----"
SETTINGS = Settings(
    data_dir=Path("var"),
    mappings=Path("mappings.yaml"),
    redis_url="redis://:redispass@db:6379/0",
    database_url="postgresql://app:pg%2Fpass@db/app",
    marker_key=b"markerkeybytes",
    github=GitHubSettings(token="ghp_secret", app_private_key=KEY, webhook_secrets=("hook one", 'hook"two')),
    jira=(JiraSettings("main", "https://acme.example", "erin@acme.example", "jiratoken", path_secret="pathsecret"),),
    digests={
        "support": (
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXr/#desk",
            "tgram://123456789:abcdefg_hijklmnop/12315544/",
        ),
        "docs": (
            "mailtos://dora-docs:hun%2Fter@mail.example?to=gus&format=markdown&key=query%20secret",
            "json://localhost/a",
        ),
    },
)
SPELLINGS = {
    "a token": "ghp_secret",
    "a password in a URL": "redispass",
    "a password that a URL quotes": "pg%2Fpass",
    "and as it is": "pg/pass",
    "a secret that JSON quotes": 'hook"two',
    "the second of several": "hook one",
    "a line of a key": "AnotherLineOfTheKey0123456789",
    "a whole key": KEY,
    "basic authorisation": "ZXJpbkBhY21lLmV4YW1wbGU6amlyYXRva2Vu",
    "a secret in a path": "/webhooks/jira/main/pathsecret",
    "bytes": "markerkeybytes",
    "an address of Apprise": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXr/#desk",
    "a part of its path": "TIiajkdnlazkcOXr",
    "what stands where a host would": "T1JJ3T3L2",
    "and a port": "abcdefg_hijklmnop",
    "its user": "dora-docs",
    "its password": "hun/ter",
    "its password as it is written": "hun%2Fter",
    "its login": "ZG9yYS1kb2NzOmh1bi90ZXI=",
    "a value of its query": "query secret",
}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    before = logging.root.handlers, logging.root.level
    yield lambda: capsys.readouterr().err
    logging.root.handlers, logging.root.level = before
    structlog.reset_defaults()
    sys.excepthook = sys.__excepthook__


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_no_secret_stands_in_a_line_wherever_it_came_from(said, spelling: str) -> None:
    logs.set_up(SETTINGS)
    structlog.get_logger("a").warning(f"in the event {spelling}", value=spelling, deep={"x": [spelling]})
    logging.getLogger("b").warning("by the standard library: %s", spelling)
    try:
        raise ValueError(spelling)
    except ValueError:
        structlog.get_logger("c").exception("in a trace")
    lines = said()
    assert lines.count(logs.HIDDEN) >= 5
    for secret in [spelling, json.dumps(spelling)[1:-1], *logs.secrets_of(SETTINGS)]:
        assert not secret or secret not in lines


@pytest.mark.parametrize("words", ["localhost", "mail.example", "markdown", "gus", "mailtos", "desk"])
def test_what_is_no_secret_of_an_address_stays_readable(words: str) -> None:
    assert logs.Mask(logs.secrets_of(SETTINGS))(f"a line with {words}") == f"a line with {words}"


def test_lines_are_json_with_level_time_and_logger_and_traces_hold_no_locals(said) -> None:
    logs.set_up(SETTINGS)
    structlog.get_logger("workers").info("reconciled", ref="github:acme/app#12")
    logging.getLogger("rq").warning("of a library: %d", 7)
    ours, theirs = (json.loads(line) for line in said().splitlines())
    assert ours["event"] == "reconciled"
    assert ours["ref"] == "github:acme/app#12"
    assert {"level", "timestamp", "logger"} <= ours.keys() & theirs.keys()
    assert theirs["event"] == "of a library: 7"


def test_lines_are_for_people_where_the_settings_force_colour(said) -> None:
    logs.set_up(replace(SETTINGS, force_color=True))
    structlog.get_logger("workers").info("reconciled")
    line = said()
    assert "\x1b[" in line
    assert "reconciled" in line
    assert not line.startswith("{")


def test_what_ends_a_process_goes_through_the_mask_too(tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text(
        "from pathlib import Path\nfrom integration import logs\nfrom integration.settings import Settings\n"
        "logs.set_up(Settings(Path('v'), Path('m'), 'redis://:redispass@db', 'sqlite://', b'longkeylongkey'))\n"
        "raise RuntimeError('cannot reach redis://:redispass@db')\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, str(script)], env=environ, capture_output=True, text=True, timeout=60)
    assert told.returncode == 1
    assert "RuntimeError" in told.stderr
    assert "redispass" not in told.stderr


def test_masking_a_line_costs_little() -> None:
    mask, line = logs.Mask(logs.secrets_of(SETTINGS)), "an ordinary line of a log " * 10
    began = time.perf_counter()
    for _ in range(1000):
        mask(line)
    assert time.perf_counter() - began < 2, "two milliseconds a line would be felt"
