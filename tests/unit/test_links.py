"""Promise S1: tokens cannot be forged, and one link opens one thing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import secrets
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import links
from notifier.domain.links import LinkKeys, ParsedToken, Purpose
from notifier.errors import ConfigurationError

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
PUBLIC_ID = base64.urlsafe_b64encode(bytes(range(16))).rstrip(b"=").decode()
CAMPAIGN = "linkedin-ai-training"
LOST_KEY = "restore the file from its backup; links made with a lost key no longer open"
NO_KEY = "restore the file from its backup, or make a new one with `notifier init`"


class OtherPurpose(StrEnum):
    TEAM = "team"


def keys() -> LinkKeys:
    return LinkKeys({7: KEY}, 7)


def signed(number: int = 1) -> ParsedToken:
    parsed = links.parse(keys().sign(Purpose.ACKNOWLEDGE, CAMPAIGN, PUBLIC_ID, number))
    assert parsed is not None
    return parsed


def test_a_token_is_what_the_head_of_the_module_says() -> None:
    """Recomputed here from RFC 2104 and RFC 4648 alone."""
    code = hmac.new(KEY, f"acknowledge|{CAMPAIGN}|{PUBLIC_ID}|1".encode(), hashlib.sha256).digest()[:16]
    expected = base64.urlsafe_b64encode(bytes([7]) + bytes(range(16)) + code).decode()
    token = keys().sign(Purpose.ACKNOWLEDGE, CAMPAIGN, PUBLIC_ID, 1)
    assert token == expected
    assert len(token) == 44


def test_every_token_has_its_44_characters() -> None:
    tokens = [keys().sign(Purpose.ACKNOWLEDGE, CAMPAIGN, PUBLIC_ID, version) for version in range(400)]
    assert {len(token) for token in tokens} == {44}
    assert len({token[-1] for token in tokens}) == 64


def test_a_signed_token_matches_and_names_its_person() -> None:
    parsed = signed()
    assert parsed.public_id == PUBLIC_ID
    assert keys().matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)


def test_a_token_is_good_for_nothing_else() -> None:
    parsed = signed()
    assert not keys().matches(parsed, OtherPurpose.TEAM, CAMPAIGN, 1)  # type: ignore[arg-type]
    assert not keys().matches(parsed, Purpose.ACKNOWLEDGE, "another-campaign", 1)
    assert not keys().matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 2)
    assert not LinkKeys({7: OTHER_KEY}, 7).matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)
    assert not LinkKeys({8: KEY}, 8).matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)
    other_person = ParsedToken(parsed.key_id, secrets.token_urlsafe(16), parsed.code)
    assert not keys().matches(other_person, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)


def test_no_flipped_bit_is_accepted() -> None:
    """Every one of the 264 bits counts: there is no second spelling of a token."""
    raw = base64.urlsafe_b64decode(keys().sign(Purpose.ACKNOWLEDGE, CAMPAIGN, PUBLIC_ID, 1))
    accepted = 0
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        parsed = links.parse(base64.urlsafe_b64encode(flipped).decode())
        accepted += parsed is not None and keys().matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)
    assert accepted == 0


def test_random_codes_are_not_accepted() -> None:
    generator = random.Random(20251103)
    all_keys = LinkKeys({number: bytes([number]) * 32 for number in range(256)}, 0)
    accepted = 0
    for _ in range(20_000):
        parsed = links.parse(base64.urlsafe_b64encode(generator.randbytes(33)).decode())
        assert parsed is not None
        accepted += all_keys.matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)
    assert accepted == 0


@given(st.text(max_size=60))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    parsed = links.parse(text)
    assert parsed is None or not keys().matches(parsed, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)


@pytest.mark.parametrize("token", ["", "a" * 43, "a" * 45, "a" * 43 + "\n", "+" * 44, "a" * 44 + "=", "ａ" * 44])
def test_another_form_is_no_token(token: str) -> None:
    assert links.parse(token) is None


def test_after_a_rotation_old_links_still_open_and_new_ones_use_the_new_key() -> None:
    old = signed()
    rotated = keys().with_new(OTHER_KEY)
    assert rotated.current == 8
    assert rotated.matches(old, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)
    new = links.parse(rotated.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, PUBLIC_ID, 1))
    assert new is not None
    assert new.key_id == 8
    assert rotated.matches(new, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)
    assert not keys().matches(new, Purpose.ACKNOWLEDGE, CAMPAIGN, 1)


def test_a_key_file_reads_back_as_it_was_written() -> None:
    rotated = LinkKeys({255: KEY}, 255).with_new(OTHER_KEY)
    read = LinkKeys.load(rotated.dump(), source="link-keys")
    assert (read.numbers, read.current) == ((0, 255), 0)
    assert read.dump() == rotated.dump()


def test_a_key_is_not_shown_by_accident() -> None:
    assert "numbers=(7,)" in repr(keys())
    assert base64.b64encode(KEY).decode() not in repr(keys())


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "link-keys: there is no key in it", NO_KEY),
        ("# only a remark\n\n", "link-keys: there is no key in it", NO_KEY),
        ("1 abc\n", "link-keys:1  expected a number", LOST_KEY),
        ("1 !!!\n", "link-keys:1  expected a number", LOST_KEY),
        (f"1 !{base64.b64encode(KEY).decode()}\n", "link-keys:1  expected a number", LOST_KEY),
        ("nonsense\n", "link-keys:1  expected a number", LOST_KEY),
        (f"256 {base64.b64encode(KEY).decode()}\n", "link-keys:1  expected a number", LOST_KEY),
        (2 * f"1 {base64.b64encode(KEY).decode()}\n", "link-keys:2  key 1 stands there twice", LOST_KEY),
    ],
)
def test_a_damaged_key_file_is_named_with_its_line(text: str, said: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LinkKeys.load(text, source="link-keys")
    assert str(caught.value).startswith(said)
    assert caught.value.hint == hint
    assert base64.b64encode(KEY).decode() not in str(caught.value)


@pytest.mark.parametrize(("mapping", "current"), [({}, 0), ({1: KEY}, 2), ({1: b"short"}, 1), ({256: KEY}, 256)])
def test_keys_that_cannot_work_are_refused(mapping: dict[int, bytes], current: int) -> None:
    with pytest.raises(ValueError, match="key"):
        LinkKeys(mapping, current)


def test_derived_keys_are_other_keys() -> None:
    rotated = keys().with_new(OTHER_KEY)
    first, second = rotated.derive("form")
    assert len({first, second, KEY, OTHER_KEY, *rotated.derive("other")}) == 6


def test_the_key_that_signs_comes_first_and_the_others_follow_by_their_numbers() -> None:
    """Whoever makes something takes the first; recomputed here from RFC 2104 alone."""
    kept = {9: bytes(range(64, 96)), 3: OTHER_KEY, 7: KEY}
    expected = [hmac.new(kept[number], b"derive|sign-in", hashlib.sha256).digest() for number in (7, 3, 9)]
    assert list(LinkKeys(kept, 7).derive("sign-in")) == expected


def test_the_address_of_a_page() -> None:
    assert links.url("https://notifier.example.com", CAMPAIGN, "T" * 44) == f"https://notifier.example.com/a/{CAMPAIGN}/{'T' * 44}"
