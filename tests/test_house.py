"""The rules of the house, kept by reading it: who may import whom, what stays pure, how things are called, how long.

Nothing of the house is run here; its sources are read with `ast`. A rule that is broken names file and line.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import pytest

from integration import settings
from integration.cli import main
from integration.stages.file.mappings import REQUIREMENTS
from integration.stages.rules.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent
LONGEST_FUNCTION, LONGEST_MODULE = 60, 700


# --- reading the house --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One name that a module imports. `module` is what stands behind `from`, or the whole dotted name of `import`."""

    module: str
    name: str
    line: int
    typing_only: bool

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def reaches(self, package: str) -> bool:
        """Does it import this package, or something in it?"""
        return any(one == package or one.startswith(f"{package}.") for one in (self.module, self.full))


@dataclass(frozen=True)
class Module:
    """One source file of the house, by its dotted name and its path from the root."""

    name: str
    path: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """All of them, wherever they stand; an import inside a function is one like any other."""
        return tuple(_imports(self.tree, typing_only=False))

    def is_in(self, *packages: str) -> bool:
        return any(self.name == one or self.name.startswith(f"{one}.") for one in packages)

    def defined(self) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def at(self, line: int) -> str:
        return f"{self.path}:{line}"


def _imports(node: ast.AST, typing_only: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(one.name, "", node.lineno, typing_only) for one in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from (Import(module, one.name, node.lineno, typing_only) for one in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for one in node.body:
            yield from _imports(one, typing_only=True)
        for one in node.orelse:
            yield from _imports(one, typing_only)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, typing_only)


def _read(path: Path) -> Module:
    relative = path.relative_to(ROOT)
    parts = relative.with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, str(relative), path.read_text("utf-8"), is_package)


HOUSE = tuple(_read(path) for top in ("integration", "workers") for path in sorted((ROOT / top).rglob("*.py")))
NAMES = frozenset(module.name for module in HOUSE)


def written(source: str, name: str = "integration.stages.new") -> Module:
    """A module that is not there, to see that a rule would find it."""
    return Module(name, f"{name.replace('.', '/')}.py", source)


def none_of(broken: Iterable[str]) -> None:
    """Fail with every place at which the rule is broken."""
    found = list(broken)
    assert not found, "\n" + "\n".join(found)


def test_the_house_was_found() -> None:
    assert {"integration.stages.planning.plan", "integration.trackers.github", "workers.jobs"} <= NAMES


# --- who may import whom ------------------------------------------------------------------------------------------

ROOMS = {
    # room: what it must not reach. What is not named here may be reached.
    "integration": ("workers",),
    "integration.trackers": ("integration.memory", "integration.web"),
    "integration.memory": ("integration.trackers", "integration.web"),
    "integration.setup": ("integration.memory", "integration.web", "integration.look"),
}
WEB_MAY_REACH = ("integration.web", "integration.memory", "integration.stages", "integration.trackers.deliveries",
                 "integration.settings", "integration.admission", "integration.logs", "integration.watched",
                 "integration.loopback",
                 "integration.health.reading",  # reads the ledger, and nothing else
                 # what an admin does about what failed is the same on the page as in the shell
                 "integration.failed",
                 # what /setup/github needs: pure, or a file, or one request of its own
                 "integration.setup.app", "integration.setup.dotenv", "integration.setup.registering")  # fmt: skip


def forbidden(module: Module) -> Iterator[str]:
    """Imports that lead from a room into one that it must not know."""
    for room, closed in ROOMS.items():
        if module.is_in(room):
            for one in module.imports:
                if any(one.reaches(package) for package in closed):
                    yield f"{module.at(one.line)}: {room} must not import {one.full}"


def beyond_the_web(module: Module) -> Iterator[str]:
    """What the web imports of the house beside memory, the pure rooms, and what starts it."""
    for one in module.imports:
        if module.is_in("integration.web") and one.top in ("integration", "workers"):
            known = any(one.reaches(package) for package in WEB_MAY_REACH)
            if not known and not (one.module == "integration" and f"integration.{one.name}" in WEB_MAY_REACH):
                yield f"{module.at(one.line)}: the web must not import {one.full}"


