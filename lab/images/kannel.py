"""Kannel's image: both boxes, with an SMSC that is none."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from lab.images.builder import ImageConfig
from lab.images.proofs import ended, stands, stopped
from lab.images.sealed import Contained, Sealed
from lab.servers.processes import free_port

SPOOL = "/var/spool/kannel"
ASKED = "/cgi-bin/sendsms?username=nobody&password=no"
REFUSED = 403  # by Kannel: that is nobody's password
KANNEL_CONF = """\
group = core
admin-port = {admin}
admin-password = {password}
smsbox-port = {box}
store-type = file
store-location = /var/spool/kannel/store

group = smsc
smsc = fake
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}

group = sendsms-user
username = khallas
password = {password}
"""


def kannel_tried(folder: Path, root: Path, image: ImageConfig) -> Iterator[str]:
    """Both boxes of Kannel's image, with an SMSC that is none."""
    password = secrets.token_hex(12)
    sendsms = free_port()
    conf = folder / "kannel.conf"
    ports = {name: free_port() for name in ("admin", "box", "smsc")}
    conf.write_text(KANNEL_CONF.format(password=password, sendsms=sendsms, **ports))
    binds = {conf: image.command[0]}
    sealed = Sealed(root, image.user, image.environment, ("/tmp", "/run", SPOOL), binds)  # noqa: S108 - the container's
    words = (*image.entrypoint, *image.command)
    with Contained(folder / "kannel", sealed, words, sendsms, ASKED, REFUSED) as box:
        stands(box, image.user)
        yield f"its boxes run and answer, as {image.user} without a capability, its root read-only"
        ended(sealed.command(*(word.replace("13013", str(sendsms)) for word in image.health)))
        yield "its own health check is content"
        yield f"it stops by SIGTERM: {stopped(box)}"
