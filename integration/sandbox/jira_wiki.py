"""Jira's wiki markup, rendered in small: enough to show whom a comment really mentioned and what it really linked.

The rules that decide whether quoted text can break out are kept as Jira's own renderer has them: which characters a
backslash protects (not `:`, `/` or `&`), that HTML entities survive, that {{monospace}} formats its inside, that bare
addresses and the keys of issues become links, and that a mention of nobody is an error and no link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

_PHRASES = {"*": "b", "_": "em", "-": "del", "+": "ins", "^": "sup", "~": "sub"}
_EMOTICONS = {
    ":)": "🙂", ":(": "🙁", ":D": "😀", ":P": "😛", ";)": "😉", "(y)": "👍", "(n)": "👎", "(on)": "💡",
    "(/)": "✔", "(x)": "✖", "(!)": "⚠", "(?)": "❓", "(+)": "➕", "(-)": "➖", "(*)": "★", "(i)": "ℹ",
}  # fmt: skip


def _phrase(sign: str) -> str:
    mark = re.escape(sign)
    return rf"(?<![\w\\{mark}]){mark}(?![\s{mark}])(?:\\.|[^{mark}\n\\])+(?<!\s){mark}(?![\w{mark}])"


_INLINE = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in {
            "newline": r"(?<!\\)\\\\(?!\S*\\)",
            "escaped": r"(?<!\\)\\[-#*_+?^~|%{}\[\]()!@]",
            "entity": r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);",
            "link": r"(?<!\\)\[(?:\\.|[^\[\]\n\\])+\]",
            "mono": r"(?<!\\)\{\{(?!\s).+?\}\}",
            "colour": r"(?<!\\)\{color:[^}\n]+\}.+?\{color\}",
            "braced": r"(?<!\\)\{(?P<sign>[*_+^~-])\}.+?\{(?P=sign)\}",
            "image": r"(?<![\w\\])![^\s!|][^!\n]*!(?!\w)",
            "address": r"(?<![A-Za-z0-9])(?:(?:https?|ftp)://|mailto:)[^\s\"'(){}\[\]<>|\\^]+",
            "key": r"(?<![A-Za-z0-9_/-])[A-Z][A-Z0-9_]+-[1-9]\d*(?![\w-])",
            "emoticon": "|".join(rf"(?<![\w\\]){re.escape(sign)}(?!\w)" for sign in _EMOTICONS),
            "dash": r"(?<=\s)---?(?=\s)",
            "cite": r"(?<![\w\\?])\?\?(?![\s?])[^?\n]+(?<!\s)\?\?(?![\w?])",
            **{f"phrase{number}": _phrase(sign) for number, sign in enumerate(_PHRASES)},
        }.items()
    )
)
_MACRO = re.compile(r"(?<!\\)\{(?P<name>noformat|code|quote|panel)(?::[^}\n]*)?\}(?P<inside>.*?)\{(?P=name)\}", re.S)
_HEADING = re.compile(r"\s*h([1-6])\.\s+(.*)")
_ENTRY = re.compile(r"\s*([*#]+|-)\s+(.*)")
_CELL = re.compile(r"(?<!\\)\|\|?(?![^\[\]]*\])")
_SAFE = re.compile(r"(?:https?|ftp)://|mailto:", re.I)


@dataclass(frozen=True)
class Wiki:
    """The renderer of one site. `mention` and `issue` answer with an anchor, or with None for who or what is not."""

    mention: Callable[[str], str | None]
    issue: Callable[[str], str | None]

    def render(self, text: str) -> str:
        """A whole text as HTML. Whatever is not markup is escaped."""
        text = text.replace("\r\n", "\n")
        out, end = [], 0
        for found in _MACRO.finditer(text):
            out += [self._blocks(text[end : found.start()]), self._macro(found["name"], found["inside"])]
            end = found.end()
        return "".join([*out, self._blocks(text[end:])])

    def _macro(self, name: str, inside: str) -> str:
        if name in ("noformat", "code"):
            return f'<div class="preformatted panel"><pre>{escape(inside.strip(chr(10)))}</pre></div>'
        tag = "blockquote" if name == "quote" else "div"
        return f"<{tag}>{self._blocks(inside)}</{tag}>"

    def _blocks(self, text: str) -> str:
        out = []
        for kind, lines in _grouped(text.split("\n")):
            if kind == "heading":
                out += [self._heading(line) for line in lines]
            elif kind == "list":
                out.append(self._list(lines))
            elif kind == "table":
                out.append(self._table(lines))
            elif kind == "rule":
                out += ["<hr />"] * len(lines)
            elif kind == "quote":
                out += [f"<blockquote><p>{self.inline(line.strip()[4:])}</p></blockquote>" for line in lines]
            elif kind == "paragraph":
                out.append("<p>" + "<br/>\n".join(self.inline(line) for line in lines) + "</p>")
        return "\n".join(out)

    def _heading(self, line: str) -> str:
        found = _HEADING.fullmatch(line)
        level, words = (found[1], found[2]) if found else ("3", line)
        return f"<h{level}>{self.inline(words)}</h{level}>"

    def _list(self, lines: list[str]) -> str:
        entries: list[tuple[str, str]] = []
        for line in lines:
            if found := _ENTRY.fullmatch(line):
                entries.append((found[1], self.inline(found[2])))
            else:
                signs, inner = entries.pop()
                entries.append((signs, f"{inner}<br/>\n{self.inline(line.strip())}"))
        return _nested(entries, 0)

    def _table(self, lines: list[str]) -> str:
        rows = []
        for line in lines:
            tag = "th" if line.strip().startswith("||") else "td"
            cells = [cell for cell in _CELL.split(line.strip())[1:] if cell.strip()]
            rows.append("<tr>" + "".join(f"<{tag}>{self.inline(cell.strip())}</{tag}>" for cell in cells) + "</tr>")
        return f"<table class='confluenceTable'><tbody>{''.join(rows)}</tbody></table>"

    def inline(self, text: str) -> str:
        """One line of text as HTML."""
        out, end = [], 0
        for found in _INLINE.finditer(text):
            out += [escape(text[end : found.start()]), self._piece(found.lastgroup or "", found[0])]
            end = found.end()
        return "".join([*out, escape(text[end:])])

    def _piece(self, kind: str, piece: str) -> str:
        plain: dict[str, Callable[[], str]] = {
            "newline": lambda: "<br/>",
            "escaped": lambda: escape(piece[1:]),
            "entity": lambda: piece,
            "link": lambda: self._link(piece[1:-1]),
            "mono": lambda: f"<tt>{self.inline(piece[2:-2])}</tt>",
            "colour": lambda: self._colour(piece),
            "braced": lambda: self._tagged(piece[1], piece[3:-3]),
            "image": lambda: self._image(piece[1:-1].split("|")[0], piece),
            "address": lambda: _address(piece),
            "key": lambda: self.issue(piece) or escape(piece),
            "emoticon": lambda: f'<span class="emoticon">{_EMOTICONS[piece]}</span>',
            "dash": lambda: "–" if len(piece) == 2 else "—",
            "cite": lambda: f"<cite>{self.inline(piece[2:-2])}</cite>",
        }
        if make := plain.get(kind):
            return make()
        return self._tagged(piece[0], piece[1:-1])

    def _tagged(self, sign: str, inside: str) -> str:
        tag = _PHRASES[sign]
        return f"<{tag}>{self.inline(inside)}</{tag}>"

    def _colour(self, piece: str) -> str:
        colour, _, inside = piece.removeprefix("{color:").removesuffix("{color}").partition("}")
        return f'<font color="{escape(colour)}">{self.inline(inside)}</font>'

    def _link(self, inside: str) -> str:
        if inside.startswith("~"):
            return self.mention(inside[1:]) or f'<span class="error">&#91;{escape(inside)}&#93;</span>'
        words, bar, rest = inside.rpartition("|") if inside.count("|") < 2 else inside.partition("|")
        target = (rest if bar else inside).split("|")[0].strip()
        if not _SAFE.match(target):
            return f"[{self.inline(inside)}]"
        return _anchor(target, self._words(words) if words else escape(target))

    def _words(self, words: str) -> str:
        # An anchor cannot stand in an anchor: what would link inside the words of a link stays plain.
        return Wiki(lambda _: None, lambda _: None).inline(words) if "://" not in words else escape(words)

    def _image(self, source: str, piece: str) -> str:
        if source.startswith(("http://", "https://")):
            return f'<span class="image-wrap"><img src="{escape(source)}" alt="" /></span>'
        if re.search(r"\.\w{2,4}$", source):
            return f'<span class="error">No image attached: {escape(source)}</span>'
        return escape(piece[0]) + self.inline(piece[1:])


def _nested(entries: Iterable[tuple[str, str]], depth: int) -> str:
    """Entries with their signs (`*`, `##`, `#*`) as lists in lists."""
    out = []
    for sign, group in groupby(entries, key=lambda entry: entry[0][depth]):
        tag = "ol" if sign == "#" else "ul"
        parts = []
        for deeper, run in groupby(group, key=lambda entry: len(entry[0]) > depth + 1):
            entries_here = list(run)
            parts += [_nested(entries_here, depth + 1)] if deeper else [f"<li>{inner}" for _, inner in entries_here]
        out.append(f"<{tag}>{''.join(parts)}</{tag}>")
    return "".join(out)


def _anchor(target: str, inner: str) -> str:
    return f'<a href="{escape(target)}" class="external-link" rel="nofollow noreferrer">{inner}</a>'


def _address(piece: str) -> str:
    target = piece.rstrip(".,;:!?*_-+~")
    return _anchor(target, escape(target)) + escape(piece[len(target) :])


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _HEADING.fullmatch(line):
        return "heading"
    if re.fullmatch(r"\s*-{4,}\s*", line):
        return "rule"
    if _ENTRY.fullmatch(line):
        return "list"
    if line.lstrip().startswith("|"):
        return "table"
    return "quote" if line.lstrip().startswith("bq. ") else "paragraph"


def _grouped(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Lines that belong together, each group with what it is; a plain line behind a list's entry belongs to it."""
    kind, group = "blank", list[str]()
    for line in lines:
        new = _kind(line)
        if new == "paragraph" and kind == "list":
            new = "list"
        if new != kind:
            if group:
                yield kind, group
            kind, group = new, []
        group.append(line)
    if group:
        yield kind, group
