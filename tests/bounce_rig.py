"""Mails that come back, in the forms in which servers write them, for a message and a recipient of one's own.

The forms follow RFC 3464 and what each server sends: Postfix, Exim and Exchange Online, Google, and qmail, which has its own.
"""

from __future__ import annotations

from collections.abc import Callable

MESSAGE = "0123456789abcdef0123456789abcdef.4711"
MESSAGE_ID = f"<{MESSAGE}@example.com>"
PERSON = "zoe.exemple@example.com"

Form = Callable[..., bytes]


def _report(explanation: str, status: str, returned: str, *, headers: str = "", kind: str = "message/rfc822") -> bytes:
    text = f"""\
From: Mail Delivery System <MAILER-DAEMON@mail.example.com>
To: privacy@example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
{headers}Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

This is a MIME-encapsulated message.

--=_b
Content-Type: text/plain; charset=us-ascii

{explanation}

--=_b
Content-Type: message/delivery-status

{status}

--=_b
Content-Type: {kind}

{returned}

--=_b--
"""
    return text.replace("\n", "\r\n").encode()


def _returned(message_id: str, person: str) -> str:
    return f"From: Privacy Office <privacy@example.com>\nTo: {person}\nMessage-ID: {message_id}\nSubject: 30 days left\n"


def postfix(
    message_id: str = MESSAGE_ID, person: str = PERSON, *, action: str = "failed", status: str = "5.1.1", envelope: str = "4711"
) -> bytes:
    """Original-Envelope-Id and Original-Recipient are there where the client asked for a notification (RFC 3461)."""
    groups = f"""\
Reporting-MTA: dns; mail.example.com
Original-Envelope-Id: {envelope}
X-Postfix-Queue-ID: 4Zx1Yt2k3z
X-Postfix-Sender: rfc822; privacy@example.com
Arrival-Date: Fri,  3 Oct 2025 10:00:00 +0200 (CEST)

Final-Recipient: rfc822; {person}
Original-Recipient: rfc822;{person}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 {status} <{person}>: Recipient address rejected: User
    unknown in virtual mailbox table"""
    words = f"<{person}>: host mx.example.com[192.0.2.1] said: 550 {status} <{person}>: Recipient address rejected"
    return _report(words, groups, _returned(message_id, person), kind="text/rfc822-headers")


def exim(message_id: str = MESSAGE_ID, person: str = PERSON) -> bytes:
    """Says 5.0.0 whatever it was."""
    groups = f"""\
Reporting-MTA: dns; mx.example.com

Action: failed
Final-Recipient: rfc822;{person}
Status: 5.0.0
Remote-MTA: dns; inner.example.com
Diagnostic-Code: smtp; 550 5.1.1 no such user"""
    return _report("A message that you sent could not be delivered.", groups, _returned(message_id, person))


def exchange(message_id: str = MESSAGE_ID, person: str = PERSON) -> bytes:
    """Exchange Online; what it returns is not always whole, but the report answers to the message."""
    groups = f"""\
Reporting-MTA: dns;ZR0P278MB0001.CHEP278.PROD.OUTLOOK.COM
Received-From-MTA: dns;ZR0P278MB0002.CHEP278.PROD.OUTLOOK.COM
Arrival-Date: Fri, 3 Oct 2025 08:00:00 +0000

Final-Recipient: rfc822;{person}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {person} not found by SMTP address lookup
X-Display-Name: Zoe Exemple"""
    headers = f"In-Reply-To: {message_id}\nReferences: {message_id}\nX-MS-Exchange-Message-Is-Ndr:\n"
    returned = "Received: from ZR0P278MB0002 by ZR0P278MB0001\nSubject: 30 days left\n"
    return _report("Your message couldn't be delivered.", groups, returned, headers=headers)


def google(message_id: str = MESSAGE_ID, person: str = PERSON) -> bytes:
    groups = f"""\
Reporting-MTA: dns; googlemail.com
Arrival-Date: Fri, 03 Oct 2025 01:00:00 -0700 (PDT)
X-Original-Message-ID: {message_id}

Final-Recipient: rfc822; {person}
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (192.0.2.27, the server for the domain.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces. - gsmtp
Last-Attempt-Date: Fri, 03 Oct 2025 01:00:01 -0700 (PDT)"""
    headers = f"X-Failed-Recipients: {person}\nReferences: {message_id}\nIn-Reply-To: {message_id}\n"
    return _report("** Address not found **", groups, _returned(message_id, person), headers=headers)


def qmail(message_id: str = MESSAGE_ID, person: str = PERSON) -> bytes:
    """QSBMF, the form of qmail: plain text in paragraphs."""
    return f"""\
From: MAILER-DAEMON@mail.example.com
To: privacy@example.com
Subject: failure notice

Hi. This is the qmail-send program at mail.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{person}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <privacy@example.com>
{_returned(message_id, person)}
Dear Zoe
""".encode()


FORMS: dict[str, Form] = {"postfix": postfix, "exim": exim, "exchange": exchange, "google": google, "qmail": qmail}

ABSENCE = f"""\
From: {PERSON}
To: privacy@example.com
Subject: Automatic reply: 30 days left
In-Reply-To: {MESSAGE_ID}
Auto-Submitted: auto-replied

I am away until Monday.
""".encode()

ANSWER = f"""\
From: {PERSON}
To: privacy@example.com
Subject: Re: 30 days left
In-Reply-To: {MESSAGE_ID}
References: {MESSAGE_ID}

Is this for me too? Your mail says: 550 5.1.1 failed.
""".encode()

READ_RECEIPT = postfix().replace(b"report-type=delivery-status", b"report-type=disposition-notification").replace(
    b"message/delivery-status", b"message/disposition-notification"
)  # fmt: skip
