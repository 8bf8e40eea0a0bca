"""What is written of our HTTP surface holds for whatever is sent there; and what is no HTTP harms nobody."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from integration.web.app import HEADERS
from tests.fuzz.conftest import Web
from tests.fuzz.hostile import GITHUB_SECRET, JIRA_SECRET, PATH_SECRET, good, recorded, sign
from tests.whole import some

WRITTEN = Path(__file__).parent.parent.parent / "docs/openapi.yaml"
CHECKS = [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
EACH = settings(deadline=None, suppress_health_check=list(HealthCheck))
schema = schemathesis.openapi.from_path(WRITTEN)
_NUMBERS = count()


def is_as_written(web: Web, case: Any) -> None:
    """Sent as it is, then signed right: in both cases it is answered as the description says."""
    is_no_fault_of_ours(case.call_and_validate(base_url=web.url, checks=CHECKS), case)
    if case.path_parameters:
        own = {"site": "dc", "secret": PATH_SECRET} if "secret" in case.path_parameters else {"site": "main"}
        case.path_parameters.update(own)
    body = requests.Request(**case.as_transport_kwargs(base_url=web.url)).prepare().body or b""
    raw = body.encode() if isinstance(body, str) else body
    signed = {"X-Hub-Signature-256": sign(raw, GITHUB_SECRET), "X-Hub-Signature": sign(raw, JIRA_SECRET)}
    case.headers = {**(case.headers or {}), **signed}
    answer = case.call_and_validate(base_url=web.url, checks=CHECKS)
    is_no_fault_of_ours(answer, case)
    assert {name: answer.headers[name.lower()][0] for name in HEADERS} == HEADERS


def is_no_fault_of_ours(answer: Any, case: Any) -> None:
    """Redis is there and so is the ledger: only /readyz may say 503, as no worker runs."""
    assert answer.status_code < 500 or (case.path == "/readyz" and answer.status_code == 503)


@schema.parametrize()
@settings(EACH, max_examples=8)
def test_the_http_surface_is_as_it_is_written(web: Web, case: Any) -> None:
    is_as_written(web, case)


@pytest.mark.drill
@schema.parametrize()
@settings(EACH, max_examples=some(300))
def test_the_http_surface_is_as_it_is_written_at_length(web: Web, case: Any) -> None:
    is_as_written(web, case)


# --- what is no HTTP ------------------------------------------------------------------------------------------------

HOST = b"Host: stages\r\n"
NO_HTTP = {
    "nothing": b"",
    "noise": bytes(range(256)) * 20,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "a line without end": b"GET /" + b"a" * 200_000,
    "a header without end": b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    "two lengths": b"POST /webhooks/github HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 50\r\n\r\nx",
    "length and pieces": b"POST /webhooks/github HTTP/1.1\r\n" + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n",
    "a length that is none": b"POST /webhooks/github HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\n",
    "a length beyond all": b"POST /webhooks/github HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "an address with signs": b"GET /\x00\xff\r HTTP/1.1\r\n" + HOST + b"\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_is_refused_and_the_next_good_delivery_is_taken(web: Web, sent: bytes) -> None:
    came = web.raw(sent)

    assert came == b"" or came.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), came[:200]
    assert b"/hidden" not in came
    told = recorded()[0]
    headers, body = good(told, f"after-{next(_NUMBERS)}")
    assert web.ask("POST", told.path, body, headers) == 202


PATHS = (
    "/webhooks/github/x", "/webhooks/jira/nobody", "/webhooks/jira/main/x", "/webhooks/jira/a/b/c",
    "//webhooks//github", "/webhooks/%67ithub", "/webhooks/../webhooks/github", "/webhooks/github%00",
    "/webhooks/github;x", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd",
    "/healthz%0a", "/\u00e9",
)  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"])
def test_no_other_address_and_no_other_method_gets_further_than_a_refusal(web: Web, method: str) -> None:
    for path in PATHS:
        sent = f"{method} {path} HTTP/1.1\r\nHost: stages\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        came = web.raw(sent.encode(), ends=False)
        status = int(came.split(b" ", 2)[1])
        assert 400 <= status < 500 or (method == "OPTIONS" and status == 200), came[:200]
        assert b"root:" not in came
        assert b"import " not in came


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Original-URL", "X-HTTP-Method-Override"])
def test_a_header_leads_to_no_other_place_method_or_address(web: Web, name: str) -> None:
    """No link of a page is made of what the sender says, and a GET stays one."""
    for value in ("evil.example", "/webhooks/github", "POST", "evil.example/<script>"):
        host = "" if name == "Host" else "Host: stages\r\n"
        came = web.raw(f"GET / HTTP/1.1\r\n{host}{name}: {value}\r\nConnection: close\r\n\r\n".encode(), ends=False)
        assert came.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), came[:200]
        assert b"evil" not in came
