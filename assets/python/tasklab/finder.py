"""Finds this package for a program that imports it, unless the program has a module or a package of the same name itself."""

import sys

_package = sys.modules[__package__]


def offer():
    """From now on the package is found when it is imported."""
    del sys.modules[__package__]
    sys.meta_path.insert(0, _Finder)


class _Finder:
    """Finder and loader."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != __package__:
            return None
        for finder in list(sys.meta_path):
            if finder is not _Finder and (find := getattr(finder, "find_spec", None)) and (spec := find(name, path, target)):
                if spec.loader is not None and spec.origin is not None:  # A folder alone is no package.
                    return spec
        return type(_package.__spec__)(name, _Finder)

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        sys.modules[__package__] = _package
