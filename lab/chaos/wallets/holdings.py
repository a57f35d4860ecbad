"""What a wallet's network took for each payment of ours and did not give back: its own books, read directly."""

from collections import Counter
from collections.abc import Mapping

from core.database.pool import Database
from lab.wallets.network import WalletNetwork

ATTEMPTS = "SELECT reference::text AS reference, payment_id FROM wallet_attempts"


async def held_by_wallet(database: Database, network: WalletNetwork) -> Mapping[str, int]:
    """Payment -> centimes; under the network's own key where we know no such attempt."""
    payment_of = {row["reference"]: row["payment_id"] for row in await database.all(ATTEMPTS)}
    held: Counter[str] = Counter()
    for request in network.requests.values():
        if request.number:
            held[payment_of.get(request.key, request.key)] += request.centimes - request.returned_centimes
    return {payment: centimes for payment, centimes in held.items() if centimes}
