"""The ledger on both databases: acts, what is gathered from rows, what is sealed, and what is left after an erasure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.ledger import FORGOTTEN
from notifier.errors import StoreError
from notifier.store import acknowledgements, gathering, holds, ledger, seals, texts
from notifier.store.database import Database
from notifier.store.gathering import OVERLAP, gather
from notifier.store.keeping import LOOKS_AT_ALL_EVERY, Kept, LedgerKeeper
from notifier.store.ledger import Entry
from notifier.store.oversight import ledger as table
from notifier.store.tables import deliveries
from notifier.store.texts import Text
from tests.evidence_rig import CAMPAIGN, REPLY, answer, archive_of, live, taken_apart
from tests.people import NOW, move_in
from tests.rows_rig import add_row
from tests.store_faults import commit_fails, store_fails

MINUTE = timedelta(minutes=1)


def entries(database: Database, **which: Any) -> list[Entry]:
    """From the first to the last."""
    with database.read() as connection:
        return list(ledger.tell(connection, **which))[::-1]


def told(database: Database) -> list[tuple[str, int]]:
    return [(entry.event, entry.subject) for entry in entries(database)]


def ended(database: Database, minutes: float, **differs: Any) -> int:
    """A delivery of the first person that ended so many minutes after NOW."""
    with database.write() as connection:
        return add_row(connection, 1, **{"state": "accepted", "finished_at": NOW + minutes * MINUTE} | differs)


@pytest.fixture
def company(database: Database) -> Database:
    with database.write() as connection:
        move_in(connection)
    return database


def test_an_act_and_its_entry_are_true_together_or_not_at_all(company: Database) -> None:
    facts, personal = {"scope": "all", "count": 3, "sure": True, "why": None}, {"reason": "Chloé asked"}
    with company.write() as connection:
        number = ledger.note(connection, event="hold", now=NOW, actor="Ada", facts=facts, personal=personal, employee_key=3)
    with pytest.raises(ZeroDivisionError), company.write() as connection:
        _ = ledger.note(connection, event="resume", now=NOW, facts={}) / 0
    (entry,) = entries(company)
    assert entry == Entry(number, NOW, "hold", 0, "", 3, "Ada", facts, personal | {"actor": "Ada"}, None)
    with company.read() as connection:
        row = connection.execute(select(table)).one()
    assert row.commitment == hashlib.sha256(bytes.fromhex(row.salt) + row.personal.encode()).hexdigest()


def test_entries_are_told_page_by_page(company: Database) -> None:
    with company.write() as connection:
        numbers = [
            ledger.note(connection, event=f"act {n}", now=NOW + n * MINUTE, employee_key=n % 2 + 1, facts={}) for n in range(5)
        ]
    with company.read() as connection:
        assert [entry.event for entry in ledger.tell(connection, most=2)] == ["act 4", "act 3"]
        assert [entry.event for entry in ledger.tell(connection, most=2, before_id=numbers[3])] == ["act 2", "act 1"]
        assert [entry.event for entry in ledger.tell(connection, employee_key=2)] == ["act 3", "act 1"]
        assert [entry.event for entry in ledger.tell(connection, since=NOW + 3 * MINUTE)] == ["act 4", "act 3"]


def test_everything_that_happened_is_gathered_once(database: Database) -> None:
    keys = live(database)
    found = {(entry.event, entry.employee_key): entry for entry in entries(database)}
    refused = found["delivery refused", keys["3"]]
    assert refused.facts == {"kind": "reminder", "occasion": 7, "message": "reminder", "channel": "smtp", "attempts": 0}
    assert refused.personal == {"employee_id": "3", "reply": REPLY}
    assert found["answered", keys["3"]].facts == {
        "answer": "prefer_not_to_say",
        "assurance": "link",
        "channel": "page",
        "settles": True,
    }
    assert found["answer taken back", keys["2"]].facts == {"answer": "done", "assurance": "link", "revoked_because": "undone"}
    assert found["hold placed", None].facts == {"scope": "smtp", "reason": "6 of the last 100 messages were refused"}
    assert found["roster refused", None].personal == {"reason": "11 of 12 people would leave"}
    assert found["roster applied", None].facts["joiners"] == 12
    assert [event for event, _ in told(database)].count("delivery accepted") == 4
    before = told(database)
    assert gather(database, since=None) == 0
    assert gather(database, since=NOW) == 0
    assert told(database) == before


def test_what_ends_again_is_noted_again(company: Database) -> None:
    number = ended(company, 1)
    gather(company, since=None)
    with company.write() as connection:
        bounced = update(deliveries).values(state="refused", finished_at=NOW + 9 * MINUTE, reason="bounced: no such user")
        connection.execute(bounced)
    gather(company, since=NOW + 9 * MINUTE)
    assert told(company) == [("delivery accepted", number), ("delivery refused", number)]


def test_a_hold_that_an_operator_placed_or_a_provider_asked_for_is_not_gathered(company: Database) -> None:
    """The operator's act has its own entry; a pause that ends by itself is no decision."""
    with company.write() as connection:
        holds.place(connection, scope="all", reason="wrong text", actor="Ada", now=NOW)
        holds.place(connection, scope="graph", reason="Retry-After", actor=holds.SERVICE, now=NOW, until=NOW + MINUTE)
    assert gather(company, since=None) == 0


