"""What differs from run to run, under names: the first payment's reference is {reference}, the second's {reference2}.

A value that is not known to the till keeps its digits, so a transcript also proves that what is said is what is booked.
"""

import re
from collections.abc import Iterable

from channels.ivr.formats import VoiceFormats
from core.database.pool import Database
from core.languages import LanguageCode
from core.messaging.texts import Texts
from sessions.screens.menu import Spelled

VARYING = ("reference", "auth_code", "transaction_number")
_LINK = re.compile(r"https://[a-z.]+/receipts/[\w.~-]+?(?=[\s\"'?<]|\.?$|\.pdf)")


class Names:
    """The names of one transcript."""

    def __init__(self, database: Database, texts: Texts) -> None:
        self._database = database
        self._formats = VoiceFormats(texts)
        self.payments: list[str] = []
        self._links: dict[str, str] = {}
        self._values: dict[str, str] = {}

    async def learn(self) -> None:
        """What the till has booked by now."""
        rows = await self._database.all("SELECT id, reference, auth_code, transaction_number FROM payments")
        for row in rows:
            if row["id"] not in self.payments:
                self.payments.append(row["id"])
            number = self.payments.index(row["id"]) + 1
            for column in VARYING:
                if row[column]:
                    self._name(row[column], f"{column}{number if number > 1 else ''}")

    def link(self) -> str:
        """The newest receipt link that was told. Raises IndexError."""
        return list(self._links)[-1]

    def hide(self, text: str) -> str:
        """The text with names in place of values."""
        text = _LINK.sub(lambda match: self._link_name(match[0]), text)
        for value, name in self._values.items():
            text = re.sub(rf"(?<![\w ]){re.escape(value)}(?!\w)|(?<=[^\d] ){re.escape(value)}(?!\w)", name, text)
        return text

    def shown(self, lines: Iterable[str]) -> list[str]:
        return [self.hide(line) for line in lines]

    def typed(self, text: str) -> str:
        """The other way round: "{reference}" as its digits."""
        for value, name in self._values.items():
            text = text.replace(name, value)
        return text

    def _name(self, value: str, name: str) -> None:
        self._values[value] = f"{{{name}}}"
        for language in LanguageCode:
            self._values[self._formats.spelled(Spelled(value), language)] = f"{{{name} said}}"

    def _link_name(self, link: str) -> str:
        number = len(self._links) + 1
        return self._links.setdefault(link, f"{{link{number if number > 1 else ''}}}")
