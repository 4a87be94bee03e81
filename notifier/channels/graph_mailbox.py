"""What a channel asks of one mailbox through Microsoft Graph: each request raises what became of the message when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from notifier.channels.base import DeliveryFailed
from notifier.domain.graph_replies import GraphJudgement, judge, judge_harmless, judge_silence
from notifier.domain.retry import Verdict
from notifier.domain.smtp_replies import one_line
from notifier.errors import NotifierError, TryLaterError
from notifier.microsoft import Answer, GraphClient, LostError

_LOGIN_PAUSE = 900.0
_UNREACHABLE_PAUSE = 300.0
_IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
_LOOK_AT = "$select=id,isDraft"


@dataclass(frozen=True, slots=True)
class Found:
    """A message in the mailbox, by an id that it keeps when it moves."""

    id: str
    is_draft: bool


class Mailbox:
    """One mailbox, for the sake of one message.

    Attributes:
        asked_pause: seconds of quiet that Graph asked for although it did what it was asked, or None.
    """

    def __init__(self, client: GraphClient, address: str, *, recipient: str) -> None:
        """Args:
        recipient: taken out of what Graph says.
        """
        self.asked_pause: float | None = None
        self._client = client
        self._path = f"/users/{quote(address, safe='')}"
        self._recipient = recipient

    async def send_mail(self, message: Mapping[str, Any]) -> str:
        """Send in one request, without a copy in the mailbox.

        Returns:
            What Graph said.
        """
        answer = await self._ask("POST", "/sendMail", {"message": message, "saveToSentItems": False}, sends=True)
        return f"{answer.status} accepted" + (f", request-id {answer.request_id}" if answer.request_id else "")

    async def write_draft(self, message: Mapping[str, Any]) -> Found:
        answer = await self._ask("POST", "/messages", message, sends=False)
        return _found(answer.body)

    async def send_draft(self, draft: Found) -> None:
        await self._ask("POST", f"/messages/{quote(draft.id, safe='')}/send", None, sends=True)

    async def find(self, known: str | None, message_id: str) -> Found | None:
        """The message, by its id or else by its Message-ID. None: not to be seen, which right after sending does not mean much."""
        if known is not None:
            path = f"/messages/{quote(known, safe='')}?{_LOOK_AT}"
            answer = await self._ask("GET", path, None, sends=False, may_be_missing=True)
            if answer.status != 404:
                return _found(answer.body)
        wanted = quote(f"internetMessageId eq '<{message_id}>'", safe="")
        answer = await self._ask("GET", f"/messages?{_LOOK_AT}&$filter={wanted}", None, sends=False)
        found = [_found(each) for each in answer.body.get("value", ())]
        return min(found, key=lambda one: one.is_draft, default=None)

    async def _ask(
        self, method: str, path: str, payload: Mapping[str, Any] | None, *, sends: bool, may_be_missing: bool = False
    ) -> Answer:
        try:
            answer = await self._client.request(method, self._path + path, payload=payload, headers=_IMMUTABLE)
        except LostError as lost:
            raise self._failed(judge_silence(may_be_sent=sends and lost.sent), lost.reason) from lost
        except TryLaterError as error:
            raise DeliveryFailed(Verdict.TEMPORARY, str(error), pause_seconds=_UNREACHABLE_PAUSE) from error
        except NotifierError as error:
            words = f"{error}; {error.hint}" if error.hint else str(error)
            raise DeliveryFailed(Verdict.SENDER, words, pause_seconds=_LOGIN_PAUSE) from error
        if 200 <= answer.status <= 299:
            self.asked_pause = max(self.asked_pause or 0, answer.retry_after or 0) or None
        elif not (may_be_missing and answer.status == 404):
            judged = (judge if sends else judge_harmless)(answer.status, answer.code, answer.retry_after)
            raise self._failed(judged, f"{answer.status} {answer.code} {one_line(answer.message, self._recipient)}".strip())
        return answer

    def _failed(self, judged: GraphJudgement, said: str) -> DeliveryFailed:
        reply = f"{said}; {judged.advice}" if judged.advice else said
        seconds = judged.pause.total_seconds() if judged.pause else None
        return DeliveryFailed(judged.verdict, reply, pause_seconds=seconds, outlet_only=judged.outlet_only)


def _found(body: Mapping[str, Any]) -> Found:
    return Found(str(body.get("id") or ""), is_draft=body.get("isDraft") is True)
