"""Second factors over the real database: a code counts once, at whichever of two doors."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.database.help_desk.accounts import PgUsers
from core.database.pool import Database, open_database
from core.help_desk.accounts import AccountError, Accounts, Role
from core.help_desk.enrolment import SecondFactors
from core.help_desk.second_factor import RECOVERY_CODES, SEALED_FOR, STEP_S, code_at
from core.sealing import Sealer
from lab.clocks import StillClock
from tests.support.hashing import quick_accounts

PASSWORD = "une longue phrase, 7 mots"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def accounts(database: Database, clock: StillClock) -> Accounts:
    return quick_accounts(PgUsers(database), clock)


def factors(database: Database, clock: StillClock, *keys: str) -> SecondFactors:
    return SecondFactors(PgUsers(database), Sealer(keys or ("a key of the tests",), SEALED_FOR), clock)


def _step(clock: StillClock) -> int:
    return int(clock.now().timestamp()) // STEP_S


async def test_a_code_counts_once_and_none_before_it(accounts: Accounts, database: Database, clock: StillClock) -> None:
    before = await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    kept = factors(database, clock)
    made = await kept.enrol("sami")
    assert await accounts.current("sami", before.generation) is None  # sessions of the password alone are over
    user = await accounts.check("sami", PASSWORD)
    assert user is not None
    assert user.second_factor
    now = code_at(made.secret, _step(clock))
    tries = await asyncio.gather(*(kept.proves("sami", now) for _ in range(10)))
    assert tries.count(True) == 1
    assert not await kept.proves("sami", code_at(made.secret, _step(clock) - 1))  # an earlier one is as good as used
    assert not await kept.proves("sami", "000000")
    clock.forward(STEP_S)
    assert await kept.proves("sami", code_at(made.secret, _step(clock)))


async def test_a_recovery_code_gets_in_once(accounts: Accounts, database: Database, clock: StillClock) -> None:
    await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    await accounts.add("amal", Role.AGENT, PASSWORD)
    kept = factors(database, clock)
    made = await kept.enrol("sami")
    await kept.enrol("amal")
    code = made.recovery_codes[3]
    assert not await kept.proves("amal", code)
    tries = await asyncio.gather(*(kept.proves("sami", code.lower()) for _ in range(10)))
    assert tries.count(True) == 1
    row = await database.one("SELECT totp_sealed, recovery_hashes FROM desk_users WHERE name = 'sami'")
    assert row is not None
    assert len(row["recovery_hashes"]) == RECOVERY_CODES - 1
    assert made.secret not in bytes(row["totp_sealed"])
    assert not any(part in str(row["recovery_hashes"]) for part in (code, code.replace("-", "")))
    again = await kept.enrol("sami")
    assert not await kept.proves("sami", made.recovery_codes[0])
    assert await kept.proves("sami", again.recovery_codes[0])


async def test_keys_rotate_and_without_the_key_nobody_gets_in(
    accounts: Accounts, database: Database, clock: StillClock
) -> None:
    await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    made = await factors(database, clock, "old").enrol("sami")
    assert not await factors(database, clock, "new").proves("sami", code_at(made.secret, _step(clock)))
    assert await factors(database, clock, "new", "old").proves("sami", code_at(made.secret, _step(clock)))
    clock.forward(STEP_S)
    assert await factors(database, clock, "new").proves("sami", code_at(made.secret, _step(clock)))  # sealed anew


async def test_what_cannot_be_read_is_not_sealed_anew(
    accounts: Accounts, database: Database, clock: StillClock
) -> None:
    """Who comes in by a recovery code while a key is away has the same second factor once it is back."""
    await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    made = await factors(database, clock, "old").enrol("sami")
    before = await database.one("SELECT totp_sealed FROM desk_users")
    assert await factors(database, clock, "new").proves("sami", made.recovery_codes[0])
    assert await database.one("SELECT totp_sealed FROM desk_users") == before
    assert await factors(database, clock, "old").proves("sami", code_at(made.secret, _step(clock)))
    assert await database.one("SELECT totp_sealed FROM desk_users") == before  # nor what its key seals today


async def test_a_code_is_a_login(accounts: Accounts, database: Database, clock: StillClock) -> None:
    await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    made = await factors(database, clock).enrol("sami")
    clock.forward(86_400)
    assert await accounts.check("sami", PASSWORD) is not None
    assert [user.seen_at for user in await accounts.all()] != [clock.now()]  # the password alone is none
    assert await factors(database, clock).proves("sami", code_at(made.secret, _step(clock)))
    assert [user.seen_at for user in await accounts.all()] == [clock.now()]


async def test_an_account_without_one_is_proved_by_nothing(
    accounts: Accounts, database: Database, clock: StillClock
) -> None:
    await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    kept = factors(database, clock)
    for name in ("sami", "nobody"):
        for typed in ("", "000000", code_at(bytes(20), _step(clock))):  # the stand-in's own code
            assert not await kept.proves(name, typed)
    with pytest.raises(AccountError, match="there is no"):
        await kept.enrol("nobody")
    made = await kept.enrol("sami")
    assert repr(made) == "Enrolment(name='sami')"
    await kept.take("sami")
    with pytest.raises(AccountError, match="there is no nobody"):
        await kept.take("nobody")
    user = await accounts.check("sami", PASSWORD)
    assert user is not None
    assert not user.second_factor


async def test_ones_own_password_is_changed_by_whoever_knows_it(accounts: Accounts) -> None:
    before = await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    assert await accounts.change_own("sami", "wrong", "quite other words, 32") is None
    after = await accounts.change_own("sami", PASSWORD, "quite other words, 32")
    assert after is not None
    assert after.generation > before.generation
    with pytest.raises(AccountError) as refused:
        await accounts.change_own("sami", "quite other words, 32", PASSWORD)
    assert refused.value.fault == "used"
