"""Markdown, with its tags set aside, to HTML and to the plain-text twin: both from the same tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from notifier.content.tags import WORD, Tags, name_in

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_ONLY_TAGS = re.compile(rf"(?:{WORD}\s*)+")
RULE = "-" * 20  # a horizontal line, in plain text
_BARE = "html_block"
_BREAKS = {"softbreak": " ", "hardbreak": "\n"}


def parse(markdown: str, tags: Tags) -> list[Token]:
    """The tokens of a text. A paragraph of nothing but block tags, or of `{{ button }}`, becomes bare: no `<p>` around it."""
    tokens: list[Token] = []
    for token in _MARKDOWN.parse(markdown):
        tokens.append(token)
        if token.type == "paragraph_close" and _is_bare(tokens[-2].content, tags):
            content = tokens[-2].content
            del tokens[-3:]
            tokens.append(Token(_BARE, "", 0, content=content))
    return tokens


def _is_bare(content: str, tags: Tags) -> bool:
    if not _ONLY_TAGS.fullmatch(content):
        return False
    sources = tags.tags_in(content)
    return all(source.startswith("{%") for source in sources) or [name_in(source) for source in sources] == ["button"]


def to_html(tokens: Sequence[Token]) -> str:
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def to_text(tokens: Sequence[Token], tags: Tags) -> str:
    """The plain-text twin. The address of a link stands on a line of its own, below the paragraph that names it."""
    return _TextWriter(tags).blocks(SyntaxTreeNode(tokens), "\n\n").strip()


class _TextWriter:
    def __init__(self, tags: Tags) -> None:
        self._tags = tags

    def blocks(self, parent: SyntaxTreeNode, gap: str) -> str:
        """The blocks one after the other, each followed by `gap`; bare tags take no room."""
        return "".join(node.content if node.type == _BARE else self._block(node) + gap for node in parent.children)

    def _block(self, node: SyntaxTreeNode) -> str:
        if node.type in {"paragraph", "heading"}:
            return self._inline(node.children[0])
        if node.type in {"bullet_list", "ordered_list"}:
            start = int(node.attrs.get("start", 1))
            marks = [f"{start + place}. " if node.type == "ordered_list" else "- " for place in range(len(node.children))]
            return "\n".join(self._item(mark, item) for mark, item in zip(marks, node.children, strict=True))
        if node.type == "blockquote":
            return _indent("> ", "> ", self.blocks(node, "\n\n").rstrip())
        if node.type == "hr":
            return RULE
        return node.content.rstrip()

    def _item(self, mark: str, item: SyntaxTreeNode) -> str:
        return _indent(mark, " " * len(mark), self.blocks(item, "\n").rstrip())

    def _inline(self, inline: SyntaxTreeNode) -> str:
        """A line of text. Where a condition stands in it, an address stays beside its link, or it could outlive it."""
        conditional = any(source.startswith("{%") for source in self._tags.tags_in(inline.content))
        addresses: list[str] = []
        line = "".join(self._span(child, addresses, conditional=conditional) for child in inline.children)
        return "\n".join([line, *addresses])

    def _span(self, node: SyntaxTreeNode, addresses: list[str], *, conditional: bool) -> str:
        if not node.children:
            return _BREAKS.get(node.type, node.content)
        label = "".join(self._span(child, addresses, conditional=conditional) for child in node.children)
        address = str(node.attrs.get("href", ""))
        if self._tags.restore(address.removeprefix("mailto:").removeprefix("tel:")) in {"", self._tags.restore(label)}:
            return label
        if conditional:
            return f"{label} ({address})"
        addresses.append(address)
        return label


def _indent(first: str, others: str, text: str) -> str:
    return first + text.replace("\n", f"\n{others}")
