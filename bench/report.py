"""What was measured, as tables for people: each goal with its figure, and whether it is met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise. `met` is None where it could not be measured here."""

    what: str
    goal: str
    figure: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """In one word."""
        return "not measured" if self.met is None else "met" if self.met else "**not met**"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under their columns."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""


@dataclass(slots=True)
class Section:
    """One question: how it was measured, what came out, what it is measured against."""

    title: str
    how: str
    goals: list[Goal] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def median(values: Sequence[float]) -> float:
    """The middle one; nothing measured is NaN, which meets no goal."""
    return statistics.median(values) if values else float("nan")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, and the least and the most of the rounds."""
    if len(values) < 2:
        return f"{median(values):,.{digits}f}"
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def written(sections: Sequence[Section], machine: Sequence[str]) -> str:
    """The whole of RESULTS.md."""
    goals = [goal for each in sections for goal in each.goals]
    met = sum(goal.met is True for goal in goals)
    lines = ["# What was measured", "", "Written by `make bench`; [README.md](README.md) tells how to read it.", ""]
    lines += [f"**{met} of {len(goals)} goals are met.** The machine:", "", *(f"- {line}" for line in machine), ""]
    lines += _table(("what", "goal", "figure", ""), [(one.what, one.goal, one.figure, one.verdict) for one in goals])
    for each in sections:
        lines += ["", f"## {each.title}", "", each.how]
        for table in each.tables:
            lines += ["", *([f"{table.title}:", ""] if table.title else []), *_table(table.columns, table.rows)]
        lines += [line for note in each.notes for line in ("", note)]
    return "\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    ruled = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in ruled]
