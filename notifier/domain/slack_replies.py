"""What Slack's answer to a message means: pure judgement of an error's name, the HTTP status, and whether anything was sent.

Slack names what went wrong (`{"ok": false, "error": "user_not_found"}`), mostly with status 200. A message that breaks a rule of
Slack's is final too, so that it goes out another way. A name that is not in the lists is tried again later. An
answer without a name (HTML of a broken gateway) means that nobody knows whether the message was posted, and most likely that Slack
is in trouble: the channel pauses.

Rewriting is different: doing it twice does no harm, so what is uncertain is simply tried again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from notifier.domain.retry import Verdict
from notifier.domain.smtp_replies import Judgement

_BUSY = Judgement(Verdict.TEMPORARY, timedelta(minutes=1))
_TRY_LATER = Judgement(Verdict.TEMPORARY)
_REFUSED = Judgement(Verdict.PERMANENT)
_TEXT_REFUSED = Judgement(Verdict.CONTENT)
_NOBODY_KNOWS = Judgement(Verdict.UNCERTAIN)
_IN_TROUBLE = Judgement(Verdict.UNCERTAIN, timedelta(minutes=1))
_OURS = Judgement(Verdict.SENDER, timedelta(minutes=15))
_BLOCKED = Judgement(Verdict.SENDER, timedelta(hours=1))
_FULL = Judgement(Verdict.SENDER, timedelta(hours=6))

_BUSY_ERRORS = frozenset(
    {
        *("ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org", "org_login_required"),
    }
)
# This person cannot be reached; each also stands for longer names that begin with it and "_", as do those below.
_FINAL_ERRORS = (
    *("users_not_found", "user_not_found", "user_disabled", "user_not_visible", "channel_not_found", "is_archived"),
    *("invalid_user_combination", "restricted_action", "app_access_restricted", "cannot_dm_bot", "user_is_restricted"),
)
# This message breaks a rule, whoever it is for.
_BROKEN_RULES = (
    *("invalid_blocks", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_arguments"),
    *("markdown_text_conflict", "metadata"),
)
_UNCERTAIN_ERRORS = frozenset({"fatal_error", "internal_error", "duplicate_message_not_found"})
_MENDING = {
    "not_authed": "no token was sent; name its file with slack.bot_token_file",
    "invalid_auth": "the token is not valid; copy the Bot User OAuth Token anew from the app's page into slack.bot_token_file",
    "account_inactive": "the app was removed from the workspace; install it again and copy its new token into slack.bot_token_file",
    "token_revoked": "the token was revoked; install the app again and copy its new token into slack.bot_token_file",
    "token_expired": "the token has expired; switch token rotation off in the app, install it again and copy its new token",
    "missing_scope": "the app lacks a permission; add it under OAuth & Permissions and install the app again",
    "not_allowed_token_type": "this is not a bot token; use the Bot User OAuth Token, which begins with xoxb-",
    "messages_tab_disabled": "the app's Messages tab is off; switch it on under App Home",
    "ekm_access_denied": "the organisation's key management has suspended the app; ask its Slack administrators",
    "enterprise_is_restricted": "the organisation does not let the app act in this workspace; ask its Slack administrators",
    "accesslimited": "the organisation does not let the app act at present; ask its Slack administrators",
    "access_denied": "the organisation does not let the app do this; ask its Slack administrators",
    "no_permission": "the token may not do this; install the app again from its manifest",
    "two_factor_setup_required": "the workspace asks for two-factor login first; ask its Slack administrators",
    "message_limit_exceeded": "the workspace has reached the message limit of its plan; sending goes on later",
    "team_access_not_granted": "the app was not added to this workspace of the organisation; add it, or change slack.team_id",
    "team_not_found": "there is no such workspace; check slack.team_id",
    "missing_argument": "an organisation-wide token needs the workspace; set slack.team_id",
}
_BLOCKED_ERRORS = frozenset(
    {"ekm_access_denied", "enterprise_is_restricted", "accesslimited", "access_denied", "two_factor_setup_required"}
)

_BY_NAME = {
    **dict.fromkeys(_BUSY_ERRORS, _BUSY),
    **dict.fromkeys(_UNCERTAIN_ERRORS, _NOBODY_KNOWS),
    **dict.fromkeys(_MENDING, _OURS),
    **dict.fromkeys(_BLOCKED_ERRORS, _BLOCKED),
    "message_limit_exceeded": _FULL,
}

GONE_FOR_REWRITING = frozenset(
    {
        *("message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_inactive", "is_archived"),
        *("not_in_channel", "user_not_found", "user_disabled"),
    }
)
"""Answers to a rewrite after which there is nothing left to rewrite. None of them does harm."""


def judge(error: str | None, status: int, retry_after: float | None = None) -> Judgement:
    """What to make of an answer to a message that was not taken.

    Args:
        error: its name, or None where the answer was not Slack's JSON.
        status: of HTTP.
        retry_after: seconds, where Slack asked for a pause.
    """
    judgement = _judge(error, status)
    if retry_after is not None and judgement not in {_REFUSED, _TEXT_REFUSED}:
        return replace(judgement, pause=timedelta(seconds=retry_after))
    return judgement


def judge_silence(*, sent: bool) -> Judgement:
    """No answer came.

    Args:
        sent: whether the request may have reached Slack; False where no connection was made.
    """
    return _IN_TROUBLE if sent else replace(_BUSY, pause=timedelta(minutes=5))


def for_rewriting(judgement: Judgement) -> Judgement:
    """The same for the rewriting of an earlier message."""
    return replace(judgement, verdict=Verdict.TEMPORARY) if judgement.verdict is Verdict.UNCERTAIN else judgement


def mending(error: str | None) -> str | None:
    """What is wrong and how to mend it, for errors that are ours; None for all others."""
    return _MENDING.get(error or "")


def _judge(error: str | None, status: int) -> Judgement:
    if error is None:
        return _without_a_name(status)
    if (known := _BY_NAME.get(error)) is not None:
        return known
    for names, judgement in ((_FINAL_ERRORS, _REFUSED), (_BROKEN_RULES, _TEXT_REFUSED)):
        if any(error == name or error.startswith(f"{name}_") for name in names):
            return judgement
    if status == 429:
        return _BUSY
    return _IN_TROUBLE if status >= 500 else _TRY_LATER


def _without_a_name(status: int) -> Judgement:
    if status == 429:
        return _BUSY
    return _OURS if 400 <= status < 500 else _IN_TROUBLE
