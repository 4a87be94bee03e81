"""What Slack asks of a message, as its documentation says; each rule that a message breaks, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
_CONTROL = re.compile(r"<(?:https?://[^<>|\s]+|mailto:[^<>|\s]+)(?:\|[^<>|]+)?>")
_QUOTE = re.compile("^>", re.MULTILINE)
_POST = {"channel", "text", "blocks", "client_msg_id", "unfurl_links", "unfurl_media", "parse", "link_names", "team_id"}
_UPDATE = {"channel", "ts", "text", "blocks", "parse", "link_names", "team_id"}
_BLOCKS = {"header", "section", "divider", "actions", "context"}


def broken_by_post(body: Mapping[str, Any]) -> Iterator[str]:
    """Rules that the arguments of chat.postMessage break."""
    yield from (f"argument {name}" for name in body.keys() - _POST)
    for name in ("unfurl_links", "unfurl_media"):
        if body.get(name) is not False:
            yield f"{name} is not false: Slack would open the person's own link"
    try:
        UUID(str(body.get("client_msg_id")))
    except ValueError:
        yield "client_msg_id is no UUID"
    yield from broken_by_message(body)


def broken_by_update(body: Mapping[str, Any]) -> Iterator[str]:
    """Rules that the arguments of chat.update break."""
    yield from (f"argument {name}" for name in body.keys() - _UPDATE)
    yield from broken_by_message(body)


def broken_by_message(body: Mapping[str, Any]) -> Iterator[str]:
    """Rules that `text` and `blocks` break."""
    text, blocks = body.get("text"), body.get("blocks")
    if body.get("parse") != "none" or body.get("link_names") is not False:
        yield "plain words would become links (parse, link_names)"
    if not isinstance(text, str) or not text.strip():
        yield "no text: a screen reader would read nothing"
        return
    if len(text) > 4000:
        yield f"text of {len(text)} characters"
    yield from _broken_by_markup(text)
    if not isinstance(blocks, list) or not 0 < len(blocks) <= 50:
        yield "blocks are no list of 1 to 50"
        return
    for block in blocks:
        yield from _broken_by_block(block)
    if json.dumps(blocks).count('"style": "primary"') > 1:
        yield "more than one primary button"


def _broken_by_markup(text: str) -> Iterator[str]:
    if _ENTITY.search(text):
        yield "& that is not escaped"
    if re.search("[<>]", _CONTROL.sub("", _QUOTE.sub("", text))):
        yield "< or > that is not escaped and no link"


def _broken_by_block(block: Mapping[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCKS:
        yield f"block of type {kind}"
    elif kind == "header":
        yield from _broken_by_plain(block["text"], 150)
    elif kind == "section":
        yield from _broken_by_mrkdwn(block["text"])
    elif kind == "context":
        if not 0 < len(block["elements"]) <= 10:
            yield "context of more than 10 elements"
        for element in block["elements"]:
            yield from _broken_by_mrkdwn(element)
    elif kind == "actions":
        yield from _broken_by_actions(block["elements"])


def _broken_by_actions(elements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not 0 < len(elements) <= 25:
        yield "actions of more than 25 elements"
    if len({element.get("action_id") for element in elements}) != len(elements):
        yield "two buttons with one action_id"
    for element in elements:
        yield from (f"button with {name}" for name in element.keys() - {"type", "action_id", "text", "value", "url", "style"})
        yield from _broken_by_plain(element["text"], 75)
        if not 0 < len(element.get("action_id", "")) <= 255 or len(element.get("value", "")) > 2000:
            yield "action_id or value out of bounds"
        if len(element.get("url", "")) > 3000 or not element.get("url", "https://").startswith(("https://", "http://")):
            yield "url of a button"


def _broken_by_plain(text: Mapping[str, Any], longest: int) -> Iterator[str]:
    if text.get("type") != "plain_text" or not 0 < len(text.get("text", "")) <= longest or text.get("emoji") is not False:
        yield f"plain text: {text}"


def _broken_by_mrkdwn(text: Mapping[str, Any]) -> Iterator[str]:
    if text.get("type") != "mrkdwn" or text.get("verbatim") is not True or not 0 < len(text.get("text", "")) <= 3000:
        yield f"mrkdwn text: {text}"
    else:
        yield from _broken_by_markup(text["text"])
