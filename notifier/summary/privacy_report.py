"""What is stored about people, for how long, and who sees it: a text for a works council, from the configuration as it is.

The text is a file of Markdown with tags, `privacy/report.en.md`, in the folder of templates: an organisation may write its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from notifier.content.compile import RENDER_ERRORS, environment
from notifier.content.problems import TextError, TextProblem
from notifier.content.source import read_text
from notifier.content.typography import french_spaces

Fact = str | int | bool | Sequence[str]

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
a {{ color: LinkText; }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; background: Canvas; color: CanvasText; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8a929c; }}
h1, h2 {{ line-height: 1.25; hyphens: auto; }}
</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


def report(folders: Sequence[Path], language: str, facts: Mapping[str, Fact]) -> str:
    """The report as Markdown.

    Args:
        folders: of templates, the organisation's own before those that came with the program.
        facts: what `cli.privacy` takes out of the configuration; nothing else can be named in the text.

    Raises:
        TextError: the text is missing or wrong.
    """
    name = f"privacy/report.{language}.md"
    path = next((folder / name for folder in folders if (folder / name).is_file()), folders[-1] / name)
    try:
        text = environment().overlay(trim_blocks=True).from_string(read_text(path)).render(facts)
    except RENDER_ERRORS as error:
        line = getattr(error, "lineno", None) or 0
        raise TextError(TextProblem(path, line, f"a tag cannot be rendered: {error}", "mend the tag")) from None
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return (french_spaces(text) if language == "fr" else text).strip() + "\n"


def as_page(markdown: str, language: str) -> str:
    """The same as an HTML page of its own."""
    title = markdown.partition("\n")[0].lstrip("# ")
    return _PAGE.format(language=language, title=escape(title), body=_MARKDOWN.render(markdown))
