"""A port in memory: a test says what each of its methods answers, and reads what was asked."""

from collections.abc import Awaitable, Callable
from typing import Any


class _Port:
    def __init__(self, said: dict[str, Any]) -> None:
        self._said = {name: list(answers) if isinstance(answers, list) else [answers] for name, answers in said.items()}
        self.asked: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*args: object, **named: object) -> Any:
            self.asked.append((name, *args, *named.values()))
            answers = self._said.get(name, [None])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def port(**said: Any) -> Any:
    """Answers of its methods by name; a list's one after the other, the last for ever. An exception is raised. What was
    asked stands in `asked`: the name and the arguments.
    """
    return _Port(said)
