"""subprocess: the waits for the programs that the program's own code starts, and how those end."""

import os
import sys

from . import processes
from .code import is_own
from .hooks import when_imported, wrap
from .lanes import wait_begins, wait_ends


def _is_asked(frame, subprocess):
    """Whether the program's own code calls, itself or by run(), call() and the like."""
    while frame is not None and frame.f_globals is subprocess:
        frame = frame.f_back
    return frame is not None and is_own(frame)


@when_imported("subprocess")
def _subprocess(subprocess):
    Popen, names = subprocess.Popen, vars(subprocess)

    @wrap(Popen, "__init__")
    def _(original):
        def __init__(self, args, *arguments, **keys):
            original(self, args, *arguments, **keys)
            word = args if isinstance(args, (str, bytes, os.PathLike)) else (list(args) or [""])[0]
            word = os.fsdecode(word).split()[0:1] or [""]
            processes.named(self.pid, os.path.basename(word[0]) or "program")

        return __init__

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
