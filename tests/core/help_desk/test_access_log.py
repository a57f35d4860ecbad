"""Who may see what is beyond one customer, and by whose word money leaves: never by an administrator's."""

import pytest

from core.database.help_desk.access_log import PgAccessLog
from core.database.pool import open_database
from core.help_desk.access_log import Access, Action, Actor
from core.help_desk.accounts import Role
from lab.clocks import NOON


@pytest.mark.parametrize(
    ("role", "administers", "supervises", "decides"),
    [
        (Role.AGENT, False, False, False),
        (Role.AGENT, True, False, False),
        (Role.SUPERVISOR, False, True, True),
        (Role.SUPERVISOR, True, True, False),
    ],
)
def test_what_a_role_lets_do(role: Role, *, administers: bool, supervises: bool, decides: bool) -> None:
    actor = Actor("sami", role, administers=administers)
    assert (actor.supervises, actor.decides) == (supervises, decides)


LOGGED = """
    login login_refused login_locked logout credential session_end search view contact dialogs inquire resend note queue
    undo_propose undo_approve undo_reject finding hand_propose hand_approve hand_reject chargeback evidence account log
    events report export correct erase
"""


def test_lines_of_earlier_releases_are_read_as_they_were_written() -> None:
    """The log is never rewritten: a word of it may join, and none may change."""
    assert set(LOGGED.split()) <= set(Action)


async def test_a_detail_is_kept_to_its_bound(database_url: str) -> None:
    async with open_database(database_url) as database:
        log = PgAccessLog(database)
        for detail in ("x" * 600, "y" * 601):
            await log.write(Access(NOON, "sami", Role.AGENT, Action.NOTE, "01KATWQ2YD", detail, "10.0.0.7"))
        kept = await log.of_payment("01KATWQ2YD", 5)
    assert sorted(len(line.detail or "") for line in kept) == [600, 600]
    assert {(line.detail or "")[0] for line in kept} == {"x", "y"}


def test_nobody_administers_or_sits_somewhere_unless_it_is_told() -> None:
    actor = Actor("sami", Role.SUPERVISOR)
    assert (actor.address, actor.browser, actor.administers, actor.decides) == ("", "", False, True)
