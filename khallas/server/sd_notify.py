"""systemd's readiness protocol, sd_notify(3): one datagram to the socket it names; elsewhere nothing happens."""

import os
import socket

SEND_MAX_S = 1.0


def notify(state: str) -> None:
    """Tell the service manager; nobody listening is no error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(SEND_MAX_S)
        try:
            listener.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            return
