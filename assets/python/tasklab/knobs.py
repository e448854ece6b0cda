"""Other literals at the top level of the program than its source has: TASKLAB_KNOBS says which, and the program's file stays as it is.

Python reads the file that it executes by itself. So Task Lab has it execute `run_with_knobs.py`, which gives its place to the program. A
process that multiprocessing spawns executes the program's file once more, by runpy.
"""

import json
import os
import sys

from .observe.hooks import when_imported, wrap


def run():
    """Executes the program that the command line names, as Python would."""
    del sys.argv[0]
    path = os.path.abspath(sys.argv[0])
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    from importlib.machinery import SourceFileLoader  # as Python itself has one for the file that it executes

    names = vars(sys.modules["__main__"])
    names.clear()
    loader = SourceFileLoader("__main__", path)
    names.update(__name__="__main__", __doc__=None, __package__=None, __loader__=loader, __spec__=None, __builtins__=sys.modules["builtins"])
    names.update(__annotations__={}, __file__=path, __cached__=None)
    exec(_code(path), names)


def _code(path):
    """The code of the program with its new literals; None for another file."""
    knobs = json.loads(os.environ["TASKLAB_KNOBS"])
    if not os.path.samefile(path, knobs["file"]):
        return None
    with open(path, "rb") as file:
        source = file.read()
    for begin, end, before, literal in reversed(knobs["put"]):
        if source[begin:end] != before.encode():
            raise SystemExit(f"{path} has changed since its settings were read; start it again")
        source = source[:begin] + literal.encode() + source[end:]
    return compile(source, path, "exec", dont_inherit=True)


@when_imported("runpy")
def _spawned(runpy):
    if "TASKLAB_KNOBS" not in os.environ:
        return

    @wrap(runpy, "_get_code_from_file")
    def _(original):
        def get_code(*arguments):
            found = original(*arguments)
            code = _code(arguments[-1])
            if code is None:
                return found
            return (code, *found[1:]) if isinstance(found, tuple) else code

        return get_code
