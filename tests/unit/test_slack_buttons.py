"""What a button carries is read back as what was written; anything else is nobody's button."""

from __future__ import annotations

import pytest

from notifier.domain.campaign import Answer
from notifier.domain.slack_buttons import Subject, action_for, answer_in, subject_in

# What employees are asked for, in the order in which it is offered.
OFFERED = (Answer.DONE, Answer.ALREADY_OFF, Answer.NO_ACCOUNT, Answer.PREFER_NOT_TO_SAY, Answer.HELP)
PUBLIC_ID = "Aa0_-Aa0_-Aa0_-Aa0_-Aa"


@pytest.mark.parametrize("answer", OFFERED)
def test_each_answer_has_an_action_of_its_own(answer: Answer) -> None:
    assert action_for(answer) == f"answer:{answer.value}"
    assert answer_in(action_for(answer)) is answer
    for other in (answer.value, answer.name, f"Answer:{answer.value}", f"answer:{answer.value} ", f"xanswer:{answer.value}"):
        assert answer_in(other) is None


@pytest.mark.parametrize("campaign", ["a", "0", "linkedin-ai-training", "x" * 63])
def test_a_subject_is_read_back(campaign: str) -> None:
    subject = Subject(campaign, PUBLIC_ID)
    assert subject_in(subject.value) == subject
    assert len(subject.value) <= 90


@pytest.mark.parametrize(
    "value",
    [
        f"1:{'x' * 64}:{PUBLIC_ID}",
        f"1:-x:{PUBLIC_ID}",
        f"1:X:{PUBLIC_ID}",
        f"1:x:{PUBLIC_ID[:-1]}",
        f"1:x:{PUBLIC_ID}A",
        f"1:x:{PUBLIC_ID[:-1]}é",
        f"2:x:{PUBLIC_ID}",
        f" 1:x:{PUBLIC_ID}",
        f"1:x:{PUBLIC_ID}\n",
        f"1:x:y:{PUBLIC_ID}",
        b"1:x:" + PUBLIC_ID.encode(),
    ],
)
def test_a_value_of_another_form_is_none_of_ours(value: object) -> None:
    assert subject_in(value) is None
