"""The transfers of a settlement file, as core/database/settlement/statements.py writes them by SQL."""

from collections.abc import Sequence

from core.database.ledger.transfers import post_within
from core.database.pool import Connection, Database
from core.ledger.accounts import bank, fees, receivable
from core.ledger.transfers import LedgerOccasion, Transfer


async def post(database: Database, transfers: Sequence[Transfer]) -> int:
    """Posts in a commit of its own and returns how many are new."""

    async def work(connection: Connection) -> int:
        async with connection.transaction():
            return await post_within(connection, transfers)

    return await database.run(work, "post transfers")


def settled_sale(occasion: LedgerOccasion, gross_centimes: int, commission_centimes: int = 0) -> tuple[Transfer, ...]:
    """The acquirer paid a sale in: net to the bank, the commission to the fees, the gross off the receivable."""
    owed, net = receivable(occasion.acquirer), gross_centimes - commission_centimes
    legs = [(1, bank(occasion.acquirer), net), (2, fees(occasion.acquirer), commission_centimes)]
    return tuple(occasion.leg(number, "settled", debit, owed, amount) for number, debit, amount in legs if amount)


def batch_commission(occasion: LedgerOccasion, commission_centimes: int) -> tuple[Transfer, ...]:
    """A commission that the file names for a whole deposit; its sales were booked gross."""
    acquirer = occasion.acquirer
    return (occasion.leg(1, "commission", fees(acquirer), bank(acquirer), commission_centimes),)
