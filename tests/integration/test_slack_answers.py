"""Answers in Slack, from the press to what stands in every earlier message; and the connection through which presses come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from notifier.cli.app import run
from notifier.clock import SystemClock
from notifier.errors import StoreError
from notifier.slack import SlackApi
from notifier.store import employees, reach, schema
from notifier.store.database import Database
from notifier.store.reach import Refusal
from notifier.store.tables import State
from notifier.web.slack_connection import LostError, Press
from notifier.web.slack_presses import Pressed
from notifier.web.slack_socket import Patience, SlackSocket
from tests.daemon_rig import make_home
from tests.pages_rig import Visitor
from tests.slack_rig import ORGANISATION, Company, company, put_on_slack, told, user_of
from tests.slack_server import APP_TOKEN, TOKEN, Drop, Error, SlackServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = {"answer:done", "answer:already_off", "answer:no_account", "answer:prefer_not_to_say", "answer:help", "open"}
SETTLED = {"undo", "open"}
# Nothing here waits for any of these, but where a test is about them.
QUICK = Patience(opening=5.0, silence=20.0, pauses=(0.0,), held=0.0, refused=0.0)
QUIET = 0.05  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    """Some people, each with the messages of two steps; each test is about somebody of its own."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('slack')}/store.db")
    schema.create_if_empty(database)
    async with company(database, 7) as one:
        await one.pass_over()
        await one.pass_over(days=24)
        assert [one.offered(person) for person in range(7)] == [[OPEN] * 2] * 7
        yield one
    database.close()


async def test_a_press_settles_every_message_and_undo_brings_them_back(here: Company) -> None:
    assert await here.call(told(0, at=here.now)) == 200
    await here.pass_over(seconds=1)
    assert here.answers(0) == [("done", "slack", "slack", None)]
    assert (here.offered(0), here.offered(1)) == ([SETTLED] * 2, [OPEN] * 2)
    assert await here.call(told(0, "undo", at=here.now)) == 200
    await here.pass_over(seconds=1)
    assert here.offered(0) == [OPEN] * 2
    assert [post.user for post in here.slack.posts].count(user_of(0)) == 2, "rewritten, and not posted again"


async def test_an_answer_on_the_page_settles_every_message(here: Company) -> None:
    visitor, path = Visitor(here), here.page_of(1)  # type: ignore[arg-type]
    here.wait(120)
    await asyncio.to_thread(visitor.submit, path, answer="already_off")
    await here.pass_over(seconds=1)
    assert here.offered(1) == [SETTLED] * 2
    assert await here.call(told(1, "undo", at=here.now)) == 200, "what was answered there can be taken back here"
    await here.pass_over(seconds=1)
    assert here.offered(1) == [OPEN] * 2


async def test_a_receipt_on_slack_does_not_go_on_saying_what_was_taken_back(here: Company) -> None:
    """It goes there because mail does not reach the person."""
    with here.database.write() as connection:
        (key,) = (one.key for one in employees.load(connection).values() if one.employee.id == "p6")
        reach.refuse(connection, [Refusal(key, "smtp", "p6@example.com", "550 5.1.1 User unknown")], here.now)
    here.wait(120)
    await asyncio.to_thread(Visitor(here).submit, here.page_of(6), answer="done")  # type: ignore[arg-type]
    await here.pass_over(seconds=1)
    assert here.offered(6) == [SETTLED, SETTLED, {"open"}]
    receipt = here.messages(6)[-1].body["text"]
    assert await here.call(told(6, "undo", at=here.now)) == 200
    await here.pass_over(seconds=1)
    assert here.offered(6) == [OPEN, OPEN, {"open"}]
    taken_back = here.messages(6)[-1].body["text"]
    assert "This answer no longer counts" in taken_back
    assert receipt.partition("\n\n")[0] not in taken_back


