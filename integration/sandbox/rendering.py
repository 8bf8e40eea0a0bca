"""Comments as GitHub renders them: Markdown, sanitised HTML, then a pass that links mentions, issues, commits and URLs.

The tests prove with it that what we quote links nothing and that whom we mention is linked, so it follows the real
order: comments and unknown tags go first, and only then is the text that stands outside code and links looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Protocol

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_VOID = _set("br hr img input wbr source")
_ALLOWED = _set(
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p picture source ol ul li table thead"
    " tbody tfoot tr td th blockquote dl dt dd kbd q samp var hr ruby rt rp s strike summary details caption figure"
    " figcaption abbr bdo cite dfn mark small span time wbr"
)
_SWALLOWED = _set("script style iframe noembed noframes xmp plaintext textarea title")
_ATTRIBUTES = _set("align alt cite colspan dir height id lang open rowspan src start title valign width datetime")
_SAFE_URL = re.compile(r"^(?:https?:|mailto:|[^:]*(?:[/?#]|$))", re.IGNORECASE)
_LITERAL = frozenset({"a", "code", "pre", "tt", "samp", "kbd"})
_BLOCKS = _set("p div li h1 h2 h3 h4 h5 h6 blockquote pre tr table ul ol br hr details summary")

_AUTOLINK = re.compile(
    r"""(?P<url>(?<![\w/])(?:https?://|www\.)[^\s<]+)
      | (?P<email>(?<![\w.+/-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
      | (?<![\w/@.&+-])@(?P<org>[a-z0-9][a-z0-9-]*)/(?P<team>[a-z0-9][\w-]*)(?![\w/@])
      | (?<![\w/@.&+-])@(?P<login>[a-z0-9](?:-?[a-z0-9])*)(?![\w/@-])
      | (?<![\w/.#&-])(?P<place>[a-z0-9][\w-]*/[\w.-]+)?(?:\#|(?<![\w/])gh-)(?P<number>\d+)(?!\w)
      | (?<![\w/.#&-])(?P<sha>(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40})(?![\w-])
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Known(Protocol):
    """What the linking pass asks about: a link is made only where there is something to link to."""

    def user(self, login: str) -> str | None:
        """The login as its owner writes it; None where nobody has it."""

    def team(self, org: str, slug: str) -> bool:
        """Is there such a team, and can the comment's author see it?"""

    def issue(self, place: str, number: int) -> str | None:
        """The page of an issue (`place` empty: of the same repository); None where there is none to see."""

    def commit(self, sha: str) -> str:
        """The page of a commit."""


@dataclass(frozen=True)
class Rendered:
    """A comment's `body_html` and `body_text`."""

    html: str
    text: str


def render(body: str, known: Known) -> Rendered:
    """Render a comment's or an issue's body."""
    pass_ = _Pass(known)
    pass_.feed(_MARKDOWN.render(body))
    pass_.close()
    pass_.end_all()
    return Rendered("".join(pass_.html).strip(), re.sub(r"\n{2,}", "\n", "".join(pass_.text)).strip())


# --- Markdown -------------------------------------------------------------------------------------------------------


def _tick_boxes(state: StateCore) -> None:
    for before, token in zip(state.tokens[1:], state.tokens[2:], strict=False):
        if token.type != "inline" or not token.children or before.type != "paragraph_open":
            continue
        first = token.children[0]
        item = state.tokens[state.tokens.index(before) - 1]
        if item.type == "list_item_open" and (found := re.match(r"\[([ xX])\]\s+", first.content)):
            first.content = first.content[found.end() :]
            box = Token("tick_box", "input", 0, meta={"on": found[1] != " "})
            token.children.insert(0, box)
            item.attrSet("class", "task-list-item")


def _box(_renderer: object, tokens: list[Token], index: int, _options: object, _env: object) -> str:
    checked = " checked" if tokens[index].meta["on"] else ""
    return f'<input type="checkbox" class="task-list-item-checkbox" disabled{checked}> '


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"breaks": True, "html": True}).enable(["table", "strikethrough"])
    markdown.core.ruler.push("tick_boxes", _tick_boxes)
    markdown.add_render_rule("tick_box", _box)
    return markdown


_MARKDOWN = _markdown()


# --- sanitising and linking -----------------------------------------------------------------------------------------


class _Pass(HTMLParser):
    """Writes the allowed tags out again, drops the others, and links what stands in the text between them."""

    def __init__(self, known: Known) -> None:
        super().__init__(convert_charrefs=True)
        self.known = known
        self.html: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.swallowed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SWALLOWED:
            self.swallowed += 1
        elif self.swallowed:
            return
        elif tag == "input" and ("class", "task-list-item-checkbox") in attrs:
            checked = " checked" if ("checked", None) in attrs else ""
            self.html.append(f'<input type="checkbox" class="task-list-item-checkbox" disabled{checked}>')
        elif tag in _ALLOWED:
            self.html.append(f"<{tag}{_kept(tag, attrs)}>")
            if tag not in _VOID:
                self.open.append(tag)
            if tag in _BLOCKS:
                self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SWALLOWED:
            self.swallowed = max(0, self.swallowed - 1)
        elif tag in self.open:
            while (last := self.open.pop()) != tag:
                self.html.append(f"</{last}>")
            self.html.append(f"</{tag}>")
            if tag in _BLOCKS:
                self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if self.swallowed:
            return
        self.text.append(data)
        literal = bool(_LITERAL & set(self.open))
        self.html.append(escape(data, quote=False) if literal else _linked(data, self.known))

    def end_all(self) -> None:
        """Close what was left open."""
        while self.open:
            self.html.append(f"</{self.open.pop()}>")


def _kept(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    kept = []
    for name, value in attrs:
        if name == "class" and tag == "li" and value == "task-list-item":
            kept.append(f' class="{value}"')
        elif name == "href" and tag == "a" and _SAFE_URL.match((value or "").strip()):
            kept.append(f' href="{escape(value or "")}" rel="nofollow"')
        elif name == "src" and not _SAFE_URL.match((value or "").strip()):
            continue
        elif name in _ATTRIBUTES:
            shown = f"user-content-{value}" if name == "id" else value or ""
            kept.append(f' {name}="{escape(shown)}"')
    return "".join(kept)


def _linked(text: str, known: Known) -> str:
    out, done = [], 0
    for found in _AUTOLINK.finditer(text):
        link, end = _link(found, known)
        if link:
            out += [escape(text[done : found.start()], quote=False), link]
            done = end
    return "".join(out) + escape(text[done:], quote=False)


def _link(found: re.Match[str], known: Known) -> tuple[str, int]:
    end, shown = found.end(), escape(found[0])
    if found["url"]:
        url = _without_tail(found["url"])
        href = url if url.lower().startswith("http") else f"http://{url}"
        return f'<a href="{escape(href)}" rel="nofollow">{escape(url)}</a>', found.start() + len(url)
    if found["email"]:
        return f'<a href="mailto:{shown}">{shown}</a>', end
    if found["team"]:
        return _team(found["org"], found["team"], shown, known), end
    if found["login"]:
        return _user(found["login"], shown, known), end
    if found["number"]:
        page = known.issue(found["place"] or "", int(found["number"]))
        return (f'<a class="issue-link js-issue-link" href="{escape(page)}">{shown}</a>' if page else ""), end
    href = known.commit(found["sha"])
    return f'<a class="commit-link" href="{escape(href)}"><tt>{escape(found["sha"][:7])}</tt></a>', end


def _team(org: str, slug: str, shown: str, known: Known) -> str:
    if not known.team(org.lower(), slug.lower()):
        return ""
    href = f"https://github.com/orgs/{org}/teams/{slug}"
    return (
        f'<a class="team-mention js-team-mention notranslate" data-hovercard-type="team"'
        f' data-hovercard-url="/orgs/{org}/teams/{slug}/hovercard" href="{href}">{shown}</a>'
    )


def _user(login: str, shown: str, known: Known) -> str:
    owner = known.user(login)
    if owner is None:
        return ""
    return (
        f'<a class="user-mention notranslate" data-hovercard-type="user"'
        f' data-hovercard-url="/users/{owner}/hovercard" href="https://github.com/{owner}">{shown}</a>'
    )


def _without_tail(url: str) -> str:
    while url:
        if url[-1] in "?!.,:*_~'\"" or (url[-1] == ")" and url.count(")") > url.count("(")):
            url = url[:-1]
        else:
            break
    return url
