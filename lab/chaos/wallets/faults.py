"""Where a server is killed while it asks a wallet, and a clock that is moved from outside.

Rule of this file: as lab/chaos/faults.py; an unarmed wrapper does nothing but pass on.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.database.wallets.repository import PgWalletAttempts
from core.wallets.attempts import AttemptState, AttemptUpdate, WalletRecord
from core.wallets.port import Asking, Wallet, WalletAttempt, WalletPaid
from lab.chaos.faults import Fuse, Instead


class WalletPoint(StrEnum):
    """Named points of a wallet's attempt. AFTER_SEND is seen from outside: the network has the request."""

    BEFORE_SEND = "wallet_before_send"
    AFTER_SEND = "wallet_after_send"
    AFTER_ANSWER = "wallet_after_answer"
    AFTER_COMMIT = "wallet_after_commit"
    AFTER_LANDING = "wallet_after_landing"


class AheadClock:
    """The real time and as many seconds more as a file says: a wallet's window passes while nobody waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        try:
            ahead_s = float(self._path.read_text() or 0)
        except FileNotFoundError:
            ahead_s = 0.0
        return datetime.now(UTC) + timedelta(seconds=ahead_s)

    def forward(self, seconds: float) -> None:
        """Everybody who reads the file is later at once."""
        ahead_s = (self.now() - datetime.now(UTC)).total_seconds() + seconds
        fresh = self._path.with_suffix(".new")
        fresh.write_text(str(ahead_s))
        fresh.replace(self._path)


def mortal_wallets(wallets: Mapping[str, Wallet], fuse: Fuse) -> dict[str, Wallet]:
    """The wallets, with a fuse before the request leaves and after its answer came."""
    return {name: _mortal(wallet, fuse) for name, wallet in wallets.items()}


def _mortal(wallet: Wallet, fuse: Fuse) -> Any:
    async def ask(attempt: WalletAttempt) -> Asking:
        fuse.reached(WalletPoint.BEFORE_SEND)
        answer = await wallet.ask(attempt)
        fuse.reached(WalletPoint.AFTER_ANSWER)
        return answer

    return Instead(wallet, ask=ask)


def mortal_attempts(fuse: Fuse) -> type[PgWalletAttempts]:
    """The attempts' repository, with a fuse after what it commits."""

    class MortalAttempts(PgWalletAttempts):
        async def update(self, record: WalletRecord, update: AttemptUpdate) -> bool:
            done = await super().update(record, update)
            if update.state is AttemptState.ASKED:
                fuse.reached(WalletPoint.AFTER_COMMIT)
            return done

        async def land(self, record: WalletRecord, paid: WalletPaid, now: datetime, token: str) -> AttemptState | None:
            landed = await super().land(record, paid, now, token)
            fuse.reached(WalletPoint.AFTER_LANDING)
            return landed

    return MortalAttempts
