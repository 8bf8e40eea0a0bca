"""Requirements of your own: real packages, found and loaded once, missed by name; and the docs' example."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from structlog.testing import capture_logs

from integration import custom
from integration.stages.entries import Finding
from integration.stages.file import mappings as m
from integration.stages.model import Issue, Label, Person, Ref
from integration.stages.rules.case import Case
from integration.stages.rules.catalogue import evaluate
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
        ("import sys\nsys.exit(1)", "cannot be imported"),
        ("import time\ntime.sleep(60)", "cannot be imported"),
    ],
)
def test_one_that_is_broken_is_logged_by_name_and_ends_nothing(
    site: Path, source: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom, "TO_IMPORT", 0.2)
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


# --- whatever somebody else's code does -----------------------------------------------------------------------------

OWN = m.Custom(name="own")
SOON = 0.2


def ends(*_: object) -> None:
    raise SystemExit(1)


def fails(*_: object) -> None:
    raise PermissionError("the token is hunter2")


def spins(*_: object) -> None:
    while True:
        pass


def sleeps(*_: object) -> None:
    time.sleep(60)


def searches(*_: object) -> None:
    re.match(r"(?:a+)+$", "a" * 60 + "b")  # takes longer than the world will last, and lets no other thread run


def does_not_listen(*_: object) -> None:
    try:
        sleeps()
    except BaseException:
        sleeps()


def goes_on(*_: object) -> None:
    while True:
        try:
            sleeps()
        except Exception:
            continue


def asking_own(check: Callable[..., object], **options: object) -> Finding:
    """What the rule makes of a requirement that is installed as `own`."""
    own = OWN.model_copy(update={"options": options})
    return evaluate(own, Case(ISSUE, asking("own"), NOW, custom={"own": custom.Check("own", check)}))  # type: ignore[arg-type]


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom, "LIMIT", SOON)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (fails, "PermissionError"),
        (ends, "SystemExit"),
        *((hangs, "it took longer than 0.2 seconds") for hangs in (spins, sleeps, searches, does_not_listen, goes_on)),
    ],
)
@pytest.mark.usefixtures("little_time")
def test_what_goes_wrong_is_told_in_few_words_and_logged(check: Callable[..., object], wrong: str) -> None:
    before, began = signal.getsignal(signal.SIGALRM), time.monotonic()

    with capture_logs() as logged:
        found = asking_own(check)

    assert found == Finding("own", None, f"it could not be evaluated: {wrong}")
    assert [(one["name"], one["issue"], one["wrong"]) for one in logged] == [("own", str(ISSUE.ref), wrong)]
    assert time.monotonic() - began < 5
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == (before, (0, 0))


@pytest.mark.usefixtures("little_time")
def test_outside_of_the_main_thread_it_has_no_more_time_and_keeps_nobody_from_ending() -> None:
    found, let_go = list[Finding](), threading.Event()

    def waits(*_: object) -> Finding:
        assert threading.current_thread().daemon
        let_go.wait()
        return Finding("late", True)

    asked = threading.Thread(target=lambda: found.append(asking_own(waits)))
    asked.start()
    asked.join(10)
    let_go.set()

    assert found == [Finding("own", None, "it could not be evaluated: it took longer than 0.2 seconds")]


def test_outside_of_the_main_thread_it_answers_and_fails_as_inside() -> None:
    found = list[Finding]()

    asked = threading.Thread(
        target=lambda: found.extend((asking_own(fails), asking_own(lambda *_: Finding("good", True))))
    )
    asked.start()
    asked.join(10)

    assert found == [Finding("own", None, "it could not be evaluated: PermissionError"), Finding("good", True)]


@pytest.mark.parametrize(("check", "limit"), [(sleeps, SOON), (goes_on, 60.0), (lambda *_: Finding("", True), 60.0)])
def test_the_alarm_of_the_job_rings_all_the_same(
    check: Callable[..., object], limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom, "LIMIT", limit)
    began = time.monotonic()

    with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):  # type: ignore[no-untyped-call]
        asking_own(check)
        while time.monotonic() - began < 5:
            pass

    assert 0.9 < time.monotonic() - began < 4


def test_whoever_stops_the_process_stops_it() -> None:
    def is_stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asking_own(is_stopped)


def test_options_are_its_own_to_spoil() -> None:
    options = {"days": [1, 2]}

    def spoils(issue: Issue, options: dict[str, Any], now: datetime) -> Finding:
        options["days"].append(3)
        options["more"] = True
        return Finding("x", True, str(options["days"]))

    for _ in range(2):
        assert asking_own(spoils, **options).reason == "[1, 2, 3]"
    assert options == {"days": [1, 2]}


def test_the_same_question_is_asked_once() -> None:
    asked = list[tuple[Issue, Mapping[str, Any], datetime]]()

    def counts(issue: Issue, options: Mapping[str, Any], now: datetime) -> Finding:
        asked.append((issue, options, now))
        return Finding(str(len(asked)), True)

    check = custom.Check("own", counts)
    again = replace(ISSUE)  # read anew
    questions = [(ISSUE, {"a": 1}, NOW), (ISSUE, {"a": True}, NOW), (again, {"a": 1}, NOW),
                 (again, {"a": 1}, NOW + timedelta(seconds=1))]  # fmt: skip

    for number, question in enumerate(questions, 1):
        assert [check(*question).says for _ in range(3)] == [str(number)] * 3
    assert asked == questions


# --- what is kept of its answer -------------------------------------------------------------------------------------


def kept(answer: Finding) -> Finding:
    return asking_own(lambda *_: answer)


def parts_of(found: Finding) -> list[Finding]:
    return [one for part in found.parts for one in (part, *parts_of(part))]


def test_its_words_are_kept_short() -> None:
    found = kept(Finding("a" * 90_000, False, "b" * 90_000, parts=(Finding("c" * 501, False),)))

    assert [found.says, found.reason, found.parts[0].says] == [f"{sign * 499}…" for sign in "abc"]


@pytest.mark.parametrize(
    ("count", "shown", "last"), [(20, 20, "19"), (21, 20, "and 2 more"), (5000, 20, "and 4981 more")]
)
def test_of_its_parts_the_first_are_kept(count: int, shown: int, last: str) -> None:
    found = kept(Finding("x", False, parts=tuple(Finding(str(n), False) for n in range(count))))

    assert (len(found.parts), found.parts[-1].says, found.parts[-1].ok) == (shown, last, False)


def test_of_parts_in_parts_no_more_are_kept() -> None:
    leaf = tuple(Finding(f"leaf {n}", False) for n in range(4))
    found = kept(Finding("x", False, parts=tuple(Finding(f"branch {n}", False, parts=leaf) for n in range(5))))

    said = [one.says for one in parts_of(found)]
    assert len(said) == 20
    assert said[:6] == ["branch 0", "leaf 0", "leaf 1", "leaf 2", "leaf 3", "branch 1"]
    assert said[15:] == ["branch 3", "leaf 0", "leaf 1", "and 2 more", "branch 4"]


def test_parts_that_are_nested_without_end_end() -> None:
    found = Finding("leaf", False)
    for _ in range(5000):
        found = Finding("branch", False, parts=(found,))

    assert len(parts_of(kept(found))) == 20


def test_it_waits_for_issues_only_and_not_for_too_many() -> None:
    odd = ("no ref", "x" * 600, f"{'x' * 600}#1", "nul\x00#1", "party:support", "acme/app#0", "APP-1 ")
    found = kept(Finding("x", False, waits_for=(*odd, "APP-7", "acme/app#12")))
    many = kept(Finding("x", False, waits_for=tuple(f"APP-{n}" for n in range(1, 5000))))

    assert found.waits_for == ("jira:main/APP-7", "github:acme/app#12")
    assert len(many.waits_for) == 100


def test_its_links_are_few_and_have_an_end() -> None:
    found = kept(Finding("x", True, evidence=(f"https://x.example/{'x' * 5000}", *("https://x.example/1",) * 50)))

    assert found.evidence == ("https://x.example/1",) * 9


@pytest.mark.parametrize(
    ("at", "kept_at"),
    [
        (NOW + timedelta(days=1), NOW + timedelta(days=1)),
        (NOW, None),
        (NOW - timedelta(days=1), None),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), None),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), None),
    ],
)
def test_a_time_that_is_over_or_will_never_be_is_no_time_to_look_again(at: datetime, kept_at: datetime | None) -> None:
    assert kept(Finding("x", False, look_again_at=at)).look_again_at == kept_at


def test_it_cannot_speak_for_a_party_that_has_promised_or_agreed() -> None:
    found = kept(Finding("x", True, owed=True, route="r1"))

    assert (found.owed, found.route) == (False, "")


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


def in_a_thread(check: custom.Check) -> Finding:
    """Asked as a worker's thread asks."""
    found = list[Finding]()
    asked = threading.Thread(target=lambda: found.append(check(ISSUE, {}, NOW)))
    asked.start()
    asked.join(10)
    return found[0]


def requirements() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "requirement"]


@pytest.mark.usefixtures("little_time")
def test_in_a_workers_thread_one_that_goes_round_for_ever_is_ended() -> None:
    assert "took longer" in in_a_thread(custom.Check("own", spins)).reason

    began = time.monotonic()
    while requirements():
        assert time.monotonic() - began < 10, "it still runs"
        time.sleep(0.01)


@pytest.mark.usefixtures("little_time")
def test_one_that_cannot_be_ended_is_not_asked_again_while_it_runs() -> None:
    let_go, asked = threading.Event(), list[int]()

    def waits(*_: object) -> Finding:
        asked.append(1)
        let_go.wait(30)
        return Finding("late", True)

    check = custom.Check("own", waits)  # type: ignore[arg-type]
    assert "took longer" in in_a_thread(check).reason
    check._asked = None  # as at a later look
    assert "has not ended since it was asked before" in in_a_thread(check).reason
    assert len(asked) == 1
    let_go.set()
