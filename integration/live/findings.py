"""What a check finds: each thing with its place, its cause and its mending; as lines for people, and for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from integration.stages.file.allowed import instead
from integration.stages.file.named import Name
from integration.stages.file.written import Fault


class Level(StrEnum):
    """How bad it is. A fault keeps the service from doing what the file says; a warning may be meant so."""

    FAULT = "fault"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing. `where` is a variable of the environment or a part of the world; `name` stands in the file."""

    level: Level
    cause: str
    fix: str = ""
    where: str = ""
    name: Name | None = None

    def place(self, file: str) -> str:
        """Where it is to be mended: a line of the file, else a variable, or a place at a tracker."""
        if self.name is None:
            return self.where
        path = f" {self.name.path}" if self.name.path else ""
        return f"{file}:{self.name.line}:{self.name.column}{path}"


class Findings:
    """All of them, as they are found; each once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: dict[Finding, None] = {}

    def fault(self, at: Name | str, cause: str, fix: str = "") -> None:
        """Something that must be mended."""
        self._add(Level.FAULT, at, cause, fix)

    def warning(self, at: Name | str, cause: str, fix: str = "") -> None:
        """Something that should be looked at."""
        self._add(Level.WARNING, at, cause, fix)

    def ok(self, at: Name | str, cause: str) -> None:
        """Something that is well; or that nobody can see yet."""
        self._add(Level.OK, at, cause, "")

    def _add(self, level: Level, at: Name | str, cause: str, fix: str) -> None:
        where, name = (at, None) if isinstance(at, str) else ("", at)
        self.found[Finding(level, cause, fix, where, name)] = None

    def of_file(self, faults: Iterable[Fault]) -> None:
        """Faults of the file itself, which say in one breath what is wrong and what to write."""
        for one in faults:
            cause, _, fix = one.message.partition("; ")
            self.fault(Name("", one.line, one.column, one.path), cause, fix)

    def of(self, level: Level) -> list[Finding]:
        """Those of one level: what stands in the file first, in its order."""
        some = [one for one in self.found if one.level is level]
        return sorted(some, key=lambda one: (one.name is None, one.name.line if one.name else 0))

    @property
    def is_sound(self) -> bool:
        """There is no fault."""
        return not any(one.level is Level.FAULT for one in self.found)

    def counted(self) -> str:
        """`2 faults, 1 warning, 9 fine`."""
        faults, warnings, fine = (len(self.of(level)) for level in Level)
        return f"{_many(faults, 'fault')}, {_many(warnings, 'warning')}, {fine} fine"

    def lines(self) -> Iterator[str]:
        """For people: the worst first; below each its mending."""
        for level in Level:
            for one in self.of(level):
                yield f"{level:8} {one.place(self.file)}: {one.cause}"
                if one.fix:
                    yield f"{'':8} → {one.fix}"
        yield self.counted()

    def as_json(self) -> str:
        """For machines."""
        shown = [
            {
                "level": one.level.value,
                "place": one.place(self.file),
                "file": self.file if one.name else None,
                "line": one.name.line if one.name else None,
                "column": one.name.column if one.name else None,
                "path": one.name.path if one.name else None,
                "cause": one.cause,
                "fix": one.fix,
            }
            for level in Level
            for one in self.of(level)
        ]
        counts = {f"{level.value}s" if level is not Level.OK else "ok": len(self.of(level)) for level in Level}
        return json.dumps(counts | {"findings": shown}, indent=2, ensure_ascii=False)


def near(word: str, names: Iterable[str], otherwise: str) -> str:
    """What to write instead of a name that is not there: the one that is nearest, else what there is, else that."""
    listed = list(names)
    said = instead(word, listed).removeprefix("; ") if listed else ""
    if said.startswith("did you mean"):
        return said
    return said.replace("allowed: ", "there is: ") or otherwise


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def some(names: Iterable[str], most: int = 3) -> str:
    """`acme/app, acme/web and 4 more`."""
    listed = list(dict.fromkeys(names))
    shown = ", ".join(listed[:most])
    return f"{shown} and {len(listed) - most} more" if len(listed) > most else shown
