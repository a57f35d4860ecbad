"""Reactions of telephones to a text of ours, sent as a text: `A aimé « … »`, `👍 to “…”`. Pure.

A telephone words them in its own language and quotes what it reacts to. Nobody asked anything: neither the words before
the quotation nor those within are looked at for keywords.
"""

import re

from channels.sms.folding import fold, has_arabic

LEAD_WORDS_MAX = 8
QUOTED_CHARS_MIN = 2
_QUOTING = re.compile(r"""\s*(?P<lead>[^«»“”„"‹›\n]{1,80}?)\s*[«“„"‹](?P<quoted>.+)[»”“"›]?\s*[.…]*\s*""", re.DOTALL)
_EMOJI = re.compile("[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
# as the telephones write them; folded below
LEADS = (
    *("Liked", "Loved", "Disliked", "Laughed at", "Emphasized", "Emphasised", "Questioned", "Reacted", "Removed"),
    *("A aimé", "A adoré", "N’a pas aimé", "N'a pas aimé", "A ri de", "A ri à", "A mis en évidence", "A souligné"),
    *("S’est interrogé", "S'est interrogé", "A posé une question sur", "A réagi", "A supprimé", "A retiré", "Aimé"),
    *("أعجب", "أُعجب", "أعجبت", "أعجبني", "أحب", "أحبت", "لم يعجب", "لم يُعجب", "لم تعجب", "ضحك", "ضحكت", "أكد", "أكدت"),
    *("شدد", "تساءل", "تساءلت", "استفسر", "تفاعل", "تفاعلت", "أزال", "أزالت", "أضحك", "تم الإعجاب"),
)
# Arabic verbs bear their object and their person at the end
_LEADS = tuple(fold(lead) if has_arabic(lead) else f"{fold(lead)} " for lead in LEADS)


def is_reaction(text: str) -> bool:
    """Returns whether a telephone wrote this and not its user."""
    match = _QUOTING.fullmatch(text)
    if match is None or len(match["quoted"]) < QUOTED_CHARS_MIN:
        return False
    lead = fold(match["lead"])
    if len(lead.split()) > LEAD_WORDS_MAX:
        return False
    return bool(_EMOJI.search(match["lead"])) or f"{lead} ".startswith(_LEADS)
