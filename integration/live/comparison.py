"""What the comparisons with both trackers have in common: what they know, and what is asked alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from integration.live.asking import Asking
from integration.live.findings import Findings
from integration.stages.file.named import Named
from integration.stages.model import Ref
from integration.trackers.world import Account, Place, World

_MOST_LOOKED_AT = 5  # places in which it is looked for traces of people who use our account
_ALONE = "give the service an account of its own: what people write with it is never heard"


@dataclass(slots=True, kw_only=True)
class Comparison:
    """The file beside one tracker. `address` is where webhooks should lead to; `trusted` hosts that a rota may name.

    `last` is when the last delivery came, and `knows_last` whether that is known at all.
    """

    named: Named
    world: World
    ask: Asking
    found: Findings
    account: str  # the variable of the environment that names our account
    access: str  # how one gets access to a place
    address: str = ""
    last: datetime | None = None
    knows_last: bool = False
    trusted: Collection[str] = ()
    places: dict[str, Place] = field(default_factory=dict)
    there: dict[str, frozenset[str]] = field(default_factory=dict)  # place -> what can show stages, in small letters
    spelled: dict[str, None] = field(default_factory=dict)  # the same as it is written, of all places

    @property
    def called(self) -> str:
        """What people call the tracker."""
        return self.ask.called

    def me(self) -> Account | None:
        """Our account; None where we are not let in."""
        me = self.ask(self.account, self.world.me)
        if me:
            self.found.ok(self.account, f"we are signed in to {self.called} as {me.name}")
        return me

    def signs_of(self, place: str) -> frozenset[str] | None:
        """The names and ids of labels or statuses of a place; None where we may not know."""
        if place not in self.there:
            listed = self.ask(f"{self.called} {place}", partial(self.world.signs, place))
            if listed is None:
                return None
            self.spelled |= dict.fromkeys(one.name for one in listed)
            self.there[place] = frozenset(each for one in listed for each in (one.name.casefold(), one.id))
        return self.there[place]

    def used_by_people(self, me: Account) -> None:
        """Is our account one with which people work, too?"""
        if me.bot:
            return
        for place in list(self.places)[:_MOST_LOOKED_AT]:
            if traces := self.ask(f"{self.called} {place}", partial(self.world.used_by_people, place)):
                self.found.fault(self.account, f"people use the account {me.name}, too: {traces}", _ALONE)
                return
        self.found.ok(self.account, f"nothing shows that people use the account {me.name}, too")

    def digests(self, places: Iterable[tuple[str, str]]) -> None:
        """Are the places there to which digests go? `places` are those of this tracker: tracker and site."""
        for name in self.named.issues:
            ref = Ref.parse(name.text)
            if (ref.tracker, ref.site.casefold()) in places:
                cause = f"a digest goes to {name}, whose place is not there, or not for our account to see"
                absent = partial(self.found.fault, name, cause, self.access)
                self.ask.known(name, partial(self.world.place, ref.place), absent)
