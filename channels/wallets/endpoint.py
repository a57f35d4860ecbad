"""What wallets call back: PUT or POST /wallets/{provider}/{reference}. Nothing of it is believed.

Nobody signs these, and anybody may post one. The address names the attempt, by a UUID that its wallet alone was told;
whatever stands in the body, the wallet is asked (docs/protocols/wallets.md, Callbacks). The answer is the same for an
attempt that we know and one that we do not.
"""

import logging
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.http.receive import Count, incoming, refused
from channels.wire import Malformed

log = logging.getLogger(__name__)

CALLBACK_BYTES_MAX = 16 * 1024
PATH = "/wallets/{provider}/{reference}"
_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ACCEPTED = b'{"ResultCode":0,"ResultDesc":"Accepted"}'  # Daraja reads it, the others read the status

CalledBack = Callable[[str, str, bytes], Awaitable[bool]]  # provider, reference, body: whether it is an attempt's


def routes(called_back: CalledBack, count: Count, *, public_url: str) -> list[Route]:
    """The door. `called_back` looks at the attempt soon; it raises when it could not even note that."""

    async def callback(request: Request) -> Response:
        provider, reference = request.path_params["provider"], request.path_params["reference"].lower()
        try:
            _plausible(provider, reference)
            arrived = await incoming(request, public_url, body_max=CALLBACK_BYTES_MAX)
        except Malformed as error:
            return refused(error, "wallets", count)
        try:
            known = await called_back(provider, reference, arrived.body)
        except Exception:
            # it would come again, or never: the attempt is asked about by itself in any case
            log.exception("a callback of wallet %s could not be noted", provider)
            return Response(status_code=503, headers={"Cache-Control": "no-store"})
        if not known:
            log.warning("wallet %s: a callback of no attempt", provider)
            count("wallets", "unknown")
        if request.method == "PUT":
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        return Response(ACCEPTED, 200, {"Cache-Control": "no-store"}, "application/json")

    return [Route(path, callback, methods=["PUT", "POST"]) for path in (PATH, PATH + "/")]


def _plausible(provider: str, reference: str) -> None:
    """Raises Malformed."""
    if _PROVIDER.fullmatch(provider) is None or _UUID.fullmatch(reference) is None:
        raise Malformed("the address names no attempt")
