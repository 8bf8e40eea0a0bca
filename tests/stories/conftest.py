"""What a story needs: the whole house over real HTTP, a real Redis, and a time that the story sets.

The sandbox and the web run in threads of the test process, the worker runs in it, so all of them live in the story's
time. Nothing of the house is replaced.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from werkzeug.serving import make_server

from integration.sandbox import World, running
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.web.server import create_front
from tests.stories.house import House, OnGitHub, OnJira, Team, unhurried
from tests.web.by_wsgi import by_wsgi
from tests.whole import trackers_for

MONDAY = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)


ON_BOTH = {"test_the_gate", "test_moves", "test_mentions"}  # what the service exists for


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A story that names no tracker is told on one of them, and by `make drill` on both: tests/whole.py."""
    marked = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "tracker" in metafunc.fixturenames and not any("tracker" in re.split(r"[, ]+", str(one)) for one in marked):
        module = metafunc.module.__name__.rpartition(".")[2]
        chosen = trackers_for(f"{module}.{metafunc.function.__name__}", module in ON_BOTH)
        metafunc.parametrize("tracker", chosen, indirect=True)


@pytest.fixture
def tracker(request: pytest.FixtureRequest) -> str:
    """The tracker that the story is told on."""
    return str(request.param)


@pytest.fixture
def house(tmp_path: Path, redis_url: str, ledger_file: Path) -> Iterator[House]:
    """A house that stands on an empty world, on a Monday morning."""
    with ExitStack() as stack:
        traveller = stack.enter_context(time_machine.travel(MONDAY, tick=True))
        served = stack.enter_context(running(World()))
        settings = Settings(
            data_dir=tmp_path,
            mappings=tmp_path / "mappings.yaml",
            redis_url=redis_url,
            database_url=f"sqlite:///{ledger_file}",
            marker_key=b"a key for the stories",
            github=GitHubSettings(served.github_url, SERVICE_TOKEN, webhook_secrets=("old", "new")),
            jira=(JiraSettings("main", served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN, webhook_secrets=("js",)),),
        )
        web = by_wsgi(create_front(settings, unhurried(redis_url), dict))
        server = make_server("127.0.0.1", 0, web, threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        stack.callback(server.shutdown)
        served.world.hooks.register(f"http://127.0.0.1:{server.port}/webhooks/github", "new", "github")
        served.world.hooks.register(f"http://127.0.0.1:{server.port}/webhooks/jira", "js", "jira")
        house = House(settings, served.world, traveller)
        house.settle()  # the ledger is born before anything happens
        traveller.shift(60)
        yield house


@pytest.fixture
def team(house: House, tracker: str) -> Team:
    """The same words for both trackers: open, move, write, see."""
    return OnGitHub(house) if tracker == "github" else OnJira(house)


@pytest.fixture
def in_beta(team: Team) -> Team:
    """A feature that has stood in Beta for an hour; Support was told of that."""
    team.stand_in("beta")
    return team


@pytest.fixture
def blocked(in_beta: Team) -> Team:
    """Erin has asked for Public, and it was put back."""
    in_beta.ask_for("public")
    return in_beta
