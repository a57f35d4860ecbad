"""Who may see what is beyond one customer, and by whose word money leaves: never by an administrator's."""

import pytest

from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role


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
