"""Those who are not ours: Twilio, our own public address, the acquirer, the mail server."""

import secrets
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp

from channels.carriers.twilio.signature import sign
from channels.email.smtp import SmtpServer, greet
from core.cards import Secret
from core.ports import DeliveryFailed, NoSuchOrder, UnknownOutcome
from khallas.bootstrap.acquirers import JoinedAcquirer, client_of, joined
from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.doctor.twilio_client import ask
from khallas.settings.model import PREFIX, BadSettings, Settings

ASK_MAX_S = 10.0
NOTHING = Secret("")
BODY_MAX_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


async def public_url(settings: Settings) -> str:
    """Checks that the public URL leads to a server of ours. Raises CheckFailed."""
    base = settings.public_url
    if not base:
        raise CheckFailed("no public address", "set KHALLAS_PUBLIC_URL")
    parts = urlsplit(base)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise CheckFailed(
            "is not https: cards' digits come this way", "put TLS before it, and https:// into KHALLAS_PUBLIC_URL"
        )
    mend = "look at DNS, the certificate and the proxy before `khallas serve`"
    try:
        async with _session() as session, session.get(f"{base}/healthz", allow_redirects=False) as answer:
            body = (await answer.content.read(BODY_MAX_BYTES)).strip()
            if answer.status != 200 or body != b"ok":
                raise CheckFailed(f"leads to something else: /healthz answered {answer.status}", mend)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CheckFailed(f"cannot be reached from here ({type(error).__name__})", mend) from None
    return f"{base} leads to us"


async def twilio(settings: Settings) -> str:
    """The account answers to our first token; Twilio's validator takes what we sign. Raises CheckFailed, NotSetUp."""
    account = settings.twilio
    if not account.account_sid:
        raise NotSetUp("no account")
    status = await ask(settings, lambda client: client.api.v2010.accounts(account.account_sid).fetch().status)
    if status not in {"active", None}:
        raise CheckFailed(f"the account is {status}", "settle it in Twilio's console")
    if account.auth_tokens and not _signs_as_twilio(account.auth_tokens[0].get_secret_value(), settings.public_url):
        raise CheckFailed("its validator refuses our signature", "report this release: no webhook would be taken")
    return "the account is active and takes our token"


def _signs_as_twilio(token: str, base: str) -> bool:
    """Twilio's RequestValidator over a form that we signed: the cross-check of our own HMAC."""
    from twilio.request_validator import RequestValidator

    url, form = f"{base}/sms/twilio", {"Body": "CODE", "From": "+212600000001", "MessageSid": "SM0"}
    return bool(RequestValidator(token).validate(url, form, sign(token, url, list(form.items()))))


async def acquirers(settings: Settings) -> str:
    """Asks each acquirer about an order that cannot be: nothing is charged, and the account is proved. Raises
    CheckFailed, NotSetUp.
    """
    asked = [each for each in joined(settings) if each.own.state != "off"]
    if not asked:
        raise NotSetUp("every acquirer is off")
    for each in asked:
        if not each.options.get("url", NOTHING).reveal():
            raise CheckFailed("no acquirer", f"set {PREFIX}{each.prefix}__URL and its account")
    answered = [f"{each.id} {await _inquired(each)}" for each in asked]
    return answered[0].partition(" ")[2] if len(asked) == 1 else ", ".join(answered)


async def _inquired(each: JoinedAcquirer) -> str:
    named = f"{each.id} " if each.prefix != "CMI" else ""
    prefix = f"{PREFIX}{each.prefix}"
    try:
        acquirer = client_of(replace(each, options={**each.options, "timeout_s": Secret(str(ASK_MAX_S))}))
    except BadSettings as error:
        raise CheckFailed(f"{named}{error}", f"correct {prefix}__URL") from None
    try:
        answer = await acquirer.inquire(f"doctor-{secrets.token_hex(8)}")
    finally:
        await acquirer.aclose()
    match answer:
        case NoSuchOrder():
            return "answers an inquiry"
        case UnknownOutcome(why):
            raise CheckFailed(
                f"{named}gives no usable answer ({why})",
                f"an error number means {prefix}__CLIENT_ID, __NAME or __PASSWORD are wrong, or our address is not"
                f" allowed there; none means the way to {prefix}__URL is broken",
            )
    raise CheckFailed(f"{named}knows an order that was never made", f"{prefix}__URL is not the acquirer's")


async def smtp(settings: Settings) -> str:
    """Greeting, TLS, login and NOOP, no mail. Raises CheckFailed."""
    url = settings.smtp_url.get_secret_value()
    if not url:
        raise CheckFailed("no mail server", "set KHALLAS_SMTP_URL")
    try:
        server = SmtpServer.parse(url)
    except ValueError as error:
        raise CheckFailed(str(error), "correct KHALLAS_SMTP_URL") from None
    try:
        utf8 = await greet(server)
    except DeliveryFailed as error:
        raise CheckFailed(str(error), "correct host, port, user or password in KHALLAS_SMTP_URL") from None
    if settings.mail_utf8 and not utf8:
        raise CheckFailed(
            "does not say SMTPUTF8: addresses beyond ASCII would get no receipt", "set KHALLAS_MAIL_UTF8=0"
        )
    more = "" if settings.mail_utf8 or not utf8 else "; says SMTPUTF8, see KHALLAS_MAIL_UTF8"
    return ("takes our login" if server.user else "takes us without a login") + more


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_MAX_S))
