"""Implements core.ports.Caller by Twilio: the outgoing call that takes a card."""

from urllib.parse import urlencode

from channels.carriers.twilio.client import TwilioRest
from core.payments.table import Payment


class TwilioCaller:
    """Rings through Twilio; the signed URL of the answer names the payment."""

    def __init__(self, rest: TwilioRest, public_url: str, *, caller_id: str | None) -> None:
        self._rest = rest
        self._public_url = public_url
        self._caller_id = caller_id

    async def close(self) -> None:
        """The client is others' too: whoever made it closes it."""

    async def call(self, payment: Payment) -> str:
        """The call's sid. Raises DeliveryFailed."""
        url = f"{self._public_url}/ivr/twilio?{urlencode({'payment': payment.id})}"
        status = f"{self._public_url}/ivr/twilio/status"
        return await self._rest.place_call(payment.payer_msisdn, url, status, caller_id=self._caller_id)
