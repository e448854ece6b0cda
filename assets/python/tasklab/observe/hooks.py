"""Hooks: functions are wrapped now, or as soon as their module is imported. All of it can be taken back."""

import os
import sys

from . import lines

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # the folder of the package
FOLDER = os.path.dirname(HERE[:-1])  # that it lies in

_wrapped = []  # what stands in another's place: owner, name, the original
_at_import = {}  # a module that is not imported yet: the functions to call with it
_before_import = {}  # the functions to call with its name before it is imported


def wrap(owner, name):
    """Puts a function around one of a module or class: the decorated function gets the original, and gives what takes its place."""

    def decorate(make):
        original = vars(owner)[name] if isinstance(owner, type) and name in vars(owner) else getattr(owner, name)
        function = make(original)
        # The module warnings skips frames of files with such a name when it looks for the line to blame.
        function.__code__ = function.__code__.replace(co_filename=f"{HERE}importlib._bootstrap")
        replacement = _builtin(function, original) if type(original) is type(len) else function
        for key in ("__module__", "__name__", "__qualname__", "__doc__", "__text_signature__"):
            try:
                setattr(replacement, key, getattr(original, key))
            except AttributeError:
                pass
        replacement.__wrapped__ = original  # its signature is looked up there
        replace(owner, name, replacement)
        return replacement

    return decorate


def _builtin(function, original):
    """A function in the place of one that is made in C: as an attribute of a class it is no method either."""

    class Builtin:
        __call__ = staticmethod(function)

        @property
        def __class__(self):
            return type(original)

        def __repr__(self):
            return repr(original)

        def __reduce__(self):
            return original.__qualname__

    Builtin.__name__ = Builtin.__qualname__ = type(original).__name__
    Builtin.__module__ = type(original).__module__
    builtin = Builtin()
    builtin.__self__ = original.__self__
    return builtin


def replace(owner, name, replacement):
    """Puts something in the place of an attribute, also where that comes from: os.waitpid is posix.waitpid, and pickled as that."""
    original = getattr(owner, name)
    home = sys.modules.get(replacement.__module__)
    put(owner, name, replacement)
    if home is not None and home is not owner and getattr(home, replacement.__qualname__, None) is original:
        put(home, replacement.__qualname__, replacement)


def put(owner, name, replacement):
    """Puts something in the place of an attribute."""
    _wrapped.append((owner, name, vars(owner).get(name, getattr(owner, name))))
    setattr(owner, name, replacement)


def unwrap_all():
    """Takes everything back."""
    _at_import.clear()
    _before_import.clear()
    while _wrapped:
        owner, name, original = _wrapped.pop()
        setattr(owner, name, original)


def when_imported(name):
    """Has the decorated function called with a module: now, or once it has been imported."""

    def decorate(function):
        if name in sys.modules:
            _call(function, sys.modules[name])
        else:
            _at_import.setdefault(name, []).append(function)
        return function

    return decorate


def once(function):
    """Has a function do something at its first call alone."""
    todo = [function]
    return lambda: todo and todo.pop()()


def before_import(name, function):
    """Has a function called with a module's name when the program is about to import it."""
    _before_import[name] = function


class _Finder:
    """Finds modules as the finders behind it do, and has our functions called at the end of their import."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in _before_import:
            _before_import.pop(name)(name)
        functions = _at_import.pop(name, None)
        if functions is None:
            return None
        for finder in list(sys.meta_path):
            if finder is not _Finder and (find := getattr(finder, "find_spec", None)) and (spec := find(name, path, target)):
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, functions)
                return spec
        return None

    @staticmethod
    def find_distributions(context):
        """Our folder is in no path. It holds the entry point by which gpiozero 2 finds our pins."""
        if not _has_pins() or context.name not in (None, "tasklab"):
            return ()
        from importlib.metadata import DistributionFinder, MetadataPathFinder  # gpiozero has imported it.

        return MetadataPathFinder.find_distributions(DistributionFinder.Context(name=context.name, path=[FOLDER]))


@when_imported("pkg_resources")
def _offer_pins(module):
    """gpiozero 1 finds them by this module."""
    if _has_pins():
        module.working_set.add_entry(FOLDER)


def _has_pins():
    return os.environ.get("GPIOZERO_PIN_FACTORY") == "tasklab"


def _call(function, module):
    """A fault of ours must not become the program's."""
    try:
        function(module)
    except Exception as error:
        lines.tell("notice", text=f"could not observe the module {module.__name__}: {type(error).__name__}: {error}")
        lines.flush()


class _Loader:
    """The loader of one module, which has our functions called, and then stands back."""

    def __init__(self, loader, functions):
        self._loader, self._functions = loader, functions

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        for function in self._functions:
            _call(function, module)


def find_imports():
    """Begins to look at imports."""
    sys.meta_path.insert(0, _Finder)
