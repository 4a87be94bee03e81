"""What the API says, as types: every answer is made through them, and so is the OpenAPI 3.1 document that describes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from notifier import __version__
from notifier.store.tables import Kind, State

PREFIX = "/api/v1"
MOST = 500


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)


class Step(_Said):
    """One point of the countdown."""

    days_before: int
    """Before the deadline; negative after it."""
    message: str


class Campaign(_Said):
    """What is asked, by which date."""

    id: str
    deadline: date
    """The start of this day; the last safe day is the day before."""
    closes_on: date
    """From this day on nothing is answered any more."""
    steps: list[Step]


class Campaigns(_Said):
    """All that are configured."""

    campaigns: list[Campaign]


class Row(_Said):
    """A group of people: one cell of a table, or several small ones together. Near nobody and everybody only bounds are told."""

    cells: list[str]
    """Countries of ISO 3166, departments or languages; "" is people of whom the roster says nothing."""
    people: int
    settled_at_least: int
    settled_at_most: int


class Day(_Said):
    """The people at the end of a day; on the last one, now."""

    day: date
    people: int
    settled: int
    open: int


class Roster(_Said):
    """How fresh and complete the roster is."""

    applied_at: datetime | None
    people: int
    without_language: int
    without_department: int
    without_country: int
    without_manager: int
    unknown_manager: int


class Progress(_Said):
    """Where a campaign stands. `people` is `settled` and `open` together."""

    campaign: str
    at: datetime
    """When it was counted: up to a minute ago."""
    deadline: date
    days_left: int
    people: int
    settled: int
    open: int
    undeliverable: int
    """Open people whom no channel reached."""
    by_country: list[Row]
    by_department: list[Row]
    by_language: list[Row]
    by_answer: dict[str, int]
    """How many of today's people gave each answer that counts."""
    by_assurance: dict[str, int]
    """The same answers by how sure it is that the person themselves gave them."""
    reminders: dict[State, int]
    """How many stand in each state."""
    days: list[Day]
    """The burn-down."""
    roster: Roster


class Person(_Said):
    """Who a delivery is for."""

    id: str
    """Of the roster."""
    name: str
    email: str


class Delivery(_Said):
    """One message on one channel to one person."""

    id: int
    kind: Kind
    message: str
    channel: str
    state: State
    attempts: int
    next_at: datetime | None
    """When it is tried; null for what has ended."""
    finished_at: datetime | None
    person: Person | None
    """Null for a client without the role officer, as are `reason` and `reply`."""
    reason: str | None
    reply: str | None
    """The provider's own words."""


class Deliveries(_Said):
    """One page of them, the newest first."""

    deliveries: list[Delivery]
    next: str | None
    """The `cursor` of the next page; null on the last one."""


class Problem(_Said):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


_OPERATIONS: Mapping[str, tuple[str, str, type[_Said]]] = {
    "/campaigns": ("campaigns", "The campaigns that are configured.", Campaigns),
    "/campaigns/{id}/progress": ("progress", "Where a campaign stands.", Progress),
    "/campaigns/{id}/deliveries": ("deliveries", "Its deliveries, page by page.", Deliveries),
}
_PROBLEMS = {
    "401": "No token, or none that holds.",
    "404": "There is no such campaign.",
    "429": "Too many wrong tokens from this address.",
    "503": "The store cannot be used right now.",
}


def document(base_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    models: list[tuple[type[BaseModel], Any]] = [(kind, "serialization") for _, _, kind in _OPERATIONS.values()]
    _, schema = models_json_schema([*models, (Problem, "serialization")], ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "notifier", "version": __version__, "description": "How far a campaign is, for programs to read."},
        "servers": [{"url": base_url + PREFIX}],
        "security": [{"token": []}],
        "paths": {path: {"get": _operation(path, *told)} for path, told in _OPERATIONS.items()},
        "components": {
            "schemas": schema["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Made by `notifier api token NAME`."}},
        },
    }


def _operation(path: str, name: str, summary: str, kind: type[_Said]) -> dict[str, Any]:
    parameters = []
    if "{id}" in path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if kind is Deliveries:
        whole = {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}
        parameters += [
            {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/State"}},
            {"name": "limit", "in": "query", "schema": whole},
            {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "`next` of the page before."},
        ]
    good = {"description": summary, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}}
    problems = _PROBLEMS | ({"400": "A parameter that cannot be used."} if kind is Deliveries else {})
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": good, **{status: _problem(says) for status, says in sorted(problems.items())}},
    }


def _problem(says: str) -> dict[str, Any]:
    return {"description": says, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
