"""What an administrator is refused, account by account; the pages' own tests are in tests/channels/web/desk."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from core.database.help_desk.accounts import PgUsers
from core.database.pool import open_database
from core.help_desk.access_log import Access, Actor
from core.help_desk.accounts import Accounts, Role
from core.help_desk.administration import Administration, AdministrationRefusal, GivenPassword
from core.help_desk.enrolment import SecondFactors
from lab.clocks import StillClock

PASSWORD = "une longue phrase, 7 mots"
SAFIA = Actor("safia", Role.SUPERVISOR, administers=True)
AGENT = Actor("salma", Role.AGENT)
REFUSED = AdministrationRefusal


class Lines:
    """An access log in memory."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def write(self, line: Access) -> None:
        self.kept.append(line.detail or "")


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Administration]:
    async with open_database(database_url) as database:
        accounts = Accounts(PgUsers(database), StillClock())
        await accounts.add("salma", Role.AGENT, PASSWORD)
        yield Administration(accounts, cast("SecondFactors", None), Lines(), StillClock())  # type: ignore[arg-type]


async def test_nobody_else_keeps_accounts(office: Administration) -> None:
    assert await office.all(AGENT) == ()
    assert await office.add(AGENT, "driss", Role.AGENT) is REFUSED.NOT_ALLOWED
    for act in (office.password, office.second_factor, office.disable):
        assert await act(AGENT, "salma") is REFUSED.NOT_ALLOWED
    assert cast("Lines", office.log).kept == []


async def test_a_name_is_taken_once(office: Administration) -> None:
    assert await office.add(SAFIA, "no name at all", Role.AGENT) is REFUSED.NO_NAME
    assert await office.add(SAFIA, "Salma", Role.AGENT) is REFUSED.TAKEN
    given = await office.add(SAFIA, "driss", Role.SUPERVISOR)
    assert isinstance(given, GivenPassword)
    assert given.password not in repr(given)
    assert cast("Lines", office.log).kept == ["add supervisor driss"]


async def test_who_is_gone_or_was_never_here(office: Administration) -> None:
    for act in (office.password, office.second_factor, office.disable):
        assert await act(SAFIA, "nobody") is REFUSED.GONE
    assert await office.disable(SAFIA, "salma") is None
    assert await office.disable(SAFIA, "salma") is REFUSED.GONE
    assert await office.password(SAFIA, "salma") is REFUSED.GONE
