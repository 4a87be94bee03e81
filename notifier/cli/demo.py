"""The verb that needs nothing at all: demo."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from notifier import logs
from notifier.cli.options import json_option
from notifier.cli.output import print_json, progress, say, stderr, stdout, table
from notifier.demo.company import FEWEST, STORIES
from notifier.demo.company import NAME as COMPANY
from notifier.demo.evidence import hand_over
from notifier.demo.facts import Closing, close
from notifier.demo.stage import FASTEST, SLOWEST
from notifier.demo.theatre import LAST_INSTANT, Theatre, theatre, whole_days
from notifier.domain.employee import LANGUAGES
from notifier.errors import NotPermittedError, UsageError


@dataclass(frozen=True, slots=True)
class _Wishes:
    """How the demonstration is to be played: the options of the verb."""

    to_the_end: bool
    keep: Path | None
    open_browser: bool
    port: int
    pace: float
    people: int
    seed: int
    as_json: bool


@click.command()
@click.option("--to-the-end", is_flag=True, help="Do not wait: play everything at once, print the closing table, and end.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep the configuration, roster, store and link keys there, in a new or empty folder.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the mailbox in the browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the pages; else a free one.")
@click.option("--pace", type=click.FloatRange(FASTEST, SLOWEST), default=2.5, show_default=True, help="Seconds that a day takes.")
@click.option("--people", type=click.IntRange(FEWEST, 10_000), default=250, show_default=True, help="How many work there.")
@click.option("--seed", type=int, default=1, show_default=True, help="Who works there, and who answers when.")
@json_option
def demo(**wishes: Any) -> None:
    """Watch a company that does not exist being reminded, from 1 October to 20 November 2025. Nothing leaves this machine."""
    logs.configure("error", "text", stream=sys.stderr)
    wanted = _Wishes(**wishes)
    with _folder(wanted.keep) as folder:
        asyncio.run(_perform(folder, wanted))


async def _perform(folder: Path, wanted: _Wishes) -> None:
    """Play until the end or an interrupt, tell how it ended, and stay for reading where somebody can read."""
    async with theatre(folder, port=wanted.port, seed=wanted.seed, people=wanted.people, pace=wanted.pace) as house:
        enough = asyncio.Event()
        with _until_interrupted(enough):
            _begin(house, wanted)
            playing = asyncio.create_task(house.stage.play(), name="stage")
            with progress("1 October to 20 November 2025", whole_days(LAST_INSTANT)) as update:
                house.stage.moved = lambda now: update(whole_days(now))
                await _first(playing, house.stage.over, enough)
            stays = sys.stdout.isatty() and not wanted.to_the_end and not enough.is_set()
            if stays:
                _tell(house, wanted)
                stderr().print(Text(f"The mailbox stays open at {house.url} until you press Ctrl-C."))
                await _first(playing, enough)
            house.stage.stop()
            await playing
            if not stays:
                _tell(house, wanted)


def _begin(house: Theatre, wanted: _Wishes) -> None:
    if wanted.to_the_end:
        house.stage.to_the_end()
        return
    _announce(house, stderr() if wanted.as_json else stdout())
    if wanted.open_browser:
        webbrowser.open(house.url)


async def _first(playing: asyncio.Task[None], *events: asyncio.Event) -> None:
    """Wait until one of the events is set. Should playing fail, so does this."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait([playing, *waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if playing.done():
        playing.result()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder that is kept, or one that goes when the demonstration ends."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="notifier-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        taken = any(keep.iterdir())
    except OSError as error:
        msg = f"--keep: {keep} cannot be used: {error.strerror}"
        raise NotPermittedError(msg, hint="name a folder in which you may write") from None
    if taken:
        msg = f"--keep: {keep} is not empty"
        raise UsageError(msg, hint="name a new folder; a demonstration begins with nothing")
    yield keep.absolute()


@contextmanager
def _until_interrupted(enough: asyncio.Event) -> Iterator[None]:
    """Ctrl-C sets the event while the block runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, enough.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _announce(house: Theatre, console: Console) -> None:
    lines = f"""
  {COMPANY} is being reminded, from 1 October to 20 November 2025. Nothing leaves this machine.

  Mailbox   {house.url}

  Try       1. Open the mailbox, and press “Next sending”.
            2. Open a message, press its button, and answer as that person.
            3. Go on, and see in “People” that nothing more comes to them.
            4. In “Managers”, open a summary and the page of a team.
            5. Press “Dashboard”: the pages of compliance officers and admins.

  Stop      Ctrl-C; a closing table follows
"""
    console.print(Text(lines))


def _tell(house: Theatre, wanted: _Wishes) -> None:
    evidence = hand_over(house.service, house.folder, house.stage.now)
    closing = close(house.service, STORIES, house.stage.now, evidence)
    if wanted.as_json:
        print_json(closing)
        return
    _print_figures(closing)
    say()
    _print_stories(closing)
    say()
    checked = "checked, nothing found" if not evidence.findings else f"checked, {len(evidence.findings)} findings"
    say(f"Evidence: {evidence.entries:,} entries up to the seal {evidence.seal[:16]}…, {checked}.")
    if wanted.keep is None:
        say("Configuration, roster, store and evidence go with the demonstration; --keep FOLDER keeps them.")
    else:
        say(f"Configuration, roster and store are in {house.folder}; try `notifier status --config {house.folder}/config.toml`.")
        say(f"The evidence is in {evidence.file}; open report.html in it.")


def _print_figures(closing: Closing) -> None:
    ahead = f"{closing.days_left} days before" if closing.days_left >= 0 else f"{-closing.days_left} days after"
    say()
    say(f"{closing.at:%A} {closing.at.day} {closing.at:%B %Y}, {ahead} the date.")
    say(f"{closing.settled} of {closing.people} settled, {closing.open} open.")
    say()
    counts = [
        [message, *(by_language.get(one, 0) for one in LANGUAGES), sum(by_language.values())]
        for message, by_language in closing.messages.items()
    ]
    table(["messages", *LANGUAGES, "all"], counts, numbers=(1, 2, 3, 4))
    say()
    table(
        ["country", "people", "settled", "open"],
        ([one.country, one.people, one.settled, one.open] for one in closing.countries),
        numbers=(1, 2, 3),
    )
    say()
    say("Deliveries: " + ", ".join(f"{count} {state}" for state, count in closing.deliveries.items()) + ".")


def _print_stories(closing: Closing) -> None:
    for person in closing.stories:
        say(f"{person.name}: {person.in_short} ({person.state})")
        for event in person.events:
            say(f"    {_moment(event.at)}  {event.what}")


def _moment(at: datetime) -> str:
    return f"{at:%a} {at.day:2} {at:%b %H:%M}"


COMMANDS = (demo,)
