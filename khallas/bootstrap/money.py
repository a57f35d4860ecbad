"""Who bills, joined: a part of the composition root (khallas/bootstrap/container.py)."""

from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmfAccount, TmForumBilling
from core.cards import Secret
from core.database.pool import Database
from core.ports import Clock
from khallas.settings.model import Settings


def billing_of(settings: Settings, database: Database, clock: Clock) -> EmbeddedBilling | TmForumBilling:
    """TM Forum's APIs where a URL is set, our own tables otherwise."""
    own, embedded = settings.billing, EmbeddedBilling(database, clock)
    if not own.url:
        return embedded
    account = TmfAccount(own.url, Secret(own.token.get_secret_value()), own.account)
    return TmForumBilling(account, embedded, settings.currency, timeout_s=own.timeout_s)
