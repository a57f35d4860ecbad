"""Where the phones of the terminal call: the running demo, as it is set up, or what its defaults are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from khallas.cli.demo_state import running
from khallas.settings.model import Settings, load

DEMO_URL = "http://127.0.0.1:8000"
DEMO_ACCOUNT = "ACdemo"
DEMO_TOKEN = "demo-token"  # noqa: S105 - the demo's, known to everyone
DEMO_PAY = "twilio:demo-connector"
DEMO_SERVICE_CODE = "*1117#"
DEMO_SHORT_CODE = "1117"
DEMO_VOICE = "+212520001117"


@dataclass(frozen=True, slots=True)
class Reach:
    """A server, the numbers a customer knows, and what signs as Twilio would."""

    url: str = DEMO_URL
    public_url: str = ""
    service_code: str = DEMO_SERVICE_CODE
    short_code: str = DEMO_SHORT_CODE
    voice: str = DEMO_VOICE
    account: str = DEMO_ACCOUNT
    token: str = DEMO_TOKEN
    connector: str = DEMO_PAY


def reach(url: str, state: Path | None = None) -> Reach:
    """Finds the demo that runs, unless `url` is another server; the defaults for want of one. Raises BadSettings."""
    demo = running(state)
    if demo is None or url.rstrip("/") not in {"", demo.url}:
        return Reach(url or DEMO_URL)
    return reached(demo.url, demo.environ) if demo.environ else Reach(demo.url)


def reached(url: str, environ: Mapping[str, str]) -> Reach:
    """The addresses and secrets that the phones take from these settings."""
    settings: Settings = load(environ, demo=True)
    tokens, passwords = settings.twilio.auth_tokens, settings.ivr.pay_passwords
    return Reach(
        url=url,
        public_url="" if settings.public_url == url else settings.public_url,
        service_code=settings.ussd.service_code,
        short_code=settings.short_code,
        voice=settings.ivr.number or DEMO_VOICE,
        account=settings.twilio.account_sid or DEMO_ACCOUNT,
        token=tokens[0].get_secret_value() if tokens else DEMO_TOKEN,
        connector=f"{settings.ivr.pay_user}:{passwords[0].get_secret_value()}" if passwords else DEMO_PAY,
    )
