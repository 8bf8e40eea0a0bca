"""A party's digest: when it is due, what is in it for whom, and how it reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from integration.stages.calendars import Calendar
from integration.stages.entries import Acknowledged, AttemptJoined, AttemptOpened, Judged, Outcome, Owed
from integration.stages.file import mappings
from integration.stages.file.mappings import Digest, Mappings
from integration.stages.model import Move, Person, Ref
from integration.stages.remembered import remember
from integration.stages.texts import digests
from integration.stages.texts.digests import Coming, Entered, Feature, Reader, Waiting, slot
from integration.stages.texts.markdown import markdown
from integration.stages.texts.wiki import wiki

ERIN, SAM, BOT = Person("1", "erin", "Erin"), Person("2", "sam", "Sam"), Person("9", "stages[bot]", "", bot=True)
LONDON = Calendar(
    time_zone="Europe/London", hours=(time(9), time(17, 30)), holidays="GB-ENG", closed=(date(2026, 12, 9),)
)
EARLY = Calendar.model_validate(
    {"days": "mon-fri", "hours_on": {"fri": "13:00-18:00", "2026-12-10": "11:00-12:00", "2026-12-12": "10:00-11:00"}}
)
TOKYO = Calendar(time_zone="Asia/Tokyo")
TUESDAY = datetime(2026, 12, 8, 9, 0, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


# --- when ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "at", "calendar", "now", "due"),
    [
        ("mon-fri", None, LONDON, "2026-12-08T09:00", "2026-12-08T09:00"),  # just now
        ("mon-fri", None, LONDON, "2026-12-08T08:59", "2026-12-07T09:00"),
        ("mon-fri", None, LONDON, "2026-12-12T23:00", "2026-12-11T09:00"),  # a weekend
        ("mon", None, LONDON, "2026-12-13T12:00", "2026-12-07T09:00"),
        ("mon, thu", time(16, 30), LONDON, "2026-12-10T16:29", "2026-12-07T16:30"),
        ("mon-fri", None, LONDON, "2026-12-09T12:00", "2026-12-08T09:00"),  # a day off of their own
        ("fri", None, LONDON, "2026-12-26T12:00", "2026-12-18T09:00"),  # Christmas Day is skipped, not made up for
        ("mon-sun", None, LONDON, "2026-12-13T12:00", "2026-12-11T09:00"),  # nobody is there on a weekend
        ("mon-fri", None, LONDON, "2026-07-01T08:00", "2026-07-01T08:00"),  # summer time
        ("mon-fri", None, TOKYO, "2026-12-08T00:00", "2026-12-08T00:00"),  # it opens when it is midnight in London
        ("mon-fri", None, TOKYO, "2026-12-07T23:59", "2026-12-07T00:00"),
        ("mon-sun", time(1, 30), Calendar(time_zone="Europe/London", days=(0, 1, 2, 3, 4, 5, 6)), "2026-03-29T01:29",
         "2026-03-28T01:30"),  # the clock skips that hour
        ("mon-fri", None, EARLY, "2026-12-11T13:00", "2026-12-11T13:00"),  # other hours on a Friday
        ("mon-fri", None, EARLY, "2026-12-11T12:59", "2026-12-10T11:00"),  # and on a date
        ("mon-sun", None, EARLY, "2026-12-13T12:00", "2026-12-12T10:00"),  # a Saturday on which they work
        ("fri", time(9), EARLY, "2026-12-11T09:00", "2026-12-11T09:00"),  # a time that is named counts everywhere
        ("fri", time(0), EARLY, "2026-12-11T00:00", "2026-12-11T00:00"),
        ("mon-sun", None, None, "2026-12-13T12:00", "2026-12-13T09:00"),  # without a calendar every day is one
        ("mon-sun", time(0), None, "2026-12-13T00:00", "2026-12-13T00:00"),
    ],
)  # fmt: skip
def test_a_digest_is_due_on_its_days_when_the_party_s_day_opens(
    days: str, at: time | None, calendar: Calendar | None, now: str, due: str
) -> None:
    assert slot(Digest.model_validate({"days": days, "at": at}), calendar, utc(now)) == utc(due)


def test_without_a_calendar_the_file_s_zone_counts() -> None:
    found = slot(Digest.model_validate({"days": "mon-fri"}), None, utc("2026-12-08T12:00"), "Asia/Tokyo")
    assert found == utc("2026-12-08T00:00")


def test_a_digest_on_days_on_which_nobody_works_is_never_due() -> None:
    assert slot(Digest.model_validate({"days": "sat"}), LONDON, TUESDAY) is None


def test_there_are_never_two_slots_between_two_looks_of_the_clock_and_none_is_left_out() -> None:
    digest, now = Digest.model_validate({"days": "mon-fri", "at": "09:30"}), utc("2026-03-20T00:00")
    seen = []
    while now < utc("2026-04-10T00:00"):
        found = slot(digest, LONDON, now)
        assert found is not None
        assert found <= now
        seen += [found] if found not in seen else []
        now += timedelta(minutes=30)
    days = [one.date().isoformat() for one in seen[1:]]
    assert days == [
        "2026-03-20", *(f"2026-03-{day}" for day in (23, 24, 25, 26, 27, 30, 31)), "2026-04-01", "2026-04-02",
        "2026-04-07", "2026-04-08", "2026-04-09",
    ]  # fmt: skip  # Good Friday and Easter Monday are holidays


FILE = """
version: 1
time_zone: Europe/London
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
calendars: {tokyo: {time_zone: Asia/Tokyo}}
parties:
  support: {name: Support, github: {team: acme/support}, digest: {days: mon-fri, issue: "acme/app#1"}}
  growth: {github: {team: acme/growth}, calendar: tokyo}
  docs: {github: {team: acme/docs}}
  quiet: {github: {team: acme/quiet}}
