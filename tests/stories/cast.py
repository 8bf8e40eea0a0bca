"""The same people at work on one feature of each tracker, in step, by a clock that the play sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integration.sandbox.people import PEOPLE
from tests.stories.house import House, OnGitHub, OnJira, Said, Team

_MENTION = re.compile(r"(?<!\S)@([a-z-]+)")


@dataclass(frozen=True)
class Posted:
    """A comment as it was when it was shown; on Jira Cloud it is a document."""

    body: str
    html: str
    document: Mapping[str, Any] | None = None


class Cast:
    """The same people at work on one feature of each tracker, in step. `at` is the only way in which time passes."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.teams: tuple[Team, ...] = (OnGitHub(house), OnJira(house))
        self.shown: dict[tuple[str, str], Posted] = {}

    def put_in_force(self, rules: str, notify: str = "", **changes: Any) -> None:
        self.house.put_in_force(rules, notify=notify, **changes)

    def open(self, stage: str, title: str = "Export as PDF", **sections: str) -> None:
        """Erin opens a feature that stands in this stage; its text has these sections."""
        for team in self.teams:
            body = "".join(team.heading(name.replace("_", " "), text) for name, text in sections.items())
            team.open(stage, title, body=body)
        self.house.settle()

    def at(self, when: str) -> None:
        """It becomes that time of Monday, 7 December 2026, or of the day that is named: `9 16:00`."""
        day, _, clock = when.rpartition(" ")
        moment = datetime.fromisoformat(f"2026-12-{int(day or 7):02d}T{clock}:05")
        self.house.traveller.move_to(moment.replace(tzinfo=UTC))
        self.house.settle()

    def moves(self, stage: str, by: str = "erin") -> None:
        for team in self.teams:
            team.move(stage, by)
        self.house.settle()

    def says(self, text: str, by: str) -> None:
        """Somebody writes this; `@sofia` is a mention."""
        for team in self.teams:
            team.write(_as_written(text, team), by)
        self.house.settle()

    def describes(self, **sections: str) -> None:
        for team in self.teams:
            team.describe("".join(team.heading(name.replace("_", " "), text) for name, text in sections.items()))
        self.house.settle()

    def shows(self, *keys: str) -> None:
        """The newest comments that want something of somebody, or answer: these are they, the newest last."""
        for team in self.teams:
            for key, said in zip(keys, team.told[-len(keys) :], strict=True):
                self.keep(key, team, said)

    def shows_living(self, key: str) -> None:
        """The living comment, as it is now."""
        for team in self.teams:
            self.keep(key, team, team.living)

    def keep(self, key: str, team: Team, said: Said) -> None:
        on_jira = isinstance(team, OnJira)
        document = self.house.world.jira.find_comment(said.id)[1].adf if on_jira else None
        self.shown[key, team.ref_tracker] = Posted(said.body, said.html, document)


def _as_written(text: str, team: Team) -> str:
    """With people mentioned as one does it on this tracker."""
    return _MENTION.sub(lambda found: team.naming(found[1]) if found[1] in PEOPLE else found[0], text)
