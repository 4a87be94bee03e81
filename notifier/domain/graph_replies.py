"""What an answer of Microsoft Graph to "send this" means: pure judgement of a status, the name of the error, and Retry-After.

Graph has no idempotency key, and its errors are not to be taken at their word: messages have been delivered although Graph said
429 or 500 (UnknownError, ApplicationThrottled, CommandConcurrencyLimitReached). So once a message has reached Graph, an answer
that does not name a refusal means that nobody knows. Two names say that the mailbox was not touched; those may be tried again.
One name says that the recipient is refused; any other 400 (too big, malformed) is about the message.

An answer to a request that cannot send anything, such as one that writes a draft, is judged by `judge_harmless`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from notifier.domain.retry import Verdict

_MINUTE = timedelta(minutes=1)
_UNREACHABLE = timedelta(minutes=5)
_OURS = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GraphJudgement:
    """What to make of a failure.

    Attributes:
        verdict: see `channels/base.py`.
        pause: how long to leave Graph alone, or None where only this message is concerned.
        outlet_only: the pause concerns the mailbox that was to send, not the channel.
        advice: what an admin can do about it, or nothing.
    """

    verdict: Verdict
    pause: timedelta | None = None
    outlet_only: bool = False
    advice: str = ""


_REFUSED = GraphJudgement(Verdict.PERMANENT)
_TEXT_REFUSED = GraphJudgement(Verdict.CONTENT)
_NOBODY_KNOWS = GraphJudgement(Verdict.UNCERTAIN, _MINUTE)
_LOGIN_REFUSED = GraphJudgement(Verdict.SENDER, _OURS, advice="check the app's permissions and the keys of [microsoft]")
_NOT_GRAPH = GraphJudgement(Verdict.SENDER, _OURS, advice="check microsoft.graph_url: this is not how Graph answers")
_NOT_ALLOWED = GraphJudgement(
    Verdict.SENDER,
    _OURS,
    advice="grant the app Mail.Send (verified: Mail.ReadWrite too), with admin consent and for the mailboxes it sends from",
)


def _sender(pause: timedelta, advice: str) -> GraphJudgement:
    return GraphJudgement(Verdict.SENDER, pause, outlet_only=True, advice=advice)


_NO_MAILBOX = _sender(_OURS, "check email.graph.mailboxes: there is no such mailbox in Exchange Online")
_BY_CODE = {
    "ErrorInvalidRecipients": _REFUSED,
    "ErrorServerBusy": GraphJudgement(Verdict.TEMPORARY, _MINUTE),
    "ErrorMailboxMoveInProgress": GraphJudgement(Verdict.TEMPORARY, _UNREACHABLE, outlet_only=True),
    "ErrorSendAsDenied": _sender(_OURS, "give the mailbox the right Send As on the address in email.from"),
    "ErrorMessageSubmissionBlocked": _sender(_HOUR, "the mailbox is blocked; look at Restricted entities in Microsoft Defender"),
    "ErrorQuotaExceeded": _sender(_DAY, "the mailbox is full; empty it, or give it a retention policy"),
    "ErrorExceededMessageLimit": _sender(_DAY, "the mailbox has sent what it may in a day; add another to email.graph.mailboxes"),
    "MailboxNotEnabledForRESTAPI": _NO_MAILBOX,
    "ErrorInvalidUser": _NO_MAILBOX,
    "ErrorAccessDenied": _NOT_ALLOWED,
    "Authorization_RequestDenied": _NOT_ALLOWED,
}
_MAYBE_DONE = frozenset({408, 409, 412, 423, 429})


def judge(status: int, code: str, retry_after: float | None) -> GraphJudgement:
    """What an answer other than success means, to a request that sends.

    Args:
        status: the HTTP status.
        code: the name of the error ("ErrorAccessDenied"), or nothing.
        retry_after: seconds, if Graph asked for a pause.
    """
    known = _BY_CODE.get(code) or _by_status(status)
    if retry_after is None or known in {_REFUSED, _TEXT_REFUSED}:
        return known
    return replace(known, pause=max(timedelta(seconds=retry_after), known.pause or timedelta()))


def judge_harmless(status: int, code: str, retry_after: float | None) -> GraphJudgement:
    """The same, to a request that cannot send: then "nobody knows" is "not sent"."""
    judged = judge(status, code, retry_after)
    return replace(judged, verdict=Verdict.TEMPORARY) if judged.verdict is Verdict.UNCERTAIN else judged


def judge_silence(*, may_be_sent: bool) -> GraphJudgement:
    """What it means that no answer came."""
    return _NOBODY_KNOWS if may_be_sent else GraphJudgement(Verdict.TEMPORARY, _UNREACHABLE)


def _by_status(status: int) -> GraphJudgement:
    if status >= 500 or status in _MAYBE_DONE:
        return _NOBODY_KNOWS
    if status < 400:
        return _NOT_GRAPH
    return {401: _LOGIN_REFUSED, 403: _NOT_ALLOWED, 404: _NO_MAILBOX}.get(status, _TEXT_REFUSED)
