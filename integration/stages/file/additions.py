"""A repository's own rules: `.github/release-stages.yaml` adds rules to mappings.yaml, and raises levels, there alone.

Who may merge there writes this file, not who answers for the organisation's. So it can make a gate narrower and never
wider, names nobody and nothing but what the organisation's file knows, and is taken or refused as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WithJsonSchema

from integration.stages.file import sense
from integration.stages.file.allowed import instead, shown
from integration.stages.file.explained import Found, explain
from integration.stages.file.forms import Moment, Names, Text, named
from integration.stages.file.mappings import REQUIREMENTS, Level, Mappings, Part, Rule, read
from integration.stages.file.written import Fault, Faulty, parse
from integration.stages.model import ADDITIONS_FILE

LARGEST = 32 * 1024
MOST_RULES = 50
SHORT = 12  # letters of a digest that a version shows

_LEVELS = list(Level)
ALWAYS = ("hold", "needs-work")
"""Gates that no file names."""


class Unfit(Faulty):
    """A repository's file cannot take effect. `faults` as `Faulty` has them."""


class Raise(Part):
    """A rule of the organisation's at a higher level. In the file: the level alone, or with `effective`.

    `effective` is for a rule that has none, as one that only observes: from when on it warns or blocks.
    """

    level: Annotated[Level, WithJsonSchema({"enum": ["warn", "block"]})]
    effective: Moment | None = None


class Additions(Part):
    """One whole file that has no fault."""

    version: Literal[1]
    rules: tuple[Rule, ...] = ()
    raised: Annotated[dict[Text, Annotated[Raise, named("level")]], Field(alias="raise", default_factory=dict)]


class Joined(Mappings):
    """The organisation's file and a repository's together. `hash` names both versions."""

    added: frozenset[str] = frozenset()
    raised: frozenset[str] = frozenset()

    def has_added(self, rule: str) -> bool:
        """Whether the rule of that id is the repository's own."""
        return rule in self.added

    def has_raised(self, rule: str) -> bool:
        """Whether the repository has raised the level of the rule of that id."""
        return rule in self.raised


@dataclass(frozen=True, slots=True)
class Ground:
    """The organisation's file, on which a repository's stands: as objects, and as the plain values that it holds."""

    mappings: Mappings
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, text: str) -> Ground:
        """Read it. Raises `Faulty`."""
        return cls(read(text), parse(text, "mappings.yaml")[0].value)


def digest_of(text: str) -> str:
    """By what a version of a file is known; whole, as somebody who means harm may have chosen the text."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_additions(text: str, ground: Ground, name: str = ADDITIONS_FILE, accepted: bool = False) -> Additions:
    """The file's text as objects. Raises `Unfit` with every fault; `name` is what the faults call the file.

    `accepted`: this text was good before, and only the organisation's file has changed. A level that the organisation
    has raised as far, or further, is no fault then: it is kept as the organisation has it.
    """
    try:
        return _read(text, ground, name, accepted)
    except Unfit:
        raise
    except Faulty as wrong:
        raise Unfit(wrong.faults) from None


def join(mappings: Mappings, additions: Additions, digest: str) -> Joined:
    """Both together, as one file that judges what lives in that repository; `digest` is of the repository's."""
    ours = tuple(_raised(rule, additions.raised.get(rule.id)) for rule in mappings.rules)
    whole = {name: getattr(mappings, name) for name in Mappings.model_fields} | {
        "rules": (*ours, *additions.rules),
        "hash": f"{mappings.hash}+{digest[:SHORT]}",
        "added": frozenset(rule.id for rule in additions.rules),
        "raised": frozenset(one.id for one, was in zip(ours, mappings.rules, strict=True) if one != was),
    }
    return Joined.model_construct(**whole)


def _raised(rule: Rule, by: Raise | None) -> Rule:
    if by is None or _LEVELS.index(by.level) <= _LEVELS.index(rule.level):
        return rule
    return rule.model_copy(update={"level": by.level, "effective": rule.effective or by.effective})


# --- reading ----------------------------------------------------------------------------------------------------


def _read(text: str, ground: Ground, name: str, accepted: bool) -> Additions:
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise Unfit([Fault(1, 1, "", f"the file is larger than {LARGEST // 1024} KB", name)])
    written, faults = parse(text, name)
    raw = written.value
    if not isinstance(raw, dict):
        raise Unfit([Fault(written.line, written.column, "", "the file is no mapping; begin with `version: 1`", name)])
    found = list(_faults(raw, ground, accepted))
    ours = {key: value for key, value in raw.items() if key not in _FOREIGN}
    try:
        additions = Additions.model_validate(ours, context=Names.of(dict(ground.raw)), by_alias=True, by_name=False)
    except ValidationError as wrong:
        found += explain(wrong, Additions, REQUIREMENTS)
    faults += [Fault(*written.find(loc, at_key), says, name) for loc, says, at_key in found]
    if faults:
        raise Unfit(faults)
    return additions


