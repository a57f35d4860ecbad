"""Who is let in at which door, from settings, for the composition root. Checks raise Refused, in constant time."""

import base64
import binascii
from functools import partial

from channels.carriers.twilio.signature import guard
from channels.http.authentication import gateway_of
from channels.http.receive import Authentication, Check
from channels.http.service_codes import ours
from channels.wire import Incoming, SenderRefused, same
from khallas.settings.model import BadSettings, Settings
from khallas.settings.strength.ways import AGGREGATORS


def signed(settings: Settings) -> Check:
    """Twilio's signature, under any of the tokens."""
    tokens = tuple(token.get_secret_value() for token in settings.twilio.auth_tokens)
    return partial(guard, tokens)


def gate(settings: Settings, wire: str) -> Check:
    """The guard of a wire that signs nothing. Raises BadSettings where nothing guards it outside the demo."""
    authentication = gate_of(settings, wire)
    aggregator = wire in AGGREGATORS and not authentication.open_to_all
    return ours(authentication.check, wire, settings.ussd.service_code) if aggregator else authentication.check


def gate_of(settings: Settings, wire: str) -> Authentication:
    """The rule of a wire that signs nothing: its secrets and networks. Raises BadSettings as `gate`."""
    secret = settings.gateway_secrets.get(wire)
    if secret is None or not secret.get_secret_value().strip():
        if settings.demo:
            return Authentication(open_to_all=True)
        raise BadSettings(f"KHALLAS_GATEWAY_SECRETS__{wire.upper()} is missing: a secret, or net:… of its networks")
    allowed = gateway_of(secret.get_secret_value(), wire)
    return Authentication(allowed.secrets, allowed.networks)


def connector(settings: Settings) -> Check:
    """Basic authentication of POST /ivr/pay-connector, under any of the passwords."""
    ivr = settings.ivr
    pairs = [f"{ivr.pay_user}:{password.get_secret_value()}" for password in ivr.pay_passwords]

    def check(incoming: Incoming) -> None:
        kind, _, encoded = incoming.headers.get("authorization", "").partition(" ")
        try:
            login = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            login = ""
        matches = [same(login, pair) for pair in pairs]
        if kind.lower() != "basic" or not ivr.pay_user or not any(matches):
            raise SenderRefused("the connector's password is missing or wrong")

    return check


def bearer(settings: Settings) -> Check:
    """The hub's tokens, any of them."""
    tokens = [token.get_secret_value() for token in settings.events.hub_tokens]

    def check(incoming: Incoming) -> None:
        kind, _, given = incoming.headers.get("authorization", "").partition(" ")
        matches = [same(given.strip(), token) for token in tokens]
        if kind.lower() != "bearer" or not any(matches):
            raise SenderRefused("the hub's token is missing or wrong")

    return check
