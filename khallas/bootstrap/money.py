"""Who bills, joined: a part of the composition root (khallas/bootstrap/container.py)."""

from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmfAccount, TmForumBilling
from core.cards import Secret
from core.database.pool import Database
from core.ports import Clock
from khallas.settings.model import Settings


def billing_of(settings: Settings, database: Database, clock: Clock) -> EmbeddedBilling | TmForumBilling:
    """TM Forum's APIs where a URL is set, our own tables otherwise."""
    billing, embedded = settings.billing, EmbeddedBilling(database, clock)
    if not billing.url:
        return embedded
    account = TmfAccount(billing.url, Secret(billing.token.get_secret_value()), billing.account)
    return TmForumBilling(account, embedded, settings.currency, timeout_s=billing.timeout_s)
