"""Somebody keeps every figure they were shown, knows every team and who left when, and calculates.

The attacker tries every life that every person may have led: settled by one week or another, or never, and not after they left.
What is possible is what agrees with all that was published. Somebody is found out where only one of settled and open is possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.groups import Tree
from notifier.domain.progress import SMALLEST_MINIMUM, Figure, Tally, table
from notifier.domain.teams import Report, Team, Teams, Unit

WEEKS = 3
NEVER = WEEKS
K = SMALLEST_MINIMUM


@dataclass(frozen=True)
class Published:
    """What was shown in one week: so many of these people are settled."""

    week: int
    people: frozenset[str]
    at_least: int
    at_most: int

    @classmethod
    def of(cls, week: int, people: Iterable[str], figure: Figure) -> Published:
        return cls(week, frozenset(people), figure.at_least, figure.at_most)


@dataclass
class Attacker:
    """What one viewer knows.

    Attributes:
        left: the first week in which somebody can answer no more (0: they may have answered before the first figure).
        known: the week from which somebody is known to be settled (NEVER: known to be open).
    """

    published: list[Published]
    left: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)

    def found_out(self) -> set[str]:
        """People of whom it is certain, in some week, how they stand."""
        return {person for people in self._independent() for person in self._certain(people)} - set(self.known)

    def _independent(self) -> list[set[str]]:
        """People whom no figure connects can be looked at apart."""
        parts: list[set[str]] = []
        for figure in self.published:
            touching = [part for part in parts if part & figure.people]
            parts = [part for part in parts if part not in touching] + [set(figure.people).union(*touching)]
        return parts

    def _certain(self, people: set[str]) -> Iterator[str]:
        figures = [figure for figure in self.published if figure.people <= people]
        alike: dict[tuple[int, ...], list[str]] = {}
        for person in sorted(people):
            alike.setdefault(tuple(sorted(self._lives(person, figures).values())), []).append(person)
        for group in alike.values():
            weeks = self._possible(group[0], people, figures)
            for week in range(WEEKS):
                if len({settled <= week for settled in weeks}) == 1:
                    yield from group
                    break

    def _lives(self, person: str, figures: list[Published]) -> dict[int, int]:
        """What each life adds to the figures: a digit to the base of 100 for each of them."""
        weeks = [self.known[person]] if person in self.known else [*range(max(1, self.left.get(person, WEEKS))), NEVER]
        return {
            settled: sum(100**at for at, figure in enumerate(figures) if person in figure.people and settled <= figure.week)
            for settled in weeks
        }

    def _possible(self, person: str, people: set[str], figures: list[Published]) -> set[int]:
        """The weeks in which this person may have settled."""
        sums = {0}
        for other in people - {person}:
            adds = set(self._lives(other, figures).values())
            sums = {total + add for total in sums for add in adds}
        return {
            settled for settled, add in self._lives(person, figures).items() if any(_agrees(total + add, figures) for total in sums)
        }


def _agrees(total: int, figures: list[Published]) -> bool:
    for figure in figures:
        total, number = divmod(total, 100)
        if not figure.at_least <= number <= figure.at_most:
            return False
    return True


@dataclass
class Company:
    """People of a census, and how it went with them.

    Attributes:
        home: whose team each person is counted in.
        settled: the week from which each is settled, or NEVER.
        left: the first week in which they can answer no more.
        named: those whom their own manager sees by name.
    """

    home: dict[str, str | None]
    settled: dict[str, int]
    left: dict[str, int]
    named: frozenset[str] = frozenset()

    @property
    def tree(self) -> Tree:
        managers = {home for home in self.home.values() if home}
        return Tree({manager: self.home[manager] for manager in managers}, managers)

    def tally(self, people: Iterable[str], week: int) -> Tally:
        crowd = list(people)
        left = sum(self.left.get(person, WEEKS) <= week for person in crowd)
        return Tally(len(crowd), left, sum(self.settled[person] <= week for person in crowd))

    def teams(self, week: int) -> Teams:
        units = {}
        for home in set(self.home.values()):
            reports = {person for person, above in self.home.items() if above == home}
            units[home] = Unit(self.tally(reports - self.named, week), self.tally(reports & self.named, week))
        return Teams(self.tree, units, K)

    def under(self, manager: str | None) -> set[str]:
        """Everybody below, by looking at each person's way up."""
        return {person for person in self.home if manager is None or manager in self._way_up(person)}

    def _way_up(self, person: str) -> list[str]:
        home = self.home[person]
        return [] if home is None else [home, *self._way_up(home)]

    def shown(self, viewer: str, week: int, team: Team) -> Iterator[Published]:
        """Which people each figure is about."""
        for block in team.blocks:
            people = set().union(*(self.under(below) for below in block.teams))
            if block.direct:
                people |= {person for person, home in self.home.items() if home == viewer} - self.named
            if block.figure:
                yield Published.of(week, people, block.figure)
        if team.around:
            yield Published.of(week, self.under(team.around.manager), team.around.figure)

    def attacker(self, viewer: str, friend: str | None) -> Attacker:
        """The viewer, who knows their own answer or that of a friend, and of the named ones."""
        published = [figure for week in range(WEEKS) for figure in self.shown(viewer, week, self.teams(week).team(viewer))]
        known = {person for person in self.named if self.home[person] == viewer} | ({friend} if friend else set())
        return Attacker(published, self.left, {person: self.settled[person] for person in known})


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """A head, some managers below, perhaps one more level, and teams of all sizes; answers that lean to none and to all."""
    home: dict[str, str | None] = {"head": None}
    for number, size in enumerate(draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))):
        above = draw(st.sampled_from(["head", *(f"m{earlier}" for earlier in range(number))]))
        home[f"m{number}"] = above
        home.update({f"p{number}.{report}": f"m{number}" for report in range(size)})
    home.update({f"h{report}": "head" for report in range(draw(st.integers(0, 5)))})
    people = list(home)
    leavers = draw(st.sets(st.sampled_from(people), max_size=6))
    left = {person: draw(st.integers(0, WEEKS - 1)) for person in sorted(leavers)}
    usual = draw(st.sampled_from([0, 1, 2, NEVER]))
    settled = dict.fromkeys(people, usual)
    for person in sorted(draw(st.sets(st.sampled_from(people), max_size=len(people)))):
        settled[person] = draw(st.integers(0, NEVER))
    for person, week in left.items():
        settled[person] = NEVER if settled[person] >= max(1, week) else settled[person]
    named = draw(st.one_of(st.just(set[str]()), st.sets(st.sampled_from(people))))
    return Company(home, settled, left, frozenset(named))


