"""The campaign's own dates, and which answers settle it."""

from __future__ import annotations

from datetime import date

import pytest

from notifier.domain.campaign import Answer, Campaign, Step


@pytest.mark.parametrize(
    ("days", "closes_on"), [(90, date(2026, 2, 1)), (28, date(2025, 12, 1)), (1, date(2025, 11, 4)), (0, date(2025, 11, 3))]
)
def test_a_campaign_is_over_its_days_after_the_deadline(days: int, closes_on: date) -> None:
    assert Campaign("x", date(2025, 11, 3), (Step(1, "notice"),), closes_after_days=days).closes_on == closes_on


def test_every_answer_but_help_settles() -> None:
    settling = {"done", "already_off", "no_account", "prefer_not_to_say", "exempt"}
    assert {answer.value for answer in Answer if answer.settles} == settling
    assert {answer.value for answer in Answer if not answer.settles} == {"help"}
