"""The settings of the servers that tests join together, in one place."""

import base64

from khallas.settings.model import Settings
from lab.cmi.stand import EmulatedCmi
from lab.twilio.server import Twilio

PUBLIC_URL = "https://pay.example.ma"
KEY = "a-key-of-the-tests-alone"


def base_settings(redis_url: str, database_url: str) -> dict[str, object]:
    """What every server needs: its stores, its keys, the address that customers know and who its mails are from."""
    return {
        "demo": True,
        "redis_url": redis_url,
        "database_url": database_url,
        "public_url": PUBLIC_URL,
        "secret_keys": KEY,
        "vault_keys": "v1:" + base64.b64encode(bytes(32)).decode(),
        "mail_from": "recus@khallas.example",
    }


def world_settings(
    redis_url: str,
    database_url: str,
    cmi: EmulatedCmi,
    twilio: Twilio,
    rest_url: str,
    smtp_url: str,
    *,
    bank_timeout_s: float,
) -> Settings:
    """With the stand-ins of the bank, the carrier and the mail server behind it."""
    return Settings.model_validate(
        base_settings(redis_url, database_url)
        | {
            "expose_screens": True,
            "smtp_url": smtp_url,
            "ivr": {"number": twilio.ivr_number},
            "twilio": twilio.settings(rest_url),
            "cmi": {**cmi.settings(), "timeout_s": bank_timeout_s},
        }
    )


def changed(settings: Settings, **parts: dict[str, object]) -> Settings:
    """The settings with parts of them set anew: changed(settings, ivr={"card_mode": "pay"})."""
    values = settings.model_dump(by_alias=True)
    return Settings.model_validate(values | {part: values[part] | fields for part, fields in parts.items()})
