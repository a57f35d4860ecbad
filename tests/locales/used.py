"""Which text keys the code can ask for: its string literals, its f-strings as patterns, the words of its templates."""

import ast
import re
from functools import cache
from pathlib import Path

ROOMS = ("channels", "core", "lab", "sessions")
TEMPLATES = ("html", "jinja", "txt", "js", "svg", "xml")
PREFIX_MIN = 3  # letters that an f-string must hold to name keys; with fewer it names numbered ones


@cache
def patterns() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """All literals and templates' words, and one pattern an f-string."""
    literals: set[str] = set()
    shapes: set[str] = set()
    for room in ROOMS:
        for file in Path(room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    literals.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    shapes.add(_shape(node))
        for file in (file for kind in TEMPLATES for file in Path(room).rglob(f"*.{kind}")):
            content = file.read_text(encoding="utf-8")
            literals |= set(re.findall(r"[\w.-]+", content))
            shapes |= {re.escape(prefix) + ".+" for prefix in re.findall(r"'([\w.-]+\.)' ~", content)}  # Jinja's join
            if file.suffix == ".js":
                literals |= {f"js.{word}" for word in re.findall(r"\w+", content)}
    return frozenset(literals), tuple(re.compile(_narrowed(shape)) for shape in shapes if re.search("[a-z]", shape))


def _shape(node: ast.JoinedStr) -> str:
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)


def _narrowed(shape: str) -> str:
    return shape if len(re.sub(r"\W|_", "", shape)) >= PREFIX_MIN else shape.replace(".+", r"\d+")


def asked_for(key: str) -> bool:
    """Whether some literal is this key, or some f-string can become it."""
    literals, shapes = patterns()
    # "centime.few" is put together of two words of the code
    joined = "." in key and all(part.isdecimal() or part in literals for part in key.split("."))
    return key in literals or joined or any(shape.fullmatch(key) for shape in shapes)
