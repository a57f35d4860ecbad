"""Who charges and who bills, joined: a part of the composition root (khallas/server/app.py)."""

from collections.abc import Callable, Mapping
from importlib import import_module

from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_xml import CmiAccount
from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmfAccount, TmForumBilling
from core.cards import Secret
from core.database.pool import Database
from core.ports import Acquirer, Clock
from khallas.settings.model import BadSettings, Settings


def acquirer_of(settings: Settings) -> Acquirer:
    """The acquirer that the setting names: CMI, or the module of core/acquirers of that name. Raises BadSettings."""
    if settings.acquirer != "cmi":
        return _acquirer_named(settings.acquirer, settings)
    own = settings.cmi
    password = Secret(own.password.get_secret_value())
    account = CmiAccount(own.url, own.client_id, own.name, password, cardholder_present_code=own.telephone_order)
    try:
        return CmiAcquirer(account, timeout_s=own.timeout_s)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_CMI__URL: {error}") from None


def _acquirer_named(name: str, settings: Settings) -> Acquirer:
    """A module's `connect`, given the options. Raises BadSettings."""
    try:
        module = import_module(f"core.acquirers.{name}")
    except ModuleNotFoundError:
        raise BadSettings(f"KHALLAS_ACQUIRER: core/acquirers has no {name}") from None
    connect: Callable[[Mapping[str, Secret]], Acquirer] | None = getattr(module, "connect", None)
    if connect is None:
        raise BadSettings(f"KHALLAS_ACQUIRER: core/acquirers/{name}.py has no connect()")
    options = {option: Secret(value.get_secret_value()) for option, value in settings.acquirer_options.items()}
    try:
        return connect(options)
    except KeyError as error:
        raise BadSettings(f"KHALLAS_ACQUIRER_OPTIONS__{str(error.args[0]).upper()} is missing") from None
    except ValueError as error:
        raise BadSettings(f"KHALLAS_ACQUIRER_OPTIONS: {error}") from None


def billing_of(settings: Settings, database: Database, clock: Clock) -> EmbeddedBilling | TmForumBilling:
    """TM Forum's APIs where a URL is set, our own tables otherwise."""
    own, embedded = settings.billing, EmbeddedBilling(database, clock)
    if not own.url:
        return embedded
    account = TmfAccount(own.url, Secret(own.token.get_secret_value()), own.account)
    return TmForumBilling(account, embedded, settings.currency, timeout_s=own.timeout_s)
