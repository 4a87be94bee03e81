"""Returned mails that say little, or two different things: what is made of their words."""

from __future__ import annotations

import pytest

from notifier.domain.bounces import read_bounce
from tests.bounce_rig import MESSAGE, MESSAGE_ID, PERSON, exchange, postfix, qmail


def saying(words: str, status: str = "5.1.1") -> bytes:
    """A report with other words."""
    before, name, behind = postfix(status=status).partition(b"Diagnostic-Code: ")
    return before + name + words.encode() + behind[behind.index(b"\r\n\r\n") :]


@pytest.mark.parametrize(
    ("words", "status", "permanent"),
    [
        ("smtp; 550 no such user", "5.1.1", True),
        ("smtp; 554 no such user", "5.1.1", True),  # the status says what the code leaves open
        ("smtp; 550-5.1.1 no such user", "5.1.1", True),
        ("smtp; 450 4.2.0 please try later", "5.1.1", False),  # given up after many tries
        ("smtp; 550 5.1.1 no such user", "4.4.7", False),
        ("X-Notes; user not listed", "5.1.1", True),  # no code at all
        ("X-Notes; mailbox full", "5.2.2", False),
    ],
)
def test_code_and_status_together_say_whether_another_try_would_fail(words: str, status: str, permanent: bool) -> None:
    bounce = read_bounce(saying(words, status))
    assert bounce is not None
    assert (bounce.status, bounce.permanent) == (status, permanent)


def test_a_report_without_any_code_is_given_the_vaguest() -> None:
    bounce = read_bounce(saying("X-Notes; not delivered").replace(b"Status: 5.1.1\r\n", b""))
    assert bounce is not None
    assert (bounce.status, bounce.reason) == ("5.0.0", "5.0.0 not delivered")
    assert read_bounce(saying("X-Notes; not delivered", "5.3.0")) != bounce


def test_a_code_that_stands_in_the_words_is_not_said_twice() -> None:
    bounce = read_bounce(saying("smtp; 550 5.1.1 no such user"))
    assert bounce is not None
    assert bounce.reason == "550 5.1.1 no such user"


def test_each_way_of_naming_the_message_is_enough() -> None:
    """That it answers to it, in either of two headers."""
    whole = exchange()
    for header in (b"In-Reply-To", b"References"):
        bounce = read_bounce(whole.replace(header + b": " + MESSAGE_ID.encode(), header + b": <other@example.com>"))
        assert bounce is not None, header
        assert bounce.message_ids == (MESSAGE,)
    neither = whole.replace(MESSAGE_ID.encode(), b"<other@example.com>")
    assert read_bounce(neither) is None


def test_qmails_form_is_read_in_any_line_ends_and_letters() -> None:
    plain = read_bounce(qmail())
    assert plain is not None
    assert read_bounce(qmail().replace(b"\n", b"\r\n")) == plain
    foreign = read_bounce(qmail().replace(b"no mailbox here", b"aucune bo\xeete ici"))  # Latin-1 that nobody announced
    assert foreign is not None
    assert (foreign.recipients, foreign.status) == ((PERSON,), "5.1.1")


def test_of_qmails_copy_only_the_message_itself_counts() -> None:
    """A text that quotes another message of ours behind a line of dashes names no second one."""
    other = MESSAGE.replace("4711", "4712")
    raw = qmail() + f"\n\n---\nMessage-ID: <{other}@example.com>\n\n".encode()
    bounce = read_bounce(raw)
    assert bounce is not None
    assert bounce.message_ids == (MESSAGE,)


def test_qmails_words_in_a_mail_of_another_kind_are_none() -> None:
    assert read_bounce(b"Content-Type: text/html\n" + qmail()) is None
    assert read_bounce(b"Content-Type: text/plain\n" + qmail()) is not None


def test_a_mail_that_is_nested_without_end_is_none() -> None:
    """Deeper than the parser of the standard library can follow."""
    report = b'Content-Type: multipart/report; boundary="x"\r\n\r\n--x\r\n'
    assert read_bounce(report + b"Content-Type: message/rfc822\r\n\r\n" * 2000) is None
