"""`khallas relay` as a process: what it refuses and puts out, its metrics, its end in time, the doctor's line."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from core.database.events.stream import PgStreamBooks
from khallas.bootstrap.events import linking
from khallas.bootstrap.relay import account_of, log_of, require_relay
from khallas.cli.main import app
from khallas.doctor import relay as doctor
from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.settings.model import BadSettings, Settings, load
from khallas.settings.strength.ways import way_faults
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.queues import Queues
from lab.chaos.relay.judging import Consumed
from lab.chaos.relay.topics import make_topic, read_all
from lab.servers.kafka import Tansu
from lab.servers.processes import free_port
from tests.core.conftest import shop  # noqa: F401 - a fixture
from tests.support.shop import Shop
from tests.support.waiting import readiness, until

TOPIC = "khallas.payment"
STOP_MAX_S = 60.0  # documented: 15; a busy machine
KHALLAS = (sys.executable, "-c", "from khallas.cli.main import main; main()")


@pytest.fixture(scope="module")
def broker(servers_folder: Path) -> Iterator[Tansu]:
    with Tansu(servers_folder / "tansu-relay") as server:
        yield server


def environ(database_url: str, broker: str, **more: str) -> dict[str, str]:
    own = {"DATABASE_URL": database_url, "RELAY__BROKERS": broker, "RELAY__SOURCE": "https://pay.example.ma"}
    return {f"KHALLAS_{name}": value for name, value in (own | {"RELAY__IDEMPOTENCE": "0"} | more).items()}


@asynccontextmanager
async def relay(settings: dict[str, str], *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *KHALLAS, "relay", *words, env=settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_puts_events_out_tells_how_it_stands_and_ends_when_it_is_told(
    shop: Shop,  # noqa: F811
    database_url: str,
    broker: Tansu,
) -> None:
    await make_topic(broker.url, TOPIC, 2)
    payment = await shop.paid()
    port = free_port()
    async with relay(environ(database_url, broker.url), "--whole", "--metrics-port", str(port)) as process:

        async def said(words: str) -> bool:
            try:
                async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    return words in await answer.text()
            except aiohttp.ClientError:
                return False

        await until(lambda: said("khallas_relay_events_total 3.0"))
        assert await said("khallas_relay_holds 1.0")
        await readiness(f"http://127.0.0.1:{port}", 200)
        async with relay(environ(database_url, broker.url)) as standing:
            await asyncio.sleep(0)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), STOP_MAX_S) == 0
            await shop.paid(await shop.internet_order())
            found = await _read(broker, 6)
            assert [each.headers["ce_type"] for each in found if each.key == payment.id] == [
                "payment.created",
                "payment.sending",
                "payment.captured",
            ]
            standing.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(standing.wait(), STOP_MAX_S) == 0
    settings = load(environ(database_url, broker.url))
    assert await doctor.relay(settings, shop.database) == f"{TOPIC}, 2 partitions, 0 events wait"


async def _read(broker: Tansu, count: int) -> list[Consumed]:
    found: list[Consumed] = []

    async def come() -> bool:
        found[:] = await read_all(broker.url, TOPIC, 2)
        return len({each.headers["ce_id"] for each in found}) >= count

    await until(come)
    return found


async def test_it_ends_when_it_is_told_though_no_broker_answers(database_url: str) -> None:
    settings = environ(database_url, f"127.0.0.1:{free_port()}", RELAY__TIMEOUT_S="60")
    async with relay(settings, "--whole") as process:
        assert process.stderr is not None
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), STOP_MAX_S) in {0, -signal.SIGTERM}  # before it listened for it


async def test_the_doctor_and_the_queues_tell_what_waits(
    shop: Shop,  # noqa: F811
    database_url: str,
    broker: Tansu,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prefix = {"RELAY__TOPIC_PREFIX": "told."}
    settings = load(environ(database_url, broker.url, **prefix))
    metrics = Metrics()
    queues = Queues(shop.database, shop.clock, PaymentMetrics(metrics.registry))
    await queues.look()
    assert metrics.registry.get_sample_value("khallas_queue_due", {"queue": "relay"}) is None
    with pytest.raises(NotSetUp):
        await doctor.relay(Settings(), shop.database)
    away = load(environ(database_url, f"127.0.0.1:{free_port()}", RELAY__TIMEOUT_S="2", **prefix))
    with pytest.raises(CheckFailed, match=r"no broker can be reached|not answer"):
        await doctor.relay(away, shop.database)
    await make_topic(broker.url, "told.payment", 1)
    with pytest.raises(CheckFailed, match="no relay ever began"):
        await doctor.relay(settings, shop.database)
    await PgStreamBooks(shop.database).begin(whole=True)
    await shop.paid()
    await linking(shop.database, shop.clock)()
    await queues.look()
    assert metrics.registry.get_sample_value("khallas_queue_due", {"queue": "relay"}) == 3
    with pytest.raises(CheckFailed, match=r"3 events wait for .*, and no relay runs"):
        await doctor.relay(settings, shop.database, late_max_s=-(10**10))  # the shop's clock is not this machine's
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(CheckFailed, match=r"requirements/relay\.lock"):
        await doctor.relay(settings, shop.database)


def test_a_place_is_forgotten_by_a_person_s_word(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    done = CliRunner().invoke(app, ["relay", "--forget", "--json"])
    assert (done.exit_code, '"forgotten": false' in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "RELAY__BROKERS is missing"),
        ({"RELAY__BROKERS": "a:9092"}, "RELAY__SOURCE is missing"),
        ({"RELAY__BROKERS": "a"}, "host:9092"),
        ({"RELAY__BROKERS": "a:0"}, "host:9092"),
        ({"RELAY__SASL": "PLAIN"}, "username and password"),
        ({"RELAY__CERTIFICATE_KEY": "/key.pem"}, "certificate belongs"),
        ({"RELAY__TOPIC_PREFIX": "a b"}, "RELAY__TOPIC_PREFIX"),
    ],
)
def test_what_is_no_way_to_a_cluster_is_refused(given: dict[str, str], fault: str) -> None:
    with pytest.raises(BadSettings, match=fault):
        account_of(load({f"KHALLAS_{name}": value for name, value in given.items()}))


def test_a_relay_is_refused_in_clear_with_a_weak_password_and_without_its_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = {"RELAY__SASL": "SCRAM-SHA-512", "RELAY__USERNAME": "khallas", "RELAY__PASSWORD": "password"}
    clear = load(environ("postgresql://khallas:Xw4pLr9QzT2v@127.0.0.1/khallas", "kafka.example.ma:9092"))
    assert [fault for fault in way_faults(clear) if "RELAY__BROKERS" in fault and "password" in fault]
    with pytest.raises(BadSettings, match=r"(?s)RELAY__PASSWORD.*RELAY__BROKERS goes to another machine in clear"):
        require_relay(load(environ("postgresql://khallas:Xw4pLr9QzT2v@127.0.0.1/khallas", "10.1.2.3:9092", **login)))
    with pytest.raises(BadSettings, match="DATABASE_URL is missing"):
        require_relay(load({"KHALLAS_RELAY__BROKERS": "127.0.0.1:9092"}))
    with pytest.raises(BadSettings, match="file cannot be read"):
        log_of(load(environ("", "a:9093", RELAY__TLS="1", RELAY__CA="/not/there.pem")))
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(BadSettings, match=r"requirements/relay\.lock"):
        log_of(load(environ("", "a:9093")))
