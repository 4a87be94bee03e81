"""Structured logs: the name of an event and ids, one line each; text on a terminal, JSON elsewhere.

No name, address or token belongs in a log. Whoever logs passes ids. Because libraries and tracebacks know nothing of that, every
text in a line goes through `redact` as the last step before it is written, whatever it came in as. It knows addresses and tokens
by their form. A person's name has no form; that is why the text of our own exceptions must not carry one, and why those of others,
which may quote whatever they failed on, are logged with their place and kind but without their words.
"""

from __future__ import annotations

import logging
import re
import sys
import textwrap
import traceback
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "text", "json"]

_ADDRESS = re.compile(
    r"""(?:\\?"[^"\n]{1,64}?\\?"|[^\s"'<>()\[\],;:=/\\]{1,256})(?:@|%40)(?:\[[^\]\s]+\]|[^\s"'<>()\[\],;:/\\?&]+)""", re.IGNORECASE
)
_LINK = re.compile(r"(/a/[^\s/\"'?#]+/)[^\s\"'?#<>)]+")
_PARAMETER = re.compile(r"((?:token|code|state|nonce|password|secret|signature|key)=)[^\s\"'&<>)]+", re.IGNORECASE)
_BEARER = re.compile(r"((?:Bearer|Basic|AUTH (?:PLAIN|LOGIN|XOAUTH2))\s+)[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE)
_SLACK = re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]+")
_LONG_CODE = re.compile(r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])[A-Za-z0-9_-]{40,}(?![A-Za-z0-9_-])")

# Libraries that say things about people when they are asked to say much (SQL parameters, request paths, whole messages), or say
# at every tick what nobody asked.
_TALKATIVE = (
    *("sqlalchemy", "uvicorn.access", "mail.log", "msal", "slack_sdk", "hpack"),
    *("alembic", "apscheduler", "uvicorn.error", "markdown_it"),
)
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "apscheduler", "aiosmtplib", "asyncio")

# Exceptions that say what is wrong with the machine or with a line of code, and never quote what was worked on. So do our own.
_SPEAKING = (OSError, NameError, AttributeError, ImportError)
_OURS = "notifier."
_LED_TO = "\nwhich led to:\n"


def redact(text: str) -> str:
    """The text with addresses and tokens taken out."""
    text = _LINK.sub(r"\1[token]", text)
    text = _PARAMETER.sub(r"\1[token]", text)
    text = _BEARER.sub(r"\1[token]", text)
    text = _SLACK.sub("[token]", text)
    text = _LONG_CODE.sub("[token]", text)
    return _ADDRESS.sub("[address]", text)


def configure(level: Level = "info", form: Format = "auto", *, stream: TextIO | None = None) -> None:
    """Send everything that is logged, by this program and its libraries, to one stream.

    Args:
        level: the least important line that is written.
        form: "auto" is text on a terminal, JSON elsewhere.
        stream: standard output when it is None.
    """
    stream = stream or sys.stdout
    on_terminal = stream.isatty()
    as_text = form == "text" or (form == "auto" and on_terminal)
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(_traceback),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact_line,  # last before the rendering: after it every value is a text it has seen, or a number
                _text_line(colours=on_terminal) if as_text else structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    _take_over(handler, level)


def traceback_without_words(error: BaseException) -> str:
    """Where an exception happened and what led to it, as Python writes it, but without what strangers' exceptions say."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [traceback_without_words(before), _LED_TO] if before is not None else []
    if error.__traceback__ is not None:
        lines += ["Traceback (most recent call last):", "".join(traceback.format_tb(error.__traceback__)).rstrip()]
    kind = type(error)
    told = str(error) if isinstance(error, _SPEAKING) or kind.__module__.startswith(_OURS) else ""
    lines.append(f"{kind.__qualname__}: {told}" if told else kind.__qualname__)
    if isinstance(error, BaseExceptionGroup):
        lines += [textwrap.indent(traceback_without_words(one), "  ") for one in error.exceptions]
    return "\n".join(lines)


def _traceback(exc_info: ExcInfo) -> str:
    return traceback_without_words(exc_info[1])


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that does not print the line it could not write: the standard one prints message and arguments as they came."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        error = sys.exc_info()[0]
        if sys.stderr is not None:
            sys.stderr.write(f"a line of {record.name} could not be logged: {error.__name__ if error else 'unknown error'}\n")


def _take_over(handler: logging.Handler, level: Level) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _text_line(*, colours: bool) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)


def _redact_line(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    return {redact(str(key)): _redact_value(value) for key, value in line.items()}


def _redact_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {redact(str(key)): _redact_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_value(item) for item in value]
    return redact(value if isinstance(value, str) else repr(value))
