"""Every page's address. What shows it is imported when it is first asked for: the web starts without the ledger.

Who may ask for what stands beside the address: `needs`. That somebody asks, the door (`web/entrance`) has seen to.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue

from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.web.entrance.visitors import Role
from integration.web.pages import records

if TYPE_CHECKING:
    from integration.web.pages.books import Books

NAV = (
    ("pages.board", "Board"),
    ("pages.audit", "Audit"),
    ("pages.mappings", "Mappings"),
    ("pages.operations", "Operations"),
    ("standing.status", "Status"),
)
"""What stands at the top of each page: the endpoint, and its name."""
FOR_ADMINS = frozenset({"pages.operations"})


def nav() -> tuple[tuple[str, str], ...]:
    """What of it is there for whoever asks."""
    visitor = g.get("visitor")
    return tuple(one for one in NAV if one[0] not in FOR_ADMINS or (visitor and visitor.role is Role.ADMIN))


def pages(settings: Settings, inbox: Inbox) -> Blueprint:
    """All of them."""
    routes = Blueprint("pages", __name__)

    @cache
    def books() -> Books:
        from integration.web.pages import shown
        from integration.web.pages.books import Books

        shown.install(current_app)
        return Books(settings, inbox)

    @routes.errorhandler(Exception)
    def failed(error: Exception) -> ResponseReturnValue:
        from integration.web.pages import trouble

        return trouble.show(error)

    @routes.get("/")
    def board() -> ResponseReturnValue:
        from integration.web.pages import board

        return board.show(books())

    @routes.get("/feature/<path:ref>")
    def feature(ref: str) -> ResponseReturnValue:
        from integration.web.pages import feature

        return feature.show(books(), ref)

    @routes.post("/feature/<path:ref>/check")
    def feature_check(ref: str) -> ResponseReturnValue:
        from integration.web.pages import feature

        return feature.check(books(), ref)

    records.add(routes, books)
    return routes
