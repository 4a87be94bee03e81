"""Promise S1: a token cannot be forged, and one link opens one thing. NOTIFIER_TEST_LONG=1 takes a million tries of each kind."""

from __future__ import annotations

import base64
import hmac
import random
from enum import StrEnum
from itertools import product
from urllib.parse import unquote

import pytest

from notifier.domain import links
from notifier.domain.links import LinkKeys, Purpose
from notifier.web.security import FormProofs
from tests.attacks.effort import tries
from tests.pages_rig import ANN, BEN, CAMPAIGN, LEA, NOW, Answered, Rig, Visitor

SEED = 20251103
TOKEN_BYTES = 33


class OtherPurpose(StrEnum):
    """Purposes that links may have one day, and words that are like ours."""

    TEAM = "team"
    ACKNOWLEDGED = "acknowledged"
    SHOUTED = "ACKNOWLEDGE"
    NOTHING = ""


ALL_KEYS = LinkKeys({number: random.Random(number).randbytes(32) for number in range(256)}, 7)
PUBLIC_IDS = [base64.urlsafe_b64encode(random.Random(number).randbytes(16)).decode()[:22] for number in range(8)]


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def opens(token: str, keys: LinkKeys = ALL_KEYS, campaign: str = CAMPAIGN.id, version: int = 1) -> bool:
    """Whether the page behind an acknowledgement link would be shown."""
    parsed = links.parse(token)
    return parsed is not None and keys.matches(parsed, Purpose.ACKNOWLEDGE, campaign, version)


def test_the_rig_can_tell_a_good_token() -> None:
    assert all(opens(ALL_KEYS.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, one, 1)) for one in PUBLIC_IDS)


def test_no_random_code_opens_anything() -> None:
    """Real people, real key numbers, all 256 of them in use; only the code is guessed."""
    generator = random.Random(SEED)
    people = [base64.urlsafe_b64decode(one + "==") for one in PUBLIC_IDS]
    accepted = 0
    for number in range(tries(20_000, 1_000_000)):
        accepted += opens(encoded(bytes([number % 256]) + people[number % len(people)] + generator.randbytes(16)))
    assert accepted == 0


def test_no_single_flipped_bit_opens_anything() -> None:
    """Every one of the 264 bits, of every person's token: there is no second spelling."""
    accepted = 0
    for one in PUBLIC_IDS:
        raw = int.from_bytes(base64.urlsafe_b64decode(ALL_KEYS.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, one, 1)), "big")
        for bit in range(TOKEN_BYTES * 8):
            accepted += opens(encoded((raw ^ 1 << bit).to_bytes(TOKEN_BYTES, "big")))
    assert accepted == 0


def test_no_flipped_bits_open_anything() -> None:
    generator = random.Random(SEED)
    raw = int.from_bytes(base64.urlsafe_b64decode(ALL_KEYS.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, PUBLIC_IDS[0], 1)), "big")
    accepted = 0
    for _ in range(tries(20_000, 1_000_000)):
        mask = 0
        while mask == 0:
            for _ in range(generator.randint(1, 4)):
                mask ^= 1 << generator.randrange(TOKEN_BYTES * 8)
        accepted += opens(encoded((raw ^ mask).to_bytes(TOKEN_BYTES, "big")))
    assert accepted == 0


def test_a_token_is_good_for_its_own_purpose_campaign_person_version_and_key_alone() -> None:
    """Each of 4,000 tokens against each of 800 doors: it opens exactly one."""
    purposes = (Purpose.ACKNOWLEDGE, *OtherPurpose)
    campaigns = (CAMPAIGN.id, "linkedin-ai", "another", f"{CAMPAIGN.id}|{PUBLIC_IDS[0]}", "")
    versions = (1, 2, 11, 0)
    people = PUBLIC_IDS[:4]
    doors = list(product(purposes, campaigns, versions))
    for key_id in (7, 8, 0, 255):
        one_key = LinkKeys({key_id: ALL_KEYS._keys[key_id]}, key_id)
        elsewhere = LinkKeys({key_id: ALL_KEYS._keys[(key_id + 1) % 256]}, key_id)
        for purpose, campaign, version in doors:
            for person in people:
                parsed = links.parse(one_key.sign(purpose, campaign, person, version))  # type: ignore[arg-type]
                assert parsed is not None
                opened = [door for door in doors if ALL_KEYS.matches(parsed, *door)]  # type: ignore[arg-type]
                assert opened == [(purpose, campaign, version)]
                assert not elsewhere.matches(parsed, purpose, campaign, version)  # type: ignore[arg-type]
    good = base64.urlsafe_b64decode(ALL_KEYS.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, people[0], 1))
    others = [good[:1] + base64.urlsafe_b64decode(person + "==") + good[17:] for person in people[1:]]
    renumbered = [bytes([number]) + good[1:] for number in range(256) if number != good[0]]
    assert not any(opens(encoded(raw)) for raw in others + renumbered)