sources: [{github: {repositories: ["acme/*"], labels: {public: "stage: public"}}}]
rules:
  - {id: one, entering: public, require: [{any: [{acknowledged: {party: support}}, {approved: {party: docs}}]}],
     level: block, effective: 2026-12-01}
  - {id: two, entering: beta, require: [{approved: {party: growth}}], level: warn, effective: 2026-12-01}
  - {id: three, entering: internal, require: [{notified: {party: quiet}}], level: observe}
  - {id: four, entering: internal, require: [{notified: {party: docs}}], level: warn, effective: 2027-01-01}
notify:
  - {entering: beta, parties: [support], level: post, effective: 2026-12-01}
  - {entering: beta, parties: [quiet], level: observe}
  - {backward: true, parties: [quiet], level: post, effective: 2026-12-01}
"""


@pytest.fixture(scope="module")
def file() -> Mappings:
    return mappings.read(FILE)


@pytest.mark.parametrize(
    ("party", "born", "expected"),
    [
        ("support", TUESDAY, TUESDAY),
        ("support", TUESDAY + timedelta(seconds=1), None),
        ("growth", TUESDAY, None),
        ("nobody", TUESDAY, None),
    ],
)
def test_a_party_without_a_digest_and_a_ledger_that_is_too_young_have_none_due(
    file: Mappings, party: str, born: datetime, expected: datetime | None
) -> None:
    assert digests.due(file, party, born, TUESDAY + timedelta(hours=3)) == expected


def test_an_order_is_the_same_as_long_as_days_time_and_issue_are(file: Mappings) -> None:
    (known,) = digests.orders(file).items()
    assert known[0] == "support"
    others = {FILE.replace(old, new) for old, new in CHANGES.items()}
    assert len({known[1], *(digests.orders(mappings.read(other))["support"] for other in others)}) == 1 + len(CHANGES)
    same = FILE.replace("days: mon-fri, issue", "days: [mon, tue-fri], issue").replace("id: one", "id: other")
    assert digests.orders(mappings.read(same))["support"] == known[1]


CHANGES = {"mon-fri": "mon", "mon-fri,": "mon-fri, at: '00:00',", 'issue: "acme/app#1"': 'issue: "acme/app#2"'}


def test_a_day_begins_at_the_party_s_own_midnight(file: Mappings) -> None:
    at = utc("2026-07-01T22:30")
    assert digests.day_begins(file, "support", at) == utc("2026-06-30T23:00")  # London has summer time
    assert digests.day_begins(file, "growth", at) == utc("2026-07-01T15:00")


def test_windows_follow_on_one_another_and_the_first_looks_back_a_week_and_not_before_the_ledger() -> None:
    born, day = TUESDAY - timedelta(days=30), timedelta(days=1)
    first = digests.window(TUESDAY, None, born)
    assert first[0] == TUESDAY - 7 * day
    assert digests.window(TUESDAY, None, TUESDAY - day)[0] == TUESDAY - day
    after = digests.window(TUESDAY + 3 * day, TUESDAY, born)
    assert after == (first[1], TUESDAY + 3 * day - digests.SETTLED)


# --- what ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("party", "stages"),
    [("support", {"public", "beta"}), ("growth", {"beta"}), ("docs", {"public"}), ("quiet", set()), ("nobody", set())],
)
def test_a_party_is_concerned_by_stages_whose_rules_or_notices_in_force_name_it(
    file: Mappings, party: str, stages: set[str]
) -> None:
    assert digests.concerns(file, party, TUESDAY) == stages


def test_a_rule_that_begins_later_concerns_nobody_yet(file: Mappings) -> None:
    assert digests.concerns(file, "docs", utc("2027-01-02T00:00")) == {"public", "internal"}


FEATURE = Feature("acme/app#12", "Export", "https://x/12")
OPENED = AttemptOpened(TUESDAY, "m1", "labels:0", "internal", "public", ERIN, TUESDAY - timedelta(hours=1))


def judged(
    to: str = "public", at: datetime = TUESDAY, outcome: Outcome = Outcome.ADMITTED, ours: bool = False
) -> Judged:
    move = Move(f"{to}{at}", "labels:0", "beta", to, BOT if ours else ERIN, at, ours)
    return Judged(at, move, outcome, attempt="m1" if ours else "")


@pytest.mark.parametrize(("party", "word"), [("support", "ack"), ("growth", "approve"), ("docs", "approve")])
def test_the_word_that_is_awaited_is_the_one_that_the_rules_on_the_way_ask_for(
    file: Mappings, party: str, word: str
) -> None:
    found = digests.as_waiting(file, party, FEATURE, "public", remember([OPENED]))
    assert found == Waiting(FEATURE, "public", word, "Erin", OPENED.asked_at)  # type: ignore[arg-type]


def test_a_rule_that_is_behind_asks_for_nothing_any_more(file: Mappings) -> None:
    from_beta = AttemptOpened(TUESDAY, "m1", "labels:0", "beta", "public", ERIN, TUESDAY)
    assert digests.as_waiting(file, "growth", FEATURE, "public", remember([from_beta])).asks == "ack"


def test_what_is_owed_names_whoever_promised_it_until_it_is_given() -> None:
    debt = Owed(TUESDAY, "support", "beta", ERIN, "SAM", TUESDAY + timedelta(days=3), "ack")
    other = Owed(TUESDAY, "docs", "beta", ERIN, "gus")
    seen = Acknowledged(TUESDAY, "growth", "beta", SAM, "c1")
    assert digests.as_owing("support", FEATURE, remember([seen, debt, other])) == [
        Waiting(FEATURE, "beta", "ack", since=TUESDAY, owed_by="Sam", until=debt.until)
    ]
    assert [one.owed_by for one in digests.as_owing("docs", FEATURE, remember([debt, other]))] == ["gus"]
    paid = Acknowledged(TUESDAY + timedelta(hours=1), "support", "beta", SAM, "c2")
    assert digests.as_owing("support", FEATURE, remember([debt, paid])) == []


def test_what_moved_is_what_was_let_in_in_that_time_each_stage_once() -> None:
    hour = timedelta(hours=1)
    late = judged(at=TUESDAY + 2 * hour)
    entries = [
        judged(at=TUESDAY - hour), judged(at=TUESDAY + hour, outcome=Outcome.WARNED), late,
        judged("beta", TUESDAY, Outcome.BLOCKED), judged("beta", TUESDAY, Outcome.ADOPTED), judged("internal", TUESDAY),
    ]  # fmt: skip
    between = (TUESDAY, TUESDAY + 2 * hour)
    assert digests.as_entered(FEATURE, entries, {"public", "beta"}, between, {"public"}) == [
        Entered(FEATURE, "public", late.at, "Erin", left=True)
    ]
    assert digests.as_entered(FEATURE, entries, {"public"}, (TUESDAY - 2 * hour, TUESDAY - hour), ())[0].left is False
    assert digests.as_entered(FEATURE, entries, {"public"}, (TUESDAY - hour, TUESDAY), ()) == []


def test_what_we_set_ourselves_is_told_by_the_name_of_whoever_asked_for_it() -> None:
    joined = AttemptJoined(TUESDAY, "m1", "m2", "public", SAM)
    other = AttemptJoined(TUESDAY, "m0", "m2", "public", ERIN)
    between = (TUESDAY - timedelta(1), TUESDAY)
    for asks, who in (([OPENED], "Erin"), ([OPENED, joined, other], "Sam")):
        (found,) = digests.as_entered(FEATURE, [*asks, judged(ours=True)], {"public"}, between, ())
        assert (found.by, found.asked) == (who, True)


# --- the words ----------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(file: Mappings) -> Reader:
    return Reader(file, "support", TUESDAY)


def test_when_there_is_nothing_to_say_there_is_no_digest(reader: Reader) -> None:
    assert digests.make(reader, [], [], []) is None


def test_a_word_that_is_owed_until_a_day_is_owed_until_its_end(reader: Reader) -> None:
    friday_is_over = utc("2026-12-12T00:00")  # as `/stage later … until 2026-12-11` is kept
    waits = Waiting(FEATURE, "beta", "ack", since=TUESDAY, owed_by="Sofia", until=friday_is_over)
    text = digests.make(reader, [], [], [waits])
    assert text is not None
    assert "owes your word on Beta Release until Fri 11 Dec." in markdown(text).replace("\u2060", "")


def test_a_digest_tells_what_waits_what_comes_and_what_moved(reader: Reader) -> None:
    dark = Feature("APP-7", "Dark", "https://x/7")
    monday, friday = TUESDAY - timedelta(days=1), TUESDAY + timedelta(days=3)
    text = digests.make(
        reader,
        [Entered(dark, "beta", monday, "Erin"), Entered(dark, "internal", monday, "Erin", asked=True, left=True)],
        [Coming(dark, "public", "Gus", monday, ("growth", "docs")), Coming(dark, "beta", "Gus", monday)],
        [
            Waiting(dark, "beta", "ack", since=TUESDAY, owed_by="Sofia", until=friday),
            Waiting(dark, "beta", "ack", since=TUESDAY, owed_by="Sam", until=monday),
            Waiting(FEATURE, "public", "approve", "Erin", monday),
        ],
    )
    assert text is not None
    assert (
        markdown(text).replace("\u2060", "")
        == """\
