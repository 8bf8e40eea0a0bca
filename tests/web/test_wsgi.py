"""What the web server loads, in a process of its own: built from the environment alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ASK = "import json; from integration.web.wsgi import app; print(json.dumps(app.test_client().get('/readyz').json))"


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
