"""What schemathesis makes of an OpenAPI description. It is loaded when a test asks for it: each worker collects all
tests, and one runs these.
"""

from typing import Any


def names_of(description: dict[str, Any]) -> list[str]:
    """The operationId of each operation, in order."""
    parts = [part for path in description["paths"].values() for part in path.values()]
    return [part["operationId"] for part in parts if isinstance(part, dict) and "operationId" in part]


def operations_of(description: dict[str, Any]) -> dict[str, Any]:
    """schemathesis' operations by their names."""
    import schemathesis

    found: list[Any] = list(schemathesis.openapi.from_dict(description).get_all_operations())
    return {told.ok().definition.raw["operationId"]: told.ok() for told in found}


def drawn(operation: Any, *, fitting: bool) -> Any:
    """A strategy of requests that fit the description, or do not."""
    from schemathesis import GenerationMode

    return operation.as_strategy(generation_mode=GenerationMode.POSITIVE if fitting else GenerationMode.NEGATIVE)
