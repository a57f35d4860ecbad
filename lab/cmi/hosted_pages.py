"""What the emulated bank's page shows: a card asked, then the bank's one-time PIN, in three languages. Pure.

A bank's page is nobody's template: it has its own looks, and says in large letters that it is an emulator.
"""

from collections.abc import Mapping
from html import escape
from types import MappingProxyType

WORDS = MappingProxyType(
    {
        "fr": (
            "Paiement sécurisé",
            "Numéro de carte",
            "Expiration (MM/AA)",
            "Code de sécurité (CVV)",
            "Payer",
            "Vérification 3-D Secure",
            "Code reçu de votre banque",
            "Valider",
            "Retour au marchand",
            "Émulateur : aucune vraie carte, aucun débit.",
        ),
        "ar": (
            "أداء آمن",
            "رقم البطاقة",
            "تاريخ الانتهاء (شهر/سنة)",
            "رمز الأمان (CVV)",
            "أداء",
            "التحقق 3-D Secure",
            "الرمز المتوصل به من البنك",
            "تأكيد",
            "العودة إلى التاجر",
            "محاكاة: لا بطاقة حقيقية ولا أي اقتطاع.",
        ),
        "en": (
            "Secure payment",
            "Card number",
            "Expiry (MM/YY)",
            "Security code (CVV)",
            "Pay",
            "3-D Secure check",
            "Code received from your bank",
            "Confirm",
            "Back to the merchant",
            "Emulator: no real card, nothing is charged.",
        ),
    }
)
STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;background:#f4f1ea;color:#222;margin:0;padding:1rem}
main{overflow-wrap:anywhere;background:#fff;border-top:6px solid #b3261e;max-width:26rem;margin:auto;padding:1.25rem}
label{display:block;font-weight:600;margin:.75rem 0}
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:2px solid #666}
button{font:inherit;font-weight:700;min-height:2.75rem;width:100%;background:#b3261e;color:#fff;border:0}
#error{color:#8c1d18;font-weight:700}small{color:#555}
"""


def card_page(action: str, fields: Mapping[str, str], error: str = "") -> str:
    """The card is asked. `fields`: what the merchant posted."""
    words = _words(fields)
    inputs = "".join(
        f'<label>{label}<input name="{name}" inputmode="numeric" autocomplete="{complete}" dir="ltr" required></label>'
        for name, label, complete in (
            ("pan", words[1], "cc-number"),
            ("expires", words[2], "cc-exp"),
            ("cvv", words[3], "cc-csc"),
        )
    )
    told = f'<p id="error" role="alert">{escape(error)}</p>' if error else ""
    owed = f"<p>{escape(fields.get('amount', ''))} MAD · {escape(fields.get('oid', ''))}</p>"
    form = f'<form method="post" action="{action}">{inputs}<button>{words[4]}</button></form>'
    return _page(fields, words[0], owed + told + form)


def pin_page(action: str, fields: Mapping[str, str]) -> str:
    """The bank's one-time PIN is asked, as by 3-D Secure."""
    words = _words(fields)
    asked = f'<label>{words[6]}<input name="pin" inputmode="numeric" autocomplete="one-time-code" dir="ltr"></label>'
    form = f'<form method="post" action="{action}">{asked}<button>{words[7]}</button></form>'
    return _page(fields, words[5], form)


def back_page(fields: Mapping[str, str], form: str) -> str:
    """The way back, with a form that bears the outcome."""
    words = _words(fields)
    return _page(fields, words[0], form.replace("<button>OK</button>", f"<button>{words[8]}</button>"))


def _page(fields: Mapping[str, str], title: str, body: str) -> str:
    language = _language(fields)
    ways = "rtl" if language == "ar" else "ltr"
    head = (
        f'<!doctype html><html lang="{language}" dir="{ways}"><head><meta charset="utf-8"><title>{title} · CMI</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
    )
    return f"{head}<body><main><h1>{title}</h1>{body}<p><small>{_words(fields)[9]}</small></p></main></body></html>"


def _words(fields: Mapping[str, str]) -> tuple[str, ...]:
    return WORDS[_language(fields)]


def _language(fields: Mapping[str, str]) -> str:
    asked = fields.get("lang", "").lower()[:2]
    return asked if asked in WORDS else "fr"
