"""What a person asks is written down, masked, before anything is told, corrected or erased."""

from datetime import datetime
from typing import Any

import pytest

from core.help_desk.access_log import Access, Action
from core.languages import LanguageCode
from core.privacy.requests import KEPT, NEVER_HELD, Erasure, Privacy
from lab.clocks import NOON, StillClock

NUMBER = "+212600000001"


class Books:
    """Log, rows and conversations in one: notes what is asked of them, in order."""

    def __init__(self) -> None:
        self.noted: list[object] = []

    async def write(self, access: Access) -> None:
        self.noted.append(access)

    async def of_payment(self, payment_id: str, limit: int) -> tuple[Access, ...]:
        raise NotImplementedError

    async def correct(
        self, msisdn: str, email: str | None, language: LanguageCode | None, now: datetime
    ) -> dict[str, int]:
        self.noted.append(("correct", msisdn, email, language, now))
        return {"payments": 1}

    async def erase(self, msisdn: str, now: datetime) -> dict[str, int]:
        self.noted.append(("erase", msisdn, now))
        return {"payments": 2}

    async def held(self, msisdn: str) -> Any:
        self.noted.append(("held", msisdn))
        return {"payments": []}


class Calls:
    """The conversations of a number."""

    def __init__(self, noted: list[object]) -> None:
        self.noted = noted

    async def held(self, msisdn: str) -> list[str]:
        self.noted.append(("conversations", msisdn))
        return ["ussd"]

    async def forget(self, msisdn: str) -> int:
        self.noted.append(("forget", msisdn))
        return 3


def made(*, mail_utf8: bool = False) -> tuple[Privacy, list[object]]:
    books = Books()
    return Privacy(books, Calls(books.noted), books, StillClock(), "cli:root", mail_utf8=mail_utf8), books.noted


def line(action: Action) -> Access:
    return Access(NOON, "cli:root", "operator", action, None, "+2126*****001", "")


async def test_everything_is_told() -> None:
    privacy, noted = made()
    assert await privacy.export("06 00 00 00 01") == {
        "msisdn": NUMBER,
        "exported_at": NOON.isoformat(),
        "payments": [],
        "conversations": ["ussd"],
        "never_held": NEVER_HELD,
    }
    assert noted == [line(Action.EXPORT), ("held", NUMBER), ("conversations", NUMBER)]


async def test_an_address_and_a_language_are_corrected_each_for_itself() -> None:
    privacy, noted = made()
    assert await privacy.correct("0600000001", email=" salma@Example.com ") == {"payments": 1}
    await privacy.correct("0600000001", language=LanguageCode.AR)
    written = line(Action.CORRECT)
    assert noted == [
        written,
        ("correct", NUMBER, "salma@example.com", None, NOON),
        written,
        ("correct", NUMBER, None, LanguageCode.AR, NOON),
    ]


async def test_what_cannot_be_corrected_is_written_nowhere() -> None:
    privacy, noted = made()
    with pytest.raises(ValueError, match="say what to correct"):
        await privacy.correct("0600000001")
    for email in ("no address", "hélène@example.com"):
        with pytest.raises(ValueError, match="address"):
            await privacy.correct("0600000001", email=email)
    for act in (privacy.export, privacy.erase):
        with pytest.raises(ValueError, match="number"):
            await act("12")
    assert noted == []
    beyond_ascii, noted = made(mail_utf8=True)
    await beyond_ascii.correct("0600000001", email="hélène@example.com")
    assert noted[-1] == ("correct", NUMBER, "hélène@example.com", None, NOON)


async def test_an_erasure_says_what_is_gone_and_what_is_kept() -> None:
    privacy, noted = made()
    assert await privacy.erase("0600000001") == Erasure({"payments": 2, "conversations": 3}, KEPT)
    assert noted == [line(Action.ERASE), ("erase", NUMBER, NOON), ("forget", NUMBER)]
