"""What `release-stages rules` asks for: the rules in force and how they fare, all of them or one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from integration.health.reading import health_of_rules
from integration.look import Desk
from integration.settings import Settings
from integration.stages.file.allowed import instead, shown
from integration.stages.file.mappings import Mappings
from integration.stages.health.raising import RuleHealth


class NoSuchRule(Exception):
    """Neither mappings.yaml nor the ledger knows a rule of that name; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was found, by which rules, and when."""

    found: tuple[RuleHealth, ...]
    mappings: Mappings
    now: datetime

    @classmethod
    def of(cls, settings: Settings, since: datetime | None, name: str, now: datetime) -> Asked:
        """Look. Raises `NoSuchRule`, `Faulty` while no file is in force, `LedgerAway`."""
        desk = Desk.open(settings, takes=False)
        mappings = desk.mappings.current
        text = desk.mappings.text_of(mappings.hash)
        found = health_of_rules(desk.ledger, mappings, text, now, since, settings.mappings.name)
        if name:
            one = tuple(each for each in found if each.rule == name)
            if not one:
                raise NoSuchRule(f"no rule {shown(name)}{instead(name, (each.rule for each in found))}")
            found = one
        return cls(found, mappings, now)
