"""The addresses of what is on record: the audit, evidence, the rules and their what-ifs, operations, metrics.

A part of `routes.py`, and like there: what shows a page is imported when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from integration.web.entrance.visitors import Role, needs

if TYPE_CHECKING:
    from integration.web.pages.books import Books

    Opened = Callable[[], Books]


def add(routes: Blueprint, books: Opened) -> None:
    """All of them."""
    _audit(routes, books)
    _evidence(routes, books)
    _mappings(routes, books)
    _operations(routes, books)
    _metrics(routes, books)


def _audit(routes: Blueprint, books: Opened) -> None:
    @routes.get("/audit")
    def audit() -> ResponseReturnValue:
        from integration.web.pages import audit

        return audit.show(books())

    @routes.get("/audit/anchors")
    def audit_anchors() -> ResponseReturnValue:
        from integration.web.pages import audit

        return audit.anchors(books())

    @routes.get("/audit.csv")
    def audit_csv() -> ResponseReturnValue:
        from integration.web.pages import audit

        return audit.as_csv(books())

    @routes.get("/audit.jsonl")
    def audit_json() -> ResponseReturnValue:
        from integration.web.pages import audit

        return audit.as_json(books())


def _evidence(routes: Blueprint, books: Opened) -> None:
    @routes.get("/audit/evidence")
    def audit_evidence() -> ResponseReturnValue:
        from integration.web.pages import evidence

        return evidence.of_period(books())

    @routes.get("/feature/<path:ref>/evidence")
    def feature_evidence(ref: str) -> ResponseReturnValue:
        from integration.web.pages import evidence

        return evidence.of_feature(books(), ref)


def _mappings(routes: Blueprint, books: Opened) -> None:
    @routes.get("/mappings")
    def mappings() -> ResponseReturnValue:
        from integration.web.pages import mappings

        return mappings.show(books())

    @routes.get("/mappings/health")
    def mappings_health() -> ResponseReturnValue:
        from integration.web.pages import mappings

        return mappings.health(books())

    @routes.get("/mappings/what-if")
    @needs(Role.MEMBER)
    def mappings_what_if() -> ResponseReturnValue:
        from integration.web.pages import what_if

        return what_if.ask(books())

    @routes.post("/mappings/what-if")
    @needs(Role.MEMBER)
    def mappings_what_if_begin() -> ResponseReturnValue:
        from integration.web.pages import what_if

        return what_if.begin(books())

    @routes.get("/mappings/what-if/<id>")
    @needs(Role.MEMBER)
    def mappings_what_if_one(id: str) -> ResponseReturnValue:
        from integration.web.pages import what_if

        return what_if.show(books(), id)

    @routes.get("/mappings/what-if/<id>.json")
    @needs(Role.MEMBER)
    def mappings_what_if_json(id: str) -> ResponseReturnValue:
        from integration.web.pages import what_if

        return what_if.as_json(books(), id)

    @routes.get("/mappings/<version>")
    def mappings_version(version: str) -> ResponseReturnValue:
        from integration.web.pages import mappings

        return mappings.show_version(books(), version)


def _operations(routes: Blueprint, books: Opened) -> None:
    @routes.get("/operations")
    @needs(Role.ADMIN)
    def operations() -> ResponseReturnValue:
        from integration.web.pages import operations

        return operations.show(books())

    @routes.post("/operations/<any(retry, drop, release):act>")
    @needs(Role.ADMIN)
    def operations_act(act: str) -> ResponseReturnValue:
        from integration.web.pages import operations

        return {"retry": operations.retry, "drop": operations.drop, "release": operations.release}[act](books())


def _metrics(routes: Blueprint, books: Opened) -> None:
    @cache
    def answer() -> Callable[[], Response]:
        from integration.web.metrics import Figures, answering

        opened = books()
        return answering(opened.settings, Figures(opened.inbox, opened.what_ifs, lambda: opened.ledger))

    @routes.get("/metrics")
    def metrics() -> ResponseReturnValue:
        """No visitor asks for it: it has a guard of its own."""
        return answer()()
