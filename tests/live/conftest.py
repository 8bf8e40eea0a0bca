"""A sandbox with nothing in it, and a way to compare a file with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from integration.live.checking import Check
from integration.live.findings import Findings, Level
from integration.look import trackers_of
from integration.sandbox import World, running
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from integration.sandbox.serving import Served
from integration.settings import GitHubSettings, JiraSettings, Settings

ADDRESS = "https://stages.acme.example"
FILE = """version: 1
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
parties:
  support:
    github: {team: acme/support}
    jira: {group: support-agents}
sources:
  - github:
      repositories: [acme/app]
      labels:
        development: "stage: development"
        internal: "stage: internal"
        beta: "stage: beta"
        public: "stage: public"
  - jira:
      projects: [APP]
      statuses: {development: [In Progress, In Review], internal: [Internal], beta: [Beta], public: [Released]}
rules:
  - id: support
    entering: public
    require: [acknowledged: {party: support}]
    level: block
    effective: 2026-12-01
"""
Live = Callable[..., Findings]


@pytest.fixture(scope="session")
def once_served() -> Iterator[Served]:
    with running(World()) as one:
        yield one


@pytest.fixture
def served(once_served: Served) -> Served:
    """Served once for all tests, as that takes its time; and for each as new."""
    world = once_served.world
    for part, arguments in ((world.faults, ()), (world.hooks, ()), (world.github, (world,)), (world.jira, (world,))):
        part.__init__(*arguments)
    return once_served


@pytest.fixture
def world(served: Served) -> World:
    return served.world


@pytest.fixture
def settings(tmp_path: Path, served: Served) -> Settings:
    return Settings(
        data_dir=tmp_path,
        mappings=tmp_path / "mappings.yaml",
        redis_url=f"unix://{tmp_path / 'no-redis.sock'}",
        database_url="sqlite://",
        marker_key=b"a key for these tests",
        github=GitHubSettings(served.github_url, SERVICE_TOKEN, webhook_secrets=("s",)),
        jira=(JiraSettings("main", served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN, webhook_secrets=("s",)),),
        public_url=ADDRESS,
        rota_hosts=("127.0.0.1",),
    )


@pytest.fixture
def live(settings: Settings) -> Live:
    """`live(text, old="new", …)`: the file with these words replaced, compared with the sandbox."""

    def compare(
        text: str = FILE,
        words: Mapping[str, str] | None = None,
        arrived: Mapping[str, datetime] | None = None,
        only: str = "",
        **changed: Any,
    ) -> Findings:
        for old, new in (words or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        mine = replace(settings, **changed)
        mine.mappings.write_text(text)
        return Check(mine, trackers_of(mine), arrived=arrived, file=mine.mappings, only=only).run()

    return compare


def said(found: Findings, level: Level) -> list[str]:
    """`line cause`, or `place: cause`, with the mending behind it."""
    return [
        f"{one.name.line if one.name else one.where}: {one.cause}" + (f" → {one.fix}" if one.fix else "")
        for one in found.of(level)
    ]


def faults(found: Findings) -> list[str]:
    return said(found, Level.FAULT)


def warnings(found: Findings) -> list[str]:
    return said(found, Level.WARNING)


def fine(found: Findings) -> list[str]:
    return said(found, Level.OK)