async def test_an_answer_for_somebody_on_the_command_line_settles_every_message(
    here: Company, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command has the machine's own time: the company's is moved there for this."""
    home = make_home(tmp_path_factory.mktemp("home"), people=1, storage=f"sqlite:///{here.database.path}")
    before = here.now
    for undo in (False, True):
        asked = ["acknowledge", "p2@example.com", "--undo" if undo else "done", "--config", str(home.config)]
        assert await asyncio.to_thread(run, asked) == 0, capsys.readouterr().err
        here.house.clock.move_to(SystemClock().now() + timedelta(seconds=1))
        await here.pass_over()
        assert here.offered(2) == [OPEN if undo else SETTLED] * 2
    here.house.clock.move_to(before)


async def test_what_is_newest_wins_however_quickly_it_comes(here: Company) -> None:
    """Two presses arrive the wrong way round, and others before the first is rewritten."""
    moments = [here.now + timedelta(milliseconds=number) for number in range(4)]
    assert await here.call(told(3, "undo", at=moments[1])) == 200
    assert await here.call(told(3, "answer:done", at=moments[0])) == 401, "overtaken"
    assert await here.call(told(3, "answer:done", at=moments[2])) == 200
    assert await here.call(told(3, "answer:no_account", at=moments[3])) == 200
    await here.pass_over(seconds=1)
    assert [answer for answer, *_, revoked in here.answers(3) if revoked is None] == ["no_account"]
    assert here.offered(3) == [SETTLED] * 2
    assert await here.call(told(3, "undo", at=moments[3] + timedelta(seconds=2))) == 200
    assert await here.call(told(3, "answer:done", at=moments[3] + timedelta(seconds=3))) == 200
    assert await here.call(told(3, "undo", at=moments[3] + timedelta(seconds=4))) == 200
    await here.pass_over(seconds=1)
    assert here.offered(3) == [OPEN] * 2


async def test_who_asks_for_help_reads_that_and_can_still_answer(here: Company) -> None:
    assert await here.call(told(5, "answer:help", at=here.now)) == 200
    await here.pass_over(seconds=1)
    assert here.offered(5) == [OPEN] * 2
    assert all("privacy@example.com" in post.body["text"].partition("\n\n")[2][:300] for post in here.messages(5))
    assert await here.call(told(5, at=here.now)) == 200
    await here.pass_over(seconds=1)
    assert here.offered(5) == [SETTLED] * 2


async def test_an_answer_in_doubt_is_asked_again(here: Company) -> None:
    """One that came on the page within moments: no one can tell a person from a mail filter."""
    visitor, path = Visitor(here), here.page_of(2)  # type: ignore[arg-type]
    page = await asyncio.to_thread(visitor.get, path)
    fields = {"proof": page.proof, "do": "answer", "answer": "done"}
    assert (await asyncio.to_thread(visitor.post, path, fields)).status == 303
    await here.pass_over(seconds=1)
    assert here.offered(2) == [OPEN] * 2
    assert all("Bitte bestätigen Sie Ihre Antwort" in post.body["text"] for post in here.messages(2))


async def test_a_message_of_which_nobody_knows_whether_it_arrived_can_be_answered(sqlite_database: Database) -> None:
    """It cannot be rewritten, since Slack never said where it stands; the one before it can."""
    async with company(sqlite_database, 1) as here:
        await here.pass_over()
        here.slack.on("chat.postMessage", Drop(taken=True))
        await here.pass_over(days=24)
        assert here.house.states() == {State.ACCEPTED: 1, State.UNKNOWN: 1}
        assert await here.call(told(0, at=here.now)) == 200
        await here.pass_over(seconds=1)
        assert sorted(map(len, here.offered(0))) == sorted(map(len, [SETTLED, OPEN]))
        assert await here.call(told(0, "undo", at=here.now)) == 200
        await here.pass_over(seconds=1)
        assert here.offered(0) == [OPEN] * 2


async def test_in_an_organisation_of_several_workspaces_people_are_the_same_in_each(sqlite_database: Database) -> None:
    async with company(sqlite_database, 3, team=ORGANISATION) as here:
        organisation = {"id": ORGANISATION, "name": "Example"}
        assert await here.call(told(0) | {"enterprise": organisation}) == 200
        assert await here.call(told(1, team="T0OTHER") | {"team": {"id": "T0TEAM", "enterprise_id": ORGANISATION}}) == 200
        assert await here.call(told(2) | {"team": None, "enterprise": organisation}) == 200
        assert [len(here.answers(person)) for person in range(3)] == [1, 1, 1]
        put_on_slack(sqlite_database, "E0NEW")
        assert await here.call(told(0, at=here.now) | {"enterprise": organisation}) == 401, "people of another one now"


@asynccontextmanager
async def connected(
    slack: SlackServer, press: Press, patience: Patience = QUICK, *, token: str = APP_TOKEN
) -> AsyncIterator[SlackSocket]:
    """The real thing, running."""
    socket = SlackSocket(SlackApi(token, base_url=slack.base_url), press, patience)
    running = asyncio.create_task(socket.run())
    try:
        yield socket
    finally:
        running.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({running})
        assert running.cancelled()


class Heard:
    """Presses that were heard."""

    def __init__(self) -> None:
        self.payloads: list[object] = []

    async def __call__(self, payload: object) -> Pressed:
        self.payloads.append(payload)
        return Pressed.HEEDED


@pytest_asyncio.fixture(loop_scope="module")
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


async def test_a_press_comes_in_through_the_socket(here: Company) -> None:
    """And is durable before it is acknowledged."""
    async with connected(here.slack, here.presses.press):
        await here.slack.sockets.connections(1, 1)
        await here.slack.sockets.tell(told(4, at=here.now))
        assert len(here.answers(4)) == 1
        await here.slack.sockets.tell(told(4, "undo", at=here.now + timedelta(seconds=1)))
        await here.slack.sockets.tell(told(4, at=here.now))
        assert [revoked for *_, revoked in here.answers(4)] == ["undone"], "told again, it changes nothing"


async def test_what_is_no_press_is_acknowledged_and_what_is_nothing_is_left_alone(slack: SlackServer) -> None:
    heard = Heard()
    async with connected(slack, heard):
        await slack.sockets.connections(1, 1)
        for nonsense in ("no JSON", "[]", "7", '{"envelope_id": 7}', "[" * 100_000, {"type": "hello"}, {"type": "unheard of"}):
            await slack.sockets.say(nonsense)
        await slack.sockets.tell({"event": {}}, kind="events_api")
        await slack.sockets.tell({"n": 1})
    assert heard.payloads == [{"n": 1}]


async def test_what_could_not_be_recorded_is_not_acknowledged(slack: SlackServer) -> None:
    refused = asyncio.Event()

    async def press(payload: object) -> Pressed:
        if payload == {"n": 1}:
            refused.set()
            msg = "the store could not be used"
            raise StoreError(msg)
        return Pressed.HEEDED

    async with connected(slack, press):
        await slack.sockets.connections(1, 1)
        first = asyncio.create_task(slack.sockets.tell({"n": 1}))
        await refused.wait()
        await slack.sockets.tell({"n": 2})
        assert not first.done()
        first.cancel()


async def test_a_renewed_connection_is_there_before_the_old_one_goes(slack: SlackServer) -> None:
    heard = Heard()
    async with connected(slack, heard):
        await slack.sockets.connections(1, 1)
        await slack.sockets.disconnect("refresh_requested")
        await slack.sockets.connections(2, 2)
        for through in (0, 1):
            await slack.sockets.tell({"through": through}, through=through)
        await slack.sockets.close(0)
        await slack.sockets.connections(2, 1)
        await slack.sockets.tell({"through": 2})
    assert heard.payloads == [{"through": through} for through in range(3)]


async def test_an_old_connection_that_stays_is_closed(slack: SlackServer) -> None:
    async with connected(slack, Heard(), replace(QUICK, leaving=QUIET)):
        await slack.sockets.connections(1, 1)
        await slack.sockets.disconnect("warning")
        await slack.sockets.connections(2, 1)


@pytest.mark.parametrize("ending", ["closed", "cut"])
async def test_a_connection_that_ends_is_followed_by_another(slack: SlackServer, ending: str) -> None:
    heard = Heard()
    async with connected(slack, heard):
        await slack.sockets.connections(1, 1)
        if ending == "closed":
            await slack.sockets.close()
        else:
            slack.sockets.drop()
        await slack.sockets.connections(2, 1)
        await slack.sockets.tell({"n": 1})
    assert len(heard.payloads) == 1


async def test_a_connection_of_which_nothing_is_heard_is_given_up(slack: SlackServer) -> None:
    slack.sockets.silent = True
    async with connected(slack, Heard(), replace(QUICK, silence=QUIET)):
        await slack.sockets.connections(1, 1)
        slack.sockets.silent = False
        await slack.sockets.connections(2, 1)
        await slack.sockets.tell({"n": 1})


async def test_a_connection_that_does_not_greet_is_given_up(slack: SlackServer) -> None:
    slack.sockets.greets = False
    async with connected(slack, Heard(), replace(QUICK, opening=QUIET)):
        await slack.sockets.connections(1, 1)
        slack.sockets.greets = True
        await until(lambda: slack.sockets.opened > 1)


async def until(holds_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds_true():
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("refusal", "mend"), [(Error("invalid_auth"), "slack.app_token_file"), (Error("missing_scope"), "connections:write")]
)
async def test_a_refused_token_is_said_and_not_tried_every_second(
    slack: SlackServer, capsys: pytest.CaptureFixture[str], refusal: Error, mend: str
) -> None:
    slack.on("apps.connections.open", refusal)
    async with connected(slack, Heard(), replace(QUICK, refused=900.0)) as socket:
        await until(lambda: socket.trouble is not None)
        await asyncio.sleep(QUIET)
        assert len(slack.calls) == 1
        assert refusal.name in (socket.trouble or "")
    assert mend in capsys.readouterr().out


async def test_a_token_of_the_bot_is_refused(slack: SlackServer) -> None:
    async with connected(slack, Heard(), replace(QUICK, refused=900.0), token=TOKEN) as socket:
        await until(lambda: socket.trouble is not None)
        assert "not_allowed_token_type" in (socket.trouble or "")


async def test_when_it_is_mended_the_trouble_is_over(slack: SlackServer) -> None:
    slack.on("apps.connections.open", Error("account_inactive"))
    async with connected(slack, Heard()) as socket:
        await slack.sockets.connections(1, 1)
        await slack.sockets.tell({"n": 1})
        assert socket.trouble is None
        await slack.sockets.disconnect("link_disabled")
        await until(lambda: slack.sockets.opened == 2)


async def test_the_pauses_between_connections_grow_and_what_slack_asks_for_is_kept() -> None:
    """Asked of the arithmetic itself: nobody waits for a minute here."""
    socket = SlackSocket(SlackApi(APP_TOKEN, base_url="http://127.0.0.1:9/api/"), Heard())
    lost = [LostError("closed") for _ in range(7)]
    assert [socket._seconds(one, failures) for failures, one in enumerate(lost)] == [1, 1, 5, 15, 30, 60, 60]
    assert socket._seconds(LostError("ratelimited", error="ratelimited", wait=90.0), 1) == 90
    assert socket._seconds(LostError("invalid_auth", error="invalid_auth"), 1) == 900
    assert [socket._seconds(None, failures) for failures in range(4)] == [0, 0, 5, 15], "renewed too often it slows down too"


async def test_what_is_in_hand_at_the_end_is_finished(slack: SlackServer) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def press(_payload: object) -> Pressed:
        begun.set()
        await finish.wait()
        return Pressed.HEEDED

    async with connected(slack, press):
        await slack.sockets.connections(1, 1)
        telling = asyncio.create_task(slack.sockets.tell({"n": 1}))
        await begun.wait()
        asyncio.get_running_loop().call_later(QUIET, finish.set)
    await telling
