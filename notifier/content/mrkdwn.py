"""Markdown, with its tags set aside, to the pieces of a Slack message in Slack's own markup (mrkdwn).

Slack reads `& < >` in every text: `<!channel>` rings everybody's bell, `<https://…|word>` is a link. They are escaped wherever
something is printed, and nothing else is. Slack has no escape for `*`, `_`, `~`, backticks and `:names:`, so in what comes from a
roster each is replaced by a sign that looks the same and means nothing.

A piece begins with a mark, then its kind; conditions stand between pieces. So the text can be rendered first and cut afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from notifier.content.plain import one_line
from notifier.content.tags import Tags, name_in

# A character that Unicode leaves to private use: no author types it, and it is taken out of what a roster holds.
_MARK = "\ue010"
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_SAME_TO_THE_EYE = str.maketrans({"*": "∗", "_": "ˍ", "`": "ˋ", "~": "∼", "|": "∣", ":": "∶"})
_QUOTE_MARKS = re.compile(r"^>+")
_BREAKS = {"softbreak": " ", "hardbreak": "\n"}
_SPAN_SIGNS = {"strong": "*", "em": "_", "s": "~"}
_BARE = "html_block"


class Piece(StrEnum):
    """What a piece becomes."""

    HEADER = "h"
    """Plain text; only the first heading of a message."""
    SECTION = "s"
    """A heading of a lower level: begins a block of its own."""
    TEXT = "t"
    BUTTON = "b"
    RULE = "r"
    SMALL = "c"
    """What stands below a message: why one gets it, and who asks."""


def escape(value: object) -> str:
    """The text as Slack wants it: `& < >` as entities, and nothing else."""
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The other way round, for places where Slack reads no markup."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def harmless(name: str) -> str:
    """Words of a roster that Slack shows as they are: nothing in them formats, links or rings, once they are escaped too."""
    name = _PRIVATE.sub("", one_line(name)).translate(_SAME_TO_THE_EYE)
    return _QUOTE_MARKS.sub(lambda found: "›" * len(found.group()), name)


def to_pieces(tokens: Sequence[Token], tags: Tags, *, kind: Piece = Piece.TEXT) -> str:
    """The pieces of a text, tags still set aside.

    Args:
        kind: of its paragraphs.
    """
    return "".join(_piece(node, tags, kind) for node in SyntaxTreeNode(tokens).children)


def cut(rendered: str) -> list[tuple[Piece, str]]:
    """The pieces of a rendered text, in order; those that a condition left empty are gone."""
    pieces = [(Piece(piece[0]), piece[1:].strip()) for piece in rendered.split(_MARK)[1:]]
    return [(kind, text) for kind, text in pieces if text or kind in {Piece.BUTTON, Piece.RULE}]


def _piece(node: SyntaxTreeNode, tags: Tags, kind: Piece) -> str:
    if node.type == _BARE:
        is_button = [name_in(tag) for tag in tags.tags_in(node.content)] == ["button"]
        return f"{_MARK}{Piece.BUTTON}" if is_button else node.content
    if node.type == "heading" and node.tag == "h1":
        return f"{_MARK}{Piece.HEADER}{_plain(node.children[0])}"
    if node.type == "heading":
        return f"{_MARK}{Piece.SECTION}*{_plain(node.children[0])}*"
    if node.type == "hr":
        return f"{_MARK}{Piece.RULE}"
    return f"{_MARK}{kind}{_block(node)}"


def _block(node: SyntaxTreeNode) -> str:
    if node.type in {"paragraph", "heading"}:
        return "".join(map(_span, node.children[0].children))
    if node.type in {"bullet_list", "ordered_list"}:
        start = int(node.attrs.get("start", 1))
        signs = [f"{start + place}. " if node.type == "ordered_list" else "• " for place in range(len(node.children))]
        return "\n".join(sign + _blocks(item).replace("\n", "\n    ") for sign, item in zip(signs, node.children, strict=True))
    if node.type == "blockquote":
        return ">" + _blocks(node).replace("\n", "\n>")
    return f"```\n{escape(node.content.rstrip())}\n```"


def _blocks(parent: SyntaxTreeNode) -> str:
    """The blocks of a list item or a quotation, each on a line of its own; bare tags take no room."""
    return "".join(node.content if node.type == _BARE else f"{_block(node)}\n" for node in parent.children).rstrip("\n")


def _span(node: SyntaxTreeNode) -> str:
    if node.type == "code_inline":
        return f"`{escape(node.content)}`"
    if not node.children:
        return _BREAKS.get(node.type) or escape(node.content)
    label = "".join(map(_span, node.children))
    if node.type == "link":
        address = escape(str(node.attrs.get("href", ""))).replace("|", "%7C")
        return f"<{address}|{label}>" if address else label
    sign = _SPAN_SIGNS.get(node.type, "")
    return f"{sign}{label}{sign}"


def _plain(inline: SyntaxTreeNode) -> str:
    """A line without markup, for headings: escaped like all others, so that tags in it are treated alike."""
    return "".join(
        _plain(child) if child.children else _BREAKS.get(child.type) or escape(child.content) for child in inline.children
    )
