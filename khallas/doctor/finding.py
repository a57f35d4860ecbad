"""The findings of the doctor's checks. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """The state of one part of the system."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"  # not set up: nothing to ask


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """A part, what is known of it, and what to do when it fails."""

    part: str
    state: CheckState
    told: str
    mend: str = ""

    def asdict(self) -> dict[str, str]:
        """The finding for --json."""
        return {"part": self.part, "state": self.state.value, "told": self.told, "mend": self.mend}

    def lines(self) -> list[str]:
        """The finding's lines for people."""
        mark = {CheckState.OK: "ok     ", CheckState.FAILED: "FAILED ", CheckState.SKIPPED: "-      "}[self.state]
        return [f"{mark} {self.part}: {self.told}", *([f"        mend: {self.mend}"] if self.mend else [])]


class CheckFailed(Exception):
    """A part does not work; the words tell what is wrong and how to mend it, and hold no secret."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.told = what
        self.mend = mend


class NotSetUp(Exception):
    """There is nothing to check; the words say why."""
