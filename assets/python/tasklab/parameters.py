"""The parameters of a lesson."""

import json
import os
import sys


def params(**defaults):
    """The parameters: the defaults, NAME=VALUE of the command line, or what Task Lab gives. Read as params.NAME."""
    values = dict(defaults)
    for argument in sys.argv[1:]:
        name, equals, text = argument.partition("=")
        if not equals or name not in defaults:
            sys.exit(f"{argument!r} is no parameter; there are: " + " ".join(f"{n}={v}" for n, v in defaults.items()))
        default = defaults[name]
        try:
            values[name] = text in ("true", "yes", "on", "1") if isinstance(default, bool) else type(default)(text)
        except ValueError:
            sys.exit(f"{name} cannot be {text!r}: it is {default!r} by default")
    given = json.loads(os.environ.get("TASKLAB_PARAMS") or "{}")
    values.update((name, value) for name, value in given.items() if name in defaults)
    return type("Params", (), values)
