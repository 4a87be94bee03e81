"""Words of the program itself, from the gettext catalogues in `notifier/locale`.

The message ids are the English texts, so English needs no catalogue. The others are read from source when first asked for:
there is no compiled form that could be stale.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

_LOCALE = Path(__file__).resolve().parent.parent / "locale"


@cache
def words(language: str, domain: str) -> Callable[[str], str]:
    """What turns an English text into the same text in `language`.

    Args:
        language: "en", "fr" or "de".
        domain: name of the catalogue, "mail" or "pages".

    Returns:
        a function; a text that the catalogue does not know comes back in English.
    """
    translated = _read(_LOCALE / language / f"{domain}.po", language)

    def translate(text: str) -> str:
        return translated.get(text, text)

    return translate


def _read(path: Path, language: str) -> dict[str, str]:
    if language == "en" and not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    translated = {}
    for message in catalogue:
        if isinstance(message.id, str) and isinstance(message.string, str) and message.id and message.string:
            translated[message.id] = message.string
    return translated