def test_the_service_never_imports_workers_and_trackers_and_memory_do_not_know_each_other_or_the_web() -> None:
    none_of(fault for module in HOUSE for fault in forbidden(module))


def test_the_web_knows_memory_and_of_the_trackers_only_deliveries_which_is_pure() -> None:
    """`trackers/deliveries.py` turns bytes into hints without a socket; the adapters stay out of the web's sight."""
    none_of(fault for module in HOUSE for fault in beyond_the_web(module))
    deliveries = next(module for module in HOUSE if module.name == "integration.trackers.deliveries")
    none_of(impure(deliveries))


def test_nobody_imports_the_sandbox_but_the_sandbox() -> None:
    none_of(
        f"{module.at(one.line)}: {one.full}"
        for module in HOUSE
        if not module.is_in("integration.sandbox")
        for one in module.imports
        if one.reaches("integration.sandbox")
    )


ONLY_IN = {
    "flask": ("integration.web", "integration.sandbox"),
    "werkzeug": ("integration.web", "integration.sandbox", "integration.loopback"),
    "github": ("integration.trackers.github", "integration.trackers.github_wire"),
    "jira": ("integration.trackers.jira", "integration.trackers.jira_wire"),
    "rq": ("integration.memory.inbox", "integration.memory.strays", "integration.memory.what_ifs", "workers"),
    "sqlalchemy": ("integration.memory",),
    "alembic": ("integration.memory",),
    "psycopg": ("integration.memory",),
    "requests": (
        "integration.trackers.github_wire",
        "integration.trackers.jira_wire",
        "integration.duty",
        "integration.setup.registering",
        "integration.sandbox",
    ),
    "redis": (
        "integration.memory.acts",
        "integration.memory.arrivals",
        "integration.memory.away",
        "integration.memory.breaker",
        "integration.memory.budgets",
        "integration.memory.copies",
        "integration.memory.inbox",
        "integration.memory.traffic",
        "integration.memory.visits",
        "integration.memory.what_ifs",
        "integration.running",
        "workers.pool",
        "workers.failing",
    ),
    "markdown_it": ("integration.sandbox",),
    "apprise": ("workers.digests",),
    "authlib": ("integration.web.entrance",),
    "flask_limiter": ("integration.web.entrance",),
    "flask_wtf": ("integration.web.entrance",),
    "joserfc": ("integration.web.entrance", "integration.sandbox"),
    "honcho": ("integration.running", "integration.setup.dotenv"),
    "prometheus_client": ("integration.web.metrics",),
}


def out_of_place(module: Module, library: str) -> Iterator[str]:
    """Where a library is imported outside of the rooms that may know it."""
    if not module.is_in(*ONLY_IN[library]):
        for one in module.imports:
            if one.top == library:
                yield f"{module.at(one.line)}: {library} is for {' and '.join(ONLY_IN[library])} alone"


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_known_only_in_its_rooms(library: str) -> None:
    none_of(fault for module in HOUSE for fault in out_of_place(module, library))


def test_nothing_is_imported_in_a_way_that_these_rules_cannot_see() -> None:
    none_of(
        f"{module.at(node.lineno)}: {ast.unparse(node.func)}"
        for module in HOUSE
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
    )
    none_of(
        f"{module.at(one.line)}: relative, or everything: {one.full}"
        for module in HOUSE
        for one in module.imports
        if one.module.startswith(".") or one.name == "*"
    )


# --- the mind is pure ---------------------------------------------------------------------------------------------

STAGES_MAY_USE = {"pydantic", "pydantic_core", "ruamel", "holidays"}
_WORLD = {
    "asyncio", "fcntl", "ftplib", "getpass", "glob", "http", "imaplib", "importlib", "io", "logging", "mmap",
    "multiprocessing", "os", "pathlib", "platform", "queue", "random", "sched", "secrets", "select", "selectors",
    "shelve", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "uuid",
}  # fmt: skip
_URLLIB_MAY = ("urllib.parse",)
_CLOCKS = {"now", "utcnow", "today"}  # of datetime and date, under whatever name they were imported


