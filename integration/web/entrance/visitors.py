"""Who asks, as pages know them: `current()` is the visitor of this request, `needs` keeps a route to some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import wraps
from typing import Any, Literal, ParamSpec

from flask import current_app, g, make_response, render_template
from flask.typing import ResponseReturnValue
from werkzeug import Response

from integration.stages.model import Ref

P = ParamSpec("P")
WHOM_TO_ASK = "release-stages whom to ask"  # in the application's config: who the admins are, in words


class Role(IntEnum):
    """What somebody may do; each may do what those before it may."""

    READER = 1
    MEMBER = 2  # speaks for a party
    ADMIN = 3


_CALLED = {Role.READER: "may read", Role.MEMBER: "speaks for a party", Role.ADMIN: "is an admin"}
_FOR = {
    Role.READER: "those who are signed in",
    Role.MEMBER: "those who speak for a party of mappings.yaml",
    Role.ADMIN: "admins",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was let in. `places` are refs without their number ("github:acme/app"); None means all."""

    id: str  # the same person's for ever: "github:4711"
    name: str
    handle: str  # the login by which the tracker or the provider knows them; it may change
    role: Role
    parties: frozenset[str]  # keys of mappings.yaml's parties for which they speak
    how: Literal["github", "openid", "proxy", "open"]
    places: frozenset[str] | None
    email: str = ""  # only one that the provider has verified

    def may_see(self, ref: Ref) -> bool:
        """Whether this issue's feature is shown to them."""
        return self.places is None or ref.of_place in self.places

    def speaks_for(self, party: str) -> bool:
        """Whether their word counts as that party's."""
        return party in self.parties


def current() -> Visitor:
    """Who asks now. There is always somebody behind the door; on the few routes before it this raises."""
    found = g.get("visitor")
    if not isinstance(found, Visitor):
        raise LookupError("nobody passed the door on this route")
    return found


def needs(role: Role) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Keeps a route to those who have this role; others get a page that says why, and whom to ask."""

    def wrap(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            return view(*args, **kwargs) if current().role >= role else _not_for(role, current())

        guarded.needs = role  # type: ignore[attr-defined]
        return guarded

    return wrap


def _not_for(role: Role, who: Visitor) -> Response:
    why = f"It is for {_FOR[role]}. {who.name} {_CALLED[who.role]}."
    return refusal("This page is not for you", why, f"If you need it, ask {current_app.config[WHOM_TO_ASK]}.")


def refusal(title: str, why: str, fix: str, status: int = 403, again: str = "", **more: Any) -> Response:
    """The page for whoever is not let in or on: why, what to do, and where to try again."""
    answer = make_response(render_template("refused.html", title=title, why=why, fix=fix, again=again, **more))
    answer.status_code = status
    return answer
