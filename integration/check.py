"""mappings.yaml from the disk: for the processes that need it, and for whoever asks what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from integration import custom
from integration.settings import digest_variable
from integration.stages.file import mappings as m
from integration.stages.file.additions import SHORT, Ground, digest_of, read_additions
from integration.stages.file.mappings import Fault, Faulty, Mappings, read
from integration.stages.file.written import LARGEST
from integration.stages.model import Ref, Unnamed
from integration.watched import Reading, Watched

_CALLED = {"github": "GitHub", "jira": "Jira"}


def load(path: Path) -> Mappings:
    """The file as objects. Raises `Faulty`, also when the file cannot be read at all."""
    return read(text_of(path), path.name or str(path))


def text_of(path: Path) -> str:
    """The file as it stands. Raises `Faulty` when it cannot be read."""
    return text_in(Watched(path).begin(), path)


def text_in(reading: Reading, path: Path) -> str:
    """What was read of the file as a text. Raises `Faulty` when it is none, or could not be read."""
    name = path.name or str(path)
    if isinstance(reading.error, FileNotFoundError):
        raise Faulty([_whole(name, f"there is no such file as {path}; MAPPINGS names the file to read")])
    if reading.error is not None:
        raise Faulty([_whole(name, f"{path} cannot be read: {reading.error.strerror or reading.error}")])
    if len(reading.raw) > LARGEST:
        raise Faulty([_whole(name, f"the file is larger than {LARGEST // 1024} KB")])
    return decoded(reading.raw, name)


def check(path: Path, variables: Collection[str] | None = None) -> tuple[list[str], Mappings | None]:
    """The lines to print, one for each fault, and the mappings when there is none; then there may be notes.

    `variables` are the names in the environment, where that is known.
    """
    try:
        mappings = load(path)
    except Faulty as wrong:
        return _listed(wrong), None
    missing = [
        f"no requirement named {name} is installed here; its rules cannot be judged before the package is"
        for name in custom.missing(mappings)
    ]
    noted = [f"note: {each}" for each in (*missing, *notes(mappings, variables))]
    return [f"{path.name} ({mappings.hash}) has no fault: {_summary(mappings)}", *noted], mappings


def check_additions(path: Path, mappings: Path) -> tuple[list[str], bool]:
    """The lines to print of a repository's own file, as it would count with this mappings.yaml; whether it would."""
    try:
        text, ours = text_of(path), text_of(mappings)
        ground = Ground.of(ours)
        additions = read_additions(text, ground, path.name)
    except Faulty as wrong:
        return _listed(wrong), False
    counted = (len(additions.rules), "rule"), (len(additions.raised), "raised level")
    said = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counted)
    lines = [f"{path.name} ({digest_of(text)[:SHORT]}) has no fault beside {mappings.name}: {said}"]
    if not ground.mappings.additions.allowed:
        lines.append(f"note: it would not be read; {mappings.name} has no additions: {{allowed: true}}")
    return lines, True


def _listed(wrong: Faulty) -> list[str]:
    count = len(wrong.faults)
    end = f"{count} fault{'' if count == 1 else 's'}; a file with faults never takes effect"
    return [*(str(fault) for fault in wrong.faults), end]


def notes(mappings: Mappings, variables: Collection[str] | None = None) -> Iterator[str]:
    """What is no fault, and yet does nothing, or hardly what was meant. Pure; `variables` as `check` has them."""
    yield from _unused(mappings)
    yield from _prevented_for_nothing(mappings)
    if not any(source.jira for source in mappings.sources):
        yield from _without_jira(mappings)
    yield from _single_addresses(mappings)
    yield from _raised_to_nothing(mappings)
    for name, party in mappings.parties.items():
        yield from _escalation(name, party, mappings)
        if party.digest:
            yield from _digest(name, party.digest, mappings, variables)


def _unused(mappings: Mappings) -> Iterator[str]:
    """Names of section `links`, `windows` and `freezes` that no rule uses."""
    used: set[tuple[str, str | None]] = set()
    for one in mappings.asked():
        match one:
            case m.Linked():
                used.add(("links", one.to))
            case m.Approved():
                used |= {("links", fact.link) for fact in one.voided_by}
            case m.Within():
                used.add(("windows", one.window))
            case m.Outside():
                used.add(("freezes", one.freeze))
    for part, called in (("links", "kind of link"), ("windows", "window"), ("freezes", "freeze")):
        for name in getattr(mappings, part):
            if (part, name) not in used:
                yield f"no rule looks at the {called} {name}"


