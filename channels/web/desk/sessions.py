"""Who is logged in at the help desk: sessions in Redis, opened by a cookie that Redis does not know.

The cookie holds 256 random bits, Redis keeps their digest: whoever reads Redis cannot sit down at the desk. A session
ends after a time without a click, after a day's work whatever happens, and with its account's generation. A watch,
which shows numbers and nobody's data, lasts as long as the day's work: it may hang on a wall.
"""

import hmac
import secrets
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from core.help_desk.accounts import User
from core.languages import LanguageCode
from core.ports import Clock
from sessions.store.pipeline import redis_errors_as

TOKEN_BYTES = 32
TOKEN_CHARS_MAX = 64
SEATS_MAX = 5  # of one account at once: another ends the oldest
FORM_TTL_S = 3_600
SEARCHES_MAX = 12  # a session remembers; an older tab shows an empty box
_PURPOSE = b"khallas desk form 1\0"  # the same secret signs links elsewhere


class SessionsDown(Exception):
    """Redis's fault: nobody can be let in or recognised. Retry later."""


class TypedForm(msgspec.Struct, frozen=True):
    """The values typed into a form that was refused, until its page is shown again."""

    path: str
    form: str  # which of the page's
    fields: tuple[tuple[str, str], ...]


class StoredSession(msgspec.Struct, frozen=True):
    """A session as Redis keeps it. `notice` is shown once; `searches` let "back" lead to what was found."""

    user: str
    generation: int
    csrf: str
    began_s: float
    language: LanguageCode
    query: str = ""  # of an older version, which kept one search for all tabs
    searches: tuple[tuple[str, str], ...] = ()  # a mark in the address of each tab, and what was searched for there
    notice: str = ""
    address: str = ""  # where it began
    browser: str = ""  # in which: a digest of its mark
    draft: TypedForm | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """A session of an account, as its owner sees it. `id` names it and opens nothing."""

    id: str
    began_s: float
    address: str


def searched(session: StoredSession, mark: str) -> str:
    """The words that were searched for in the tab whose address has this mark."""
    return dict(session.searches).get(mark, "")


def with_search(session: StoredSession, mark: str, query: str) -> tuple[tuple[str, str], ...]:
    """The latest searches, this one among them."""
    others = [(other, text) for other, text in session.searches if other != mark]
    return (*others[-(SEARCHES_MAX - 1) :], (mark, query))


@dataclass(frozen=True, slots=True)
class DeskSession:
    """A session and the token of its cookie."""

    token: str
    kept: StoredSession


