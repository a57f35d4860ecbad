"""Where one of several workers hears Asterisk's calls. A leaf: workers without such calls read nothing more."""

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SharedCalls:
    """FastAGI's socket as a supervisor handed it to this worker; None by one that was started without such calls,
    whose workers then bind the port each for itself."""

    bound: socket.socket | None = None
