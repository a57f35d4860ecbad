"""The clients and words by which the application speaks to people outside: SMS, calls, e-mail, links, receipt names."""

from collections.abc import Callable
from pathlib import Path

from channels.carriers.twilio.caller import TwilioCaller
from channels.carriers.twilio.client import TwilioAccount, TwilioRest
from channels.email.compose import Composer, MailSender
from channels.email.smtp import SmtpMailer, SmtpServer
from channels.links import PayLinks, ReceiptLinks
from channels.receipt_view import Operator
from channels.sms.answers import Answers
from channels.sms.inbox import Inbox, InboxDependencies, SmsLimits
from channels.sms.words import SmsNumbers, Words
from core.messaging.texts import Texts
from core.ports import CallEnds, Caller, Clock
from core.subscribers.lines import national
from khallas.bootstrap.acquirers import has_page, printed_logos, printed_names
from khallas.bootstrap.wallets import wallet_names
from khallas.settings.model import BadSettings, Settings


def operator_of(settings: Settings) -> Operator:
    """The operator whose name and logo receipts and pages bear. Raises BadSettings."""
    logo = Path(settings.operator_logo) if settings.operator_logo else None
    try:
        names = wallet_names(settings), printed_names(settings), printed_logos(settings)
        return Operator(settings.operator_name, settings.help_number, logo, *names)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_OPERATOR_NAME: {error}") from None


def twilio_of(settings: Settings) -> TwilioRest:
    """The client of Twilio's account, whether there is one or not."""
    twilio = settings.twilio
    token = twilio.auth_tokens[0].get_secret_value() if twilio.auth_tokens else ""
    return TwilioRest(TwilioAccount(twilio.account_sid, token, twilio.from_ or settings.short_code, twilio.api_url))


def caller_of(settings: Settings, twilio: TwilioRest, ended: CallEnds) -> Caller:
    """Returns who places calls: Twilio, or Asterisk where the setting says so."""
    by_twilio = TwilioCaller(twilio, base_of(settings), caller_id=settings.ivr.number or None)
    if settings.ivr.caller == "twilio":
        return by_twilio
    from khallas.bootstrap import asterisk

    return asterisk.caller(settings, ended) or by_twilio


def mailer_of(settings: Settings, texts: Texts, links: ReceiptLinks, clock: Clock) -> SmtpMailer:
    """Returns who sends receipts by e-mail. Raises BadSettings."""
    try:
        server = SmtpServer.parse(settings.smtp_url.get_secret_value())
        composer = Composer(texts, operator_of(settings), MailSender.parse(settings.mail_from), links)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_SMTP_URL, KHALLAS_MAIL_FROM: {error}") from None
    return SmtpMailer(server, composer, clock)


def inbox_of(settings: Settings, answers: Answers, post: InboxDependencies) -> Inbox:
    """Returns where texts come in, with the limits of the settings."""
    sms = settings.sms
    limits = SmsLimits(sms.sender_max, sms.sender_day_max, sms.prefix_max, sms.everyone_max)
    return Inbox(answers, post, country_codes=sms.countries, limits=limits)


def pay_link_of(settings: Settings) -> Callable[[str], str] | None:
    """The maker of links to the page where a basket is paid in a browser; None where no bank has a page."""
    if not has_page(settings):
        return None
    return PayLinks(settings.signing_keys(), base_of(settings)).of


def words_of(settings: Settings, texts: Texts) -> Words:
    """The texts of SMS with the numbers that they name."""
    return Words(texts, SmsNumbers(settings.ussd.service_code, settings.help_number, national(settings.ivr.number)))


def base_of(settings: Settings) -> str:
    """The public address, without a slash at its end."""
    return settings.public_url.rstrip("/")
