"""The settings of each part, nested in khallas/settings/model.py: what may be set, and what it must look like."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from channels.carriers.smpp.account import SmscAccount, account_of
from channels.carriers.webhooks.addresses import networks_of
from core.settlement.rows import CREDITS, SALES


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _web_url(url: str) -> str:
    return str(AnyHttpUrl(url)).rstrip("/") if url else ""


Names = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_comma_list)]
WebUrl = Annotated[str, AfterValidator(_web_url)]


class SettingsPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TwilioSettings(SettingsPart):
    """Twilio's account; in the demo its stand-in."""

    account_sid: str = Field("", description="Account SID (AC...)")
    auth_tokens: Secrets = Field((), description="auth tokens, comma list: the first signs requests, all verify")
    from_: str = Field("", alias="from", description="sender of SMS and calls (E.164 or a sender id)")
    api_url: WebUrl = Field("https://api.twilio.com", description="REST API's base")


class CmiSettings(SettingsPart):
    """The acquirer (docs/protocols/cmi.md)."""

    url: WebUrl = Field("", description="the server API, .../fim/api")
    client_id: str = Field("", description="merchant number")
    name: str = Field("", description="API user")
    password: SecretStr = Field(SecretStr(""), description="API user's password")
    timeout_s: float = Field(30.0, gt=0, le=120, description="seconds to wait for an answer before it is unknown")
    telephone_order: str = Field("", description="CardholderPresentCode of a telephone order, from the contract")
    md_statuses: str = Field(
        "1,2,3,4",
        pattern=r"^[0-9](, ?[0-9])*$",
        description="3-D statuses of the hosted page that are paid; others are given back",
    )
    page_url: WebUrl = Field("", description="the hosted page, .../fim/est3Dgate; without it nobody pays in a browser")
    store_key: SecretStr = Field(SecretStr(""), description="the hosted page's store key")


class BillingSettings(SettingsPart):
    """A billing system behind TM Forum's APIs (TMF678, TMF676); without a URL the embedded one answers."""

    url: WebUrl = Field("", description="base of the APIs, .../tmf-api; lines and payment codes stay imported")
    token: SecretStr = Field(SecretStr(""), description="bearer token")
    timeout_s: float = Field(5.0, gt=0, le=30, description="seconds to wait before billing counts as down")
    account: str = Field("{reference}", description="their billing account, from {service} and {reference}")

    @field_validator("account")
    @classmethod
    def _account_is_made_of_these(cls, account: str) -> str:
        try:
            account.format(service="", reference="")
        except (KeyError, IndexError, ValueError):
            raise ValueError("only {service} and {reference} can stand in it") from None
        return account


class SettlementSettings(SettingsPart):
    """What the acquirer's settlement file calls its columns (khallas reconcile)."""

    order_id: str = Field("order_id", description="column of our order's id")
    transaction_number: str = Field("transaction_number", description="column of the acquirer's transaction")
    auth_code: str = Field("auth_code", description="column of the authorisation number")
    amount: str = Field("amount", description="column of the amount")
    date: str = Field("date", description="column of the day or moment")
    type: str = Field("type", description="column that tells sales from credits")
    sales: Names = Field(SALES, description="what sales are called there; any other type is told as unreadable")
    credits: Names = Field(CREDITS, description="what credits are called there")
    date_format: str = Field(
        "", description="strptime's order of dates (%d/%m/%Y), a time may follow; empty is ISO 8601"
    )
    minor_units: bool = Field(False, description="amounts are centimes (76920), not dirhams (769.20)")
    commission: Names = Field(("commission",), description="columns of the commission and its VAT, added up")
    net: str = Field("net", description="column of what is paid in for the row")
    value_date: str = Field("value_date", description="column of the day on which it is paid in")
    batch: str = Field("batch", description="column of the deposit's number")
    merchant: str = Field("merchant", description="column of the merchant number")
    merchants: Names = Field((), description="our merchant numbers: a row of any other is told; () = not compared")
    overdue_days: int = Field(4, ge=1, le=60, description="days until a sale or credit must have been in a file")


