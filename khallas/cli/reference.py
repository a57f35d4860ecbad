"""docs/reference/*.md, .env.example and the journey's picture, made from the code.

`python -m khallas.cli.reference` writes them;
tests/docs compares them with what is committed.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute, Mount, Route

from channels.carriers.smpp.metrics import SmppMetrics
from channels.http import openapi
from channels.ivr.pay_connector.endpoint import JSON_DOOR
from channels.ussd.wires import WIRES
from khallas.cli.config_example import example, reference
from khallas.server.app import build
from khallas.settings.model import load
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.relay_metrics import RelayMetrics
from sessions.screens import diagram_svg as journey

MADE = "Made by `python -m khallas.cli.reference`; a test compares.\n"
# who calls what begins with these; the longest that fits counts
DOORS = {
    "/ussd/": "USSD gateways ([guides](../guides/ussd-africastalking.md))",
    "/sms/twilio": "Twilio, signed ([guide](../guides/twilio.md))",
    "/sms/kannel": "Kannel ([guide](../guides/kannel.md))",
    "/ivr/twilio": "Twilio, signed ([guide](../guides/twilio.md))",
    "/ivr/pay-connector": "Twilio's `<Pay>`, Basic auth ([guide](../guides/twilio.md))",
    "/receipts/": "customers, by a signed link",
    "/pay/": "customers and the acquirer's hosted page ([guide](../guides/cmi.md))",
    "/cmi/": "the acquirer (signed) and the browser to its page and back ([guide](../guides/cmi.md))",
    "/acquirers/": "the same of further acquirers ([guide](../guides/acquirers.md))",
    "/billers/gsma/": "wallets that list our bills and pay them ([guide](../guides/billers.md))",
    "/billers/daraja/": "M-Pesa's pay bill: is it owed, it is paid ([guide](../guides/billers.md))",
    "/wallets/": "wallets, when a payer has answered; never believed ([guide](../guides/wallets.md))",
    "/": "customers in a browser: the web door ([how it is built](../ARCHITECTURE.md))",
    "/bills": "customers in a browser: identify, tick, review",
    "/desk": "the help desk, behind a login ([guide](../guides/help-desk.md))",
    "/ops": "operations, behind a login",
    "/hub": "systems of the operator, by a bearer token ([guide](../guides/events.md))",
    "/static": "browsers",
    "/brand": "browsers: the operator's logo, and acquirers' on receipts",
    "/openapi.json": "whoever builds a gateway: the doors that take JSON, OpenAPI 3.1",
    "/healthz": "the service manager: alive, no I/O",
    "/readyz": "the load balancer: Redis, database, migrations within a second; SMSCs are told",
    "/metrics": "Prometheus ([reference](metrics.md))",
}
HTTP = """\
Doors that take JSON are described by [openapi.json](openapi.json), which the server gives at `GET /openapi.json`
for what it has enabled (TM Forum's hub: its guide); the other doors speak their gateway's own form, query or XML. Each
answer bears `X-Request-Id` ([operations](../operations.md#watching)).
"""
ROOT = Path(__file__).parents[2]


def pages() -> dict[str, str]:
    """The text of every generated page, by its path from the root."""
    return {
        ".env.example": example(),
        "docs/reference/settings.md": reference(),
        "docs/reference/commands.md": commands(),
        "docs/reference/metrics.md": metrics(),
        "docs/reference/http.md": http(),
        "docs/pictures/journey.svg": journey.svg(),
        "docs/reference/openapi.json": json.dumps(openapi.document(WIRES, [JSON_DOOR]), indent=1, ensure_ascii=False)
        + "\n",
    }


def commands() -> str:
    """Lists every verb with its arguments and options."""
    from khallas.cli.main import app

    root = typer.main.get_command(app)
    lines = [f"# Commands\n\n{MADE}\nExit codes: 0 done, 1 failed, 2 usage, 78 bad configuration.\n"]
    for name, command in _verbs("khallas", root):
        context = command.context_class(command, info_name=name)
        help_text = " ".join((command.help or "").split())
        lines.append(f"\n## {name}\n\n{help_text}\n")
        rows = [_row(parameter, context) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines.append("\n| | |\n|---|---|\n" + "".join(f"| `{left}` | {right} |\n" for left, right in rows))
    return "".join(lines)


def _verbs(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """typer brings its own copy of click, without names to import."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for verb in sorted(inner):
        yield from _verbs(f"{name} {verb}", inner[verb])


def _row(parameter: Any, context: Any) -> tuple[str, str]:
    name, help_text = parameter.get_help_record(context) or (parameter.make_metavar(context), "")
    return " ".join(name.split()).replace("|", "\\|"), " ".join(help_text.split()).replace("|", "\\|")


def metrics() -> str:
    """Lists every metric with its labels."""
    lines = [
        f"# Metrics\n\n{MADE}\nLabels hold canonical names only, never input.\n\n| name | kind | labels | what |\n"
    ]
    lines.append("|---|---|---|---|\n")
    for name, kind, labels, help_text in sorted(_metrics()):
        lines.append(f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {help_text} |\n")
    return "".join(lines)


def registry() -> CollectorRegistry:
    """Builds a registry of all that any process of ours counts."""
    own = Metrics().registry
    PaymentMetrics(own)
    SmppMetrics(own)
    RelayMetrics(own)
    return own


def _metrics() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    for collector in set(registry()._collector_to_names):
        labels: tuple[str, ...] = getattr(collector, "_labelnames", ())
        for family in collector.describe() if hasattr(collector, "describe") else ():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, family.type, labels, family.documentation


def http() -> str:
    """Lists every door, all wires enabled."""
    lines = [f"# HTTP\n\n{MADE}\n{HTTP}\n| path | methods | who calls |\n|---|---|---|\n"]
    for path, methods in sorted(_routes(build(load(_everything())).routes)):
        fits = [begin for begin in DOORS if path == begin or (begin != "/" and path.startswith(begin))]
        lines.append(f"| `{path}` | {methods} | {DOORS[max(fits, key=len)]} |\n")
    return "".join(lines)


def _routes(routes: "list[BaseRoute]", prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Mount):
            inner = list(route.routes or ())
            yield from _routes(inner, prefix + route.path) if inner else [(prefix + route.path, "GET")]
        elif isinstance(route, Route) and not (route.path.endswith("/") and len(route.path) > 1):  # the same door
            yield prefix + route.path, ", ".join(sorted(set(route.methods or ()) - {"HEAD"}))


def _everything() -> Mapping[str, str]:
    """Settings under which every HTTP door is open; nothing is asked of anybody."""
    gated = (*WIRES, "kannel", "biller_gsma", "biller_daraja")
    settings: dict[str, Any] = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PUBLIC_URL": "https://khallas.example",
        "SECRET_KEYS": "reference",
        "VAULT_KEYS": "reference:" + base64.b64encode(bytes(32)).decode(),
        "USSD__WIRES": ",".join(WIRES),
        "SMS__WIRES": "twilio,kannel",
        "IVR__WIRES": "twilio",
        "IVR__NUMBER": "+212520001117",
        "IVR__CARD_MODE": "pay",
        "IVR__PAY_CONNECTOR": "khallas",
        "IVR__PAY_USER": "twilio",
        "IVR__PAY_PASSWORDS": "reference",
        "TWILIO__ACCOUNT_SID": "AC",
        "TWILIO__AUTH_TOKENS": "reference",
        "CMI__URL": "https://cmi.example/fim/api",
        "CMI__PAGE_URL": "https://cmi.example/fim/est3Dgate",
        "CMI__CLIENT_ID": "1",
        "CMI__NAME": "reference",
        "CMI__PASSWORD": "reference",
        "CMI__STORE_KEY": "reference",
        "EVENTS__HUB_TOKENS": "reference",
        "BILLERS": "gsma,daraja",
        "WALLETS__REFERENCE__WIRE": "gsma",
        "WALLETS__REFERENCE__URL": "https://wallet.example/v1.2/mm",
        "WALLETS__REFERENCE__API_KEY": "reference",
        "WALLETS__REFERENCE__ACCOUNT": "reference",
        "WALLETS__REFERENCE__PAID_WORDS": "completed",
        "OPERATOR_LOGO": str(ROOT / "channels/web/static/mark.svg"),
        "ACQUIRERS__CMI__LOGO": str(ROOT / "channels/web/static/mark.svg"),
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "recus@khallas.example",
        **{f"GATEWAY_SECRETS__{wire.upper()}": "net:127.0.0.0/8" for wire in gated},
    }
    return {f"KHALLAS_{name}": value for name, value in settings.items()}


def main() -> None:
    """Writes all pages of the reference."""
    for path, text in pages().items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
