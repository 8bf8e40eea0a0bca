"""What releases read of one another while two of them work side by side: entries in the ledger, names in Redis."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import typing
from collections.abc import Iterator
from types import UnionType
from typing import Any

from redis import Redis
from rq.job import Job

from integration.memory.inbox import QUEUE, Inbox
from integration.memory.migrations import all_versions
from integration.stages.entries import Entry
from integration.stages.model import Ref

APP = Ref.parse("acme/app#12")

# Version of the tables -> how entries look since. An older release cannot read a kind, a field without a default or a
# value that it does not know. Who changes that makes a new version of the tables that names itself in
# `compatible_since`, and a new line here; for a field with a default a new digest in the last line is enough.
ENTRIES_SINCE = {"0006": "4a7c240d31b0"}


def parts(kind: Any, known: set[Any]) -> Iterator[str]:
    """All that an entry may hold, in words: fields with their types, values of enumerations."""
    if kind in known:
        return
    known.add(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        for one in dataclasses.fields(kind):
            yield f"{kind.__name__}.{one.name}: {hints[one.name]}"
            yield from parts(hints[one.name], known)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        yield f"{kind.__name__}: {sorted(str(one.value) for one in kind)}"
    elif isinstance(kind, UnionType) or typing.get_origin(kind):
        for one in typing.get_args(kind):
            yield from parts(one, known)


def test_entries_look_as_releases_since_the_named_version_can_read_them() -> None:
    lines = sorted(parts(Entry, set()))
    since = max(ENTRIES_SINCE)
    assert len(lines) > 100
    assert since in all_versions()
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    assert ENTRIES_SINCE[since] == digest, "entries look otherwise now: see above, and docs/upgrading.md"


def test_what_waits_in_redis_has_the_names_that_other_releases_know(redis_client: Redis) -> None:
    inbox = Inbox(redis_client)
    inbox.hint(APP)
    (id,) = redis_client.lrange(f"rq:queue:{QUEUE}", 0, -1)
    job = Job.fetch(id.decode(), connection=redis_client, serializer="json")
    assert (job.func_name, job.args, job.kwargs) == ("workers.jobs.reconcile", ["github:acme/app#12"], {})
    assert job.retries_left == 3, "a worker of a release whose jobs RQ tries again finds how often"
    assert redis_client.zrange("release-stages:dirty", 0, -1) == [b"github:acme/app#12"]
    run = inbox.begin(APP)
    assert run
    assert redis_client.get("release-stages:lock:github:acme/app#12") == run.token.encode()
    inbox.later(APP, run.since)
    kept = {key.decode().removeprefix("release-stages:") for key in redis_client.keys("release-stages:*")}
    ends_by_itself = {"looks:github:acme/app#12"}  # and others do not ask for it
    assert kept - ends_by_itself == {"counter", "dirty", "generation", "later", "lock:github:acme/app#12", "patience"}
