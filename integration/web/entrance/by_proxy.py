"""People whom a proxy before us has signed in: what its headers say, where it is the proxy that says so. Pure."""

from __future__ import annotations

from ipaddress import ip_address

from werkzeug.datastructures import Headers

from integration.admission import Admission
from integration.web.entrance.identity import Identity

_LONGEST = 255


def is_the_proxy(admission: Admission, address: str) -> bool:
    """Does this address belong to what SIGN_IN_PROXY_FROM names? IPv4 in the dress of IPv6 is the same address."""
    try:
        asked = ip_address(address)
    except ValueError:
        return False
    asked = getattr(asked, "ipv4_mapped", None) or asked
    return any(asked.version == each.version and asked in each for each in admission.proxy_from)


def identity(admission: Admission, address: str, headers: Headers) -> Identity | None:
    """Whom the proxy names; None where it is not the proxy that speaks, or it names nobody, or more than one."""
    who = headers.get(admission.user_header, "").strip()
    if not who or not is_the_proxy(admission, address):
        return None
    if len(who) > _LONGEST or "," in who or not who.isprintable():  # a comma: a header that came twice
        return None
    groups = headers.get(admission.groups_header, "") if admission.groups_header else ""
    named = frozenset(each.strip().lower() for each in groups.split(",") if each.strip())
    return Identity("proxy", who, who, who, who if who.count("@") == 1 else "", named)
