"""Before something is done: what it will do. Where it mails more than MANY people, their number or the campaign's name is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View

MANY = 50


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an operator is about to do.

    Attributes:
        title: what it is, in the viewer's language.
        tells: what it will do, a sentence each.
        count: how many people are written to by it, or messages are touched.
        words: what may be typed in place of the number: the campaign's name.
        fields: of the form, besides the token.
        button: the word on it.
        back: where the way back leads, below the dashboard's address.
    """

    title: str
    tells: Sequence[str]
    count: int
    button: str
    back: str
    words: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_typing(self) -> bool:
        return self.count > MANY

    def is_confirmed(self, typed: str) -> bool:
        """Whether what was typed lets it happen."""
        if not self.needs_typing:
            return True
        word = typed.strip()
        digits = "".join(letter for letter in word if letter.isdecimal())
        is_number = all(letter.isdecimal() or letter in "  \u202f.,'’" for letter in word)
        return word in self.words or (bool(word) and is_number and digits == str(self.count))


async def preview(office: Office, request: Request, view: View, act: Act, *, wrong: bool = False) -> Response:
    """The page that says what it will do, with the button that does it. The look at it is noted.

    Args:
        wrong: what was typed was not it.
    """
    await office.looks.note(request, view)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return office.frame.show(request, view, "confirm.html", act.title, status=status, act=act, wrong=wrong, many=MANY)
