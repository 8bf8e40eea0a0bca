"""How many deliveries a second are received on one core, each one written to Redis before it is answered?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from redis import Redis

from bench import deliveries, load, machine, peers, service
from bench.report import Goal, Section, Table, median, spread

OURS = "Release Stages, written to Redis"
LOGGED = "Release Stages, a line in the log for each, too"
ONE_CORE = "Release Stages, Redis on the same core"

_ROUND = count(1)
Measured = dict[str, list[load.Loaded]]


def measure(quick: bool) -> Section:
    """Each server in turn, round after round; then what was accepted is looked for in Redis."""
    section = Section(
        "Receive",
        f"A signed `issues.labeled` of {deliveries.SIZE / 1000:.1f} KB, {load.CONNECTIONS} kept connections, an id of "
        f"its own for each, {deliveries.ISSUES} issues. Each server has one core; the load and Redis (AOF, each write "
        "on the disk before the answer) have the other. Everyone checks the signature and parses. Median of the "
        "rounds, least and most behind it.",
    )
    rounds, seconds = (1, 2.0) if quick else (4, 4.0)
    found: Measured = defaultdict(list)
    lost: list[str] = []
    with machine.home() as home:
        requests = home / "requests"
        deliveries.write_down(requests, service.PATH, range(1, deliveries.ISSUES + 1))
        peers_there = [peer for peer in peers.ALL if _is_there(peer, section)]
        for _ in range(rounds):
            for name, one in _turns(peers_there, requests, seconds, lost):
                found[name].append(one())
    _tell(section, found, lost)
    return section


def _is_there(peer: peers.Peer, section: Section) -> bool:
    try:
        peers.there(peer)
    except peers.Missing as why:
        section.notes.append(f"{peer.name} is left out: {why}.")
        return False
    return True


def _turns(
    beside: list[peers.Peer], requests: Path, seconds: float, lost: list[str]
) -> Iterator[tuple[str, Callable[[], load.Loaded]]]:
    """One round: ours and theirs, in turn."""
    yield OURS, lambda: ours(requests, seconds, lost)
    for peer in beside:
        yield peer.name, lambda peer=peer: theirs(peer, requests, seconds)  # type: ignore[misc]
    yield LOGGED, lambda: ours(requests, seconds, lost, level="INFO")
    yield ONE_CORE, lambda: ours(requests, seconds, lost, redis_core=machine.SERVER_CORE)


def ours(
    requests: Path,
    seconds: float,
    lost: list[str],
    level: str = "WARNING",
    redis_core: frozenset[int] = machine.LOAD_CORE,
) -> load.Loaded:
    """One round of ours, warmed up; then Redis is killed and must still know all that was accepted."""
    with service.installed(level) as house:
        with machine.redis_running(redis_core, house.home / "redis") as (redis, child):
            with house.process("web", machine.SERVER_CORE):
                warm = load.flat_out(house.port, requests, 1, next(_ROUND))
                found = load.flat_out(house.port, requests, seconds, next(_ROUND))
            lost += _missing(redis, warm.good + found.good, "right after")
            child.popen.kill()
            child.popen.wait()
        with machine.redis_running(redis_core, house.home / "redis") as (redis, _):
            lost += _missing(redis, warm.good + found.good, "after Redis was killed and started again")
    return found


def _missing(redis: Redis, accepted: int, when: str) -> list[str]:
    """What was accepted and is not there; the load stops in the midst of some, so there may be more."""
    kept, issues = service.kept(redis), service.waiting(redis)
    told = [] if kept >= accepted else [f"{accepted - kept} of {accepted} accepted deliveries are not in Redis {when}"]
    return told + ([] if issues == deliveries.ISSUES else [f"{issues} of {deliveries.ISSUES} issues wait {when}"])


@contextmanager
def beside(peer: peers.Peer) -> Iterator[int]:
    """A peer on the server's core, with a Redis of its own where it needs one; its port."""
    with machine.home() as home:
        if not peer.stores:
            with peer.running(machine.SERVER_CORE) as (port, _):
                yield port
            return
        with (
            machine.redis_running(machine.LOAD_CORE, home / "redis"),
            peer.running(machine.SERVER_CORE, redis=machine.redis_url(home / "redis")) as (port, _),
        ):
            yield port


def theirs(peer: peers.Peer, requests: Path, seconds: float) -> load.Loaded:
    """One round of a peer, warmed up."""
    with beside(peer) as port:
        load.flat_out(port, requests, 1, next(_ROUND))
        return load.flat_out(port, requests, seconds, next(_ROUND))


def _tell(section: Section, found: Measured, lost: list[str]) -> None:
    ours = median([one.rate for one in found[OURS]])
    rows = []
    for name, rounds in found.items():
        rates = [one.rate for one in rounds]
        bad = sum(one.bad for one in rounds)
        rows.append(
            (name, spread(rates), f"{ours / median(rates):.2f}", f"{median([one.p99 for one in rounds]):.1f}", str(bad))
        )
    section.tables.append(Table(("server", "deliveries/s", "ours / it", "p99 ms", "not accepted"), rows))
    for peer, least in ((peers.PROBOT, 1.0), (peers.GIDGETHUB, 1.0), (peers.FLASK, 5.0)):
        theirs = median([one.rate for one in found[peer.name]]) if peer.name in found else None
        ratio = f"{ours / theirs:.2f} ({ours:,.0f} / {theirs:,.0f})" if theirs else "not installed"
        goal = f"at least {least:.0f}x" + (" (aim 1.5x)" if least == 1 else "")
        met = ours / theirs >= least if theirs else None
        section.goals.append(Goal(f"receive, against {peer.name}", goal, ratio, met))
    kept = Goal("receive: accepted is kept, over a kill of Redis", "all", lost[0] if lost else "all", not lost)
    section.goals.append(kept)
    section.notes += [f"Lost: {each}." for each in lost]
