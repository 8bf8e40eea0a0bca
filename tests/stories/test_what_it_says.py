"""docs/what-it-says.md and .html show every text that we post, as it is posted today. `make words` writes them anew."""

from __future__ import annotations

import os
import re

import pytest

from tests.stories import pages
from tests.stories.house import House
from tests.stories.pages import Shown
from tests.stories.scenes import PLAYS, Play, Scene

ANEW = bool(os.environ.get("WRITE_WORDS"))
STALE = "the docs show another text than is posted now: `make words` writes them anew; read what has changed"
SCENES = [scene for play in PLAYS for scene in play.scenes]
SECTIONS: dict[str, str] = {}
ARTICLES: dict[str, str] = {}

# How long a text may be, in letters that a reader sees: on a phone about forty stand on a line.
ASKS, WITH_BRIEFING, LISTS = 700, 1000, 900
LONG = {"answer-help": LISTS, "digest": 1200}
WHO = r"(?:@[\w/-]+|Support|Growth|Docs|Erin|erin|Sam|Sofia|Lena|nobody|whoever wants it there)\b"


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_the_docs_show_what_is_posted(house: House, play: Play) -> None:
    shown = pages.perform(house, play)

    assert set(shown) == {(scene.key, tracker) for scene in play.scenes for tracker in scene.on}
    for scene in play.scenes:
        seen = {tracker: shown[scene.key, tracker] for tracker in scene.on}
        it_stands_in_the_docs(scene, pages.section(scene, seen), pages.article(scene, seen))
        for one in seen.values():
            it_is_fit_to_be_read(scene, one)
        if "jira" in seen:
            one_source_reads_the_same_in_every_form(seen["jira"])


def it_is_fit_to_be_read(scene: Scene, one: Shown) -> None:
    """On a phone; with at most one next step, and its owner."""
    briefed = "Feature:" in one.visible
    assert len(one.visible) <= LONG.get(scene.key, WITH_BRIEFING if briefed else ASKS), one.visible
    assert not re.search(r"\baccountid|127\.0\.0\.1|localhost|None\b", one.visible)
    steps = re.findall(r"Next: (.{0,40})", one.visible)
    assert len(steps) <= 1
    assert all(re.match(WHO, step) for step in steps), steps


def one_source_reads_the_same_in_every_form(on_jira: Shown) -> None:
    """The document that Cloud gets, and the wiki markup that Data Center gets."""
    assert pages.visible(pages.as_data_center_shows(on_jira.source)) == on_jira.visible


def it_stands_in_the_docs(scene: Scene, section: str, article: str) -> None:
    if ANEW:
        SECTIONS[scene.key], ARTICLES[scene.key] = section, article
        return
    assert pages.of_scene(read(pages.MARKDOWN), scene) == section, STALE
    assert article in read(pages.PAGE), STALE


def read(path: pages.Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def test_the_docs_show_these_scenes_and_no_others() -> None:
    if ANEW and len(SECTIONS) == len(SCENES):
        pages.MARKDOWN.write_text(pages.whole(SECTIONS), "utf-8")
        pages.PAGE.write_text(pages.page(ARTICLES), "utf-8")
    text, page = read(pages.MARKDOWN), read(pages.PAGE)

    assert text == pages.whole({scene.key: pages.of_scene(text, scene) for scene in SCENES}), STALE
    assert page == pages.page({scene.key: pages.of_page(page, scene) for scene in SCENES}), STALE


def test_every_text_and_every_answer_is_shown() -> None:
    """Below each text stands who wrote it, and the tests above see to it that this is so."""
    credits = "\n".join(re.findall(r"^<sub>(`.*`)</sub>$", read(pages.MARKDOWN), re.MULTILINE))
    missing = pages.every_writer() - set(re.findall(r"`([^`]+)`", credits))

    assert not missing, f"tests/stories/scenes.py plays no scene in which these write: {sorted(missing)}"


def test_the_docs_mention_nobody_and_lead_to_no_sandbox() -> None:
    text, page = read(pages.MARKDOWN), read(pages.PAGE)

    assert not re.search(r"(?<![\w`])@[a-z]", re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL))
    assert not re.search(r"127\.0\.0\.1|localhost", text + page)
    assert not re.search(r"<script|<link rel=\"stylesheet|src=", page), "it stands by itself"
