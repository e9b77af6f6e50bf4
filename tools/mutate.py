"""Mutation testing of the safety modules: change one thing at a time and see whether a test notices.

    python tools/mutate.py                       every module of ``MODULES``
    python tools/mutate.py contactors limits     only these
    python tools/mutate.py --list contactors     the mutants, without running them

Mutants: a comparison becomes its neighbour (``<`` and ``<=``) or its opposite, ``and`` becomes ``or``, ``not`` is left
out, plus becomes minus, times becomes divided by, a number grows by one (zero becomes one), True becomes False, ``min``
becomes ``max``. Each runs in a child process, where a finder puts the changed module in place of the real one, with the
unit tests that mirror the module. What survives is printed; docs/bms.md explains those that are known.
"""

import argparse
import ast
import contextlib
import copy
import io
import multiprocessing
import os
import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
TESTS = "tests/unit/thermal_bms"
MODULES = {
    "contactors": ("test_contactors.py",),
    "protection": ("test_protection.py",),
    "limits": ("test_limits.py", "test_protection.py"),
    "supervisor": ("test_supervisor.py",),
}
TIME_LIMIT_S = 120.0
SURVIVED, KILLED = 0, 1

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
CANNOT_MATTER = {"strict", "frozen", "slots"}
"""Lengths that are equal by construction, and how a dataclass is stored."""
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what this node may become, and in words."""
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                changed = copy.deepcopy(node)
                changed.ops[i] = other()
                yield f"{type(operator).__name__} -> {other.__name__}", changed
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{type(node.op).__name__} -> {type(changed.op).__name__}", changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", copy.deepcopy(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        changed = copy.deepcopy(node)
        changed.op = OPERATORS[type(node.op)]()
        yield f"{type(node.op).__name__} -> {type(changed.op).__name__}", changed
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield f"{node.value} -> {node.value + 1}", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        yield f"{node.id} -> {NAMES[node.id]}", ast.Name(NAMES[node.id], ast.Load())


def inside(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Yield every place of a tree that may change: parent, field, and index in a list; log calls stay as they are."""
    if isinstance(tree, ast.ClassDef) and any(ast.unparse(base) == "IntEnum" for base in tree.bases):
        return  # their numbers are names
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns"} or is_log(value):
            continue
        if isinstance(tree, ast.keyword) and tree.arg in CANNOT_MATTER:
            continue
        for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not is_log(child):
                yield tree, field, i
                yield from inside(child)


def is_log(node: object) -> bool:
    """Return whether a node only logs or describes."""
    if isinstance(node, ast.Expr):
        node = node.value
    if not isinstance(node, ast.Call):
        return False
    return "_LOG" in ast.unparse(node.func) or ast.unparse(node.func) in {"Field", "logging.getLogger"}


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield the description and the source of every mutant."""
    tree = ast.parse(source)
    for parent, field, i in list(inside(tree)):
        value = getattr(parent, field)
        old = value if i is None else value[i]
        for words, new in changes(old):
            _put(parent, field, i, new)
            where = getattr(old, "lineno", getattr(parent, "lineno", 0))
            yield f"line {where}: {words}: {ast.unparse(old)}", ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, i, old)


def _put(parent: ast.AST, field: str, i: int | None, node: ast.AST) -> None:
    if i is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[i] = node


class InPlaceOf(MetaPathFinder, Loader):
    """Gives one module another source."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._source = source

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find that module and no other."""
        del path, target
        return spec_from_loader(fullname, self) if fullname == self._name else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the machinery."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        module.__file__ = str(ROOT / f"{self._name.replace('.', '/')}.py")
        exec(compile(self._source, module.__file__, "exec"), module.__dict__)  # noqa: S102 - that is the point


def run_mutant(name: str, source: str, tests: list[str]) -> None:
    """Run the tests of a mutant in this process and leave with its verdict."""
    import pytest  # noqa: PLC0415 - only the children need it

    sys.meta_path.insert(0, InPlaceOf(f"thermal_bms.{name}", source))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests])
    os._exit(SURVIVED if code == 0 else KILLED)


def survives(name: str, source: str, tests: list[str]) -> bool:
    """Return whether no test notices; one that hangs is noticed."""
    child = multiprocessing.get_context("fork").Process(target=run_mutant, args=(name, source, tests))
    child.start()
    child.join(TIME_LIMIT_S)
    if child.is_alive():
        child.kill()
        child.join()
        return False
    return child.exitcode == SURVIVED


def main() -> int:
    """Run the mutants and return the exit code: 1 when one survives."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("modules", nargs="*", default=list(MODULES), help=f"of {', '.join(MODULES)}")
    parser.add_argument("--list", action="store_true", dest="list_only")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the mutants to run, as in the list")
    arguments = parser.parse_args()
    left = 0
    for name in arguments.modules:
        if name not in MODULES:
            parser.error(f"{name}: not one of {', '.join(MODULES)}")
        tests = [f"{TESTS}/{test}" for test in MODULES[name]]
        found = list(mutants((ROOT / "thermal_bms" / f"{name}.py").read_text(encoding="utf-8")))
        survivors = 0
        for number, (words, source) in enumerate(found):
            if arguments.only and number not in arguments.only:
                continue
            if arguments.list_only:
                print(number, words)
            elif survives(name, source, tests):
                survivors += 1
                print(f"{name} {number}: survives: {words}", flush=True)
        print(f"{name}: {len(found)} mutants, {survivors} survive", flush=True)
        left += survivors
    return 1 if left else 0


if __name__ == "__main__":
    # what every child needs is imported once, before the first one starts; the modules under test are not
    import numpy as np
    import pydantic
    import pytest

    del np, pydantic, pytest
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
