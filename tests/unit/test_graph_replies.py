"""What answers of Microsoft Graph mean. Names and classes: shared/facts.md §2.2 and §2.3, from Microsoft's documentation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier.domain.graph_replies import judge, judge_harmless, judge_silence
from notifier.domain.retry import Verdict

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "TooManyRequests"),
        (429, "ApplicationThrottled"),
        (429, "CommandConcurrencyLimitReached"),
        (500, "UnknownError"),
        (500, "ErrorInternalServerError"),
        (502, ""),
        (503, "ServiceUnavailable"),
        (504, "GatewayTimeout"),
        (408, ""),
    ],
)
def test_what_may_have_been_sent_is_uncertain_and_slows_down(status: int, code: str) -> None:
    """They were seen with delivery. A request that sends nothing may simply be repeated."""
    sending, harmless = judge(status, code, None), judge_harmless(status, code, None)
    assert (sending.verdict, harmless.verdict) == (Verdict.UNCERTAIN, Verdict.TEMPORARY)
    assert sending.pause == harmless.pause == timedelta(minutes=1)
    assert judge(status, code, 150).pause == timedelta(seconds=150)


def test_retry_after_never_shortens_a_pause() -> None:
    assert judge(429, "TooManyRequests", 5).pause == timedelta(minutes=1)
    assert judge(403, "ErrorQuotaExceeded", 5).pause == DAY


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "ErrorInvalidRecipients", Verdict.PERMANENT),
        (400, "ErrorMessageSizeExceeded", Verdict.CONTENT),
        (400, "ErrorMimeContentInvalidBase64String", Verdict.CONTENT),
        (413, "RequestEntityTooLarge", Verdict.CONTENT),
    ],
)
def test_only_a_named_recipient_is_refused_for_good(status: int, code: str, verdict: Verdict) -> None:
    """Any other refusal is about the message, and says nothing about the person."""
    judged = judge(status, code, 30)
    assert (judged.verdict, judged.pause) == (verdict, None)


@pytest.mark.parametrize(
    ("status", "code", "pause", "outlet_only"),
    [
        (400, "ErrorQuotaExceeded", DAY, True),
        (400, "ErrorExceededMessageLimit", DAY, True),
        (403, "ErrorSendAsDenied", timedelta(minutes=15), True),
        (400, "ErrorMessageSubmissionBlocked", timedelta(hours=1), True),
        (404, "MailboxNotEnabledForRESTAPI", timedelta(minutes=15), True),
        (404, "ErrorInvalidUser", timedelta(minutes=15), True),
        (403, "ErrorAccessDenied", timedelta(minutes=15), False),
        (403, "Authorization_RequestDenied", timedelta(minutes=15), False),
        (401, "InvalidAuthenticationToken", timedelta(minutes=15), False),
        (302, "", timedelta(minutes=15), False),
        # Names that are not known: the status decides.
        (401, "SomethingNew", timedelta(minutes=15), False),
        (403, "SomethingNew", timedelta(minutes=15), False),
        (404, "SomethingNew", timedelta(minutes=15), True),
    ],
)
def test_a_fault_of_ours_pauses_the_mailbox_or_the_channel_and_says_what_to_do(
    status: int, code: str, pause: timedelta, outlet_only: bool
) -> None:
    judged = judge(status, code, None)
    assert (judged.verdict, judged.pause, judged.outlet_only) == (Verdict.SENDER, pause, outlet_only)
    assert judged.advice


@pytest.mark.parametrize(("code", "outlet_only"), [("ErrorServerBusy", False), ("ErrorMailboxMoveInProgress", True)])
def test_two_names_say_that_the_mailbox_was_not_touched(code: str, outlet_only: bool) -> None:
    judged = judge(503, code, 90)
    assert (judged.verdict, judged.outlet_only) == (Verdict.TEMPORARY, outlet_only)
    assert judged.pause is not None
    assert judged.pause >= timedelta(seconds=90)


def test_what_sends_nothing_is_judged_by_the_same_names_and_keeps_to_the_same_waits() -> None:
    assert judge_harmless(503, "ErrorMailboxMoveInProgress", 90) == judge(503, "ErrorMailboxMoveInProgress", 90)
    assert judge_harmless(400, "ErrorInvalidRecipients", None).verdict is Verdict.PERMANENT
    assert judge_harmless(500, "", 150).pause == timedelta(seconds=150)


def test_silence() -> None:
    """Where nothing was sent Graph was not there: it is left alone for a while."""
    assert judge_silence(may_be_sent=True).verdict is Verdict.UNCERTAIN
    not_sent = judge_silence(may_be_sent=False)
    assert not_sent.verdict is Verdict.TEMPORARY
    assert not_sent.pause is not None
    assert not_sent.pause >= timedelta(minutes=1)
