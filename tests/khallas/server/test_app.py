"""The rooms joined: which doors are open to whom, what readiness tells, what a server refuses to start with."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import psycopg
import pytest

from core.database.help_desk.transcripts import PgTranscripts
from core.database.migrate import upgrade
from core.database.pool import open_database
from core.help_desk.transcripts import Pseudonymiser
from khallas.doctor import stores
from khallas.server.app import application, assemble, build
from khallas.settings.acquirers import AcquirerSettings
from khallas.settings.model import BadSettings, Settings, load
from lab.caller import SmsPhone, UssdPhone, VoicePhone, follow
from lab.servers.serving import serving
from lab.twilio.webhooks import WebhookFailed
from tests.support.waiting import readiness

PUBLIC = "https://pay.example.ma"
PAYER = "+212600000001"
TOKEN = "token-of-the-app"
DEAD_REDIS = "redis://127.0.0.1:1/0"
DEAD_DATABASE = "postgresql://khallas:s3cret@127.0.0.1:1/khallas"


def settings(redis_url: str, database_url: str, **more: object) -> Settings:
    """As an operator would set a server up, but for the two URLs."""
    account = {"account_sid": "ACapp", "auth_tokens": TOKEN, "from": "1117"}
    given: dict[str, object] = {
        "redis_url": redis_url,
        "database_url": database_url,
        "public_url": PUBLIC,
        "secret_keys": "a-key-of-these-tests-alone",
        "vault_keys": "v1:" + base64.b64encode(bytes(32)).decode(),
        "smtp_url": "smtp://127.0.0.1:25",
        "mail_from": "recus@example.ma",
        "twilio": account,
        "cmi": {"url": "https://payment.example.ma/fim/api"},
        "gateway_secrets": {"africastalking": "secret-of-the-gateway"},
    }
    return load({}, **(given | more))


@asynccontextmanager
async def served(own: Settings) -> AsyncIterator[str]:
    async with serving(build(own)) as url:
        yield url


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return answer.status, await answer.text()


async def test_a_gateway_without_its_secret_is_refused(redis_url: str, database_url: str) -> None:
    async with served(settings(redis_url, database_url)) as url:
        async with UssdPhone(url, PAYER) as stranger:
            with pytest.raises(WebhookFailed, match="403"):
                await stranger.dial()
        headers = {"X-Khallas-Secret": "secret-of-the-gateway"}
        async with UssdPhone(url, PAYER, headers=headers) as gateway:
            shown = await gateway.dial()
        assert "Khallas" in shown.text
        assert shown.screen is None  # X-Screen is off by default
        _, metrics = await get(f"{url}/metrics")
        assert 'khallas_refused_total{door="ussd/africastalking",reason="forbidden"} 1.0' in metrics
        assert 'screen="Language"' in metrics


async def test_screens_are_told_where_asked_for(redis_url: str, database_url: str) -> None:
    own = settings(redis_url, database_url, expose_screens=True)
    headers = {"X-Khallas-Secret": "secret-of-the-gateway"}
    async with served(own) as url, UssdPhone(url, PAYER, headers=headers) as gateway:
        assert (await gateway.dial()).screen == "Language"


async def test_a_signature_of_another_token_is_refused(redis_url: str, database_url: str) -> None:
    async with served(settings(redis_url, database_url)) as url:
        for token, open_to in ((TOKEN, True), ("demo-token", False)):
            async with SmsPhone(url, PAYER, auth_token=token, public_url=PUBLIC) as phone:
                # what is signed is the public address; the test's server listens elsewhere
                phone.line.route(PUBLIC, url)
                if open_to:
                    assert await phone.send("AIDE")
                    continue
                with pytest.raises(WebhookFailed, match="403"):
                    await phone.send("AIDE")


async def test_doors_that_are_not_enabled_are_not_there(redis_url: str, database_url: str) -> None:
    own = settings(redis_url, database_url, ussd={"wires": "africastalking"}, ivr={"wires": ""})
    async with served(own) as url, aiohttp.ClientSession(url) as client:
        for path in ("/ussd/hubtel", "/ivr/twilio", "/phone", "/nowhere"):
            async with client.post(path) as answer:
                assert answer.status == 404, path
        async with client.get("/ussd/africastalking") as answer:
            assert answer.status == 405


@pytest.mark.parametrize(("dial", "dialled"), [("", "777"), ("+212537009777", "+212537009777")])
async def test_an_agent_is_dialled_at_a_number_of_its_own(
    redis_url: str, database_url: str, dial: str, dialled: str
) -> None:
    own = settings(redis_url, database_url, ivr={"help_dial": dial})
    async with served(own) as url, VoicePhone(url, PAYER, auth_token=TOKEN, public_url=PUBLIC) as phone:
        call = await phone.dial()
        (*_, last) = await follow(call, [("français", "1"), (".", "0")])
    assert call.transferred_to == dialled
    assert "7 7 7" in last.text  # what is said stays
    with pytest.raises(BadSettings, match="KHALLAS_IVR__HELP_DIAL"):
        settings(redis_url, database_url, ivr={"help_dial": "sip:desk"})


async def test_readiness(redis_url: str, database_url: str) -> None:
    async with served(settings(redis_url, database_url)) as url:
        await readiness(url, 200, '"ready":true')
        assert await get(f"{url}/healthz") == (200, "ok\n")


@pytest.mark.parametrize("away", ["redis", "database"])
async def test_readiness_names_what_is_away(redis_url: str, database_url: str, away: str) -> None:
    redis = DEAD_REDIS if away == "redis" else redis_url
    database = DEAD_DATABASE if away == "database" else database_url
    async with served(settings(redis, database)) as url:
        body = await readiness(url, 503)
        assert f'"{away}":"ok"' not in body
        assert (await get(f"{url}/healthz"))[0] == 200
        headers = {"X-Khallas-Secret": "secret-of-the-gateway"}
        async with UssdPhone(url, PAYER, headers=headers) as gateway:
            shown = await gateway.dial()
        assert shown.ended
        assert "s3cret" not in body + shown.text


async def test_an_old_server_stays_ready_beside_a_later_releases_database(redis_url: str, database_url: str) -> None:
    """The upgrade that is documented migrates first: what still runs must not leave the balancer."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    async with served(settings(redis_url, database_url)) as url:
        await readiness(url, 200, '"migrations":"ok"')
    upgrade(database_url)  # an old release's `migrate` leaves it is
    assert stores.migrations(database_url).startswith("at 9999, a later release's")


