"""Promise S1 for managers: a link opens the pages of one team until its day, nothing else, and nothing else opens those."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import links
from notifier.domain.links import LinkKeys, ParsedTeamToken, Purpose

KEY, OTHER_KEY = bytes(range(32)), bytes(range(32, 64))
PUBLIC_ID = base64.urlsafe_b64encode(bytes(range(16))).rstrip(b"=").decode()
OTHER_ID = base64.urlsafe_b64encode(bytes(range(1, 17))).rstrip(b"=").decode()
UNTIL = date(2025, 10, 27)


def keys() -> LinkKeys:
    return LinkKeys({7: KEY}, 7)


def signed(version: int = 1) -> ParsedTeamToken:
    parsed = links.parse_team(keys().sign_team(PUBLIC_ID, version, UNTIL))
    assert parsed is not None
    return parsed


def test_a_token_is_what_the_head_of_the_module_says() -> None:
    """Recomputed here from RFC 2104 and RFC 4648 alone; days are counted from 1 January of the year 1."""
    code = hmac.new(KEY, f"team|2025-10-27|{PUBLIC_ID}|1".encode(), hashlib.sha256).digest()[:16]
    raw = bytes([7]) + bytes(range(16)) + (739_551).to_bytes(3, "big") + code
    assert keys().sign_team(PUBLIC_ID, 1, UNTIL) == base64.urlsafe_b64encode(raw).decode()
    assert len(base64.urlsafe_b64encode(raw)) == 48


def test_it_matches_its_manager_and_its_day_and_no_other() -> None:
    parsed = signed()
    assert (parsed.public_id, parsed.until, parsed.key_id) == (PUBLIC_ID, UNTIL, 7)
    assert keys().matches_team(parsed, 1)
    assert not keys().matches_team(parsed, 2)
    assert not keys().matches_team(replace(parsed, until=UNTIL + timedelta(days=1)), 1)
    assert not keys().matches_team(replace(parsed, public_id=OTHER_ID), 1)
    assert not LinkKeys({7: OTHER_KEY}, 7).matches_team(parsed, 1)
    assert not LinkKeys({8: KEY}, 8).matches_team(parsed, 1)
    assert keys().with_new(OTHER_KEY).matches_team(parsed, 1)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_day_of_the_calendar_are_days(day: date) -> None:
    parsed = links.parse_team(keys().sign_team(PUBLIC_ID, 1, day))
    assert parsed is not None
    assert parsed.until == day
    assert keys().matches_team(parsed, 1)


def test_neither_kind_of_link_is_the_other() -> None:
    team, page = keys().sign_team(PUBLIC_ID, 1, UNTIL), keys().sign(Purpose.ACKNOWLEDGE, "c", PUBLIC_ID, 1)
    assert links.parse(team) is None
    assert links.parse_team(page) is None
    for day in ("", "c", UNTIL.isoformat()):
        acknowledgement = links.parse(keys().sign(Purpose.ACKNOWLEDGE, day, PUBLIC_ID, 1))
        assert acknowledgement is not None
        assert not keys().matches_team(replace(signed(), code=acknowledgement.code), 1)
        assert not keys().matches(replace(acknowledgement, code=signed().code), Purpose.ACKNOWLEDGE, day, 1)


def test_no_flipped_bit_and_no_random_code_is_accepted() -> None:
    raw = base64.urlsafe_b64decode(keys().sign_team(PUBLIC_ID, 1, UNTIL))
    generator = random.Random(20251027)
    tried = [
        bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(raw)) for bit in range(len(raw) * 8)
    ]
    tried += [raw[:20] + generator.randbytes(16) for _ in range(10_000)]
    parsed = [links.parse_team(base64.urlsafe_b64encode(one).decode()) for one in tried]
    assert sum(one is not None and keys().matches_team(one, 1) for one in parsed) == 0


@given(st.text(max_size=60))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    parsed = links.parse_team(text)
    assert parsed is None or not keys().matches_team(parsed, 1)


@pytest.mark.parametrize(
    "token", ["", "a" * 47, "a" * 49, "a" * 47 + "\n", "+" * 48, "a" * 48 + "=", "ａ" * 48, "A" * 48, "_" * 48]
)
def test_another_form_is_no_token(token: str) -> None:
    """The last two name a day before the first one there is, and one after the last."""
    assert links.parse_team(token) is None


def test_the_address_of_a_page() -> None:
    assert links.team_url("https://notifier.example.com", "T" * 48) == f"https://notifier.example.com/t/{'T' * 48}"
