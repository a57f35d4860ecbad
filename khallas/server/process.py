"""The first steps of a process, before it reads a secret."""

import ctypes
import gc
import resource
import sys

PR_SET_DUMPABLE = 4  # linux/prctl.h
GC_THRESHOLD = 20_000  # objects that are made before any are looked at


def no_core_dumps() -> None:
    """A crash must not write a card from memory to a disk, nor a program of the same user read it there.

    protocols/security.md 7. RLIMIT_CORE does not hold where the kernel pipes cores to a program, PR_SET_DUMPABLE
    does; only Linux has it. It is lost at exec: servers that we start are not meant.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def seldom_look_for_garbage() -> None:
    """Sets how often a process looks for garbage: what a server loads stays, and what turns make dies young.

    The command calls it before it loads the server; a worker of `--workers` has loaded it by then.
    """
    gc.set_threshold(GC_THRESHOLD, 20, 20)
