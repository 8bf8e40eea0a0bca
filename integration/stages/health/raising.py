"""Which rule may be raised a level: after the time that the file names, where what it found does not speak against it.

A level climbs by evidence, one step at a time. What counts as evidence, and why, says docs/rules.md (Raising a level).
Nobody's file is changed: a proposal names the place, what it says there, and what to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from integration.stages.calendars import later
from integration.stages.file.levels import Stands
from integration.stages.file.mappings import Level, Mappings, Rule
from integration.stages.health.faring import Fared, Fate

ENOUGH = 5
"""So many requests must have asked for a rule before anything is known of it."""
_NEXT = {Level.OBSERVE: Level.WARN, Level.WARN: Level.BLOCK}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change of one place of mappings.yaml. `also` is a line to add to the rule, where it needs one more."""

    file: str
    line: int
    column: int
    now: str  # `level: warn`
    write: str  # `level: block`
    also: str = ""
    shared: tuple[str, ...] = ()  # rules that change with it

    @property
    def place(self) -> str:
        """Where, as a fault would name it."""
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        text = f"{self.place} says `{self.now}`; write `{self.write}`"
        text += f", and add `{self.also}` to the rule" if self.also else ""
        if self.shared:
            text += f" (that place counts for {', '.join(self.shared)}, too: give the rule a level of its own)"
        return text


@dataclass(frozen=True, slots=True)
class RuleHealth:
    """How one rule fares, and whether it may be raised.

    `since`: from when on it has stood so, the same requirements at the same level. `counted_from`: from when on `fared`
    counts. `ripe_at`: when a raise is proposed at the earliest; None: the file asks for none. `against`: what speaks
    against it then. `is_ours` is False for a rule that the file does not have: of a repository's own, or a former one.
    """

    rule: str
    level: str
    counted_from: datetime
    fared: Fared
    since: datetime | None = None
    trial: str = ""  # as the file has it: 6 weeks
    ripe_at: datetime | None = None
    against: tuple[str, ...] = ()
    proposal: Proposal | None = None
    is_ours: bool = True


def begins(rule: Rule, since: datetime) -> datetime:
    """From when on the rule can have judged anything: it stood so in the file, and had taken effect."""
    return max(since, rule.effective) if rule.effective else since


def health(
    rule: Rule, mappings: Mappings, stands: Stands, since: datetime, evidence: Fared, now: datetime, file: str
) -> RuleHealth:
    """Whether the rule may be raised now. `evidence` is how it fared since it has stood so."""
    trial = mappings.trial_of(rule)
    known = RuleHealth(rule.id, rule.level, begins(rule, since), evidence, since, str(trial or ""))
    if trial is None:
        return known
    ripe_at = later(known.counted_from, trial, None)
    against = tuple(objections(rule.level, evidence))
    proposal = None
    if now >= ripe_at and not against:
        proposal = _proposed(rule, mappings, stands, now, file)
    return RuleHealth(
        known.rule, known.level, known.counted_from, evidence, since, known.trial, ripe_at, against, proposal
    )


def objections(level: Level, fared: Fared) -> Iterator[str]:
    """What speaks against raising a rule that has fared so, in words."""
    settled = [one for one in fared.stops if one.fate is not Fate.OPEN]
    if fared.judged < ENOUGH:
        few = f"only {_moves(fared.judged)} asked for it" if fared.judged else "it never fired: no move asked for it"
        yield f"{few}; it takes {ENOUGH} to know what it does"
        return
    if fared.unknown * 5 > fared.judged:
        yield f"it could not judge {fared.unknown} of {_moves(fared.judged)}; see to that first"
    if fared.stops and not settled:
        yield "all that it would have stopped was let through in the last 14 days, and may still be set right"
    waived = fared.count(Fate.WAIVED)
    if waived * 2 > len(settled):
        yield f"{waived} of the {len(settled)} that it stopped were waived: those who may waive it do not want it so"
    if fared.in_vain * 2 > len(settled):
        end = "to warn of it would be noise" if level is Level.OBSERVE else "to block would stop them for good"
        of = f"{fared.in_vain} of the {len(settled)} that it would have stopped"
        yield f"{of} were never set right, though people were told: {end}"


def _moves(count: int) -> str:
    return f"{count} move{'' if count == 1 else 's'}"


def _proposed(rule: Rule, mappings: Mappings, stands: Stands, now: datetime, file: str) -> Proposal:
    to = _NEXT[rule.level]
    tomorrow = (now.astimezone(ZoneInfo(mappings.time_zone)) + timedelta(days=1)).date()
    also = "" if rule.effective else f"effective: {tomorrow.isoformat()}"
    return Proposal(
        file, stands.line, stands.column, f"level: {rule.level}", f"level: {to}", also, stands.shared
    )  # fmt: skip