def _prevented_for_nothing(mappings: Mappings) -> Iterator[str]:
    """Stages that a workflow is to guard, although no rule ever shuts them."""
    blocking = {rule.entering for rule in mappings.rules if rule.level is m.Level.BLOCK}
    for source in mappings.sources:
        for stage in source.jira.prevent if source.jira else ():
            if stage not in blocking:
                yield f"prevent: {stage} is always open, as no rule of level block guards it"


def _without_jira(mappings: Mappings) -> Iterator[str]:
    """Fields that are named, although only Jira has any."""
    for rule in mappings.rules:
        asked = (one for one in mappings.asked_by(rule) if isinstance(one, m.Approved))
        for name in dict.fromkeys(fact.field for one in asked for fact in one.voided_by if fact.field):
            yield f"the field {name} never voids an approval of {rule.id}: only Jira has fields, and no source is there"
    if mappings.routes and mappings.routes.field:
        yield f"the field {mappings.routes.field} never proposes a route: only Jira has fields, and no source is there"


def _single_addresses(mappings: Mappings) -> Iterator[str]:
    """Patterns of addresses that fit one address alone."""
    wanted = [(url, f"links.{name}") for name, kind in mappings.links.items() for url in kind.urls]
    for rule in mappings.rules:
        asked = mappings.model_copy(update={"rules": (rule,)}).asked()
        wanted += [(one.url, rule.id) for one in asked if isinstance(one, m.Linked) and one.url]
    for url, where in dict.fromkeys(wanted):
        if "*" not in url:
            yield f"{url} in {where} fits just that address; a * in it stands for anything"


def _raised_to_nothing(mappings: Mappings) -> Iterator[str]:
    """Rules that are to be raised one day, and are as high as they can be."""
    for rule in mappings.rules:
        if rule.level is m.Level.BLOCK and rule.raise_after not in (None, "never"):
            yield f"raise_after of {rule.id} does nothing: it blocks, and nothing is above that"


def _escalation(name: str, party: m.Party, mappings: Mappings) -> Iterator[str]:
    """People who are asked on a tracker on which nobody is ever asked."""
    for tracker, called in _CALLED.items():
        named = party.escalate_to and getattr(party.escalate_to, tracker)
        if named and not any(getattr(source, tracker) for source in mappings.sources):
            yield f"escalate_to of {name} names people on {called}, where no source is; nobody asks them"


def _digest(name: str, digest: m.Digest, mappings: Mappings, variables: Collection[str] | None) -> Iterator[str]:
    """A digest that goes nowhere, or to a place that the file does not speak of."""
    variable = digest_variable(name)
    if digest.issue is None:
        if variables is None:
            yield f"the digest of {name} names no issue; it goes nowhere but where {variable} in the environment says"
        elif variable not in variables:
            yield f"the digest of {name} goes nowhere: name an issue under it, or set {variable} in the environment"
        return
    try:
        ref = Ref.parse(digest.issue)
    except Unnamed:
        yield f"the digest of {name} goes to {digest.issue}, which can be no issue"
        return
    sites = {source.jira.site.casefold() for source in mappings.sources if source.jira}
    on_github = any(source.github for source in mappings.sources)
    if not (on_github if ref.tracker == "github" else ref.site.casefold() in sites):
        place = "GitHub" if ref.tracker == "github" else f"the Jira site {ref.site}"
        yield f"the digest of {name} goes to {ref.key} on {place}, where no source is; may the service write there?"


def decoded(raw: bytes, name: str) -> str:
    """The bytes of a file as a text. Raises `Faulty` where they are none; `name` is what the fault calls the file."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        before = raw[: wrong.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        says = f"byte 0x{raw[wrong.start]:02x} is not UTF-8; save the file as UTF-8"
        raise Faulty([Fault(line, column, "", says, name)]) from None


def _whole(name: str, says: str) -> Fault:
    return Fault(1, 1, "", says, name)


def _summary(mappings: Mappings) -> str:
    counted = (
        (len(mappings.stages), "stage"),
        (len(mappings.parties), "party"),
        (len(mappings.sources), "source"),
        (len(mappings.rules), "rule"),
    )
    return ", ".join(f"{n} {word if n == 1 else {'party': 'parties'}.get(word, word + 's')}" for n, word in counted)
