"""Measures the house: what is too big, stands in two places, or goes round in a circle.

`python -m tests.house` prints the figures and fails when one is over its bar. The rules are ours: a
newcomer finds a thing by its path alone, and reads a function without scrolling.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median
from typing import NamedTuple

import grimp
from importlinter.cli import lint_imports

PACKAGE = Path(__file__).parents[1] / "qstash_dev"

LONGEST_FUNCTION = 45
LONGEST_FILE = 500
LARGEST_FOLDER = 24

NOUNS = frozenset(
    {
        *("attempts", "clock", "faults", "fixtures", "logs", "messages", "policy", "resources"),
        *("schedules", "server", "waits", "workflows", "auto_replay", "delivery", "bodies"),
        *("app", "call", "detail", "errors", "headers", "model", "options", "query", "settle"),
        *("wire", "dlq", "queues", "undo"),
    }
)
"""Files of this name stand in several rooms and mean one thing, seen from each of them."""

CLOCK = "engine/clock.py"
TASKS = "engine/tasks.py"
SOURCE = re.compile(
    r"(QStash|workflow) docs, |QStash API reference, |(qstash|workflow)-(js|py|go)\b|Go docs, |RFC \d"
    r"|WHATWG|\b[Rr]ecorded\b|\b[Oo]urs\b|Differs: "
)
"""How a rule says where it comes from: a page, a file of an SDK, a recording, or why it is ours."""
WALL_CLOCK = frozenset(
    {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}
)


@dataclass(frozen=True, eq=False)
class Module:
    """A source file: its path below the package, its text and its tree."""

    path: str
    text: str
    tree: ast.Module


class Figure(NamedTuple):
    """One line of the report: what stands against the rule, none if it is kept."""

    rule: str
    found: list[str]


def main() -> int:
    """Prints all figures; 1 when a rule is broken."""
    modules = read(PACKAGE)
    print(summary(modules))
    figures = [*measure(modules), Figure("circles", circles("qstash_dev"))]
    for figure in figures:
        print(f"{len(figure.found):4}  {figure.rule}")
        for line in figure.found:
            print(f"        {line}")
    layers = lint_imports(no_cache=True)
    return 1 if layers or any(figure.found for figure in figures) else 0


@cache
def read(package: Path) -> list[Module]:
    """All source files of a package, in the order of their paths."""
    paths = sorted(package.rglob("*.py"))
    texts = [path.read_text() for path in paths]
    return [
        Module(path.relative_to(package).as_posix(), text, ast.parse(text))
        for path, text in zip(paths, texts, strict=True)
    ]


def measure(modules: list[Module]) -> list[Figure]:
    """Every rule but the circles, which need an installed package."""
    return [
        Figure(f"functions over {LONGEST_FUNCTION} lines", long_functions(modules)),
        Figure(f"files over {LONGEST_FILE} lines", long_files(modules)),
        Figure(f"folders of more than {LARGEST_FOLDER} files", large_folders(modules)),
        Figure("file names for two ideas", shared_names(modules)),
        Figure(f"tasks made outside {TASKS}", calls_of_tasks(modules)),
        Figure(f"looks at the wall clock outside {CLOCK}", calls_of_clock(modules)),
        Figure("modules of protocol/ that name no source of their rules", unsourced(modules)),
    ]


def summary(modules: list[Module]) -> str:
    """The sizes, in one line."""
    lengths = [length for module in modules for _, length in functions(module)]
    lines = sum(module.text.count("\n") for module in modules)
    return (
        f"{len(modules)} files, {lines} lines, {len(lengths)} functions: median "
        f"{median(lengths):g} lines, longest {max(lengths)}"
    )


def functions(module: Module) -> Iterator[tuple[str, int]]:
    """Place and length in lines of each function, without its decorators."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{module.path}:{node.lineno} {node.name}", length


def long_functions(modules: Iterable[Module]) -> list[str]:
    return [
        f"{place}: {length}"
        for module in modules
        for place, length in functions(module)
        if length > LONGEST_FUNCTION
    ]


def long_files(modules: Iterable[Module]) -> list[str]:
    sizes = [(module.path, module.text.count("\n")) for module in modules]
    return [f"{path}: {lines}" for path, lines in sizes if lines > LONGEST_FILE]


def large_folders(modules: Iterable[Module]) -> list[str]:
    folders: dict[str, int] = defaultdict(int)
    for module in modules:
        folders[str(Path(module.path).parent)] += 1
    return [f"{name}: {count}" for name, count in folders.items() if count > LARGEST_FOLDER]


def shared_names(modules: Iterable[Module]) -> list[str]:
    places = defaultdict(list)
    for module in modules:
        path = Path(module.path)
        if path.name != "__init__.py":
            places[path.stem].append(str(path.parent))
    return [
        f"{name}: {', '.join(rooms)}"
        for name, rooms in places.items()
        if len(rooms) > 1 and name not in NOUNS
    ]


def calls_of_tasks(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{line}"
        for module in modules
        if module.path != TASKS
        for name, line in calls(module)
        if name.split(".")[-1] == "create_task"
    ]


def calls_of_clock(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{line} {name}"
        for module in modules
        if module.path != CLOCK
        for name, line in calls(module)
        if ".".join(name.split(".")[-2:]) in WALL_CLOCK
    ]


def unsourced(modules: Iterable[Module]) -> list[str]:
    return [
        module.path
        for module in modules
        if module.path.startswith("protocol/")
        and any(_is_public(node) for node in module.tree.body)
        and not SOURCE.search(" ".join(module.text.split()))
    ]


def _is_public(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("_")


@cache
def calls(module: Module) -> list[tuple[str, int]]:
    """Dotted name and line of everything that is called."""
    return [
        (ast.unparse(node.func), node.lineno)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
    ]


def circles(package: str) -> list[str]:
    """The first circle of imports, also of those made only for types."""
    graph = grimp.build_graph(package, cache_dir=None)
    needs = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


if __name__ == "__main__":
    sys.exit(main())
