"""What the docs say is there is there: links, YAML examples, commands, files, names of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli import main
from integration.stages.file.additions import Ground, read_additions
from integration.stages.file.mappings import REQUIREMENTS, Faulty, Mappings, read
from integration.stages.model import ADDITIONS_FILE
from integration.stages.planning.commands import VERBS

ROOT = Path(__file__).parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_LINK = re.compile(r"!?\[[^\]\n]*\]\(<?([^)>\s]+)>?\)")
_HEADING = re.compile(r"^#+\s+(.*?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?<![\w/-])(?:\.venv/bin/)?release-stages[ ]+([a-z][a-z-]*)\b")
_FILE = re.compile(r"`((?:integration|workers|tests|bench|docs)/[\w./-]+?\.\w+)`")

WHOLE = """
version: 1
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
sources:
  - github:
      repositories: ["acme/*"]
      labels: {development: dev, internal: internal, beta: beta, public: public}
"""
# What a requirement may name, and an example may give itself.
PARTS = {
    "calendars": "calendars: {london: {time_zone: Europe/London}}\n",
    "parties": """parties:
  support: {github: {team: acme/support}, briefing: [What changes, How to undo]}
  growth: {github: {team: acme/growth}}
""",
    "routes": "routes: {agreed_by: [growth, support], effective: 2026-12-01}\n",
    "links": "links: {docs: {urls: ['https://docs.example.com/*']}}\n",
    "windows": "windows: {office-hours: {days: mon-thu}}\n",
    "freezes": "freezes: {end-of-year: {from: 2026-12-18, until: 2027-01-04}}\n",
    "rules": """rules:
  - {id: other, entering: beta, level: observe, later: 5 days, require: [acknowledged: {party: support}]}
""",
}

ORGANISATION = """rules:
  - {id: other, entering: beta, level: observe, require: [acknowledged: {party: support}]}
additions: {allowed: true}
"""  # what the example of a repository's own file stands on


def text(doc: Path) -> str:
    return doc.read_text("utf-8")


def prose(doc: Path) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", text(doc))


def named(doc: Path) -> str:
    return str(doc.relative_to(ROOT))


def yaml_blocks() -> Iterator[tuple[str, str]]:
    for doc in DOCS:
        for language, block in _FENCE.findall(text(doc)):
            if language in ("yaml", "yml"):
                yield named(doc), block


def anchor(heading: str) -> str:
    """The address that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def as_file(block: str) -> str:
    """A block as a whole mappings.yaml: it may be one, or some of its parts, or a single requirement."""
    if re.search(r"^version:", block, re.MULTILINE):
        return block
    given = set(re.findall(r"^(\w+):", block, re.MULTILINE)) & set(PARTS)
    rest = WHOLE + "".join(part for name, part in PARTS.items() if name not in given)
    if given:
        return rest + block
    indented = "\n".join(f"          {line}" for line in block.rstrip().splitlines()).lstrip()
    return rest + f"  - id: example\n    entering: public\n    level: observe\n    require:\n        - {indented}\n"


@pytest.mark.parametrize("doc", DOCS, ids=named)
def test_every_link_to_a_file_leads_to_one(doc: Path) -> None:
    for link in _LINK.findall(prose(doc)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (doc.parent / path).resolve() if path else doc
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if heading:
            assert heading in {anchor(one) for one in _HEADING.findall(text(target))}, link


@pytest.mark.parametrize("doc", DOCS, ids=named)
def test_every_file_of_the_house_that_is_named_is_there(doc: Path) -> None:
    missing = [path for path in _FILE.findall(text(doc)) if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize(("doc", "block"), list(yaml_blocks()))
def test_every_yaml_example_can_stand_in_a_mappings_file(doc: str, block: str) -> None:
    if block.startswith(f"# {ADDITIONS_FILE}"):  # a repository's own file, which stands on the organisation's
        assert read_additions(block, Ground.of(as_file(ORGANISATION)), doc).rules
        return
    found = read(as_file(block), doc)
    assert isinstance(found, Mappings)
    assert found.rules


def test_rules_md_shows_an_example_of_each_requirement() -> None:
    blocks = [block for doc, block in yaml_blocks() if doc == "docs/rules.md"]
    shown = {block.strip().partition(":")[0].strip() for block in blocks}
    assert set(REQUIREMENTS) <= shown


@pytest.mark.parametrize("doc", DOCS, ids=named)
def test_every_command_that_is_named_exists(doc: Path) -> None:
    unknown = {one for one in _COMMAND.findall(text(doc)) if one not in main.commands}
    assert not unknown


@pytest.mark.parametrize("doc", [doc for doc in DOCS if doc.name != "architecture.md"], ids=named)
def test_every_word_for_issues_that_is_named_is_understood(doc: Path) -> None:
    """architecture.md tells which words of the design are not understood yet."""
    said = re.findall(r"`/stage ([a-z][a-z-]*)", text(doc))
    assert {one for one in said if one not in VERBS} == set()


@pytest.mark.parametrize("doc", DOCS, ids=named)
def test_every_make_target_that_is_named_exists(doc: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    inline = re.findall(r"`make ([a-z]+)`", text(doc))
    blocks = [line for _, block in _FENCE.findall(text(doc)) for line in re.findall(r"^make ([a-z]+)$", block, re.M)]
    assert set(inline + blocks) <= targets


@pytest.mark.parametrize("doc", DOCS, ids=named)
def test_every_variable_that_is_named_is_one(doc: Path) -> None:
    """Of what looks like a variable of ours: in the example, or of a further Jira site."""
    example = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    said = re.findall(r"\b((?:GITHUB|JIRA)_[A-Z0-9_]*[A-Z0-9]|MARKER_KEY|DATA_DIR|[A-Z]+_URL)\b", text(doc))
    assert {one for one in said if one not in example and not re.fullmatch(r"JIRA_EU_[A-Z_]+", one)} == set()


def test_the_architecture_names_every_module_of_the_mind_and_no_other() -> None:
    told = text(ROOT / "docs/architecture.md")
    tree = told.partition("stages/\n")[2].partition("```")[0]
    words = set(re.findall(r"\b([a-z_]+)\b", tree))
    modules = {path.stem for path in (ROOT / "integration/stages").rglob("*.py")} - {"__init__"}
    assert modules <= words, modules - words
    named_files = set(re.findall(r"\b([a-z_]+)\.py\b", tree))
    assert named_files <= modules, named_files - modules


def test_a_mermaid_diagram_has_no_tab_and_begins_with_what_it_is() -> None:
    for doc in DOCS:
        for language, block in _FENCE.findall(text(doc)):
            if language == "mermaid":
                kind = block.split()[0]
                assert kind in ("flowchart", "sequenceDiagram", "stateDiagram-v2"), f"{named(doc)}: {kind}"
                assert "\t" not in block, named(doc)


# --- these tests find what they are for ---


@pytest.mark.parametrize(
    "block",
    ["notified: {party: suport}", "rules:\n  - id: a", "notified: {partyy: support}", "spent: {stage: beta}"],
)
def test_a_faulty_example_is_found(block: str) -> None:
    with pytest.raises(Faulty):
        read(as_file(block), "example")


def test_a_command_that_is_none_is_found() -> None:
    assert _COMMAND.findall("run `release-stages frobnicate` now") == ["frobnicate"]
    assert _COMMAND.findall("marks of <!-- release-stages: abc -->, the queue `release-stages`") == []
