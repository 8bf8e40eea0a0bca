"""mappings.yaml may come from more people than run the service: whatever it holds is read soon, or refused."""

from __future__ import annotations

import time

import pytest

from integration.stages.file.mappings import Faulty, read
from integration.stages.file.written import LARGEST

HEAD = "version: 1\nstages: {a: A, b: B}\n"
SOURCE = "sources: [{github: {repositories: ['acme/*'], labels: {a: x, b: y}}}]\n"
WHOLE = HEAD + SOURCE
SOON = 3.0  # seconds of work; most take a hundredth of that


def nested(opens: str, depth: int) -> str:
    return opens * depth


def grows(join: str) -> str:
    """Nine times as much with each line: the billion laughs."""
    lines = [f"{chr(98 + n)}: &{chr(98 + n)} {join % ','.join([f'*{chr(97 + n)}'] * 9)}" for n in range(9)]
    return "\n".join(["a: &a {k: [x, x, x]}", *lines])


HOSTILE = {
    "laughs": grows("[%s]"),
    "laughs by merging": grows("{<<: [%s]}"),
    "a circle": "a: &a [*a]",
    "a circle of two": "a: &a {b: &b {c: *a, d: *b}}",
    "deep lists": nested("[", 50_000),
    "deep maps": nested("{a: ", 40_000),
    "deep blocks": "".join(" " * n + "a:\n" for n in range(400)),
    "keys without end": nested("? ", 100_000),
    "dashes": nested("- ", 100_000),
    "a number of all digits": WHOLE + f"waivers: {{allowed: {'9' * 10_000}}}",
    "a number in hex": WHOLE + f"waivers: {{allowed: 0x{'f' * 100_000}}}",
    "a number of minutes": WHOLE + f"waivers: {{allowed: {'1:' * 50_000}1}}",
    "a python object": WHOLE + "waivers: !!python/object/apply:os.system ['true']",
    "a python name": WHOLE + "waivers: !!python/name:os.system ''",
    "an object of our own": WHOLE + "waivers: !Mappings {}",
    "bytes": WHOLE + "waivers: !!binary aGk=",
    "too much": "#" * (LARGEST + 1),
    "noughts": "\x00" * 1000,
    "halves of signs": WHOLE + 'waivers: "\\ud800"',
    "a length of time beyond all": WHOLE
    + "rules: [{id: r, entering: b, level: observe, require: [spent: {stage: a, at_least: 9999999999 weeks}]}]",
    "many directives": "%a\n" * 20_000,
    "long patterns": HEAD
    + "sources:\n"
    + "".join(f"  - github: {{repositories: ['acme/{'*?' * 10_000}{n}'], labels: {{a: x, b: y}}}}\n" for n in "12"),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_soon_and_in_words(text: str) -> None:
    began = time.process_time()

    with pytest.raises(Faulty) as wrong:
        read(text)

    assert time.process_time() - began < SOON
    assert all(len(str(fault)) < 500 and "Traceback" not in str(fault) for fault in wrong.value.faults)


def test_the_pattern_of_an_address_is_compared_in_little_time() -> None:
    """A `*` is no regular expression: many of them do not multiply."""
    pattern = "https://docs.example.com/" + "*a" * 40 + "*b"
    text = WHOLE + f"rules: [{{id: r, entering: b, level: observe, require: [linked: {{url: '{pattern}'}}]}}]"
    from integration.stages.rules.sections import _fits

    read(text)
    began = time.process_time()
    assert not _fits("https://docs.example.com/" + "a" * 60_000, (pattern,))
    assert time.process_time() - began < SOON


@pytest.mark.parametrize("name", ["\\n", "x\\ny", "\\x1b[2J", "\\u2028", "\\u202e"])
@pytest.mark.parametrize("used", ["bb", "public"])
def test_a_name_of_the_file_cannot_break_the_line_of_a_fault(name: str, used: str) -> None:
    """Faults go into the log, onto the page and into a terminal."""
    file = f'version: 1\nstages: {{"{name}": A, b: B}}\nparties: {{"{name}": {{github: {{users: [sam]}}}}}}\n{SOURCE}'
    with pytest.raises(Faulty) as wrong:
        read(file + f"rules: [{{id: r, entering: {used}, level: observe, require: [acknowledged: {{party: {used}}}]}}]")
    assert [str(fault) for fault in wrong.value.faults if not str(fault).isprintable()] == []
