"""Frames: whether one is of the program's own code, its line in the script, and the variable that it assigns to. The text of the source
is read, not its meaning: the modules that parse Python take longer to import than many programs run."""

import os
import sys
from _io import open as _open  # The program may put another one into builtins.
from itertools import islice

from .hooks import HERE, put, when_imported, wrap

_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_named = os.environ.get("TASKLAB_OBSERVE", "")
OWN_FOLDERS = tuple(folder.rstrip(os.sep) + os.sep for folder in _named.split(os.pathsep) if os.sep in folder)
MAIN = ("__main__", "__mp_main__")
_is_own = {}  # a file name: whether it is the program's own; None: its module decides
_targets = {}  # a place in the code that makes something: the code, and what it is assigned to
_sources = {}  # a file name: its lines, as bytes
_SCRIPT = os.path.abspath(sys.argv[0]) if getattr(sys, "argv", None) and sys.argv[0] not in ("", "-c", "-m", "-") else "<string>"
_COMPOUND = frozenset("def class if elif else for while with try except finally async match case".split())
MOST_LINES = 30  # that are looked at for the beginning of a statement


def is_own(frame):
    """Whether this is a frame of the program's own code: neither of the standard library, nor of an installed package, nor ours."""
    name = frame.f_code.co_filename
    try:
        own = _is_own[name]
    except KeyError:
        own = _is_own[name] = _judge(name)
    return _is_own_module(frame.f_globals) if own is None else own


def _judge(name):
    if name.startswith("<"):
        return False if name.startswith("<frozen") else None  # python -c, exec(), the methods of a dataclass
    path = os.path.abspath(name)
    if path.startswith(HERE):
        return False
    if OWN_FOLDERS and path.startswith(OWN_FOLDERS):
        return True
    if f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path:
        return None if "__main__" not in sys.modules else _is_of_main_package(path)
    return not path.startswith(_LIBRARY)


def _is_of_main_package(path):
    """Whether a file is of the package that `python -m` runs."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    origin = getattr(spec, "origin", None)
    if not origin or not spec.parent:
        return False
    folder = os.path.dirname(os.path.abspath(origin))
    for _ in range(spec.parent.count(".")):
        folder = os.path.dirname(folder)
    return path.startswith(folder + os.sep)


def _is_own_module(names):
    name = names.get("__name__")
    if name in MAIN:
        return True
    file = names.get("__file__")
    return bool(file) and file != "<" and _judge(file) is True


def is_ours(code):
    """Whether this is code of the observer."""
    return code.co_filename.startswith(HERE)


def is_theirs(error):
    """Whether an error that has come up in code of ours is the program's: its signal handlers and its other threads raise errors anywhere."""
    if not isinstance(error, Exception) or type(error).__module__ != "builtins":
        return True
    part = error.__traceback__
    while part is not None:
        code = part.tb_frame.f_code
        if not is_ours(code) and not code.co_filename.startswith((_LIBRARY, "<frozen")):
            return True
        part = part.tb_next
    return False


def outside():
    """The frame that called into the observer; None in a thread of the observer's own."""
    frame = sys._getframe(1)
    while frame is not None and is_ours(frame.f_code):
        frame = frame.f_back
    return frame


def caller(frame, thing=None):
    """The frame of the program's own code that called a function of the library, whose frame is `frame`: itself, or behind the
    `__init__` of the library that calls that of a base class for the same thing. None if the library called it for itself."""
    while frame is not None:
        if is_own(frame):
            return frame
        code = frame.f_code
        if frame.f_globals.get("__name__") == "multiprocessing.context":  # multiprocessing.Lock() is one of its methods
            frame = frame.f_back
            continue
        if thing is None or code.co_name != "__init__" or not code.co_argcount:
            return None
        if frame.f_locals.get(code.co_varnames[0]) is not thing:
            return None
        frame = frame.f_back
        while frame is not None and is_ours(frame.f_code):
            frame = frame.f_back
    return None


def script_line(frame=None):
    """The line of the script that runs now: that of the nearest caller in the script itself. None if there is none."""
    frame = frame or sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") in MAIN:
            return frame.f_lineno
        frame = frame.f_back
    return None


def variable(frame):
    """The name of the variable that takes what is made in this frame, as the source has it: `gate`, `forks-2` for a part of a list.
    For an attribute the name of its object stands before, if its `__init__` runs: `alice.lock`. None if it has no name."""
    try:
        return _variable(frame)
    except Exception as error:  # The source may change while the program runs, and files may be too many: no fault of the program's.
        if is_theirs(error):
            raise
        return None


