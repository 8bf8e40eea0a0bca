"""The drill itself: its timetable is repeatable, its stories end as told, and a short one finds no promise broken."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from drill import releases, upgrade
from drill.__main__ import main as drill_command
from drill.door import Door
from drill.orders import Orders
from drill.releases import NoHistory, from_history, made_up
from drill.running import AROUND_EACH, free_port, run
from drill.stories import GAP, STORIES, features, timetable
from drill.weather import USUAL, Weather
from integration.memory import migrations
from integration.memory.ledger import Ledger
from integration.sandbox.faults import Fault


def test_the_same_seed_gives_the_same_features_and_the_same_days() -> None:
    def of(seed: int) -> object:
        return timetable(features(60, seed), 120, AROUND_EACH, seed)

    assert of(7) == of(7)
    assert of(7) != of(8)


def test_acts_on_one_issue_keep_their_order_and_their_distance() -> None:
    wanted = features(100, 1)
    days = timetable(wanted, 30, AROUND_EACH, 1)

    assert [one.at for one in days] == sorted(one.at for one in days)
    for feature in wanted:
        mine = [one for one in days if one.number == feature.number]
        assert all(later.at - earlier.at >= GAP - 1e-6 for earlier, later in pairwise(mine))
        acts = iter(one.act for one in mine)
        assert mine[0].act.verb == "open"
        assert all(wanted in acts for wanted in feature.story.acts), feature.story.name


def test_every_story_is_lived_through_on_each_tracker_that_it_is_for() -> None:
    lived = Counter((one.tracker, one.story.name) for one in features(100, 1))

    for story in STORIES:
        for tracker in ("github", "jira"):
            assert bool(lived[tracker, story.name]) is (story.only in ("", tracker))


def test_a_request_meets_the_same_fault_under_the_same_seed_whoever_else_is_talking() -> None:
    def fates(seed: int, *others: str) -> list[list[Fault]]:
        weather = Weather(seed, USUAL)
        weather.blowing = True
        found = []
        for number in range(400):
            for other in others:
                weather.take(f"GET /{other}/{number}")
            found.append(weather.take("POST /jira/rest/api/3/issue/APP-1/comment"))
        return found

    assert fates(1) == fates(1, "elsewhere")
    assert any(fates(1))
    assert fates(1) != fates(2)


def test_the_door_leads_to_all_that_are_open_in_turns_and_passes_over_one_that_is_not() -> None:
    class Says(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(str(self.server.server_address[1]).encode())

        def log_message(self, *_: object) -> None: ...

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Says) for _ in range(2)]
    for each in servers:
        threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True).start()
    ports = [each.server_address[1] for each in servers]
    with Door() as door:
        door.open_to(ports[0], free_port(), ports[1])
        answers = [requests.get(f"http://127.0.0.1:{door.port}/", timeout=10).text for _ in range(6)]
        door.open_to(ports[1])
        only = requests.get(f"http://127.0.0.1:{door.port}/", timeout=10).text
        door.open_to()
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{door.port}/", timeout=10)
    for each in servers:
        each.shutdown()
        each.server_close()
    assert set(answers) == set(map(str, ports))
    assert only == str(ports[1])
    assert sum(door.served.values()) == 7


def test_a_release_of_after_has_one_version_of_the_tables_more_and_lets_this_one_in(tmp_path: Path) -> None:
    after = made_up(tmp_path)
    asks = (
        "from integration.memory import migrations; from integration.memory.ledger import Ledger; "
        f"Ledger.open('sqlite:///{tmp_path}/ledger.db').close(); print(migrations.NEWEST)"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(after.root)}
    told = subprocess.run([sys.executable, "-c", asks], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert told.stdout.strip() == after.tables, told.stderr
    assert int(after.tables) == int(migrations.NEWEST) + 1
    Ledger.open(f"sqlite:///{tmp_path}/ledger.db").close()


def test_where_the_history_is_not_here_the_drill_of_an_upgrade_says_so_and_has_a_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "ROOT", tmp_path)
    with pytest.raises(NoHistory, match="in the project's history, and here is none"):
        from_history("f5f5ce4", tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(NoHistory, match="shallow clone: git fetch --unshallow"):
        from_history("f5f5ce4", tmp_path)
    monkeypatch.setattr(upgrade, "_both", lambda *_: from_history("f5f5ce4", tmp_path))
    told = CliRunner().invoke(drill_command, ["--upgrade", "before"])
    assert told.exit_code == 3
    assert "No drill of an upgrade: the release of before (f5f5ce4) is not in the history" in told.output


@pytest.mark.drill
def test_a_short_drill_breaks_no_promise() -> None:
    outcome = run(Orders(issues=50, minutes=2))

    assert not outcome.misses, "\n".join(map(str, outcome.misses))
    assert sum(outcome.kills.values()) > 5
    assert sum(outcome.faults.values()) > 50
