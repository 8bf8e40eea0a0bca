"""docs/getting-started.md is played from its first step to its last. `make words` writes it anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest
import structlog
import time_machine

from integration.cli import main
from integration.sandbox import World, running
from integration.sandbox.demo import seed
from integration.sandbox.people import SERVICE
from integration.setup import steps
from tests.stories.conftest import MONDAY
from tests.stories.ten_minutes import COMMAND, DOC, STEPS, Newcomer, play, without_surroundings

ANEW = bool(os.environ.get("WRITE_WORDS"))
STALE = "docs/getting-started.md shows another output than there is now: `make words`; read what has changed"


@pytest.fixture
def newcomer(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    for name in without_surroundings():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(steps, "PAUSE", 0)
    with time_machine.travel(MONDAY, tick=False) as traveller, running(World()) as served:
        seed(served.world)
        served.world.hooks.hold()  # the service's receiver is not started here: a worker is told by hand
        yield Newcomer(tmp_path, served.world, redis_url, traveller)
    structlog.reset_defaults()


def test_every_step_shows_what_the_docs_say(newcomer: Newcomer) -> None:
    text = play(newcomer)

    if ANEW:
        DOC.write_text(text, "utf-8")
    assert DOC.read_text("utf-8") == text, STALE

    comments = newcomer.world.github.issue("acme/app", 4).comments
    assert "Public Release needs Support first" in next(one.body for one in comments if one.by == SERVICE)
    assert newcomer.world.github.label_names("acme/app", 4) == ["stage: beta"]


def test_what_is_typed_is_a_command_that_there_is() -> None:
    typed = [step.typed for step in STEPS if step.typed.startswith(COMMAND)]
    assert len(typed) >= 6
    for line in typed:
        name = line.split()[1]
        assert isinstance(main.commands[name], click.Command)
    assert all("\n" not in line for line in typed)


def test_the_docs_name_no_folder_and_no_port_of_this_machine() -> None:
    text = DOC.read_text("utf-8")
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", text)) == {"8000", "8001"}
    assert "/tmp" not in text
