"""The places that are found are the ones where `tomllib` reads the values."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.settings.locate import KeyPath, line_and_column, locate

_names = st.sampled_from(["a", "b-1", "c_2", '"d e"', "'f.g'", '"h\\"i"', "10", '"#"', '"é"'])
_scalars = st.one_of(
    st.integers().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(
        [
            "1979-05-27 07:32:00Z",
            "07:32:00",
            "1_000",
            "0xff",
            "inf",
            '"#[]{}=,"',
            "'C:\\dir\\'",
            '"a\\"b"',
            '""',
            "''",
            '"""x\n[no.table]\ny = 1"""',
            "'''it's '' # =\n'''",
            '"""ends in quote\\""""',
            '"""two quotes"""""',
            '"""a \\\n  b"""',
            '""""""',
        ]
    ),
)
_blank = st.sampled_from(["", " ", "\t"])
_lines = st.sampled_from(["", "\n", " # remark, [x] = 1\n", "\n\n  "])


def _array(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(items, max_size=3), _lines, st.booleans()).map(
        lambda drawn: "[" + drawn[1] + f",{drawn[1]}".join(drawn[0]) + ("," if drawn[2] and drawn[0] else "") + drawn[1] + "]"
    )


def _inline(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(_names, _blank, items), max_size=3, unique_by=lambda pair: pair[0])
    one_line = pairs.filter(lambda drawn: all("\n" not in value for _, _, value in drawn))
    return one_line.map(lambda drawn: "{" + ", ".join(f"{name}{blank}={blank}{value}" for name, blank, value in drawn) + " }")


_values = st.recursive(_scalars, lambda items: st.one_of(_array(items), _inline(items)), max_leaves=6)
_pairs = st.tuples(st.lists(_names, min_size=1, max_size=2), _blank, _values, st.sampled_from(["", "  # why", " "])).map(
    lambda drawn: f"{f'{drawn[1]}.{drawn[1]}'.join(drawn[0])}{drawn[1]}={drawn[1]}{drawn[2]}{drawn[3]}"
)
_headers = st.tuples(st.booleans(), st.lists(_names, min_size=1, max_size=3), _blank).map(
    lambda drawn: ("[[{}]]" if drawn[0] else "[{}]").format(drawn[2] + f"{drawn[2]}.".join(drawn[1]) + drawn[2])
)
_documents = st.tuples(
    st.lists(st.one_of(_pairs, _headers, st.sampled_from(["", "# remark = [1]", "   "])), max_size=14),
    st.sampled_from(["\n", "\r\n"]),
).map(lambda drawn: drawn[1].join(drawn[0]))


def _leaves(value: Any, path: KeyPath) -> dict[KeyPath, Any]:
    if isinstance(value, dict) and value:
        return {key: leaf for name, item in value.items() for key, leaf in _leaves(item, (*path, name)).items()}
    if isinstance(value, list) and value:
        return {key: leaf for number, item in enumerate(value) for key, leaf in _leaves(item, (*path, number)).items()}
    return {path: value}


@settings(max_examples=600, deadline=None)
@given(_documents)
def test_every_value_is_found_where_it_stands(text: str) -> None:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    entries = locate(text)
    for path, value in _leaves(read, ()).items():
        if path == ():
            continue
        assert path in entries
        entry = entries[path]
        if entry.value is not None:
            assert tomllib.loads(f"x = {text[entry.value.start : entry.value.end]}")["x"] == value
        else:
            assert value == {}
            assert text[entry.key.start] == "["


def test_most_generated_documents_are_read() -> None:
    """The property above would prove nothing if `tomllib` refused nearly all documents."""
    seen: list[bool] = []

    @settings(max_examples=300, deadline=None, database=None)
    @given(_documents)
    def collect(text: str) -> None:
        try:
            seen.append(bool(tomllib.loads(text)))
        except tomllib.TOMLDecodeError:
            seen.append(False)

    collect()
    assert sum(seen) > len(seen) / 4


def test_the_newest_table_of_an_array_is_meant() -> None:
    text = "[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[a.b.d]\ne = 3\n"
    entries = locate(text)
    assert line_and_column(text, entries["a", "b", 0, "c"].key.start) == (2, 1)
    assert line_and_column(text, entries["a", "b", 1, "c"].key.start) == (4, 1)
    assert line_and_column(text, entries["a", "b", 1, "d", "e"].value.start) == (6, 5)  # type: ignore[union-attr]


def test_a_table_with_a_header_of_its_own_has_that_place() -> None:
    text = "[a.b]\nc = 1\n[a]\nd = 2\n"
    assert locate(text)["a",].key.start == text.index("[a]")
