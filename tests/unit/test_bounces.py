"""What a returned mail says, in the form of each server; and what is none, whatever it looks like."""

from __future__ import annotations

from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.bounces import LARGEST, read_bounce
from tests import bounce_rig
from tests.bounce_rig import FORMS, MESSAGE, PERSON, Form, postfix

CODES = {"postfix": "5.1.1", "exim": "5.1.1", "exchange": "5.1.10", "google": "5.1.1", "qmail": "5.1.1"}


@pytest.mark.parametrize("name", FORMS)
def test_each_server_says_whom_it_could_not_reach(name: str) -> None:
    bounce = read_bounce(FORMS[name]())
    assert bounce is not None
    assert (bounce.message_ids, bounce.recipients, bounce.status) == ((MESSAGE,), (PERSON,), CODES[name])
    assert bounce.permanent
    assert CODES[name] in bounce.reason
    assert "zoe" not in bounce.reason.lower()
    assert "\n" not in bounce.reason


def test_the_reason_is_the_servers_own_words() -> None:
    bounce = read_bounce(postfix())
    assert bounce is not None
    assert bounce.reason == "550 5.1.1 <…>: Recipient address rejected: User unknown in virtual mailbox table"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_only_a_failure_is_a_bounce(action: str) -> None:
    assert read_bounce(postfix(action=action)) is None


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        ("5.1.1", True),
        ("5.1.10", True),
        ("5.2.1", True),
        ("5.2.2", False),  # the mailbox is full
        ("5.7.1", False),  # a filter did not like the message
        ("5.1.8", False),  # our own address
        ("4.4.7", False),  # the server was away until the time was up
    ],
)
def test_what_another_message_may_not_meet_is_not_held_against_the_address(status: str, permanent: bool) -> None:
    raw = postfix(status=status)
    bounce = read_bounce(raw if status[0] == "5" else raw.replace(b"smtp; 550", b"smtp; 450"))
    assert bounce is not None
    assert (bounce.status, bounce.permanent) == (status, permanent)


@pytest.mark.parametrize(
    "raw",
    [
        bounce_rig.ABSENCE,
        bounce_rig.ANSWER,
        bounce_rig.READ_RECEIPT,
        postfix("<somebody@elsewhere.example>"),
        postfix(person="nobody"),
        b"",
        b"\x00\xff" * 100,
        b"Content-Type: multipart/report\r\n\r\n",
        b'Content-Type: multipart/report; boundary="x"\r\n\r\n' + b"--x\r\nContent-Type: message/delivery-status\r\n\r\n" * 500,
    ],
)
def test_the_rest_is_none(raw: bytes) -> None:
    assert read_bounce(raw) is None


def test_a_message_that_was_forwarded_has_two_recipients() -> None:
    bounce = read_bounce(postfix().replace(b"Final-Recipient: rfc822; zoe.exemple@", b"Final-Recipient: rfc822; Z@elsewhere."))
    assert bounce is not None
    assert bounce.recipients == (PERSON, "z@elsewhere.example.com")


def test_an_envelope_id_alone_is_enough_only_with_the_random_half() -> None:
    """The number of a row can be guessed."""
    foreign = "<1@elsewhere.example>"
    assert read_bounce(postfix(foreign, envelope="4711")) is None
    bounce = read_bounce(postfix(foreign, envelope=MESSAGE))
    assert bounce is not None
    assert bounce.message_ids == (MESSAGE,)


def test_a_whole_message_that_comes_back_need_not_be_read_to_its_end() -> None:
    raw = bounce_rig.exim().replace(b"Subject: 30 days left\r\n", b"Subject: 30 days left\r\n\r\n" + b"x" * 2 * LARGEST)
    assert read_bounce(raw) == read_bounce(bounce_rig.exim())


@given(st.sampled_from(list(FORMS.values())), st.data())
def test_no_mail_raises(form: Form, data: st.DataObject) -> None:
    """A bounce with anything written over any piece of it, and cut anywhere."""
    raw = form()
    start = data.draw(st.integers(0, len(raw)))
    length = data.draw(st.integers(0, 60))
    spoilt = raw[:start] + data.draw(st.binary(max_size=60)) + raw[start + length :]
    read_bounce(spoilt[: data.draw(st.integers(0, len(spoilt)))])
    read_bounce(spoilt)


@given(st.binary(max_size=400))
def test_no_status_raises(status: bytes) -> None:
    before, _, behind = postfix().partition(b"Final-Recipient")
    read_bounce(before + status + b"\r\nFinal-Recipient" + behind)
    read_bounce(b"Content-Type: " + status + b"\r\n\r\n" + status)


def test_the_forms_are_what_they_say() -> None:
    for raw in (form() for form in FORMS.values()):
        assert not message_from_bytes(raw).defects
