"""Becomes a server that dies with its parent: `python die_with_parent.py SIGNAL PARENT_PID USER COMMAND…`, then execv.

A program of its own, not a preexec_fn: forking Python code beside running threads can deadlock. Standard library only,
because it runs isolated, before any package is found. Linux.
USER: "self" stays who it is; "nobody" drops root; "nobody+dac" drops root but keeps CAP_DAC_OVERRIDE, for a server that
refuses root (PostgreSQL) although its files lie beneath a folder only root may enter. It needs no user namespace, which
containers forbid.
"""

import ctypes
import os
import pwd
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
LINUX_CAPABILITY_VERSION_3 = 0x20080522
EXIT_ORPHAN = 3


def _checked(answer: int, call: str) -> None:
    if answer != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")


def become_nobody(libc: ctypes.CDLL, *, keep_dac: bool) -> None:
    """Root becomes `nobody`. Raises OSError when this process may not."""
    nobody = pwd.getpwnam("nobody")
    if keep_dac:
        _checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    if keep_dac:
        bit = 1 << CAP_DAC_OVERRIDE
        header = struct.pack("=Ii", LINUX_CAPABILITY_VERSION_3, 0)
        _checked(libc.capset(header, struct.pack("=6I", bit, bit, bit, 0, 0, 0)), "capset")
        _checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "prctl")


def main(death_signal: str, parent_pid: str, user: str, *command: str) -> None:
    """Drop what is to be dropped, tie the rope, become the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if user != "self":
        become_nobody(libc, keep_dac=user == "nobody+dac")
    # after the change of user: that clears it
    _checked(libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0), "prctl")
    if os.getppid() != int(parent_pid):
        sys.exit(EXIT_ORPHAN)  # the parent died before the rope was tied
    os.execv(command[0], command)  # noqa: S606 - the point of this file: no shell, no second process


if __name__ == "__main__":
    main(*sys.argv[1:])
