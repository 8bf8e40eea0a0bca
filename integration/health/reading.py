"""How the rules in force fare: the ledger's verdicts, folded. For the command, for the clock, and for pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from integration.memory.ledger import Ledger
from integration.memory.trials import RIPE
from integration.stages.file.levels import Stands, levels, terms
from integration.stages.file.mappings import Level, Mappings, Rule
from integration.stages.health.faring import Fared, add_up, crossings
from integration.stages.health.raising import RuleHealth, begins, health

LONGEST = timedelta(days=180)
"""What is older tells little of how people work now."""


def health_of_rules(
    ledger: Ledger, mappings: Mappings, text: str, now: datetime, since: datetime | None = None,
    file: str = "mappings.yaml",
) -> tuple[RuleHealth, ...]:  # fmt: skip
    """Each rule of the version in force (`text`, read as `mappings`), in its order; then those that it does not have.

    Figures count from `since` on; without it, from when the rule has stood so, at most `LONGEST`. What is proposed goes
    by the latter alone. `file` is what a proposal calls the file. Raises `LedgerAway`.
    """
    return _Reading(ledger, mappings, text, now, since, file).read()


def note_terms(ledger: Ledger, mappings: Mappings, text: str, now: datetime) -> None:
    """These rules are in force now: from here on it is known how long each has stood so.

    What the page says of rules as they were before is taken back.
    """
    if ledger.trials.note_terms(terms(text), mappings.hash, now):
        ledger.trials.unsay(RIPE)


class _Reading:
    def __init__(
        self, ledger: Ledger, mappings: Mappings, text: str, now: datetime, since: datetime | None, file: str
    ) -> None:
        self.mappings, self.now, self.since, self.file = mappings, now, since, file
        self.stands: Mapping[str, Stands] = levels(text)
        noted = {rule: one.terms for rule, one in self.stands.items()}
        self.standing = ledger.trials.standing(noted, mappings.hash, now)
        self.earliest = now - LONGEST
        self.met_known_since = ledger.trials.met_known_since() or self.earliest
        self.own = {one.id: self._from(one) for one in mappings.rules}
        first = min((since or self.earliest, *self.own.values()))
        self.crossed = tuple(one for each in ledger.trials.featured(first) for one in crossings(each, now))

    def _from(self, rule: Rule) -> datetime:
        """What an earlier release let through was not looked at again: of that it is not known what became."""
        found = max(begins(rule, self.standing[rule.id]), self.earliest)
        return found if rule.level is Level.BLOCK else max(found, self.met_known_since)

    def read(self) -> tuple[RuleHealth, ...]:
        """The whole of it."""
        evidence = shown = add_up(self.crossed, lambda rule: self.own.get(rule, self.earliest))
        if (since := self.since) is not None:
            shown = add_up(self.crossed, lambda _: since)
        return (*self._ours(evidence, shown), *self._others(shown))

    def _ours(self, evidence: Mapping[str, Fared], shown: Mapping[str, Fared]) -> Iterator[RuleHealth]:
        for rule in self.mappings.rules:
            stands, since = self.stands[rule.id], self.standing[rule.id]
            found = health(rule, self.mappings, stands, since, evidence.get(rule.id, Fared()), self.now, self.file)
            counted_from = self.since or self.own[rule.id]
            yield replace(found, fared=shown.get(rule.id, Fared()), counted_from=counted_from)

    def _others(self, shown: Mapping[str, Fared]) -> Iterator[RuleHealth]:
        """Of a repository's own file, or of an earlier version: the ledger knows them, and this file does not."""
        for rule in sorted(shown.keys() - self.stands.keys()):
            level = shown[rule].crossings[-1].level
            yield RuleHealth(rule, level, self.since or self.earliest, shown[rule], is_ours=False)