class UssdSettings(SettingsPart):
    """USSD gateways."""

    service_code: str = Field("*1117#", description="what customers dial")
    wires: Names = Field(("africastalking",), description="enabled gateways' dialects")


class SmsSettings(SettingsPart):
    """SMS gateways."""

    wires: Names = Field(("twilio",), description="enabled gateways' dialects")
    sender_max: int = Field(10, ge=1, le=1_000, description="texts answered a sender in ten minutes")
    sender_day_max: int = Field(50, ge=1, le=10_000, description="and in a day")
    prefix_max: int = Field(1_000, ge=1, le=1_000_000, description="a block of numbers (+212600) in ten minutes")
    everyone_max: int = Field(30_000, ge=1, le=10_000_000, description="all senders in ten minutes")
    countries: Names = Field(("212",), description="country codes of the senders that are answered")
    routes: Names = Field((), description="ways out, first to last, name or name:20 for 20 a second; () = all set up")


class SmppSettings(SettingsPart):
    """SMSCs that are bound directly (docs/guides/smsc.md)."""

    binds: Secrets = Field((), description="comma list of smpp://system_id:password@host:2775/name?window=10")

    def accounts(self) -> tuple[SmscAccount, ...]:
        """Reads the accounts at the SMSCs. Raises ValueError in words that hold no secret."""
        accounts = tuple(account_of(url.get_secret_value()) for url in self.binds)
        names = [account.name for account in accounts]
        if len(set(names)) < len(names) or {"twilio", "kannel"} & set(names):
            raise ValueError("each SMSC has a name of its own, which is not twilio or kannel")
        return accounts

    @model_validator(mode="after")
    def _binds_are_binds(self) -> Self:
        self.accounts()
        return self


class KannelSettings(SettingsPart):
    """Kannel's smsbox (docs/guides/kannel.md)."""

    url: WebUrl = Field("", description="its sendsms, http://host:13013/cgi-bin/sendsms")
    username: str = Field("", description="the sendsms-user")
    password: SecretStr = Field(SecretStr(""), description="the sendsms-user's password")
    callback_url: WebUrl = Field("", description="our base as Kannel reaches it, when that is not the public one")


class IvrSettings(SettingsPart):
    """Voice."""

    number: str = Field("", description="the voice line customers may call")
    help_dial: str = Field(
        "",
        pattern=r"^\+?[0-9*#]{0,20}$",
        description="whom Twilio dials for an agent, E.164; empty: KHALLAS_HELP_NUMBER, which is said",
    )
    wires: Names = Field(("twilio",), description="enabled switches' dialects")
    caller: Literal["twilio", "ami", "callfile"] = Field("twilio", description="who rings customers for their card")
    card_mode: Literal["gather", "pay"] = Field("gather", description="pay: Twilio takes the card's digits, not we")
    pay_connector: str = Field("", description="name of the Generic Pay Connector at Twilio, for card_mode pay")
    pay_user: str = Field("", description="its Basic auth user at POST /ivr/pay-connector")
    pay_passwords: Secrets = Field((), description="its passwords, comma list: any is right")