def _variable(frame):
    for _ in range(10):
        if frame is None or not is_own(frame):
            return None
        place = id(frame.f_code), frame.f_lasti
        if place not in _targets:
            _targets[place] = frame.f_code, _assigned(frame)
        found = _targets[place][1]
        if found is None:
            return None
        if found:
            if found.startswith("self."):
                made = variable(frame.f_back) if frame.f_code.co_name == "__init__" else None
                found = f"{made}.{found[5:]}" if made and not made.endswith("-") else found[5:]
            return found
        frame = frame.f_back  # It is returned, or a base class makes it: the caller has the name.
    return None


def _assigned(frame):
    """The target of the expression that runs in this frame; with a `-` at its end where it is a part of what is assigned. Empty where
    it is returned to the caller; None where it has no name."""
    place = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if place is None or place[0] is None or place[2] is None:
        return None
    first, last, start, end = place
    lines = _lines(frame.f_code.co_filename)
    if not any(lines):
        return _stored(frame.f_code.co_code, frame)
    if not 0 < first <= last <= len(lines):
        return None
    call = lines[first - 1][start:].decode(errors="replace")
    if call.startswith("super(") or ".__init__(" in call.partition(")")[0]:
        return ""
    before = lines[first - 1][:start].decode(errors="replace")
    found = _target(before, lines[last - 1][end:].decode(errors="replace"))
    # A statement in several lines: what stands in front of an open bracket.
    for line in range(first - 2, max(-1, first - 2 - MOST_LINES), -1):
        if found is not None or _is_begin(before):
            break
        before = lines[line].split(b"#")[0].decode(errors="replace").rstrip() + " " + before.lstrip()
        found = _target(before, "")
    return found


def _stored(instructions, frame):
    """The variable that takes what is made, from the code alone: what comes from standard input, and the methods of a dataclass, have
    no source."""
    import opcode  # Few programs need it.

    code = frame.f_code
    for at in range(frame.f_lasti + 2, min(frame.f_lasti + 40, len(instructions)), 2):
        name, place = opcode.opname[instructions[at]], instructions[at + 1]
        if name == "STORE_ATTR":
            return f"self.{code.co_names[place]}"
        if name in ("STORE_NAME", "STORE_GLOBAL"):
            return code.co_names[place]
        if name in ("STORE_FAST", "STORE_DEREF"):
            return code._varname_from_oparg(place)
        if name != "CACHE" and not name.startswith(("JUMP", "LOAD_FAST")):
            return None
    return None


def _is_begin(text):
    """Whether a text holds the beginning of a statement, and not the middle of a bracket."""
    text = text.rstrip()
    return text != "" and not text.endswith((":", ",")) and _open_brackets(text) == []


def _target(before, after):
    text = _statement(before).rstrip()
    if text.endswith(("return", "lambda:", "yield", "await")) or text.split("lambda", 1)[0] != text and text.endswith(":"):
        return ""
    if text.endswith(":="):
        return _last_name(text[:-2])
    if text.endswith("=") and not text.endswith(("==", "!=", "<=", ">=")):
        return _name_of_target(text[:-1], 0)
    if (words := after.split()) and words[0] == "as" and len(words) > 1:
        return words[1].rstrip(":,)") or None
    brackets = _open_brackets(text)
    head = text[: brackets[0]] if brackets else text
    left, equals, right = _split_assignment(head)
    if not equals:
        return None
    if not brackets and "," in left:
        return _name_of_target(left, _commas(right))
    if right.rstrip().endswith(",") and not brackets:
        name = _name_of_target(left, 0)
        return name and f"{name}-"
    right = right.split()
    if brackets and (not right or right[-1] in ("list", "tuple", "set", "dict", "deque")):
        name = _name_of_target(left, 0)
        return name and f"{name.rstrip('-')}-"
    return _name_of_target(left, 0) if not right or right[-1] in ("await", "or", "else") else None


def _statement(text):
    """The last statement that begins in a text: without the head of a compound one (`if ready: gate = …`), and what `;` ends."""
    begin, has_head = 0, text.lstrip().partition(":")[0].partition(" ")[0] in _COMPOUND
    for at, sign in _outside(text):
        if sign == ";" or has_head and sign == ":":
            begin, has_head = at + 1, False
    return text[begin:]


