"""An SMTP server that keeps what it is sent, for tests and the demo. It delivers nothing."""

import asyncio
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import MIMEPart
from enum import StrEnum
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

MAILS_MAX = 1_000
MAIL_MAX_BYTES = 5_000_000
IDLE_MAX_S = 60.0
STOP_MAX_S = 5.0


class MailFault(StrEnum):
    """What goes wrong with the next mails."""

    NONE = "none"
    TEMPORARY = "temporary"  # 451: try again
    PERMANENT = "permanent"  # 550: never
    LOST_REPLY = "lost_reply"  # kept, but the sender is cut off before it hears so


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as a customer's mailbox would show it."""

    sender: str
    recipients: tuple[str, ...]
    to: str
    subject: str
    text: str
    html: str
    message_id: str
    attachments: tuple[str, ...]
    raw: bytes


def read_mail(sender: str, recipients: tuple[str, ...], raw: bytes) -> Mail:
    """Parse what came over the wire."""
    message = message_from_bytes(raw, policy=policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Mail(
        sender,
        recipients,
        str(message["To"] or ""),
        str(message["Subject"] or ""),
        _content(text),
        _content(html),
        str(message["Message-ID"] or ""),
        tuple(part.get_filename() or "" for part in message.iter_attachments()),
        raw,
    )


def _content(part: MIMEPart | None) -> str:
    return "" if part is None else str(part.get_content())


class MailSink:
    """Listens within its `async with` block. The newest MAILS_MAX mails are kept."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.fault = MailFault.NONE
        self.refused = 0
        self._mails: deque[Mail] = deque(maxlen=MAILS_MAX)
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """smtp://…, as settings want it."""
        return f"smtp://127.0.0.1:{self.port}"

    def mails(self, to: str | None = None) -> tuple[Mail, ...]:
        """What came, oldest first; of one recipient if told."""
        return tuple(mail for mail in self._mails if to is None or to in mail.recipients)

    def clear(self) -> None:
        """Forget all mails."""
        self._mails.clear()

    async def wait_for(self, to: str | None = None, count: int = 1, timeout_s: float = 10.0) -> tuple[Mail, ...]:
        """The mails once there are that many. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.mails(to)) >= count)
        return self.mails(to)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """aiosmtpd calls this for each message; the answer goes to the sender."""
        match self.fault:
            case MailFault.TEMPORARY:
                self.refused += 1
                return "451 4.3.0 try again later"
            case MailFault.PERMANENT:
                self.refused += 1
                return "550 5.1.1 no such mailbox"
            case MailFault.NONE | MailFault.LOST_REPLY:
                content = envelope.content
                raw = content if isinstance(content, bytes) else str(content or "").encode()
                self._mails.append(read_mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw))
        async with self._arrived:
            self._arrived.notify_all()
        if self.fault is MailFault.LOST_REPLY and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 2.0.0 kept"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def connection() -> asyncio.BaseProtocol:
            smtp: asyncio.BaseProtocol = SMTP(
                self,
                data_size_limit=MAIL_MAX_BYTES,
                enable_SMTPUTF8=True,
                hostname="localhost",
                timeout=IDLE_MAX_S,
                loop=loop,
            )
            return smtp

        self._server = await loop.create_server(connection, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            async with asyncio.timeout(STOP_MAX_S):
                await self._server.wait_closed()
