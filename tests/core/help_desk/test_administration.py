"""What an administrator is refused, account by account; the pages' own tests are in tests/channels/web/desk."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import cast

import pytest

from core.database.help_desk.accounts import PgUsers
from core.database.pool import open_database
from core.help_desk.access_log import Access, Action, Actor
from core.help_desk.accounts import AccountError, Role
from core.help_desk.administration import Administration, AdministrationRefusal, GivenPassword, fresh_password
from core.help_desk.enrolment import Enrolment, SecondFactors
from core.help_desk.passwords import fault
from lab.clocks import NOON, StillClock
from tests.support.hashing import quick_accounts

PASSWORD = "une longue phrase, 7 mots"
SAFIA = Actor("safia", Role.SUPERVISOR, "10.0.0.7", administers=True)
AGENT = Actor("salma", Role.AGENT)
REFUSED = AdministrationRefusal


class Lines:
    """An access log in memory."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def write(self, line: Access) -> None:
        told = (line.at, line.who, line.role, line.action, line.payment_id, line.address)
        assert told == (NOON, "safia", "supervisor", Action.ACCOUNT, None, "10.0.0.7")
        self.kept.append(line.detail or "")


class Factors:
    """Gives no real second factor."""

    async def enrol(self, name: str) -> Enrolment:
        return Enrolment(name, b"secret", ())


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Administration]:
    async with open_database(database_url) as database:
        accounts = quick_accounts(PgUsers(database), StillClock())
        await accounts.add("salma", Role.AGENT, PASSWORD)
        yield Administration(accounts, cast("SecondFactors", Factors()), Lines(), StillClock())  # type: ignore[arg-type]


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


async def test_of_two_at_once_one_is_told_that_the_other_was_first(office: Administration) -> None:
    made = await asyncio.gather(*(office.add(SAFIA, "driss", Role.AGENT) for _ in range(2)))
    assert sorted(isinstance(each, GivenPassword) for each in made) == [False, True]
    assert REFUSED.TAKEN in made
    assert set(await asyncio.gather(*(office.disable(SAFIA, "driss") for _ in range(2)))) == {None, REFUSED.GONE}


async def test_who_is_gone_or_was_never_here(office: Administration) -> None:
    for act in (office.password, office.second_factor, office.disable):
        assert await act(SAFIA, "nobody") is REFUSED.GONE
    assert await office.disable(SAFIA, "salma") is None
    assert await office.disable(SAFIA, "salma") is REFUSED.GONE
    assert await office.password(SAFIA, "salma") is REFUSED.GONE


async def test_what_an_administrator_does_is_done_and_written_down(office: Administration) -> None:
    given = await office.password(SAFIA, "salma")
    assert isinstance(given, GivenPassword)
    assert given.name == "salma"
    user = await office.accounts.check("salma", given.password)
    assert user is not None
    assert user.password_given
    assert await office.accounts.check("salma", PASSWORD) is None
    assert await office.second_factor(SAFIA, "salma") == Enrolment("salma", b"secret", ())
    added = await office.add(SAFIA, " Driss ", Role.AGENT)
    assert isinstance(added, GivenPassword)
    driss = await office.accounts.check("driss", added.password)
    assert driss is not None
    assert (driss.name, driss.role, driss.password_given) == ("driss", Role.AGENT, True)
    assert [each.name for each in await office.all(SAFIA)] == ["driss", "salma"]
    assert await office.disable(SAFIA, "driss") is None
    assert await office.accounts.check("driss", added.password) is None
    assert cast("Lines", office.log).kept == [
        "password salma",
        "second factor salma",
        "add agent driss",
        "list",
        "disable driss",
    ]


async def test_administrators_are_changed_at_a_terminal(office: Administration) -> None:
    await office.accounts.add("safia", Role.SUPERVISOR, PASSWORD)
    await office.accounts.appoint("safia", administers=True)
    for act in (office.password, office.second_factor, office.disable):
        assert await act(SAFIA, "safia") is REFUSED.AT_A_TERMINAL
    assert cast("Lines", office.log).kept == []
    with pytest.raises(AccountError, match="no supervisor"):
        await office.accounts.appoint("salma", administers=True)


def test_a_fresh_password_can_be_read_out_and_is_taken() -> None:
    made = {fresh_password() for _ in range(20)}
    assert len(made) == 20
    for password in made:
        assert re.fullmatch(r"(?:[a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", password), password
        assert fault(password) is None
