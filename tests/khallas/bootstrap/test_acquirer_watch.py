"""What every process hears of its acquirers, and tells of their circuits."""

from typing import Any

from prometheus_client import CollectorRegistry

from core.acquirers.breaker import Breaker
from core.acquirers.registry import AcquirerMember, AcquirerRegistry, ClosedAcquirer
from core.acquirers.terms import AcquirerTerms
from core.repositories import DatabaseUnavailable
from khallas.bootstrap.acquirer_watch import AcquirerWatch
from khallas.telemetry.payment_metrics import PaymentMetrics


class Away:
    """A database that is away."""

    async def all(self, *_: object, **__: object) -> object:
        raise DatabaseUnavailable("away")


async def test_each_circuit_is_told_although_the_database_is_away() -> None:
    breakers = {named: Breaker(lambda: 0.0, failures_max=1) for named in ("cmi", "naps")}
    members = {
        named: AcquirerMember(AcquirerTerms(named), ClosedAcquirer(), breaker) for named, breaker in breakers.items()
    }
    seen, database = CollectorRegistry(), Away()
    anything: Any = database
    watch = AcquirerWatch(anything, AcquirerRegistry(members), PaymentMetrics(seen))

    async def told() -> list[float | None]:
        await watch.look()
        return [seen.get_sample_value("khallas_acquirer_circuit_open", {"acquirer": each}) for each in members]

    assert await told() == [0, 0]
    breakers["naps"].failed()
    assert await told() == [0, 1]
    breakers["naps"].succeeded()
    assert await told() == [0, 0]