def _split_assignment(text):
    """Text before and after the first `=` that assigns."""
    for at, sign in enumerate(text):
        if sign == "=" and text[at + 1 : at + 2] != "=" and text[at - 1 : at] not in ("=", "!", "<", ">", ":"):
            return text[:at], "=", text[at + 1 :]
    return text, "", ""


def _name_of_target(left, number):
    """The name of the n-th target on the left of a `=`."""
    parts = left.split(":")[0].split(",")
    if number >= len(parts):
        return None
    return _last_name(parts[number])


def _last_name(text):
    """The dotted name at the end of a text; None if there is none."""
    text = text.rstrip()
    if text.endswith("]"):
        name = _last_name(text[: text.rfind("[")])
        return name and f"{name}-"
    at = len(text)
    while at and (text[at - 1].isalnum() or text[at - 1] in "_."):
        at -= 1
    name = text[at:].strip(".")
    if not name or name[0].isdigit():
        return None
    return name


def _commas(text):
    return sum(sign == "," for _, sign in _outside(text))


def _outside(text):
    """The signs that stand in no bracket and no quotation marks, with their places."""
    depth, quote = 0, None
    for at, sign in enumerate(text):
        if quote:
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in "([{") - (sign in ")]}")
            if depth == 0:
                yield at, sign


def _open_brackets(text):
    """Places of the brackets that are open at the end of a text. A closing one without an opening one ends the search: None stands for
    the line above."""
    places, quote = [], None
    for at, sign in enumerate(text):
        if quote:
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([{":
            places.append(at)
        elif sign in ")]}" and places:
            places.pop()
    return places


def _lines(name):
    if name not in _sources:
        try:
            with _open(name, "rb") as source:
                _sources[name] = source.read().split(b"\n")
        except (OSError, ValueError):
            words = sys.orig_argv  # exec() leaves no source, python -c does
            text = words[words.index("-c") + 1] if name == "<string>" and "-c" in words[:-1] else ""
            _sources[name] = text.encode(errors="replace").split(b"\n")
    return _sources[name]


def script_variables():
    """What the script's own lines say of its variables, outside of functions: the simple ones that a line at the margin gives a literal
    (`parties = 5`), by their names, and the names that stand for something else than the program's state, which `for`, `with` and
    `import` give. None if there is no source."""
    name = getattr(sys.modules["__main__"], "__file__", None) or _SCRIPT  # At the end of a script the first is gone.
    lines = [line.decode(errors="replace") for line in _lines(name)]
    if not any(lines):
        return None
    literals, others, is_inside = {}, set(), False
    for at, line in enumerate(lines):
        words = line.split(None, 1)
        if not words or line[0] == "#":
            continue
        if not line[0].isspace():
            is_inside = words[0] in ("def", "class", "async") and not line.startswith(("async for", "async with"))
            name, value = _literal(line)
            if name:
                literals.setdefault(name, value)
        if not is_inside:
            others.update(_bound(words[0], line.strip(), lines[at + 1 : at + MOST_LINES]))
    return literals, others


def _bound(word, line, more):
    """The names that a statement binds besides assignments."""
    if word in ("for", "async"):
        return _names(line.partition("for ")[2].partition(" in ")[0])
    if word == "with":
        return [name for part in line.split(" as ")[1:] for name in _names(part.partition("with ")[0].split(":")[0])]
    if word == "from":
        names = line.partition(" import ")[2]
        while "(" in names and ")" not in names and more:
            names += " " + more.pop(0).split("#")[0]
        return [part.split()[-1] for part in names.strip("()\\ ").replace(")", "").split(",") if part.split()]
    return ()


def _names(text):
    return [name for name in text.replace("(", " ").replace(")", " ").replace(",", " ").replace("*", " ").split() if name.isidentifier()]


def _literal(line):
    """The name and the value in a line `name = literal`; None as the name of any other line."""
    left, equals, right = _split_assignment(line)
    name, right = left.split(":")[0].strip(), right.strip()
    if not equals or not name.isidentifier():
        return None, None
    if right[:1] in ("'", '"'):
        text, _, rest = right[1:].partition(right[0])
        is_whole = "\\" not in text and (not rest.strip() or rest.strip().startswith("#"))
        return (name, text) if is_whole else (None, None)
    text = right.partition("#")[0].strip()
    if text in ("True", "False"):
        return name, text == "True"
    try:
        return name, int(text, 0)
    except ValueError:
        pass
    try:
        return (name, float(text)) if text[:1] in "+-.0123456789" else (None, None)
    except ValueError:
        return None, None


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


def install_tracebacks():
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
