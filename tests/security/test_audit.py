"""Known faults in what we install are told apart from "nobody could be asked", which is not passed over in silence."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci/audit.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def known(name: str, *faults: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(faults)}


FAULT = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}
MISSED = {"name": "rq", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("told", "code", "strict", "says"),
    [
        ([known("rq"), known("flask")], 0, 0, "nothing is known against the 2 packages"),
        ([known("rq", FAULT)], 1, 1, "rq 1.0 has PYSEC-2026-1, mended in 1.1: run `make lock`"),
        ([known("rq", {"id": "X", "fix_versions": []})], 1, 1, "there is no mended version yet"),
        ([MISSED, known("flask", FAULT)], 1, 1, "flask 1.0 has PYSEC-2026-1"),
        ([MISSED, known("flask")], 0, 2, "1 of 2 packages could not be looked up, rq first"),
        ([], 0, 2, "was NOT audited"),
        ("the service did not answer within 120 seconds", 0, 2, "was NOT audited"),
    ],
)
def test_a_found_fault_fails_and_silence_is_said_aloud(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: Any, code: int,
    strict: int, says: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(audit, "asked", lambda: told)

    assert (audit.main([]), audit.main(["--strict"])) == (code, strict)
    assert says in capsys.readouterr().out


def test_the_one_lock_that_is_looked_at_holds_all_that_is_installed() -> None:
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert pinned("requirements.lock") <= pinned("requirements-dev.lock")


def test_every_exception_from_bandits_rules_says_why() -> None:
    """Behind `noqa: S…` stands the reason; an assertion is one itself."""
    bare = re.compile(r"# noqa: (?:[A-RT-Z]\d+, ?)*S(?!101)\d+\s*$", re.MULTILINE)
    sources = [path for top in ("integration", "workers") for path in (ROOT / top).rglob("*.py")]
    assert [f"{path.name}: {found}" for path in sources for found in bare.findall(path.read_text("utf-8"))] == []
