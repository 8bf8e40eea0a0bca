"""What a drill is asked to do: how many features, how long, with which seed, and what is broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass

DELIVERIES_EACH = 20
_SWEPT_EVERY, _NEVER = 20.0, 3600.0  # seconds


@dataclass(frozen=True)
class Orders:
    """One drill. `minutes` is how long people are at work.

    A `hard` one is short and thick with faults and deaths, and has no sweep beneath it: it is there to find what
    `broken` names, a fault that is put into the worker, and nothing where none is put in.
    """

    issues: int = 500
    minutes: float = 7.0
    seed: int = 4
    workers: int = 2
    postgres: bool = False
    hard: bool = False
    broken: str = ""
    upgrade: str = ""  # from this release (`before`, or a revision) to ours; `next`: from ours to one of after

    @property
    def seconds(self) -> float:
        """How long people are at work."""
        return self.minutes * 60

    @property
    def deliveries(self) -> int:
        """So many deliveries are sent at least."""
        return self.issues * DELIVERIES_EACH

    @property
    def bears(self) -> int:
        """While more features wait than this, people pause: a slow machine has its own drill."""
        return max(50, self.issues // 4)

    @property
    def patience(self) -> float:
        """Seconds that the service may take to come to rest when all faults are over."""
        return 100.0 if self.hard else 400.0

    @property
    def swept_every(self) -> float:
        """Seconds between two sweeps."""
        return _NEVER if self.hard else _SWEPT_EVERY

    def __str__(self) -> str:
        where = "PostgreSQL" if self.postgres else "SQLite"
        broken = f", broken on purpose: {self.broken}" if self.broken else ""
        upgrade = f", an upgrade: {self.upgrade}" if self.upgrade else ""
        return (
            f"seed {self.seed}: {self.issues} features, {self.deliveries:,} deliveries or more, "
            f"people at work for {self.minutes:g} minutes, {self.workers} workers, {where}{broken}{upgrade}"
        )