def foreign(module: Module) -> Iterator[str]:
    """What a module of the mind imports beside the mind, the three libraries, and the pure part of the standard one."""
    for one in module.imports:
        own = one.reaches("integration.stages")
        standard = one.top in sys.stdlib_module_names or one.top == "__future__"
        if not own and not standard and one.top not in STAGES_MAY_USE:
            yield f"{module.at(one.line)}: {one.full}"


def impure(module: Module) -> Iterator[str]:
    """What reaches for the world, the clock or the dice."""
    for one in module.imports:
        if one.top in _WORLD or (one.top == "urllib" and not any(one.reaches(fine) for fine in _URLLIB_MAY)):
            yield f"{module.at(one.line)}: {one.full}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            owner, _, name = ast.unparse(node.func).rpartition(".")
            if (owner and name in _CLOCKS) or (not owner and name in ("open", "print", "input")):
                yield f"{module.at(node.lineno)}: {ast.unparse(node.func)}()"


STAGES = [module for module in HOUSE if module.is_in("integration.stages")]


def test_stages_imports_nothing_else_of_the_house_and_three_libraries_for_what_they_know() -> None:
    """The three read or hold what is given; none of them is asked to touch a file, a socket or a clock here.

    pydantic (and pydantic_core, its other half, where the class of its errors lives) checks the shape of mappings.yaml
    and finds every fault at once. ruamel.yaml parses the file's text and keeps line and column of each part, without
    which a fault could not name its place. holidays is a table: which days are off in which country; "1 working day
    ahead" is a judgement, so the mind has to know it.
    """
    none_of(fault for module in STAGES for fault in foreign(module))


def test_stages_has_no_reach_into_the_world_and_no_clock_of_its_own() -> None:
    none_of(fault for module in STAGES for fault in impure(module))


# --- the environment ----------------------------------------------------------------------------------------------

READS_ENVIRON = (
    "integration.settings",  # what every variable means
    "integration.cli",  # adds `.env`, and hands all of it on
    # processes begin here: they hand it to `Settings.read`
    "integration.web.server", "workers.__main__", "workers.jobs",
)  # fmt: skip


