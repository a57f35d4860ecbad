"""Command statuses, and what each means for a message. A number nobody knows is a number: it passes. Pure."""

from enum import IntEnum


class CommandStatus(IntEnum):
    """The statuses that we send or treat apart (SMPP 3.4, 5.1.3)."""

    ROK = 0x00
    RINVMSGLEN = 0x01
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RSYSERR = 0x08
    RINVSRCADR = 0x0A
    RINVDSTADR = 0x0B
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    RMSGQFUL = 0x14
    RINVSERTYP = 0x15
    RINVESMCLASS = 0x43
    RINVSRCTON = 0x48
    RINVDSTTON = 0x50
    RTHROTTLED = 0x58
    RX_T_APPN = 0x64


# Our side of the bind is at fault: waiting a minute is kinder than knocking every second.
REFUSED_BIND = frozenset({CommandStatus.RBINDFAIL, CommandStatus.RINVPASWD, CommandStatus.RINVSYSID})
SLOW_DOWN = frozenset({CommandStatus.RTHROTTLED, CommandStatus.RMSGQFUL})
# The message itself is at fault, at this SMSC and at every other: nothing is tried again.
HOPELESS = frozenset({CommandStatus.RINVDSTADR, CommandStatus.RINVDSTTON, CommandStatus.RINVMSGLEN})


def name_of(status: int) -> str:
    """The name of a command_status for logs and errors: "RTHROTTLED", "status 0x400"."""
    try:
        return CommandStatus(status).name
    except ValueError:
        return f"status {status:#x}"
