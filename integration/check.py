"""mappings.yaml from the disk: for the processes that need it, and for whoever asks what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from integration import custom
from integration.stages.mappings import Fault, Faulty, Mappings, read
from integration.stages.written import LARGEST


def load(path: Path) -> Mappings:
    """The file as objects. Raises `Faulty`, also when the file cannot be read at all."""
    return read(text_of(path), path.name or str(path))


def text_of(path: Path) -> str:
    """The file as it stands. Raises `Faulty` when it cannot be read."""
    name = path.name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise Faulty([_whole(name, f"there is no such file as {path}; MAPPINGS names the file to read")]) from None
    except OSError as wrong:
        raise Faulty([_whole(name, f"{path} cannot be read: {wrong.strerror or wrong}")]) from None
    if len(raw) > LARGEST:
        raise Faulty([_whole(name, f"the file is larger than {LARGEST // 1024} KB")])
    return _decoded(raw, name)


def check(path: Path) -> tuple[list[str], Mappings | None]:
    """The lines to print, one for each fault, and the mappings when there is none."""
    try:
        mappings = load(path)
    except Faulty as wrong:
        count = len(wrong.faults)
        end = f"{count} fault{'' if count == 1 else 's'}; a file with faults never takes effect"
        return [*(str(fault) for fault in wrong.faults), end], None
    notes = [
        f"note: no requirement named {name} is installed here; its rules cannot be judged before the package is"
        for name in custom.missing(mappings)
    ]
    return [f"{path.name} ({mappings.hash}) has no fault: {_summary(mappings)}", *notes], mappings


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        before = raw[: wrong.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        says = f"byte 0x{raw[wrong.start]:02x} is not UTF-8; save the file as UTF-8"
        raise Faulty([Fault(line, column, "", says, name)]) from None


def _whole(name: str, says: str) -> Fault:
    return Fault(1, 1, "", says, name)


def _summary(mappings: Mappings) -> str:
    counted = (
        (len(mappings.stages), "stage"),
        (len(mappings.parties), "party"),
        (len(mappings.sources), "source"),
        (len(mappings.rules), "rule"),
    )
    return ", ".join(f"{n} {word if n == 1 else {'party': 'parties'}.get(word, word + 's')}" for n, word in counted)
