"""A what-if's report, written out: as a table for people, as JSON, and as Markdown for a pull request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from textwrap import wrap
from typing import Any

from integration.stages.replay.comparing import Change, Fate, Kind, Tally
from integration.stages.rules.sections import cut
from integration.stages.texts.addresses import of_the_web
from integration.stages.texts.markdown import inert, readable
from integration.whatif.report import ALWAYS, Report, RuleRow, fate

ROWS, FOLDED_ROWS = 20, 15  # moves that are shown of each kind
_TITLE, _LINE, _WIDTH = 60, 200, 110
_LONGEST = 30_000  # letters: a comment on GitHub takes 65,536


# --- for people -------------------------------------------------------------------------------------------------------


def lines(report: Report, every: bool = False) -> Iterator[str]:
    """A table for people; with `every`, all moves and not just the first of each kind."""
    yield _headline(report)
    yield ""
    for kind in Kind:
        found = report.of(kind)
        today = sum(one.by_today for one in found)
        yield f"  {kind:<20} {len(found):>6}" + (f"   {today} of them by what the issue shows today" if today else "")
    for kind in Kind:
        yield from _moves(report, kind, len(report.compared.changes) if every else ROWS)
    yield from _table("Rules of the new file", _rules(report))
    yield from _table("How often in a week a party would be mentioned", _parties(report))
    yield from _listed("What matches nothing", report.idle)
    yield from _listed("What this does not know", (*report.unknown, *ALWAYS))


def _headline(report: Report) -> str:
    span, compared = report.wanted.span, report.compared
    against = f"instead of {report.old_name}" if report.old_name else "instead of no rules at all"
    return (
        f"What if {report.new_name} {against}: {_day(span.since)} to {_day(span.until)}, "
        f"{compared.issues} issues, {compared.moves} moves"
    )


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _moves(report: Report, kind: Kind, most: int) -> Iterator[str]:
    found = report.of(kind)
    if not found:
        return
    yield ""
    yield f"{kind[0].upper()}{kind[1:]}"
    for one in found[:most]:
        yield f"  {one.ref.key}  {_plain(one.title)}"
        yield f"      {_move(report, one)}: {fate(one.new)} (before: {fate(one.old)}){_today(one)}"
        yield f"      {', '.join(one.rules)}" + (f": {_plain('; '.join(one.reasons))}" if one.reasons else "")
        yield f"      {_plain(one.url)}"
    if len(found) > most:
        yield f"  and {len(found) - most} more: --all shows them"


def _move(report: Report, one: Change, to: str = "->") -> str:
    move = one.move
    way = f"{report.stage(move.was)} {to} {report.stage(move.to)}"
    return f"{way}, {move.at:%Y-%m-%d %H:%M}Z by {_plain(str(move.actor))}"


def _today(one: Change) -> str:
    return ", by what it shows today" if one.by_today else ""


def _plain(words: str) -> str:
    """On one line, without what a terminal would obey."""
    return cut(readable(words).strip(), _LINE)


def _rules(report: Report) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("rule", "level", "moves", "shut", "opened later", "by today", "")]
    for one in report.rules:
        tally = one.tally
        opened = str(tally.opened) if one.level == "block" else ""
        rows.append(
            (one.id, one.level, str(tally.about), str(tally.shut), opened, str(tally.by_today or ""), one.remark)
        )
    return rows


def _parties(report: Report) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("party", "asked", "before", "told", "before", "asked in the busiest week")]
    for one in report.parties:
        figures = (one.asked, one.asked_before, one.told, one.told_before)
        rows.append((one.name, *(f"{each:.1f}" for each in figures), str(one.busiest)))
    return rows


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if len(rows) < 2:
        return
    yield ""
    yield title
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield f"  {'  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))}".rstrip()


def _listed(title: str, said: Iterable[str]) -> Iterator[str]:
    said = tuple(said)
    if said:
        yield ""
        yield title
        for one in said:
            yield from wrap(readable(one), _WIDTH, initial_indent="  - ", subsequent_indent="    ")


# --- for machines -----------------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """All of it, with every move."""
    span, compared = report.wanted.span, report.compared
    whole = {
        "new": report.new_name,
        "old": report.old_name or None,
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "issues": compared.issues,
        "moves": compared.moves,
        "counts": {kind.value: len(report.of(kind)) for kind in Kind},
        "changes": [_change(report, one) for kind in Kind for one in report.of(kind)],
        "rules": [
            {"id": one.id, "level": one.level, **asdict(one.tally), "remark": one.remark} for one in report.rules
        ],
        "parties": [asdict(one) for one in report.parties],
        "matches_nothing": list(report.idle),
        "verdicts": {"old": _verdicts(compared.old), "new": _verdicts(compared.new)},
        "not_known": [*report.unknown, *ALWAYS],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _rule(one: RuleRow) -> dict[str, Any]:
    return {"id": one.id, "level": one.level, **asdict(one.tally), "remark": one.remark}


def _verdicts(tally: Tally) -> dict[str, Any]:
    return {
        "outcomes": {outcome.value: count for outcome, count in sorted(tally.outcomes.items())},
        "requests": {end.value: count for end, count in sorted(tally.ends.items())},
    }


def _change(report: Report, one: Change) -> dict[str, Any]:
    move = one.move
    return {
        "kind": one.kind.value,
        "ref": str(one.ref),
        "title": one.title,
        "url": one.url,
        "from": move.was,
        "to": move.to,
        "at": move.at.isoformat(),
        "by": move.actor.handle,
        "old": _fate(one.old),
        "new": _fate(one.new),
        "rules": list(one.rules),
        "reasons": list(one.reasons),
        "by_today": one.by_today,
    }


def _fate(one: Fate | None) -> dict[str, Any] | None:
    if one is None:
        return None
    wait = one.wait.total_seconds() if one.wait is not None else None
    return {"outcome": one.outcome.value, "end": one.end.value if one.end else None, "ended_after_seconds": wait}


# --- for a pull request -----------------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """Short enough for a comment: the counts, and the rest folded. Nothing that is quoted mentions anybody."""
    for most in (FOLDED_ROWS, 5, 1):
        written = "\n".join(_markdown(report, most)) + "\n"
        if len(written) <= _LONGEST:
            break
    return written


def _markdown(report: Report, most: int) -> Iterator[str]:
    yield f"### {inert(_headline(report))}"
    yield ""
    yield from _ruled([("", "moves"), *((kind.value, str(len(report.of(kind)))) for kind in Kind)])
    for kind in Kind:
        if found := report.of(kind):
            yield from _folded(f"{kind[0].upper()}{kind[1:]}: {len(found)}", _rows(report, found, most))
    yield from _folded("Rules of the new file", _ruled(_rules(report)))
    yield from _folded("How often in a week a party would be mentioned", _ruled(_parties(report)))
    if report.idle:
        yield from _folded(f"What matches nothing: {len(report.idle)}", _bullets(report.idle[: 4 * most]))
    yield from _folded("What this does not know", _bullets((*report.unknown[: 4 * most], *ALWAYS)))


def _rows(report: Report, found: Sequence[Change], most: int) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("issue", "move", "then", "before", "rules")]
    table = list(_ruled(rows))
    for one in found[:most]:
        key = f"[{inert(one.ref.key)}]({one.url})" if of_the_web(one.url) and ")" not in one.url else inert(one.ref.key)
        title, why = inert(cut(one.title, _TITLE)), inert("; ".join(one.reasons))
        rules = ", ".join(f"`{rule}`" for rule in one.rules) + (f"<br>{why}" if why else "")
        today = "<br>by what it shows today" if one.by_today else ""
        cells = (f"{key} {title}", inert(_move(report, one, "→")), fate(one.new) + today, fate(one.old), rules)
        table.append(f"| {' | '.join(cells)} |")
    if len(found) > most:
        table += ["", f"and {len(found) - most} more"]
    yield from table


def _ruled(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    head, *rest = rows
    yield f"| {' | '.join(map(inert, head))} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(map(inert, row))} |" for row in rest)


def _bullets(said: Iterable[str]) -> Iterator[str]:
    yield from (f"- {inert(cut(one, 400))}" for one in said)


def _folded(title: str, inside: Iterable[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{inert(title)}</summary>", "", *inside, "", "</details>")