@settings(deadline=None, max_examples=60)
@given(companies(), st.data())
def test_nobody_is_found_out_from_what_one_viewer_was_shown(company: Company, data: st.DataObject) -> None:
    viewer = data.draw(st.sampled_from(sorted(company.tree.above)))
    friend = data.draw(st.sampled_from([viewer, *company.home]))
    assert company.attacker(viewer, friend).found_out() == set()


def test_what_it_would_take_to_be_found_out() -> None:
    """Without the rules the attacker wins: each of these is what a rule of `progress` is there against."""
    ten = frozenset("abcdefghij")
    direct_and_all = [Published(0, ten, 5, 5), Published(0, ten | {"z"}, 6, 6)]
    assert Attacker(direct_and_all).found_out() == {"z"}
    one_joined = [Published(0, ten, 5, 5), Published(1, ten | {"z"}, 5, 5)]
    assert Attacker(one_joined).found_out() == {"z"}
    one_left = [Published(0, ten | {"z"}, 6, 6), Published(1, ten, 5, 5)]
    assert Attacker(one_left, left={"z": 1}).found_out() == {"z"}
    five_left_and_no_edge_for_them = [Published(0, ten, 3, 3), Published(1, ten, 8, 8)]
    assert Attacker(five_left_and_no_edge_for_them, left=dict.fromkeys("abcde", 1)).found_out() == set("fghij")
    all_of_them = [Published(2, ten, 10, 10)]
    assert Attacker(all_of_them).found_out() == ten
    all_but_one_who_is_known = [Published(0, ten, 9, 9)]
    assert Attacker(all_but_one_who_is_known, known={"a": NEVER}).found_out() == ten - {"a"}
    a_narrow_edge = [Published(0, ten, 9, 10)]
    assert Attacker(a_narrow_edge, known={"a": NEVER}).found_out() == ten - {"a"}
    one_cell_left_out = [Published(0, ten, 5, 5), Published(0, ten | {"y", "z"}, 7, 7)]
    assert Attacker(one_cell_left_out).found_out() == {"y", "z"}


