"""The reports: the known answer of a seeded world, charts without styles of their own, sheets without formulas."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.seed.seeding import fill
from integration.seed.telling import World
from integration.seed.truth import Truth
from integration.settings import Settings
from integration.stages.reports.facts import About, Period
from integration.stages.reports.tables import CALLED, Column, Holds, Line, Table
from integration.web.app import create_app
from integration.web.entrance.of_file import PartiesOfFile
from integration.web.pages import charts, figures, party, sheets
from integration.web.pages.books import Books
from integration.web.pages.figures import Asked, Report
from integration.web.pages.shown import Shown
from tests.stages.reports.parts import APP

NOW = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
SOON = timedelta(minutes=3)  # so much later is in the ledger what people did
EVER = Period()


@dataclass(frozen=True)
class Seeded:
    """A world whose end is known, and the books over its ledger."""

    truth: Truth
    books: Books

    def asked(self, stage: str = "", places: frozenset[str] | None = None, period: Period = EVER) -> Asked:
        return Asked(self.books, Shown(self.books.mappings, NOW), period, places, stage=stage)


def settings_of(path: Path) -> Settings:
    return Settings(path, path / "mappings.yaml", "redis://127.0.0.1:1", f"sqlite:///{path / 'ledger.db'}", b"k" * 32,
                    sandbox=True, admission=Admission("open"))  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Seeded]:
    @cache
    def of(seed: int) -> Seeded:
        settings = settings_of(tmp_path_factory.mktemp(f"seed-{seed}"))
        truth = fill(settings.database_url, World(features=60, seed=seed, now=NOW), processes=1)
        return Seeded(truth, Books(settings, Inbox.connect(settings.redis_url)))

    return of


@pytest.fixture(params=[1, 2, 5])
def seeded(request: pytest.FixtureRequest, world: Callable[[int], Seeded]) -> Seeded:
    return world(request.param)


def rows(report: Report, key: str = "each") -> Iterator[dict[str, object]]:
    table = report.table(key)
    assert table is not None
    for line in table.lines:
        yield {column.key: cell for column, cell in zip(table.columns, line.cells, strict=True)}


def ref(row: dict[str, object]) -> str:
    about = row["feature"]
    assert isinstance(about, About)
    return str(about.ref)


def nearly_the_same(found: list[tuple[object, datetime]], known: list[tuple[object, datetime]]) -> None:
    """The same things, each at the same moment: what the service does follows within a minute or two."""
    assert Counter(key for key, _ in found) == Counter(key for key, _ in known)
    order = lambda one: (str(one[0]), one[1])  # noqa: E731
    for (key, at), (_, meant) in zip(sorted(found, key=order), sorted(known, key=order), strict=True):
        assert abs(at - meant) <= SOON, (key, at, meant)


# --- the known answer -------------------------------------------------------------------------------------------------

KINDS = {name: kind.value for kind, name in CALLED.items()}


def test_the_escapes_are_those_of_the_script(seeded: Seeded) -> None:
    """But for one thing that the ledger cannot know.

    Before it was born, a mention of Support's lead, who is a stakeholder too, may have been one of Support.
    """

    def is_told_apart(name: str, kind: str, party: str, before: bool) -> bool:
        return not (kind == "no notice" and party == "support" and before and name.startswith("github:"))

    found, known = [], []
    for row in rows(figures.escaped(seeded.asked("public"))):
        kind, party, before = KINDS[str(row["how"])], str(row["party"]), row["before"] == "yes"
        if kind == "no view":
            if party != "stakeholders":  # the script tells of no other's view
                continue
            party = ""
        if is_told_apart(ref(row), kind, party, before):
            found.append(((ref(row), kind, party, before), row["at"]))
    for one in seeded.truth.escapes:
        if not one.waived and is_told_apart(one.ref, one.kind, one.party, one.before):
            known.append(((one.ref, one.kind, one.party, one.before), one.at))
    assert {key[1] for key, _ in known} >= {"no notice", "no view", "no soak", "standing"}
    nearly_the_same(found, known)


def test_the_answers_are_those_of_the_script_and_so_are_their_medians(seeded: Seeded) -> None:
    report = figures.answered(seeded.asked())
    found = [((ref(row), row["party"], row["stage"]), row["answered"]) for row in rows(report)]
    nearly_the_same(found, [((one.ref, one.party, one.stage), one.answered) for one in seeded.truth.responses])
    told = [((ref(row), row["party"], row["stage"]), row["told"]) for row in rows(report)]
    nearly_the_same(told, [((one.ref, one.party, one.stage), one.told) for one in seeded.truth.responses])
    for row in rows(report, "by-party"):
        median = row["median_working"]
        assert isinstance(median, timedelta)
        assert median / timedelta(hours=1) == pytest.approx(seeded.truth.medians()[str(row["party"])], abs=0.1)


def test_the_blocks_waivers_and_debts_are_those_of_the_script(seeded: Seeded) -> None:
    blocked = {
        row["rule"]: row["blocked"] for row in rows(figures.blocked(seeded.asked()), "by-rule") if row["blocked"]
    }
    assert blocked == seeded.truth.blocks_by_rule()
    waived = figures.waived(seeded.asked())
    nearly_the_same(
        [((ref(row), row["rule"]), row["at"]) for row in rows(waived)],
        [((one.ref, one.rule), one.at) for one in seeded.truth.waivers],
    )
    nearly_the_same(
        [((ref(row), row["party"], row["stage"], row["state"] == "given"), row["at"]) for row in rows(waived, "debts")],
        [((one.ref, one.party, one.stage, one.paid is not None), one.at) for one in seeded.truth.debts],
    )


def test_the_stays_are_those_of_the_script(seeded: Seeded) -> None:
    found = [((ref(row), row["stage"], row["until"] is None), row["since"])
             for row in rows(figures.stayed(seeded.asked()))]  # fmt: skip
    known = [((one.ref, one.stage, one.until is None), one.since) for one in seeded.truth.stays]
    nearly_the_same(found, known)


# --- what narrows them ------------------------------------------------------------------------------------------------


@pytest.fixture
def one_world(world: Callable[[int], Seeded]) -> Seeded:
    return world(1)


@pytest.mark.parametrize("make", [figures.escaped, figures.answered, figures.stayed, figures.blocked, figures.waived])
def test_nobody_is_told_of_a_place_that_they_may_not_see(one_world: Seeded, make: object) -> None:
    assert callable(make)
    only = "github:acme/app"
    everything = [ref(row) for row in rows(make(one_world.asked()))]
    seen = [ref(row) for row in rows(make(one_world.asked(places=frozenset({only}))))]
    assert Counter(seen) == Counter(one for one in everything if one.startswith(f"{only}#"))
    assert not [ref(row) for row in rows(make(one_world.asked(places=frozenset())))]


@pytest.mark.parametrize("make", [figures.escaped, figures.answered, figures.blocked])
def test_two_halves_of_the_time_are_the_whole(one_world: Seeded, make: object) -> None:
    assert callable(make)
    middle = datetime(2026, 9, 15, tzinfo=UTC)
    whole = [ref(row) for row in rows(make(one_world.asked()))]
    parts = [Period(until=middle), Period(since=middle)]
    assert Counter(whole) == Counter(ref(row) for one in parts for row in rows(make(one_world.asked(period=one))))


# --- the pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(one_world: Seeded) -> FlaskClient:
    settings = one_world.books.settings
    parties = PartiesOfFile(lambda: one_world.books.mappings)
    return create_app(settings, Inbox.connect(settings.redis_url), dict, parties=parties).test_client()


@pytest.mark.parametrize("name", ["escapes", "answers", "stages", "blocks", "waivers"])
def test_each_report_has_a_chart_its_tables_and_their_sheets(client: FlaskClient, name: str) -> None:
    page = client.get(f"/reports/{name}?since=2026-06-01&until=2026-11-30").get_data(as_text=True)
    assert 'role="img"' in page
    assert not re.search(r"<style|<script(?! src=)| style=|<!--", page)
    addresses = re.findall(rf'href="(/reports/{name}\.csv[^"]*)"', page)
    assert addresses
    for address in addresses:
        answer = client.get(address.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert answer.mimetype == "text/csv"
        assert "attachment" in answer.headers["Content-Disposition"]
        assert len(list(csv.reader(StringIO(answer.get_data(as_text=True))))) > 1


@pytest.mark.parametrize(
    "query",
    ["since=x", "until=9999-12-31", "since=0001-01-01", "stage=nowhere", "party=%00", "table=1&name=2", "place='"],
)
def test_whatever_the_address_asks_a_page_is_shown(client: FlaskClient, query: str) -> None:
    for name in ("escapes", "answers", "stages", "blocks", "waivers"):
        assert client.get(f"/reports/{name}?{query}").status_code == 200


def test_what_is_not_there_is_told(client: FlaskClient) -> None:
    assert client.get("/reports/gossip").status_code == 404
    assert client.get("/reports/escapes.csv?table=gossip").status_code == 404
    assert client.get("/party/nobody").status_code == 404
    assert client.get("/reports?since=2026-06-01").headers["Location"] == "/reports/escapes?since=2026-06-01"


def test_a_party_s_page_lists_what_waits_and_the_list_of_parties_counts_it(client: FlaskClient) -> None:
    page = client.get("/party/support").get_data(as_text=True)
    waits = int(re.findall(r'Waits for Support <span class="count">(\d+)', page)[0])
    assert waits == page.count('<form class="answer"') > 0
    assert "Overdue" in page or "Due" in page
    everybody = client.get("/parties").get_data(as_text=True)
    assert re.search(rf'href="/party/support">Support</a>.*?class="number">{waits}<', everybody, re.DOTALL)


def test_what_has_waited_longest_comes_first_page_by_page(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = queue(client.get("/party/support").get_data(as_text=True))
    monkeypatch.setattr(party, "WAITING", 2)
    address, found = "/party/support", list[tuple[str, str]]()
    while address:
        page = client.get(address).get_data(as_text=True)
        assert 0 < len(queue(page)) <= 2
        found += queue(page)
        onward = re.search(r'<a href="([^"]*)">Next</a>', page)
        address = onward[1].replace("&amp;", "&") if onward else ""
    assert found == whole
    assert len(whole) > 2
    assert [since for _, since in whole] == sorted(since for _, since in whole)


def queue(page: str) -> list[tuple[str, str]]:
    """What waits, in the order of the page: the feature, and since when."""
    listed = page[page.index('<ul class="waits">') : page.index('aria-labelledby="h-coming"')]
    return re.findall(
        r'<li class="panel.*?href="([^"]*)".*?(?:Asks for|promised).*?datetime="([^"]*)"', listed, re.DOTALL
    )


def test_without_redis_a_word_is_not_given(client: FlaskClient) -> None:
    page = client.get("/party/support").get_data(as_text=True)
    form = dict(reversed(re.findall(r'name="(csrf_token|ref|stage|once)"[^>]*value="([^"]*)"', page)))
    answer = client.post("/party/support", data={**form, "word": "ack"})
    assert answer.status_code == 503
    assert "on its way" not in client.get("/party/support").get_data(as_text=True)


# --- charts and sheets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chart",
    [
        charts.over_time("It <says> so", ["Jan", "Feb"], [charts.Series("a", (1, 2)), charts.Series("b", (0, None))]),
        charts.side_by_side("It <says> so", ["A & <b>"], [charts.Series("a", (1.5,))], "{:.1f} h".format),
        charts.side_by_side("It <says> so", [], [], charts.whole, stacked=True),
    ],
)
def test_a_chart_has_shapes_classes_and_texts_and_nothing_that_our_policy_refuses(chart: str) -> None:
    tree = ElementTree.fromstring(str(chart))
    assert tree.get("aria-label") == "It <says> so"
    for node in tree.iter():
        assert node.tag in {"svg", "g", "rect", "path", "line", "circle", "text"}
        assert not {name for name in node.attrib if name in ("style", "href", "id") or name.startswith(("on", "{"))}
    assert not re.search(r"http|url\(|<!--|style", str(chart))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\n@x", "\u00a0=1", "＝1"])
def test_a_cell_that_begins_like_a_formula_is_a_text(text: str) -> None:
    table = Table("each", "", (Column("feature", "", Holds.FEATURE),), (Line((About(APP.ref, text, APP.place),)),))
    written = sheets.of_table(table, Shown(None, NOW))
    [_, [key, title]] = list(csv.reader(StringIO(written, newline="")))
    assert (key, title) == ("github:acme/app#12", f"'{text}")
    assert sheets.cell(text) == f"'{text}", "and so in every other sheet"
    assert [sheets.cell(one) for one in (None, -1, "a=1")] == ["", "-1", "a=1"]


def test_a_sheet_begins_with_what_tells_spreadsheets_its_letters(client: FlaskClient) -> None:
    assert client.get("/reports/escapes.csv").get_data().startswith(b"\xef\xbb\xbf")
