"""The mail half of `tests/microsoft_server.py`: sendMail, drafts, and what Exchange makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import unescape
from typing import TYPE_CHECKING, Any

from tests.microsoft_calls import Call, GraphError, Reply, Route

if TYPE_CHECKING:
    from tests.microsoft_server import MicrosoftServer

_LARGEST = 4_000_000
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+>")
_PROPERTY = re.compile(r"(String|Integer|Boolean|SystemTime) (0x[0-9A-Fa-f]{1,4}|\{[0-9a-f-]{36}\} Name \S+)")
_FILTER = re.compile(r"internetMessageId eq '(<[^']+>)'")
_KNOWN = {
    "subject", "body", "from", "replyTo", "toRecipients", "internetMessageId", "internetMessageHeaders",
    "singleValueExtendedProperties",
}  # fmt: skip


@dataclass
class Item:
    """A message in a mailbox, or on its way."""

    id: str
    mailbox: str
    message: Mapping[str, Any]
    is_draft: bool = True
    unseen: int = 0  # so many times it is not found yet


@dataclass
class Delivered:
    """A message that Exchange took to deliver."""

    mailbox: str
    message: Mapping[str, Any]
    at: datetime

    @property
    def recipient(self) -> str:
        return str(self.message["toRecipients"][0]["emailAddress"]["address"])

    @property
    def message_id(self) -> str:
        return str(self.message["internetMessageId"])

    @property
    def raw(self) -> bytes:
        """As it arrives: Exchange writes the date and makes the text out of the HTML."""
        mail, message = EmailMessage(policy=SMTP), self.message
        mail["From"] = _address(message["from"])
        mail["Reply-To"] = [_address(each) for each in message["replyTo"]]
        mail["To"] = [_address(each) for each in message["toRecipients"]]
        mail["Subject"] = message["subject"]
        mail["Date"] = self.at
        mail["Message-ID"] = self.message_id
        mail["References"] = next(
            each["value"] for each in message["singleValueExtendedProperties"] if each["id"].endswith("0x1039")
        )
        for header in message["internetMessageHeaders"]:
            mail[header["name"]] = header["value"]
        html = message["body"]["content"]
        mail.set_content(unescape(re.sub(r"<[^>]*>", "", html)))
        mail.add_alternative(html, subtype="html")
        mail.set_boundary("exchange")
        return mail.as_bytes()


@dataclass
class Post:
    """What `server.state["mail"]` holds. `transit`: how often a message is not found right after it was sent."""

    delivered: list[Delivered] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    transit: int = 0


def post_of(server: MicrosoftServer) -> Post:
    post: Post = server.state.setdefault("mail", Post())
    return post


async def _send_mail(call: Call) -> Reply:
    body = call.body
    if not isinstance(body, dict) or body.keys() != {"message", "saveToSentItems"}:
        raise call.refuse(400, "ErrorInvalidRequest", "neither more nor less than message and saveToSentItems")
    if body["saveToSentItems"] is not False:
        raise call.refuse(400, "ErrorInvalidRequest", "a copy in Sent Items fills the mailbox")
    _check(call, body["message"])
    _deliver(call, call.values["mailbox"], body["message"])
    return 202, None


async def _create(call: Call) -> Reply:
    _immutable(call)
    _check(call, call.body)
    post = post_of(call.server)
    item = Item(f"AAkALgAAAA/+{len(post.items)}=", call.values["mailbox"], call.body)
    post.items[item.id] = item
    return 201, _shown(item)


async def _send(call: Call) -> Reply:
    _immutable(call)
    if call.body is not None:
        raise call.refuse(400, "ErrorInvalidRequest", "a body, where a draft is sent")
    item = _item(call)
    if not item.is_draft:
        raise call.refuse(400, "ErrorInvalidOperation", "sent twice")
    _deliver(call, item.mailbox, item.message)
    item.is_draft, item.unseen = False, post_of(call.server).transit
    return 202, None


async def _get(call: Call) -> Reply:
    _immutable(call)
    item = _item(call)
    if item.unseen:
        item.unseen -= 1
        raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    return 200, _shown(item)


async def _list(call: Call) -> Reply:
    _immutable(call)
    wanted = _FILTER.fullmatch(call.query.get("$filter", ""))
    if wanted is None:
        raise call.refuse(400, "BadRequest", f"a filter that Graph does not know: {call.query.get('$filter')}")
    found = [item for item in post_of(call.server).items.values() if item.mailbox == call.values["mailbox"] and not item.unseen]
    return 200, {"value": [_shown(item) for item in found if item.message["internetMessageId"] == wanted[1]]}


MAIL_ROUTES = (
    Route("sendMail", "POST", "/users/{mailbox}/sendMail", frozenset({"Mail.Send"}), _send_mail),
    Route("createMessage", "POST", "/users/{mailbox}/messages", frozenset({"Mail.ReadWrite"}), _create),
    Route("send", "POST", "/users/{mailbox}/messages/{id}/send", frozenset({"Mail.Send"}), _send),
    Route("getMessage", "GET", "/users/{mailbox}/messages/{id}", frozenset({"Mail.ReadWrite"}), _get),
    Route("listMessages", "GET", "/users/{mailbox}/messages", frozenset({"Mail.ReadWrite"}), _list),
)


def _deliver(call: Call, mailbox: str, message: Mapping[str, Any]) -> None:
    server = call.server
    sender = message["from"]["emailAddress"]["address"]
    if sender != mailbox and sender not in server.send_as:
        raise GraphError(403, "ErrorSendAsDenied", "The user account does not have the right to send as this sender.")
    server.count(call, mailbox, server.per_minute, timedelta(minutes=1))
    server.count(call, mailbox, server.per_day, timedelta(days=1))
    post_of(server).delivered.append(Delivered(mailbox, message, server.now()))


def _check(call: Call, message: Any) -> None:
    if call.values["mailbox"] not in call.server.mailboxes:
        raise GraphError(404, "ErrorInvalidUser", "The requested user is invalid.")
    if call.size > _LARGEST:
        raise call.refuse(413, "RequestEntityTooLarge", f"{call.size} bytes")
    if not isinstance(message, dict) or message.keys() - _KNOWN:
        raise call.refuse(400, "RequestBodyRead", f"properties that a message does not have: {sorted(message.keys() - _KNOWN)}")
    headers = message.get("internetMessageHeaders", [])
    if len(headers) > 5 or any(not header["name"].lower().startswith("x-") for header in headers):
        raise call.refuse(400, "InvalidInternetMessageHeader", f"at most 5 headers, and x- only: {headers}")
    if len(message["toRecipients"]) != 1 or len(message["replyTo"]) != 1:
        raise call.refuse(400, "ErrorInvalidRequest", "one recipient, and one address for answers")
    if message["body"].keys() != {"contentType", "content"} or message["body"]["contentType"] != "html":
        raise call.refuse(400, "ErrorInvalidRequest", "a body of HTML")
    if _MESSAGE_ID.fullmatch(message["internetMessageId"]) is None:
        raise call.refuse(400, "ErrorInvalidRequest", "no Message-ID")
    for one in message.get("singleValueExtendedProperties", []):
        if _PROPERTY.fullmatch(one["id"]) is None or not isinstance(one["value"], str):
            raise call.refuse(400, "ErrorInvalidProperty", f"no extended property: {one}")


def _immutable(call: Call) -> None:
    if call.headers.get("Prefer") != 'IdType="ImmutableId"':
        raise call.refuse(400, "ErrorInvalidRequest", "without an id that a message keeps when it moves")


def _item(call: Call) -> Item:
    item = post_of(call.server).items.get(call.values["id"])
    if item is None or item.mailbox != call.values["mailbox"]:
        raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    return item


def _shown(item: Item) -> dict[str, Any]:
    return {"id": item.id, "isDraft": item.is_draft}


def _address(recipient: Mapping[str, Any]) -> Address:
    one = recipient["emailAddress"]
    return Address(display_name=one.get("name", ""), addr_spec=one["address"])
