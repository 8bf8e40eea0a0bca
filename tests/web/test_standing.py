"""How the service stands, for machines and for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import redis
import time_machine
from flask.testing import FlaskClient
from rq import SimpleWorker

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.stages.model import Ref
from integration.web.app import create_app
from integration.web.readiness import Readiness

GOOD = {"ledger": "ok", "mappings": "ok"}
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def make_settings(tmp_path: Path, database_url: str = "sqlite://") -> Settings:
    return Settings(
        tmp_path,
        tmp_path / "mappings.yaml",
        "redis://nowhere",
        database_url,
        b"k",
        github=GitHubSettings(webhook_secrets=("hidden",)),
        jira=(JiraSettings("eu", "https://acme.example", path_secret="hidden"),),
        admission=Admission("open"),
    )


@pytest.fixture
def make_client(redis_client: redis.Redis, tmp_path: Path) -> Callable[..., FlaskClient]:
    def make(told: object = None, inbox: Inbox | None = None) -> FlaskClient:
        def ready() -> dict[str, str]:
            if isinstance(told, Exception):
                raise told
            return dict(GOOD) if told is None else told  # type: ignore[return-value]

        return create_app(make_settings(tmp_path), inbox or Inbox(redis_client), ready).test_client()

    return make


@pytest.fixture
def worker(redis_client: redis.Redis) -> SimpleWorker:
    found = SimpleWorker([Inbox(redis_client).queue], connection=redis_client, serializer="json")
    found.register_birth()
    return found


def test_it_is_alive_whatever_is_away(make_client: Callable[..., FlaskClient]) -> None:
    answer = make_client(RuntimeError(), Inbox.connect("redis://127.0.0.1:1")).get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


@pytest.mark.usefixtures("worker")
def test_it_is_ready_when_all_four_are(make_client: Callable[..., FlaskClient]) -> None:
    answer = make_client().get("/readyz")
    assert (answer.status_code, answer.json) == (200, {**GOOD, "redis": "ok", "workers": "ok"})


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("told", "bad"),
    [
        ({**GOOD, "ledger": "the database does not answer"}, {"ledger": "the database does not answer"}),
        ({**GOOD, "mappings": "mappings.yaml:3:1"}, {"mappings": "mappings.yaml:3:1"}),
        ({"ledger": "ok"}, {"mappings": "cannot be told; the log says why"}),
        (RuntimeError("private"), dict.fromkeys(GOOD, "cannot be told; the log says why")),
    ],
)
def test_it_is_not_ready_when_one_is_not(
    make_client: Callable[..., FlaskClient], told: object, bad: dict[str, str]
) -> None:
    answer = make_client(told).get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {**GOOD, "redis": "ok", "workers": "ok", **bad}


def test_it_is_not_ready_without_a_worker(make_client: Callable[..., FlaskClient]) -> None:
    answer = make_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert "release-stages worker" in answer.json["workers"]


def test_it_is_not_ready_without_redis(make_client: Callable[..., FlaskClient]) -> None:
    answer = make_client(None, Inbox.connect("redis://:hidden@127.0.0.1:1")).get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["redis"] != "ok" != answer.json["workers"]
    assert "hidden" not in answer.get_data(as_text=True)


class Texts(HTMLParser):
    """The page as it is read, and what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value for name, value in attrs if name in ("href", "src") and value]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.mark.usefixtures("worker")
def test_the_page_tells_how_it_stands_and_where_to_look(make_client: Callable[..., FlaskClient]) -> None:
    client = make_client({**GOOD, "mappings": "mappings.yaml:3:1 <b>no such stage</b>"})
    page = Texts(client.get("/status").get_data(as_text=True))
    assert "mappings.yaml:3:1 <b>no such stage</b>" in page.text, "quoted, not obeyed"
    assert "Nothing waits." in page.text
    assert "/webhooks/github" in page.text
    assert "/webhooks/jira/eu" in page.text
    assert "hidden" not in page.text
    assert len(page.loaded) >= 3
    for address in page.loaded:
        assert client.get(address, follow_redirects=True).status_code in (200, 503), address


@pytest.mark.parametrize(
    ("waited", "says"),
    [
        (timedelta(seconds=1), "1 second."),
        (timedelta(seconds=59), "59 seconds."),
        (timedelta(minutes=1), "1 minute."),
        (timedelta(hours=5, minutes=59), "5 hours."),
        (timedelta(days=2), "2 days."),
    ],
)
def test_the_page_tells_how_long_the_oldest_waits(
    make_client: Callable[..., FlaskClient], redis_client: redis.Redis, waited: timedelta, says: str
) -> None:
    Inbox(redis_client).hint(Ref("github", "", "acme/app", 12), now=NOON)
    with time_machine.travel(NOON + waited, tick=False):
        page = Texts(make_client().get("/status").get_data(as_text=True))
    assert f"One issue waits, the longest for {says}" in page.text


def test_the_page_opens_without_redis(make_client: Callable[..., FlaskClient]) -> None:
    answer = make_client(None, Inbox.connect("redis://127.0.0.1:1")).get("/status")
    assert answer.status_code == 200
    assert "cannot be told without Redis" in Texts(answer.get_data(as_text=True)).text


# --- the ledger and the mappings --------------------------------------------------------------------------------


def test_a_ledger_and_sound_mappings_are_ok(tmp_path: Path, sqlite_url: str) -> None:
    (tmp_path / "mappings.yaml").write_text(
        "version: 1\nstages: {beta: Beta, public: Public}\n"
        'sources: [{github: {repositories: ["acme/*"], labels: {beta: "stage: beta", public: "stage: public"}}}]\n'
    )
    ready = Readiness(make_settings(tmp_path, sqlite_url))
    assert ready() == GOOD
    assert ready() == GOOD


def test_faulty_mappings_are_named_until_they_are_mended(tmp_path: Path, sqlite_url: str) -> None:
    file = tmp_path / "mappings.yaml"
    ready = Readiness(make_settings(tmp_path, sqlite_url))
    assert "MAPPINGS" in ready()["mappings"]
    file.write_text("version: 2\n")
    assert ready()["mappings"].startswith("mappings.yaml:1:")
    file.write_bytes(b"\xff\xfe\xff")
    assert "cannot be read" in ready()["mappings"]


def test_a_ledger_that_comes_back_is_found(tmp_path: Path) -> None:
    home = tmp_path / "not there yet"
    ready = Readiness(make_settings(tmp_path, f"sqlite:///{home / 'ledger.db'}"))
    first = ready()["ledger"]
    home.mkdir(exist_ok=True)
    assert ready()["ledger"] == "ok"
    assert first != "ok" or (home / "ledger.db").exists()


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://erin:hidden@127.0.0.1:1/ledger"
    told = Readiness(make_settings(tmp_path, url))()["ledger"]
    assert told != "ok"
    assert "hidden" not in told
