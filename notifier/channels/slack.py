"""Direct messages on Slack: posts, rewrites what it posted, judges what Slack says.

A message goes to the person's user id, which opens the conversation by itself. Slack has no argument that makes a repeat harmless:
`client_msg_id` is sent, the same for every try of a delivery, but nothing promises that it is looked at. So where nobody knows
whether a message was posted (connection lost, gateway broken), it stays at that, and is not sent again.

Links are never unfolded, which would let Slack open a person's own link; nothing in a message makes links or mentions out of plain
words. The name and the picture are the app's own: with others the message would land in Slackbot's conversation.

A rewrite (`Outgoing.reference`) may be repeated at will. Where there is nothing left to rewrite (deleted, too old, the person has
gone) that is the end of it and no failure: the message that would be wrong is not there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.content.mrkdwn import unescape
from notifier.content.plain import addresses_in
from notifier.domain.retry import Verdict
from notifier.domain.slack_replies import GONE_FOR_REWRITING, for_rewriting, judge, judge_silence, mending
from notifier.domain.smtp_replies import Judgement, one_line
from notifier.slack import SlackApi, SlackRefused, SlackSilent

REWRITES_PER_MINUTE = 50  # chat.update is of Slack's tier 3
_MESSAGES = uuid.UUID("6e0a4f1c-5b7d-4c8e-9a53-2f6b1d7c8e90")


class SlackChannel:
    """See `channels/base.py` for the contract and `settings.slack.Slack` for the words of the settings."""

    name = "slack"
    concurrency = 4
    resend_when_uncertain = False

    def __init__(self, *, token: str, base_url: str, team_id: str | None = None, timeout: float = 30.0) -> None:
        """Nothing is opened before the first message.

        Args:
            token: of the bot, xoxb-…
            base_url: of Slack's Web API: "https://slack.com/api/".
            team_id: the workspace, for organisation-wide tokens.
            timeout: seconds to wait for an answer.
        """
        self._api = SlackApi(token, base_url=base_url, team_id=team_id, timeout=timeout)

    async def send(self, outgoing: Outgoing) -> Receipt:
        _guard(outgoing)
        return await (self._post(outgoing) if outgoing.reference is None else self._rewrite(outgoing, outgoing.reference))

    async def close(self) -> None:
        await self._api.close()

    async def _post(self, outgoing: Outgoing) -> Receipt:
        arguments = {
            "channel": outgoing.address,
            "client_msg_id": str(uuid.uuid5(_MESSAGES, outgoing.message_id)),
            "unfurl_links": False,
            "unfurl_media": False,
            **_said(outgoing),
        }
        try:
            answer = await self._api.call("chat.postMessage", arguments)
        except SlackRefused as refused:
            raise _failure(judge(refused.error, refused.status, refused.retry_after), _reply(refused, outgoing)) from refused
        except SlackSilent as silent:
            raise _failure(judge_silence(sent=silent.sent), str(silent)) from silent
        reference = f"{answer.get('channel')}:{answer.get('ts')}"
        return Receipt(f"posted as {answer.get('ts')}", reference)

    async def _rewrite(self, outgoing: Outgoing, reference: str) -> Receipt:
        conversation, _, stamp = reference.rpartition(":")
        try:
            await self._api.call("chat.update", {"channel": conversation, "ts": stamp, **_said(outgoing)})
        except SlackRefused as refused:
            if refused.error in GONE_FOR_REWRITING:
                return Receipt(f"nothing left to rewrite: {refused.error}", reference)
            judgement = judge(refused.error, refused.status, refused.retry_after)
            raise _failure(for_rewriting(judgement), _reply(refused, outgoing)) from refused
        except SlackSilent as silent:
            raise _failure(for_rewriting(judge_silence(sent=silent.sent)), str(silent)) from silent
        return Receipt(f"rewritten, posted as {stamp}", reference)


def _said(outgoing: Outgoing) -> dict[str, Any]:
    """`parse` and `link_names` are said each time: for a rewrite Slack would otherwise make links out of plain words."""
    rendered = outgoing.rendered
    return {"text": rendered.text, "blocks": list(rendered.blocks), "parse": "none", "link_names": False}


def _guard(outgoing: Outgoing) -> None:
    """Look at a message that is about to leave: it is one, and it names nobody else."""
    rendered = outgoing.rendered
    wrong, verdict = None, Verdict.CONTENT
    if not outgoing.address:
        wrong, verdict = "the person has no Slack account that is known here", Verdict.PERMANENT
    elif not rendered.blocks or not rendered.text.strip():
        wrong = "this is no message for Slack"
    elif {one.casefold() for one in _addresses(rendered.text, rendered.blocks)} - {one.casefold() for one in rendered.addresses}:
        wrong = "a finished message holds the address of somebody else; it was not sent"
    if wrong is not None:
        raise DeliveryFailed(verdict, wrong)


def _addresses(text: str, blocks: object) -> Iterator[str]:
    """The mail addresses in a message. In a link the address and its words are parted by a sign that an address could hold."""
    for said in (text, *_strings(blocks)):
        yield from addresses_in(unescape(said).replace("|", " "))


def _strings(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _strings(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _strings(value)


def _reply(refused: SlackRefused, outgoing: Outgoing) -> str:
    said = refused.error or f"HTTP {refused.status} without an answer of Slack"
    needed = f" ({refused.needed})" if refused.needed else ""
    mend = mending(refused.error)
    return one_line(f"{said}{needed}: {mend}" if mend else f"{said}{needed}", outgoing.address)


def _failure(judgement: Judgement, reply: str) -> DeliveryFailed:
    pause = judgement.pause.total_seconds() if judgement.pause else None
    return DeliveryFailed(judgement.verdict, reply, pause_seconds=pause)
