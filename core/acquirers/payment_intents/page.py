"""The gateway's checkout page, for browsers (docs/protocols/payment-intents.md, Hosted page).

Rule of this file: a try has one session, under one key; a browser is sent to the page's own origin alone; neither the
way back nor a webhook is believed in anything but which order to ask about.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from yarl import URL

from core.acquirers.payment_intents.events import SignedNotices
from core.acquirers.payment_intents.finding import CLOCKS_APART_S, LookFailed, OrderFinder, made_at_of, why_of
from core.acquirers.payment_intents.transport import Exchange, GatewayAnswer, Said
from core.acquirers.payment_intents.wire import UNTIL_KEY, Form, SessionObject, session_form
from core.payments.hosted_page_port import PageAnswer, PageForm, PageNotice, PageWays, PageWord
from core.payments.table import Payment
from core.ports import UnknownOutcome

log = logging.getLogger(__name__)

SESSIONS = "/v1/checkout/sessions"
SESSION_LIFE_MIN_S = 1_800  # the gateway takes none that is shorter: what is over for us is closed by an inquiry
LOCALES = frozenset({"ar", "en", "fr"})
SIGNATURE = "stripe-signature"


class CheckoutPage:
    """Implements core.payments.hosted_page_port.HostedPage and core.payments.hosted_page_port.OpenedPage. Raises
    ValueError for an address that is none.
    """

    def __init__(
        self,
        exchange: Exchange,
        finder: OrderFinder,
        currency: str,
        ways: PageWays,
        page_url: str,
        notices: SignedNotices,
    ) -> None:
        """`page_url`: where the gateway's pages are; no other address is given to a browser."""
        page = URL(page_url)
        if page.scheme not in {"http", "https"} or not page.host:
            raise ValueError("PAGE_URL is the http or https address of the gateway's pages")
        self._exchange = exchange
        self._finder = finder
        self._currency = currency
        self._ways = ways
        self._origin = page.origin()
        self._notices = notices

    @property
    def url(self) -> str:
        return self._ways.open_url

    def form(self, payment: Payment, nonce: str, page_s: int) -> PageForm:
        """Makes the form to a door of ours, which opens the session and sends the browser on."""
        return PageForm(f"{self._ways.open_url}/{self._ways.mark_of(payment.id)}", {})

    def readings(self, posted: bytes) -> Sequence[Mapping[str, str]]:
        """Reads nothing, for this gateway posts no forms to us."""
        return ()

    def read(self, fields: Mapping[str, str]) -> PageAnswer | None:
        return None

    def word(self, word: PageWord) -> str:
        return word.upper()

    async def aclose(self) -> None:
        await self._exchange.aclose()

    async def open(self, payment: Payment) -> str | None:
        """The session of this try; of one that is paid or over already our own way back."""
        if payment.page_until is None:
            return None
        until = int(payment.page_until.timestamp())
        key = f"{payment.id}-page-{payment.attempts}"
        form = session_form(payment.id, self._asked(payment, until), until)
        answer = await self._exchange.post(SESSIONS, form, key, brief=True)
        if isinstance(answer, UnknownOutcome):  # under the same key: there is one session, whatever became of the first
            answer = await self._exchange.post(SESSIONS, form, key, brief=True)
        session = await self._session(payment, until, answer)
        if session is None:
            log.warning("payment %s: no page could be opened: %s", payment.id, why_of(answer))
        return None if session is None else self._way(payment, session)

    def noticed(self, body: bytes, headers: Mapping[str, str], now: datetime) -> PageNotice | None:
        if not self._notices.genuine(body, headers.get(SIGNATURE, ""), now.timestamp()):
            return None
        order_id = self._notices.order_of(body)
        return PageNotice(order_id if order_id and made_at_of(order_id) is not None else None)

    def _asked(self, payment: Payment, until: int) -> Form:
        """The same words for every repeat of a try: otherwise the gateway refuses its key."""
        mark = self._ways.mark_of(payment.id)
        price = "line_items[0][price_data]"
        return {
            f"{price}[currency]": self._currency,
            f"{price}[unit_amount]": str(payment.amount_centimes),
            f"{price}[product_data][name]": payment.reference,
            "success_url": f"{self._ways.back_url}/{mark}",
            "cancel_url": f"{self._ways.left_url}/{mark}",
            "locale": payment.language.value if payment.language.value in LOCALES else "auto",
            "expires_at": str(until + SESSION_LIFE_MIN_S + CLOCKS_APART_S),
        }

    async def _session(self, payment: Payment, until: int, answer: Said) -> SessionObject | None:
        """A repeat tells how it was when it was made, and a stumble is told again under its key for a day: then the
        list says how it is."""
        made = answer.holds(SessionObject) if isinstance(answer, GatewayAnswer) else None
        if made is not None and isinstance(answer, GatewayAnswer) and not answer.replayed:
            return made if _is_of(made, payment, until) else None
        try:
            listed = await self._finder.sessions(payment.id)
        except LookFailed:
            return None
        return next((each for each in listed if _is_of(each, payment, until)), None)

    def _way(self, payment: Payment, session: SessionObject) -> str | None:
        if session.status in {"complete", "expired"}:
            return f"{self._ways.back_url}/{self._ways.mark_of(payment.id)}"
        if session.status != "open" or session.url is None:
            return None
        try:
            at = URL(session.url).origin()
        except ValueError:
            at = None
        if at != self._origin:
            log.error("payment %s: the gateway's page is at an address nobody configured", payment.id)
            return None
        return session.url


def _is_of(session: SessionObject, payment: Payment, until: int) -> bool:
    """Of this order, and of this try of it."""
    return session.client_reference_id == payment.id and session.metadata.get(UNTIL_KEY) == str(until)
