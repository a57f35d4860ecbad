"""Twilio's own client for the doctor: slow to import and synchronous, which a doctor can afford (docs/decisions/011).

It knows no other base address than Twilio's, so its HTTP client is told ours; it asks once, and waits no longer than
ASK_MAX_S.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from khallas.doctor.finding import CheckFailed
from khallas.settings.model import Settings

if TYPE_CHECKING:
    from twilio.rest import Client

ASK_MAX_S = 10.0
TWILIO = "https://api.twilio.com"
REFUSED = frozenset({401, 403, 404})
T = TypeVar("T")


async def ask(settings: Settings, question: "Callable[[Client], T]") -> T:
    """Put a question to the account, in a thread of its own. Raises CheckFailed with what to mend."""
    return await asyncio.to_thread(_ask, settings, question)


def _ask(settings: Settings, question: "Callable[[Client], T]") -> T:
    from twilio.base.exceptions import TwilioException, TwilioRestException

    try:
        return question(_client(settings))
    except TwilioRestException as error:
        if error.status in REFUSED:
            raise CheckFailed(
                f"refuses the account or its token ({error.status})",
                "take both from Twilio's console: KHALLAS_TWILIO__ACCOUNT_SID, __AUTH_TOKENS",
            ) from None
        raise CheckFailed(f"answered {error.status}", "look at status.twilio.com") from None
    except (TwilioException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        # what requests raises is an OSError
        what = f"cannot be asked ({type(error).__name__})"
        raise CheckFailed(what, "let this machine reach KHALLAS_TWILIO__API_URL over https") from None


def _client(settings: Settings) -> "Client":
    from twilio.http.http_client import TwilioHttpClient
    from twilio.http.response import Response
    from twilio.rest import Client

    account = settings.twilio

    class OurAddress(TwilioHttpClient):  # type: ignore[misc]  # the library has no annotations that mypy reads
        """Sends where the settings say."""

        def request(self, method: str, url: str, *rest: object, **more: object) -> Response:
            return super().request(method, url.replace(TWILIO, account.api_url.rstrip("/"), 1), *rest, **more)

    token = account.auth_tokens[0].get_secret_value() if account.auth_tokens else ""
    return Client(account.account_sid, token or "-", http_client=OurAddress(timeout=ASK_MAX_S, max_retries=None))
