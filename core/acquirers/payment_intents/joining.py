"""How the settings join this gateway (docs/extending/acquirer.md)."""

from collections.abc import Mapping

from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.acquirers.payment_intents.events import SignedNotices
from core.acquirers.payment_intents.finding import OrderFinder
from core.acquirers.payment_intents.page import CheckoutPage
from core.acquirers.payment_intents.transport import TIMEOUT_S, Exchange, GatewayAccount
from core.cards import Secret
from core.payments.hosted_page_port import PageWays

TIMEOUT_MAX_S = 120.0
NAMES = frozenset({"url", "key", "moto", "timeout_s", "page_url", "webhook_secrets"})


def connect(options: Mapping[str, Secret]) -> PaymentIntentsAcquirer:
    """The client: __URL and __KEY, __MOTO and __TIMEOUT_S. A KeyError names what is missing. Raises ValueError."""
    unknown = sorted(options.keys() - NAMES)
    if unknown:
        raise ValueError(f"{unknown[0].upper()} is no option of it")
    return PaymentIntentsAcquirer(_account(options), timeout_s=_timeout_s(options), pages="page_url" in options)


def connect_page(options: Mapping[str, Secret], ways: PageWays) -> CheckoutPage:
    """The page: __PAGE_URL, where its pages are, and __WEBHOOK_SECRETS. As `connect`."""
    account, notices = _account(options), SignedNotices(_secrets(options["webhook_secrets"]))
    exchange = Exchange(account, timeout_s=_timeout_s(options))
    finder = OrderFinder(exchange, account.currency, pages=True)
    return CheckoutPage(exchange, finder, account.currency, ways, options["page_url"].reveal(), notices)


def _account(options: Mapping[str, Secret]) -> GatewayAccount:
    moto = options.get("moto", Secret("yes")).reveal().strip().lower()
    if moto not in {"yes", "no"}:
        raise ValueError("MOTO is yes or no")
    return GatewayAccount(options["url"].reveal().strip(), options["key"], moto=moto == "yes")


def _secrets(several: Secret) -> tuple[Secret, ...]:
    """Of an endpoint that is being given another there are two. Raises ValueError."""
    secrets = tuple(Secret(each.strip()) for each in several.reveal().split(",") if each.strip())
    if not secrets:
        raise ValueError("WEBHOOK_SECRETS is empty")
    return secrets


def _timeout_s(options: Mapping[str, Secret]) -> float:
    try:
        timeout_s = float(options.get("timeout_s", Secret(str(TIMEOUT_S))).reveal())
    except ValueError:
        raise ValueError("TIMEOUT_S is a number of seconds") from None
    if not 0 < timeout_s <= TIMEOUT_MAX_S:
        raise ValueError(f"TIMEOUT_S is at most {TIMEOUT_MAX_S:g} seconds")
    return timeout_s
