"""How the settings join this gateway (docs/extending/acquirer.md)."""

from collections.abc import Mapping

from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.acquirers.payment_intents.transport import TIMEOUT_S, GatewayAccount
from core.cards import Secret

TIMEOUT_MAX_S = 120.0
NAMES = frozenset({"url", "key", "moto", "timeout_s"})


def connect(options: Mapping[str, Secret]) -> PaymentIntentsAcquirer:
    """The client: __URL and __KEY, __MOTO and __TIMEOUT_S. A KeyError names what is missing. Raises ValueError."""
    unknown = sorted(options.keys() - NAMES)
    if unknown:
        raise ValueError(f"{unknown[0].upper()} is no option of it")
    return PaymentIntentsAcquirer(_account(options), timeout_s=_timeout_s(options))


def _account(options: Mapping[str, Secret]) -> GatewayAccount:
    moto = options.get("moto", Secret("yes")).reveal().strip().lower()
    if moto not in {"yes", "no"}:
        raise ValueError("MOTO is yes or no")
    return GatewayAccount(options["url"].reveal().strip(), options["key"], moto=moto == "yes")


def _timeout_s(options: Mapping[str, Secret]) -> float:
    try:
        timeout_s = float(options.get("timeout_s", Secret(str(TIMEOUT_S))).reveal())
    except ValueError:
        raise ValueError("TIMEOUT_S is a number of seconds") from None
    if not 0 < timeout_s <= TIMEOUT_MAX_S:
        raise ValueError(f"TIMEOUT_S is at most {TIMEOUT_MAX_S:g} seconds")
    return timeout_s
