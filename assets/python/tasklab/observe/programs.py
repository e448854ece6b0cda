"""subprocess: the waits for the programs that the program's own code starts, and how those end."""

import os
import sys

from . import processes
from .frames import is_own
from .hooks import when_imported, wrap
from .lanes import wait_begins, wait_ends


def _is_asked(frame, subprocess):
    """Whether the program's own code calls, itself or by run(), call() and the like."""
    while frame is not None and frame.f_globals is subprocess:
        frame = frame.f_back
    return frame is not None and is_own(frame)


def _program(args):
    """The name of the program that a command starts; that of the shell's first word where a shell reads it."""
    word = args if isinstance(args, (str, bytes, os.PathLike)) else (list(args) or [""])[0]
    try:
        return os.path.basename(os.fsdecode(word).split()[0])
    except (IndexError, TypeError, ValueError):
        return "program"


@when_imported("subprocess")
def _subprocess(subprocess):
    Popen, names = subprocess.Popen, vars(subprocess)

    # Below what the library does in __init__: it looks there for the line that called it.
    @wrap(Popen, "_execute_child")
    def _(original):
        def _execute_child(self, args, *arguments, **keys):
            original(self, args, *arguments, **keys)
            processes.named(self.pid, _program(args))

        return _execute_child

    def waits(method):
        @wrap(Popen, method)
        def _(original):
            def wait(self, *arguments, **keys):
                if self.returncode is not None or not _is_asked(sys._getframe(1), names):
                    return original(self, *arguments, **keys)
                name = processes.name_of(self.pid)
                told = wait_begins(f"{method}()", name)
                try:
                    return original(self, *arguments, **keys)
                finally:
                    wait_ends(told, name if self.returncode is not None else None)

            return wait

    waits("wait")
    waits("communicate")

    @wrap(Popen, "_handle_exitstatus")
    def _(original):
        def _handle_exitstatus(self, *arguments, **keys):
            original(self, *arguments, **keys)
            if self.returncode is not None:
                processes.ended(self.pid, self.returncode)

        return _handle_exitstatus
