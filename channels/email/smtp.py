"""Sends receipts over SMTP: implements core.ports.Mailer with aiosmtplib. One connection a mail, every wait bounded.

A password and a smtps:// address want a proven certificate; without a password STARTTLS is taken where it is offered,
whoever answers, for the alternative there is no encryption at all (RFC 7435). Errors carry codes, never an address.
"""

import asyncio
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache
from urllib.parse import unquote, urlsplit

import aiosmtplib

from channels.email.compose import BadAddress, Composer
from core.payments.table import Payment
from core.ports import Clock, DeliveryFailed

STEP_MAX_S = 15.0  # connecting, and each command
SEND_MAX_S = 45.0  # the whole mail
PORT, PORT_TLS = 25, 465
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
UTF8 = "smtputf8"  # RFC 6531
PERMANENT = 500  # RFC 5321 4.2.1: 5yz is never to be repeated, 4yz may be


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server to which mails are handed over, read from smtp://[user:password@]host[:port] or smtps://…."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port})"

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Reads a server from its URL. Raises ValueError, whose words do not repeat the address."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("an SMTP server is written smtp://[user:password@]host:port")
        tls = parts.scheme == "smtps"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        if (user is None) != (password is None):
            raise ValueError("an SMTP login has a user and a password")
        return cls(parts.hostname, parts.port or (PORT_TLS if tls else PORT), tls, user, password)

    @property
    def wants_starttls(self) -> bool | None:
        """Tells whether TLS is begun by STARTTLS. True: or no mail at all; None: if it is offered."""
        if self.tls:
            return False
        return True if self.password is not None and self.host not in LOOPBACK else None


class SmtpMailer:
    """Implements core.ports.Mailer over SMTP."""

    def __init__(
        self, server: SmtpServer, composer: Composer, clock: Clock, trust: ssl.SSLContext | None = None
    ) -> None:
        """`trust`: whose certificates are believed; the system's unless told."""
        self._server = server
        self._composer = composer
        self._clock = clock
        self._trust = trust

    async def send_receipt(self, payment: Payment, address: str, copy: int = 0) -> str:
        """The Message-ID, the same at every try and another for each copy that was asked for. Raises DeliveryFailed."""
        try:
            message = self._composer.compose(payment, address, self._clock.now(), copy)
        except BadAddress as error:
            raise DeliveryFailed("the address is no mail address", retryable=False) from error
        try:
            async with asyncio.timeout(SEND_MAX_S):
                await self._hand_over(message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise failure_of(error) from None  # the library's words repeat addresses
        return self._composer.message_id(payment, copy)

    async def _hand_over(self, message: EmailMessage) -> None:
        client = _client(self._server, self._trust)
        try:
            await client.connect()
            await _send(client, message)
        finally:
            client.close()  # after the answer to DATA a QUIT decides nothing


async def greet(server: SmtpServer, trust: ssl.SSLContext | None = None) -> bool:
    """Connect, log in, NOOP, and leave: no mail. Whether the server says SMTPUTF8. Raises DeliveryFailed."""
    client = _client(server, trust)
    try:
        async with asyncio.timeout(SEND_MAX_S):
            await client.connect()
            await client.noop()
            await client.ehlo()
            utf8 = client.supports_extension(UTF8)
            await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise failure_of(error) from None
    finally:
        client.close()
    return utf8


def _client(server: SmtpServer, trust: ssl.SSLContext | None) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls,
        start_tls=server.wants_starttls,
        tls_context=(trust or _proven()) if server.tls or server.wants_starttls else _unproven(),
        timeout=STEP_MAX_S,
    )


async def _send(client: aiosmtplib.SMTP, message: EmailMessage) -> None:
    # not send_message: it would write the headers anew, by the standard library's policy
    sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    options: list[str] = []
    if not recipient.isascii():
        await client.ehlo()
        if not client.supports_extension(UTF8):
            raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
        options.append("SMTPUTF8")
    await client.sendmail(sender, [recipient], message.as_bytes(), mail_options=options)


def failure_of(error: Exception) -> DeliveryFailed:
    """Returns the failure with whether to try again, by the class of the server's code; a lost connection and our own
    login may heal.
    """
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            codes = [refused.code for refused in error.recipients]
            return DeliveryFailed(f"recipient refused: {codes}", retryable=all(code < PERMANENT for code in codes))
        case aiosmtplib.SMTPAuthenticationError() | aiosmtplib.SMTPConnectError():
            return DeliveryFailed(f"mail server: {type(error).__name__}", retryable=True)
        case aiosmtplib.SMTPResponseException():
            return DeliveryFailed(f"mail server: {type(error).__name__} {error.code}", retryable=error.code < PERMANENT)
        case aiosmtplib.SMTPNotSupported():
            return DeliveryFailed("the mail server cannot take this address", retryable=False)
        case _:
            return DeliveryFailed(f"mail server: {type(error).__name__}", retryable=True)


@cache
def _proven() -> ssl.SSLContext:
    """By the system's certificates, read once a process: reading them costs more than the rest of a mail."""
    return ssl.create_default_context()


@cache
def _unproven() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # no certificates are read: none is looked at
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
