"""A customer who pays one bill by voice, told by the screens' names what to press."""

from dataclasses import dataclass
from datetime import date

from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.payments.orders import StartOrder
from core.subscribers.lines import ServiceType
from lab.caller import DEMO_TOKEN, VoicePhone
from lab.cmi.cards import approved_card
from lab.twilio.dialled import Pace
from lab.twilio.webhooks import WebhookFailed

APPROVED_CARD = "4000000000000010"
MONTH, DUE = date(2026, 10, 1), date(2026, 11, 25)
PACE = Pace(pause_factor=0.02, growth=1.0)  # many wait for a bank that never answers
TURNS_MAX = 30
CALL_MAX_S = 90.0
ENDS = frozenset({"Paid", "Declined", "Unknown", "NothingToPay", "Goodbye", "Help"})


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with a telephone and one bill: the line's only one."""

    msisdn: str
    reference: str
    code: str
    invoice: str
    amount_centimes: int
    card: str  # of their own: no card is taken often in an hour


def customer(number: int) -> Customer:
    """The customer of this number; each has a line and a bill of their own."""
    return Customer(
        f"+2126{number:08d}", f"07{number:08d}", "1234", f"{number:016d}", 10_000 + number, approved_card(number)
    )


def order_of(who: Customer, payer_msisdn: str, key: str) -> StartOrder:
    """The basket of this customer's bill, whoever pays it."""
    bill = Invoice(who.invoice, MONTH, who.amount_centimes, DUE)
    return StartOrder(key, "ussd", payer_msisdn, LanguageCode.FR, None, ServiceType.MOBILE, who.reference, (bill,))


async def pay_by_voice(
    base_url: str,
    who: Customer,
    card: str | None = None,
    *,
    auth_token: str = DEMO_TOKEN,
    public_url: str = "",
    pace: Pace = PACE,
) -> str | None:
    """One call; the screen it ended on, None when the server died in it."""
    try:
        async with VoicePhone(base_url, who.msisdn, pace=pace, auth_token=auth_token, public_url=public_url) as phone:
            call = await phone.dial()
            for _ in range(TURNS_MAX):
                await call.settled(CALL_MAX_S)
                if call.ended or call.screen in ENDS:
                    break
                call.press(_keys(call.screen, who, card or who.card))
            return None if call.error else call.screen
    except WebhookFailed:
        return None


def _keys(screen: str | None, who: Customer, card: str) -> str:
    match screen:
        case "Service":
            return "2"
        case "Reference":
            return f"{who.reference}#"
        case "PaymentCode":
            return f"{who.code}#"
        case "CardNumber":
            return f"{card}#"
        case "CardExpiry":
            return "1230#"
        case "CardCvv":
            return "000#"
        case "BankPin":
            return "123#"
        case _:
            return "1"
