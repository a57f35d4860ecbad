"""Pages drawn lately: the page that answers one step is the page that the next step's key is read on.

A page is kept with the record it was drawn from and found again only for an equal one: a session that was lost and
began anew under the same id never reads its keys on another's page. Another process draws the page again.
"""

from collections import OrderedDict

from sessions.pages import Page
from sessions.store.codec import Record
from sessions.store.protocol import Key

DRAWN_MAX = 1_024  # customers who are thinking now, at about 3 KB each


class PageCache:
    """The latest page of each dialog, the least used forgotten first."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, tuple[Record, Page]] = OrderedDict()

    def find(self, key: Key, record: Record) -> Page | None:
        """The page of exactly this record."""
        cached = self._pages.get(key.record)
        return cached[1] if cached is not None and (cached[0] is record or cached[0] == record) else None

    def keep(self, key: Key, record: Record, page: Page) -> None:
        name = key.record
        self._pages[name] = (record, page)
        self._pages.move_to_end(name)
        if len(self._pages) > DRAWN_MAX:
            self._pages.popitem(last=False)
