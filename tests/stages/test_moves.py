"""Sightings -> moves -> ladder: what counts as a move, whose it is, and which forward moves still hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from integration.stages.entries import Intended
from integration.stages.file.mappings import Shown
from integration.stages.model import Carrier, Happened, Issue, Label, Move, Person, Ref, Sighting
from integration.stages.moves import SETTLING, Stay, Track, is_forward, ladder, rank, stays, track

BEGIN = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
STAGES = ["development", "internal", "beta", "public"]
ERIN, ME = Person("2", "erin"), Person("1", "release-stages", bot=True)
LABELS = Shown("labels:0", Carrier.LABEL, {stage: (f"s: {stage}",) for stage in STAGES})
STATUSES = Shown("statuses:0", Carrier.STATUS, {stage: (stage.capitalize(),) for stage in STAGES})


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def seen(id: int, seconds: float, what: str, stage: str, by: Person = ERIN, was: str = "") -> Sighting:
    """`+` a label was put on, `-` taken off, `=` the status became this one."""
    happened = {"+": Happened.ADDED, "-": Happened.REMOVED, "=": Happened.BECAME}[what]
    carrier = Carrier.STATUS if what == "=" else Carrier.LABEL
    name = stage.capitalize() if what == "=" else f"s: {stage}" if stage in STAGES else stage
    return Sighting(str(id), at(seconds), by, carrier, happened, name, was_name=was)


def issue(*sightings: Sighting, on: tuple[str, ...] | None = None, deleted: frozenset[str] = frozenset()) -> Issue:
    """An issue with this history; its labels are what history says unless `on` says otherwise."""
    shown: dict[str, None] = {}
    for one in sorted(sightings, key=lambda one: one.order):
        if one.what is Happened.ADDED:
            shown[one.name] = None
        elif one.what is Happened.REMOVED:
            shown.pop(one.name, None)
    names = on if on is not None else tuple(shown)
    return Issue(
        ref=Ref("github", "", "acme/app", 1), title="", body="", url="", author=ERIN, me=ME, created=BEGIN,
        watermark=at(3600), labels=tuple(Label(f"id of {name}", name) for name in names), sightings=sightings,
        deleted_labels=deleted,
    )  # fmt: skip


def folded(
    shown: Issue, now: float = 86_400, shifts: tuple[Intended, ...] = (),
    names: dict[str, tuple[str, ...]] | None = None, source: Shown = LABELS,
) -> Track:  # fmt: skip
    return track(shown, source, names or {}, shifts, at(now))


def ways(found: Track) -> list[tuple[str | None, str | None]]:
    return [(move.was, move.to) for move in found.moves]


# --- labels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_history_is_read_in_its_own_order_however_it_is_listed(order: tuple[int, ...]) -> None:
    told = [seen(1, 0, "+", "internal"), seen(2, 600, "+", "beta"), seen(3, 1200, "-", "internal")]

    found = folded(issue(*(told[n] for n in order)))

    assert ways(found) == [(None, "internal"), ("internal", "beta")]
    assert found.stage == "beta"


@pytest.mark.parametrize("stages", list(permutations(STAGES[1:])), ids=str)
def test_the_stage_is_the_label_that_was_put_on_last_whichever_it_is(stages: tuple[str, ...]) -> None:
    found = folded(issue(*(seen(n + 1, n * 600, "+", stage) for n, stage in enumerate(stages))))

    assert found.stage == stages[-1]
    assert ways(found) == list(zip((None, *stages), stages, strict=False))


def test_taking_the_last_label_off_shows_the_one_before_again() -> None:
    found = folded(issue(seen(1, 0, "+", "internal"), seen(2, 600, "+", "beta"), seen(3, 1200, "-", "beta")))

    assert (found.stage, ways(found)[-1]) == ("internal", ("beta", "internal"))


def test_taking_off_a_label_that_is_not_the_stage_is_no_move() -> None:
    found = folded(issue(seen(1, 0, "+", "internal"), seen(2, 600, "+", "beta"), seen(3, 1200, "-", "internal")))

    assert [move.id for move in found.moves] == ["1", "2"]


def test_a_label_that_is_not_mapped_is_no_stage() -> None:
    found = folded(issue(seen(1, 0, "+", "bug")))

    assert (found.moves, found.stage, found.on) == ((), None, ())


@pytest.mark.parametrize(("first", "second"), [("+beta", "-internal"), ("-internal", "+beta")])
@pytest.mark.parametrize("between", [0, 60, 300])
def test_a_swap_is_one_move_in_either_order(first: str, second: str, between: float) -> None:
    told = [seen(1, 0, "+", "internal")]
    told += [seen(2, 1000, first[0], first[1:]), seen(3, 1000 + between, second[0], second[1:])]

    assert ways(folded(issue(*told))) == [(None, "internal"), ("internal", "beta")]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        (299, [(None, "internal"), ("internal", "beta")]),
        (300, [(None, "internal"), ("internal", "beta")]),
        (301, [(None, "internal"), ("internal", None), (None, "beta")]),
    ],
)
def test_a_gap_that_closes_within_five_minutes_is_one_move(between: float, expected: list[tuple[str, str]]) -> None:
    told = [seen(1, 0, "+", "internal"), seen(2, 1000, "-", "internal"), seen(3, 1000 + between, "+", "beta")]

    assert ways(folded(issue(*told))) == expected


def test_an_open_gap_keeps_the_last_stage_until_it_is_settled() -> None:
    told = issue(seen(1, 0, "+", "internal"), seen(2, 1000, "-", "internal"))

    young, old = folded(told, now=1200), folded(told, now=1301)

    assert (young.stage, young.settles_at, ways(young)) == ("internal", at(1300), [(None, "internal")])
    assert (old.stage, old.settles_at, ways(old)) == (None, None, [(None, "internal"), ("internal", None)])


@pytest.mark.parametrize(("after", "moves"), [(60, ["1"]), (300, ["1"]), (301, ["1", "2", "3"])])
def test_a_slip_that_is_undone_within_five_minutes_is_no_move(after: float, moves: list[str]) -> None:
    told = issue(seen(1, 0, "+", "internal"), seen(2, 1000, "+", "public"), seen(3, 1000 + after, "-", "public"))

    assert [move.id for move in folded(told).moves] == moves


def test_a_label_taken_off_and_put_on_again_soon_is_no_move() -> None:
    told = issue(seen(1, 0, "+", "beta"), seen(2, 1000, "-", "beta"), seen(3, 1100, "+", "beta"))

    assert [move.id for move in folded(told).moves] == ["1"]


@pytest.mark.parametrize(("lower", "upper"), [(9, 10), (99, 1000), (7, 8)])
def test_equal_times_are_ordered_by_id_as_numbers(lower: int, upper: int) -> None:
    told = issue(seen(upper, 0, "+", "public"), seen(lower, 0, "+", "beta"))

    assert folded(told).stage == "public"
    assert ways(folded(told)) == [(None, "beta"), ("beta", "public")]


def test_a_renamed_label_is_the_stage_that_it_was() -> None:
    told = issue(seen(1, 0, "+", "beta"), on=())
    now = Issue(**{name: getattr(told, name) for name in Issue.__slots__} | {"labels": (Label("7", "Beta!"),)})

    found = folded(now, names={"7": ("s: beta", "Beta!")})

    assert (found.stage, ways(found), found.on, found.vanished) == ("beta", [(None, "beta")], (("Beta!", "beta"),), ())


def test_a_renamed_label_whose_old_name_the_tracker_calls_deleted_has_not_vanished() -> None:
    told = issue(seen(1, 0, "+", "beta"), on=(), deleted=frozenset({"s: beta"}))
    now = Issue(**{name: getattr(told, name) for name in Issue.__slots__} | {"labels": (Label("7", "Beta!"),)})

    found = folded(now, names={"7": ("s: beta", "Beta!")})

    assert (found.stage, found.vanished) == ("beta", ())


def test_a_deleted_label_moves_nothing_and_is_told_apart() -> None:
    found = folded(issue(seen(1, 0, "+", "beta"), on=(), deleted=frozenset({"s: beta"})))

    assert (found.stage, ways(found), found.vanished) == ("beta", [(None, "beta")], (("s: beta", "beta"),))


def test_a_label_that_history_does_not_know_was_there_from_the_beginning() -> None:
    found = folded(issue(seen(1, 600, "+", "beta"), on=("s: internal", "s: beta")))

    assert [(move.id, move.was, move.to, move.at) for move in found.moves] == [
        ("born-id of s: internal", None, "internal", BEGIN),
        ("1", "internal", "beta", at(600)),
    ]


def test_a_label_that_is_gone_without_a_word_was_lost_by_nobody() -> None:
    found = folded(issue(seen(1, 0, "+", "beta"), on=()))

    assert (found.stage, ways(found)) == (None, [(None, "beta"), ("beta", None)])
    assert found.moves[-1].actor.id == ""


# --- statuses -------------------------------------------------------------------------------------------------------


def test_a_status_that_is_not_mapped_keeps_the_last_stage() -> None:
    told = issue(
        seen(1, 0, "=", "internal"), seen(2, 600, "=", "blocked", was="Internal"), seen(3, 1200, "=", "internal"),
        seen(4, 1800, "=", "blocked"), seen(5, 2400, "=", "beta", was="Blocked"),
    )  # fmt: skip

    found = folded(told, source=STATUSES)

    assert ways(found) == [(None, "internal"), ("internal", "beta")]
    assert found.moves[-1].came_from == ("Blocked",)
    assert found.on == ()


def test_capitals_of_a_status_do_not_count() -> None:
    assert folded(issue(seen(1, 0, "=", "BETA")), source=STATUSES).stage == "beta"


def test_a_label_says_nothing_of_a_status_and_a_status_nothing_of_a_label() -> None:
    told = issue(seen(1, 0, "+", "beta"), seen(2, 60, "=", "public"))

    assert folded(told).stage == "beta"
    assert folded(told, source=STATUSES).stage == "public"


# --- ours -----------------------------------------------------------------------------------------------------------


def meant(was: str | None, to: str | None, after: str, source: str = "labels:0") -> Intended:
    return Intended(BEGIN, f"shift:{after}", "shift", was, to, source, after)


BACK = (seen(1, 0, "+", "beta"), seen(2, 600, "+", "public"), seen(3, 610, "-", "public", ME))


@pytest.mark.parametrize(
    ("shifts", "ours"),
    [
        ((meant("public", "beta", "2"),), ["3"]),
        ((), []),
        ((meant("public", "internal", "2"),), []),
        ((meant("beta", "public", "2"),), []),
        ((meant("public", "beta", "3"),), []),
        ((meant("public", "beta", "2", "labels:1"),), []),
    ],
    ids=["meant", "no intent", "another to", "the other way", "meant later", "another source"],
)
def test_a_move_of_our_account_is_ours_only_by_its_intent(shifts: tuple[Intended, ...], ours: list[str]) -> None:
    assert [move.id for move in folded(issue(*BACK), shifts=shifts).changes if move.ours] == ours


def test_a_move_of_somebody_else_is_never_ours() -> None:
    told = issue(*BACK[:2], seen(3, 610, "-", "public", ERIN))

    assert not any(move.ours for move in folded(told, shifts=(meant("public", "beta", "2"),)).changes)


def test_one_intent_makes_one_move_ours_and_that_is_the_first() -> None:
    told = issue(*BACK, seen(4, 700, "+", "public"), seen(5, 710, "-", "public", ME))

    changes = folded(told, shifts=(meant("public", "beta", "2"),)).changes

    assert [move.id for move in changes if move.ours] == ["3"]


def test_two_intents_of_the_same_way_make_two_moves_ours() -> None:
    told = issue(*BACK, seen(4, 700, "+", "public"), seen(5, 710, "-", "public", ME))

    changes = folded(told, shifts=(meant("public", "beta", "2"), meant("public", "beta", "4"))).changes

    assert [move.id for move in changes if move.ours] == ["3", "5"]


# --- the ladder -----------------------------------------------------------------------------------------------------


def moves(*way: str | None) -> list[Move]:
    return [
        Move(str(n), "labels:0", was, to, ERIN, at(n * 600))
        for n, (was, to) in enumerate(zip((None, *way), way, strict=False))
    ]


@pytest.mark.parametrize(
    ("way", "rungs"),
    [
        ((), []),
        (("internal",), ["internal"]),
        (("internal", "beta", "public"), ["internal", "beta", "public"]),
        (("development", "public"), ["development", "public"]),
        (("internal", "beta", "internal"), ["internal"]),
        (("internal", "public", "development"), ["development"]),
        (("beta", None), []),
        (("beta", None, "beta"), ["beta"]),
        (("internal", "beta", "internal", "public"), ["internal", "public"]),
        (("public", "internal", "beta"), ["internal", "beta"]),
    ],
    ids=str,
)
def test_the_ladder_holds_the_forward_moves_that_still_stand(way: tuple[str | None, ...], rungs: list[str]) -> None:
    assert [rung.to for rung in ladder(moves(*way), STAGES)] == rungs


def test_a_way_up_and_half_the_way_down_again_leaves_a_rung_to_be_judged() -> None:
    assert [(rung.was, rung.to) for rung in ladder(moves("internal", "public", "beta"), STAGES)] == [
        (None, "internal"),
        ("internal", "beta"),
    ]


@pytest.mark.parametrize(
    ("was", "to", "forward"),
    [(None, "development", True), ("beta", "public", True), ("public", "beta", False), ("beta", None, False)],
)
def test_forward_is_only_what_goes_up(was: str | None, to: str | None, forward: bool) -> None:
    assert is_forward(Move("1", "", was, to, ERIN, BEGIN), STAGES) is forward


def test_outside_the_stages_is_below_the_first() -> None:
    assert [rank(stage, STAGES) for stage in (None, "development", "public")] == [-1, 0, 3]


# --- stays ----------------------------------------------------------------------------------------------------------


def test_a_stay_lasts_until_the_next_move_and_the_last_one_lasts() -> None:
    assert stays(moves("internal", "beta"), frozenset()) == (
        Stay("internal", at(0), at(600)),
        Stay("beta", at(600), None),
    )


def test_where_a_feature_was_never_let_in_it_has_not_been() -> None:
    assert stays(moves("internal", "beta"), frozenset({"1"})) == (Stay("internal", at(0), at(600)),)


def test_outside_the_stages_is_no_stay() -> None:
    assert stays(moves("internal", None), frozenset()) == (Stay("internal", at(0), at(600)),)


def test_a_feature_that_has_not_moved_has_been_nowhere() -> None:
    """A slip out of no stage leaves a source with changes, but without a move."""
    assert stays([], frozenset()) == ()


def test_the_five_minutes_of_the_tests_are_those_of_the_house() -> None:
    assert timedelta(minutes=5) == SETTLING
