"""Known faults in what we install: pip-audit over the lock file, told apart from "could not be asked".

A found fault ends with 1. A service that cannot be reached, or that knows none of our packages, is said aloud and ends
with 0, so that `make lint` passes on a machine without a way out; with --strict it ends with 2, for a CI that has one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

LOCK = "requirements-dev.lock"  # all that is in requirements.lock stands in it, too
PATIENCE = 120  # seconds
CLEAN, FOUND, UNKNOWN = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Look, say what was found, answer with the exit code."""
    told = asked()
    outcome, lines = judged(told) if isinstance(told, list) else (UNKNOWN, [told])
    for line in lines:
        print(f"audit: {line}")
    if outcome == UNKNOWN:
        print(f"audit: {LOCK} was NOT audited in full; run `make audit` where the network lets you")
    return CLEAN if outcome == UNKNOWN and "--strict" not in arguments else outcome


def judged(told: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """The outcome for these packages, and a line for each fault that is known."""
    found = [(one, fault) for one in told for fault in one.get("vulns", ())]
    missed = [one["name"] for one in told if "skip_reason" in one]
    lines = [f"{one['name']} {one['version']} has {fault['id']}{_mended(fault)}" for one, fault in found]
    if missed:
        lines.append(f"{len(missed)} of {len(told)} packages could not be looked up, {missed[0]} first")
    elif not found:
        lines.append(f"nothing is known against the {len(told)} packages of {LOCK}")
    return FOUND if found else UNKNOWN if missed or not told else CLEAN, lines


def _mended(fault: dict[str, Any]) -> str:
    versions = ", ".join(fault.get("fix_versions", ()))
    return f", mended in {versions}: run `make lock`" if versions else ", and there is no mended version yet"


def asked() -> list[dict[str, Any]] | str:
    """What pip-audit says of each package, or why it said nothing."""
    command = [sys.executable, "-m", "pip_audit", "-r", LOCK, "--require-hashes", "--disable-pip", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return list(json.loads(done.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        return f"the service did not answer within {PATIENCE} seconds"
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return f"pip-audit could not ask ({said[0][:100]})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
