"""Every page's address. What shows it is imported when it is first asked for: the web starts without the ledger.

Who may ask for what stands beside the address: `needs`. That somebody asks, the door (`web/entrance`) has seen to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.web.entrance.visitors import Role
from integration.web.pages import records

if TYPE_CHECKING:
    from integration.web.pages.books import Books

NAV = (
    ("pages.board", "Board"),
    ("pages.parties", "Parties"),
    ("pages.reports", "Reports"),
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

    _parties(routes, books)
    _reports(routes, books)
    records.add(routes, books)
    return routes


def _parties(routes: Blueprint, books: Callable[[], Books]) -> None:
    @routes.get("/parties")
    def parties() -> ResponseReturnValue:
        from integration.web.pages import party

        return party.list_all(books())

    @routes.get("/party/<key>")
    def party(key: str) -> ResponseReturnValue:
        from integration.web.pages import party

        return party.show(books(), key)

    @routes.post("/party/<key>")
    def party_speak(key: str) -> ResponseReturnValue:
        from integration.web.pages import party

        return party.speak(books(), key)


def _reports(routes: Blueprint, books: Callable[[], Books]) -> None:
    @routes.get("/reports")
    def reports() -> ResponseReturnValue:
        asked = request.query_string.decode("ascii", "replace")
        return redirect(url_for(".reports_one", name="escapes") + (f"?{asked}" if asked else ""))

    @routes.get("/reports/<name>")
    def reports_one(name: str) -> ResponseReturnValue:
        from integration.web.pages import reports

        return reports.show(books(), name)

    @routes.get("/reports/<name>.csv")
    def reports_sheet(name: str) -> ResponseReturnValue:
        from integration.web.pages import reports

        return reports.sheet(books(), name)