### Digest for Support, Tue 8 Dec

**Waits for you (3)**

- [acme/app#12](https://x/12) Export: Public Release was asked for by Erin on Mon 7 Dec. Please answer `/stage approve`.
- [APP-7](https://x/7) Dark: Sofia owes your word on Beta Release until Fri 11 Dec. `/stage ack` gives it.
- [APP-7](https://x/7) Dark: Sam was to give your word on Beta Release by Mon 7 Dec, and has not. `/stage ack` gives it.

**Coming, nothing to do yet (2)**

- [APP-7](https://x/7) Dark: Public Release was asked for by Gus on Mon 7 Dec; it waits for Growth and Docs.
- [APP-7](https://x/7) Dark: Beta Release was asked for by Gus on Mon 7 Dec.

**What moved (2)**

- [APP-7](https://x/7) Dark: in Beta Release since Mon 7 Dec, moved by Erin.
- [APP-7](https://x/7) Dark: it entered Internal Release on Mon 7 Dec, as Erin had asked, and has left it since.

<sub>Please answer on each issue itself; what is written here is not read.</sub>"""
    )


def test_a_plain_text_has_addresses_in_full_and_no_markup_and_pings_nobody(reader: Reader) -> None:
    here = Feature("APP-7", "<b>@here</b> *x*\n& <!-- y -->", "https://x/7")
    text = digests.make(reader, [], [], [Waiting(here, "beta", "approve", "", TUESDAY)])
    assert (
        digests.plain(text or ())
        == """\
Digest for Support, Tue 8 Dec

Waits for you (1)

- APP-7 https://x/7 ‹b›@\u2060here‹/b› ∗x∗ & : Beta Release was asked for on Tue 8 Dec. Please answer /stage approve.

Please answer on each issue itself; what is written here is not read."""
    )


MARKUP = [
    "[a](https://evil.example/x)", "![a](b)", "<https://evil.example|click>", "<!channel>", "<@U123ABC>", "**all**",
    "@**all**", "_x_", "`x`", "~~x~~", "||x||", "https://evil.example", "www.evil.example", "evil.example/x", "$$x$$",
    ":tada:", "a\n# b", "\\[a](b)", "me@evil.example",
]  # fmt: skip


@pytest.mark.parametrize("words", MARKUP)
def test_a_plain_text_is_no_markup_either_where_letters_are_taken_for_it(reader: Reader, words: str) -> None:
    here = Feature(words, words, "https://x/7?a=b&c_d")
    said = digests.plain(digests.make(reader, [Entered(here, "beta", TUESDAY, words)], [], []) or ())
    for sign in ("<", ">", "*", "_", "`", "~~", "||", "](", "![", "@e", "@*", ":/", ":t", "evil.e", "$$", "\n#", "\\["):
        assert sign not in said.replace("https://x/7?a=b&c_d", "")
    assert "https://x/7?a=b&c_d" in said


def test_an_address_of_a_plain_text_stays_one_and_holds_no_markup_itself(reader: Reader) -> None:
    here = Feature("APP-7", "x", "https://x/7?a=<!here>&b=*c*@all [d](e)\n")
    said = digests.plain(digests.make(reader, [], [], [Waiting(here, "beta")]) or ())
    assert "https://x/7?a=%3C%21here%3E&b=%2Ac%2A%40all%20%5Bd%5D%28e%29 x:" in said


def test_the_oldest_comes_first_and_a_long_list_is_cut(reader: Reader) -> None:
    many = [
        Waiting(Feature(f"APP-{n}", "x", "https://x"), "public", since=TUESDAY - timedelta(days=n)) for n in range(23)
    ]
    text = markdown(digests.make(reader, [], [], many) or ())
    assert "Waits for you (23)" in text
    assert [line.split("]")[0] for line in text.replace("\u2060", "").splitlines() if line.startswith("- [")] == [
        f"- [APP-{n}" for n in range(22, 2, -1)
    ]
    assert "- and 3 more" in text


def test_a_digest_mentions_nobody_whatever_titles_and_names_say_and_stays_short(reader: Reader) -> None:
    nasty = Feature("acme/app#12", "@acme/support [x](https://evil.example) " + "long " * 60, "https://x/12")
    text = digests.make(
        reader,
        [Entered(nasty, "beta", TUESDAY, "@sam")],
        [Coming(nasty, "beta", "@sam", TUESDAY)],
        [Waiting(nasty, None, "ack", "@sam"), Waiting(nasty, "beta", owed_by="@sam")],
    )
    assert text is not None
    assert "@sam" not in markdown(text)
    assert "](https://evil" not in markdown(text)
    assert "[~" not in wiki(text, cloud=True)
    assert max(map(len, markdown(text).splitlines())) < 400


def test_a_day_is_one_of_the_reader_s_own_calendar(file: Mappings) -> None:
    assert Reader(file, "growth", TUESDAY).day(utc("2026-12-07T15:00")) == "Tue 8 Dec"
    assert Reader(file, "support", TUESDAY).day(utc("2026-12-07T15:00")) == "Mon 7 Dec"
    assert Reader(file, "support", TUESDAY).day(utc("2025-12-07T15:00")) == "Sun 7 Dec 2025"
    assert digests.title(Reader(file, "growth", TUESDAY)) == "Release stages: digest for Growth"


# --- its name in the inbox ----------------------------------------------------------------------------------------


def test_a_party_has_a_name_among_the_refs_and_no_issue_has_the_same() -> None:
    party = Ref.of_party("release-managers_2")
    assert (str(party), party.key, party.number) == ("party:release-managers_2", "release-managers_2", 0)
    assert Ref.parse(str(party)) == party
    for text in ("party:Support", "party:", "party:acme/app#1", "party:APP-7"):
        with pytest.raises(ValueError, match="names no issue"):
            Ref.parse(text)
    assert [str(Ref.parse(one)) for one in ("acme/app#0", "eu/APP-7")] == ["github:acme/app#0", "jira:eu/APP-7"]
