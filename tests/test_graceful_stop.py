"""A stop under load: what is in hand is ended, nothing new is begun, and all of it is down before a platform kills."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.sandbox import World, environment, running
from integration.sandbox.people import GITHUB_SECRET, JIRA_SECRET, SERVICE
from integration.sandbox.world import FOR_EVER, Fault
from integration.settings import Settings
from integration.stages.entries import Acknowledged
from integration.stages.model import Ref
from integration.stages.remembered import Step, remember
from tests.test_running import ROOT, Run, alive, free_port, ready, until

PLATFORM = 30.0  # seconds from SIGTERM to SIGKILL
EACH = 6


@dataclass
class Service:
    """`release-stages run` before a sandbox that outlives it, and some features on each tracker."""

    home: Path
    world: World
    environ: dict[str, str]
    issues: list[int]
    keys: list[str]
    runs: list[Run]

    def start(self) -> Run:
        self.runs.append(Run([sys.executable, "-m", "integration.cli", "run"], self.home, self.environ))
        url = f"http://127.0.0.1:{self.environ['PORT']}"
        until(lambda: ready(url) or self.runs[-1].process.poll() is not None)
        assert self.runs[-1].process.poll() is None, "\n".join(self.runs[-1].lines)
        return self.runs[-1]

    def ask_for_public(self) -> None:
        for number in self.issues:
            self.world.github.label("acme/app", number, "stage: public", "erin")
        for key in self.keys:
            self.world.jira.transition(key, "Released", "erin")

    @property
    def settings(self) -> Settings:
        return Settings.read(self.environ)

    @property
    def refs(self) -> list[Ref]:
        return [*(Ref("github", "", "acme/app", one) for one in self.issues), *map(Ref.parse, self.keys)]

    def said(self) -> list[list[str]]:
        """Of each feature, what the service has written on it."""
        github = [self.world.github.issue("acme/app", number).comments for number in self.issues]
        jira = [self.world.jira.issue(key).comments for key in self.keys]
        return [[one.body for one in comments if one.by == SERVICE] for comments in github] + [
            [one.body for one in comments if one.author == SERVICE] for comments in jira
        ]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with ExitStack() as stack:
        world = World()
        served = stack.enter_context(running(world))
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SANDBOX": "0", "PORT": str(port),
            "DATA_DIR": str(tmp_path / "var"), "MAPPINGS": str(ROOT / "drill" / "mappings.yaml"),
            "MARKER_KEY": "a key for one stop and two starts", "WORKERS": "2", "THREADS": "2",
            **environment(served.url),
        }  # fmt: skip
        world.hooks.register(f"http://127.0.0.1:{port}/webhooks/github", GITHUB_SECRET, "github")
        world.hooks.register(f"http://127.0.0.1:{port}/webhooks/jira", JIRA_SECRET, "jira")
        made = Service(tmp_path, world, environ, [], [], [])
        yield made
        for run in made.runs:
            if run.process.poll() is None:
                family = run.family()
                run.process.kill()
                until(lambda family=family: not alive(family))


def test_a_stop_under_load_ends_what_is_in_hand_in_time_and_the_next_start_goes_on_with_the_rest(
    service: Service,
) -> None:
    world, speaking = service.world, threading.Event()
    run = service.start()
    service.issues = [
        world.github.open_issue("acme/app", f"feature {n}", "erin", "", ["stage: beta"]).number for n in range(EACH)
    ]
    service.keys = [world.jira.create_issue("APP", f"feature {n}", "erin", "", "Beta") for n in range(EACH)]
    inbox = Inbox.connect(service.settings.redis_url)
    until(lambda: world.hooks.idle(0.1) and inbox.depth() == 0)
    world.faults.add(Fault(r"/issues?/", "latency", seconds=0.4, times=FOR_EVER))
    world.faults.add(Fault(r"^POST .*/comments?$", "call", call=speaking.set))
    service.ask_for_public()
    assert speaking.wait(60), "nobody is at work"
    family, begun = run.family(), time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    world.hooks.hold()  # as a tracker that tries again until we are back
    for key in service.keys:
        world.jira.comment(key, "/stage ack", "sam")

    assert run.wait() == 0, "\n".join(run.lines)

    assert time.monotonic() - begun < PLATFORM
    assert alive(family) == []
    assert not run.says("is killed"), "all of them went when they were asked"
    with closing(Ledger.open(service.settings.database_url)) as ledger:
        steps = [one.step for ref in service.refs for one in remember(ledger.entries(ref)).intents.values()]
    assert Step.TRIED not in steps, "no act was broken off"
    assert Step.DONE in steps

    world.faults.clear()
    service.start()
    world.hooks.release()
    until(lambda: world.hooks.idle(0.1) and inbox.depth() == 0)
    until(lambda: all(len([body for body in one if "Public Release needs" in body]) == 1 for one in service.said()))
    with closing(Ledger.open(service.settings.database_url)) as ledger:
        assert [ledger.verify(ref) for ref in service.refs] == [None] * 2 * EACH
        acks = [[one for one in ledger.entries(ref) if isinstance(one, Acknowledged)] for ref in service.refs[EACH:]]
        assert all(acks), "what came while we were away was not lost"
    assert {world.jira.issue(key).status.name for key in service.keys} == {"Beta"}
    assert {tuple(world.github.label_names("acme/app", number)) for number in service.issues} == {("stage: beta",)}
