"""What a command would do, as data: said first, and done only if that is what was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from integration.trackers import Gone, Refused, Unavailable

PAUSE = 1.0  # seconds between two changes: GitHub lets an account make 80 things a minute
PATIENCE = timedelta(minutes=10)  # so long we wait where a tracker asks us to


@dataclass(frozen=True, slots=True)
class Step:
    """One thing: `says` completes "would …" and "did …"; without `do`, it is as it should be already."""

    says: str
    do: Callable[[], object] | None = None
    error: str = ""  # why nobody can tell what is to be done there

    @classmethod
    def failed(cls, place: str, error: Exception) -> Step:
        """A place that could not be looked at."""
        return cls(place, error=str(error))


@dataclass(frozen=True, slots=True)
class Told:
    """A line for people. `failed` where something could not be done."""

    line: str
    failed: bool = False


def carried_out(steps: Iterable[Step], apply: bool) -> Iterator[Told]:
    """Each step, said; and with `apply`, done. What fails is told, and the next one is tried all the same."""
    done = 0
    for step in steps:
        if step.error:
            yield Told(f"  FAILED  {step.says}: {step.error}", failed=True)
        elif step.do is None:
            yield Told(f"  ok      {step.says}")
        elif not apply:
            yield Told(f"  would   {step.says}")
        else:
            if done:
                time.sleep(PAUSE)
            done += 1
            yield _tried(step, step.do)


def _tried(step: Step, do: Callable[[], object]) -> Told:
    try:
        patiently(do)
    except (Refused, Gone, Unavailable) as error:
        return Told(f"  FAILED  {step.says}: {error}", failed=True)
    return Told(f"  done    {step.says}")


def patiently(do: Callable[[], object]) -> object:
    """Do it; where the tracker asks us to wait, wait, and do it then. What may have taken effect is not repeated."""
    ends = datetime.now(UTC) + PATIENCE
    while True:
        try:
            return do()
        except Unavailable as error:
            again = error.retry_at
            if again is None or again > ends or error.unknown:
                raise
            time.sleep(max((again - datetime.now(UTC)).total_seconds(), 0.1))
