"""What a button in a Slack message carries: written by `content/slack_blocks.py`, read where presses come in.

The action says what is to be done: `answer:done`, `answer:help` … one for each answer that is `OFFERED`; `undo`; or `open` for a
link, which Slack reports too and which does nothing. The value says about what: the campaign and the random public id that the
person's links carry. It proves nothing: who pressed is the user and the team that Slack names, and the value must fit them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from notifier.domain.campaign import OFFERED, Answer

OPEN = "open"
UNDO = "undo"
_ANSWER = "answer:"
_VALUE = re.compile(r"1:([a-z0-9][a-z0-9-]{0,62}):([A-Za-z0-9_-]{22})")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a button is about.

    Attributes:
        public_id: 22 characters, as in `employees.public_id`.
    """

    campaign: str
    public_id: str

    @property
    def value(self) -> str:
        """As the button carries it; at most 90 characters, nothing personal."""
        return f"1:{self.campaign}:{self.public_id}"


def subject_in(value: object) -> Subject | None:
    """What a button's value names; None where it is none of ours."""
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    return Subject(found[1], found[2]) if found else None


def action_for(answer: Answer) -> str:
    """The action of the button that gives this answer."""
    return _ANSWER + answer.value


def answer_in(action: object) -> Answer | None:
    """The answer that an action gives; None where it gives none."""
    if not isinstance(action, str) or not action.startswith(_ANSWER):
        return None
    word = action.removeprefix(_ANSWER)
    return Answer(word) if word in OFFERED else None
