"""The accounts: where money can lie, what kind each is, and which may never be negative. Pure."""

from enum import StrEnum

ACQUIRER = "cmi"  # the one there is today; every name with an acquirer in it is made by a function below

TO_POST = "bills:to_post"  # taken for bills that billing has not accepted yet
POSTED = "bills:posted"  # taken for bills that billing has accepted: what the operator's books must show
TO_REFUND = "customers:to_refund"  # owed back to payers
CREDITS = "doubt:credits"  # a credit was asked and its end is not known
CAPTURES = "doubt:captures"  # another amount than was asked, or a landing on a released basket, until it is voided
LOSSES = "losses"  # lost chargebacks, and what two people wrote off

# What payers' money lies in; only a payment's own events move it between these.
PAYERS = frozenset({TO_POST, POSTED, TO_REFUND, CREDITS, CAPTURES})


class AccountKind(StrEnum):
    """An asset's and an expense's balance is debits less credits, a liability's the other way round."""

    ASSET = "asset"
    LIABILITY = "liability"
    EXPENSE = "expense"


def receivable(acquirer: str = ACQUIRER) -> str:
    """Captured and not yet paid in."""
    return f"acquirer:{acquirer}:receivable"


def bank(acquirer: str = ACQUIRER) -> str:
    """Paid in, by settlement."""
    return f"bank:{acquirer}"


def fees(acquirer: str = ACQUIRER) -> str:
    """Commission and VAT on it, as settled."""
    return f"fees:{acquirer}"


def chargebacks(acquirer: str = ACQUIRER) -> str:
    """Debited by the acquirer, not yet won or lost."""
    return f"chargebacks:{acquirer}"


def every_account(acquirer: str = ACQUIRER) -> tuple[str, ...]:
    """Returns all accounts, in the order they are shown."""
    outside = (receivable(acquirer), bank(acquirer), fees(acquirer), chargebacks(acquirer), LOSSES)
    return (*outside, TO_POST, POSTED, TO_REFUND, CREDITS, CAPTURES)


def kind_of(account: str) -> AccountKind:
    """Tells an account's kind by its name. Raises ValueError for a name that is no account's."""
    head = account.partition(":")[0]
    if account in PAYERS:
        return AccountKind.LIABILITY
    if account == LOSSES or head == "fees":
        return AccountKind.EXPENSE
    if head in {"acquirer", "bank", "chargebacks"}:
        return AccountKind.ASSET
    raise ValueError(f"{account} is no account")


def never_negative(account: str) -> bool:
    """Returns whether an account can never be below nothing: what is owed to somebody, or was lost. A receivable may be
    negative: what went back after settlement is taken off the next deposit.
    """
    return account in {TO_POST, POSTED, TO_REFUND, CREDITS, LOSSES} or account.startswith("chargebacks:")


def signed(account: str, debits_centimes: int, credits_centimes: int) -> int:
    """A balance as people read it: positive on the account's own side."""
    net = debits_centimes - credits_centimes
    return -net if kind_of(account) is AccountKind.LIABILITY else net
