"""`khallas doctor`: all green in the demo, and precise with each part broken in turn."""

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.database.pool import open_database
from khallas.cli.demo_state import demo_environ
from khallas.cli.doctor import CHECK_MAX_S, DoctorTarget, examine, patient
from khallas.doctor import stores
from khallas.doctor.finding import CheckFailed, CheckState
from khallas.settings.model import load
from tests.e2e.demo import demo, khallas
from tests.sessions.cluster import cluster

PARTS_IN_THE_DEMO = {
    "settings",
    "redis",
    "database",
    "migrations",
    "clock",
    "worker",
    "public url",
    "twilio",
    "webhooks",
    "cmi",
    "smtp",
}


SECOND = {"URL": "http://127.0.0.1:{closed}/fim/api", "CLIENT_ID": "6", "NAME": "api", "PASSWORD": "of-the-second"}
OFF = {"KHALLAS_ACQUIRERS__NAPS__STATE": "off"}  # nobody is asked there


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """The demo's folder; PostgreSQL under root runs as nobody."""
    with tempfile.TemporaryDirectory(prefix="khallas-doctor-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "state"


@pytest.fixture(scope="module")
async def environ(state: Path) -> AsyncIterator[dict[str, str]]:
    """The settings of a demo that runs."""
    async with demo(state):
        yield demo_environ(state)


async def _failed(environ: dict[str, str], check_max_s: float = CHECK_MAX_S, /, **broken: str) -> dict[str, str]:
    """What fails, with its words, when these settings are wrong; in production's eyes."""
    settings = load(environ | {f"KHALLAS_{k}": v for k, v in broken.items()}, demo=True)
    findings = await examine(DoctorTarget(settings, True), check_max_s=check_max_s)
    return {finding.part: finding.told for finding in findings if finding.state is CheckState.FAILED}


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    """A port that is bound and where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_all_is_green_in_the_demo(environ: dict[str, str], state: Path) -> None:
    assert environ
    said = await khallas("doctor", "--json", "--state", state)
    told = json.loads(said.out)
    assert (said.code, told["ok"]) == (0, True), told
    assert {check["part"] for check in told["checks"] if check["state"] == "ok"} == PARTS_IN_THE_DEMO
    assert oct((state / "demo.env").stat().st_mode & 0o777) == "0o600"
    # the same by the settings that a shell read from it
    assert patient(environ, state).demo
    said = await khallas("doctor", "--state", state, **environ)
    assert (said.code, "FAILED" in said.out) == (0, False)
    assert "demo-password" not in said.out + said.err


@pytest.mark.parametrize(
    ("broken", "part", "words"),
    [
        ({"REDIS_URL": "redis://127.0.0.1:{closed}/0"}, {"redis"}, "cannot be asked"),
        (
            {"DATABASE_URL": "postgresql://khallas:x@127.0.0.1:{closed}/khallas"},
            {"database", "migrations", "clock", "worker"},
            "cannot be reached",
        ),
        ({"TWILIO__AUTH_TOKENS": "another-token"}, {"twilio", "webhooks"}, ""),
        ({"TWILIO__API_URL": "http://127.0.0.1:{closed}"}, {"twilio", "webhooks"}, "cannot be asked"),
        ({"CMI__PASSWORD": "another-password"}, {"cmi"}, "no usable answer"),
        ({"CMI__URL": "http://127.0.0.1:{closed}/fim/api"}, {"cmi"}, "no usable answer"),
        (
            {f"ACQUIRERS__NAPS__OPTIONS__{name}": text for name, text in SECOND.items()},
            {"cmi"},
            "naps gives no usable answer",
        ),
        ({"SMTP_URL": "smtp://127.0.0.1:{closed}"}, {"smtp"}, "mail server"),
        ({"PUBLIC_URL": "http://127.0.0.1:{closed}", "TWILIO__ACCOUNT_SID": ""}, {"public url"}, "cannot be reached"),
        ({"PUBLIC_URL": "http://khallas.example", "TWILIO__ACCOUNT_SID": ""}, {"public url"}, "not https"),
        ({"SMPP__BINDS": "smpp://me:secret@127.0.0.1:{closed}/operator"}, {"smsc operator"}, "cannot be reached"),
        ({"KANNEL__URL": "http://127.0.0.1:{closed}/cgi-bin/sendsms"}, {"kannel"}, "cannot be reached"),
        (
            {"IVR__CALLER": "ami", "ASTERISK__AMI_URL": "ami://u:s@127.0.0.1:{closed}"},
            {"switch"},
            "cannot be reached",
        ),
        ({"IVR__WIRES": "twilio,fastagi"}, {"sounds"}, "missing"),
    ],
)
async def test_each_part_broken_in_turn_is_the_one_that_fails(
    environ: dict[str, str], closed: int, broken: dict[str, str], part: set[str], words: str
) -> None:
    failed = await _failed(environ, **{name: value.format(closed=closed) for name, value in broken.items()})
    assert set(failed) == part
    assert all(words in told for told in failed.values()), failed


async def test_each_of_two_acquirers_is_asked(environ: dict[str, str]) -> None:
    names = {"URL": "CMI__URL", "CLIENT_ID": "CMI__CLIENT_ID", "NAME": "CMI__NAME", "PASSWORD": "CMI__PASSWORD"}
    second = {f"KHALLAS_ACQUIRERS__NAPS__OPTIONS__{own}": environ[f"KHALLAS_{of}"] for own, of in names.items()}
    for more, told in (({}, "cmi answers an inquiry, naps answers an inquiry"), (OFF, "answers an inquiry")):
        found = await examine(DoctorTarget(load(environ | second | more, demo=True), True))
        assert [finding.told for finding in found if finding.part == "cmi"] == [told]


async def test_a_webhook_that_leads_elsewhere_is_found(environ: dict[str, str]) -> None:
    # reached all the same, and yet not what Twilio signs for
    url = environ["KHALLAS_PUBLIC_URL"].replace("127.0.0.1", "localhost")
    failed = await _failed(environ, PUBLIC_URL=url)
    assert list(failed) == ["webhooks"]
    assert f"not POST {url}/sms/twilio" in failed["webhooks"]
    found = await examine(DoctorTarget(load(environ | {"KHALLAS_IVR__NUMBER": "+212537000000"}, demo=True), True))
    (told,) = [finding.told for finding in found if finding.part == "webhooks"]
    assert told == "1117 lead to us; +212537000000 is not the account's: look where it is"


@pytest.mark.parametrize(
    ("name", "value", "as_it_was", "words"),
    [
        ("appendonly", "no", "yes", "append-only"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "allkeys-lru"),
    ],
)
async def test_a_redis_that_forgets_is_found(
    environ: dict[str, str], name: str, value: str, as_it_was: str, words: str
) -> None:
    client = Redis.from_url(environ["KHALLAS_REDIS_URL"])
    await client.config_set(name, value)
    try:
        failed = await _failed(environ)
        assert list(failed) == ["redis"]
        assert words in failed["redis"]
    finally:
        await client.config_set(name, as_it_was)
        await client.aclose()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"redis_version": "6.0.16"}, "speaks Redis 6.0.16"),
        ({"aof_last_write_status": "err"}, "cannot write its append-only file"),
        ({"role": "slave"}, "is a replica"),
    ],
)
def test_a_redis_that_will_not_do_is_found_by_what_it_tells(told: dict[str, object], words: str) -> None:
    well = {"redis_version": "7.2.4", "aof_enabled": 1, "role": "master"}
    assert stores.well(well) == "redis 7.2.4, append-only, noeviction"
    with pytest.raises(CheckFailed, match=words):
        stores.well(well | told)


async def test_every_primary_of_a_cluster_is_asked(tmp_path: Path) -> None:
    with cluster(tmp_path) as nodes:
        for node in nodes:
            with node.client() as client:
                client.config_set("appendonly", "yes")
        url = f"redis+cluster://:{nodes[0].password}@127.0.0.1:{nodes[0].port}"
        assert (await stores.redis(url)).endswith("append-only, noeviction on 3 primaries")
        with nodes[2].client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(CheckFailed, match="allkeys-lru"):
            await stores.redis(url)


async def test_missing_migrations_are_found(environ: dict[str, str]) -> None:
    async with open_database(environ["KHALLAS_DATABASE_URL"]) as database:
        row = await database.one("SELECT version_num FROM alembic_version")
        assert row
        await database.do("UPDATE alembic_version SET version_num = '0001'")
        try:
            failed = await _failed(environ)
        finally:
            await database.do("UPDATE alembic_version SET version_num = %(v)s", v=row["version_num"])
    assert list(failed) == ["migrations"]
    assert "at 0001" in failed["migrations"]


async def test_nobody_at_the_queue_is_found(database_url: str) -> None:
    async with open_database(database_url) as database:
        with pytest.raises(CheckFailed, match="nobody works the queue"):
            await stores.worker(database)


async def test_a_clock_that_is_wrong_is_found(database_url: str) -> None:
    async with open_database(database_url) as database:
        assert await stores.clock(database)
        with pytest.raises(CheckFailed, match="from the database's"):
            await stores.clock(database, lambda: datetime.now(UTC) - timedelta(minutes=5))


async def test_weak_secrets_are_found_outside_the_demo(environ: dict[str, str]) -> None:
    findings = await examine(DoctorTarget(load(environ)))
    settings = next(finding for finding in findings if finding.part == "settings")
    assert settings.state is CheckState.FAILED
    assert "config check" in settings.told
    assert settings.mend


async def test_a_part_that_never_answers_is_given_up(environ: dict[str, str]) -> None:
    never = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    failed = await _failed(environ, 1.0, SMTP_URL=f"smtp://127.0.0.1:{port}")
    never.set()
    server.close()
    assert failed == {"smtp": "no answer within 1 s"}
