"""One way to log for every process: a line for people on a terminal, JSON elsewhere, and never a secret in either."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
import structlog

from integration.settings import JiraSettings, Settings

HIDDEN = "•••"
_SHORTEST = 4  # a shorter one would hide half of every line
_SHORTEST_PART = 8  # of an address's parts other than its password: `user` and `hooks` are words of many lines


class Mask:
    """Replaces every secret in a line, in each of the spellings in which it may get there."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {way for secret in secrets for way in _spellings(secret) if len(way) >= _SHORTEST}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, line: str) -> str:
        """The line without them."""
        return self._pattern.sub(HIDDEN, line) if self._pattern else line


def set_up(settings: Settings) -> None:
    """Make structlog and the standard library's loggers speak alike: coloured for a terminal, else JSON."""
    for_people = _for_people(settings)
    steps = _steps()
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_Masking(Mask(secrets_of(settings)), steps, for_people))
    logging.root.handlers = [lines]
    logging.root.setLevel(settings.log_level)
    for chatty in ("alembic", "rq"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _log_the_end


def _for_people(settings: Settings) -> bool:
    return sys.stderr.isatty() or settings.force_color  # `run` sets it when a person watches the pipe


def brief(settings: Settings, logger: str) -> Callable[..., None]:
    """For lines of which there may be thousands a second: tells an event at level info, as the log does otherwise.

    Where lines go to a machine, one is made in a single step and without structlog, in a tenth of the time.
    """
    if _for_people(settings) or logging.getLevelName(settings.log_level) != logging.INFO:
        told: Callable[..., None] = structlog.get_logger(logger).info
        return told
    mask, always = Mask(secrets_of(settings)), {"level": "info", "logger": logger}

    def tell(event: str, **fields: Any) -> None:
        line = msgspec.json.encode(fields | {"event": event} | always | {"timestamp": datetime.now(UTC)})
        sys.stderr.write(mask(line.decode()) + "\n")

    return tell


def secrets_of(settings: object) -> Iterator[str]:
    """Every secret value of the settings: their fields that `repr` hides, and of URLs the password."""
    if isinstance(settings, JiraSettings) and settings.api_token:
        yield base64.b64encode(f"{settings.email}:{settings.api_token}".encode()).decode()
    if not is_dataclass(settings):
        return
    for each in fields(settings):
        value = getattr(settings, each.name)
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part):
                yield from secrets_of(part)
            elif not each.repr:
                yield from _secret_parts(part)


def _secret_parts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (part for addresses in value.values() for address in addresses for part in _of_apprise(address))
    elif isinstance(value, bytes):
        yield from (value.hex(), base64.b64encode(value).decode(), value.decode("utf-8", "replace"))
    elif isinstance(value, str) and "://" in value:
        yield urlsplit(value).password or ""
    elif isinstance(value, str):
        yield value


def _of_apprise(address: str) -> Iterator[str]:
    """An Apprise address and what may be a secret in it: each service has its keys elsewhere, and in other words.

    Not `urlsplit`: where it sees a host, a port or a fragment, some have a token.
    """
    rest, _, query = address.partition("://")[2].partition("?")
    place, *path = rest.split("/")
    login, _, host = place.rpartition("@")
    user, _, password = login.partition(":")
    yield from (address, password, unquote(password))
    if password:
        yield base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    tokens = [part for part in host.split(":") if "." not in part and part.casefold() != "localhost"]
    pairs = [pair.partition("=") for pair in query.split("&")]
    values = [value for key, _, value in pairs if key.casefold() != "format"]  # markdown: no secret, and in many lines
    for part in (user, *tokens, *path, *values):
        yield from (one for one in {part, unquote(part), *unquote(part).split("/")} if len(one) >= _SHORTEST_PART)


def _spellings(secret: str) -> Iterator[str]:
    """As it is, as JSON and `repr` write it, as a URL does; of a key in PEM also each line alone."""
    yield from (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe=""), unquote(secret))
    if "\n" in secret:
        yield from (line for line in secret.splitlines() if len(line) > 16 and not line.startswith("-----"))


class _Masking(structlog.stdlib.ProcessorFormatter):
    def __init__(self, mask: Mask, steps: list[Any], for_people: bool) -> None:
        plain = structlog.dev.plain_traceback
        super().__init__(
            foreign_pre_chain=steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(
                    [structlog.dev.ConsoleRenderer(colors=True, exception_formatter=plain)]
                    if for_people
                    else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
                ),
            ],
        )
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def _steps() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What would end the process with a bare trace goes through the mask, too."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger("integration").critical("this process ends", exc_info=(kind, error, trace))
