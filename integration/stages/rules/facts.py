"""The facts that an approval is given for, each as a short digest: when one changes, the approval falls."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from integration.stages.file import mappings as m
from integration.stages.model import Issue
from integration.stages.rules.sections import field_of, fitting, section


def facts_of(issue: Issue, wanted: Iterable[m.Fact], mappings: m.Mappings) -> tuple[tuple[str, str], ...]:
    """Name and digest of each of them, each once, as they are recorded with an approval.

    Links that could not be read are left out: an approval cannot fall by them.
    """
    known = (fact for fact in wanted if _is_known(fact, issue))
    return tuple(dict.fromkeys((str(fact), digest(fact, issue, mappings)) for fact in known))


def changed(
    given_for: Iterable[tuple[str, str]], wanted: Iterable[m.Fact], issue: Issue, mappings: m.Mappings
) -> tuple[m.Fact, ...]:
    """Those of the wanted facts that were recorded then, and are others now."""
    recorded = tuple(given_for)
    was = {fact: {then for name, then in recorded if name == str(fact)} for fact in wanted}
    return tuple(
        fact
        for fact, then in was.items()
        if then and _is_known(fact, issue) and digest(fact, issue, mappings) not in then
    )


def _is_known(fact: m.Fact, issue: Issue) -> bool:
    return not (fact.link and issue.related is None)


def digest(fact: m.Fact, issue: Issue, mappings: m.Mappings) -> str:
    """Sixteen hex digits of the fact's text; another wrapping of the same words is no change."""
    words = " ".join(_text(fact, issue, mappings).split())
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _text(fact: m.Fact, issue: Issue, mappings: m.Mappings) -> str:
    if fact.link:
        kind = mappings.links.get(fact.link, m.Links())
        return "\n".join(sorted(set(fitting(issue, kind))))
    if fact.section:
        return section(issue.body, fact.section) or ""
    if fact.field:
        return field_of(issue, fact.field)
    return issue.title if fact.title else issue.body
