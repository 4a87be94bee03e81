"""Nothing personal comes out of the logs, whoever writes to them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.links import KEY_BYTES, LinkKeys, Purpose, url
from notifier.logs import configure, redact

ADDRESSES = [
    "zoe.zq7@example.com",
    "zoé.zq7@exämple.com",
    '"zoe zq7"@example.com',
    "zoe.zq7+tag@mail.example.co.uk",
    "zoe_zq7%40example.com",
    "zoe-zq7@localhost",
    "zoe’zq7@example.com",
    "zoe@[IPv6:2001:db8::zq7]",
    "zoe@zq7.example.com",
]
TOKEN = LinkKeys({7: b"k" * KEY_BYTES}, 7).sign(Purpose.ACKNOWLEDGE, "linkedin-ai-training", "A" * 22, 1)
LINK = url("https://notifier.example.com", "linkedin-ai-training", TOKEN)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def restored() -> Iterator[None]:
    """The logging of the test run itself, put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = [name for name in logging.root.manager.loggerDict if isinstance(logging.root.manager.loggerDict[name], logging.Logger)]
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, (was, had) in before.items():
        logging.getLogger(name).setLevel(was)
        logging.getLogger(name).handlers[:] = had
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _everything(marked: str) -> None:
    """Log a marked text in each way there is."""
    log = structlog.get_logger("notifier.test")
    log.info(marked)
    log.info("event", value=marked, nested={"list": [marked, (marked,)], marked: 1}, thing=Exception(marked), raw=marked.encode())
    structlog.contextvars.bind_contextvars(bound=marked)
    log.warning("bound")
    log.info("event %s", marked)
    for name in ("uvicorn.error", "uvicorn.access", "apscheduler.scheduler", "aiosmtplib", "asyncio", "other.library"):
        logging.getLogger(name).warning("saying %s and %r", marked, {"x": marked}, extra={"more": marked})
    try:
        try:
            raise KeyError(marked)
        except KeyError as error:
            msg = f"at the start of a line:\n{marked}"
            raise ValueError(msg) from error
    except ValueError:
        log.exception("failed")
        logging.getLogger("apscheduler").exception("failed with %s", marked, stack_info=True)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("marked", [*ADDRESSES, LINK, TOKEN, f"token={TOKEN}", f"Authorization: Bearer {TOKEN}"])
@pytest.mark.usefixtures("restored")
def test_a_marked_address_or_token_never_comes_out(marked: str, form: Any) -> None:
    """Also inside tracebacks, nested values, keys, and the records of libraries."""
    stream = io.StringIO()
    configure("debug", form, stream=stream)
    _everything(marked)
    written = stream.getvalue()
    assert written.count("[address]") + written.count("[token]") > 20
    assert "zq7" not in written
    assert TOKEN not in written


@pytest.mark.usefixtures("restored")
def test_json_is_one_object_a_line_with_event_and_ids() -> None:
    stream = io.StringIO()
    configure("info", "auto", stream=stream)
    structlog.get_logger().info("delivery.accepted", delivery_id="0199-a", seconds=0.5, ok=True, address="\nzoe@example.com")
    try:
        raise ValueError("\nzoe@example.com \\ \x00")  # noqa: EM101
    except ValueError:
        logging.getLogger("apscheduler").exception("job\n%s", "zoe@example.com")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (
        first.items()
        >= {"event": "delivery.accepted", "level": "info", "delivery_id": "0199-a", "seconds": 0.5, "ok": True}.items()
    )
    assert first["timestamp"].endswith("Z")
    assert second["event"] == "job\n[address]"
    assert "Traceback" in second["exception"]


@pytest.mark.usefixtures("restored")
def test_a_terminal_gets_text() -> None:
    stream = _Terminal()
    configure("info", "auto", stream=stream)
    structlog.get_logger().info("daemon.ready", listen="127.0.0.1:8080")
    assert "daemon.ready" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.usefixtures("restored")
def test_the_level_holds_for_all_and_libraries_that_repeat_data_stay_quiet() -> None:
    stream = io.StringIO()
    configure("debug", "json", stream=stream)
    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT %s", "Zoé Marked")
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("tzlocal").debug("tick")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["tick"]
    configure("warning", "json", stream=stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("tzlocal").info("quiet")
    assert "quiet" not in stream.getvalue()


@pytest.mark.usefixtures("restored")
def test_a_line_that_cannot_be_written_is_not_printed_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """The standard handler prints message and arguments to stderr when formatting fails."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    logging.getLogger("aiosmtplib").info("%s %s", "zoe@example.com")  # noqa: PLE1206 - that is the fault
    stream.close()
    structlog.get_logger().info("event", address="zoe@example.com")
    error = capsys.readouterr().err
    assert "zoe" not in error
    assert "a line of aiosmtplib could not be logged: TypeError" in error


@pytest.mark.parametrize(
    "harmless",
    [
        "delivery.accepted 0199e2a4-7c1b-7def-8123-456789abcdef",
        "File \"/usr/lib/python3.11/site-packages/sqlalchemy/engine/base.py\", line 1964, in _exec_single_context",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://notifier.example.com/healthz?verbose=1",
        "@property", "matrix = a @ b", "a_very_long_name_of_a_function_that_does_something_useful",
        "2025-11-03T09:00:00.123456Z",
    ],
)  # fmt: skip
def test_what_is_needed_to_find_a_fault_stays(harmless: str) -> None:
    assert redact(harmless) == harmless


_letters = st.text("abcXYZ019äé._%+-", min_size=1, max_size=30)


@given(before=st.sampled_from(["", " ", "<", "to=", "\n", '"', "(", "mailto:", "\\n", "/x?e="]), local=_letters, domain=_letters)
def test_no_address_survives_wherever_it_stands(before: str, local: str, domain: str) -> None:
    assert f"{local}@{domain}" not in redact(f"{before}{local}@{domain}> more")


@given(
    st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.integers(0, 255), st.sampled_from(["", "/a/x/", "id:", "=", '"', "\n"])
)
def test_no_token_survives_wherever_it_stands(key: bytes, number: int, before: str) -> None:
    token = LinkKeys({number: key}, number).sign(Purpose.ACKNOWLEDGE, "linkedin-ai-training", "bX" * 11, 3)
    assert token not in redact(f"{before}{token} more")


def test_a_long_line_takes_no_long_time() -> None:
    """Each rule is linear; a quadratic one would take minutes here."""
    for unit in ("a", "aB1", "@", "x@", '"', "%40", "/a/x/"):
        redact(unit * 100_000)
