"""What every page for browsers stands on: templates, headers, and the files served under /static.

Rules: everything a browser loads comes from here (no other host), nothing is inline but SVG, nothing is cached but
files whose address changes with their content, and whatever a template prints is escaped.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from channels.receipt_view import Operator
from channels.templates import CompiledOnce
from core.languages import LANGUAGES, LanguageCode
from core.messaging.texts import Texts

HERE = Path(__file__).parent
_COMPILED = CompiledOnce()
LOGO_PATH = "/brand/logo"
ACQUIRER_LOGOS = "/brand/acquirers"
LOGO_BYTES_MAX = 256 * 1024
LOGO_TYPES = MappingProxyType({".svg": "image/svg+xml", ".png": "image/png"})
ASSET_TTL_S = 365 * 24 * 3600
LOGO_TTL_S = 3600

# A page that only shows: no form, no request of its own. Desk, operations and the phone pass CSP_WORKING.
CSP_STILL = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CSP_WORKING = CSP_STILL.replace("form-action 'none'", "form-action 'self'; connect-src 'self'")

# Pages on the way to a payment: no script at all, ours neither.
CSP_SCRIPTLESS = CSP_STILL.replace("script-src 'self'", "script-src 'none'")
CSP_FORM = CSP_SCRIPTLESS.replace("form-action 'none'", "form-action 'self'")

_PRIVATE = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
)


def private_headers(csp: str = CSP_STILL) -> dict[str, str]:
    """Headers of whatever shows a customer's data."""
    return {**_PRIVATE, "Content-Security-Policy": csp}


ACCEPTED_CHARS_MAX = 256


def language_asked(request: Request) -> LanguageCode | None:
    """The `?lang=` of a page; an unknown one is none."""
    try:
        return LanguageCode(request.query_params.get("lang", ""))
    except ValueError:
        return None


def language_of(request: Request) -> LanguageCode:
    """The language asked for in the address, else the first of the browser's own that is spoken here, else French."""
    language = language_asked(request)
    if language is not None:
        return language
    wanted = request.headers.get("accept-language", "")[:ACCEPTED_CHARS_MAX].split(",")
    accepted = [each for each in map(_accepted, wanted) if each is not None]
    return max(accepted, key=lambda each: each[0], default=(0.0, LanguageCode.FR))[1]


def _accepted(text: str) -> tuple[float, LanguageCode] | None:
    """ "ar-MA;q=0.8" -> its weight and language; None for what is not spoken here."""
    name, _, weight = text.partition(";q=")
    try:
        return float(weight or 1), LanguageCode(name.strip().lower()[:2])
    except ValueError:
        return None


class Pages:
    """Renders templates in a language and serves what they need."""

    def __init__(self, texts: Texts, operator: Operator) -> None:
        """Reads templates and logo. Raises ValueError for a logo that is neither SVG nor PNG or too large, OSError when
        it cannot be read.
        """
        self.operator = operator
        self.texts = texts
        self._logo = None if operator.logo is None else checked_logo(operator.logo)
        self._acquirer_logos = {named: checked_logo(logo) for named, logo in operator.logos}
        self._addresses = _addresses(HERE / "static")
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            auto_reload=False,  # no look at the file for each page
            bytecode_cache=_COMPILED,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "asset": self._addresses.__getitem__,
            "logo": None if self._logo is None else LOGO_PATH,
            "acquirer_logo": self._logo_of,
            "operator": operator,
            "say": self.say,
            "languages": tuple(LanguageCode),
            "direction": _direction,
        }

    def say(self, language: LanguageCode, key: str, section: str = "web", **values: str) -> str:
        """A text of locales/. Raises MissingText."""
        return self.texts.fill(language, section, key, help_number=self.operator.help_number, **values)

    def html(
        self,
        template: str,
        language: LanguageCode,
        *,
        status: int = 200,
        csp: str = CSP_STILL,
        headers: Mapping[str, str] | None = None,
        section: str = "web",
        **values: object,
    ) -> HTMLResponse:
        """A private page. In the template: `language`, `rtl`, `t(key)` of the section, and what is passed."""

        def t(key: str, **named: str) -> str:
            return self.say(language, key, section, **named)

        page = self._templates.get_template(template).render(
            language=language, rtl=LANGUAGES[language].rtl, t=t, **values
        )
        answer_headers = private_headers(csp) | {"Content-Language": language.value} | dict(headers or {})
        return HTMLResponse(page, status, answer_headers)

    def _logo_of(self, acquirer_id: str) -> str | None:
        return f"{ACQUIRER_LOGOS}/{acquirer_id}" if acquirer_id in self._acquirer_logos else None

    def routes(self) -> list[BaseRoute]:
        """/static, the operator's logo and the acquirers'."""
        built: list[BaseRoute] = [Mount("/static", _Assets(directory=HERE / "static"), name="static")]
        if self._logo is not None:
            built.append(Route(LOGO_PATH, self._send_logo, methods=["GET"]))
        if self._acquirer_logos:
            built.append(Route(ACQUIRER_LOGOS + "/{acquirer}", self._send_logo, methods=["GET"]))
        return built

    async def _send_logo(self, request: Request) -> Response:
        named = request.path_params.get("acquirer")
        logo = self._logo if named is None else self._acquirer_logos.get(named)
        if logo is None:
            return Response(status_code=404)
        headers = {"Cache-Control": f"public, max-age={LOGO_TTL_S}", **_hardened()}
        return FileResponse(logo, headers=headers, media_type=LOGO_TYPES[logo.suffix.lower()])


class _Assets(StaticFiles):
    """Files that may be kept for ever when asked for with the `v` of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        versioned = bytes(scope.get("query_string", b"")).startswith(b"v=")
        answer.headers["Cache-Control"] = f"public, max-age={ASSET_TTL_S}, immutable" if versioned else "no-cache"
        answer.headers.update(_hardened())
        return answer


def _hardened() -> dict[str, str]:
    # an SVG opened by itself is a document: it gets no script either
    return {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }


@cache
def _addresses(folder: Path) -> Mapping[str, str]:
    """Of what the package holds, read once."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = {file.relative_to(folder).as_posix(): file for file in files}
    return {name: f"/static/{name}?v={sha256(file.read_bytes()).hexdigest()[:12]}" for name, file in names.items()}


def checked_logo(logo: Path) -> Path:
    """A picture for pages and receipts. Raises ValueError, OSError."""
    if logo.suffix.lower() not in LOGO_TYPES or logo.stat().st_size > LOGO_BYTES_MAX:
        raise ValueError(f"a logo is an SVG or PNG file of at most {LOGO_BYTES_MAX} bytes")
    return logo


def _direction(language: LanguageCode) -> str:
    return "rtl" if LANGUAGES[language].rtl else "ltr"
