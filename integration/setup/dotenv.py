"""The file `.env`, in which the environment is kept: read it; set some of its variables, and leave all else as it is.

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
_WHOLE = re.compile(r"""(?:[^'"#]|'[^']*'|"(?:\\.|[^"\\])*")*""")  # a line up to its comment


class Unclear(Exception):
    """The file cannot be read as it was meant. The message names the line, and shows nothing of it."""


def variables(path: Path) -> dict[str, str]:
    """What the file sets. Raises `Unclear`, and `OSError`."""
    from honcho.environ import parse

    found: dict[str, str] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if set_by := _SETS.match(line):
            if why := _doubt(line):
                raise Unclear(f"{path}:{number} {set_by['name']}: {why}")
            found |= parse(line[set_by.start("name") :]) or {set_by["name"]: ""}
    return found


def _doubt(line: str) -> str:
    """Why nobody can tell what the line sets; empty where it is plain."""
    end = _WHOLE.match(line).end()  # type: ignore[union-attr]  # it matches anything
    if end == len(line) or (line[end] == "#" and line[end - 1].isspace()):
        return ""
    if line[end] == "#":
        return "a # begins a comment there, and the rest is not read; put the value in 'quotes'"
    return (
        "a quote is opened there that no quote on that line closes; write it on one line. A private key is better kept "
        "in a file of its own, which GITHUB_APP_PRIVATE_KEY_FILE names"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Unclear(f"{path} is not UTF-8; save it as UTF-8") from None


def keep(path: Path, values: Mapping[str, str]) -> None:
    """Set these variables in the file; it is made where there is none. Raises `OSError`, and `Unclear`.

    A variable that stands there is set where it stands, else below its commented example, else at the end.
    """
    real = path.resolve()
    lines = _text(real).splitlines() if real.exists() else []
    for name, value in values.items():
        lines = _with(lines, name, f"{name}={shlex.quote(value)}")
    write(real, "\n".join(lines) + "\n")


def sets(path: Path, name: str) -> bool:
    """Does the file set this variable to anything?"""
    lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
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
    kept = (directory / HERE).resolve()  # it may lead elsewhere
    try:
        for one in dict.fromkeys((directory, kept.parent)):
            draft = one / f".{secrets.token_hex(8)}"
            write(draft, "")
            draft.unlink()
        if kept.exists():
            variables(kept)
    except OSError as error:
        return f"nothing can be written in {one} ({error.strerror or error})"
    except Unclear as why:
        return str(why)
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
