"""What a caller gets who says nothing: it is nothing, or it stands here. Callers lean on it without naming it."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType

import msgspec
import pytest
from pydantic import BaseModel

import core
import sessions

Plain = str | int | float | bytes

# Bounds carry their units; a function's argument stands in brackets.
DEFAULTS: dict[str, dict[str, Plain]] = {
    "core.acquirers.breaker": {
        "Breaker.__init__(failures_max)": 10,
        "Breaker.__init__(open_s)": 10.0,
    },
    "core.acquirers.cmi": {
        "CmiAcquirer.__init__(timeout_s)": 30.0,
        "CmiAcquirer.__init__(connect_timeout_s)": 5.0,
        "CmiAcquirer.__init__(connections_max)": 50,
    },
    "core.acquirers.cmi_xml": {
        "CmiAccount.currency": "MAD",
        "CmiAccount.currency_code": "504",
    },
    "core.acquirers.hosted": {
        "HostedShop.currency_code": "504",
        "page_fields(session_s)": 600,
    },
    "core.acquirers.payment_intents.client": {
        "PaymentIntentsAcquirer.__init__(timeout_s)": 30.0,
    },
    "core.acquirers.payment_intents.events": {
        "SignedNotices.tolerance_s": 300,
    },
    "core.acquirers.payment_intents.transport": {
        "GatewayAccount.currency": "mad",
        "GatewayAccount.moto": True,
        "Exchange.__init__(timeout_s)": 30.0,
    },
    "core.acquirers.registry": {
        "only(acquirer_id)": "cmi",
    },
    "core.acquirers.terms": {
        "AcquirerTerms.weight": 1,
        "AcquirerTerms.telephone_orders": True,
    },
    "core.amounts": {
        "read_amount(currency)": "MAD",
        "read_unsigned_amount(currency)": "MAD",
    },
    "core.billing.tmf_wire": {
        "KnownPayment.status": "done",
    },
    "core.billing.tmforum": {
        "TmfAccount.account_id": "{reference}",
    },
    "core.card_numbers": {
        "masked(mask)": "[carte]",
    },
    "core.cards": {
        "pan_plausible(check_luhn)": True,
    },
    "core.database.archive.months": {
        "PgArchive.__init__(batch_max)": 500,
    },
    "core.database.events.stream": {
        "PgStreamBooks.__init__(name)": "kafka",
    },
    "core.database.jobs": {
        "WorkerBounds.poll_s": 2.0,
        "WorkerBounds.grace_s": 20.0,
        "WorkerBounds.restart_pause_s": 1.0,
        "build_jobs(periodic)": True,
        "build_jobs(sweep_every_s)": 5,
    },
    "core.database.late": {
        "LateReads.__init__(late_max_s)": 15.0,
        "LateReads.__init__(look_every_s)": 5.0,
    },
    "core.database.ledger.reading": {
        "differences_within(limit)": 100,
    },
    "core.database.migrate": {
        "upgrade(lock_max_ms)": 3000,
        "upgrade(pause_s)": 2.0,
        "upgrade(opened_at_once)": 500,
    },
    "core.database.notified_jobs": {
        "NotifiedJobs.__init__(told_max)": 10_000,
    },
    "core.database.pool": {
        "make_pool(connections_max)": 10,
        "make_pool(answer_max_s)": 15.0,
        "open_database(answer_max_s)": 15.0,
    },
    "core.database.settlement.reconciliation": {
        "reconcile(overdue_days)": 4,
        "reconcile(acquirer)": "cmi",
        "SettlementWatch.__init__(overdue_days)": 4,
        "look_for_overdue(overdue_days)": 4,
    },
    "core.database.statements": {
        "Database.run(named)": "work",
        "Batched.__init__(waiting_max)": 2000,
        "Batched.__init__(wait_max_s)": 5.0,
    },
    "core.events.relay": {
        "RelayBounds.together_max": 8,
        "RelayBounds.batch_max": 200,
        "RelayBounds.rounds_max": 50,
        "RelayBounds.round_max_s": 20.0,
    },
    "core.events.stream": {
        "EventStream.__init__(look_every_s)": 1.0,
        "EventStream.__init__(pause_min_s)": 1.0,
    },
    "core.hash_chain": {
        "first_break(number)": 1,
    },
    "core.help_desk.accounts": {
        "Accounts.__init__(idle_days)": 90,
    },
    "core.http_peer": {
        "HttpPeer.__init__(connect_timeout_s)": 5.0,
    },
    "core.languages": {
        "LanguageRules.words_per_minute": 145,
        "LanguageRules.letters_a_second": 13.0,
    },
    "core.ledger.accounts": {
        "receivable(acquirer)": "cmi",
        "bank(acquirer)": "cmi",
        "fees(acquirer)": "cmi",
        "chargebacks(acquirer)": "cmi",
        "every_account(acquirer)": "cmi",
    },
    "core.ledger.following": {
        "Happened.currency": "MAD",
        "Happened.acquirer": "cmi",
    },
    "core.ledger.transfers": {
        "Transfer.currency": "MAD",
        "LedgerOccasion.acquirer": "cmi",
        "LedgerOccasion.currency": "MAD",
    },
    "core.payments.authorisation": {
        "Authoriser.__init__(flights_max)": 1000,
    },
    "core.payments.hosted_page_port": {
        "PageAnswer.vouched": True,
    },
    "core.payments.schedule": {
        "Times.basket_ttl_s": 900,
        "Times.basket_extensions_max": 10,
        "Times.window_s": 900,
        "Times.send_within_s": 30,
        "Times.stale_sending_s": 90,
        "Times.lease_s": 240,
        "Times.confirm_after_s": 30,
        "Times.undecided_sms_after_s": 60,
        "Times.undo_pause_s": 60,
        "Times.undo_refused_pause_s": 3600,
        "Times.sweep_every_s": 5,
    },
    "core.payments.service": {
        "PaymentService.__init__(currency)": "MAD",
        "PaymentService.__init__(flights_max)": 1000,
    },
    "core.payments.table": {
        "Payment.acquirer": "cmi",
    },
    "core.ports": {
        "Attempt.telephone": True,
    },
    "core.privacy.retention": {
        "Periods.messages_days": 400,
        "Periods.unpaid_days": 90,
        "Periods.paid_days": 3660,
        "Periods.access_log_days": 1100,
        "Periods.transcripts_days": 30,
    },
    "core.refunds.requests": {
        "Bounds.payment_max_centimes": 50_000,
        "Bounds.day_max_centimes": 200_000,
        "Bounds.day_max_count": 10,
        "Bounds.watch_centimes": 1_000_000,
        "Bounds.watch_count": 50,
    },
    "core.repositories": {
        "Calls.payment_max": 5,
        "Calls.number_hour_max": 6,
    },
    "core.settlement.rows": {
        "Columns.order_id": "order_id",
        "Columns.transaction_number": "transaction_number",
        "Columns.auth_code": "auth_code",
        "Columns.amount": "amount",
        "Columns.date": "date",
        "Columns.kind": "type",
        "Columns.net": "net",
        "Columns.value_date": "value_date",
        "Columns.batch": "batch",
        "Columns.merchant": "merchant",
        "Columns.currency": "MAD",
    },
    "core.spreadsheets": {
        "text_of(lost)": "strict",
    },
    "core.wallets.gsma": {
        "GsmaAccount.credit_key": "organisationid",
        "GsmaAccount.transaction_type": "merchantpay",
    },
    "core.wallets.http": {
        "text_of(chars_max)": 256,
        "WalletHttp.__init__(timeout_s)": 20.0,
    },
    "core.wallets.port": {
        "WalletTerms.floor_centimes": 1,
        "WalletTerms.window_s": 300,
    },
    "core.zone": {
        "load_zone(name)": "Africa/Casablanca",
    },
    "sessions.bill_cache": {
        "BillCache.__init__(bills_max)": 40_000,
    },
    "sessions.pages": {
        "Layout.tells_back": True,
    },
    "sessions.screens.choosing": {
        "TickBoxes.__init__(all_from)": 4,
        "HandOver.rings": True,
    },
    "sessions.screens.ending": {
        "Goodbye.reason": "goodbye",
    },
    "sessions.screens.menu": {
        "Digits.back": True,
        "Text.back": True,
        "Again.counts": True,
        "ScreenContext.check_luhn": True,
        "ScreenContext.language_known": True,
        "ScreenContext.currency": "MAD",
    },
    "sessions.screens.opening": {
        "Opening.fresh": True,
    },
    "sessions.store.pipeline": {
        "Pipelined.__init__(wait_s)": 2.0,
        "Pipelined.__init__(waiting_max)": 20_000,
    },
    "sessions.store.redis": {
        "SavedRecords.__init__(records_max)": 1024,
        "SavedRecords.__init__(bytes_max)": 2_097_152,
        "RedisStore.__init__(ttl_s)": 600,
        "RedisStore.__init__(records_max)": 1024,
        "RedisStore.__init__(records_bytes_max)": 2_097_152,
    },
    "sessions.turn.dispatch": {
        "Dispatcher.__init__(launches_max)": 2000,
    },
    "sessions.turn.turns": {
        "Turns.__init__(check_luhn)": True,
        "Turns.__init__(launches_max)": 2000,
    },
}


def defaults(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Of its classes' fields and of its functions' arguments."""
    for thing in vars(module).values():
        if getattr(thing, "__module__", "") != module.__name__:
            continue
        if isinstance(thing, type):
            yield from _of_fields(thing)
            for method in map(_function, vars(thing).values()):
                if method is not None and method.__module__ == module.__name__:
                    yield from _of_arguments(method)
        elif (function := _function(thing)) is not None:
            yield from _of_arguments(function)


