"""Help-desk accounts over the real database: argon2, one answer for every wrong login, sessions that end."""

from collections.abc import AsyncIterator, Iterator
from itertools import product

import pytest

from core.database.help_desk.accounts import PgUsers
from core.database.pool import Database, open_database
from core.help_desk.accounts import AccountError, Accounts, Role, name_of
from core.help_desk.passwords import PASSWORD_CHARS_MIN, fault
from lab.clocks import NOON, StillClock
from tests.support.hashing import quick_accounts, quick_hash

PASSWORD = "une longue phrase, 7 mots"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return quick_accounts(PgUsers(database), StillClock())


@pytest.fixture
def slow_accounts(database: Database) -> Accounts:
    """As in life."""
    return Accounts(PgUsers(database), StillClock())


async def test_a_password_opens_its_own_account_only(accounts: Accounts) -> None:
    user = await accounts.add(" Salma.B ", Role.AGENT, PASSWORD)
    await accounts.add("driss", Role.SUPERVISOR, "other words, 31 of them")
    assert (user.name, user.role) == ("salma.b", Role.AGENT)
    assert await accounts.check("SALMA.B", PASSWORD) == user
    for name, password in (("salma.b", "other words, 31 of them"), ("nobody", PASSWORD), ("", ""), ("a b", PASSWORD)):
        assert await accounts.check(name, password) is None


async def test_what_is_kept_is_argon2id_with_our_parameters(slow_accounts: Accounts, database: Database) -> None:
    user = await slow_accounts.add("salma", Role.AGENT, PASSWORD)
    row = await database.one("SELECT password_hash FROM desk_users")
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    *_, salt, digest = row["password_hash"].split("$")
    assert (len(salt), len(digest)) == (22, 43)  # 16 and 32 bytes in base64
    assert row["password_hash"] not in repr(user)
    assert PASSWORD not in row["password_hash"]


async def test_a_disabled_account_and_its_sessions_are_over(accounts: Accounts) -> None:
    user = await accounts.add("salma", Role.AGENT, PASSWORD)
    assert await accounts.current("salma", user.generation) == user
    over = await accounts.disable("salma")
    assert (over.name, over.disabled_at, over.generation) == ("salma", NOON, user.generation + 1)
    assert await accounts.check("salma", PASSWORD) is None
    assert await accounts.current("salma", user.generation) is None
    with pytest.raises(AccountError, match="disabled already"):
        await accounts.disable("salma")
    with pytest.raises(AccountError, match="taken"):
        await accounts.add("salma", Role.AGENT, PASSWORD)
    again = await accounts.set_password("salma", "quite other words, 32")
    assert again.disabled_at is not None
    assert await accounts.check("salma", "quite other words, 32") is None


async def test_a_new_password_ends_the_sessions_begun_with_the_old_one(accounts: Accounts) -> None:
    before = await accounts.add("salma", Role.AGENT, PASSWORD)
    after = await accounts.set_password("salma", "quite other words, 32")
    assert await accounts.check("salma", PASSWORD) is None
    assert await accounts.check("salma", "quite other words, 32") == after
    assert await accounts.current("salma", before.generation) is None
    assert await accounts.current("salma", after.generation) == after
    with pytest.raises(AccountError, match="there is no"):
        await accounts.set_password("nobody", PASSWORD)


async def test_an_outdated_hash_is_renewed_at_login_and_sessions_go_on(
    slow_accounts: Accounts, database: Database
) -> None:
    await PgUsers(database).add("salma", Role.AGENT, quick_hash(PASSWORD), NOON)
    user = await slow_accounts.check("salma", PASSWORD)
    assert user is not None
    row = await database.one("SELECT password_hash, generation FROM desk_users")
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert row["generation"] == user.generation


async def test_a_hash_of_today_stays_as_it_is_at_a_login(accounts: Accounts, database: Database) -> None:
    await accounts.add("salma", Role.AGENT, PASSWORD)
    before = await database.one("SELECT password_hash FROM desk_users")
    assert await accounts.check("salma", PASSWORD) is not None
    assert await database.one("SELECT password_hash FROM desk_users") == before


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 129])
async def test_a_password_has_a_right_length(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccountError) as refused:
        await accounts.add("salma", Role.AGENT, password)
    assert str(refused.value) == "a password has 12 to 128 characters"
    await accounts.add("salma", Role.AGENT, PASSWORD)
    with pytest.raises(AccountError, match="12 to 128"):
        await accounts.set_password("salma", password)
    assert await accounts.check("salma", PASSWORD) is not None


async def test_the_longest_password_counts_to_its_last_character(accounts: Accounts) -> None:
    longest = (PASSWORD * 6)[:127]
    await accounts.add("salma", Role.AGENT, longest + "q")
    assert await accounts.check("salma", longest + "q") is not None
    for wrong in (longest, longest + "r", longest + "qq"):
        assert await accounts.check("salma", wrong) is None


async def test_a_supervisor_is_appointed_and_no_agent(accounts: Accounts) -> None:
    await accounts.add("sami", Role.SUPERVISOR, PASSWORD)
    await accounts.add("salma", Role.AGENT, PASSWORD)
    appointed = await accounts.appoint("sami", administers=True)
    assert (appointed.name, appointed.administers) == ("sami", True)
    for name in ("sami", "salma", "nobody"):
        with pytest.raises(AccountError, match="there is no supervisor"):
            await accounts.appoint(name, administers=True)


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


