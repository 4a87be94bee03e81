"""What answers of Slack mean: the errors as its reference names them, in the classes that decide what becomes of a message."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier.domain.retry import Verdict
from notifier.domain.slack_replies import for_rewriting, judge, judge_silence, mending

MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
OURS = (
    *("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "missing_scope"),
    *("not_allowed_token_type", "messages_tab_disabled", "no_permission", "team_access_not_granted", "team_not_found"),
    "missing_argument",
)
BLOCKED = ("ekm_access_denied", "enterprise_is_restricted", "accesslimited", "access_denied", "two_factor_setup_required")
OF_PERSON = (
    *("users_not_found", "user_not_found", "user_disabled", "user_not_visible", "channel_not_found", "is_archived"),
    *("invalid_user_combination", "restricted_action", "restricted_action_read_only_channel", "app_access_restricted"),
    *("cannot_dm_bot", "user_is_restricted"),
)
OF_TEXT = (
    *("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_arguments"),
    *("markdown_text_conflict", "metadata_must_be_sent_from_app", "metadata_too_large"),
)


@pytest.mark.parametrize(
    "error",
    ["ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org", "org_login_required"],
)
def test_what_passes_is_tried_again_after_a_minute(error: str) -> None:
    judged = judge(error, 200)
    assert (judged.verdict, judged.pause) == (Verdict.TEMPORARY, MINUTE)
    assert mending(error) is None


@pytest.mark.parametrize("error", ["fatal_error", "internal_error", "duplicate_message_not_found"])
def test_what_may_have_been_posted_is_uncertain(error: str) -> None:
    """Nothing says that Slack is in trouble: the channel goes on. To rewrite once more does no harm."""
    judged = judge(error, 200)
    assert (judged.verdict, judged.pause) == (Verdict.UNCERTAIN, None)
    assert for_rewriting(judged).verdict is Verdict.TEMPORARY


@pytest.mark.parametrize(
    ("errors", "verdict"), [(OF_PERSON, Verdict.PERMANENT), (OF_TEXT, Verdict.CONTENT)], ids=["person", "text"]
)
def test_what_is_final_says_whether_it_is_about_the_person(errors: tuple[str, ...], verdict: Verdict) -> None:
    """And no wait that is asked for, and no rewriting, makes it less final."""
    for error in errors:
        for judged in (judge(error, 200), judge(error, 429, 30), for_rewriting(judge(error, 200))):
            assert (judged.verdict, judged.pause) == (verdict, None), error
        assert mending(error) is None


@pytest.mark.parametrize(("errors", "pause"), [(OURS, QUARTER), (BLOCKED, HOUR), (("message_limit_exceeded",), 6 * HOUR)])
def test_a_fault_of_ours_pauses_the_channel_and_says_what_to_do(errors: tuple[str, ...], pause: timedelta) -> None:
    for error in errors:
        judged = judge(error, 200)
        assert (judged.verdict, judged.pause) == (Verdict.SENDER, pause), error
        assert judge(error, 200, 30).pause == timedelta(seconds=30), error
        said = mending(error)
        assert said is not None
        assert said[0].islower(), error
        assert not said.endswith("."), error


def test_each_key_that_an_advice_names_is_one_of_the_configuration() -> None:
    named = {word.rstrip(",.") for error in OURS for word in (mending(error) or "").split() if word.startswith("slack.")}
    assert named == {"slack.bot_token_file", "slack.team_id"}


@pytest.mark.parametrize(
    ("status", "verdict", "pause"),
    [
        (200, Verdict.TEMPORARY, None),
        (404, Verdict.TEMPORARY, None),
        (429, Verdict.TEMPORARY, MINUTE),
        (499, Verdict.TEMPORARY, None),
        (500, Verdict.UNCERTAIN, MINUTE),
        (503, Verdict.UNCERTAIN, MINUTE),
    ],
)
@pytest.mark.parametrize("error", ["something_new", "user_not_foundling", "metadatum"])
def test_a_name_that_is_not_known_is_judged_by_the_status(
    error: str, status: int, verdict: Verdict, pause: timedelta | None
) -> None:
    """A name that only begins like a known one is another name."""
    judged = judge(error, status)
    assert (judged.verdict, judged.pause) == (verdict, pause)


@pytest.mark.parametrize(
    ("status", "verdict", "pause"),
    [
        (200, Verdict.UNCERTAIN, MINUTE),
        (302, Verdict.UNCERTAIN, MINUTE),
        (399, Verdict.UNCERTAIN, MINUTE),
        (400, Verdict.SENDER, QUARTER),
        (403, Verdict.SENDER, QUARTER),
        (429, Verdict.TEMPORARY, MINUTE),
        (499, Verdict.SENDER, QUARTER),
        (500, Verdict.UNCERTAIN, MINUTE),
        (502, Verdict.UNCERTAIN, MINUTE),
    ],
)
def test_an_answer_without_a_name_comes_from_something_in_between(status: int, verdict: Verdict, pause: timedelta) -> None:
    judged = judge(None, status)
    assert (judged.verdict, judged.pause) == (verdict, pause)
    assert mending(None) is None


@pytest.mark.parametrize(
    ("error", "status"), [("ratelimited", 429), ("internal_error", 200), ("something_new", 200), (None, 429), (None, 502)]
)
def test_a_wait_that_slack_asks_for_is_kept_to(error: str | None, status: int) -> None:
    for seconds in (0.5, 1, 300):
        assert judge(error, status, seconds).pause == timedelta(seconds=seconds)
        assert judge(error, status, seconds).verdict is judge(error, status).verdict


def test_silence_after_the_request_was_sent_is_uncertain_and_before_it_is_not() -> None:
    sent, not_sent = judge_silence(sent=True), judge_silence(sent=False)
    assert (sent.verdict, sent.pause) == (Verdict.UNCERTAIN, MINUTE)
    assert (not_sent.verdict, not_sent.pause) == (Verdict.TEMPORARY, timedelta(minutes=5))
    assert (for_rewriting(sent).verdict, for_rewriting(sent).pause) == (Verdict.TEMPORARY, MINUTE)
    assert for_rewriting(not_sent) == not_sent