def test_an_answer_on_behalf_names_who_recorded_it(company: Database) -> None:
    with company.write() as connection:
        acknowledgements.record(
            connection,
            campaign=CAMPAIGN.id,
            employee_key=2,
            answer=Answer.DONE,
            assurance=Assurance.ATTESTED,
            channel="cli",
            receipt_channel="smtp",
            now=NOW,
            actor="ada@machine",
        )
    gather(company, since=None)
    (entry,) = entries(company)
    assert (entry.actor, entry.personal) == ("ada@machine", {"employee_id": "2", "actor": "ada@machine"})


def test_rows_that_arrive_late_are_found(company: Database) -> None:
    """Committed by a process that waited: within the overlap by the next pass; from long ago when everything is looked at again."""
    keeper = LedgerKeeper(company)
    ended(company, 60)
    hour = NOW + 60 * MINUTE
    assert keeper.keep_ledger(hour) == Kept(1, 1)
    ended(company, 60 - OVERLAP / MINUTE + 0.1, occasion=1)
    ended(company, 5, occasion=2)
    with company.write() as connection:
        answer(connection, 2, minutes=1)
    assert keeper.keep_ledger(hour + MINUTE) == Kept(2, 2)
    assert keeper.keep_ledger(hour + LOOKS_AT_ALL_EVERY) == Kept(1, 1)


def test_a_clock_that_is_set_back_hides_nothing(company: Database) -> None:
    keeper = LedgerKeeper(company)
    keeper.keep_ledger(NOW + 50 * MINUTE)
    keeper.keep_ledger(NOW + 59 * MINUTE)
    ended(company, 51)
    assert keeper.keep_ledger(NOW + 52 * MINUTE).gathered == 1
    ended(company, 1, occasion=1)
    assert keeper.keep_ledger(NOW + 2 * MINUTE).gathered == 1


@pytest.mark.parametrize("fault", [lambda d: store_fails(d, "INSERT INTO ledger", 1), lambda d: commit_fails(d, 1)])
def test_a_crash_between_two_steps_loses_and_doubles_nothing(company: Database, fault: Callable[[Database], Any]) -> None:
    for occasion in range(5):
        ended(company, occasion, occasion=occasion)
    keeper = LedgerKeeper(company)
    with pytest.raises(StoreError), fault(company):
        keeper.keep_ledger(NOW)
    keeper.keep_ledger(NOW)
    assert [event for event, _ in told(company)] == ["delivery accepted"] * 5
    assert [entry.position for entry in entries(company)] == [1, 2, 3, 4, 5]


def test_a_pass_that_is_stopped_goes_on_later(company: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "BLOCK", 2)
    for occasion in range(5):
        ended(company, 1, occasion=occasion)  # at one instant: the ids tell them apart
    asked = iter([False, False, False, False, True, True, True, True, True, True])
    keeper = LedgerKeeper(company, stopping=lambda: next(asked, False))
    first = keeper.keep_ledger(NOW + 2 * MINUTE)
    assert first.gathered < 5
    assert first.gathered + keeper.keep_ledger(NOW + 2 * MINUTE).gathered == 5


def test_places_in_the_chain_are_given_when_it_is_sealed(company: Database) -> None:
    """An entry that is committed late stands behind those that were sealed before it, whatever its id."""
    row = {"at": NOW, "facts": "{}", "commitment": ""}
    for number, event in ((20, "early"), (10, "late")):
        with company.write() as connection:
            connection.execute(insert(table).values(row | {"id": number, "event": event}))
        seals.seal(company, NOW)
    assert [(entry.event, entry.position) for entry in entries(company)] == [("late", 2), ("early", 1)]


def test_seals_are_a_chain(company: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "_UNSEALED", seals._UNSEALED.limit(2))
    with company.write() as connection:
        for n in range(5):
            ledger.note(connection, event=f"act {n}", now=NOW - n * MINUTE, facts={})
    assert seals.seal(company, NOW) == 5
    assert seals.seal(company, NOW) == 0
    with company.read() as connection:
        chain = list(seals.chain(connection, 3))
        assert seals.head(connection) == chain[-1]
    assert [(seal.number, seal.first, seal.last) for seal in chain] == [(1, 1, 2), (2, 3, 4), (3, 5, 5)]
    assert [(entry.event, entry.position) for entry in entries(company)] == [(f"act {n}", n + 1) for n in range(5)]  # by their ids
    assert [seal.previous for seal in chain] == ["0" * 64, chain[0].hash, chain[1].hash]