class DeskSessions:
    """Keeps the desk's sessions in Redis. Raises SessionsDown."""

    def __init__(self, redis: Redis, clock: Clock, *, idle_s: int, absolute_s: int) -> None:
        self._redis = redis
        self._clock = clock
        self._idle_s = idle_s
        self._absolute_s = absolute_s

    async def begin(self, user: User, language: LanguageCode, address: str = "", browser: str = "") -> DeskSession:
        """A new one, with a new token whatever came before it; past SEATS_MAX the account's oldest ends."""
        began_s = self._clock.now().timestamp()
        csrf = secrets.token_urlsafe(TOKEN_BYTES)
        kept = StoredSession(user.name, user.generation, csrf, began_s, language, address=address, browser=browser)
        session = DeskSession(secrets.token_urlsafe(TOKEN_BYTES), kept)
        await self._set(session, only_if_there=False)
        with redis_errors_as(SessionsDown):
            await self._redis.zadd(_seats(user.name), {seat_of(session.token): began_s})
            await self._redis.expire(_seats(user.name), self._absolute_s)
        seats = await self.seats(user.name, user.generation)
        for seat in seats[SEATS_MAX:]:
            await self.end_seat(user.name, seat.id)
        return session

    async def seats(self, name: str, generation: int) -> tuple[Seat, ...]:
        """An account's sessions that are still good, the latest first."""
        with redis_errors_as(SessionsDown):
            found: list[Seat] = []
            for member in await self._redis.zrevrange(_seats(name), 0, 2 * SEATS_MAX):
                seat_id = member.decode() if isinstance(member, bytes) else str(member)
                data = await self._redis.get(f"kh:desk:{seat_id}")
                session = None if data is None else _read("", data)
                if session is None or session.kept.generation != generation or self._left_s(session.kept) <= 0:
                    await self._redis.zrem(_seats(name), seat_id)
                    continue
                found.append(Seat(seat_id, session.kept.began_s, session.kept.address))
        return tuple(found)

    async def end_seat(self, name: str, seat_id: str) -> bool:
        """End one of this account's sessions; False when it is none of them."""
        with redis_errors_as(SessionsDown):
            if not await self._redis.zrem(_seats(name), seat_id):
                return False
            await self._redis.delete(f"kh:desk:{seat_id}", f"kh:watch:{seat_id}")
        return True

    async def load(self, token: str) -> DeskSession | None:
        """The session of a cookie, kept for another idle time; None when it is over or was never one."""
        if not 0 < len(token) <= TOKEN_CHARS_MAX:
            return None
        with redis_errors_as(SessionsDown):
            data = await self._redis.getex(_key(token), ex=self._idle_s)
        session = None if data is None else _read(token, data)
        if session is not None and self._left_s(session.kept) <= 0:
            await self.end(token)
            return None
        return session

    async def watch(self, session: DeskSession) -> None:
        """Whoever has this cookie may look at the numbers until the session's last moment, clicks or none."""
        with redis_errors_as(SessionsDown):
            ttl_s = max(1, int(self._left_s(session.kept)))
            await self._redis.set(_watch(session.token), msgspec.json.encode(session.kept), ex=ttl_s)

    async def watching(self, token: str) -> DeskSession | None:
        """The watch of a cookie, which keeps no session alive."""
        if not 0 < len(token) <= TOKEN_CHARS_MAX:
            return None
        with redis_errors_as(SessionsDown):
            data = await self._redis.get(_watch(token))
        watch = None if data is None else _read(token, data)
        return watch if watch is not None and self._left_s(watch.kept) > 0 else None

    async def change(self, session: DeskSession, **changed: object) -> DeskSession:
        """Remember something; a session that was ended meanwhile stays ended."""
        altered = replace(session, kept=msgspec.structs.replace(session.kept, **changed))
        await self._set(altered, only_if_there=True)
        return altered

    async def end(self, token: str) -> None:
        """Harmless when there is none."""
        with redis_errors_as(SessionsDown):
            await self._redis.delete(_key(token), _watch(token))

    async def _set(self, session: DeskSession, *, only_if_there: bool) -> None:
        ttl_s = max(1, min(self._idle_s, int(self._left_s(session.kept))))
        with redis_errors_as(SessionsDown):
            data = msgspec.json.encode(session.kept)
            await self._redis.set(_key(session.token), data, ex=ttl_s, xx=only_if_there)

    def _left_s(self, session: StoredSession) -> float:
        return session.began_s + self._absolute_s - self._clock.now().timestamp()


class Cookies:
    """The desk's cookies: the session, before it the login form's, and the browser's own mark. HttpOnly,
    SameSite=Strict, Secure."""

    def __init__(self, *, secure: bool) -> None:
        """`secure` False only where the public URL is http: the demo."""
        self._secure = secure
        prefix = "__Host-" if secure else ""  # a name that no other host and no plain http may set
        self.session, self.form = f"{prefix}desk", f"{prefix}desk-form"
        self.browser = f"{prefix}desk-browser"

    def of(self, request: Request, name: str) -> str:
        return request.cookies.get(name, "")

    def put(self, answer: Response, name: str, value: str, ttl_s: int | None = None) -> None:
        """`ttl_s` None: as long as the browser is open; Redis knows when it ends before that."""
        answer.set_cookie(name, value, max_age=ttl_s, path="/", secure=self._secure, httponly=True, samesite="strict")

    def drop(self, answer: Response, name: str) -> None:
        answer.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="strict")


class FormTokens:
    """CSRF tokens of the login form, whose sender has no session yet: the signature of a cookie's random value."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def fresh(self) -> str:
        """Draws a cookie's value."""
        return secrets.token_urlsafe(TOKEN_BYTES)

    def of(self, cookie: str) -> str:
        """The token that belongs into the form."""
        return hmac.digest(self._key, _PURPOSE + cookie.encode(), sha256).hex()

    def right(self, cookie: str, token: str) -> bool:
        return bool(cookie) and hmac.compare_digest(self.of(cookie).encode(), token.encode())


def seat_of(token: str) -> str:
    """The name of a cookie's session, which does not open it."""
    return sha256(token.encode(errors="replace")).hexdigest()


def _key(token: str) -> str:
    return f"kh:desk:{seat_of(token)}"


def _watch(token: str) -> str:
    return f"kh:watch:{seat_of(token)}"


def _seats(name: str) -> str:
    return f"kh:seats:{name}"


def _read(token: str, data: bytes | str) -> DeskSession | None:
    """A session of another release is over."""
    try:
        return DeskSession(token, msgspec.json.decode(data, type=StoredSession))
    except msgspec.MsgspecError:
        return None
