"""What a process does first, before it reads a secret."""

import resource


def no_core_dumps() -> None:
    """A crash must not write a card from memory to a disk (facts/security.md 7)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
