"""Which texts the configuration uses, kept at each start and each change of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from notifier.content.catalogue import Catalogue, TextError
from notifier.domain.campaign import RECEIPT, Campaign
from notifier.domain.employee import LANGUAGES
from notifier.store import texts
from notifier.store.database import Database
from notifier.store.texts import Text

_PAGE = "page"


def keep_texts(database: Database, catalogue: Catalogue, campaigns: Iterable[Campaign], now: datetime) -> int:
    """Keep the texts of these campaigns as they are now. Returns how many have changed.

    A text that cannot be read is left out: it cannot be sent either.

    Raises:
        StoreError: the store cannot be used.
    """
    versions = [text for campaign in campaigns for text in _texts_of(catalogue, campaign)]
    with database.write() as connection:
        return texts.use(connection, versions, now)


def _texts_of(catalogue: Catalogue, campaign: Campaign) -> Iterator[Text]:
    for name in sorted({*(step.message for step in campaign.steps), RECEIPT, _PAGE}):
        for language in LANGUAGES:
            try:
                source = catalogue.source_of(campaign.id, name, language)
            except TextError:
                continue
            yield Text(campaign.id, name, language, source)
