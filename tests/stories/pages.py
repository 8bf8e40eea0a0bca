"""What a play has shown, as a section of `docs/what-it-says.md` and of `docs/what-it-says.html`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from integration.sandbox.jira_wiki import Wiki
from integration.sandbox.people import PEOPLE
from integration.stages.texts import digests, letters, words
from integration.stages.texts.adf import adf
from integration.stages.texts.markdown import JOINER, markdown
from integration.stages.texts.markup import Items, Line, Mention, Text
from integration.stages.texts.wiki import wiki
from tests.stories.cast import Cast, Posted
from tests.stories.house import House
from tests.stories.scenes import PLAYS, Play, Scene

DOCS = Path(__file__).parents[2] / "docs"
MARKDOWN, PAGE = DOCS / "what-it-says.md", DOCS / "what-it-says.html"
TRACKERS = {"github": "GitHub", "jira": "Jira"}
_NAMES = {one.account_id: one.login for one in PEOPLE.values()}
_MARKER = re.compile(r"\n\n<!-- release-stages: \S+ -->\Z")


# --- who writes what --------------------------------------------------------------------------------------------------


def writers(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The functions of a module that write a whole text."""
    found = inspect.getmembers(module, inspect.isfunction)
    own = {name: one for name, one in found if one.__module__ == module.__name__ and not name.startswith("_")}
    return {name: one for name, one in own.items() if one.__annotations__.get("return") in ("Text", "Text | None")}


def every_writer() -> set[str]:
    """All of them, and each code that `words.answer` has an answer to."""
    named = {f"{_short(module)}.{name}" for module in (words, letters, digests) for name in writers(module)}
    codes = re.findall(r'(?:case|code ==) "([\w-]+)"', inspect.getsource(words))
    return named | {f"words.answer: {code}" for code in (*codes, "status", "check")}


