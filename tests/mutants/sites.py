"""What is changed in a module, one site at a time: comparisons, constants, conditions, arguments, statements.

Left alone is what says nothing about behaviour: annotations, docstrings, decorators, texts and whatever is
given to an error.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import NamedTuple

Change = Callable[[ast.AST], ast.AST]


class Site(NamedTuple):
    """One change: where, what stood there and what stands there now."""

    number: int
    line: int
    scope: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.line}: {self.scope}: {self.before}  ->  {self.after}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays when lines move."""
        return self.scope, self.before, self.after


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
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.Pow: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
TEXTS = {"big": "little", "little": "big"}
ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1)
    elif isinstance(value, bytes) and value:
        yield ast.Constant(bytes((value[0] ^ 1,)) + value[1:])
    elif isinstance(value, str) and value in TEXTS:
        yield ast.Constant(TEXTS[value])
    elif isinstance(value, str) and len(value) > 1 and value.isdigit():  # a row of a table of digits
        for place in (0, len(value) - 1):
            yield ast.Constant(value[:place] + str((int(value[place]) + 1) % 10) + value[place + 1 :])


def _hexadecimal(node: ast.Call) -> Iterator[ast.expr]:
    """The digits of `bytes.fromhex(...)`: the first and the last another."""
    match node:
        case ast.Call(ast.Attribute(attr="fromhex"), [ast.Constant(str(text))]) if text:
            for place in {0, len(text) - 1}:
                digit = f"{int(text[place], 16) ^ 1:X}"
                yield ast.Call(node.func, [ast.Constant(text[:place] + digit + text[place + 1 :])], [])


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """What may stand in place of an expression."""
    match node:
        case ast.Constant():
            yield from _constant(node)
        case ast.Compare(left, [operator], comparators):
            yield ast.Compare(left, [COMPARISONS[type(operator)]()], comparators)
            if isinstance(operator, ORDERED):
                yield ast.UnaryOp(ast.Not(), node)
        case ast.Compare(left, operators, comparators):
            for index, operator in enumerate(operators):
                others = [*operators[:index], COMPARISONS[type(operator)](), *operators[index + 1 :]]
                yield ast.Compare(left, others, comparators)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.IfExp(test, body, orelse) if not _is_changed_itself(test):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Call(ast.Name(name), arguments, keywords) if name in NAMES:
            yield ast.Call(ast.Name(NAMES[name], ast.Load()), arguments, keywords)
        case ast.Call(function, arguments, keywords):
            yield from _hexadecimal(node)
            for index in range(len(arguments) - 1):
                if ast.dump(arguments[index]) == ast.dump(arguments[index + 1]):
                    continue
                others = [*arguments]
                others[index], others[index + 1] = arguments[index + 1], arguments[index]
                yield ast.Call(function, others, keywords)
        case ast.Slice(lower, upper, step):
            for part in ("lower", "upper"):
                if getattr(node, part) is not None:
                    others = {"lower": lower, "upper": upper, "step": step} | {part: None}
                    yield ast.Slice(**others)  # type: ignore[misc]
        case ast.comprehension(target, iterated, conditions, is_async):
            for index in range(len(conditions)):
                kept = [*conditions[:index], *conditions[index + 1 :]]
                yield ast.comprehension(target, iterated, kept, is_async)  # type: ignore[misc]


def _statements(node: ast.stmt, generates: bool) -> Iterator[ast.stmt]:
    """What may stand in place of a statement."""
    match node:
        case ast.Expr(ast.Constant()):  # a docstring
            return
        case ast.Expr() | ast.Raise() | ast.Assert() | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute(), *_]):
            yield ast.Pass()
        case ast.Return(value) if value is not None and not generates:
            if not isinstance(value, ast.Constant):
                yield ast.Return(ast.Constant(None))
        case ast.Return():
            yield ast.Pass()
        case ast.If(test, body, orelse) | ast.While(test, body, orelse) if not _is_changed_itself(test):
            yield type(node)(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()


class _Walk:
    """Goes through a module in a fixed order and counts the changes; makes the one wanted."""

    def __init__(self, wanted: int | None) -> None:
        self.sites: list[Site] = []
        self._wanted = wanted
        self._scope: list[str] = []
        self._generates = False

    def visit(self, node: ast.AST) -> ast.AST:
        """The node, changed below or in place of it where that is wanted."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return self._definition(node)
        if isinstance(node, ast.JoinedStr) or _is_type_checking(node):
            return node
        if isinstance(node, ast.stmt | ast.expr | ast.comprehension):
            changed = self._changed(node)
            if changed is not None:
                return changed
        if isinstance(node, ast.Raise):  # texts and offsets of errors
            return node
        return self._below(node)

    def _changed(self, node: ast.stmt | ast.expr | ast.comprehension) -> ast.AST | None:
        found = _statements(node, self._generates) if isinstance(node, ast.stmt) else _expressions(node)
        for after in found:
            number = len(self.sites)
            line = getattr(node, "lineno", 0) or getattr(node.target, "lineno", 0)  # type: ignore[union-attr]
            site = Site(number, line, ".".join(self._scope) or "<module>", _text(node), _text(after))
            self.sites.append(site)
            if number == self._wanted:
                return after
        return None

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        self._scope.append(node.name)
        held = self._generates
        self._generates = any(isinstance(below, ast.Yield | ast.YieldFrom) for below in ast.walk(node))
        if not isinstance(node, ast.ClassDef):
            node.args.defaults = [self.visit(default) for default in node.args.defaults]  # type: ignore[misc]
        node.body = [self.visit(statement) for statement in node.body]  # type: ignore[misc]
        self._generates = held
        self._scope.pop()
        return node

    def _below(self, node: ast.AST) -> ast.AST:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "pattern", "type_params"):
                continue
            if isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
        return node


def _is_changed_itself(test: ast.expr) -> bool:
    """Whether a condition is turned over where it stands, so that its statement need not be."""
    return isinstance(test, ast.Compare) or (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not))


def _is_type_checking(node: ast.AST) -> bool:
    match node:
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
    return False


def _text(node: ast.AST) -> str:
    """Source of a node on one line; of a condition only its head."""
    if isinstance(node, ast.If | ast.While):
        return f"if {ast.unparse(node.test)}"
    if isinstance(node, ast.comprehension):
        return " ".join(["for", *(f"if {ast.unparse(condition)}" for condition in node.ifs)])
    return " ".join(ast.unparse(ast.fix_missing_locations(deepcopy(node))).split())


def sites(source: str) -> list[Site]:
    """Every change of a module, in a fixed order."""
    walk = _Walk(None)
    walk.visit(ast.parse(source))
    return walk.sites


def mutated(source: str, number: int) -> ast.Module:
    """The module with one change made, ready to be compiled."""
    tree = _Walk(number).visit(ast.parse(source))
    assert isinstance(tree, ast.Module)
    return ast.fix_missing_locations(tree)
