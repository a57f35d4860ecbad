"""The socket that servers listen on: bound once, shared by however many accept from it."""

import socket

BACKLOG = 2_048


def listener(host: str, port: int) -> socket.socket:
    """Bound and listening: connections wait in it while a server starts. Raises OSError that names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named: asyncio turns Nagle's delay (40 ms an answer) off only where it is
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"{error.strerror}: {host}:{port}") from None
    return bound
