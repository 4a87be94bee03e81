"""The roster into the store: compared, judged, and applied in one transaction, with a line in the history either way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.errors import BadDataError
from notifier.roster.alike import compare_rows
from notifier.roster.diff import RosterDiff, diff, refusal
from notifier.roster.reading import RosterReading
from notifier.store import employees, marks, outbox, refused_rosters, roster_changes, roster_rows, snapshots, teams
from notifier.store.database import Connection, Database
from notifier.store.employees import SyncRecord
from notifier.store.people import People
from notifier.store.refused_rosters import MOST_NAMED, Touched
from notifier.store.roster_changes import Touch


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What came of a roster.

    Attributes:
        refused: why nothing was applied, in words, or None.
        applied: False too for a dry run.
        cancelled: waiting deliveries of leavers that will not be sent.
    """

    reading: RosterReading
    diff: RosterDiff
    refused: str | None
    applied: bool
    cancelled: int = 0

    def raise_if_refused(self) -> None:
        """Turn a refusal into an error for the command line.

        Raises:
            BadDataError: says why, and what to do.
        """
        if self.refused is not None:
            msg = f"the roster was not applied: {self.refused}"
            hint = f"look at `notifier roster sync --dry-run`; if it is right, repeat with --accept-changes {self.diff.size}"
            raise BadDataError(msg, hint=hint)


def compare(
    connection: Connection, reading: RosterReading, *, largest_change: int, accept_changes: int | None = None
) -> SyncOutcome:
    """What the roster would do, without doing it. What somebody has approved (`store/refused_rosters.py`) is not refused again."""
    changes, active = _changes(connection, reading)
    accept_changes = max(accept_changes or 0, refused_rosters.approved_size(connection) or 0) or None
    refused = refusal(changes, reading, active=active, largest_change=largest_change, accept_changes=accept_changes)
    return SyncOutcome(reading, changes, refused, applied=False)


def _changes(connection: Connection, reading: RosterReading) -> tuple[RosterDiff, int]:
    """The difference, worked out for the people who are not the same in both; and how many the store has in the roster now."""
    people = People.of(reading.accepted).with_leaves(teams.noted_leaves(connection))
    keep = {row.employee_id for row in reading.set_aside if row.employee_id is not None}
    if employees.is_empty(connection):
        return diff({}, people, keep=keep), 0
    unlike = compare_rows(roster_rows.present_rows(connection), roster_rows.rows_of(connection, people))
    accepted = roster_rows.people_of(connection, unlike.new)
    stored = employees.load_some(connection, unlike.stored.union(map(roster_rows.id_of, unlike.new)))
    changes = diff(stored, accepted, keep=keep)
    return replace(changes, unchanged=changes.unchanged + unlike.alike), unlike.alike + len(unlike.stored)


def synchronise(
    database: Database, reading: RosterReading, *, now: datetime, largest_change: int, accept_changes: int | None = None
) -> SyncOutcome:
    """Compare and, unless it looks like an accident, apply. The history gets a line either way.

    Raises:
        StoreError: the store cannot be used.
    """
    with database.write() as connection:
        employees.lock_roster(connection)
        seen = compare(connection, reading, largest_change=largest_change, accept_changes=accept_changes)
        cancelled = apply(connection, seen.diff, now) if seen.refused is None else 0
        outcome = replace(seen, applied=seen.refused is None, cancelled=cancelled)
        if outcome.applied:
            snapshots.keep(connection, reading.source, reading.snapshot)
        number = employees.record_sync(connection, _record(outcome, now))
        if outcome.refused is not None:
            refused_rosters.keep(connection, number, outcome.diff.size, _touched(outcome.diff))
        else:
            roster_changes.keep(connection, number, _known(outcome.diff))
    return outcome


def apply(connection: Connection, changes: RosterDiff, now: datetime) -> int:
    """Write a diff. Returns how many waiting deliveries of leavers were cancelled."""
    edited = (*changes.returned, *changes.moved, *changes.changed)
    gone = [known.key for known in changes.leavers]
    employees.mark_left(connection, gone, now)
    employees.change(connection, ((change.before, change.after) for change in edited))
    employees.add(connection, changes.joiners, now)
    outbox.restore_for_returned(connection, [change.before.key for change in changes.returned], now)
    if changes.size:
        marks.look_again(connection)
    return outbox.cancel_for_leavers(connection, gone, now)


def _touched(changes: RosterDiff) -> dict[str, tuple[int, list[Touched]]]:
    """Whom a diff touches, by kind: how many, and the first of them."""
    there = {"joiners": changes.joiners, "leavers": [known.employee for known in changes.leavers]}
    edited = {"returned": changes.returned, "moved": changes.moved, "changed": changes.changed}
    named = {kind: [Touched(one.id, one.name) for one in people[:MOST_NAMED]] for kind, people in there.items()}
    named |= {kind: [Touched(one.after.id, one.after.name, one.what) for one in some[:MOST_NAMED]] for kind, some in edited.items()}
    counts = {kind: len(people) for kind, people in (there | edited).items()}
    return {kind: (counts[kind], people) for kind, people in named.items()}


def _known(changes: RosterDiff) -> Iterator[tuple[int, Touch, tuple[str, ...]]]:
    """Whom a diff touches of those whom the store knows."""
    yield from ((known.key, Touch.WENT, ()) for known in changes.leavers)
    yield from ((change.before.key, Touch.CAME, change.what) for change in changes.returned)
    yield from ((change.before.key, Touch.CHANGED, change.what) for change in (*changes.moved, *changes.changed))


def _record(outcome: SyncOutcome, now: datetime) -> SyncRecord:
    changes, reading = outcome.diff, outcome.reading
    return SyncRecord(
        at=now,
        source=reading.source[-255:],
        applied=outcome.applied,
        accepted=len(reading.accepted),
        left_out=len(reading.left_out),
        set_aside=len(reading.set_aside),
        joiners=len(changes.joiners) + len(changes.returned),
        leavers=len(changes.leavers),
        changed=len(changes.moved) + len(changes.changed),
        reason=outcome.refused,
    )
