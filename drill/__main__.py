"""`python -m drill`: runs a drill, prints what was done to the service and what came of it; exit code 1 on any miss."""

from __future__ import annotations

import shutil
import signal
import sys
from collections import Counter
from dataclasses import replace

import click

from drill.broken import FAULTS, FOUND_BY
from drill.orders import Orders
from drill.releases import FAULTS as OF_A_RELEASE
from drill.releases import NEXT, NoHistory
from drill.running import Outcome, run
from drill.upgrade import run as upgrade_run

_DEFAULT = Orders()
NO_HISTORY = 3  # exit code
HARD = Orders(issues=24, minutes=0.7, hard=True)
UPGRADE = Orders(issues=60, minutes=4)
SHORTEST = 1.5  # minutes, for all steps of an upgrade


@click.command(context_settings={"max_content_width": 100})
@click.option("--issues", default=None, type=int, help="Features; twenty deliveries for each. [500, hard: 24]")
@click.option("--minutes", default=None, type=float, help="How long people are at work. [7, hard: 0.7]")
@click.option("--seed", default=_DEFAULT.seed, show_default=True, help="What people do, and what goes wrong.")
@click.option("--workers", default=_DEFAULT.workers, show_default=True, help="Worker processes.")
@click.option("--postgres", is_flag=True, help="Keep the ledger in PostgreSQL.")
@click.option("--hard", is_flag=True, help="Short, thick with faults and deaths, and without sweeps.")
@click.option("--broken", type=click.Choice([*FAULTS, *OF_A_RELEASE]), help="A hard one with this fault put in: fails.")
@click.option("--upgrade", help="From the release `before` (or a revision) to ours; from ours to the `next`.")
@click.option("--prove", is_flag=True, help="A hard one, and one with each fault: succeeds when just these are found.")
def main(
    issues: int | None,
    minutes: float | None,
    seed: int,
    workers: int,
    postgres: bool,
    hard: bool,
    broken: str | None,
    upgrade: str | None,
    prove: bool,
) -> None:
    """Run the real service among faults, and look whether every promise was kept."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that whoever stops us leaves nothing running
    usual = HARD if hard or broken or prove else UPGRADE if upgrade else _DEFAULT
    orders = replace(
        usual,
        issues=issues or usual.issues,
        minutes=minutes or usual.minutes,
        seed=seed,
        workers=workers,
        postgres=postgres,
        upgrade=upgrade or "",
    )
    if prove:
        sys.exit(0 if proven(orders) else 1)
    outcome = drilled(replace(orders, broken=broken or ""))
    tell(outcome)
    sys.exit(1 if outcome.misses else 0)


def drilled(orders: Orders) -> Outcome:
    """One drill; ends with code 3 where the release of before cannot be had."""
    if orders.broken in OF_A_RELEASE:
        orders = replace(orders, upgrade=NEXT, minutes=max(orders.minutes, SHORTEST))
    try:
        return upgrade_run(orders, click.echo) if orders.upgrade else run(orders, click.echo)
    except NoHistory as missing:
        click.echo(f"No drill of an upgrade: {missing}", err=True)
        sys.exit(NO_HISTORY)


def proven(orders: Orders) -> bool:
    """Whether a hard drill fails for each fault that is put in, by the law that it breaks, and passes without."""
    found = {}
    for fault in ("", *FAULTS, *OF_A_RELEASE):
        outcome = drilled(replace(orders, broken=fault))
        tell(outcome)
        laws = {one.law for one in outcome.misses}
        found[fault] = bool(laws & set(FOUND_BY[fault])) if fault else not laws
    for fault, right in found.items():
        words = ("was found" if right else "was NOT found") if fault else ("passed" if right else "did NOT pass")
        click.echo(f"{fault or 'with no fault put in':<24} {words}")
    return all(found.values())


def tell(outcome: Outcome) -> None:
    """Print it; what the processes wrote is kept only where something was missed."""
    lines = [f"{name:<28} {value}" for name, value in outcome.figures.items()]
    lines += [
        "",
        "killed:",
        *_counted(outcome.kills),
        "",
        "faults of the trackers and of the post:",
        *_counted(outcome.faults),
    ]
    misses = Counter(one.law for one in outcome.misses)
    lines += ["", "misses:" if misses else "no miss: every promise was kept", *_counted(misses)]
    lines += [f"  {one}" for one in outcome.misses[:20]]
    for story in outcome.verdicts.stories.values():
        lines += ["", *story]
    click.echo("\n".join(lines))
    if outcome.misses:
        click.echo(f"\nWhat each process wrote is kept in {outcome.home}")
    else:
        shutil.rmtree(outcome.home, ignore_errors=True)


def _counted(counter: Counter[str]) -> list[str]:
    return [f"  {name:<44} {n:>7,}" for name, n in sorted(counter.items())]


if __name__ == "__main__":
    main()
