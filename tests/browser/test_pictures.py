"""The pictures in docs/images are of the pages as they are: made anew by `make pictures`, looked at by people.

Whether two pictures are the same to the pixel depends on fonts, so a test does not ask; it asks that each page has one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Served
from tests.browser.test_pages import ADDRESSES, PICTURED

IMAGES = Path(__file__).parent.parent.parent / "docs/images"
LOOKS = {"light": (1400, 900), "dark": (1400, 900), "phone": (390, 844)}
AT_LENGTH = {"feature", "blocked", "escapes"}  # of which one screen shows too little
IN_ALL_LOOKS = {"board", "feature", "party", "escapes"}  # the others by day, at a desk


def looks_of(picture: str) -> tuple[str, ...]:
    return tuple(LOOKS) if picture in IN_ALL_LOOKS else ("light",)


@pytest.mark.parametrize("picture", PICTURED.values())
def test_every_page_has_its_pictures(picture: str) -> None:
    for look in looks_of(picture):
        assert (IMAGES / f"{picture}-{look}.png").exists(), "make pictures"


@pytest.mark.skipif(not os.environ.get("WRITE_PICTURES"), reason="made by `make pictures`")
@pytest.mark.parametrize("name", PICTURED)
def test_write_the_pictures(browser: Browser, served: Served, name: str) -> None:
    for look in looks_of(picture := PICTURED[name]):
        width, height = LOOKS[look]
        if picture in AT_LENGTH and look != "phone":
            height = 1500
        colours: Literal["light", "dark"] = "dark" if look == "dark" else "light"
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
        page = context.new_page()
        page.goto(served.address + ADDRESSES[name](served))
        to = IMAGES / f"{picture}-{look}.png"
        page.screenshot(path=to)
        assert to.stat().st_size < 400_000
        context.close()
