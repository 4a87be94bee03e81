"""Reading a form: small, in time, and of the one kind that our pages send."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from notifier.web.notices import Notice, Refused

_FORM_TYPE = "application/x-www-form-urlencoded"
_LARGEST_FORM = 8 * 1024
_MOST_FIELDS = 20
_SECONDS = 20


class FormError(Exception):
    """It is none of our forms. `too_large` tells one that is too long from one that cannot be read."""

    def __init__(self, *, too_large: bool = False) -> None:
        super().__init__("the form is too large" if too_large else "the form cannot be read")
        self.too_large = too_large


async def read_form(request: Request) -> dict[str, str]:
    """The fields of the form; of a name that comes twice, the last.

    Raises:
        FormError: it is of another type, larger than 8 KB, slower than 20 seconds, or cannot be read.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise FormError
    body = await read_body(request, most=_LARGEST_FORM)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise FormError from None


async def own_form(request: Request) -> dict[str, str]:
    """The same for a page of ours, whose visitor is told what is wrong.

    Raises:
        Refused: it is too large, or none of our forms.
    """
    try:
        return await read_form(request)
    except FormError as error:
        raise Refused(Notice.TOO_LARGE if error.too_large else Notice.NOT_UNDERSTOOD) from None


async def read_body(request: Request, *, most: int) -> bytes:
    """The body as it came.

    Args:
        most: how many bytes it may have.

    Raises:
        FormError: it is larger, slower than 20 seconds, or breaks off.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise FormError(too_large=True)
    except (TimeoutError, ClientDisconnect):
        raise FormError from None
    return bytes(body)
