"""docs/what-if.md shows a real report. `make words` writes it anew."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration import logs
from integration.cli import main
from integration.sandbox import World
from integration.settings import Settings
from tests.stories.files import mappings
from tests.stories.house import LABELS, STATUSES, House

DOC = Path(__file__).parents[2] / "docs" / "what-if.md"
ANEW = bool(os.environ.get("WRITE_WORDS"))
STALE = "docs/what-if.md shows another report than is written now: `make words` writes it anew; read what has changed"

OLD = """
  - id: support-before-public
    entering: public
    require: [acknowledged: {party: support}]
    level: block
    effective: 2026-12-01
"""
NEW = (
    OLD
    + """
  - id: growth-before-public
    entering: public
    require: [acknowledged: {party: growth}]
    level: block
    effective: 2027-01-11
  - id: described
    entering: beta
    require: [described: {section: How to undo}]
    level: warn
    effective: 2027-01-11
  - id: hotfixes-from-internal
    entering: public
    from: internal
    when: {labelled: hot-fix}
    require: [approved: {party: release-managers}]
    level: block
    effective: 2027-01-11
"""
)
UNDO = "## How to undo\n\nTurn the flag off.\n"


@dataclass
class Feature:
    """One feature of November 2026, which went as it went."""

    world: World
    title: str
    on: str = "github"
    body: str = UNDO
    key: str = ""
    number: int = 0
    stage: str = ""

    def moves(self, stage: str, day: str, by: str = "erin") -> Feature:
        at = moment(day)
        if not self.stage:
            self._open(at - timedelta(hours=1))
        if self.on == "jira":
            self.world.jira.transition(self.key, STATUSES[stage], by, at)
        else:
            self.world.github.label("acme/app", self.number, LABELS[stage], by, at=at)
            if self.stage:
                self.world.github.unlabel("acme/app", self.number, LABELS[self.stage], by, at=at)
        self.stage = stage
        return self

    def says(self, text: str, day: str, by: str) -> Feature:
        if self.on == "jira":
            self.world.jira.comment(self.key, text, by, moment(day))
        else:
            self.world.github.comment("acme/app", self.number, text, by, at=moment(day))
        return self

    def _open(self, at: datetime) -> None:
        if self.on == "jira":
            words = self.body.replace("## ", "h2. ")
            self.key = self.world.jira.create_issue("APP", self.title, "erin", words, at=at)
        else:
            self.number = self.world.github.open_issue("acme/app", self.title, "erin", self.body, at=at).number

    def known_to(self, party: str, by: str, day: str) -> Feature:
        """A colleague has mentioned them, and one of them has answered."""
        return self.says(f"@acme/{party} this goes out next week", f"{day} 09:00", "erin").says(
            "Thanks, noted.", f"{day} 11:00", by
        )


def moment(day: str) -> datetime:
    """`16 10:30` in November 2026."""
    number, _, clock = day.partition(" ")
    return datetime.fromisoformat(f"2026-11-{int(number):02d}T{clock}:00").replace(tzinfo=UTC)


def november(world: World) -> None:
    """What acme did before it had the new rules."""
    with world.github.quietly():
        dark = Feature(world, "Dark mode").moves("development", "2 10:00").moves("beta", "9 10:00")
        dark.known_to("support", "sam", "10").moves("public", "16 10:30").says("Nice, on the list.", "17 09:15", "gus")
        export = Feature(world, "Export reports as CSV", body="").moves("development", "3 10:00")
        export.moves("beta", "10 10:00").known_to("support", "sofia", "11").moves("public", "18 15:00", "evan")
        search = Feature(world, "Faster search").moves("development", "4 10:00").moves("beta", "11 10:00")
        search.known_to("support", "sam", "12").known_to("growth", "gwen", "12").moves("public", "19 10:00")
        factor = Feature(world, "Sign in with a second factor").moves("internal", "5 10:00")
        factor.moves("public", "20 16:45", "evan").says("We have customers asking about this!", "20 19:45", "sam")
        share = Feature(world, "Share a report by link", "jira", body="").moves("development", "6 10:00")
        share.moves("beta", "13 10:00").moves("public", "23 10:00")


@pytest.fixture
def reports(house: House, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The report on November, as each form has it."""
    november(house.world)
    assert house.world.hooks.idle(20)
    folder = house.settings.data_dir
    for name, rules in (("mappings.yaml", OLD), ("new.yaml", NEW)):
        (folder / name).write_text(mappings(rules, notify=""))
    monkeypatch.setattr(Settings, "read", lambda environ: house.settings)
    monkeypatch.setattr(logs, "set_up", lambda settings: None)
    asked = ["simulate", "--mappings", str(folder / "new.yaml"), "--against", str(folder / "mappings.yaml")]
    found = {}
    for form, options in (("table", []), ("markdown", ["--markdown"])):
        shown = CliRunner().invoke(main, [*asked, "--since", "2026-10-01", *options])
        assert shown.exit_code == 0, shown.stderr
        found[form] = re.sub(r"http://127\.0\.0\.1:\d+/(github|jira)", r"https://\1.example", shown.stdout)
    return found


def test_the_docs_show_the_report_that_is_written_today(reports: dict[str, str]) -> None:
    text = DOC.read_text("utf-8")
    for form, report in reports.items():
        language = "text" if form == "table" else "markdown"
        block = re.compile(rf"(?<=<!-- {form} -->\n)(````){language}\n(?:.*?\n)??\1\n", re.DOTALL)
        assert block.search(text), f"no place for the {form}"
        text = block.sub(lambda _: f"````{language}\n{report.rstrip()}\n````\n", text)  # noqa: B023
    if ANEW:
        DOC.write_text(text, "utf-8")
    assert DOC.read_text("utf-8") == text, STALE


def test_a_report_for_a_pull_request_is_short_and_mentions_nobody(reports: dict[str, str]) -> None:
    shown = reports["markdown"]

    assert len(shown) < 10_000
    assert not re.search(r"(?<![\w`])@[a-z]", shown)
    assert shown.count("<details>") == shown.count("</details>") > 3
