"""The file `.env`, in which the environment is kept: set some of its variables, and leave all else as it is.

It holds secrets: it is written for its owner alone, and as a whole or not at all.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

HERE = Path(".env")  # where the command reads it
_SETS = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=")
_SHOWS = re.compile(r"#\s*(?P<name>[A-Z][A-Z0-9_]*)=")  # an example that was commented out


def keep(path: Path, values: Mapping[str, str]) -> None:
    """Set these variables in the file; it is made where there is none. Raises `OSError`.

    A variable that stands there is set where it stands, else below its commented example, else at the end.
    """
    real = path.resolve()
    lines = real.read_text("utf-8").splitlines() if real.exists() else []
    for name, value in values.items():
        lines = _with(lines, name, f"{name}={shlex.quote(value)}")
    write(real, "\n".join(lines) + "\n")


def sets(path: Path, name: str) -> bool:
    """Does the file set this variable to anything?"""
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    found = [line.partition("=")[2].strip() for line in lines if _named(_SETS, line) == name]
    return bool(found and found[-1].strip("'\""))


def write(path: Path, text: str) -> None:
    """Write a file for its owner alone (mode 600), so that others see the old one or the new one. Raises `OSError`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def why_not(directory: Path) -> str:
    """Why nothing can be kept there; empty where it can. Found out by trying, before anything depends on it."""
    draft = directory / f".{secrets.token_hex(8)}"
    try:
        write(draft, "")
        draft.unlink()
    except OSError as error:
        return f"nothing can be written in {directory} ({error.strerror or error})"
    return ""


def _with(lines: list[str], name: str, line: str) -> list[str]:
    """The lines, with this one for the variable: of several that set it, the last counts, and the others go."""
    places = [number for number, one in enumerate(lines) if _named(_SETS, one) == name]
    if places:
        lines = [line if number == places[-1] else one for number, one in enumerate(lines)]
        return [one for number, one in enumerate(lines) if number not in places[:-1]]
    shown = next((number for number, one in enumerate(lines) if _named(_SHOWS, one) == name), None)
    return [*lines, line] if shown is None else [*lines[: shown + 1], line, *lines[shown + 1 :]]


def _named(form: re.Pattern[str], line: str) -> str:
    found = form.match(line)
    return found["name"] if found else ""
