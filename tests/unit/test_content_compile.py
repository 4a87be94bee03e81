"""From a file of Markdown to a rendered mail: what can go wrong is told by file and line, and no value becomes markup."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier import shipped
from notifier.content.catalogue import Catalogue, Facts, Sender, TextError, TextProblem
from notifier.content.rendered import Rendered
from notifier.domain.campaign import OFFERED

SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com")
FACTS = Facts("Zoé", "Zoé Exemple", "https://n.example/a/1", date(2025, 10, 15), date(2025, 11, 3), first_notice=True)
FRONT = '+++\nsubject = "S"\npreheader = "P"\nbutton = "Go & see"\n+++\n'
PAGE = (
    '+++\ntitle = "T"\nbutton = "Send"\n[answers]\n'
    + "".join(f'{answer.value} = "{answer.value}"\n' for answer in OFFERED)
    + "+++\nBody\n"
)


def catalogue(folder: Path, texts: Mapping[str, str]) -> Catalogue:
    (folder / "c").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / "c" / f"{name}.md").write_text(text, encoding="utf-8", newline="")
    return Catalogue([folder, shipped.templates()], SENDER)


def render(folder: Path, text: str, facts: Facts = FACTS, language: str = "en") -> Rendered:
    return catalogue(folder, {f"m.{language}": text}).render("c", "m", facts, language)


def body(html: str) -> str:
    """What stands between the head of the mail and its trust block, with entities resolved."""
    return unescape(html.partition('class="content"')[2].partition(">")[2].partition('class="trust"')[0])


def test_markdown_becomes_html_and_its_plain_text_twin(tmp_path: Path) -> None:
    text = (
        FRONT
        + """# Title & more

