"""`.env` is written for its owner alone, as a whole, and what else stands in it stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from honcho.environ import parse

from integration.cli import main
from integration.setup import dotenv


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_else_stands_there_stays_in_its_place(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# ours\nPORT=8000\n\nGITHUB_TOKEN=old\n# the App:\n#GITHUB_APP_ID=\nexport HOST=0.0.0.0\n")
    dotenv.keep(env, {"GITHUB_TOKEN": "new", "GITHUB_APP_ID": "7", "PUBLIC_URL": "https://stages.acme.example"})
    assert env.read_text() == (
        "# ours\nPORT=8000\n\nGITHUB_TOKEN=new\n# the App:\n#GITHUB_APP_ID=\nGITHUB_APP_ID=7\nexport HOST=0.0.0.0\n"
        "PUBLIC_URL=https://stages.acme.example\n"
    )


def test_of_several_that_set_it_none_is_left_with_the_old_value(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("A=secret-one\nB=1\nA = secret-two\n")
    dotenv.keep(env, {"A": "three"})
    assert env.read_text() == "B=1\nA=three\n"


@pytest.mark.parametrize("value", ["plain", "with a blank", "it's", 'say "x"', "#no comment", "a=b", "$HOME", "é✓", ""])
def test_what_is_written_is_what_is_read(tmp_path: Path, value: str) -> None:
    env = tmp_path / ".env"
    dotenv.keep(env, {"A": value, "B": "after"})
    assert parse(env.read_text())["B"] == "after"
    assert parse(env.read_text()).get("A", "") == value


@pytest.mark.parametrize(
    ("line", "value"),
    [("A=1", "1"), ("export A=1", "1"), (" A = 1 # one", "1"), ("A='x#y'", "x#y"), ('A="a # b"', "a # b"),
     ("A=1\nA=", "")],
)  # fmt: skip
def test_what_it_sets_is_read_as_it_is_meant(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / ".env").write_text(f"# it's a note\nnot a line of ours\n{line}\n")
    assert dotenv.variables(tmp_path / ".env") == {"A": value}
    assert dotenv.sets(tmp_path / ".env", "A") is bool(value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("TOKEN=abc#hush", "2 TOKEN: a # begins a comment there"),
        ("TOKEN='hush", "2 TOKEN: a quote is opened there"),
        ('KEY="-----BEGIN hush-----', "GITHUB_APP_PRIVATE_KEY_FILE"),
        ("TOKEN=hush\xff", "is not UTF-8"),
    ],
)
def test_what_would_be_read_otherwise_than_it_is_meant_is_told_by_its_line_and_not_shown(
    tmp_path: Path, line: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(f"B=1\n{line}\n".encode("latin-1"))
    said = CliRunner().invoke(main, ["check", "mappings.yaml"])
    assert said.exit_code == 2
    assert says in said.output
    assert "hush" not in said.output
    assert "hush" not in dotenv.why_not(tmp_path)
    assert dotenv.why_not(tmp_path)


def test_a_link_to_where_nothing_can_be_written_is_found_out_before_anything_depends_on_it(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "gone" / ".env")
    assert "gone" in dotenv.why_not(tmp_path)


@pytest.mark.parametrize("before", [None, 0o644, 0o600])
def test_it_is_for_its_owner_alone_whatever_it_was_before(tmp_path: Path, before: int | None) -> None:
    env = tmp_path / ".env"
    if before is not None:
        env.write_text("A=1\n")
        env.chmod(before)
    old = os.umask(0)
    try:
        dotenv.keep(env, {"B": "2"})
    finally:
        os.umask(old)
    assert mode(env) == 0o600


def test_the_file_that_a_link_names_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / ".env").symlink_to(tmp_path / "there" / "env")
    dotenv.keep(tmp_path / ".env", {"A": "1"})
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "there" / "env").read_text() == "A=1\n"


def test_where_it_cannot_be_written_the_old_one_stays_whole_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".env"
    env.write_text("A=1\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        dotenv.keep(env, {"A": "2"})
    assert env.read_text() == "A=1\n"
    assert [one.name for one in tmp_path.iterdir()] == [".env"]
    assert "No space" in dotenv.why_not(tmp_path)


@pytest.mark.parametrize(
    ("text", "is_set"),
    [("A=1", True), ("A=", False), ("#A=1", False), ("A=1\nA=", False), ("A=''", False), ("B=A=1", False), ("", False)],
)
def test_a_variable_is_set_where_its_last_line_sets_it_to_something(tmp_path: Path, text: str, is_set: bool) -> None:
    (tmp_path / ".env").write_text(text)
    assert dotenv.sets(tmp_path / ".env", "A") is is_set


def test_no_file_sets_nothing(tmp_path: Path) -> None:
    assert not dotenv.sets(tmp_path / ".env", "A")
