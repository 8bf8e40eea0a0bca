"""For which parties somebody speaks: by the file in force, and what they have proved to be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.admission import Admission
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.file.mappings import read
from integration.web.entrance import of_file
from integration.web.entrance.identity import Identity
from integration.web.entrance.of_file import InForce, PartiesOfFile
from tests.web.doors import FILE

PARTIES = """
parties:
  support:
    github: {team: acme/Support, users: [Sofia], fallback: [lena], rota: {people: [rita], starts: 2026-01-01}}
    jira: {users: ["5b10", "sam@acme.example"], group: Support-Agents}
  growth: {github: {team: acme/growth}}
"""
RULES = """version: 1
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
sources:
  - github: {repositories: ["acme/*"], labels: {development: dev, internal: internal, beta: beta, public: public}}
"""
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def who(how: str, handle: str = "x", email: str = "", *groups: str) -> Identity:
    return Identity(how, "1", handle, "X", email, frozenset(groups))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "parties"),
    [
        (who("github", "x", "", "acme/support"), {"support"}),
        (who("github", "x", "", "acme/support", "acme/growth"), {"support", "growth"}),
        (who("github", "SOFIA"), {"support"}),
        (who("github", "lena"), {"support"}),
        (who("github", "rita"), {"support"}),
        (who("github", "x", "", "support", "support-agents", "other/support"), set()),
        (who("github", "5b10", "sam@acme.example"), set()),
        (who("openid", "x", "", "support"), {"support"}),
        (who("openid", "x", "", "support-agents"), {"support"}),
        (who("openid", "x", "", "growth"), {"growth"}),
        (who("openid", "sofia", "", "acme/support"), set()),  # a login that is another's elsewhere
        (who("openid", "x", "SAM@acme.example"), {"support"}),
        (who("openid", "sam@acme.example", ""), set()),  # not verified
        (who("openid", "5b10"), set()),
        (who("proxy", "lena", "", "growth"), {"growth"}),
    ],
)
def test_each_way_to_sign_in_has_its_own_proof(one: Identity, parties: set[str]) -> None:
    assert PartiesOfFile(lambda: read(RULES + PARTIES, "m")).of(one) == parties


def test_what_is_asked_of_a_provider_is_what_the_file_names() -> None:
    found = PartiesOfFile(lambda: read(RULES + PARTIES, "m"))
    assert found.names() == {"acme/support", "support", "support-agents", "acme/growth", "growth"}
    assert found.all() == {"support", "growth"}


def test_it_is_the_file_in_force_and_not_the_one_on_this_disk(
    tmp_path: Path, ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_file, "GOOD_FOR", 0.0)
    path = tmp_path / "mappings.yaml"
    path.write_text(FILE.read_text("utf-8"), "utf-8")
    file = InForce(Settings(tmp_path, path, "", ledger_url, b"k", admission=Admission()))
    parties = PartiesOfFile(file)
    assert "docs" in parties.all(), "none was put in force yet"
    for text, found in (
        (RULES + PARTIES, {"support", "growth"}),
        (RULES + PARTIES.replace("growth", "docs"), {"support", "docs"}),
    ):
        ledger.versions.take(read(text, "m").hash, text, NOW)
        assert parties.all() == found


def test_where_it_cannot_be_told_nobody_speaks_for_anybody(tmp_path: Path) -> None:
    away = Settings(tmp_path, tmp_path / "none.yaml", "", "postgresql://u@127.0.0.1:1/x", b"k")
    assert PartiesOfFile(InForce(away)).of(who("github", "x", "", "acme/support")) == frozenset()
