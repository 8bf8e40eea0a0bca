"""Requirements of your own: real packages, found and loaded once, missed by name; and the docs' example."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from integration import custom
from integration.stages import mappings as m
from integration.stages.case import Case
from integration.stages.entries import Finding
from integration.stages.model import Issue, Label, Person, Ref
from integration.stages.rules import evaluate
from tests.test_docs import as_file

DOC = (Path(__file__).parent.parent / "docs/custom-requirements.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
REQUIREMENT, ITS_TEST = (block for language, block in BLOCKS if language == "python")
(PACKAGE,) = (tomllib.loads(block) for language, block in BLOCKS if language == "toml")
(RULES,) = (block for language, block in BLOCKS if language == "yaml")

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)
ERIN = Person("erin", "erin")
ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title="Log in", body="## Security reviewer\nsofia", url="", author=ERIN,
    me=ERIN, created=NOW, watermark=NOW,
)  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, as pip fills one; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    custom.installed.cache_clear()
    yield tmp_path
    custom.installed.cache_clear()
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def install(site: Path, name: str, modules: dict[str, str], points: dict[str, str]) -> None:
    """What `pip install` leaves behind of a package."""
    for module, source in modules.items():
        (site / f"{module}.py").write_text(source, "utf-8")
    about = site / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    lines = "".join(f"{point} = {at}\n" for point, at in points.items())
    (about / "entry_points.txt").write_text(f"[{custom.GROUP}]\n{lines}", "utf-8")


def asking(*names: str) -> m.Mappings:
    wanted = ", ".join(f"{{custom: {{name: {name}}}}}" for name in names)
    return m.read(as_file(f"rules: [{{id: a, entering: public, level: observe, require: [{{any: [{wanted}]}}]}}]"))


GOOD = (
    "from integration.stages.entries import Finding\ndef good(issue, options, now): return Finding('it is good', True)"
)


def test_what_is_installed_is_found_by_its_name(site: Path) -> None:
    install(site, "one", {"one": GOOD}, {"good": "one:good"})

    assert custom.installed()["good"](ISSUE, {}, NOW) == Finding("it is good", True)
    assert custom.missing(asking("good", "better", "best", "better")) == ["better", "best"]


def test_it_is_loaded_once(site: Path) -> None:
    install(site, "one", {"one": GOOD}, {"good": "one:good"})
    first = custom.installed()
    install(site, "two", {"two": GOOD}, {"late": "two:good"})

    assert custom.installed() is first
    assert "late" not in first


def test_a_file_that_asks_for_none_has_none_missing_and_loads_nothing(site: Path) -> None:
    install(site, "one", {"one": "raise RuntimeError('loaded')"}, {"good": "one:good"})

    with capture_logs() as logged:
        assert custom.missing(m.read(as_file("labelled: a"))) == []
    assert logged == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import no_such_module_at_all", "cannot be imported"),
        ("raise RuntimeError('the token is hunter2')", "cannot be imported"),
        ("good = 1", "no function"),
        ("other = 1", "cannot be imported"),
        ("def good(:", "cannot be imported"),
    ],
)
def test_one_that_is_broken_is_logged_by_name_and_ends_nothing(site: Path, source: str, says: str) -> None:
    install(site, "broken", {"broken": source}, {"bad": "broken:good"})
    install(site, "one", {"one": GOOD}, {"good": "one:good"})

    with capture_logs() as logged:
        found = custom.installed()

    assert ("good" in found, "bad" in found) == (True, False)
    assert [(one["name"], says in one["event"]) for one in logged] == [("bad", True)]
    assert "hunter2" not in str(logged)
    assert custom.missing(asking("bad")) == ["bad"]


def test_of_two_with_one_name_the_first_counts_and_it_is_said(site: Path) -> None:
    install(site, "one", {"one": GOOD}, {"good": "one:good"})
    install(site, "two", {"two": GOOD}, {"good": "two:good"})

    with capture_logs() as logged:
        found = custom.installed()

    assert found["good"](ISSUE, {}, NOW).ok is True
    assert [one["name"] for one in logged] == ["good"]


# --- the example of the docs ----------------------------------------------------------------------------------------


@pytest.fixture
def example(site: Path) -> Path:
    points = PACKAGE["project"]["entry-points"]
    assert list(points) == [custom.GROUP]
    (module,) = PACKAGE["tool"]["setuptools"]["py-modules"]
    install(site, PACKAGE["project"]["name"], {module: REQUIREMENT}, points[custom.GROUP])
    return site


def test_the_example_passes_its_own_test(example: Path) -> None:
    space: dict[str, object] = {}
    exec(compile(ITS_TEST, "docs/custom-requirements.md", "exec"), space)
    tests = [test for name, test in space.items() if name.startswith("test_") and callable(test)]

    assert len(tests) >= 3
    for test in tests:
        test()


@pytest.mark.parametrize(("labels", "ok", "party"), [((), False, "support"), (("security-reviewed",), True, "")])
def test_the_example_is_asked_for_by_its_rule(example: Path, labels: tuple[str, ...], ok: bool, party: str) -> None:
    file = m.read(as_file(RULES))
    issue = replace(ISSUE, labels=tuple(Label(name, name) for name in labels))
    assert custom.missing(file) == []

    found = evaluate(file.rules[0].require[0], Case(issue, file, NOW, custom=custom.installed()))

    assert (found.ok, found.party) == (ok, party)
