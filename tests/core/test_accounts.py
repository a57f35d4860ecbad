"""Help-desk accounts over the real database: argon2, one answer for every wrong login, sessions that end."""

from collections.abc import AsyncIterator

import pytest

from core.accounts import AccountError, Accounts, Role, hasher, name_of
from core.database.accounts import PgUsers
from core.database.pool import Database, open_database
from tests.core.fakes import StillClock

PASSWORD = "une longue phrase"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(PgUsers(database), StillClock())


async def test_a_password_opens_its_own_account_only(accounts: Accounts) -> None:
    user = await accounts.add(" Salma.B ", Role.AGENT, PASSWORD)
    await accounts.add("driss", Role.SUPERVISOR, "another password")
    assert (user.name, user.role) == ("salma.b", Role.AGENT)
    assert await accounts.check("SALMA.B", PASSWORD) == user
    for name, password in (("salma.b", "another password"), ("nobody", PASSWORD), ("", ""), ("a b", PASSWORD)):
        assert await accounts.check(name, password) is None


async def test_what_is_kept_is_argon2id_with_our_parameters(accounts: Accounts, database: Database) -> None:
    user = await accounts.add("salma", Role.AGENT, PASSWORD)
    row = await database.one("SELECT password_hash FROM desk_users")
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert row["password_hash"] not in repr(user)
    assert PASSWORD not in row["password_hash"]


async def test_a_disabled_account_and_its_sessions_are_over(accounts: Accounts) -> None:
    user = await accounts.add("salma", Role.AGENT, PASSWORD)
    assert await accounts.current("salma", user.generation) == user
    await accounts.disable("salma")
    assert await accounts.check("salma", PASSWORD) is None
    assert await accounts.current("salma", user.generation) is None
    with pytest.raises(AccountError, match="disabled already"):
        await accounts.disable("salma")
    with pytest.raises(AccountError, match="taken"):
        await accounts.add("salma", Role.AGENT, PASSWORD)
    again = await accounts.set_password("salma", "a new one, long")
    assert again.disabled_at is not None
    assert await accounts.check("salma", "a new one, long") is None


async def test_a_new_password_ends_the_sessions_begun_with_the_old_one(accounts: Accounts) -> None:
    before = await accounts.add("salma", Role.AGENT, PASSWORD)
    after = await accounts.set_password("salma", "a new one, long")
    assert await accounts.check("salma", PASSWORD) is None
    assert await accounts.check("salma", "a new one, long") == after
    assert await accounts.current("salma", before.generation) is None
    assert await accounts.current("salma", after.generation) == after
    with pytest.raises(AccountError, match="there is no"):
        await accounts.set_password("nobody", PASSWORD)


async def test_an_outdated_hash_is_renewed_at_login_and_sessions_go_on(accounts: Accounts, database: Database) -> None:
    await accounts.add("salma", Role.AGENT, PASSWORD)
    weak = type(hasher())(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await database.do("UPDATE desk_users SET password_hash = %(weak)s", weak=weak)
    user = await accounts.check("salma", PASSWORD)
    assert user is not None
    row = await database.one("SELECT password_hash, generation FROM desk_users")
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert row["generation"] == user.generation


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 129])
async def test_a_password_has_a_right_length(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccountError, match="12 to 128"):
        await accounts.add("salma", Role.AGENT, password)


@pytest.mark.parametrize("name", ["", "a", "1salma", "sal ma", "salma'--", "x" * 33, "é"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(AccountError, match="a name has"):
        name_of(name)


async def test_a_damaged_hash_opens_nothing(accounts: Accounts, database: Database) -> None:
    await accounts.add("salma", Role.AGENT, PASSWORD)
    await database.do("UPDATE desk_users SET password_hash = 'x'")
    assert await accounts.check("salma", PASSWORD) is None
    assert await accounts.known("salma") == "salma"
    assert await accounts.known(PASSWORD) is None
