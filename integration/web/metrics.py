"""/metrics for Prometheus: how the service stands, in figures. Never a ref, a title or a person.

What cannot be told is left out, and `release_stages_up{part=…}` is 0 then: with Redis or the ledger away, the rest is
told all the same. Every figure is of what all processes share, so it does not matter which of them answers.

It has a guard of its own, as no visitor asks: METRICS_TOKEN; or, where none is set, whoever sits at this machine.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import structlog
from flask import Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from integration.memory.away import Away
from integration.memory.database import LedgerAway, Unreadable
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.memory.what_ifs import WhatIfs
from integration.settings import Settings
from integration.web.entrance.door import is_at_this_machine

_P = "release_stages"

log = structlog.get_logger(__name__)


def answering(settings: Settings, collector: Collector) -> Callable[[], Response]:
    """What answers a request."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)

    def answer() -> Response:
        if not may_ask(settings.metrics_token):
            fix = "send METRICS_TOKEN as a bearer token" if settings.metrics_token else "set METRICS_TOKEN"
            refusal = Response(f"not for everybody: {fix}; docs/operations.md tells how\n", 401, mimetype="text/plain")
            refusal.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
            return refusal
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return answer


def may_ask(token: str) -> bool:
    """With a token set, it alone counts: a proxy at this machine would lend its address to everybody."""
    if not token:
        return is_at_this_machine()
    kind, _, said = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(said.strip().encode(), token.encode())


class Figures(Collector):
    """Asks Redis and the ledger at each scrape. `ledger` opens it when it is first asked for."""

    def __init__(self, inbox: Inbox, what_ifs: WhatIfs, ledger: Callable[[], Ledger]) -> None:
        self._inbox, self._what_ifs, self._ledger = inbox, what_ifs, ledger

    def collect(self) -> Iterable[Metric]:
        """All that can be told now."""
        up = _gauge("up", "1 where this part answers", ("part",))
        for part, told in (("redis", self._of_redis), ("ledger", self._of_ledger)):
            found, is_up = self._asked(part, told)
            up.add_metric([part], is_up)
            yield from found
        yield up

    @staticmethod
    def _asked(part: str, told: Callable[[datetime], Iterator[Metric]]) -> tuple[list[Metric], int]:
        """Nothing of a part that went away in the midst of it: half a truth would look like a change."""
        try:
            return list(told(datetime.now(UTC))), 1
        except (Away, LedgerAway, Unreadable):
            return [], 0
        except Exception as error:
            log.error("a part of the metrics could not be told", part=part, exc_info=error)
            return [], 0

    # --- Redis ----------------------------------------------------------------------------------------------------

    def _of_redis(self, now: datetime) -> Iterator[Metric]:
        inbox = self._inbox
        oldest = inbox.oldest(now)
        yield _one("waiting", "Issues that wait or are being looked at", inbox.depth())
        yield _one("ready", "Those of them that are not put off", inbox.ready(now))
        yield _one(
            "oldest_waiting_seconds", "How long the longest waiting one has waited",
            oldest.total_seconds() if oldest else 0,
        )  # fmt: skip
        yield _one("workers", "Threads that work, and have given a sign of life lately", inbox.workers_seen())
        yield _one("what_ifs_waiting", "What-ifs of the pages that wait", self._what_ifs.waiting())
        yield _one("held_causes", "Causes whose acts the breaker holds", len(inbox.breaker.held()))
        yield from self._deliveries()
        yield from self._budgets(now)

    def _deliveries(self) -> Iterator[Metric]:
        ever = self._inbox.arrivals.ever()
        if ever is not None:
            yield CounterMetricFamily(f"{_P}_deliveries", "Deliveries that asked for something", value=ever)
        last = _gauge("last_delivery_timestamp_seconds", "When the last delivery of a tracker came", ("tracker",))
        for tracker, at in sorted(self._inbox.last_deliveries().items()):
            last.add_metric([tracker], at.timestamp())
        yield last

    def _budgets(self, now: datetime) -> Iterator[Metric]:
        used = _gauge("budget_used", "What is used up of what a tracker allows", ("account", "budget"))
        limit = _gauge("budget_limit", "What of it we use at most", ("account", "budget"))
        for one in self._inbox.budgets.used(now):
            used.add_metric([one.account, one.kind], one.used)
            limit.add_metric([one.account, one.kind], one.limit)
        rests = _gauge("resting_seconds", "How long a tracker wants all of us to wait yet", ("account",))
        for rest in self._inbox.budgets.rests():
            rests.add_metric([rest.account], max(0.0, (rest.until - now).total_seconds()))
        yield from (used, limit, rests)

    # --- the ledger -----------------------------------------------------------------------------------------------

    def _of_ledger(self, now: datetime) -> Iterator[Metric]:
        ledger = self._ledger()
        found = ledger.census.figures()
        yield _many("features", "Open features in each stage", "stage", found.stages)
        asked = {
            "asked": found.asked, "blocked": found.blocked, "disagree": found.disagree, "awaited": found.awaited,
            "owing": found.owing,
        }  # fmt: skip
        yield _many("features_open", "Open features of which something is to be said", "state", asked)
        yield CounterMetricFamily(f"{_P}_entries", "Entries of the ledger", value=found.entries)
        states = {"retrying": 0, "dead": 0, "dropped": 0} | found.failures
        yield _many("failures", "What could not be done", "state", states)
        if found.anchored is not None:
            yield _one("last_anchor_timestamp_seconds", "The day of the last anchor", found.anchored.timestamp())
        yield from _rounds(ledger)


def _rounds(ledger: Ledger) -> Iterator[Metric]:
    finished = _gauge("round_finished_timestamp_seconds", "When a round over a tracker was last done", ("round",))
    hindered = _gauge("round_hindered", "1 where something keeps a round from its work", ("round",))
    for one in ledger.rounds.stand():
        if one.finished_at:
            finished.add_metric([one.name], one.finished_at.timestamp())
        hindered.add_metric([one.name], int(bool(one.hindrance)))
    yield from (finished, hindered)


def _gauge(name: str, says: str, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_P}_{name}", says, labels=labels)


def _one(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_P}_{name}", says, value=value)


def _many(name: str, says: str, label: str, values: dict[str, int]) -> Metric:
    family = _gauge(name, says, (label,))
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
