"""The audit, evidence packs and the rules as pages and files; and that nobody is shown what they may not see."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import get_args

import pytest
import redis

from integration.health.reading import health_of_rules
from integration.memory.database import transaction
from integration.memory.ledger import Ledger
from integration.memory.what_ifs import Question, WhatIfs
from integration.stages.entries import Entry
from integration.stages.file.mappings import read
from integration.stages.health.faring import Fate
from integration.stages.model import Ref
from integration.web.entrance.visitors import Role
from integration.web.pages import audit
from integration.web.pages.asked import KINDS, key_of, name_of
from integration.web.pages.mappings import changes
from tests.web.recorded import APP, CHANGED, MEMBER_OF_APP, NOON, OWN, RULES, SECRET, Pages, fill, make_pages, visitor

OLD, NEW = (read(text).hash for text in (RULES, CHANGED))
PERIOD = "since=2026-03-01&until=2026-03-03"


@pytest.fixture
def pages(ledger_file: Path, redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Pages:
    url = f"sqlite:///{ledger_file}"
    ledger = Ledger.open(url, now=NOON)
    fill(ledger)
    ledger.anchor(NOON)
    ledger.close()
    return make_pages(tmp_path, url, redis_client, redis_url)


# --- nobody is shown what they may not see ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/audit", "/audit?q=plan", "/audit?place=github:acme/secret", "/audit.csv", "/audit.jsonl", "/audit/anchors",
        f"/audit/evidence?{PERIOD}", f"/audit/evidence?{PERIOD}&place=github:acme/secret", "/feature/acme/secret%233",
        "/feature/acme/app%2312",
        "/feature/acme/secret%233/evidence", "/feature/acme/app%2312/evidence", "/mappings",
        f"/mappings/+{OWN[:12]}", f"/mappings/{NEW}+{OWN[:12]}", f"/mappings/{NEW}..+{OWN[:12]}", "/mappings/what-if",
    ],
)  # fmt: skip
def test_a_page_shows_nothing_of_a_place_to_one_who_may_not_see_it(pages: Pages, path: str) -> None:
    names_none = ("/audit/anchors", "/mappings/what-if", "/audit?q=plan")
    assert path in names_none or "secret" in pages.text(path).lower(), "an admin sees it"
    pages.who = MEMBER_OF_APP
    told = pages.text(path).replace("place=github:acme/secret", "")
    assert "hidden plan" not in told.lower()
    assert "secret#3" not in told
    assert "secret/issues/3" not in told
    assert "a secret rule" not in told
    assert "acme/secret<" not in told.replace("2026-03-03, acme/secret<", ""), "but for what they have asked for"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/operations", "get"),
        ("/operations/retry", "post"),
        ("/operations/drop", "post"),
        ("/operations/release", "post"),
    ],
)
def test_operations_are_for_admins(pages: Pages, path: str, method: str) -> None:
    pages.app.config["WTF_CSRF_ENABLED"] = False
    pages.who = visitor(Role.MEMBER)
    assert getattr(pages.client, method)(path).status_code == 403
    assert "Operations" not in pages.text("/audit")
    pages.who = visitor()
    assert "Operations" in pages.text("/audit")


def test_what_ifs_are_for_those_who_speak_for_a_party(pages: Pages) -> None:
    pages.who = visitor(Role.READER)
    assert pages.get("/mappings/what-if").status_code == 403
    assert "/mappings/what-if" not in pages.text("/mappings")


def test_a_feature_that_came_from_a_closed_place_does_not_tell_of_that_place(pages: Pages) -> None:
    ledger = Ledger.open(pages.database_url)
    ledger.carry(SECRET, Ref.parse("acme/app#77"), NOON)
    ledger.close()
    paths = ("/feature/acme/app%2377", "/feature/acme/app%2377/evidence", "/audit?q=app%2377", "/audit.csv")
    for path in paths:
        assert "before, at github:acme/secret#3" in pages.text(path)
    assert "a secret rule" in pages.text(paths[1])
    pages.who = MEMBER_OF_APP
    for path in paths:
        told = pages.text(path)
        assert "it lives elsewhere now than before" in told
        assert "at github:acme/secret#3" not in told
        assert "a secret rule" not in told


def test_how_many_features_there_are_is_told_to_those_who_may_see_all(pages: Pages) -> None:
    assert "Chains" in pages.text("/audit/anchors")
    pages.who = MEMBER_OF_APP
    assert "Chains" not in pages.text("/audit/anchors")


def test_a_what_if_names_no_issue_that_whoever_asked_may_not_see(pages: Pages, redis_client: redis.Redis) -> None:
    what_ifs = WhatIfs(redis_client)
    id = what_ifs.ask(Question("github:1", "Erin", RULES, NOON), datetime.now(UTC))
    named = {"reasons": ["still open: acme/secret#3 Hidden plan"], "named": [str(SECRET)]}
    plain = {"reasons": ["nobody told them"], "named": []}
    what_ifs.finish(id, {"changes": [{"ref": str(APP), **named}, {"ref": str(APP), **plain}, {"ref": str(SECRET)}]})
    told = [one["reasons"] for one in json.loads(pages.text(f"/mappings/what-if/{id}.json"))["changes"][:2]]
    assert told == [named["reasons"], plain["reasons"]]
    pages.who = MEMBER_OF_APP
    told = [one["reasons"] for one in json.loads(pages.text(f"/mappings/what-if/{id}.json"))["changes"]]
    assert told == [["it waits for issues that are not all shown to you"], plain["reasons"]]


# --- the audit --------------------------------------------------------------------------------------------------------


def test_each_line_leads_to_its_feature_and_tells_number_hash_and_rules(pages: Pages) -> None:
    told = pages.text("/audit?q=acme/app")
    assert told.count('href="/feature/github:acme/app%2312"') == 3
    assert f'href="/mappings/{NEW}"' in told
    assert "Beta Release → Public Release: blocked by support-first" in told
    assert "&lt;b&gt;Dark" in told
    assert re.search(r'<code title="[0-9a-f]{64}">[0-9a-f]{10}</code>', told)


def test_pages_are_turned_until_the_end(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PER_PAGE", 2)
    path, found = "/audit", list[str]()
    while path:
        told = pages.text(path)
        found += re.findall(r'<code title="([0-9a-f]{64})"', told)
        onward = re.search(r'<a href="([^"]+)" rel="next">', told)
        path = html.unescape(onward[1]) if onward else ""
    assert len(found) == len(set(found)) == 6


@pytest.mark.parametrize(
    "path",
    [
        "/audit?since=yesterday", "/audit?before=1.2", "/audit?until=0001-01-01", "/audit/evidence",
        "/audit?before=99999999999999999999999.1.1", "/audit/evidence?since=2026-03-02&until=2026-03-01",
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_as_such(pages: Pages, path: str) -> None:
    assert pages.get(path).status_code == 400


def test_days_are_those_of_the_file_and_the_last_is_whole(pages: Pages) -> None:
    assert "No." in pages.text("/audit?since=2026-03-02&until=2026-03-02")
    assert "blocked by" in pages.text("/audit?since=2026-03-02&until=2026-03-02")
    assert "Nothing here that fits" in pages.text("/audit?since=2026-03-03")


def test_the_csv_holds_what_is_sought_and_no_formula(pages: Pages) -> None:
    answer = pages.get("/audit.csv?q=acme/app")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert [row["number"] for row in rows] == ["3", "2", "1"]
    assert rows[0]["title"].startswith("'=HYPERLINK")
    assert rows[0]["by"] == "'+sam"
    assert (rows[2]["rules_version"], rows[2]["rule"]) == (NEW, "support-first")


def test_json_lines_chain_and_a_file_is_bounded(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.loads(line) for line in pages.text("/audit.jsonl?q=acme/app").splitlines()]
    assert [one["previous_hash"] for one in lines[:-1]] == [one["hash"] for one in lines[1:]]
    monkeypatch.setattr(audit, "EXPORTED", 2)
    assert len(pages.text("/audit.jsonl").splitlines()) == 2
    assert "the newest 2 lines at most" in pages.text("/audit")


def test_every_kind_of_entry_can_be_sought() -> None:
    kinds = {one for _, some in KINDS.values() for one in some}
    there = {one.__dataclass_fields__["kind"].default for one in get_args(Entry)}
    assert kinds == there, "give the new kind a place in KINDS"


def test_a_place_in_the_log_is_read_as_it_is_written(pages: Pages) -> None:
    from integration.memory.audit import Key

    assert key_of(name_of(Key(NOON, 3, 7))) == Key(NOON, 3, 7)


def test_whether_the_anchors_fit_is_told_when_it_was_looked_for(pages: Pages) -> None:
    for _ in range(500):
        told = pages.text("/audit/anchors")
        if "hx-get" not in told:
            break
    assert "Every anchored head is still what it was" in told
    assert "2026-03-02" in told


def test_a_broken_chain_is_told_on_the_features_page_and_in_its_pack(pages: Pages, ledger_file: Path) -> None:
    assert "is whole" in pages.text("/feature/acme/app%2312")
    ledger = Ledger.open(f"sqlite:///{ledger_file}")
    with transaction(ledger._engine, writes=True) as connection:
        from sqlalchemy import text

        for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text("UPDATE entries SET party = 'growth' WHERE seq = 2 AND feature_id = 1"))
    assert "broken at entry 2" in pages.text("/feature/acme/app%2312")
    assert "broken at entry 2" in pages.text("/feature/acme/app%2312/evidence")
    assert "broken" not in pages.text("/feature/acme/secret%233/evidence").partition("How to verify")[0]


# --- evidence packs ---------------------------------------------------------------------------------------------------


def test_a_pack_stands_by_itself(pages: Pages) -> None:
    answer = pages.get("/feature/acme/app%2312/evidence")
    told = answer.get_data(as_text=True)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="evidence-acme-app-12.html"'
    assert "<script" not in told
    assert not re.search(r'\b(?:src|href)="(?!#|https://t\.example/)', told), "nothing is loaded, nothing is of ours"
    assert "<link" not in told
    assert "Made " in told
    assert "by Erin (erin)" in told
    assert "ahead: 3 days" in told, "the rules that judged"
    assert "ahead: 2 days" not in told, "and no others"
    assert "&lt;i&gt;They" in told
    assert "<i>They" not in told
    assert 'href="https://t.example/c1"' in told
    assert "nobody told them" in told


def test_an_auditor_verifies_the_chain_by_what_the_pack_says(pages: Pages, tmp_path: Path) -> None:
    told = pages.text("/feature/acme/app%2312/evidence")
    chain, check = (re.findall(rf'<pre class="{name}">(.*?)</pre>', told, re.DOTALL)[0] for name in ("chain", "check"))
    (tmp_path / "check.py").write_text(html.unescape(check))

    def run(lines: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "chain.txt").write_text(lines)
        return subprocess.run([sys.executable, "check.py"], cwd=tmp_path, capture_output=True, text=True)

    whole = run(html.unescape(chain))
    assert whole.stdout.startswith("whole, its last hash is ")
    assert whole.stdout.split()[-1] in told
    assert "broken at entry 2" in run(html.unescape(chain).replace('"comment":"c1"', '"comment":"c9"')).stderr

    pages.who = MEMBER_OF_APP
    told = pages.text("/feature/acme/app%2312/evidence")
    assert "it waits for issues that are not all shown to you" in told
    [chain] = re.findall(r'<pre class="chain">(.*?)</pre>', told, re.DOTALL)
    veiled = run(html.unescape(chain))
    assert veiled.stdout.splitlines()[0] == "entry 1 is withheld, and is taken at its word"
    assert veiled.stdout.splitlines()[1] == whole.stdout.strip(), "the others are whole"
    assert "broken at entry 3" in run(html.unescape(chain).replace('"comment":"c2"', '"comment":"c9"')).stderr


def test_a_period_has_all_features_of_it_and_the_rules_of_repositories(pages: Pages) -> None:
    told = pages.text(f"/audit/evidence?{PERIOD}")
    assert "2 features" in told
    assert "a secret rule" in told
    assert "Hidden plan" in told
    assert "Nothing happened" in pages.text("/audit/evidence?since=2025-01-01&until=2025-02-01")


def test_a_pack_of_many_tells_how_to_have_the_rest(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from integration.web.pages import evidence

    monkeypatch.setattr(evidence, "MOST", 1)
    told = pages.text(f"/audit/evidence?{PERIOD}")
    rest = re.search(r"/audit/evidence\?\S+after=\d+", html.unescape(told))
    assert rest
    assert ">Hidden plan</h2>" not in told
    assert "Hidden plan" in pages.text(rest[0])


# --- the rules --------------------------------------------------------------------------------------------------------


def test_the_rules_are_told_in_sentences_and_as_they_are_written(pages: Pages) -> None:
    told = pages.text("/mappings")
    assert "may enter Public Release if" in told
    assert "Support has provably been told, 3 days ahead" in told
    assert "it has been in Beta Release" in told
    assert "&lt;i&gt;They" in told
    assert 'id="L7"' in told
    assert f'href="/mappings/{OLD}..{NEW}"' in told


def test_what_is_different_between_two_versions_is_told_line_by_line(pages: Pages) -> None:
    told = pages.text(f"/mappings/{OLD}..{NEW}")
    assert re.findall(r'<tr class="(in|out)">', told) == ["out", "in"]
    assert "There is no difference" in pages.text(f"/mappings/{NEW}..{NEW}")
    assert pages.get("/mappings/nothing").status_code == 404
    assert pages.get("/mappings/additions:dddd").status_code == 404


def test_changes_far_apart_have_a_gap_between_them() -> None:
    old = [f"line {n}" for n in range(40)]
    new = [*old[:2], "new", *old[2:38], "other", old[39]]
    found = list(changes("\n".join(old), "\n".join(new)))
    assert [(one.kind, one.before, one.after) for one in found if one.kind in ("in", "out")] == [
        ("in", 0, 3), ("out", 39, 0), ("in", 0, 40),
    ]  # fmt: skip
    assert [one.kind for one in found].count("gap") == 1


def test_a_faulty_file_is_told_at_its_lines_at_once(pages: Pages) -> None:
    answer = pages.post("/mappings/what-if", "/mappings/what-if", text=RULES.replace("party: support", "party: suport"))
    told = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#T10"' in told
    assert "did you mean" in told
    assert 'id="T10" class="faulty"' in told


def test_a_what_if_of_somebody_else_is_not_shown(pages: Pages) -> None:
    pages.who = MEMBER_OF_APP
    answer = pages.post("/mappings/what-if", "/mappings/what-if", text=RULES)
    assert answer.status_code == 303
    assert "It waits for its turn" in pages.text(answer.headers["Location"])
    again = pages.post("/mappings/what-if", "/mappings/what-if", text=RULES)
    assert again.headers["Location"] == answer.headers["Location"], "one at a time"
    pages.who = type(MEMBER_OF_APP)("github:2", "Sam", "sam", Role.MEMBER, frozenset(), "github", None)
    assert pages.get(answer.headers["Location"]).status_code == 404
    pages.who = visitor()
    assert pages.get(answer.headers["Location"]).status_code == 200


def test_nothing_is_begun_without_the_forms_token(pages: Pages, redis_client: redis.Redis) -> None:
    assert pages.client.post("/mappings/what-if", data={"text": RULES}).status_code == 400
    assert not redis_client.keys("release-stages:what-if:*")


def test_how_the_rules_fare_is_told_to_those_who_may_see_all(pages: Pages) -> None:
    for _ in range(500):
        told = pages.text("/mappings/health")
        if "hx-get" not in told:
            break
    row = re.search(r'<tr><td><a href="#rule-support-first">.*?</tr>', told, re.DOTALL)
    assert row
    (found,) = health_of_rules(Ledger.open(pages.database_url), read(CHANGED), CHANGED, datetime.now(UTC))
    wanted = [found.fared.judged, len(found.fared.stops), *map(found.fared.count, Fate), found.fared.repeats]
    assert list(map(int, re.findall(r'<td class="number">(\d+)</td>', row[0]))) == wanted
    pages.who = MEMBER_OF_APP
    assert "support-first" not in pages.text("/mappings/health")
