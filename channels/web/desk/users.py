"""/desk/users: accounts, kept by an administrator. A password or a second factor that is given stands in the answer to
the form that asked for it, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.receipt_view import when
from channels.web.desk.entry import HOME, DeskRequest, Threshold
from channels.web.desk.showing import for_administrators, said, shown, words_for
from core.help_desk import second_factor
from core.help_desk.accounts import Role, User
from core.help_desk.administration import Administration, AdministrationRefusal, GivenPassword
from core.help_desk.enrolment import Enrolment

USERS = HOME + "/users"


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account, as the page prints it."""

    name: str
    role: str
    since: str
    seen: str
    over: str
    second_factor: bool
    owes_a_password: bool
    changeable: bool


class _UserPages:
    def __init__(self, administration: Administration, threshold: Threshold) -> None:
        self._administration = administration
        self._threshold = threshold

    async def page(self, visit: DeskRequest) -> Response:
        """GET: who may sit here."""
        return await self._show(visit)

    async def add(self, visit: DeskRequest) -> Response:
        """POST: a new account, and its password once."""
        role = next((role for role in Role if role == visit.field("role")), Role.AGENT)
        outcome = await self._administration.add(visit.actor, visit.field("name"), role)
        return await self._told(visit, outcome)

    async def password(self, visit: DeskRequest) -> Response:
        """POST: another password for somebody, once."""
        return await self._told(visit, await self._administration.password(visit.actor, _name(visit)))

    async def factor(self, visit: DeskRequest) -> Response:
        """POST: a second factor for somebody, once."""
        return await self._told(visit, await self._administration.second_factor(visit.actor, _name(visit)))

    async def disable(self, visit: DeskRequest) -> Response:
        """POST: an account is over."""
        if not visit.field("sure"):
            return await said(self._threshold, visit, USERS, "notice.unsure")
        refusal = await self._administration.disable(visit.actor, _name(visit))
        return await said(self._threshold, visit, USERS, f"notice.users.{refusal or 'disabled'}")

    async def _told(self, visit: DeskRequest, outcome: GivenPassword | Enrolment | AdministrationRefusal) -> Response:
        match outcome:
            case GivenPassword():
                return await self._show(visit, outcome.name, password=outcome.password)
            case Enrolment():
                return await self._show(visit, outcome.name, enrolled=outcome)
            case _:
                return await said(self._threshold, visit, USERS, f"notice.users.{outcome}", keep=True)

    async def _show(
        self, visit: DeskRequest, name: str = "", *, password: str = "", enrolled: Enrolment | None = None
    ) -> Response:
        t = words_for(self._threshold, visit)
        users = await self._administration.all(visit.actor)
        return await shown(
            self._threshold,
            visit,
            "users",
            path=USERS,
            rows=tuple(_row(user, t(f"role.{user.role}"), t("role.administrator")) for user in users),
            roles=tuple((role.value, t(f"role.{role}")) for role in Role),
            given_to=name,
            password=password,
            typed_secret=second_factor.typed_form(enrolled.secret) if enrolled else "",
            uri=second_factor.uri(enrolled.secret, enrolled.name) if enrolled else "",
            recovery_codes=enrolled.recovery_codes if enrolled else (),
        )


def _row(user: User, role: str, administrator: str) -> UserRow:
    return UserRow(
        user.name,
        administrator if user.administers else role,
        when(user.created_at) or "",
        when(user.seen_at) or "",
        when(user.disabled_at) or "",
        user.second_factor,
        user.password_given,
        not user.administers and user.disabled_at is None,
    )


def _name(visit: DeskRequest) -> str:
    return str(visit.request.path_params["name"])


def routes(administration: Administration, threshold: Threshold) -> Sequence[BaseRoute]:
    """The routes of the accounts' pages."""
    pages, guarded = _UserPages(administration, threshold), partial(for_administrators, threshold)
    shows, does, one = threshold.shows, threshold.does, USERS + "/{name}"
    return [
        Route(USERS, shows(guarded(pages.page)), methods=["GET"]),
        Route(USERS, does(guarded(pages.add)), methods=["POST"]),
        Route(one + "/password", does(guarded(pages.password)), methods=["POST"]),
        Route(one + "/second-factor", does(guarded(pages.factor)), methods=["POST"]),
        Route(one + "/disable", does(guarded(pages.disable)), methods=["POST"]),
    ]
