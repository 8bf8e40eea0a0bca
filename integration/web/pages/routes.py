"""Every page's address. What shows it is imported when it is first asked for: the web starts without the ledger.

Who may ask for what stands beside the address: `needs`. That somebody asks, the door (`web/entrance`) has seen to.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from integration.memory.inbox import Inbox
from integration.settings import Settings

if TYPE_CHECKING:
    from integration.web.pages.books import Books

NAV = (("pages.board", "Board"), ("standing.status", "Status"))
"""What stands at the top of each page: the endpoint, and its name."""


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

    return routes
