"""Passwords hashed quickly, where hashing is not what is shown: argon2 is meant to be slow, 0.2 to 0.3 s each.

The parameters of life are tests/core/help_desk/test_accounts.py's to say. A hash says itself what it was made with, so
a server in a process of its own is quick at refusing a password whose hash is a quick one.
"""

from functools import cache

import pytest

from core.help_desk import accounts
from core.help_desk.accounts import IDLE_DAYS, Accounts, Users
from core.ports import Clock

_LEAST = {"TIME_COST": 1, "MEMORY_KIB": 8, "PARALLELISM": 1}  # that argon2 takes


def hash_quickly(patch: pytest.MonkeyPatch) -> None:
    """Whatever is hashed in this process until the patch is undone."""
    for name, least in _LEAST.items():
        patch.setattr(accounts, name, least)


def quick_accounts(users: Users, clock: Clock, idle_days: int = IDLE_DAYS) -> Accounts:
    """Accounts as in life, but for their hashes."""
    with pytest.MonkeyPatch.context() as patch:
        hash_quickly(patch)
        return Accounts(users, clock, idle_days)


@cache
def quick_hash(password: str) -> str:
    """Of somebody's password."""
    with pytest.MonkeyPatch.context() as patch:
        hash_quickly(patch)
        return accounts.hasher().hash(password)
