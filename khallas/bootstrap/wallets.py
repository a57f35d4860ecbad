"""The wallets that settings name, joined: a module of core/wallets each, given its options and the common terms."""

from collections.abc import Callable, Mapping
from importlib import import_module

from pydantic import SecretStr

from core.cards import Secret
from core.wallets.port import CENTIMES, Wallet, WalletTerms
from khallas.settings.model import BadSettings, Settings
from khallas.settings.parts import SettlementSettings

Connect = Callable[[Mapping[str, Secret], WalletTerms, str], Wallet]
PREFIX = "KHALLAS_WALLETS__"
TERMS = frozenset({"wire", "name", "currency", "whole_units", "floor_dh", "ceiling_dh", "window_s", "prefixes"})
SETTLEMENT = "settlement_"  # what a wallet's statement calls its columns
YES = frozenset({"1", "true", "yes", "on"})
WINDOW_MAX_S = 86_400


def wallets_of(settings: Settings) -> dict[str, Wallet]:
    """Builds the wallets, by the names that settings give them, in that order; none where none is set. Raises
    BadSettings.
    """
    return {provider: _joined(provider, options, settings) for provider, options in settings.wallets.items()}


def wallet_names(settings: Settings) -> dict[str, str]:
    """Returns the names that payers know wallets by."""
    names = {provider: options.get("name") for provider, options in settings.wallets.items()}
    return {provider: (name.get_secret_value().strip() if name else "") or provider for provider, name in names.items()}


def statement_of(settings: Settings, provider: str) -> SettlementSettings:
    """What a wallet's statement calls things: as all files do, where it says nothing of its own. Raises BadSettings."""
    options = settings.wallets.get(provider, {})
    own = {
        name.removeprefix(SETTLEMENT): value.get_secret_value()
        for name, value in options.items()
        if name.startswith(SETTLEMENT)
    }
    unknown = sorted(own.keys() - SettlementSettings.model_fields.keys())
    if unknown:
        raise BadSettings(f"{PREFIX}{provider.upper()}__{SETTLEMENT.upper()}{unknown[0].upper()} is no column")
    try:
        return SettlementSettings.model_validate({**settings.settlement.model_dump(), **own})
    except ValueError as error:
        raise BadSettings(f"{PREFIX}{provider.upper()}__{SETTLEMENT.upper()}*: {error}") from None


def currency_of(settings: Settings, provider: str) -> str:
    """What it is paid in."""
    own = settings.wallets[provider].get("currency")
    return (own.get_secret_value().strip() if own else "") or settings.currency


def _joined(provider: str, given: Mapping[str, SecretStr], settings: Settings) -> Wallet:
    prefix = f"{PREFIX}{provider.upper()}__"
    options = {name: Secret(value.get_secret_value()) for name, value in given.items()}
    plain = {name: options[name].reveal().strip() for name in TERMS & options.keys()}
    wire = plain.get("wire", "")
    if not wire.isidentifier():
        raise BadSettings(f"{prefix}WIRE is missing: the dialect, a module of core/wallets")
    try:
        module = import_module(f"core.wallets.{wire}")
    except ModuleNotFoundError:
        raise BadSettings(f"{prefix}WIRE: core/wallets has no {wire}") from None
    connect: Connect | None = getattr(module, "connect", None)
    if connect is None:
        raise BadSettings(f"{prefix}WIRE: core/wallets/{wire}.py has no connect()")
    base = settings.public_url.rstrip("/")
    further = {name: value for name, value in options.items() if name not in TERMS and not name.startswith(SETTLEMENT)}
    try:
        return connect(further, _terms(provider, plain, settings.currency), f"{base}/wallets/{provider}")
    except KeyError as error:
        raise BadSettings(f"{prefix}{str(error.args[0]).upper()} is missing") from None
    except ValueError as error:
        raise BadSettings(f"{prefix}*: {error}") from None


def _terms(provider: str, plain: Mapping[str, str], currency: str) -> WalletTerms:
    """Raises ValueError."""
    ceiling = plain.get("ceiling_dh", "")
    window_s = int(plain.get("window_s", "300"))
    if not 30 <= window_s <= WINDOW_MAX_S:
        raise ValueError("window_s is between 30 and 86400")
    prefixes = tuple(part.strip() for part in plain.get("prefixes", "").split(",") if part.strip())
    if any(not part.startswith("+") or not part[1:].isdecimal() for part in prefixes):
        raise ValueError("prefixes are written +212661,+212662")
    return WalletTerms(
        name=plain.get("name") or provider,
        currency=plain.get("currency", currency),
        whole_units=plain.get("whole_units", "").lower() in YES,
        floor_centimes=int(plain.get("floor_dh", "0")) * CENTIMES or 1,
        ceiling_centimes=int(ceiling) * CENTIMES if ceiling else None,
        window_s=window_s,
        prefixes=prefixes,
    )
