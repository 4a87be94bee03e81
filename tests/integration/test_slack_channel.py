"""The Slack channel towards a strict Slack: what it sends, and what it makes of every answer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from notifier.channels.base import DeliveryFailed, Outgoing
from notifier.channels.slack import SlackChannel
from notifier.domain.retry import Verdict
from tests.slack_messages import slack_outgoing
from tests.slack_server import TOKEN, Action, Drop, Error, Hang, Limited, Page, SlackServer

PERMANENT, CONTENT, TEMPORARY = Verdict.PERMANENT, Verdict.CONTENT, Verdict.TEMPORARY
UNCERTAIN, SENDER = Verdict.UNCERTAIN, Verdict.SENDER
REFERENCE = "D00000001:1700000000.000001"


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


@pytest.fixture
async def channel(slack: SlackServer) -> AsyncIterator[SlackChannel]:
    made = SlackChannel(token=TOKEN, base_url=slack.base_url, timeout=0.3)
    yield made
    await made.close()


async def failure(channel: SlackChannel, outgoing: Outgoing) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing)
    return caught.value


async def test_a_message_is_posted_to_the_user_and_can_be_found_again(slack: SlackServer, channel: SlackChannel) -> None:
    sent = slack_outgoing(7)
    receipt = await channel.send(sent)
    (post,) = slack.posts
    assert (post.user, post.body["text"], post.body["blocks"]) == ("U00000007", sent.rendered.text, list(sent.rendered.blocks))
    assert receipt.reference == f"{post.channel}:{post.ts}"
    assert slack.broken == []


async def test_a_repeat_is_the_same_request(slack: SlackServer, channel: SlackChannel) -> None:
    """Slack promises nothing for `client_msg_id`; it is the same for each try, and another for each delivery."""
    for number in (7, 8):
        await channel.send(slack_outgoing(number))
    slack._recent.clear()
    await channel.send(slack_outgoing(7))
    first, other, again = (json.dumps(post.body) for post in slack.posts)
    assert first == again
    assert slack.posts[0].body["client_msg_id"] != slack.posts[1].body["client_msg_id"]
    assert other != first


async def test_an_earlier_message_is_rewritten_not_posted_anew(slack: SlackServer, channel: SlackChannel) -> None:
    reference = (await channel.send(slack_outgoing(1))).reference
    settled = replace(slack_outgoing(1, text="Settled"), reference=reference)
    receipt = await channel.send(settled)
    assert receipt.reference == reference
    assert (len(slack.posts), len(slack.updates)) == (1, 1)
    (stands,) = slack.standing().values()
    assert stands.body["text"] == "Settled"


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_nothing_left_to_rewrite_is_the_end_of_it(slack: SlackServer, channel: SlackChannel, error: str) -> None:
    slack.on("chat.update", Error(error))
    receipt = await channel.send(replace(slack_outgoing(1), reference=REFERENCE))
    assert error in receipt.reply


# Names and meanings as in Slack's reference of chat.postMessage; the sorting is ours.
JUDGED: list[tuple[Action, Verdict, float | None]] = [
    *((Error(name), PERMANENT, None) for name in ("users_not_found", "user_not_found", "user_disabled", "user_not_visible")),
    *((Error(name), PERMANENT, None) for name in ("channel_not_found", "is_archived", "invalid_user_combination")),
    *((Error(name), PERMANENT, None) for name in ("restricted_action", "restricted_action_read_only_channel")),
    (Error("app_access_restricted"), PERMANENT, None),
    *((Error(name), CONTENT, None) for name in ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long")),
    *((Error(name), CONTENT, None) for name in ("no_text", "invalid_arguments", "markdown_text_conflict", "metadata_too_large")),
    *((Error(name), TEMPORARY, 60) for name in ("service_unavailable", "request_timeout", "team_added_to_org")),
    *((Error(name), TEMPORARY, 60) for name in ("ratelimited", "rate_limited", "org_login_required")),
    (Error("service_unavailable", 503), TEMPORARY, 60),
    (Error("invented_yesterday"), TEMPORARY, None),
    (Limited(17), TEMPORARY, 17),
    *((Error(name), UNCERTAIN, None) for name in ("fatal_error", "internal_error", "duplicate_message_not_found")),
    (Error("internal_error", 500), UNCERTAIN, None),
    (Error("invented_yesterday", 500), UNCERTAIN, 60),
    (Page(500), UNCERTAIN, 60),
    (Page(503), UNCERTAIN, 60),
    (Page(200), UNCERTAIN, 60),
    (Drop(), UNCERTAIN, 60),
    (Drop(taken=True), UNCERTAIN, 60),
    (Hang(), UNCERTAIN, 60),
    *((Error(name), SENDER, 900) for name in ("not_authed", "invalid_auth", "account_inactive", "token_revoked")),
    *((Error(name), SENDER, 900) for name in ("token_expired", "not_allowed_token_type", "messages_tab_disabled")),
    *((Error(name), SENDER, 900) for name in ("no_permission", "missing_scope")),
    *((Error(name), SENDER, 3600) for name in ("ekm_access_denied", "enterprise_is_restricted", "access_denied")),
    *((Error(name), SENDER, 3600) for name in ("accesslimited", "two_factor_setup_required")),
    (Error("message_limit_exceeded"), SENDER, 6 * 3600),
    (Page(403), SENDER, 900),
]


@pytest.mark.parametrize(("action", "verdict", "pause"), JUDGED, ids=[str(action) for action, _, _ in JUDGED])
async def test_what_slack_says_is_judged(
    slack: SlackServer, channel: SlackChannel, action: Action, verdict: Verdict, pause: float | None
) -> None:
    slack.on("chat.postMessage", action)
    failed = await failure(channel, slack_outgoing(1))
    assert (failed.verdict, failed.pause_seconds) == (verdict, pause)
    assert failed.reply.isprintable()
    assert "U00000001" not in failed.reply
    if verdict is SENDER and isinstance(action, Error):
        assert ":" in failed.reply, "it says how to mend it"
    assert [method for method, _ in slack.calls] == ["chat.postMessage"], "it is never tried again here"


@pytest.mark.parametrize("action", [Page(503), Drop(), Drop(taken=True), Hang(), Error("internal_error"), Limited(17)], ids=str)
async def test_a_rewrite_of_which_nobody_knows_is_tried_again(slack: SlackServer, channel: SlackChannel, action: Action) -> None:
    slack.on("chat.update", action)
    reference = (await channel.send(slack_outgoing(1))).reference
    failed = await failure(channel, replace(slack_outgoing(1), reference=reference))
    assert failed.verdict is TEMPORARY
    await channel.send(replace(slack_outgoing(1), reference=reference))


async def test_without_a_connection_nothing_was_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        channel = SlackChannel(token=TOKEN, base_url=f"http://127.0.0.1:{port}/api/")
        failed = await failure(channel, slack_outgoing(1))
        await channel.close()
    assert (failed.verdict, failed.pause_seconds) == (TEMPORARY, 300)


async def test_a_wrong_token_and_a_missing_scope_are_ours_to_mend(slack: SlackServer) -> None:
    channel = SlackChannel(token="xoxb-other", base_url=slack.base_url)
    assert "slack.bot_token_file" in (await failure(channel, slack_outgoing(1))).reply
    await channel.close()
    slack.scopes = frozenset({"users:read"})
    channel = SlackChannel(token=TOKEN, base_url=slack.base_url)
    assert "(chat:write)" in (await failure(channel, slack_outgoing(1))).reply
    await channel.close()


async def test_the_workspace_is_named_where_there_are_several(slack: SlackServer) -> None:
    slack.wants_team = True
    channel = SlackChannel(token=TOKEN, base_url=slack.base_url, team_id="T0TEAM")
    await channel.send(slack_outgoing(1))
    await channel.close()
    assert slack.posts[0].body["team_id"] == "T0TEAM"


@pytest.mark.parametrize("wrong", ["mail", "nobody", "somebody else"])
async def test_what_is_no_message_for_this_person_does_not_leave(slack: SlackServer, channel: SlackChannel, wrong: str) -> None:
    sent = slack_outgoing(1, text="Write to somebody.else@example.org" if wrong == "somebody else" else None)
    if wrong == "mail":
        sent = replace(sent, rendered=replace(sent.rendered, blocks=()))
    if wrong == "nobody":
        sent = replace(sent, address="")
    failed = await failure(channel, sent)
    assert failed.verdict is (PERMANENT if wrong == "nobody" else CONTENT)
    assert "somebody.else" not in failed.reply
    assert slack.calls == []


async def test_closed_and_used_again_and_many_at_once(slack: SlackServer, channel: SlackChannel) -> None:
    await channel.close()
    await asyncio.gather(*(channel.send(slack_outgoing(number)) for number in range(1, 41)))
    await channel.close()
    await channel.close()
    await channel.send(slack_outgoing(41))
    assert sorted(post.user for post in slack.posts) == [f"U{number:08}" for number in range(1, 42)]
