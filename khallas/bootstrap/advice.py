"""What a server starts with all the same, and its operator should know: `khallas config check` and `doctor` say it."""

from collections.abc import Iterator, Mapping

from khallas.bootstrap.acquirers import has_page
from khallas.bootstrap.production import proxies_of
from khallas.settings.model import PREFIX, Settings
from khallas.settings.strength.ways import near, way_warnings

ACCESS_LOG_DAYS_MIN = 366  # PCI DSS 10.5.1: twelve months
IDLE_S_MAX = 900  # PCI DSS 8.2.8: fifteen minutes
ALONE_MAX_DH = 5_000


def advice(settings: Settings, environ: Mapping[str, str] | None = None) -> list[str]:
    """Returns the advice for these settings. Each begins with the setting's name and holds no value that is secret."""
    return [f"{PREFIX}{line}" for line in _advice(settings, proxies_of(environ or {}))]


def _advice(settings: Settings, proxies: tuple[str, ...]) -> Iterator[str]:
    if settings.expose_screens:
        yield "EXPOSE_SCREENS tells every gateway which screen a customer sees: for tests"
    if settings.log_level == "DEBUG":
        yield "LOG_LEVEL=DEBUG writes telephone numbers: for an hour's search, not for service"
    yield from way_warnings(settings)
    if has_page(settings) and not settings.web.cndp_number:
        yield "WEB__CNDP_NUMBER is empty: the web door names no declaration to the CNDP (law 09-08)"
    if settings.desk.idle_s > IDLE_S_MAX:
        yield f"DESK__IDLE_S lets a desk stand open for more than {IDLE_S_MAX} s (PCI DSS 8.2.8)"
    if settings.desk.alone_max_dh > ALONE_MAX_DH:
        yield f"DESK__ALONE_MAX_DH lets one person give back more than {ALONE_MAX_DH} DH"
    if settings.retention.access_log_days < ACCESS_LOG_DAYS_MIN:
        yield "RETENTION__ACCESS_LOG_DAYS keeps the help desk's log for less than 12 months (PCI DSS 10.5.1)"
    if "fastagi" in settings.ivr.wires and not near(settings.asterisk.agi_host):
        yield "ASTERISK__AGI_HOST: FastAGI is plain TCP, and cards are typed over it: a private network, or a tunnel"
    if "*" in proxies:
        yield "GATEWAY_SECRETS: FORWARDED_ALLOW_IPS=* believes whatever address a request claims; net:… guards nothing"