def test_the_same_questions_have_no_answer_by_the_rules() -> None:
    home: dict[str, str | None] = dict.fromkeys("abcdefghij", "head") | {"head": None, "m": "head", "z": "m"}
    company = Company(
        home, dict.fromkeys(home, NEVER) | dict.fromkeys("abc", 0) | dict.fromkeys("fghij", 1), dict.fromkeys("abcde", 1)
    )
    assert [(len(shown.people), shown.at_least, shown.at_most) for shown in company.attacker("head", None).published] == [
        (12, 3, 3),  # the only person of m's team is not the difference between two figures
        (12, 5, 12),  # eight settled: with five who left, that is too near to all who are there
        (12, 5, 12),
    ]
    assert company.attacker("head", "a").found_out() == set()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.booleans(), max_size=9), max_size=6), st.data())
def test_nobody_is_found_out_from_a_table(cells: list[list[bool]], data: st.DataObject) -> None:
    people = {f"{cell}": {f"{cell}.{at}": settled for at, settled in enumerate(answers)} for cell, answers in enumerate(cells)}
    rows = table({cell: Tally(len(crowd), 0, sum(crowd.values())) for cell, crowd in people.items()}, K)
    everybody = {person: settled for crowd in people.values() for person, settled in crowd.items()}
    sizes = [sum(len(people[cell]) for cell in row.cells) for row in rows]
    assert [row.figure.people for row in rows] == sizes
    assert sum(sizes) == (len(everybody) if len(everybody) >= K else 0)
    assert all(size >= K for size in sizes)
    shown = [Published.of(0, (person for cell in row.cells for person in people[cell]), row.figure) for row in rows]
    friend = data.draw(st.sampled_from(sorted(everybody))) if everybody else None
    known = {friend: 0 if everybody[friend] else NEVER} if friend else {}
    assert Attacker(shown, known=known).found_out() == set()


@settings(deadline=None, max_examples=60)
@given(companies(), st.data())
def test_names_are_of_nobody_who_is_counted_for_the_same_manager(company: Company, data: st.DataObject) -> None:
    """Even after everybody has moved to one manager."""
    viewer = data.draw(st.sampled_from(sorted(company.tree.above)))
    teams = company.teams(2)
    reports = [
        Report(person, open=True, agreed=True, home=home, named=person in company.named) for person, home in company.home.items()
    ]
    named = set(teams.names(viewer, [*reports, Report("new", open=True, agreed=True, home=None, named=False)]))
    team = teams.team(viewer)
    counted = {person for shown in company.shown(viewer, 0, company.teams(0).team(viewer)) for person in shown.people}
    assert not named & counted
    assert not (team.around and named)
    assert teams.names(viewer, [Report("a", open=False, agreed=True, home=None, named=False)]) == ()
    assert teams.names(viewer, [Report("a", open=True, agreed=False, home=None, named=False)]) == ()


@settings(deadline=None, max_examples=60)
@given(companies())
def test_figures_agree_and_nobody_is_counted_twice(company: Company) -> None:
    for week in range(WEEKS):
        teams = company.teams(week)
        organisation = company.tally(company.home, week)
        assert teams.organisation == organisation.figure(K)
        for viewer in company.tree.above:
            team = teams.team(viewer)
            below = company.under(viewer) - {person for person in company.named if company.home[person] == viewer}
            shown = list(company.shown(viewer, week, team))
            if team.blocks:
                assert sum(len(figure.people) for figure in shown) == len(set().union(*(figure.people for figure in shown)))
                assert set().union(*(figure.people for figure in shown)) <= below
            assert (team.total.people if team.total else 0) == sum(block.figure.people for block in team.blocks if block.figure)
            if all(block.figure for block in team.blocks) and team.total:
                assert team.total.people == len(below)
                assert team.total.at_least <= company.tally(below, week).settled <= team.total.at_most
            assert bool(team.blocks) == (len(below) >= K)
            for figure in shown:
                truth = company.tally(figure.people, week)
                assert figure.at_least <= truth.settled <= figure.at_most
                assert truth.people - truth.left >= K