def test_writers_and_sealers_at_once(database: Database) -> None:
    """Two that write and two that seal, together: each entry has one place, and none is left out."""
    other = Database(database.engine.url.render_as_string(hide_password=False))

    def write(through: Database) -> None:
        for n in range(20):
            with through.write() as connection:
                ledger.note(connection, event="act", now=NOW, facts={"n": n})

    def keep(through: Database) -> None:
        while not all(writer.done() for writer in writers):
            seals.seal(through, NOW)

    with ThreadPoolExecutor(4) as threads:
        writers = [threads.submit(write, through) for through in (database, other)]
        for done in [*writers, threads.submit(keep, database), threads.submit(keep, other)]:
            done.result()
    seals.seal(database, NOW)
    other.close()
    with database.read() as connection:
        positions = list(connection.scalars(select(table.c.position).order_by(table.c.position)))
        head = seals.head(connection)
        chain = list(seals.chain(connection, 1000))
    assert positions == list(range(1, 41))
    assert head is not None
    assert [seal.number for seal in chain] == list(range(1, head.number + 1))
    assert [seal.first for seal in chain] == [1, *(seal.last + 1 for seal in chain[:-1])]


def test_an_erasure_takes_what_is_personal_and_says_so(database: Database) -> None:
    keys = live(database)
    with database.write() as connection:
        count = ledger.forget(connection, keys["3"], now=NOW + 20 * MINUTE, actor="Ada")
    about = entries(database, employee_key=keys["3"])
    assert count == len(about) == 4
    assert all(entry.personal is None and entry.actor == "" for entry in about)
    assert all(entry.personal for entry in entries(database, employee_key=keys["2"]))
    last = entries(database)[-1]
    assert (last.event, last.actor, last.facts) == (FORGOTTEN, "Ada", {"person": keys["3"], "entries": 4})
    with database.read() as connection:
        kept = select(func.count()).where(table.c.employee_key == keys["3"], table.c.salt.is_not(None))
        assert connection.scalar(kept) == 0


def test_when_its_time_is_over_a_campaign_is_forgotten(database: Database) -> None:
    keys = live(database)
    with database.write() as connection:
        assert ledger.forget_campaign(connection, CAMPAIGN.id, list(keys.values()), now=NOW) > 0
        assert ledger.forget_campaign(connection, CAMPAIGN.id, list(keys.values()), now=NOW) == 0
    open_ones = [entry for entry in entries(database) if entry.personal and entry.employee_key]
    assert {entry.campaign for entry in open_ones} == {"another-campaign"}


def test_each_version_of_a_text_is_kept_and_each_change_noted(company: Database) -> None:
    def use(*versions: Text) -> int:
        with company.write() as connection:
            return texts.use(connection, versions, NOW)

    first, second = Text("c", "notice", "en", "Bonjour à tous"), Text("c", "notice", "en", "Hello")
    page = Text("c", "page", "en", "Hello")
    assert [use(first, page), use(first, page), use(second, page), use(first, page), use(page), use(first, page)] == [
        2,
        0,
        1,
        1,
        0,
        1,
    ]
    assert [(entry.event, entry.facts["name"], entry.facts["sha256"]) for entry in entries(company)][2:] == [
        ("text in use", "notice", hashlib.sha256(b"Hello").hexdigest()),
        ("text in use", "notice", hashlib.sha256("Bonjour à tous".encode()).hexdigest()),
        ("text in use", "notice", first.hash),
    ]
    with company.read() as connection:
        kept = list(texts.of_campaign(connection, "c"))
    assert sorted(kept, key=lambda text: (text.name, text.source)) == [first, second, page]


def test_what_is_kept_as_json_is_canonical(database: Database) -> None:
    """The hash is over the text itself: written in any other way it would be another entry."""
    live(database)
    with database.read() as connection:
        for row in connection.execute(select(table.c.facts, table.c.personal)):
            for text in filter(None, row):
                assert text == json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def test_the_figures_of_an_archive_are_those_of_the_rows(database: Database, tmp_path: Path) -> None:
    """Counted by hand from the story: three told, one of them refused with the next message; one answer stands, one was undone."""
    keys = live(database)
    with database.write() as connection:
        answer(connection, keys["9"], Answer.HELP, minutes=30)
        answer(connection, keys["9"], minutes=31)
        bounced = (deliveries.c.employee_key == keys["1"], deliveries.c.state == "accepted")
        connection.execute(update(deliveries).where(*bounced).values(state="refused", finished_at=NOW + 40 * MINUTE))
    exported = archive_of(database, tmp_path)
    figures = json.loads(taken_apart(exported.path)["figures.json"])
    assert figures["told"] == [
        {"message": "notice", "channel": "smtp", "state": "accepted", "count": 2},
        {"message": "notice", "channel": "smtp", "state": "refused", "count": 1},
        {"message": "reminder", "channel": "smtp", "state": "refused", "count": 1},
        {"message": "reminder", "channel": "smtp", "state": "superseded", "count": 1},
    ]
    assert figures["answers"] == [
        {"answer": "done", "assurance": "link", "stand": 1, "taken_back": 1},
        {"answer": "help", "assurance": "link", "stand": 0, "taken_back": 1},
        {"answer": "prefer_not_to_say", "assurance": "link", "stand": 1, "taken_back": 0},
    ]
    assert (figures["people"], figures["settled"], figures["reached"]) == (12, 2, 2)
    assert figures["rosters"] == {"applied": 1, "refused": 1}
    assert figures["up_to_position"] == exported.head.last - 1
