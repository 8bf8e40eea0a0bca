"""A YAML text as plain values, with the line and column of each; and the faults that name those places.

YAML 1.2: `on` and `yes` are words. Refused before anything is built from it: what is too large, too deep, or grows
too much through its aliases. Keys that are written twice are faults, not the last one's victory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, Event
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser

from integration.stages.file.allowed import shown

LARGEST = 256 * 1024
DEEPEST = 40
MOST = 20_000

Loc = tuple[str | int, ...]
_PLAIN = re.compile(r"[\w-]+")
_MERGE = "tag:yaml.org,2002:merge"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_NULL = "tag:yaml.org,2002:null"
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_HUGE = 2**62
_KNOWN = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "null", "str", "value")}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with the file: where (counted from 1), in which part, and what to do."""

    line: int
    column: int
    path: str
    message: str
    name: str = "mappings.yaml"

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column} {self.path}{': ' if self.path else ''}{self.message}"


class Faulty(Exception):
    """The file cannot take effect. `faults` are all that were found, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def path_of(loc: Sequence[str | int]) -> str:
    """`rules[0].require[1]`; a step that is no plain name is quoted."""
    steps = (
        f"[{step}]" if isinstance(step, int) else f".{step if _PLAIN.fullmatch(step) else shown(step)}" for step in loc
    )
    return "".join(steps).removeprefix(".")


@dataclass(slots=True)
class Written:
    """One value of the file and where it stands; `parts` are what is in it, `keys` where its keys stand."""

    value: Any
    line: int
    column: int
    parts: dict[str | int, Written] = field(default_factory=dict)
    keys: dict[str | int, tuple[int, int]] = field(default_factory=dict)

    def find(self, loc: Sequence[str | int], at_key: bool = False) -> tuple[int, int, str]:
        """Line, column and path of what lies deepest on the way `loc`; steps that are not in the file are left out."""
        here, way, place = self, list[str | int](), (self.line, self.column)
        for index, step in enumerate(loc):
            if (deeper := here.parts.get(step)) is not None:
                last = index == len(loc) - 1
                place = here.keys[step] if last and at_key and step in here.keys else (deeper.line, deeper.column)
                way.append(step)
                here = deeper
        return (*place, path_of(way))


def parse(text: str, name: str) -> tuple[Written, list[Fault]]:
    """Read the text; the faults that still let one read on come with it. Raises `Faulty` where they do not."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise Faulty([Fault(1, 1, "", f"the file is larger than {LARGEST // 1024} KB", name)])
    yaml = YAML(typ="safe", pure=True)
    yaml.Parser = partial(_Wary, name=name)
    try:
        root = yaml.compose(text)
    except YAMLError as wrong:
        raise Faulty([_syntax(wrong, name)]) from None
    except (ValueError, AttributeError, TypeError, AssertionError, LookupError) as wrong:  # odd escapes and directives
        raise Faulty([Fault(1, 1, "", f"this is not YAML ({wrong})", name)]) from None
    if root is None or (isinstance(root, ScalarNode) and root.tag == _NULL):
        raise Faulty([Fault(1, 1, "", "the file is empty; begin with the mappings.yaml that ships", name)])
    reading = _Reading(yaml, name)
    return reading.grow(root, (), 0), reading.faults


class _Wary(Parser):
    """Hands on the events of which a tree is built, and refuses a monster before the tree is as deep as that."""

    def __init__(self, loader: YAML, name: str) -> None:
        super().__init__(loader)
        self._name = name
        self._depth = self._documents = 0

    def get_event(self) -> Event:
        """The next event. Raises `Faulty`."""
        event: Event = super().get_event()
        self._depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        self._documents += isinstance(event, DocumentStartEvent)
        if self._depth > DEEPEST:
            raise self._refused(event, f"nested deeper than {DEEPEST} levels")
        if self._documents > 1:
            raise self._refused(event, "a second document begins here; the file is one document")
        if isinstance(event, AliasEvent) and self._depth == 0:
            raise self._refused(event, "the file begins with an alias")
        return event

    def _refused(self, event: Event, says: str) -> Faulty:
        return Faulty([Fault(event.start_mark.line + 1, event.start_mark.column + 1, "", says, self._name)])


def _syntax(wrong: YAMLError, name: str) -> Fault:
    """The parser's complaint as one fault, on one line."""
    if isinstance(wrong, MarkedYAMLError):
        mark = wrong.problem_mark or wrong.context_mark
        says = ", ".join(part.strip() for part in (wrong.context, wrong.problem) if part and part.strip())
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Fault(line, column, "", f"this is not YAML: {' '.join(says.split())}", name)
    position = getattr(wrong, "character", None)
    says = f"a character that YAML does not allow: {position!r}" if position is not None else "it cannot be read"
    return Fault(1, 1, "", f"this is not YAML: {says}", name)


class _Reading:
    """Builds plain values of nodes and keeps count of them: an alias counts as often as it is used."""

    def __init__(self, yaml: YAML, name: str) -> None:
        self._yaml = yaml
        self._name = name
        self._grown = 0
        self.faults: list[Fault] = []

    def grow(self, node: Node, loc: Loc, depth: int) -> Written:
        """The node with all that is in it."""
        self._grown += 1
        if depth > DEEPEST or self._grown > MOST:
            raise Faulty([self._fault(node, "the aliases make the file too large, or go round in a circle", loc)])
        written = Written(None, node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, MappingNode | SequenceNode) and node.tag not in _COLLECTIONS:
            self.faults.append(self._fault(node, f"the tag {shown(node.tag)} has no meaning here", loc))
        if isinstance(node, MappingNode):
            self._mapping(node, written, loc, depth)
            written.value = {key: part.value for key, part in written.parts.items()}
        elif isinstance(node, SequenceNode):
            written.parts = {n: self.grow(each, (*loc, n), depth + 1) for n, each in enumerate(node.value)}
            written.value = [part.value for part in written.parts.values()]
        else:
            written.value = self._scalar(node, loc)
        return written

    def _mapping(self, node: MappingNode, written: Written, loc: Loc, depth: int) -> None:
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged.append(value_node)
            elif (key := self._key(key_node, loc)) in written.parts:
                first = written.keys[key][0]
                self.faults.append(
                    self._fault(key_node, f"{shown(key)} is already there, in line {first}; keep one", loc)
                )
            else:
                written.keys[key] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                written.parts[key] = part = self.grow(value_node, (*loc, key), depth + 1)
                if value_node.start_mark.index == value_node.end_mark.index:  # nothing stands there: show the key
                    part.line, part.column = written.keys[key]
        for other in merged:
            self._merge(other, written, loc, depth)

    def _merge(self, node: Node, written: Written, loc: Loc, depth: int) -> None:
        """`<<: *other`, or a list of such: what is not there yet comes from there."""
        for each in node.value if isinstance(node, SequenceNode) else [node]:
            grown = self.grow(each, loc, depth + 1)
            if not isinstance(each, MappingNode):
                self.faults.append(self._fault(each, "<< takes a mapping, such as *name of one", loc))
                continue
            for key, part in grown.parts.items():
                if key not in written.parts:
                    written.parts[key], written.keys[key] = part, grown.keys[key]

    def _key(self, node: Node, loc: Loc) -> str:
        """A key as text; any other key is a fault, and goes on under the text that it shows."""
        if not isinstance(node, ScalarNode):
            self.faults.append(self._fault(node, "a key is a single word, not a list or a mapping", loc))
            return f"?{node.start_mark.line}:{node.start_mark.column}"
        if not isinstance(self._scalar(node, loc), str):
            self.faults.append(
                self._fault(node, f'the key {node.value} is no text; put it in quotes: "{node.value}"', loc)
            )
        return _joined(str(node.value))

    def _scalar(self, node: Node, loc: Loc) -> Any:
        text = _joined(node.value)
        if node.tag == _TIMESTAMP:
            return moment(text) or text
        if node.tag not in _KNOWN:
            self.faults.append(self._fault(node, f"the tag {shown(node.tag)} has no meaning here", loc))
            return text
        try:
            value = self._yaml.constructor.construct_object(node)
        except (ValueError, LookupError, YAMLError):
            self.faults.append(self._fault(node, f"{shown(text)} cannot be read", loc))
            return text
        if isinstance(value, int) and abs(value) > _HUGE:
            self.faults.append(self._fault(node, f"{shown(text)} is out of bounds", loc))
            return 0
        return text if isinstance(value, str) else value

    def _fault(self, node: Node, message: str, loc: Loc = ()) -> Fault:
        return Fault(node.start_mark.line + 1, node.start_mark.column + 1, path_of(loc), message, self._name)


def _joined(text: str) -> str:
    """Escapes such as "\\ud83d\\ude00", as JSON writes them, become the one sign that they mean."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def moment(text: str) -> date | datetime | None:
    """A date, or a date with a time, as ISO 8601 writes it; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