Hello **{{ given_name }}**, see
[the page](https://example.com/x)
soon.  \nBye

{{ button }}

3. one
4. two [mail](mailto:a@b.example)

- a
- b

  c

> quoted
> twice

---

    code

<https://example.com/y> <b>{\\{ x }}
"""
    )
    mail = render(tmp_path, text)
    assert mail.text.partition("\n---")[0] == (
        "Title & more\n\nHello Zoé, see the page soon.\nBye\nhttps://example.com/x\n\nGo & see\nhttps://n.example/a/1\n\n"
        "3. one\n4. two mail\n   mailto:a@b.example\n\n- a\n- b\n  c\n\n> quoted twice\n"
    )
    assert "--------------------\n\ncode\n\nhttps://example.com/y <b>{{ x }}\n" in mail.text
    html = body(mail.html)
    assert "Title & more</h1>" in html
    assert "Hello <strong>Zoé</strong>, see\n" in html
    assert "<b>{{ x }}" in html
    assert ">Go & see</a>" in html
    assert "&lt;b&gt;{{ x }}" in mail.html


def test_conditions_stand_between_blocks_and_inside_lines(tmp_path: Path) -> None:
    text = (
        FRONT
        + """# T

{{ button }}

A
{% if first_notice %}
B
{% else %}
C
{% endif %}
D {% if is_over %}x{% else %}[l](https://e.example){% endif %}
{# a remark #}
"""
    )
    mail = render(tmp_path, text)
    assert "\n\nA\n\nB\n\nD l (https://e.example)\n" in mail.text
    html = body(mail.html)
    assert "<p></p>" not in html
    assert "C" not in html.partition("</table>")[2]
    assert "remark" not in mail.html


NAMES = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "{{7*7}}",
            "{% for x in range(9) %}x{% endfor %}",
            "{{ config }}",
            "{{ ''.__class__.__mro__ }}",
            "**bold**",
            "[x](javascript:alert(1))",
            "<script>alert(1)</script>",
            '"><img src=x>',
            "q7tag0gat7q",
            "a\r\nBcc: x",
            "\u202eevil",
            "x" * 5000,
            "\ud800",
            "# heading",
            "- item",
            "&amp;",
        ]
    ),
)


@pytest.fixture(scope="module")
def greeting(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A text with a name in it; to compile it takes ten times as long as to print somebody's name."""
    return catalogue(tmp_path_factory.mktemp("greeting"), {"m.en": FRONT + "# T\n\n{{ button }}\n\n<{{ given_name }}>\n"})


@settings(max_examples=200, deadline=None)
@given(name=NAMES)
def test_a_name_is_printed_as_text_whatever_it_holds(greeting: Catalogue, name: str) -> None:
    plain = greeting.render("c", "m", FACTS, "en")
    mail = greeting.render("c", "m", Facts(name, name, FACTS.link, FACTS.today, FACTS.deadline, first_notice=True), "en")
    assert mail.html.count("<") == plain.html.count("<")
    assert mail.html.count('"') == plain.html.count('"')
    assert mail.text.count("\n") == plain.text.count("\n")
    assert mail.text.encode()
    assert "\u202e" not in mail.html + mail.text


def test_a_name_that_looks_like_a_template_stays_what_it_is(tmp_path: Path) -> None:
    facts = Facts("{{7*7}}", "{{7*7}}", FACTS.link, FACTS.today, FACTS.deadline, first_notice=True)
    mail = render(tmp_path, FRONT.replace('"S"', '"For {{ given_name }}"') + "# T\n\n{{ button }}\n\nHi {{ given_name }}!\n", facts)
    assert mail.subject == "For {{7*7}}"
    assert "Hi {{7*7}}!" in mail.text
    assert "Hi {{7*7}}!" in mail.html


def test_a_name_that_is_an_address_is_not_shown(tmp_path: Path) -> None:
    """A roster without names fills them with addresses; mail programs would turn one into a link."""
    facts = Facts("max@evil.example", "max@evil.example", FACTS.link, FACTS.today, FACTS.deadline, first_notice=True)
    assert "evil" not in render(tmp_path, FRONT + "# T\n\n{{ button }}\n\nHi {{ given_name }}{{ name }}!\n", facts).html


def test_the_addresses_written_for_everybody_are_known(tmp_path: Path) -> None:
    mail = render(tmp_path, FRONT + "# T\n\n{{ button }}\n\nReport to it@corp.example, not to {{ contact_email }}.\n")
    assert mail.addresses == {"it@corp.example", "privacy@example.com"}


ATTACKS = [
    "{{ given_name.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ given_name|attr('__class__') }}",
    "{{ ['__cl','ass__']|join|attr('x') }}{{ ''|attr('format') }}{{ ''|attr('__init__') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(given_name) }}",
    "{{ ({}|attr('format'))('{0.__class__}') }}",
    "{% set x = [] %}{{ x.append(1) }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ lipsum.__globals__ }}",
    "{{ range(10) }}",
    "{{ config }}",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_template_cannot_reach_the_server(tmp_path: Path, attack: str) -> None:
    with pytest.raises(TextError) as caught:
        render(tmp_path, FRONT + f"# T\n\n{{{{ button }}}}\n\n{attack}\n")
    assert caught.value.problem.line == 10


def problem(folder: Path, text: str, language: str = "en") -> TextProblem:
    with pytest.raises(TextError) as caught:
        render(folder, text, language=language)
    assert str(caught.value).startswith(str(folder / "c"))
    assert caught.value.hint == caught.value.problem.fix
    return caught.value.problem


BODY = "# T\n\n{{ button }}\n\n"
WRONG = {
    "a misspelt name": (FRONT + BODY + "Hi\n{{ givn_name }}\n", 11, "unknown name givn_name", "did you mean given_name?"),
    "a name in the subject": (
        '+++\n\nsubject = "{{ dayz }}"\npreheader = "P"\n+++\n# T\n',
        3,
        "unknown name dayz",
        "did you mean days?",
    ),
    "an unknown filter": (FRONT + BODY + "{{ days | shout }}\n", 10, "No filter named 'shout'", "mend the tag"),
    "an open condition": (FRONT + BODY + "{% if days %}\nx\n", 10, "a tag is not valid", "mend the tag"),
    "a sum of text and number": (FRONT + BODY + "x\n\n{{ days_text + 1 }}\n", 12, "cannot be rendered", "mend the tag"),
    "no front matter": ("# T\n", 1, "front matter is missing", "+++"),
    "front matter that is no TOML": ("+++\nsubject = S\n+++\n", 2, "not TOML", 'key = "text"'),
    "a misspelt key": ('+++\nsubjct = "S"\npreheader = "P"\n+++\n# T\n', 2, "unknown key subjct", "did you mean subject?"),
    "no subject": ('+++\npreheader = "P"\n+++\n# T\n', 1, "subject is missing", 'subject = "..."'),
    "an empty subject": ('+++\nsubject = " "\npreheader = "P"\n+++\n# T\n', 2, "subject is not a text", 'subject = "..."'),
    "a number": ('+++\nsubject = 5\npreheader = "P"\n+++\n# T\n', 2, "subject is not a text", 'subject = "..."'),
    "a picture": (FRONT + BODY + "x\n\n![logo](https://e.example/x.png)\n", 12, "a picture", "words"),
    "a link to a name": (FRONT + BODY + "[x]({{ given_name }})\n", 10, "a link to {{ given_name }}", "link only to"),
    "a button without words": (
        FRONT.replace('button = "Go & see"\n', "") + BODY,
        7,
        "the button does not stand",
        "write {{ button }} once",
    ),
    "words without a button": (FRONT + "# T\n", 6, "the button does not stand", "write {{ button }} once"),
    "a button in a line": (FRONT + "# T\n\nsee {{ button }}\n", 8, "the button does not stand", "write {{ button }} once"),
    "two buttons": (FRONT + BODY + "{{ button }}\n", 8, "the button does not stand", "write {{ button }} once"),
}


@pytest.mark.parametrize(("text", "line", "wrong", "fix"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_by_file_and_line(tmp_path: Path, text: str, line: int, wrong: str, fix: str) -> None:
    found = problem(tmp_path, text)
    assert (found.path, found.line) == (tmp_path / "c/m.en.md", line)
    assert wrong in found.wrong
    assert fix in found.fix


def test_a_file_that_is_not_utf_8_is_told_by_line(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/m.en.md").write_bytes(b"+++\nsubject = \xe9\n+++\n")
    with pytest.raises(TextError, match=r"m\.en\.md:2: this is not UTF-8"):
        Catalogue([tmp_path, shipped.templates()], SENDER).render("c", "m", FACTS, "en")


def test_windows_line_ends_and_a_byte_order_mark_are_welcome(tmp_path: Path) -> None:
    text = "\ufeff" + (FRONT + BODY + "Hi {{ given_name }}\n").replace("\n", "\r\n")
    assert "\n\nHi Zoé\n" in render(tmp_path, text).text


def test_a_missing_text_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(TextError) as caught:
        catalogue(tmp_path, {}).render("c", "nothing", FACTS, "de")
    assert caught.value.problem.path == tmp_path / "c/nothing.de.md"
    assert str(shipped.templates()) in caught.value.problem.wrong
    assert caught.value.exit_code == 78


def test_a_text_of_ones_own_wins_and_the_rest_comes_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "linkedin-ai-training").mkdir()
    (tmp_path / "linkedin-ai-training/notice.en.md").write_text(FRONT + BODY + "Ours\n", encoding="utf-8")
    texts = Catalogue([tmp_path, shipped.templates()], SENDER)
    assert "Ours" in texts.render("linkedin-ai-training", "notice", FACTS, "en").text
    assert "LinkedIn" in texts.render("linkedin-ai-training", "notice", FACTS, "fr").text


def test_plain_spaces_become_french_ones(tmp_path: Path) -> None:
    """Nobody has these spaces on a keyboard."""
    text = (
        FRONT.replace('"S"', '"Un : deux"') + BODY + "Quoi ? « {{ given_name }} » ; oui ! Ici : [a b](https://e.example/?a=1;b=2)\n"
    )
    mail = render(tmp_path, text, language="fr")
    assert mail.subject == "Un\u00a0: deux"
    assert "Quoi\u202f? «\u00a0Zoé\u00a0»\u202f; oui\u202f! Ici\u00a0: " in body(mail.html)
    assert "Quoi ? « Zoé » ; oui ! Ici : a b\nhttps://e.example/?a=1;b=2\n" in mail.text


def test_check_tells_everything_at_once(tmp_path: Path) -> None:
    wrong_page = PAGE.replace('help = "help"', 'hlp = "x"')
    big = FRONT + BODY + "word " * 7000 + "\n"
    texts = catalogue(
        tmp_path,
        {
            "a.en": big,
            "a.fr": FRONT + BODY + 'Quoi?\n\nIl dit «oui» et "non".\n',
            "a.de": FRONT + BODY + 'Sie sagt "ja".\n',
            "receipt.en": FRONT.replace('button = "Go & see"\n', "") + "Hello\n",
            "receipt.de": FRONT + BODY + "{% if answer == 'help' %}{{ days_text.nothing }}{% endif %}\n",
            "page.en": PAGE,
            "page.fr": wrong_page,
            "page.de": PAGE,
        },
    )
    found = {(problem.path.name, problem.line, problem.wrong.partition(":")[0]) for problem in texts.check("c", ["a"])}
    too_long = {item for item in found if "bytes" in item[2] or "on Slack" in item[2]}
    assert found - too_long == {
        ("a.fr.md", 10, "no space before ; "),
        ("a.fr.md", 12, "no space inside « »"),
        ("a.fr.md", 12, "a straight quotation mark"),
        ("a.de.md", 10, "a straight quotation mark"),
        ("receipt.en.md", 0, "the person's link is missing"),
        ("receipt.en.md", 0, "there is not exactly one heading of the first level"),
        ("receipt.de.md", 10, "a tag cannot be rendered"),
        ("receipt.fr.md", 0, "there is no such text in " + str(tmp_path) + ", " + str(shipped.templates())),
        ("page.fr.md", 9, "unknown key hlp"),
    }
    assert {(item[0], item[2].split()[1]) for item in too_long} == {("a.en.md", "mail"), ("a.en.md", "Slack")}
