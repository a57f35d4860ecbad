"""What is changed: comparisons, boolean operators, arithmetic, constants, conditions, returns, removed statements.

Left alone: what says something to people only (docstrings, the words of errors, of outcomes that nobody knows, log
lines), annotations, protocols, the end of a block of lines (SQL).
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
LOGGERS = ("log", "_log", "logger")
WORDS_FOR_PEOPLE = ("__repr__", "__str__")
WORDS_OF_CALLS = ("NotSent", "UnknownOutcome", "cast", "TypeVar")  # what stands in them is read by people alone

Put = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that can be changed in a module's tree; `apply` does it in place."""

    line: int
    last_line: int
    function: str  # its qualified name as the code object bears it, or "" where the module's import runs it
    text: str
    apply: Callable[[], None] = field(compare=False, repr=False)


def changes(tree: ast.Module) -> list[Change]:
    """All of a module, in the order of its lines; the same for the same source."""
    return list(_Walk().statements(tree.body))


@dataclass
class _Walk:
    names: list[str] = field(default_factory=list)
    functions: int = 0  # how many of them are functions
    quiet: bool = False  # within words for people
    span: tuple[int, int] = (0, 0)

    def statements(self, body: list[ast.stmt]) -> Iterator[Change]:
        for at, statement in enumerate(body):
            put = partial(body.__setitem__, at)
            match statement:
                case ast.ClassDef(bases=bases) if any(ast.unparse(base).startswith("Protocol") for base in bases):
                    continue
                case ast.ClassDef():
                    yield from self._within(statement, statement.name, is_function=False)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if name in WORDS_FOR_PEOPLE:
                        continue
                    self.span = (statement.lineno, statement.lineno)
                    for default in (statement.args.defaults, statement.args.kw_defaults):
                        yield from self._list(default)
                    yield from self._within(statement, name, is_function=True)
                case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Import() | ast.ImportFrom():
                    continue
                case ast.Expr(value=ast.Constant()) | ast.Assign(targets=[ast.Name(id="__all__")]):
                    continue
                case ast.Expr(value=value) if _is_log(value):
                    continue
                case _:
                    yield from self._statement(statement, put)

    def _within(
        self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str, *, is_function: bool
    ) -> Iterator[Change]:
        self.names.append(name)
        self.functions += is_function
        if is_function:
            self.names.append("<locals>")
        yield from self.statements(node.body)
        del self.names[-1 - is_function :]
        self.functions -= is_function

    def _change(self, text: str, apply: Callable[[], None]) -> Change:
        names = self.names[:-1] if self.names and self.names[-1] == "<locals>" else self.names
        return Change(*self.span, ".".join(names) if self.functions else "", text, apply)

    def _statement(self, node: ast.stmt, put: Put) -> Iterator[Change]:
        inner = [body for body in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")) if body]
        if isinstance(node, ast.Match):
            inner = [[node.cases[0].body[0]]]
        ends = (node.end_lineno or node.lineno) + 1
        span = (node.lineno, max(node.lineno, min([ends, *(body[0].lineno for body in inner)]) - 1))
        self.span = span
        yield from self._whole(node, put)
        if isinstance(node, ast.Raise):
            return
        if isinstance(node, ast.If | ast.While | ast.Assert):
            yield from self._condition(node.test, partial(setattr, node, "test"))
        for name, value in ast.iter_fields(node):
            self.span = span
            if name in ("annotation", "targets", "target"):
                continue
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield from self.statements(value)
            elif isinstance(value, list) and value and isinstance(value[0], ast.ExceptHandler | ast.match_case):
                yield from self._cases(value)
            elif isinstance(value, list):
                yield from self._list(value)
            elif isinstance(value, ast.expr):
                yield from self._expression(value, partial(setattr, node, name))

    def _whole(self, node: ast.stmt, put: Put) -> Iterator[Change]:
        """The statement as such."""
        removed = partial(put, ast.copy_location(ast.Pass(), node))
        match node:
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise() | ast.Delete():
                yield self._change("statement removed", removed)
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield self._change("statement removed", removed)
            case ast.AugAssign(op=op) if type(op) in ARITHMETIC:
                new = ARITHMETIC[type(op)]()
                yield self._change(f"{_name(op)}= becomes {_name(new)}=", partial(setattr, node, "op", new))
            case ast.Continue():
                yield self._change("continue becomes break", partial(put, ast.copy_location(ast.Break(), node)))
            case ast.Break():
                yield self._change("break becomes continue", partial(put, ast.copy_location(ast.Continue(), node)))
            case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
                nothing = ast.copy_location(ast.Constant(None), value)
                yield self._change("returns None", partial(setattr, node, "value", nothing))
            case _:
                pass

    def _cases(self, cases: list[ast.ExceptHandler | ast.match_case]) -> Iterator[Change]:
        for case in cases:
            if isinstance(case, ast.match_case) and case.guard is not None:
                self.span = (case.guard.lineno, case.guard.end_lineno or case.guard.lineno)
                yield from self._condition(case.guard, partial(setattr, case, "guard"))
                yield from self._expression(case.guard, partial(setattr, case, "guard"))
            yield from self.statements(case.body)

    def _list(self, nodes: list[Any]) -> Iterator[Change]:
        for at, node in enumerate(nodes):
            if isinstance(node, ast.withitem):
                yield from self._expression(node.context_expr, partial(setattr, node, "context_expr"))
            elif isinstance(node, ast.keyword | ast.comprehension):
                yield from self._children(node)
            elif isinstance(node, ast.expr):
                yield from self._expression(node, partial(nodes.__setitem__, at))

    def _children(self, node: ast.AST) -> Iterator[Change]:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                yield from self._list(value)
            elif isinstance(value, ast.expr) and name != "target":
                yield from self._expression(value, partial(setattr, node, name))

    def _condition(self, test: ast.expr, put: Put) -> Iterator[Change]:
        """A bare condition; comparisons and `not` are changed where they stand."""
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Await | ast.NamedExpr | ast.Subscript):
            negated = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)
            yield self._change("condition negated", partial(put, negated))

    def _expression(self, node: ast.expr, put: Put) -> Iterator[Change]:
        match node:
            case ast.JoinedStr():
                return
            case ast.Call(func=ast.Name(id=name)) if name.endswith(("Error", "Failed")) or name in WORDS_OF_CALLS:
                return
            case ast.Constant(value=value):
                yield from self._constant(node, value, put)
            case ast.Lambda():
                yield from self._lambda(node)
                return
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                for loop in node.generators:
                    yield from self._conditions(loop.ifs)
            case ast.IfExp(test=test):
                yield from self._condition(test, partial(setattr, node, "test"))
            case _:
                yield from self._operator(node, put)
        yield from self._children(node)

    def _operator(self, node: ast.expr, put: Put) -> Iterator[Change]:
        match node:
            case ast.Compare(ops=ops):
                for at, op in enumerate(ops):
                    new = COMPARISONS[type(op)]()
                    yield self._change(f"{_name(op)} becomes {_name(new)}", partial(ops.__setitem__, at, new))
            case ast.BoolOp(op=op):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self._change(f"{_name(op)} becomes {_name(other)}", partial(setattr, node, "op", other))
                yield from self._conditions(node.values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._change("not removed", partial(put, operand))
            case ast.BinOp(op=op) if type(op) in ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
                swapped = ARITHMETIC[type(op)]()
                yield self._change(f"{_name(op)} becomes {_name(swapped)}", partial(setattr, node, "op", swapped))
            case ast.Call(func=ast.Name(id=name)) if name in NAMES:
                yield self._change(f"{name} becomes {NAMES[name]}", partial(setattr, node.func, "id", NAMES[name]))
            case _:
                pass

    def _conditions(self, tests: list[Any]) -> Iterator[Change]:
        for at, test in enumerate(tests):
            yield from self._condition(test, partial(tests.__setitem__, at))

    def _lambda(self, node: ast.Lambda) -> Iterator[Change]:
        self.names.extend(("<lambda>", "<locals>"))
        self.functions += 1
        yield from self._expression(node.body, partial(setattr, node, "body"))
        del self.names[-2:]
        self.functions -= 1

    def _constant(self, node: ast.Constant, value: object, put: Put) -> Iterator[Change]:
        new: object
        match value:
            case bool():
                new = not value
            case int() | float():
                new = value + 1
            case str() if value.endswith("\n") and "\n" in value[:-1]:
                return  # a block of lines, as of SQL: only its end would go
            case str():
                new = value[:-1] or "XX"
            case bytes():
                new = value[:-1] or b"XX"
            case _:
                return
        yield self._change(f"{value!r} becomes {new!r}"[:80], partial(put, ast.copy_location(ast.Constant(new), node)))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_log(node: ast.expr) -> bool:
    call = node.value if isinstance(node, ast.Await) else node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    return ast.unparse(call.func.value).split(".")[-1] in LOGGERS


def _name(op: ast.AST) -> str:
    return type(op).__name__
