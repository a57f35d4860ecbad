"""The network on a port of this machine, in three dialects, with a hand on its purses and its lies."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.applications import Starlette

from lab.servers.reach import Reach
from lab.servers.serving import serving
from lab.wallets import daraja, gsma, mtn
from lab.wallets.answers import Callbacks
from lab.wallets.daraja import DarajaDoor
from lab.wallets.gsma import GsmaDoor
from lab.wallets.lies import WalletLies
from lab.wallets.mtn import MtnDoor
from lab.wallets.network import PushRequest, WalletNetwork

GSMA, MTN, DARAJA = "gsma", "mtn", "daraja"


@dataclass(frozen=True, slots=True)
class WalletStand:
    """A running network. `url` is its root; each dialect lies below it under its own name."""

    url: str
    network: WalletNetwork
    mtn: MtnDoor
    daraja: DarajaDoor
    reach: Reach = field(default_factory=Reach)  # of callbacks
    api_key: str = gsma.API_KEY  # of the GSMA door

    def options(self, dialect: str) -> dict[str, str]:
        """What Khallas is set up with to ask this network: KHALLAS_WALLETS__<NAME>__…"""
        common = {"wire": dialect, "url": f"{self.url}/{dialect}"}
        match dialect:
            case "gsma":
                return common | {"api_key": self.api_key, "account": "khallas"}
            case "mtn":
                keys = {"user": mtn.USER, "key": mtn.KEY, "subscription_key": mtn.SUBSCRIPTION}
                return common | keys | {"environment": "sandbox"}
        keys = {"consumer_key": daraja.CONSUMER, "consumer_secret": daraja.SECRET, "passkey": daraja.PASSKEY}
        return common | keys | {"short_code": daraja.SHORT_CODE, "currency": "KES", "whole_units": "1"}


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def wallet_stand(
    *, now: Callable[[], datetime] = utc_now, lies: WalletLies | None = None, api_key: str = gsma.API_KEY
) -> AsyncIterator[WalletStand]:
    """Serves within the block; callbacks on their way are waited for at its end."""
    network, reach = WalletNetwork(now, lies), Reach()
    told = {GSMA: gsma.callback, MTN: mtn.callback, DARAJA: daraja.callback}
    tellers = {wallet: Callbacks(each, reach) for wallet, each in told.items()}

    def changed(request: PushRequest) -> None:
        tellers[request.wallet].tell(request)

    network.changed = changed
    doors = GsmaDoor(network, GSMA, api_key=api_key), MtnDoor(network, MTN), DarajaDoor(network, DARAJA)
    app = Starlette(routes=[route for door in doors for route in door.routes()])
    async with serving(app) as url:
        yield WalletStand(url, network, doors[1], doors[2], reach, api_key)
    for teller in tellers.values():
        await teller.aclose()