WEAK = (
    *("aaaaaaaaaaaa", "123456789012", "password1234", "           x", "Password2026!", "P@ssw0rd1234", "azertyuiop12"),
    *(
        "Casablanca2026",
        "MotDePasse123",
        "khallas-khallas-1",
        "qwerty123456",
        "abcdef123456",
        "salma.b123456",
        "111111111aaa",
    ),
    *(
        "bonjourbonjour1",
        "Superviseur2026",
        "admin1234567",
        "letters without digits",
        "1234 5678 9012 3456",
        "iloveyou12345",
    ),
)


@pytest.mark.parametrize("password", WEAK)
def test_what_everybody_tries_is_no_password(password: str) -> None:
    assert fault(password, "salma.b") is not None


def _guesses() -> Iterator[str]:
    """What is tried first, by the rules of those who try: words, years, seasons, keyboards, a sign behind."""
    words = [
        "password",
        "passw0rd",
        "motdepasse",
        "welcome",
        "bienvenue",
        "azerty",
        "qwerty",
        "admin",
        "casablanca",
        "maroc",
        "khallas",
        "summer",
        "hiver",
        "iloveyou",
        "letmein",
        "superviseur",
        "football",
        "dragon",
        "mohamed",
        "rabat",
    ]
    for word, other in product(words, words):
        for made in (word + other, word.capitalize() + other.capitalize(), f"{word}_{other}", f"{word}.{other}"):
            yield from (made + end for end in ("1", "12", "123", "2026", "2026!", "1!"))
    for word, year, end in product(words, range(1970, 2031, 5), ("", "!", "123", "123!", "@123")):
        yield from (f"{word}{year}{end}", f"{word.capitalize()}@{year}{end}", f"{year}{word.upper()}{end}")


WELL_KNOWN = (
    *(
        "1q2w3e4r5t6y",
        "q1w2e3r4t5y6",
        "1qaz2wsx3edc",
        "1QAZ2wsx3EDC4rfv",
        "zaq12wsxcde3",
        "a1b2c3d4e5f6",
        "1a2b3c4d5e6f",
    ),
    *(
        "abc123abc123",
        "Abc123Abc123",
        "trustno1trustno1",
        "passw0rd1234",
        "qwertyuiop123",
        "azertyuiop123",
        "qwerty123456",
    ),
    *("correcthorsebatterystaple1", "Welcome12345", "iloveyou1234", "letmein12345", "P@ssw0rd2026", "Pa$$word1234"),
    *(
        "motdepasse12",
        "MotDePasse2026!",
        "jetaime123456",
        "marseille1313",
        "bismillah786786",
        "Maroc2026Maroc",
        "WydadCasablanca1937",
    ),
    *(
        "khallas2026khallas",
        "kX9-kX9-kX9-kX9",
        "zzz111zzz111",
        "0987654321qwe",
        "asdfghjkl123",
        "Qwer1234Qwer",
        "1234qwerasdf",
    ),
)


@pytest.mark.no_cover  # thousands of words: counting their lines would take twice as long
def test_some_thousands_of_first_guesses_are_refused() -> None:
    guesses = {guess for guess in _guesses() if len(guess) >= PASSWORD_CHARS_MIN} | set(WELL_KNOWN)
    assert len(guesses) > 3_000
    assert [guess for guess in sorted(guesses) if fault(guess, "salma.b") is None] == []


@pytest.mark.parametrize(
    "password", [PASSWORD, "kX9-mVq2-ttRw", "le tram vers Témara part à 8h12", "عبد الرصيف 7 قطط زرق"]
)
def test_what_only_one_person_would_try_is_one(password: str) -> None:
    assert fault(password, "salma.b") is None


async def test_the_last_four_passwords_are_not_taken_again(accounts: Accounts) -> None:
    chosen = [f"{PASSWORD} {n}{n}" for n in range(5)]
    await accounts.add("salma", Role.AGENT, chosen[0])
    for password in chosen[1:4]:
        await accounts.set_password("salma", password)
    for password in chosen[:4]:
        with pytest.raises(AccountError, match="the last 4"):
            await accounts.set_password("salma", password)
    await accounts.set_password("salma", chosen[4])
    await accounts.set_password("salma", chosen[0])


async def test_an_account_that_nobody_uses_is_over_until_it_gets_another_password(database: Database) -> None:
    clock = StillClock()
    accounts = quick_accounts(PgUsers(database), clock, idle_days=90)
    user = await accounts.add("salma", Role.AGENT, PASSWORD)
    clock.forward(89 * 86_400)
    assert await accounts.check("salma", PASSWORD) is not None
    clock.forward(89 * 86_400)
    assert await accounts.current("salma", user.generation) is not None
    clock.forward(86_400)
    assert await accounts.check("salma", PASSWORD) is None
    assert await accounts.current("salma", user.generation) is None
    await accounts.set_password("salma", "quite other words, 32")
    assert await accounts.check("salma", "quite other words, 32") is not None
