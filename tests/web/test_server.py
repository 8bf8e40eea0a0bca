"""What the web server loads, in a process of its own: built from the environment alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from integration import logs
from integration.settings import GitHubSettings, Settings

ROOT = Path(__file__).parent.parent.parent
ASK = (
    "import json; from werkzeug.test import Client; from integration.web.server import app; "
    "from tests.web.by_wsgi import by_wsgi; print(json.dumps(Client(by_wsgi(app)).get('/readyz').json))"
)


def load(cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", ASK], cwd=cwd, env={**bare, **environ}, capture_output=True, text=True, timeout=60
    )


def test_it_is_built_from_the_environment_alone(tmp_path: Path, redis_url: str) -> None:
    done = load(tmp_path, REDIS_URL=redis_url, DATA_DIR=str(tmp_path / "data"), MAPPINGS=str(tmp_path / "none.yaml"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["redis"], told["ledger"]) == ("ok", "ok")
    assert "none.yaml" in told["mappings"]
    assert "release-stages worker" in told["workers"]


def test_it_starts_while_redis_is_away(tmp_path: Path) -> None:
    done = load(tmp_path, REDIS_URL="redis://:hidden-word@127.0.0.1:1", DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["redis"] != "ok"
    assert "hidden-word" not in done.stdout + done.stderr


SECRET = "a-secret-of-the-hook"


def settings(tmp_path: Path, **more: Any) -> Settings:
    hooks = GitHubSettings(webhook_secrets=(SECRET,))
    return Settings(tmp_path, tmp_path / "m", "redis://nowhere", "sqlite://", b"k" * 32, github=hooks, **more)


def test_a_brief_line_is_like_any_other_and_hides_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.brief(settings(tmp_path), "web")("delivery", id=f"github:{SECRET}", refs=["github:acme/app#12"])
    told = json.loads(capsys.readouterr().err)
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "delivery",
        "level": "info",
        "logger": "web",
        "id": f"github:{logs.HIDDEN}",
        "refs": ["github:acme/app#12"],
    }


@pytest.mark.parametrize("more", [{"force_color": True}, {"log_level": "WARNING"}])
def test_for_people_and_for_nobody_a_brief_line_goes_the_long_way(tmp_path: Path, more: dict[str, Any]) -> None:
    with structlog.testing.capture_logs() as told:
        logs.brief(settings(tmp_path, **more), "web")("delivery", id="x")
    assert told == [{"event": "delivery", "id": "x", "log_level": "info"}]
