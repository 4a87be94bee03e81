"""Back-off, and what an SMTP reply means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.retry import Verdict, next_try, pause_before, spread
from notifier.domain.smtp_replies import Stage, enhanced_code, judge_reply, judge_silence, one_line

PERMANENT, CONTENT, TEMPORARY = Verdict.PERMANENT, Verdict.CONTENT, Verdict.TEMPORARY
UNCERTAIN, SENDER = Verdict.UNCERTAIN, Verdict.SENDER
CONNECT, LOGIN, MAIL, RCPT, DATA, FINAL = Stage


def test_pauses_double_up_to_four_hours() -> None:
    minutes = [pause_before(attempt, 0).total_seconds() / 60 for attempt in range(1, 12)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]
    assert [pause_before(1, spread).total_seconds() for spread in (-1, 1)] == [48, 72]


@given(st.timedeltas(timedelta(), timedelta(days=2000)), st.integers(1, 30), st.floats(-1, 1))
def test_what_has_failed_three_times_gathers_at_the_next_five_minutes(since: timedelta, attempt: int, spread: float) -> None:
    """Never before the pause is over, less than five minutes after it, and together with all others of those five minutes."""
    now = datetime(2025, 1, 1, tzinfo=UTC) + since
    earliest, again_at = now + pause_before(attempt, spread), next_try(now, attempt, spread)
    if attempt < 3:
        assert again_at == earliest
    else:
        assert (again_at.minute % 5, again_at.second, again_at.microsecond) == (0, 0, 0)
        assert timedelta() <= again_at - earliest < timedelta(minutes=5)


def test_the_first_two_tries_are_scattered_and_later_ones_gather() -> None:
    now = datetime(2025, 10, 3, 8, 0, 30, tzinfo=UTC)
    waits = [next_try(now, attempt, 0) - now for attempt in (1, 2, 3)]
    assert waits == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4, seconds=30)]


def test_a_thousand_messages_are_not_tried_again_at_the_same_moment() -> None:
    """The spread of each message and try is fixed, between -1 and 1, and a thousand of them cover all of that."""
    spreads = [spread(number, 1) for number in range(1000)]
    assert spreads == [spread(number, 1) for number in range(1000)]
    assert min(spreads) >= -1
    assert max(spreads) <= 1
    tenths = {int((one + 1) * 5) for one in spreads}
    assert tenths >= set(range(10))
    assert spread(7, 1) != spread(7, 2)
    assert sorted(spread(number, 3) for number in range(2001)) == [thousandth / 1000 - 1 for thousandth in range(2001)]


@given(st.integers(1, 10_000), st.floats(-1, 1))
def test_a_pause_is_spread_by_a_fifth_at_most(attempt: int, spread: float) -> None:
    middle = pause_before(attempt, 0)
    assert middle * 0.8 - timedelta(seconds=1) <= pause_before(attempt, spread) <= middle * 1.2 + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("stage", "code", "text", "verdict", "pauses"),
    [
        # not now, and not about the person: nobody has been named yet
        (CONNECT, 421, "4.3.2 Service not available", TEMPORARY, True),
        (CONNECT, 432, "4.3.2 Concurrent connections limit exceeded", TEMPORARY, True),
        (CONNECT, 450, "4.3.2 try later", TEMPORARY, True),
        (LOGIN, 454, "4.7.0 Temporary authentication failure: too many login attempts", TEMPORARY, True),
        (MAIL, 421, "4.4.2 idle timeout", TEMPORARY, True),
        (MAIL, 452, "4.3.1 Insufficient system storage", TEMPORARY, True),
        (RCPT, 421, "4.7.0 Try again later, closing connection", TEMPORARY, True),
        (RCPT, 432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", TEMPORARY, True),
        (RCPT, 432, "too many connections", TEMPORARY, True),
        (RCPT, 452, "4.5.3 Too many recipients", TEMPORARY, True),
        # not now, about the person or the message
        (RCPT, 450, "4.2.1 The user you are trying to contact is receiving mail too quickly", TEMPORARY, False),
        (RCPT, 451, "4.7.1 Greylisted, please try again", TEMPORARY, False),
        (RCPT, 450, "greylisted", TEMPORARY, False),
        (RCPT, 452, "4.2.2 Mailbox full", TEMPORARY, False),
        (DATA, 451, "4.3.0 Error: queue file write error", TEMPORARY, False),
        (FINAL, 451, "4.7.1 Try again", TEMPORARY, False),
        (FINAL, 452, "4.3.1 Insufficient system storage", TEMPORARY, True),
        # our login
        (LOGIN, 535, "5.7.8 Authentication credentials invalid", SENDER, True),
        (LOGIN, 535, "5.7.3 Authentication unsuccessful", SENDER, True),
        (LOGIN, 534, "5.7.9 Please log in with your web browser", SENDER, True),
        (LOGIN, 504, "5.5.4 Unrecognized authentication type", SENDER, True),
        (LOGIN, 550, "not you", SENDER, True),
        (MAIL, 530, "5.7.0 Must issue a STARTTLS command first", SENDER, True),
        (MAIL, 530, "5.7.57 Client not authenticated to send mail", SENDER, True),
        (LOGIN, 535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", SENDER, True),
        (RCPT, 550, "5.7.57 Client was not authenticated", SENDER, True),
        # the person
        (RCPT, 550, "5.1.1 User unknown", PERMANENT, False),
        (RCPT, 550, "5.1.0 Address rejected", PERMANENT, False),
        (RCPT, 550, "5.1.2 Bad destination system address", PERMANENT, False),
        (RCPT, 501, "5.1.3 Bad recipient address syntax", PERMANENT, False),
        (RCPT, 550, "5.1.6 Mailbox has moved", PERMANENT, False),
        (RCPT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound", PERMANENT, False),
        (RCPT, 550, "5.2.1 Mailbox disabled", PERMANENT, False),
        (RCPT, 550, "no such user", PERMANENT, False),
        (RCPT, 551, "User not local", PERMANENT, False),
        (RCPT, 553, "Mailbox name not allowed", PERMANENT, False),
        (RCPT, 554, "5.7.1 Relay access denied", PERMANENT, False),
        (RCPT, 550, "Mailbox quota exceeded", PERMANENT, False),
        (FINAL, 550, "5.1.1 User unknown", PERMANENT, False),
        # the person's mailbox is full: it may be emptied
        (RCPT, 552, "5.2.2 Mailbox full", TEMPORARY, False),
        (RCPT, 550, "5.2.2 Over quota", TEMPORARY, False),
        (RCPT, 552, "Requested mail action aborted: exceeded storage allocation", TEMPORARY, False),
        (FINAL, 552, "5.2.2 Mailbox full", TEMPORARY, False),
        # the sender's quota
        (FINAL, 554, "5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException", SENDER, True),
        (FINAL, 554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", SENDER, True),
        (MAIL, 550, "5.1.90 Your message can't be sent because you've reached your daily limit", SENDER, True),
        (FINAL, 550, "5.7.232 tenant has exceeded its external recipient rate limit", SENDER, True),
        (FINAL, 550, "5.7.233 tenant has exceeded its external recipient rate limit", SENDER, True),
        (RCPT, 550, "5.4.5 Daily SMTP relay limit exceeded for user", SENDER, True),
        (RCPT, 550, "5.7.1 Daily SMTP relay limit exceeded for customer", SENDER, True),
        # a policy against us, said whenever the server likes
        (CONNECT, 554, "5.7.1 Service unavailable; client host blocked", SENDER, True),
        (CONNECT, 550, "we do not talk to you", SENDER, True),
        (MAIL, 553, "5.7.1 Sender address rejected: not owned by user", SENDER, True),
        (MAIL, 550, "5.1.8 Sender address rejected: Domain not found", SENDER, True),
        (MAIL, 550, "not from there", SENDER, True),
        (RCPT, 450, "4.1.8 Sender address rejected: Domain not found", TEMPORARY, False),
        (RCPT, 550, "5.1.8 Sender address rejected: Domain not found", SENDER, True),
        (RCPT, 554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list", SENDER, True),
        (FINAL, 554, "5.7.1 Message rejected as spam", SENDER, True),
        (FINAL, 554, "5.2.252 SendAsDenied", SENDER, True),
        (FINAL, 550, "5.7.60 Client does not have permissions to send as this sender", SENDER, True),
        (RCPT, 550, "5.7.64 TenantAttribution; Relay Access Denied", SENDER, True),
        (FINAL, 550, "5.7.705 Access denied, tenant has exceeded threshold", SENDER, True),
        (FINAL, 550, "5.7.708 Access denied, traffic not accepted from this IP", SENDER, True),
        (FINAL, 550, "5.7.703 Your message can't be delivered because messages are blocked by your organization", SENDER, True),
        # not understood: no person is to blame
        (MAIL, 555, "5.5.4 Unsupported option: RET=HDRS", SENDER, True),
        (RCPT, 503, "5.5.1 need MAIL command", SENDER, True),
        # the message
        (MAIL, 552, "5.3.4 Message size exceeds fixed limit", CONTENT, False),
        (MAIL, 552, "Message size exceeds fixed maximum message size", CONTENT, False),
        (RCPT, 552, "5.3.4 Message too big for system", CONTENT, False),
        (FINAL, 552, "Message too big", CONTENT, False),
        (FINAL, 554, "5.6.0 Message cannot be converted", CONTENT, False),
        (MAIL, 553, "5.6.7 SMTPUTF8 required", CONTENT, False),
        (FINAL, 554, "Transaction failed", CONTENT, False),
        # no answer that means anything
        (RCPT, -1, "Malformed SMTP response line: hello", TEMPORARY, False),
        (DATA, 250, "ok", TEMPORARY, False),
        (FINAL, -1, "Malformed SMTP response line: hello", UNCERTAIN, False),
        (FINAL, 354, "go ahead", UNCERTAIN, False),
    ],
)
def test_every_row_of_the_table(stage: Stage, code: int, text: str, verdict: Verdict, pauses: bool) -> None:
    judgement = judge_reply(stage, code, text)
    assert (judgement.verdict, judgement.pause is not None) == (verdict, pauses)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(399, UNCERTAIN), (400, TEMPORARY), (499, TEMPORARY), (500, SENDER), (501, PERMANENT), (599, PERMANENT), (600, UNCERTAIN)],
)
def test_the_first_digit_decides(code: int, verdict: Verdict) -> None:
    """RFC 5321 section 4.2.1: 4yz is "not now", 5yz is "no"; 500 says that a command was not understood."""
    assert judge_reply(FINAL, code, "").verdict is verdict


@pytest.mark.parametrize(("stage", "pauses"), [(CONNECT, True), (LOGIN, True), (MAIL, False), (RCPT, False), (DATA, False)])
def test_silence_before_the_message_means_not_sent(stage: Stage, pauses: bool) -> None:
    """A server that says nothing at all is left alone for a while; one that falls silent within a message is not."""
    judgement = judge_silence(stage)
    assert (judgement.verdict, judgement.pause is not None) == (TEMPORARY, pauses)


def test_silence_after_the_final_dot_means_nobody_knows() -> None:
    assert judge_silence(FINAL).verdict is UNCERTAIN


@given(st.sampled_from(Stage), st.integers(-1, 999), st.text(max_size=40))
def test_a_no_never_counts_as_maybe(stage: Stage, code: int, text: str) -> None:
    """R10: a 5xx is never uncertain or tried again, but for a full mailbox; a 4xx is always tried again."""
    verdict = judge_reply(stage, code, text).verdict
    if 400 <= code <= 499:
        assert verdict is TEMPORARY
    elif 500 <= code <= 599:
        assert verdict in {PERMANENT, CONTENT, SENDER} or (code == 552 and stage is RCPT) or "5.2.2" in text
    else:
        assert verdict is (UNCERTAIN if stage is FINAL else TEMPORARY)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no", "5.1.1"),
        ("4.7.500\nbusy", "4.7.500"),
        ("no 5.1.1", None),
        ("3.1.1 no", None),
        ("5.1.1000 no", None),
        ("", None),
    ],
)
def test_the_enhanced_code_stands_at_the_beginning(text: str, code: str | None) -> None:
    assert enhanced_code(text) == code


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("5.1.1 <zoe.e@example.com>: Recipient rejected", "5.1.1 <…>: Recipient rejected"),
        ("5.1.1 Zoe.E@EXAMPLE.com unknown", "5.1.1 <…> unknown"),
        ("5.1.1 no mailbox zoe.e here", "5.1.1 no mailbox <…> here"),
        ("5.1.1 no mailbox ZOE.E here", "5.1.1 no mailbox <…> here"),
        ("two  spaces", "two spaces"),
        ("551 not local; try <zoe@elsewhere.example>", "551 not local; try <…>"),
        ("first\nsecond\r\n\tthird", "first second third"),
        ("nul \x00 bell \x07 line \u2028 end", "nul bell line end"),
        ("caf\udce9", "caf\ufffd"),
        ("half a pair \ud83d.", "half a pair \ufffd."),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_words_of_a_provider_on_one_line_without_the_person(text: str, line: str) -> None:
    assert one_line(text, "zoe.e@example.com") == line


@pytest.mark.parametrize(
    ("address", "text", "line"),
    [
        ("ed@example.com", "no mailbox ed here", "no mailbox ed here"),  # two letters are too common to name anybody
        ("zoe@example.com", "no mailbox zoe here, nor zoes", "no mailbox <…> here, nor zoes"),
        ('"zoe @home"@example.com', 'no mailbox "zoe @home" here', "no mailbox <…> here"),
        ('"zoe e"@example.com', 'no mailbox <"ZOE E"@Example.COM>.', "no mailbox <…>."),
    ],
)
def test_a_name_is_taken_out_as_a_word_of_its_own(address: str, text: str, line: str) -> None:
    assert one_line(text, address) == line


@given(st.text(st.characters(codec=None), max_size=300), st.emails())
def test_one_line_can_be_stored_and_names_nobody(text: str, address: str) -> None:
    line = one_line(f"{text} <{address}> {text}", address)
    line.encode("utf-8")
    assert line.isprintable()
    assert len(line) <= 200
    assert address not in line
