"""How rules fare, written out: as a table for people, as JSON, and one rule with the moves behind its figures. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from textwrap import wrap

from integration.stages.file.mappings import Mappings
from integration.stages.health.faring import Crossing, Fate
from integration.stages.health.raising import RuleHealth
from integration.stages.rules.sections import cut
from integration.stages.texts.markdown import readable

ROWS = 20  # moves of each kind that are shown; --json has all
_TITLE, _LINE, _WIDTH = 60, 200, 110
_HEAD = ("RULE", "LEVEL", "SINCE", "MOVES", "SHUT", *(fate.upper() for fate in Fate), "AGAIN")
_LEGEND = (
    "SHUT: put back, or at a lower level would have been. Of those: MET LATER, what was missing was given; EARLY, only "
    "time was missing; OPEN, still wanted, or let through within 14 days. AGAIN: run into once more."
)


def lines(found: Sequence[RuleHealth], now: datetime) -> Iterator[str]:
    """A table for people, with what is to be said of each rule below its row."""
    if not found:
        yield "mappings.yaml has no rules, and the ledger knows of none."
        return
    rows = [_HEAD, *(_row(one) for one in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, one in zip(rows, (None, *found), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if one and (said := remark(one, now)):
            yield from wrap(said, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    yield ""
    yield from wrap(_LEGEND, _WIDTH)
    if not any(one.fared.judged for one in found):
        yield ""
        yield from wrap(_EMPTY, _WIDTH)
    elif any(one.fared.judged for one in found):
        yield "The moves behind a rule's figures: release-stages rules --rule NAME"


_EMPTY = (
    "The ledger has no verdict of these rules yet: each move that is made from now on is counted. What they would have "
    "made of the moves of the last months tells `release-stages simulate`."
)


def _row(one: RuleHealth) -> tuple[str, ...]:
    fared = one.fared
    figures = (fared.judged, len(fared.stops), *(fared.count(fate) for fate in Fate), fared.repeats)
    return (one.rule, one.level, f"{one.counted_from:%Y-%m-%d}", *(str(each) for each in figures))


def remark(one: RuleHealth, now: datetime) -> str:
    """What is to be said of a rule beside its figures: may it be raised, when, or why not."""
    unknown = f"could not be judged: {one.fared.unknown}. " if one.fared.unknown else ""
    return unknown + _raise(one, now)


def _raise(one: RuleHealth, now: datetime) -> str:
    if not one.is_ours:
        return "of a repository's own file, or not in mappings.yaml any more"
    if one.ripe_at is None:
        return "" if one.fared.judged else "never fired: no move asked for it"
    if one.proposal:
        return f"may be raised: {one.proposal}"
    if one.ripe_at > now:
        so_far = f"; so far against it: {'; '.join(one.against)}" if one.against else ""
        return f"to be looked at on {one.ripe_at:%Y-%m-%d}, after {one.trial}{so_far}"
    return f"not to be raised yet, after {one.trial}: {'; '.join(one.against)}"


# --- one rule ---------------------------------------------------------------------------------------------------------


def details(one: RuleHealth, mappings: Mappings, now: datetime) -> Iterator[str]:
    """One rule, and the moves behind its figures, the newest of each kind first."""
    since = f", the same at this level since {one.since:%Y-%m-%d}" if one.since else ""
    fared = one.fared
    yield f"{one.rule} ({one.level}{since})"
    yield f"  {fared.judged} moves since {one.counted_from:%Y-%m-%d}, {len(fared.stops)} shut, {fared.repeats} again"
    if said := remark(one, now):
        yield from wrap(said, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    for fate in Fate:
        called = "Put back" if one.level == "block" else "Would have been put back"
        yield from _moves(f"{called}, {fate}", [each for each in fared.stops if each.fate is fate], mappings)
    unknown = [each for each in fared.crossings if each.fate is None and each.ok is None]
    yield from _moves("Could not be judged", unknown, mappings)
    yield from _moves("Met at once", [each for each in fared.crossings if each.ok and each.fate is None], mappings)
    if not fared.judged:
        yield "  No move has asked for it in this time."


def _moves(title: str, found: Sequence[Crossing], mappings: Mappings) -> Iterator[str]:
    if not found:
        return
    yield ""
    yield f"{title}: {len(found)}"
    for one in [*reversed(found)][:ROWS]:
        yield f"  {one.ref.key}  {_plain(cut(one.title, _TITLE))}"
        yield f"      {_move(one, mappings)}{_beside(one)}"
        if one.missing:
            yield f"      {_plain('; '.join(one.missing))}"
        yield f"      {_plain(one.url)}"
    if len(found) > ROWS:
        yield f"  and {len(found) - ROWS} more: --json has all of them"


def _move(one: Crossing, mappings: Mappings) -> str:
    was, to = (mappings.stages.get(stage, stage) if stage else "no stage" for stage in (one.move.was, one.move.to))
    return f"{was} -> {to}, {one.move.at.astimezone(UTC):%Y-%m-%d %H:%M}Z by {_plain(str(one.move.actor))}"


def _beside(one: Crossing) -> str:
    said = ["not for the first time"] * one.again
    said += [f"asked for {one.asked_again} times more"] * bool(one.asked_again)
    said += ["nobody had been told"] * (one.fate is Fate.NEVER and not one.told)
    return "".join(f"; {each}" for each in said)


def _plain(words: str) -> str:
    """On one line, without what a terminal would obey."""
    return cut(readable(words).strip(), _LINE)


# --- for machines -----------------------------------------------------------------------------------------------------


def as_json(found: Iterable[RuleHealth]) -> str:
    """All of it."""
    return json.dumps({"rules": [_values(one) for one in found]}, indent=2, ensure_ascii=False)


def _values(one: RuleHealth) -> dict[str, object]:
    fared, proposal = one.fared, one.proposal
    proposed = proposal and {
        "file": proposal.file, "line": proposal.line, "column": proposal.column, "now": proposal.now,
        "write": proposal.write, "also": proposal.also, "shared": list(proposal.shared),
    }  # fmt: skip
    return {
        "rule": one.rule,
        "level": one.level,
        "in_file": one.is_ours,
        "since": _iso(one.since),
        "counted_from": _iso(one.counted_from),
        "moves": fared.judged,
        "could_not_be_judged": fared.unknown,
        "shut": len(fared.stops),
        "blocked": fared.blocked,
        **{fate.value.replace(" ", "_"): fared.count(fate) for fate in Fate},
        "again": fared.repeats,
        "raise_after": one.trial or None,
        "ripe_at": _iso(one.ripe_at),
        "against": list(one.against),
        "proposal": proposed or None,
        "crossings": [_crossing(each) for each in fared.crossings],
    }


def _crossing(one: Crossing) -> dict[str, object]:
    return {
        "ref": str(one.ref),
        "title": one.title,
        "url": one.url,
        "was": one.move.was,
        "to": one.move.to,
        "by": str(one.move.actor),
        "at": _iso(one.move.at),
        "level": one.level,
        "open": one.ok,
        "fate": one.fate,
        "missing": list(one.missing),
        "told": one.told,
        "again": one.again,
        "asked_again": one.asked_again,
    }


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
