"""Who answers in the demonstration: people with a story by their script, the others by chance, and nobody twice."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from datetime import datetime

from notifier.demo.company import Reply
from notifier.domain.campaign import Answer
from notifier.simulate import Crowd
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.stories import Story


class Bystanders(Crowd):
    """A crowd that says nothing more about whoever has settled, or was answered for by a visitor of the demonstration.

    Args:
        scripts: by roster id, then by `days_before` of the reminder. Somebody with a script answers nothing else.
        current: the answer of a person (row, campaign) that counts now.
    """

    def __init__(
        self,
        rate: float,
        seed: int,
        *,
        scripts: Mapping[str, Mapping[int, Reply]],
        current: Callable[[int, str], Acknowledgement | None],
    ) -> None:
        super().__init__(rate, seed)
        self._scripts = scripts
        self._current = current
        self._spoke_for: set[tuple[int, str]] = set()

    def read(self, story: Story) -> None:
        script = self._scripts.get(story.employee_id)
        if script is None:
            super().read(story)
        elif (reply := script.get(story.occasion)) is not None:
            heapq.heappush(self._coming, (story.at + reply.after, story.employee_key, story.campaign, reply.answer))

    def due(self, now: datetime) -> list[tuple[int, str, Answer]]:
        given = [(key, campaign, answer) for key, campaign, answer in super().due(now) if self._may_speak(key, campaign)]
        self._spoke_for.update((key, campaign) for key, campaign, _ in given)
        return given

    def _may_speak(self, key: int, campaign: str) -> bool:
        said = self._current(key, campaign)
        return said is None or (not said.settles and (key, campaign) in self._spoke_for)