def _short(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


@dataclass(frozen=True)
class Written:
    """A text, by the function that wrote it."""

    by: tuple[str, ...]
    text: Text

    @cached_property
    def markdown(self) -> str:
        return markdown(self.text)

    @cached_property
    def document(self) -> dict[str, Any]:
        return adf(self.text)


@contextmanager
def recording() -> Iterator[list[Written]]:
    """All texts that are written meanwhile; nothing else is different."""
    kept: list[Written] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (words, letters, digests):
            for name, write in writers(module).items():
                patch.setattr(module, name, _kept(f"{_short(module)}.{name}", write, kept))
        yield kept


def _kept(name: str, write: Callable[..., Text | None], kept: list[Written]) -> Callable[..., Text | None]:
    @wraps(write)
    def writing(*given: Any, **named: Any) -> Text | None:
        text = write(*given, **named)
        replies = inspect.signature(write).bind(*given, **named).arguments.get("replies", ())
        by = (name, *(f"{name}: {reply.partition(':')[0]}" for reply in replies))
        if text:
            kept.append(Written(by, text))
        return text

    return writing


# --- what was shown ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """One text on one tracker: its markup, and as the tracker shows it. `by` are the functions that wrote it."""

    source: str
    html: str
    by: tuple[str, ...]

    @property
    def visible(self) -> str:
        """What a reader sees, as letters."""
        return visible(self.html)


def perform(house: House, play: Play) -> dict[tuple[str, str], Shown]:
    """Play it, and look at what was posted."""
    cast = Cast(house)
    with recording() as written:
        play.perform(cast)
    everywhere = _everywhere(house.world.url)
    return {key: _seen(key[1], posted, written, everywhere) for key, posted in cast.shown.items()}


def _seen(tracker: str, posted: Posted, written: list[Written], everywhere: Callable[[str], str]) -> Shown:
    if tracker == "github":
        body = _MARKER.sub("", posted.body)
        found = next(one for one in written if one.markdown == body)
        source = body
    else:
        found = next(one for one in written if one.document == posted.document)
        source = wiki(_by_name(found.text), cloud=False)
    by = dict.fromkeys(name for one in written if one.markdown in found.markdown for name in one.by)
    return Shown(everywhere(source), everywhere(posted.html), tuple(by))


def _everywhere(url: str) -> Callable[[str], str]:
    """Without what differs from run to run: the sandbox's port, and the numbers of comments."""

    def same(text: str) -> str:
        text = text.replace(f"{url}/github/", "https://github.example/").replace(
            f"{url}/jira/", "https://jira.example/"
        )
        return re.sub(r"(issuecomment-|focusedCommentId=|focusedId=|comment-)\d+", r"\g<1>1", text)

    return same


def _by_name(text: Text) -> Text:
    """The same, with people named as Data Center names them."""

    def line(pieces: Line) -> Line:
        return tuple(Mention(_NAMES.get(one.handle, one.handle)) if isinstance(one, Mention) else one for one in pieces)

    return tuple(
        Items(tuple(replace(item, line=line(item.line)) for item in block.items))
        if isinstance(block, Items)
        else replace(block, line=line(block.line))
        for block in text
    )


def as_data_center_shows(source: str) -> str:
    """Wiki markup, rendered where people go by their user names."""

    def mention(name: str) -> str:
        return f'<a class="user-hover">{PEOPLE[name].name}</a>'

    return Wiki(mention, lambda _: None).render(source)


def visible(html: str) -> str:
    """The letters of a page, on one line."""
    ends = re.sub(r"</(?:p|li|h\d|ul)>|<br ?/?>", " ", html)
    words = unescape(re.sub(r"<[^>]+>", "", ends)).replace(JOINER, "")
    return re.sub(r"\s+", " ", words).strip()


# --- as Markdown ------------------------------------------------------------------------------------------------------

INTRO = """# What it says

Every text that Release Stages posts: made by `make words` from stories that are played on a small GitHub and a small
Jira, and kept current by a test. The people are made up. [what-it-says.html](what-it-says.html) has each text as both
trackers show it, side by side; download it to look at it.

Each text is written once, in `words.py`, `letters.py` or `digests.py` of `integration/stages/texts/` (below it stands
by whom). It goes out as Markdown to GitHub, as a document (ADF) to Jira Cloud, and as wiki markup to Jira Data Center.
What is quoted of an issue can mention, link and format nothing.

![Comments on both trackers, side by side](images/what-it-says-desktop.png)

On a phone they stand one below the other: [a look at one](images/what-it-says-phone.png).
"""
_IN_MARKDOWN = re.compile(r"(?<![\w`])@([a-z][\w-]*(?:/[\w-]+)?)")


def anchor(heading: str) -> str:
    """The address that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def contents() -> str:
    """The parts, and how many texts each has."""
    return "".join(f"- [{part}](#{anchor(part)}): {len(scenes)}\n" for part, scenes in parts().items())


def parts() -> dict[str, list[Scene]]:
    """All scenes under their headings."""
    found: dict[str, list[Scene]] = {}
    for play in PLAYS:
        found.setdefault(play.part, []).extend(play.scenes)
    return found


def section(scene: Scene, shown: Mapping[str, Shown]) -> str:
    """One scene in Markdown: as GitHub shows it, and what Jira gets."""
    blocks = [f"### {scene.name}", scene.when] if scene.when else [f"### {scene.name}"]
    if "github" in shown:
        blocks.append(_quote(_inert(shown["github"].source)))
    if "jira" in shown:
        summary = "On Jira, as wiki markup" if "github" in shown else "Only on Jira, as wiki markup"
        is_open = "" if "github" in shown else " open"
        source = shown["jira"].source.replace(JOINER, "")
        blocks.append(f"<details{is_open}><summary>{summary}</summary>\n\n```text\n{source}\n```\n\n</details>")
    by = dict.fromkeys(name for one in shown.values() for name in one.by)
    blocks.append(f"<sub>{', '.join(f'`{one}`' for one in by)}</sub>")
    return "\n\n".join(blocks) + "\n"


def _inert(source: str) -> str:
    """A mention looks like one, and mentions nobody."""
    return _IN_MARKDOWN.sub(rf"**@{JOINER}\1**", source)


def _quote(source: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in source.split("\n"))


def whole(sections: Mapping[str, str]) -> str:
    """The whole of docs/what-it-says.md."""
    made = [INTRO, contents()]
    for part, scenes in parts().items():
        made += [f"## {part}\n", *(sections[scene.key] for scene in scenes)]
    return "\n".join(made)


# --- as a page --------------------------------------------------------------------------------------------------------

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_LINK = re.compile(r"<a\b(?P<about>[^>]*)>(?P<words>.*?)</a>", re.DOTALL)


def _without_links(html: str) -> str:
    """Links of a made-up world lead nowhere: they only look like links."""

    def mark(found: re.Match[str]) -> str:
        kind = "mention" if re.search(r"mention|user-hover", found["about"]) else "link"
        sign = "@" if "user-hover" in found["about"] else ""
        return f'<span class="{kind}">{sign}{found["words"]}</span>'

    return _LINK.sub(mark, html).replace(JOINER, "")


def article(scene: Scene, shown: Mapping[str, Shown]) -> str:
    """One scene of the page: as both trackers show it."""
    seen = [(tracker, TRACKERS[tracker], _without_links(one.html)) for tracker, one in shown.items()]
    return _ENVIRONMENT.get_template("what_it_says_article.html").render(
        scene=scene, id=scene.key, name=_coded(scene.name), when=_coded(scene.when), seen=seen
    )


def _coded(words: str) -> str:
    """Our own words, in which backticks mark commands."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", words)


def page(articles: Mapping[str, str]) -> str:
    """The whole of docs/what-it-says.html."""
    found = [(anchor(part), part, [(one, _coded(one.name), articles[one.key]) for one in scenes])
             for part, scenes in parts().items()]  # fmt: skip
    return _ENVIRONMENT.get_template("what_it_says.html").render(parts=found)


def of_scene(text: str, scene: Scene) -> str:
    """What docs/what-it-says.md has of a scene: from its heading to the next."""
    found = re.search(rf"^### {re.escape(scene.name)}$.*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0].rstrip("\n") + "\n" if found else ""


def of_page(text: str, scene: Scene) -> str:
    """What docs/what-it-says.html has of a scene."""
    found = re.search(rf'<article id="{re.escape(scene.key)}">.*?</article>\n', text, re.DOTALL)
    return found[0] if found else ""
