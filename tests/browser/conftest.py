"""A real browser before the real pages: Chromium, driven by Playwright, and a ledger that is full of a seeded world.

The browser is the one that is installed, or Playwright's own (`playwright install chromium`). Where there is none these
tests are skipped, and say so; with REQUIRE_BROWSER=1, as in `.ci/run`, they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from flask import Flask
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from integration import loopback
from integration.admission import Admission
from integration.cli import main
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.web.app import create_app
from integration.web.entrance.of_file import InForce, PartiesOfFile

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)  # a Friday afternoon
FEATURES = 120
SIZES = {"desktop": (1400, 900), "phone": (390, 844)}


def found_browser(playwright: Playwright) -> Browser:
    """The one that is installed, else Playwright's own. Raises `Error` where there is neither."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, INSTALLED)), None)
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # as in a container
    return playwright.chromium.launch(executable_path=named, args=root)


@pytest.fixture(
    scope="package"
)  # no longer: its event loop runs in this thread, and other tests begin one of their own
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            found = found_browser(playwright)
        except Error as error:
            why = f"no browser: install chromium, or `.venv/bin/playwright install chromium` ({error.message[:200]})"
            (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip)(why)
        yield found
        found.close()


@dataclass
class Served:
    """The pages at an address, and what they show."""

    address: str
    settings: Settings
    app: Flask
    ledger: Ledger


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a ledger in which an organisation has worked for half a year, and its mappings.yaml."""
    home = tmp_path_factory.mktemp("seeded")
    command = ["seed", "--features", str(FEATURES), "--seed", "4", "--now", NOW.isoformat(), "--rules", "mappings.yaml"]
    environ = {"DATABASE_URL": f"sqlite:///{home / 'ledger.db'}", "DATA_DIR": str(home), "SANDBOX": "1"}
    here = Path.cwd()
    os.chdir(home)
    try:
        told = CliRunner().invoke(main, command, env=environ)
    finally:
        os.chdir(here)
    assert told.exit_code == 0, told.output
    return home


@contextmanager
def serving(settings_at: Callable[[str], Settings]) -> Iterator[Served]:
    """Serve the pages over HTTP; `settings_at` is told at which address."""
    server = loopback.server(Flask(__name__), 0)
    address = f"http://127.0.0.1:{server.server_port}"
    settings = settings_at(address)
    ready = {"ledger": "ok", "mappings": "ok"}
    parties = PartiesOfFile(InForce(settings))
    server.app = app = create_app(settings, Inbox.connect(settings.redis_url), lambda: ready, parties=parties)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    ledger = Ledger.open(settings.database_url)
    yield Served(address, settings, app, ledger)
    ledger.close()
    server.shutdown()
    server.server_close()


def settings_of(seeded: Path, redis_url: str, admission: Admission) -> Settings:
    """Those of a service that has the seeded ledger."""
    return Settings(
        data_dir=seeded, mappings=seeded / "mappings.yaml", redis_url=redis_url,
        database_url=f"sqlite:///{seeded / 'ledger.db'}", marker_key=b"k" * 32, sandbox=True,
        github=GitHubSettings(webhook_secrets=("s",)), jira=(JiraSettings("main", "https://jira.acme.example"),),
        admission=admission,
    )  # fmt: skip


@pytest.fixture(scope="session")
def served(seeded: Path, redis_server: str) -> Iterator[Served]:
    """The pages over HTTP, open as in a trial at one machine."""
    with serving(lambda _: settings_of(seeded, redis_server, Admission("open"))) as one:
        yield one


@dataclass
class Visit:
    """A page in a browser, and what it did beside being shown: errors it met, addresses it asked elsewhere."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.strangers.append(request.url)

    def open(self, path: str, status: int = 200) -> Page:
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == status
        return self.page

    def looks(self, size: str, colours: Literal["light", "dark"]) -> None:
        """From now on the window is so large, and in these colours."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=colours)

    def violations(self) -> list[str]:
        """What axe-core objects to: rule, and the first place."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@contextmanager
def visiting(browser: Browser, address: str, size: str, colours: str, *more: str) -> Iterator[Visit]:
    """A browser's window of that size, in those colours; "plain": without JavaScript."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=colours, java_script_enabled="plain" not in more,
        reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(15_000)
    yield Visit(context.new_page(), address)
    context.close()


@pytest.fixture
def visit(browser: Browser, served: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A browser's window; parametrize it indirectly with (size, colours), and "plain" for one without JavaScript."""
    with visiting(browser, served.address, *getattr(request, "param", ("desktop", "light"))) as one:
        yield one
