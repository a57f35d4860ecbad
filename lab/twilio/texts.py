"""The SMS of the Twilio stand-in: what a number got and sent, and what became of it. Bounded; no sockets."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

NUMBERS_MAX = 10_000
TEXTS_PER_NUMBER_MAX = 200


@dataclass(slots=True)
class Text:
    """One message. `statuses` grows; the last is what Twilio would tell."""

    sid: str
    sender: str
    to: str
    body: str
    direction: str  # outbound-api, outbound-reply, inbound: from the application's side, as Twilio says
    callback: str = ""
    statuses: list[str] = field(default_factory=list)
    error_code: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def received(self) -> bool:
        """Did the phone show it?"""
        return "delivered" in self.statuses

    def resource(self, account_sid: str) -> dict[str, object]:
        """As Twilio's REST API writes it."""
        uri = f"/2010-04-01/Accounts/{account_sid}/Messages/{self.sid}"
        created = format_datetime(self.created_at)
        return {
            "sid": self.sid,
            "account_sid": account_sid,
            "api_version": "2010-04-01",
            "from": self.sender,
            "to": self.to,
            "body": self.body,
            "direction": self.direction,
            "status": self.statuses[-1],
            "error_code": self.error_code,
            "error_message": None,
            "date_created": created,
            "date_updated": created,
            "date_sent": None,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": "USD",
            "uri": uri + ".json",
            "subresource_uris": {"media": uri + "/Media.json"},
        }


class Inboxes:
    """The newest texts of each customer's number; the number quiet for longest is forgotten first."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, deque[Text]] = OrderedDict()

    def keep(self, number: str, text: Text) -> None:
        """Remember it under the customer's number."""
        self._texts.setdefault(number, deque(maxlen=TEXTS_PER_NUMBER_MAX)).append(text)
        self._texts.move_to_end(number)
        while len(self._texts) > NUMBERS_MAX:
            self._texts.popitem(last=False)

    def of(self, number: str) -> tuple[Text, ...]:
        """Both ways, oldest first."""
        return tuple(self._texts.get(number, ()))

    def find(self, sid: str) -> Text | None:
        """By Twilio's id."""
        return next((text for texts in self._texts.values() for text in texts if text.sid == sid), None)

    def clear(self, number: str | None = None) -> None:
        """Forget one number's, or all."""
        if number is None:
            self._texts.clear()
        else:
            self._texts.pop(number, None)
