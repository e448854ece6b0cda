"""Tracebacks without our frames: a program's errors read as they do without us."""

import sys

from .frames import is_ours
from .hooks import put, when_imported, wrap


def without_ours(traceback):
    """The same traceback without our frames. It is changed only where one of them is in it."""
    part = traceback
    while part is not None and not is_ours(part.tb_frame.f_code):
        part = part.tb_next
    if part is None:
        return traceback
    kept = []
    part = traceback
    while part is not None:
        if not is_ours(part.tb_frame.f_code):
            kept.append(part)
        part = part.tb_next
    for before, after in zip(kept, kept[1:] + [None]):
        before.tb_next = after
    return kept[0] if kept else None


def clean(error):
    """Takes our frames out of the tracebacks of an error, and of those that it came from."""
    seen, todo = set(), [error]
    while todo:
        error = todo.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        error.__traceback__ = without_ours(error.__traceback__)
        todo += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]


def _cleaning(original):
    def excepthook(kind, value, traceback, /):
        if isinstance(value, BaseException):
            clean(value)
        return original(kind, value, without_ours(traceback))

    return excepthook


def install():
    """Cuts our frames wherever a traceback is shown."""
    hook = _cleaning(sys.excepthook)
    put(sys, "excepthook", hook)
    put(sys, "__excepthook__", hook)
    hook.__name__ = hook.__qualname__ = "excepthook"


@when_imported("threading")
def _threading(threading):
    @wrap(threading, "excepthook")
    def _(original):
        def excepthook(args, /):
            if args.exc_value is not None:
                clean(args.exc_value)
            return original(args)

        return excepthook

    # What the program's own hook is compared with, and called for.
    put(threading, "__excepthook__", threading.excepthook)


@when_imported("traceback")
def _traceback(traceback):
    # All that shows, formats or extracts one goes through these two, or through the class's own loop over the error.
    @wrap(traceback, "walk_tb")
    def _(original):
        def walk_tb(tb):
            return original(without_ours(tb))

        return walk_tb

    @wrap(traceback, "walk_stack")
    def _(original):
        def walk_stack(f):
            if f is None:
                f = sys._getframe(1)
            return (pair for pair in original(f) if not is_ours(pair[0].f_code))

        return walk_stack

    if hasattr(traceback, "_walk_tb_with_full_positions"):

        @wrap(traceback, "_walk_tb_with_full_positions")
        def _(original):
            def _walk_tb_with_full_positions(tb):
                return original(without_ours(tb))

            return _walk_tb_with_full_positions