async def test_a_database_of_an_earlier_release_is_not_ready(redis_url: str, empty_database_url: str) -> None:
    async with served(settings(redis_url, empty_database_url)) as url:
        body = await readiness(url, 503, '"database":"ok"')
    assert '"migrations":"ok"' not in body


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"ussd": {"wires": "africastalking,pigeon"}}, "KHALLAS_USSD__WIRES: pigeon is no wire"),
        ({"sms": {"wires": "pigeon"}}, "KHALLAS_SMS__WIRES: pigeon is no wire"),
        ({"ivr": {"wires": "pigeon"}}, "KHALLAS_IVR__WIRES: pigeon is no wire"),
        ({"gateway_secrets": {}}, "KHALLAS_GATEWAY_SECRETS__AFRICASTALKING"),
        ({"cmi": {"url": ""}}, "KHALLAS_CMI__URL"),
        ({"smtp_url": "pop://mail"}, "KHALLAS_SMTP_URL"),
        ({"mail_from": "nobody"}, "KHALLAS_MAIL_FROM"),
    ],
)
async def test_what_a_server_does_not_start_with(redis_url: str, more: dict[str, object], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        application(assemble(settings(redis_url, DEAD_DATABASE, **more)))


async def test_the_operator_s_name_and_logo_come_from_settings(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h4v4z"/></svg>')
    async with served(settings(redis_url, database_url, operator_name="Opérateur", operator_logo=str(logo))) as url:
        status, page = await get(f"{url}/desk/login")
        assert (status, "Opérateur" in page, '<img class="logo" src="/brand/logo"' in page) == (200, True, True)
        assert await get(f"{url}/brand/logo") == (200, logo.read_text())


def test_an_acquirer_s_logo_that_cannot_be_is_told_by_its_setting() -> None:
    for logo, why in (("nowhere.svg", "No such file"), (__file__, "a logo is an SVG or PNG")):
        own = settings(DEAD_REDIS, DEAD_DATABASE)
        own = own.model_copy(update={"acquirers": {"cmi": AcquirerSettings(logo=logo)}})
        with pytest.raises(BadSettings, match=f"KHALLAS_ACQUIRERS__CMI__LOGO: {why}"):
            build(own)


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"operator_logo": "nowhere.svg"}, "KHALLAS_OPERATOR_LOGO: No such file"),
        ({"operator_logo": __file__}, "KHALLAS_OPERATOR_LOGO: a logo is an SVG or PNG"),
        ({"operator_name": "two\nlines"}, "KHALLAS_OPERATOR_NAME: an operator's name"),
    ],
)
def test_a_name_or_logo_that_cannot_be_is_told_at_the_start(own: dict[str, str], why: str) -> None:
    with pytest.raises(BadSettings, match=why):
        build(settings(DEAD_REDIS, DEAD_DATABASE, **own))


@pytest.mark.parametrize("days", [30, 0])
async def test_what_every_door_shows_is_kept_for_the_desk(redis_url: str, database_url: str, days: int) -> None:
    own = settings(redis_url, database_url, retention={"transcripts_days": days})
    headers = {"X-Khallas-Secret": "secret-of-the-gateway"}
    async with served(own) as url:
        async with UssdPhone(url, PAYER, headers=headers) as gateway:
            await gateway.dial()
            await gateway.send("1")
        async with SmsPhone(url, PAYER, auth_token=TOKEN, public_url=PUBLIC) as phone:
            phone.line.route(PUBLIC, url)
            await phone.send("AIDE")
        async with VoicePhone(url, PAYER, auth_token=TOKEN, public_url=PUBLIC) as caller:
            await follow(await caller.dial(), [("payer un mobile", "2")])
    async with open_database(database_url) as database:
        books = PgTranscripts(database, Pseudonymiser(("a-key-of-these-tests-alone",)))
        now = datetime.now(UTC)
        kept = await books.of(PAYER, now - timedelta(hours=1), now)
        seen = [(d.channel, d.wire, [(s.screen, s.keys) for s in d.shown]) for d in kept]
    assert seen == (
        [
            ("ussd", "africastalking", [("Language", ""), ("Service", "1")]),
            ("sms", "twilio", [("answer_sms", "•")]),
            ("ivr", "twilio", [("Service", ""), ("Reference", "•")]),
        ]
        if days
        else []
    )
    assert all(s.request for d in kept for s in d.shown)
