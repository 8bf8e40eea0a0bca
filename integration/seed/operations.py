"""What the page of operations shows of a seeded world: rounds that went well, and a few things that did not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from integration.memory.failures import Failure, Kind, State
from integration.memory.ledger import Ledger
from integration.memory.rounds import Delivery
from integration.seed.house_rules import PLACES, PROJECTS, SITE
from integration.seed.telling import Told, World

_MINUTE = timedelta(minutes=1)
_SWEEPS = (("sweep:github", PLACES), (f"sweep:jira/{SITE}", PROJECTS))
_HOOK = "acme"


def fill(ledger: Ledger, told: Sequence[Told], world: World) -> None:
    """Write it down."""
    _rounds(ledger, told, world)
    _deliveries(ledger, world)
    for failure in _failures(told, world):
        ledger.failures.keep(failure)


def _rounds(ledger: Ledger, told: Sequence[Told], world: World) -> None:
    """The last sweeps, some minutes ago."""
    for name, places in _SWEEPS:
        begun = world.now - 4 * _MINUTE
        ledger.rounds.begin(name, places, begun)
        for place in places:
            looked = sum(one.ref.place == place for one in told)
            ledger.rounds.reached(name, place, None, begun, looked=looked, found=0)
        ledger.rounds.finish(name, begun + _MINUTE)
    ledger.rounds.begin("catch-up:github", [_HOOK], world.now - 3 * _MINUTE)
    ledger.rounds.reached("catch-up:github", _HOOK, None, world.now - 3 * _MINUTE, looked=40, found=2)
    ledger.rounds.finish("catch-up:github", world.now - 2 * _MINUTE)


def _deliveries(ledger: Ledger, world: World) -> None:
    """Some deliveries of GitHub's that failed: most were asked for again and came, one has not yet."""
    dice = Random(f"{world.seed}/deliveries")  # noqa: S311 - a world, no secret
    for number in range(6):
        at = world.now - timedelta(hours=dice.randint(2, 60))
        guid = f"{dice.getrandbits(128):032x}"
        failed = Delivery(9_000_000 + number, guid, at, ok=False)
        ledger.rounds.note(_HOOK, [failed])
        ledger.rounds.asked(_HOOK, failed, at + 10 * _MINUTE, 30 * _MINUTE)
        if number:
            ledger.rounds.note(_HOOK, [Delivery(9_000_100 + number, guid, at + 12 * _MINUTE, ok=True, again=True)])


def _failures(told: Sequence[Told], world: World) -> list[Failure]:
    """One that time will mend, one that the issue's people can, one that only the admin can."""
    on_github = [one.ref for one in told if one.ref.tracker == "github"][-3:]
    now = world.now
    kinds = (
        (Kind.LATER, State.RETRYING, "GitHub answered 502 (Bad Gateway) three times", "", 11 * _MINUTE),
        (Kind.PEOPLE, State.RETRYING, "the issue is locked: nothing can be said there",
         "unlock the conversation, or let it be", timedelta(hours=5)),
        (Kind.ADMIN, State.DEAD, "GitHub answered 403: Resource not accessible by integration",
         "give the App the permission Issues: write, then `release-stages failed retry`", timedelta(days=2)),
    )  # fmt: skip
    return [
        Failure(
            ref, kind, state, reason, now - since, now - 3 * _MINUTE, tries=number + 3,
            strikes=3 if state is State.DEAD else 0,
            next_try=now + 6 * _MINUTE if state is State.RETRYING else None, step=step, told=kind is Kind.ADMIN,
        )
        for number, (ref, (kind, state, reason, step, since)) in enumerate(zip(on_github, kinds, strict=False))
    ]  # fmt: skip
