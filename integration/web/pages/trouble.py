"""What a page says when it cannot be shown: the ledger is away, there is no such thing, or something went wrong."""

from __future__ import annotations

import structlog
from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from integration.memory.away import Away
from integration.memory.database import LedgerAway, Unreadable
from integration.web.entrance.visitors import refusal

log = structlog.get_logger(__name__)

_SAYS = {
    400: ("That cannot be asked so", "Go back, and try it another way."),
    404: ("There is nothing here", "The board lists all that is shown to you."),
    405: ("Not in this way", "Go back, and use the page's own buttons."),
}

_UNSAID = {404: "It may have moved, or it is not shown to you."}


def show(error: Exception) -> ResponseReturnValue:
    """The page for it; what nobody has foreseen is in the log."""
    if isinstance(error, HTTPException):
        if error.response is not None:
            raise error
        title, fix = _SAYS.get(error.code or 500, ("That did not work", "Try it again."))
        why = _why(error)
        return refusal(title, why or _UNSAID.get(error.code or 500, ""), fix, error.code or 500)
    if isinstance(error, LedgerAway):
        return refusal("The ledger is away", "The database does not answer.", "It is tried again with each page.", 503)
    if isinstance(error, Unreadable):
        return refusal("The ledger cannot be read", f"{error}.", "docs/upgrading.md tells what to do.", 503)
    if isinstance(error, Away):
        return refusal("Redis is away", f"{error}.", "Nothing was changed. Try it again when it is there.", 503)
    log.error("unexpected error", method=request.method, path=request.path, exc_info=error)
    return refusal("Something unexpected went wrong", "The log says what.", "Try it again, or tell an admin.", 500)


def _why(error: HTTPException) -> str:
    """What the page itself has said about it; not werkzeug's own text."""
    own = error.description and error.description != type(error).description
    if not own and error.code == 404:
        return "It may have moved, or it is not shown to you."
    return str(error.description) if own else ""
