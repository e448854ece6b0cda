"""Rules for the Python files that Task Lab lays out and installs. Prints what breaks them, one sentence a line.

    files.py names FOLDER       no module has the name of one in the standard library
    files.py imports PACKAGE    its modules import the standard library and one another, at their beginning and in no circle
"""

import ast
import graphlib
import pathlib
import sys


def names(folder):
    """A folder without __init__.py may have such a name: Python prefers the library's module to it."""
    for path in sorted(folder.rglob("*.py")):
        name = path.parent.name if path.stem == "__init__" else path.stem
        if name in sys.stdlib_module_names:
            yield f"{path} hides the standard library's {name}"


def imports(package):
    graph = {}
    for path in sorted(package.glob("*.py")):
        lines = path.read_text().splitlines()
        tree = ast.parse(path.read_text())
        code = [node for node in tree.body if not is_import(node) and not is_docstring(node)]
        beginning = code[0].lineno if code else len(lines) + 1
        graph[path.stem] = set()
        for node in filter(is_import, ast.walk(tree)):
            if node.lineno > beginning and "#" not in lines[node.lineno - 1]:
                yield f"{path}:{node.lineno} imports in the middle and does not say why"
            for name in [alias.name for alias in node.names]:
                if isinstance(node, ast.ImportFrom):
                    name = f"{'.' * node.level}{node.module or name}"
                if name.startswith("."):
                    graph[path.stem].add(name[1:])
                elif name.partition(".")[0] not in sys.stdlib_module_names:
                    yield f"{path}:{node.lineno} imports {name}, which is not in the standard library"
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"a circle: {' imports '.join(reversed(error.args[1]))}"


def is_import(node):
    return isinstance(node, (ast.Import, ast.ImportFrom))


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


rule, folder = sys.argv[1:]
for fault in {"names": names, "imports": imports}[rule](pathlib.Path(folder)):
    print(fault)
