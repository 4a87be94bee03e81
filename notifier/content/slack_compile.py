"""The same file of text as a mail, compiled for Slack: templates that print pieces (`content/mrkdwn.py`), values escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Template

from notifier.content import mrkdwn
from notifier.content.compile import Layout, environment, faults, prose, raise_first, require_one_button, tokens_of
from notifier.content.facts import Value
from notifier.content.mrkdwn import Piece
from notifier.content.plain import addresses_in
from notifier.content.source import Source
from notifier.content.tags import Tags

# What a tag prints is escaped when it is printed, not before: a condition compares the values as they are.
_MRKDWN = environment(finalize=mrkdwn.escape)
_PLAIN = environment()


@dataclass(frozen=True, slots=True)
class SlackText:
    """A compiled message for Slack.

    Attributes:
        pieces: renders to what `mrkdwn.cut` takes.
        trust: likewise: why one gets this, and who asks.
        button: the word on the button that leads to the page; None where the text has no button.
        addresses: the mail addresses written in it.
    """

    source: Source
    pieces: Template
    trust: Template
    button: Template | None
    addresses: frozenset[str]


def compile_slack(source: Source, layout: Layout, language: str) -> SlackText:
    """Compile a message for Slack.

    Raises:
        TextError: the first thing that is wrong with the text or with the layout.
    """
    for part in (source, layout.trust):
        raise_first(faults(part))
    tags = Tags()
    tokens = tokens_of(source, tags, language)
    require_one_button(source, tokens, tags)
    pieces = tags.restore(mrkdwn.to_pieces(tokens, tags))
    trust = tags.restore(mrkdwn.to_pieces(tokens_of(layout.trust, tags, language), tags, kind=Piece.SMALL))
    word = source.values.get("button")
    return SlackText(
        source=source,
        pieces=_MRKDWN.from_string(pieces),
        trust=_MRKDWN.from_string(trust),
        button=None if word is None else _PLAIN.from_string(tags.restore(prose(word.source, tags, language))),
        addresses=frozenset(addresses_in(pieces + trust)),
    )


def slack_values(values: Mapping[str, Value]) -> dict[str, Value]:
    """The values of a text, with the names of a person made harmless."""
    return {**values, **{name: mrkdwn.harmless(str(values[name])) for name in ("given_name", "name")}}
