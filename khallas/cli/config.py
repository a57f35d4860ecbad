"""`khallas config show` and `check`: every setting, its value and where it comes from; whether a server would start.

What is secret stays secret.
"""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr

from khallas.bootstrap.advice import advice
from khallas.bootstrap.production import require_production
from khallas.settings.model import FILE, NEST, PREFIX, BadSettings, Settings, known_names, load

MASK = "********"


def describe(environ: Mapping[str, str]) -> list[dict[str, str]]:
    """A row a setting: name, value, source (environment, file, default), meaning. Raises BadSettings."""
    settings = load(environ)
    rows = []
    for name, secret in known_names().items():
        value, meaning = _value_of(settings, name)
        source = _source(environ, name)
        shown = MASK if secret and _filled(value) else _plain(value)
        rows.append({"name": name, "value": shown, "source": source, "meaning": meaning})
    return rows


def checked(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The faults that keep a server from its start, and the warnings that do not."""
    try:
        settings = load(environ)
    except BadSettings as error:
        return str(error).splitlines(), []
    try:
        require_production(settings, environ)
    except BadSettings as error:
        return str(error).splitlines(), advice(settings, environ)
    return [], advice(settings, environ)


def _source(environ: Mapping[str, str], name: str) -> str:
    names = [each for each in environ if each in {name, name + FILE} or each.startswith(name + NEST)]
    if not names:
        return "default"
    return "file" if all(each.endswith(FILE) for each in names) else "environment"


def environ_of(settings: Settings) -> dict[str, str]:
    """The environment that would give these settings, secrets in the clear; what is as by default is left out."""
    plain = Settings()
    environ: dict[str, str] = {}
    for name in known_names():
        value, _ = _value_of(settings, name)
        if isinstance(value, dict):
            environ |= {name + NEST + key: _clear(secret) for key, secret in _flat(value)}
        elif value != _value_of(plain, name)[0]:
            environ[name] = _clear(value)
    return environ


def _flat(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The names below a setting that holds several, and what each is."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from ((key.upper() + NEST + below, secret) for below, secret in _flat(inner))
        else:
            yield key.upper(), inner


def _clear(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_clear(part) for part in value)
    return _plain(value)


def _value_of(settings: Settings, name: str) -> tuple[object, str]:
    model: BaseModel = settings
    *path, last = name.removeprefix(PREFIX).lower().split(NEST)
    for step in path:
        model = getattr(model, step)
    for field_name, info in type(model).model_fields.items():
        if (info.alias or field_name) == last:
            return getattr(model, field_name), info.description or ""
    raise KeyError(name)


def _filled(value: object) -> bool:
    return bool(value.get_secret_value()) if isinstance(value, SecretStr) else bool(value)


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(int(value))
    return "" if isinstance(value, dict) and not value else str(value)
