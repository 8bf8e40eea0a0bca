"""Once a week the admin hears which rules may be raised: with the place in the log, and in short on the page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from integration.health.reading import health_of_rules
from integration.memory.ledger import Ledger
from integration.memory.trials import RIPE
from integration.stages.file.mappings import Mappings
from integration.stages.health.raising import RuleHealth

AT = time(9)

log = structlog.get_logger(__name__)


def tell(ledger: Ledger, mappings: Mappings, text: str, now: datetime, file: str) -> None:
    """Tell it, where it was not told since Monday at nine (by the file's time zone): by whichever clock is first."""
    since = week_begins(mappings.time_zone, now)
    if ledger.trials.was_told(RIPE, since):
        return
    ripe = [one for one in health_of_rules(ledger, mappings, text, now, file=file) if one.proposal]
    if ledger.trials.tell(RIPE, in_short(ripe), since, now):
        for one in ripe:
            log.warning(
                "a rule may be raised", rule=one.rule, place=one.proposal and one.proposal.place, cause=why(one),
                fix=str(one.proposal),
            )  # fmt: skip


def week_begins(zone: str, now: datetime) -> datetime:
    """The last Monday at nine."""
    local = now.astimezone(ZoneInfo(zone))
    monday = local.date() - timedelta(days=local.weekday())
    begins = datetime.combine(monday, AT, ZoneInfo(zone))
    if begins > local:
        begins = datetime.combine(monday - timedelta(days=7), AT, ZoneInfo(zone))
    return begins.astimezone(UTC)


def why(one: RuleHealth) -> str:
    """What the rule has shown in its time, in one line."""
    fared, stops = one.fared, len(one.fared.stops)
    never = f", {fared.in_vain} never set right although people were told" if stops else ""
    return f"{one.trial} at {one.level}: {fared.judged} moves asked for it, {stops} found it shut{never}"


def in_short(ripe: Iterable[RuleHealth]) -> str:
    """For the page, which is open to all: how many, and how to see which."""
    count = len(tuple(ripe))
    rules = "One rule" if count == 1 else f"{count} rules"
    return f"{rules} may be raised a level: release-stages rules says which, and where." if count else ""
