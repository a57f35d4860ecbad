"""Who charges and who bills, joined: a part of the composition root (khallas/server/app.py)."""

from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_xml import CmiAccount
from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmfAccount, TmForumBilling
from core.cards import Secret
from core.database.pool import Database
from core.ports import Clock
from khallas.settings.model import BadSettings, Settings


def acquirer_of(settings: Settings) -> CmiAcquirer:
    """Raises BadSettings."""
    own = settings.cmi
    password = Secret(own.password.get_secret_value())
    account = CmiAccount(own.url, own.client_id, own.name, password, cardholder_present_code=own.telephone_order)
    try:
        return CmiAcquirer(account, timeout_s=own.timeout_s)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_CMI__URL: {error}") from None


def billing_of(settings: Settings, database: Database, clock: Clock) -> EmbeddedBilling | TmForumBilling:
    """TM Forum's APIs where a URL is set, our own tables otherwise."""
    own, embedded = settings.billing, EmbeddedBilling(database, clock)
    if not own.url:
        return embedded
    account = TmfAccount(own.url, Secret(own.token.get_secret_value()), own.account)
    return TmForumBilling(account, embedded, settings.currency, timeout_s=own.timeout_s)
