"""An SMS from the terminal: one signed MO on Twilio's wire, and the replies in its answer."""

from dataclasses import dataclass

from core.messaging.gsm7 import segments
from core.subscribers.lines import national
from khallas.cli.terminal.faults import Failed, explain
from khallas.cli.terminal.show import Show

SIGNATURE_HINT = "check --token and --account, and --public-url where the server's public URL is another"


@dataclass(frozen=True, slots=True)
class TwilioSigner:
    """Signs as Twilio. `public_url` is what signatures are built from, if it differs from `url`.

    `connector`: user and password with which cards of <Pay> are posted, `user:password`.
    """

    url: str
    sid: str
    token: str
    public_url: str = ""
    connector: str = ""


async def send(account: TwilioSigner, msisdn: str, to: str, text: str, show: Show) -> None:
    """Text it, print the replies. Raises Failed."""
    from lab.caller import SmsPhone
    from lab.twilio.twiml import BadTwiml
    from lab.twilio.webhooks import WebhookFailed

    phone = SmsPhone(
        account.url,
        msisdn,
        short_code=to,
        account_sid=account.sid,
        auth_token=account.token,
        public_url=account.public_url,
    )
    try:
        async with phone:
            replies = await phone.send(text)
    except WebhookFailed as error:
        raise explain(str(error), account.url, SIGNATURE_HINT) from None
    except BadTwiml as error:
        raise Failed(f"{account.url} answered what Twilio would refuse: {error}") from None
    for reply in replies:
        show.part(f"{to} -> {national(msisdn)} ({segments(reply)} SMS)  ", "dim")
        show.line(reply)
    if not replies:
        show.line("no reply in the answer; one may follow as a message of its own", "dim")
    show.data({"from": msisdn, "to": to, "text": text, "replies": replies})
