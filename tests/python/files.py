"""Rules for the Python files that Task Lab lays out and installs. Prints what breaks them, one sentence a line.

    files.py names FOLDER       no module has the name of one in the standard library
    files.py imports PACKAGE    its modules import the standard library and one another, at their beginning, in no circle, and only those
                                that the docstring of their package names above them; the same in the packages inside it
"""

import ast
import graphlib
import pathlib
import sys

IMPORTS = (ast.Import, ast.ImportFrom)
# A file and what it imports though it is not in the standard library: gpiozero loads the one, Python executes the other as a program.
OTHERS = {("pins.py", "gpiozero"), ("run_with_knobs.py", "tasklab")}


def names(folder):
    """A folder without __init__.py may have such a name: Python prefers the library's module to it."""
    for path in sorted(folder.rglob("*.py")):
        name = path.parent.name if path.stem == "__init__" else path.stem
        if name in sys.stdlib_module_names:
            yield f"{path} hides the standard library's {name}"


def imports(package):
    graph = {parts_of(path, package): set() for path in package.rglob("*.py")}
    for folder in sorted(path.parent for path in package.rglob("__init__.py")):
        order = named_order(folder)
        modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        for name in sorted(modules.symmetric_difference(order)):
            yield f"{folder}/__init__.py {'does not name' if name in modules else 'names'} {name}"
        for path in sorted(folder.glob("*.py")):
            here = parts_of(path, package)
            lines = path.read_text().splitlines()
            tree = ast.parse(path.read_text())
            code = [node for node in tree.body if not is_import(node) and not is_docstring(node)]
            beginning = code[0].lineno if code else len(lines) + 1
            for node in (node for node in ast.walk(tree) if isinstance(node, IMPORTS)):
                if node.lineno > beginning and "#" not in lines[node.lineno - 1]:
                    yield f"{path}:{node.lineno} imports in the middle and does not say why"
                if isinstance(node, ast.ImportFrom) and node.level:
                    found = modules_of(node, path.relative_to(package).parts, graph)
                    graph[here].update(found)
                    for name in (parts[-1] for parts in found if parts[:-1] == here[:-1]):
                        if not stands_above(name, path.stem, order):
                            yield f"{path}:{node.lineno} imports {name}, which does not stand above it"
                    continue
                for name in [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]:
                    if name.partition(".")[0] not in sys.stdlib_module_names and (path.name, name.partition(".")[0]) not in OTHERS:
                        yield f"{path}:{node.lineno} imports {name}, which is not in the standard library"
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"a circle: {' imports '.join('.'.join(parts) or package.name for parts in reversed(error.args[1]))}"


def named_order(folder):
    """The modules that the package's docstring names, in its order: the indented lines behind its sentence about imports."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    block = text.partition("imports only those above it:\n\n")[2].partition("\n\n")[0]
    lines = [line.split() for line in block.splitlines() if line.startswith(" ")]
    # One name and what it is for, or only names with commas between them.
    return [word.rstrip(",") for line in lines for word in (line if line[0].endswith(",") else line[:1])]


def stands_above(imported, importer, order):
    """Whether the one stands above the other. What the docstring does not name is told already."""
    return not {imported, importer} <= set(order) or order.index(imported) < order.index(importer)


def parts_of(path, package):
    """A module's name in the package, by its parts; a package inside it has the name of its folder."""
    parts = path.relative_to(package).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def modules_of(node, file, all_modules):
    """The modules of the package that a relative import in this file asks for."""
    base = (*file[: len(file) - node.level], *(node.module.split(".") if node.module else ()))
    return {(*base, alias.name) if (*base, alias.name) in all_modules else base for alias in node.names}


def is_import(node):
    """Whether this is an import, or tries one and another in its place."""
    if isinstance(node, ast.Try):
        tried = [*node.body, *(part for handler in node.handlers for part in handler.body)]
        return all(map(is_import, tried)) and not node.orelse and not node.finalbody
    return isinstance(node, IMPORTS)


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


rule, folder = sys.argv[1:]
for fault in {"names": names, "imports": imports}[rule](pathlib.Path(folder)):
    print(fault)