_OURS = ("version", "rules", "raise")
_FOREIGN = set(Mappings.model_fields) - {*_OURS, "hash"}


def _faults(raw: dict[str, Any], ground: Ground, accepted: bool) -> Iterator[Found]:
    """What no single part of the file can see, and all that only the organisation may say."""
    for key in raw:
        if key in _FOREIGN:
            says = f"{shown(key)} is for the organisation's mappings.yaml alone; here: {', '.join(_OURS)}"
            yield (key,), says, True
    rules = raw.get("rules")
    if isinstance(rules, list):
        yield from _of_rules(rules, ground)
    raised = raw.get("raise")
    if isinstance(raised, dict):
        for rule in raised:
            yield from _of_raise(rule, raised[rule], ground.mappings, accepted)


def _of_rules(rules: list[Any], ground: Ground) -> Iterator[Found]:
    if len(rules) > MOST_RULES:
        yield ("rules",), f"{len(rules)} rules; a repository adds {MOST_RULES} at most", True
        return
    known = {*ALWAYS, *(rule.id for rule in ground.mappings.rules)}
    for index, rule in enumerate(rules):
        if isinstance(rule, dict):
            yield from _of_rule(("rules", index), rule, known, ground.mappings.additions.custom)
    whole = [*(ground.raw.get("rules") or ()), *rules]
    first = len(whole) - len(rules)
    together = {**ground.raw, "rules": whole, "sources": _on_github(ground.raw)}
    for loc, says, at_key in (*sense.rules(together), *sense.unreached(together, "github")):
        if isinstance(loc[1], int) and loc[1] >= first and loc[2:] not in (("id",), ("later",)):  # told below
            yield ("rules", loc[1] - first, *loc[2:]), says, at_key


def _on_github(raw: Mapping[str, Any]) -> list[Any]:
    """The sources on GitHub: there are no fields and no types of links in a repository."""
    return [one for one in raw.get("sources") or () if isinstance(one, dict) and one.get("github")]


def _of_rule(loc: tuple[str, int], rule: dict[str, Any], known: set[str], checks: tuple[str, ...]) -> Iterator[Found]:
    """What an added rule may not say, though the organisation's may."""
    name = rule.get("id")
    if isinstance(name, str):
        if name in known:
            says = f"{shown(name)} is a rule of this file, or of the organisation's; take another name"
            yield (*loc, "id"), says, False
        known.add(name)
    if rule.get("later") is not None:
        yield (*loc, "later"), "what may be put off, and for how long, only the organisation's file says", True
    if rule.get("raise_after") is not None:
        says = "when a level is to be raised is proposed to the organisation's admins alone; leave it out"
        yield (*loc, "raise_after"), says, True
    for where, asked, given in sense.asked(rule):
        check = given.get("name")
        if asked == "custom" and isinstance(check, str) and check not in checks:
            says = f"no check {shown(check)} is for repositories{instead(check, checks)}"
            yield (*loc, *where, "name"), says, False


def _of_raise(name: str, value: Any, org: Mappings, accepted: bool) -> Iterator[Found]:
    """A rule that there is, at a level that is higher, and from when on."""
    rule = next((one for one in org.rules if one.id == name), None)
    if rule is None:
        if not accepted:  # else there is nothing to raise any more
            yield ("raise", name), f"no rule {shown(name)}{instead(name, (one.id for one in org.rules))}", True
        return
    level = value.get("level") if isinstance(value, dict) else value
    if level not in _LEVELS:
        return  # a fault of its own
    if _LEVELS.index(Level(level)) < _LEVELS.index(rule.level) and not accepted:
        says = f"{shown(name)} is at {rule.level} already; a repository may raise a level, and never lower it"
        yield ("raise", name), says, False
    elif level == Level.OBSERVE:
        yield ("raise", name), "nothing is below observe; raise it to warn, or to block", False
        return
    begins = value.get("effective") if isinstance(value, dict) else None
    if rule.effective is None and begins is None:
        says = f"{shown(name)} does not say from when on; write {{level: {level}, effective: 2026-12-01}}"
        yield ("raise", name), says, False
    elif rule.effective is not None and begins is not None and not accepted:
        yield ("raise", name, "effective"), f"{shown(name)} says from when on itself; leave it out", True
