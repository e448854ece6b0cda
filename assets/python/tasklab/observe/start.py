"""Puts the observer in place. What belongs to a module of the library is loaded once the program imports that."""

import atexit
import builtins
import os
import sys
from _thread import get_native_id

from . import frames, hooks, lanes, lines, listener, processes

# A module of the library: the modules here that change it.
_CHANGES = {
    "threading": ("locks", "conditions", "threads"),
    "queue": ("queues",),
    "concurrent.futures._base": ("futures",),
    "subprocess": ("programs",),
    "multiprocessing.process": ("workers",),
    "asyncio": ("coroutines",),
    "sched": ("schedules",),
}
_OTHERS = ("gevent", "eventlet")  # they replace the same functions, by ones that know no threads


def start():
    """Starts the observer, if anybody reads its lines."""
    of_library = [word for word in sys.orig_argv if word.startswith("from multiprocessing.")]
    if any("resource_tracker" in word for word in of_library) or not lines.open_channel():
        return
    if not of_library:  # a child of multiprocessing says its name later
        lanes.begin(lanes.FIRST or lanes.GIVEN or lanes.unnamed(), "thread" if lanes.FIRST else "process")
    atexit.register(_end)
    if lanes.FIRST:
        if order := os.environ.pop("TASKLAB_ORDER", None):  # what this Python starts has no part in it
            from . import stepping  # Few programs are stepped.

            stepping.replay(order)
        listener.start()
    frames.install_tracebacks()
    processes.install_times()
    _watch_exits()
    processes.install()
    for library, names in _CHANGES.items():
        hooks.when_imported(library)(_loader(names))
    for name in _OTHERS:
        hooks.before_import(name, _stand_back)
    hooks.find_imports()
    if "TASKLAB_KNOBS" in os.environ:
        from .. import knobs  # noqa: F401  Few programs have other settings than their own.
    if (steps := lanes.steps) is not None:
        steps.follow()


def _loader(names):
    def load(_):
        for name in names:
            __import__(f"{__package__}.{name}", fromlist=["_"])  # without it the package above would be imported, too

    return load


def _stand_back(name):
    """The program is about to import a library that the observer does not go together with."""
    hooks.unwrap_all()
    lines.tell("notice", text=f"the threads of this program are not shown by name: it uses {name}, which replaces Python's own")
    lines.flush()


class _Exit:
    """Goes with the SystemExit that sys.exit() and exit() raise. Python shows such an error to nobody; but it is the end of the program
    if it goes when no function of the program runs any more."""

    __slots__ = ("_code",)
    last = None  # the result of the process, where this is known

    def __init__(self, code):
        self._code = code

    def __reduce__(self):
        return type(None), ()  # An error that is sent to another process has none.

    def __del__(self):
        if sys._getframe().f_back is None and get_native_id() == os.getpid() and self._code not in (None, 0):
            _Exit.last = f"exit {self._code if isinstance(self._code, int) else 1}"


def _watch_exits():
    def watch(original):
        def exit(*arguments):
            try:
                return original(*arguments)
            except SystemExit as error:
                error._tasklab = _Exit(error.code)
                raise

        return exit

    hooks.wrap(sys, "exit")(watch)
    quitter = type(getattr(builtins, "exit", None))
    if quitter.__module__ == "_sitebuiltins":
        hooks.wrap(quitter, "__call__")(watch)


def _end():
    """The process ends; this runs after all that the program has registered for its end."""
    if (steps := lanes.steps) is not None:
        steps.finish()
    listener.look_at_variables()
    listener.refuse_what_is_left()
    error = getattr(sys, "last_value", None)
    is_error = error is not None and not isinstance(error, SystemExit)
    lanes.end(lines.first_of(f"{type(error).__name__}: {error}") if is_error else _Exit.last or "ok")
    lanes.end_others()
    lines.close()
