"""A file of text becomes templates, once: set the tags aside, turn Markdown into HTML and text, put the tags back, compile.

What comes out is rendered for each person with plain values only, in a sandbox, and refuses a name it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from html import escape
from pathlib import Path
from traceback import extract_tb

import css_inline
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown_it.token import Token

from notifier.content import markdown
from notifier.content.facts import NAMES, Value
from notifier.content.plain import addresses_in
from notifier.content.problems import TextError, TextProblem
from notifier.content.source import Piece, Source
from notifier.content.tags import Tags, name_in, stand_alone
from notifier.content.typography import french_spaces
from notifier.content.words import words
from notifier.content.woven import PERSONAL, only_printed

# What can go wrong in an expression of a template while it runs.
RENDER_ERRORS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)

_SLOTS = frozenset({"subject", "preheader", "body", "trust", "language", "button", "button_opens"})
_LINKABLE = frozenset({"link", "link_site", "privacy_notice", "contact_email", "contact_phone"})


def environment(*, autoescape: bool = False, finalize: Callable[[object], str] | None = None) -> ImmutableSandboxedEnvironment:
    """A sandbox for templates. `finalize` turns each value into what is printed of it."""
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=autoescape, finalize=finalize)
    made.globals.clear()
    return made


_HTML = environment(autoescape=True)
_PLAIN = environment(autoescape=False)
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """What surrounds every mail: the HTML document, the button in it, and the paragraph on why one gets this and who asks."""

    email: Source
    button: Source
    trust: Source


@dataclass(frozen=True, slots=True)
class Message:
    """A compiled mail.

    Attributes:
        addresses: the mail addresses written in it.
        weavable: a person's own words are only printed in it: see `content.woven`.
    """

    source: Source
    subject: Template
    html: Template
    text: Template
    addresses: frozenset[str]
    weavable: bool


@dataclass(frozen=True, slots=True)
class Page:
    """The compiled words of a page. All but the body are plain text."""

    source: Source
    title: Template
    body: Template
    button: Template
    answers: Mapping[str, Template]


def compile_message(source: Source, layout: Layout, language: str) -> Message:
    """Compile a mail.

    Raises:
        TextError: the first thing that is wrong with the text or with the layout.
    """
    for part in (source, layout.email, layout.button, layout.trust):
        raise_first(faults(part))
    tags = Tags()
    values = {key: prose(piece.source, tags, language) for key, piece in source.values.items()}
    tokens = tokens_of(source, tags, language)
    require_one_button(source, tokens, tags)
    trust = tokens_of(layout.trust, tags, language)
    slots = {key: escape(value) for key, value in values.items()}
    slots |= {"language": language, "button_opens": escape(words(language, "mail")("The button opens this address:"))}
    button_word = next((token.content for token in tokens if _is_button(token, tags)), None)
    body, text = markdown.to_html(tokens), markdown.to_text(tokens, tags)
    if button_word is not None:
        body = body.replace(button_word, tags.set_aside(layout.button.body.source, slots))
        text = text.replace(button_word, f"{values['button']}\n{tags.set_aside('{{ link }}')}\n\n")
    slots |= {"body": body, "trust": markdown.to_html(trust)}
    html = tags.restore(_inline_css(layout.email, tags.set_aside(layout.email.body.source, slots)))
    twin = tags.restore(f"{text}\n\n{markdown.RULE}\n{markdown.to_text(trust, tags)}\n")
    subject = tags.restore(values["subject"])
    return Message(
        source=source,
        subject=_PLAIN.from_string(subject),
        html=_HTML.from_string(html),
        text=_PLAIN.from_string(twin),
        addresses=frozenset(addresses_in(html)),
        weavable=all(only_printed(_PLAIN.parse(template)) for template in (subject, html, twin)),
    )


def compile_page(source: Source, language: str) -> Page:
    """Compile the words of a page. Raises as `compile_message` does."""
    raise_first(faults(source))
    tags = Tags()
    plain = {key: _PLAIN.from_string(tags.restore(prose(piece.source, tags, language))) for key, piece in source.values.items()}
    body = tags.restore(markdown.to_html(tokens_of(source, tags, language)))
    title, button = plain.pop("title"), plain.pop("button")
    return Page(source=source, title=title, body=_HTML.from_string(body), button=button, answers=plain)


def faults(source: Source) -> list[TextProblem]:
    """What is wrong with the tags of a file: syntax, unknown names, unknown filters. Lines are those of the file."""
    return [fault for piece in source.pieces for fault in _piece_faults(source.path, piece)]


def raise_first(problems: Collection[TextProblem]) -> None:
    """Raise the first of the problems, if there is one."""
    for problem in problems:
        raise TextError(problem)


def render(template: Template, source: Source, values: Mapping[str, Value]) -> str:
    """A part of a text, for these values.

    Raises:
        TextError: a tag cannot be rendered; names the line of the file.
    """
    try:
        return template.render(values)
    except RENDER_ERRORS as error:
        raise TextError(render_problem(source, values, error)) from None


def render_problem(source: Source, values: Mapping[str, Value], error: Exception) -> TextProblem:
    """What went wrong while a text was rendered, with the line of the file: found by rendering its pieces as they stand.

    An error may quote the person it failed for, so what is quoted is the same error with the words of an example.
    """
    for piece in source.pieces:
        code = _PLAIN.compile(piece.source, filename=str(source.path))
        template, everything = Template.from_code(_PLAIN, code, {}), {**dict.fromkeys(_SLOTS, ""), **values}
        try:
            template.render(everything)
        except RENDER_ERRORS as found:
            lines = [frame.lineno or 1 for frame in extract_tb(found.__traceback__) if frame.filename == str(source.path)]
            said = _said_of_an_example(template, everything) or type(found).__name__
            return _unrenderable(source.path, piece.line + lines[-1] - 1 if lines else piece.line, said)
    return _unrenderable(source.path, 0, type(error).__name__)


def _said_of_an_example(template: Template, values: Mapping[str, Value]) -> str | None:
    """What goes wrong for the person of the examples, too."""
    try:
        template.render({**values, **{name: NAMES[name] for name in PERSONAL}})
    except RENDER_ERRORS as error:
        return str(error)
    return None


def _unrenderable(path: Path, line: int, said: str) -> TextProblem:
    return TextProblem(path, line, f"a tag cannot be rendered: {said}", "mend the tag on this line")


def _piece_faults(path: Path, piece: Piece) -> Iterator[TextProblem]:
    try:
        tree = _PLAIN.parse(piece.source)
        _PLAIN.compile(piece.source)
    except TemplateSyntaxError as error:
        yield TextProblem(path, piece.line + error.lineno - 1, f"a tag is not valid: {error.message}", "mend the tag on this line")
        return
    names = list(tree.find_all(nodes.Name))
    known = {*NAMES, *_SLOTS, *(name.name for name in names if name.ctx != "load")}
    for name in names:
        if name.name not in known:
            near = get_close_matches(name.name, known, 1)
            fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(sorted(NAMES))}"
            yield TextProblem(path, piece.line + name.lineno - 1, f"unknown name {name.name}", fix)


def prose(source: str, tags: Tags, language: str) -> str:
    """The text with its tags set aside and the spaces of its language."""
    aside = tags.set_aside(source)
    return french_spaces(aside) if language == "fr" else aside


def tokens_of(source: Source, tags: Tags, language: str) -> list[Token]:
    """The tokens of its Markdown, tags set aside.

    Raises:
        TextError: it holds a picture, or a link to something that is no address.
    """
    tokens = markdown.parse(prose(stand_alone(source.body.source), tags, language), tags)
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                raise TextError(_in_body(source, "![", "a picture", "say it in words: nothing is loaded from elsewhere"))
            if child.type == "link_open":
                for tag in tags.tags_in(str(child.attrs["href"])):
                    if name_in(tag) not in _LINKABLE:
                        fix = f"link only to {', '.join(sorted(_LINKABLE))}"
                        raise TextError(_in_body(source, tag, f"a link to {tag}", fix))
    return tokens


def require_one_button(source: Source, tokens: Collection[Token], tags: Tags) -> None:
    """The button stands once in the text, if and only if the front matter has one.

    Raises:
        TextError: it does not.
    """
    wanted = 1 if "button" in source.values else 0
    standing = sum(_is_button(token, tags) for token in tokens)
    named = sum(name_in(tag) == "button" for token in tokens for tag in tags.tags_in(token.content))
    if not wanted == standing == named:
        fix = "write {{ button }} once, as a paragraph of its own, if and only if the front matter has a button"
        raise TextError(_in_body(source, "{{ button", "the button does not stand where it can", fix))


def _is_button(token: Token, tags: Tags) -> bool:
    return token.type == "html_block" and [name_in(tag) for tag in tags.tags_in(token.content)] == ["button"]


def _in_body(source: Source, needle: str, wrong: str, fix: str) -> TextProblem:
    before = source.body.source.partition(needle)[0] if needle in source.body.source else ""
    return TextProblem(source.path, source.body.line + before.count("\n"), wrong, fix)


def _inline_css(layout: Source, html: str) -> str:
    try:
        return _INLINER.inline(html)
    except css_inline.InlineError as error:
        raise TextError(TextProblem(layout.path, 0, f"its styles cannot be used: {error}", "mend the <style>")) from None
