"""The reference of all keys, written from the models."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from notifier.settings import schema
from notifier.settings.report import show_value

_HEAD = """\
# Configuration

Every key of `config.toml`. Unknown keys are refused, and everything that is wrong is listed at once: `notifier check`.

A value comes from the last of these places that names it:

1. the default named here;
2. the file: the one named with `--config`, else the one that `NOTIFIER_CONFIG` names, else `./config.toml`, else
   `/etc/notifier/config.toml`;
3. for secrets, the file that a key ending in `_file` names, which holds the secret and nothing else;
4. for secrets, a credential of systemd (`LoadCredential=email__smtp__password:/path`), named after the key;
5. the environment variable named here; an empty one counts as not set;
6. `--set key=value` on the command line; never for secrets.

Secrets do not belong in the file: one that stands there is refused. Relative paths in the file start from its folder; in variables
and flags they start from the working directory. `notifier config show` prints every value and where it comes from.
"""


def reference() -> str:
    """All tables and keys, as Markdown."""
    return "\n".join([_HEAD, *_tables()])


def variable(path: tuple[str, ...]) -> str:
    """The environment variable of a key."""
    return "NOTIFIER_" + "__".join("NAME" if part == schema.ANY_NAME else part.upper() for part in path)


def _tables() -> Iterator[str]:
    for table in schema.tables():
        rows = [schema.Key((*table.path, name), kind, field) for name, (kind, field) in _keys_of(table).items()]
        rows = [row for row in rows if not row.kind.model and not _is_nested(row.kind)]
        if not rows:
            continue
        yield f"## {_heading(table)}\n"
        yield f"{_doc(table)}\n"
        for row in rows:
            yield f"### `{row.path[-1]}`\n"
            yield f"{row.doc}\n"
            yield _facts(row, has_variable=table.kind.model is None or table.path[-1:] != ("steps",))


def _keys_of(table: schema.Key) -> dict[str, tuple[schema.Kind, FieldInfo]]:
    return schema.children(table.kind.model) if table.kind.model else {}


def _is_nested(kind: schema.Kind) -> bool:
    return kind.type in {dict, tuple} and schema.item_of(kind).model is not None


def _heading(table: schema.Key) -> str:
    if not table.path:
        return "At the top of the file"
    name = ".".join("NAME" if part == schema.ANY_NAME else part for part in table.path)
    return f"`[[{name}]]`" if table.path[-1] == "steps" else f"`[{name}]`"


def _doc(table: schema.Key) -> str:
    return (table.kind.model.__doc__ or "").strip() if table.path and table.kind.model else "Before the first table."


def _facts(row: schema.Key, *, has_variable: bool) -> str:
    facts = [f"- Expects {row.kind.phrase}."]
    if row.is_required:
        facts.append(f"- Required. Example: `{row.path[-1]} = {row.example}`")
    else:
        facts.append(f"- Default: {'none' if row.default is None else f'`{show_value(row.default)}`'}.")
    if has_variable:
        facts.append(f"- Variable: `{variable(row.path)}`")
    return "\n".join(facts) + "\n"
