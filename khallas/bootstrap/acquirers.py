"""Who charges cards, joined: every acquirer of the settings with its contract, its client and its page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import SecretStr

from core.acquirers.registry import AcquirerMember, AcquirerRegistry, breaker_of
from core.acquirers.terms import FIRST, AcquirerState, AcquirerTerms
from core.cards import Secret
from core.payments.hosted_page_port import HostedPage, PageWays
from core.ports import Acquirer
from khallas.settings.acquirers import AcquirerSettings
from khallas.settings.model import NEST, PREFIX, BadSettings, Settings
from khallas.settings.parts import SettlementSettings

T = TypeVar("T")
Options = Mapping[str, Secret]
Watch = Callable[[str, Acquirer], Acquirer]

CMI = "cmi"


@dataclass(frozen=True, slots=True)
class JoinedAcquirer:
    """An acquirer of the settings. `prefix`: how its options' settings begin, for what is told of them."""

    id: str
    kind: str
    prefix: str
    options: Options
    own: AcquirerSettings


def joined(settings: Settings) -> Iterator[JoinedAcquirer]:
    """Yields each acquirer as it is set up, the first one first: KHALLAS_CMI__… or KHALLAS_ACQUIRER, unless only others
    are set up.
    """
    first = settings.acquirers.get(FIRST, AcquirerSettings())
    if first.options or first.kind != CMI:
        yield _further(FIRST, first)
    elif settings.acquirer != CMI:
        yield JoinedAcquirer(FIRST, settings.acquirer, "ACQUIRER_OPTIONS", _secrets(settings.acquirer_options), first)
    elif settings.cmi.url or not settings.acquirers.keys() - {FIRST}:
        yield JoinedAcquirer(FIRST, CMI, "CMI", _cmi_options(settings), first)
    for acquirer_id, contract in settings.acquirers.items():
        if acquirer_id != FIRST:
            yield _further(acquirer_id, contract)


def registry_of(settings: Settings, watch: Watch = lambda _, client: client) -> AcquirerRegistry:
    """Builds the registry of all acquirers. `watch` counts what goes through a client. Raises BadSettings."""
    members = {}
    for acquirer in joined(settings):
        client = client_of(acquirer)
        members[acquirer.id] = AcquirerMember(terms_of(acquirer), watch(acquirer.id, client), breaker_of(client))
    return AcquirerRegistry(members)


def acquirer_of(settings: Settings) -> Acquirer:
    """The first one's client alone. Raises BadSettings."""
    return client_of(next(joined(settings)))


def terms_of(acquirer: JoinedAcquirer) -> AcquirerTerms:
    """Reads an acquirer's contract."""
    contract = acquirer.own
    return AcquirerTerms(
        id=acquirer.id,
        name=contract.name,
        merchant=contract.merchant or _told(acquirer.options, "client_id"),
        state=AcquirerState(contract.state),
        weight=contract.weight,
        brands=frozenset(contract.brands),
        currencies=frozenset(contract.currencies),
        min_centimes=contract.min_centimes,
        max_centimes=contract.max_centimes,
        telephone_orders=contract.telephone_orders,
        page=bool(_told(acquirer.options, "page_url")),
        valid_from=contract.valid_from,
        valid_until=contract.valid_until,
    )


def client_of(each: JoinedAcquirer) -> Acquirer:
    """A module's `connect`, given the options. Raises BadSettings."""
    connect: Callable[[Options], Acquirer] | None = getattr(_module(each), "connect", None)
    if connect is None:
        raise BadSettings(f"{PREFIX}{_kind_setting(each)}: core/acquirers/{each.kind}.py has no connect()")
    return _connected(each, lambda: connect(each.options))


def page_of(acquirer: JoinedAcquirer, ways: PageWays) -> HostedPage | None:
    """Builds an acquirer's own page, where it has one and it is set up. Raises BadSettings."""
    connect: Callable[[Options, PageWays], HostedPage | None] | None = getattr(_module(acquirer), "connect_page", None)
    if connect is None or not _told(acquirer.options, "page_url"):
        return None
    return _connected(acquirer, lambda: connect(acquirer.options, ways))


def has_page(settings: Settings) -> bool:
    """Returns whether anybody can pay in a browser."""
    return any(_told(each.options, "page_url") for each in joined(settings))


def settlement_of(settings: Settings, acquirer_id: str) -> SettlementSettings:
    """Returns what an acquirer's files call things: as all do, where it says nothing of its own."""
    names = settings.acquirers.get(acquirer_id, AcquirerSettings()).settlement
    return settings.settlement.model_copy(update={name: getattr(names, name) for name in names.model_fields_set})


def printed_names(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Returns the names by which receipts call acquirers: the name and our number there. Those without a name are left
    out.
    """
    named = ((each.id, each.own.name, each.own.merchant) for each in joined(settings))
    return tuple((acquirer_id, f"{name} {merchant}".strip()) for acquirer_id, name, merchant in named if name)


def printed_logos(settings: Settings) -> tuple[tuple[str, Path], ...]:
    """The files of those that have a logo on receipts."""
    return tuple((each.id, Path(each.own.logo)) for each in joined(settings) if each.own.logo)


def longest_timeout_s(settings: Settings) -> float:
    """Returns how many seconds the slowest acquirer is waited for."""
    return max(settings.cmi.timeout_s, *(further.timeout_s for further in settings.acquirers.values()), 0.0)


def _further(acquirer_id: str, contract: AcquirerSettings) -> JoinedAcquirer:
    prefix = f"ACQUIRERS{NEST}{acquirer_id.upper()}{NEST}OPTIONS"
    options = {"timeout_s": Secret(str(contract.timeout_s)), **_secrets(contract.options)}
    return JoinedAcquirer(acquirer_id, contract.kind, prefix, options, contract)


def _module(each: JoinedAcquirer) -> ModuleType:
    try:
        return import_module(f"core.acquirers.{each.kind}")
    except ModuleNotFoundError:
        raise BadSettings(f"{PREFIX}{_kind_setting(each)}: core/acquirers has no {each.kind}") from None


def _connected(each: JoinedAcquirer, connect: Callable[[], T]) -> T:
    try:
        return connect()
    except KeyError as error:
        raise BadSettings(f"{PREFIX}{each.prefix}{NEST}{str(error.args[0]).upper()} is missing") from None
    except ValueError as error:
        at = f"{each.prefix}{NEST}URL" if each.kind == CMI else each.prefix
        raise BadSettings(f"{PREFIX}{at}: {error}") from None


def _kind_setting(each: JoinedAcquirer) -> str:
    return "ACQUIRER" if each.prefix == "ACQUIRER_OPTIONS" else f"ACQUIRERS{NEST}{each.id.upper()}{NEST}KIND"


def _cmi_options(settings: Settings) -> Options:
    options = settings.cmi.model_dump()
    return {
        name: Secret(value.get_secret_value() if isinstance(value, SecretStr) else str(value))
        for name, value in options.items()
    }


def _secrets(options: Mapping[str, SecretStr]) -> dict[str, Secret]:
    return {name: Secret(value.get_secret_value()) for name, value in options.items()}


def _told(options: Options, name: str) -> str:
    return options[name].reveal() if name in options else ""