class AsteriskSettings(SettingsPart):
    """The operator's own switch: wire fastagi, callers ami and callfile (docs/guides/asterisk.md)."""

    agi_host: str = Field("127.0.0.1", description="address the FastAGI server listens on")
    agi_port: int = Field(4573, ge=0, le=65_535, description="its port; 0 takes a free one")
    calls_max: int = Field(200, ge=1, le=10_000, description="calls at once; further ones are told busy")
    call_max_s: float = Field(900.0, ge=60, le=7_200, description="seconds of one call")
    drain_s: float = Field(120.0, ge=0, le=900, description="seconds a stopping server lets its calls go on")
    first_digit_s: float = Field(9.0, ge=2, le=60, description="seconds to begin an answer")
    next_digit_s: float = Field(6.0, ge=1, le=60, description="seconds between two digits")
    sounds: str = Field("khallas", pattern=r"^[A-Za-z0-9._/-]+$", description="prompts' folder as Asterisk knows it")
    sounds_folder: str = Field("", description="that folder as this machine sees it; empty: /var/lib/asterisk/sounds/…")
    music: str = Field("", pattern=r"^[A-Za-z0-9._-]*$", description="music class while the bank answers, or none")
    ami_url: SecretStr = Field(SecretStr(""), description="ami://user:secret@host:5038")
    channel: str = Field("", description="whom to ring, with {e164}, {digits} or {national}: PJSIP/{digits}@trunk")
    context: str = Field("khallas-callback", description="dialplan context of a customer who answered")
    extension: str = Field("s", description="its extension")
    spool: str = Field("", description="Asterisk's spool folder, for call files")


class WebSettings(SettingsPart):
    """The web door (/ and /bills): what its page tells of the data it asks for (law 09-08)."""

    controller: str = Field("", description="who answers for the data; empty: the operator's name")
    controller_address: str = Field("", description="that one's address")
    cndp_number: str = Field("", description="of the declaration to the CNDP; empty: the page leaves the sentence out")
    rights_contact: str = Field("", description="where access and rectification are asked; empty: the help number")


class DeskSettings(SettingsPart):
    """The help desk (/desk)."""

    alone_max_dh: int = Field(500, ge=0, le=1_000_000, description="DH a supervisor gives back without a second person")
    alone_day_max_dh: int = Field(
        2_000, ge=0, le=1_000_000, description="DH that person's word alone gives back in 24 h"
    )
    alone_day_max_count: int = Field(10, ge=0, le=10_000, description="times it does in 24 h")
    watch_day_dh: int = Field(10_000, ge=0, le=10_000_000, description="DH of a person's decisions in 24 h that alert")
    account_idle_days: int = Field(90, ge=1, le=366, description="days without a login that end an account")
    idle_s: int = Field(900, ge=60, le=86_400, description="seconds without a click that end a session")
    absolute_s: int = Field(8 * 3_600, ge=300, le=7 * 86_400, description="seconds that end any session")


class RetentionSettings(SettingsPart):
    """How long personal data is kept (law 09-08); a daily job applies it. docs: what is kept and why."""

    messages_days: int = Field(400, ge=30, le=3_660, description="days the log of messages keeps their recipients")
    unpaid_days: int = Field(90, ge=7, le=3_660, description="days a payment that was never made keeps its payer")
    paid_days: int = Field(3_660, ge=366, le=7_320, description="days a paid one does (ten years of accounts)")
    access_log_days: int = Field(1_100, ge=90, le=3_660, description="days the help desk's log is kept")
    transcripts_days: int = Field(
        30, ge=0, le=3_660, description="days what customers were shown is kept, but around payments; 0: none"
    )
    dispute_days: int = Field(
        548, ge=0, le=3_660, description="days a dispute can come: payer, messages, what was shown stay"
    )


class ArchiveSettings(SettingsPart):
    """What is over moves to tables of its month (docs/SCALING.md): live tables stay the size of a few months."""

    after_months: int = Field(
        0, ge=0, le=120, description="whole months before this one that stay live, moved daily; 0: nothing is moved"
    )


class EventsSettings(SettingsPart):
    """Events out, to webhooks and TM Forum's hub (docs/guides/events.md); endpoints are added by `khallas events`."""

    private_networks: Names = Field(
        (), description="private networks that events may be sent to, comma list of 10.1.2.0/24; () = none"
    )
    hub_tokens: Secrets = Field((), description="bearer tokens of POST /hub, comma list: any is right; () = no hub")

    @field_validator("private_networks")
    @classmethod
    def _networks_are_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            networks_of(texts)
        except ValueError:
            raise ValueError("networks are written 10.1.2.0/24, without bits behind the mask") from None
        return texts
