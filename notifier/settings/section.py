"""What all tables of the configuration have in common."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, SecretStr


class Section(BaseModel):
    """A table of the configuration. Unknown keys are refused: they are typing mistakes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True, hide_input_in_errors=True
    )


def revealed(secret: SecretStr | None) -> str | None:
    """A secret for whoever has to present it, or None where there is none."""
    return secret.get_secret_value() if secret else None


def first_repeated(items: Sequence[object]) -> int | None:
    """Where the first item stands that stood before; None if each is there once."""
    return next((index for index, item in enumerate(items) if item in items[:index]), None)
