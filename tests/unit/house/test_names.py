"""One word for one thing: a type has one home, and a reader who searches for its name finds that one."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

WORKER = Path(__file__).parents[3] / "worker"


def public_types(tree: ast.Module) -> Iterator[str]:
    """Names of classes and type aliases at the top of a module, without type variables."""
    for statement in tree.body:
        match statement:
            case ast.ClassDef(name=name):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if isinstance(value, ast.Call):  # a value or a TypeVar, not an alias
                    continue
            case _:
                continue
        is_camel_case = name[0].isupper() and not name.isupper()
        if is_camel_case:
            yield name


def test_no_public_type_is_defined_twice() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(WORKER.rglob("*.py")):
        for name in public_types(ast.parse(path.read_text(encoding="utf-8"))):
            homes[name].append(str(path.relative_to(WORKER)))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_no_folder_is_a_corridor() -> None:
    """About twenty files are what a reader takes in at a glance; beyond that a folder needs rooms."""
    files = {
        folder.relative_to(WORKER): sum(1 for _ in folder.glob("*.py"))
        for folder in [WORKER, *WORKER.rglob("*/")]
        if folder.name != "__pycache__"
    }
    assert {str(folder): count for folder, count in files.items() if count > 24} == {}


def test_unit_tests_lie_where_the_code_lies() -> None:
    """Every folder of unit tests of the worker has the name of a folder of the worker."""
    tests = WORKER.parent / "tests" / "unit"
    elsewhere = {"clients", "deployment", "house", "schemas", "support"}
    folders = [
        folder.relative_to(tests) for folder in tests.rglob("*/") if folder.name != "__pycache__"
    ]
    strays = [
        str(folder)
        for folder in folders
        if folder.parts[0] not in elsewhere and not (WORKER / folder).is_dir()
    ]
    assert strays == []
