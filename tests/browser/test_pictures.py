"""The pictures in docs/images are of the pages as they are: made anew by `make pictures`, looked at by people.

Whether two pictures are the same to the pixel depends on fonts, so a test does not ask; it asks that each page has one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import SIZES, Served
from tests.browser.test_pages import ADDRESSES, PICTURED

LOOKS = ("light", "dark", "phone")
IMAGES = Path(__file__).parent.parent.parent / "docs/images"

WHOLE = ("feature with a life", "blocked feature", "escapes")  # the others show enough of themselves on one screen


@pytest.mark.parametrize("name", PICTURED)
def test_every_page_has_its_pictures(name: str) -> None:
    for look in LOOKS:
        assert (IMAGES / f"{PICTURED[name]}-{look}.png").exists(), "make pictures"


@pytest.mark.skipif(not os.environ.get("WRITE_PICTURES"), reason="made by `make pictures`")
@pytest.mark.parametrize("name", PICTURED)
def test_write_the_pictures(browser: Browser, served: Served, name: str) -> None:
    for look, size, colours in (
        ("light", "desktop", "light"),
        ("dark", "desktop", "dark"),
        ("phone", "phone", "light"),
    ):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
        page = context.new_page()
        page.goto(served.address + ADDRESSES[name](served))
        to = IMAGES / f"{PICTURED[name]}-{look}.png"
        page.screenshot(path=to, full_page=size == "desktop" and name in WHOLE)
        assert to.stat().st_size < 400_000
        context.close()