def environment_reads(module: Module) -> Iterator[str]:
    """Where a module looks at the process's environment by itself."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv"):
            yield f"{module.at(node.lineno)}: {ast.unparse(node)}"
    for one in module.imports:
        if one.module == "os" and one.name in ("environ", "environb", "getenv"):
            yield f"{module.at(one.line)}: {one.full}"


def test_the_environment_is_read_in_settings_and_handed_to_it_where_a_process_begins() -> None:
    none_of(fault for module in HOUSE if not module.is_in(*READS_ENVIRON) for fault in environment_reads(module))


# --- no circle ----------------------------------------------------------------------------------------------------


def edges(modules: Iterable[Module]) -> dict[str, set[str]]:
    """Which module imports which, also inside functions; what only the type checker sees is left out."""
    modules = tuple(modules)
    names = {module.name for module in modules}
    graph: dict[str, set[str]] = {}
    for module in modules:
        wanted = (one.full if one.full in names else one.module for one in module.imports if not one.typing_only)
        graph[module.name] = {one for one in wanted if one in names and one != module.name}
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module: from each of them each other can be reached."""
    reach = {name: _reached(graph, name) for name in graph}
    together = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in graph}
    return sorted(sorted(one) for one in together if len(one) > 1)


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for one in graph.get(waiting.pop(), ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen


def test_no_import_leads_back_to_where_it_came_from() -> None:
    none_of(" <-> ".join(circle) for circle in circles(edges(HOUSE)))


# --- names, words, lengths ----------------------------------------------------------------------------------------

_AVOIDED = {"handler", "manager", "processor", "service", "util", "helper", "data", "info", "context"}
FORCED = {
    "handle_data": "html.parser.HTMLParser calls it by this name",
    "_install_signal_handlers": "rq.Worker calls it by this name",
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def avoided(name: str) -> set[str]:
    """The words of a name that say nothing: `JobManager`, `stage_utils`."""
    words = {word.lower() for word in _WORDS.findall(name)}
    return {word for word in words if word in _AVOIDED or word.removesuffix("s") in _AVOIDED}


def test_no_name_says_handler_manager_or_another_word_that_says_nothing() -> None:
    none_of(
        f"{module.at(node.lineno)}: {node.name}"
        for module in HOUSE
        for node in module.defined()
        if avoided(node.name) and node.name not in FORCED
    )
    none_of(f"{module.path}: {module.name}" for module in HOUSE if avoided(module.name.rpartition(".")[2]))


def test_what_is_forced_on_us_is_still_there() -> None:
    defined = {node.name for module in HOUSE for node in module.defined()}
    none_of(f"{name} is excused, and nobody uses it" for name in FORCED if name not in defined)


def undocumented(module: Module) -> Iterator[str]:
    """What says too little of itself: a module in up to three words, a public class or function in none."""
    if len((ast.get_docstring(module.tree) or "").split()) <= 3:
        yield f"{module.path}: the module does not say why it exists"
    for node, public in _public(module.tree, public=True):
        if public and not ast.get_docstring(node):
            yield f"{module.at(node.lineno)}: {node.name} has no docstring"


def _public(
    inside: ast.Module | ast.ClassDef, public: bool
) -> Iterator[tuple[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Classes and functions of a module or class; one is public when all that it stands in is. Locals are nobody's."""
    for node in inside.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            seen = public and not node.name.startswith("_")
            yield node, seen
            if isinstance(node, ast.ClassDef):
                yield from _public(node, seen)


def test_every_module_says_why_it_exists_and_every_public_name_what_it_is() -> None:
    migrations = "integration.memory.migrations.versions."  # alembic calls `upgrade` and `downgrade`; nobody else does
    none_of(fault for module in HOUSE if not module.name.startswith(migrations) for fault in undocumented(module))


def too_long(module: Module) -> Iterator[str]:
    """A module that does not fit in the head, and functions that do not fit on a screen."""
    lines = len(module.source.splitlines())
    if lines > LONGEST_MODULE:
        yield f"{module.path}: {lines} lines; at most {LONGEST_MODULE}"
    for node in module.defined():
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if not isinstance(node, ast.ClassDef) and length > LONGEST_FUNCTION:
            yield f"{module.at(node.lineno)}: {node.name} has {length} lines; at most {LONGEST_FUNCTION}"


def test_a_function_fits_on_a_screen_and_a_module_in_the_head() -> None:
    none_of(fault for module in HOUSE for fault in too_long(module))


# --- what is documented is there, and what is there is documented -----------------------------------------------------


def test_every_requirement_has_its_paragraph_and_its_function_and_none_has_more() -> None:
    described = (ROOT / "docs/rules.md").read_text("utf-8").partition("\n# Requirements\n")[2]
    assert set(re.findall(r"^## (\S+)$", described, re.MULTILINE)) == set(REQUIREMENTS)
    assert set(CATALOGUE) == set(REQUIREMENTS.values())


def test_every_variable_of_the_environment_is_in_the_example_and_none_else() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    wanted = {*settings.PLAIN, *settings.GITHUB, *(f"JIRA_{what}" for what in settings.JIRA)}
    assert set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE)) == wanted


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_in_the_readme(command: str) -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README.md yet")
    assert isinstance(main, click.Group)
    assert re.search(rf"release-stages {command}\b|`{command}`", readme.read_text("utf-8")), (
        f"`release-stages {command}`"
    )


# --- what no committed file may hold ----------------------------------------------------------------------------------

_MACHINE = re.compile(r"(?<![\w.~}$)-])/(?:home|root|work|Users)/\w?")
_ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|pythonhosted", re.IGNORECASE)


def committed() -> list[Path]:
    """All files that are in git, or would be with the next `git add`; without git, all but what git would ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    if listed.returncode == 0:
        found = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    else:
        made_here = re.compile(r"/(?:\.venv|\.git|__pycache__|\.\w+_cache|\.hypothesis|var|build|dist|.+\.egg-info)/")
        found = [path for path in ROOT.rglob("*") if not made_here.search(f"/{path.relative_to(ROOT)}/")]
    return [path for path in found if path.is_file()]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    none_of(
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in committed()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if _MACHINE.search(line)
    )


def test_a_lock_file_names_no_index() -> None:
    locks = [path for path in committed() if path.suffix == ".lock"]
    assert locks
    none_of(
        f"{path.name}:{number}: {line}"
        for path in locks
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if _ADDRESS.search(line)
    )


# --- these rules find what they are for -------------------------------------------------------------------------------

LATE = "def f():\n    from {0} import {1}"


@pytest.mark.parametrize(
    ("rule", "module"),
    [
        (forbidden, written(LATE.format("workers", "jobs"), "integration.cli")),
        (forbidden, written("import workers.jobs", "integration.look")),
        (forbidden, written("from integration.memory.ledger import Ledger", "integration.trackers.github")),
        (forbidden, written("from integration import web", "integration.memory.inbox")),
        (beyond_the_web, written("from integration.trackers.github import GitHub", "integration.web.app")),
        (beyond_the_web, written("from integration import look", "integration.web.app")),
        (beyond_the_web, written("from integration.setup.jira import Site", "integration.web.app")),
        (forbidden, written("from integration.memory.inbox import Inbox", "integration.setup.jira")),
        (foreign, written("import requests")),
        (foreign, written("from integration import settings")),
        (impure, written("from pathlib import Path")),
        (impure, written("import urllib.request")),
        (impure, written("from datetime import datetime\nx = datetime.now()")),
        (impure, written("x = open('mappings.yaml')")),
        (environment_reads, written("from os import environ")),
        (environment_reads, written("import os\nx = os.getenv('PORT')")),
        (undocumented, written('"""Three short words."""')),
        (undocumented, written('"""A room for something of use."""\nclass A:\n    """A."""\n    def b(self): ...')),
        (too_long, written("def f():\n" + "    x = 1\n" * LONGEST_FUNCTION)),
        (too_long, written("x = 1\n" * (LONGEST_MODULE + 1))),
    ],
)  # fmt: skip
def test_a_rule_finds_what_breaks_it(rule: object, module: Module) -> None:
    assert callable(rule)
    assert list(rule(module))


def test_a_library_out_of_place_is_found_wherever_it_is_imported() -> None:
    assert list(out_of_place(written(LATE.format("flask", "Flask"), "integration.look"), "flask"))
    assert not list(out_of_place(written("from flask import Flask", "integration.web.app"), "flask"))


def test_a_circle_is_found_through_any_number_of_modules_and_not_through_the_type_checker() -> None:
    ring = [
        written("from integration import b", "integration.a"),
        written(LATE.format("integration.c", "thing"), "integration.b"),
        written("import integration.a", "integration.c"),
        written("from integration.a import x", "integration.d"),
    ]
    assert circles(edges(ring)) == [["integration.a", "integration.b", "integration.c"]]
    ring[2] = written("if TYPE_CHECKING:\n    import integration.a", "integration.c")
    assert circles(edges(ring)) == []


@pytest.mark.parametrize("name", ["JobManager", "stage_utils", "HTTPHandler", "issueData", "contexts"])
def test_a_word_that_says_nothing_is_found_in_any_spelling(name: str) -> None:
    assert avoided(name)


@pytest.mark.parametrize("name", ["handles", "datable", "informed", "GitHub", "serve", "processes"])
def test_a_word_that_only_looks_like_it_is_left_alone(name: str) -> None:
    assert not avoided(name)
