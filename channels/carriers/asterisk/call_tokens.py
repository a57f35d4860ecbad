"""The signed token of a call that we place: whose payment it is and whom we ring. Pure."""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

from channels.wire import SenderRefused, same

TOKEN_VARIABLE = "KHALLAS_CALL"  # noqa: S105 - a channel variable's name
_TOKEN = re.compile(r"([0-9A-Za-z-]{1,64}):(\+?[0-9A-Za-z:._-]{1,80}):([0-9a-f]{32})")
_PURPOSE = b"khallas outgoing call 1\0"  # the same secret signs other things elsewhere


class CallTokens:
    """Names the payment of a call that we make. The first key signs, all verify."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    def make(self, payment_id: str, payer_msisdn: str) -> str:
        """Makes the token of a call. Raises ValueError for values that no token can hold."""
        token = f"{payment_id}:{payer_msisdn}:{_tag(self._keys[0], payment_id, payer_msisdn)}"
        if _TOKEN.fullmatch(token) is None:
            raise ValueError("neither a payment's id nor an MSISDN")
        return token

    def read(self, token: str) -> tuple[str, str]:
        """Payment id and MSISDN. Raises Refused."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise SenderRefused("the call's token is malformed")
        matches = [same(_tag(key, match[1], match[2]), match[3]) for key in self._keys]
        if not any(matches):
            raise SenderRefused("the call's token is forged")
        return match[1], match[2]


def _tag(key: bytes, payment_id: str, payer_msisdn: str) -> str:
    return hmac.digest(key, _PURPOSE + f"{payment_id}\0{payer_msisdn}".encode(), sha256)[:16].hex()
