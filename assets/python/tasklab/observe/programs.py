"""subprocess: the programs that the program's own code starts, what it does with them, and how they end."""

import os
import sys
from _functools import partial

from . import frames, lanes, processes, things
from .hooks import when_imported, wrap
from .lanes import operate, operation, wait_begins, wait_ends
from .things import of

LIBRARY = ("subprocess", "os")
_PARAMETERS = ("args", "executable", "preexec_fn", "close_fds", "pass_fds", "cwd", "env", "startupinfo", "creationflags", "shell")


class _Known:
    """What is known of a Popen: the name of its process, as long as that lives."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


def _named(popen, frame, args, shell):
    """The name of the process that a Popen starts: that of the variable that takes it, else that of the program."""
    frame = frames.caller(frame, popen)
    variable = frame and frames.variable(frame)
    if variable:
        return lanes.numbered(variable[:-1]) if variable.endswith("-") else lanes.unique(variable), True
    return "sh" if shell else processes.program(args), False


def _words(args, executable, shell):
    """The words that the process begins with."""
    words = [args] if isinstance(args, (str, bytes, os.PathLike)) else list(args)
    return [executable or "/bin/sh", "-c", *words] if shell else words


def _hand_down(given, name):
    """Has a Python that is observed open its lane under this name."""
    above, env, prepare = f"{os.getpid()}:{name}", given["env"], given["preexec_fn"]
    if env is not None:
        if "TASKLAB_EVENTS" in env and "TASKLAB_ABOVE" in env:
            given["env"] = {**env, "TASKLAB_ABOVE": above}
    elif callable(prepare):  # It may change the real environment, in which the program begins.
        def prepared():
            os.putenv("TASKLAB_ABOVE", above)
            return prepare()

        given["preexec_fn"] = prepared
    elif not processes.has_put_variables:  # else the real environment is another than os.environ
        given["env"] = {**os.environ, "TASKLAB_ABOVE": above}


@when_imported("subprocess")
def _subprocess(subprocess):
    Popen = subprocess.Popen

    # Below what the library does in __init__: it looks there for the line that called it.
    @wrap(Popen, "_execute_child")
    def _(original):
        def _execute_child(self, *arguments):
            if len(arguments) < len(_PARAMETERS):
                return original(self, *arguments)
            given = dict(zip(_PARAMETERS, arguments))
            args, shell = given["args"], given["shell"]
            name, has_variable = _named(self, sys._getframe(1), args, shell)
            if has_variable:
                _hand_down(given, name)
                arguments = (*given.values(), *arguments[len(given) :])
            try:
                original(self, *arguments)
            except BaseException:
                if has_variable:
                    lanes.is_over(name)
                raise
            self._tasklab = _Known(name)
            processes.started(self.pid, name, _words(args, given["executable"], shell), has_variable)

        return _execute_child

    def waits(method):
        @wrap(Popen, method)
        def _(original):
            def wait(self, *arguments, **keys):
                frame = sys._getframe(1)
                function = method if things.is_asked(frame) else things.called(frame, LIBRARY)
                known = of(self)
                if known is None or function is None:
                    return original(self, *arguments, **keys)
                wait = partial(_wait, self, known, function, original, arguments, keys)
                if function != method:
                    return wait()
                if method == "communicate":
                    try:
                        result = wait()
                    except Exception as error:
                        operation(method, f"program {known.name}", type(error).__name__)
                        raise
                    operation(method, f"program {known.name}", "ok")
                    return result
                return operate(method, f"program {known.name}", wait)

            return wait

    def _wait(popen, known, function, original, arguments, keys):
        if popen.returncode is not None:
            return original(popen, *arguments, **keys)
        at_most = keys.get("timeout", arguments[-1] if arguments else None)
        told = wait_begins(f"{'wait' if function == '__exit__' else function}()", known.name, at_most=at_most)
        try:
            return original(popen, *arguments, **keys)
        finally:
            wait_ends(told, known.name if popen.returncode is not None else None)

    waits("wait")
    waits("communicate")

    def does(method):
        @wrap(Popen, method)
        def _(original):
            def do(self, *arguments, **keys):
                known = of(self)
                if known is None or not things.is_asked(sys._getframe(1)):
                    return original(self, *arguments, **keys)
                try:
                    result = original(self, *arguments, **keys)
                except Exception as error:
                    operation(method, f"program {known.name}", type(error).__name__)
                    raise
                # A line has no word for None.
                operation(method, f"program {known.name}", ("None" if result is None else result) if method == "poll" else "ok")
                return result

            return do

    for method in ("poll", "send_signal", "terminate", "kill"):
        does(method)

    @wrap(Popen, "_handle_exitstatus")
    def _(original):
        def _handle_exitstatus(self, *arguments, **keys):
            original(self, *arguments, **keys)
            if self.returncode is not None and of(self) is not None:  # else no program could be started
                processes.ended(self.pid, self.returncode)

        return _handle_exitstatus
