"""What the network writes on a telephone, in its own words: the prompt for a PIN, and how a request ended. Pure.

No template of ours has a part in it: a wallet's prompt comes from the wallet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.money import dh
from lab.wallets.network import PIN_TRIES_MAX, PushRequest, Stand

MERCHANT = "Khallas"
LRI, PDI = "\u2066", "\u2069"  # an amount stays whole in a line of Arabic


@dataclass(frozen=True, slots=True)
class WalletWords:
    """One language's. `wrong` stands above `ask` after a wrong PIN, `ends` are by the reason of a refusal."""

    ask: str
    wrong: str
    paid: str
    ends: Mapping[str, str]


WORDS: Mapping[str, WalletWords] = MappingProxyType(
    {
        "fr": WalletWords(
            ask="Payer {amount} à {merchant} ?\nEntrez votre code secret :",
            wrong="Code secret faux. Essais restants : {left}.",
            paid="{wallet}\n{amount} payés à {merchant}.\nTransaction {number}",
            ends={
                "refused": "{wallet}\nAnnulé. Rien n'a été débité.",
                "expired": "{wallet}\nDélai dépassé. Rien n'a été débité.",
                "pin": "{wallet}\nCode secret faux trop souvent. Rien n'a été débité.",
                "funds": "{wallet}\nSolde insuffisant. Rien n'a été débité.",
            },
        ),
        "ar": WalletWords(
            ask="أداء {amount} لفائدة {merchant}؟\nأدخلوا رمزكم السري:",
            wrong="الرمز السري خاطئ. المحاولات المتبقية: {left}.",
            paid="{wallet}\nتم أداء {amount} لفائدة {merchant}.\nالعملية {number}",
            ends={
                "refused": "{wallet}\nتم الإلغاء. لم يقتطع أي مبلغ.",
                "expired": "{wallet}\nانتهت المهلة. لم يقتطع أي مبلغ.",
                "pin": "{wallet}\nرمز سري خاطئ عدة مرات. لم يقتطع أي مبلغ.",
                "funds": "{wallet}\nالرصيد غير كاف. لم يقتطع أي مبلغ.",
            },
        ),
        "en": WalletWords(
            ask="Pay {amount} to {merchant}?\nEnter your PIN:",
            wrong="Wrong PIN. Tries left: {left}.",
            paid="{wallet}\n{amount} paid to {merchant}.\nTransaction {number}",
            ends={
                "refused": "{wallet}\nCancelled. Nothing was debited.",
                "expired": "{wallet}\nTime is up. Nothing was debited.",
                "pin": "{wallet}\nWrong PIN too often. Nothing was debited.",
                "funds": "{wallet}\nNot enough money. Nothing was debited.",
            },
        ),
    }
)


def shown(request: PushRequest, wallet: str, language: str) -> str:
    """The prompt while the request waits for its payer, and after it its end."""
    words = WORDS[language]

    def fill(text: str) -> str:
        values = {"amount": dh(request.centimes), "number": request.number, "left": str(PIN_TRIES_MAX - request.tries)}
        if language == "ar":
            values = {name: f"{LRI}{value}{PDI}" for name, value in values.items()}
        return text.format(wallet=wallet, merchant=MERCHANT, **values)

    if request.stand is Stand.PAID:
        return fill(words.paid)
    if not request.waits:
        return fill(words.ends.get(request.reason, words.ends["expired"]))
    again = f"{words.wrong}\n" if request.tries else ""
    return fill(f"{{wallet}}\n{again}{words.ask}")