def _of_fields(thing: type) -> Iterator[tuple[str, object]]:
    if dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield f"{thing.__qualname__}.{field.name}", field.default
    elif issubclass(thing, msgspec.Struct):
        for told in msgspec.structs.fields(thing):
            yield f"{thing.__qualname__}.{told.name}", told.default
    elif issubclass(thing, BaseModel):
        for name, known in thing.model_fields.items():
            yield f"{thing.__qualname__}.{name}", known.default


def _function(thing: object) -> FunctionType | None:
    """What was written, under its decorators. What a dataclass makes of its fields is not."""
    plain = inspect.unwrap(getattr(thing, "__func__", thing))  # type: ignore[arg-type]
    return plain if isinstance(plain, FunctionType) and plain.__code__.co_filename != "<string>" else None


def _of_arguments(function: FunctionType) -> Iterator[tuple[str, object]]:
    for argument in inspect.signature(function).parameters.values():
        yield f"{function.__qualname__}({argument.name})", argument.default


def says_something(value: object) -> bool:
    """Statements aside, which tests of their own ask; what is no plain value has a name of its own."""
    return type(value) in {str, int, float, bool, bytes} and bool(value) and "\n" not in str(value)


MODULES = [
    found.name
    for package in (core, sessions)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if ".migrations" not in found.name
]


@pytest.mark.parametrize("name", MODULES)
def test_who_says_nothing_says_nothing_or_what_stands_here(name: str) -> None:
    found = {place: value for place, value in defaults(importlib.import_module(name)) if says_something(value)}
    assert found == DEFAULTS.get(name, {})


def test_no_default_stands_here_for_nothing() -> None:
    assert DEFAULTS.keys() <= set(MODULES)
