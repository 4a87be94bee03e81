"""Until it is known who is on Slack nothing is planned, and nobody waits for that for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notifier.roster.slack import PATIENCE, FirstListing

START = datetime(2025, 10, 3, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_it_is_waited_for_a_quarter_of_an_hour() -> None:
    listing = FirstListing(START, is_known=False)
    assert PATIENCE == 15 * MINUTE
    assert [listing.waits(START + minutes * MINUTE) for minutes in (0, 14, 15, 16)] == [True, True, False, False]
    assert listing.trouble(START) is None, "that Slack takes its time is no trouble"


def test_as_long_as_slack_goes_on_telling_it_is_waited() -> None:
    """60,000 members are 300 pages, one in three seconds."""
    listing = FirstListing(START, is_known=False)
    listing.heard_at = START + 14 * MINUTE
    assert listing.waits(START + 28 * MINUTE)
    assert not listing.waits(START + 29 * MINUTE)


def test_that_it_is_given_up_is_said_once() -> None:
    listing = FirstListing(START, is_known=False, is_refused=True)
    assert "nothing is planned before 07:15 UTC" in (listing.trouble(START) or "")
    assert [listing.gives_up(START + minutes * MINUTE) for minutes in (0, 15, 16)] == [False, True, False]
    assert "everybody gets mail" in (listing.trouble(START + 15 * MINUTE) or "")


def test_where_it_is_known_nobody_waits() -> None:
    listing = FirstListing(START, is_known=True, is_refused=True)
    assert (listing.waits(START), listing.gives_up(START + PATIENCE), listing.trouble(START)) == (False, False, None)