def test_what_is_signed_for_forms_makes_no_link_and_a_link_makes_no_form() -> None:
    """Forms are proven by keys of their own; a code cannot be carried over."""
    keys = LinkKeys({7: b"k" * 32}, 7)
    person = base64.urlsafe_b64decode(PUBLIC_IDS[0] + "==")
    message = f"{Purpose.ACKNOWLEDGE}|{CAMPAIGN.id}|{PUBLIC_IDS[0]}|1".encode()
    for derived in keys.derive("form"):
        assert not opens(encoded(b"\x07" + person + hmac.digest(derived, message, "sha256")[:16]), keys)
    proofs = FormProofs(keys)
    proof = base64.urlsafe_b64decode(proofs.issue(visit="v", campaign=CAMPAIGN.id, public_id=PUBLIC_IDS[0], now=NOW))
    assert not opens(encoded(b"\x07" + person + proof[8:]), keys)
    link = base64.urlsafe_b64decode(keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, PUBLIC_IDS[0], 1))
    for forged in (proof[:8] + link[17:], link[1:9] + link[17:], link[:24]):
        assert proofs.fetched_at(encoded(forged), visit="v", campaign=CAMPAIGN.id, public_id=PUBLIC_IDS[0], now=NOW) is None


@pytest.fixture
def forged(pages: Rig) -> list[str]:
    """Three hundred tokens for real people that nobody signed."""
    generator = random.Random(SEED)
    good = base64.urlsafe_b64decode(pages.path(ANN).rpartition("/")[2])
    found = [encoded(bytes([number]) + good[1:]) for number in range(256) if number != good[0]][:60]
    found += [encoded(good[:17] + generator.randbytes(16)) for _ in range(100)]
    found += [encoded(good[:1] + base64.urlsafe_b64decode(one.public_id + "==") + good[17:]) for one in (BEN, LEA)]
    found += [encoded((int.from_bytes(good, "big") ^ 1 << bit).to_bytes(TOKEN_BYTES, "big")) for bit in range(0, 264, 2)]
    found += [pages.path(ANN, version=2).rpartition("/")[2], pages.path(ANN, campaign="another").rpartition("/")[2]]
    return [*found, good.hex(), "A" * 44, "%00" * 44, "=" * 44, "%2e" * 44, "é".encode().hex()]


def told_apart(page: Answered, token: str) -> tuple[int, str]:
    """A response without what the visitor sent."""
    return page.status, page.body.replace(token, "").replace(unquote(token), "")


def test_no_forged_link_opens_over_http_and_none_is_told_from_another(pages: Rig, forged: list[str]) -> None:
    """To whoever guesses, a person who exists, one who has left and nobody at all look the same; nothing can be sent either."""
    visitor = Visitor(pages)
    good = visitor.get(pages.path(ANN))
    form = {"proof": good.proof, "do": "answer", "answer": "done"}
    pages.wait(5)
    seen = set()
    for number, token in enumerate(forged):
        path = f"/a/{CAMPAIGN.id}/{token}"
        if number % 10 == 0:
            pages.wait(60)
        seen.add(told_apart(visitor.get(path), token))
        assert visitor.post(path, form).status in {404, 429}
    assert [status for status, _ in seen] == [404]
    assert pages.settled() == 0
    assert all(pages.answers(person) == [] for person in (ANN, BEN, LEA))
    assert visitor.post(pages.path(ANN), form).status == 303
