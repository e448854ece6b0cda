"""Python runs this file first where Task Lab has put its folder into PYTHONPATH. It starts the observer if TASKLAB_OBSERVE is set, and
then runs the sitecustomize of the distribution or of the user, as if this one were not there."""

import os
import sys


def _start():
    here = os.path.dirname(os.path.abspath(__file__))
    # The program looks for its modules where it would without us. Its children find this folder in PYTHONPATH.
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    own = sys.modules.pop("sitecustomize", None)
    sys.path.insert(0, here)
    try:
        from tasklab import finder

        if os.environ.get("TASKLAB_OBSERVE") and os.environ.get("TASKLAB_EVENTS"):
            from tasklab.observe import start

            start.start()
        finder.offer()  # The program finds the package later, too.
    except Exception as error:  # no fault of the program's
        _complain(f"could not observe this Python: {type(error).__name__}: {error}")
    finally:
        sys.path.remove(here)
        if own is not None:
            sys.modules["sitecustomize"] = own
    return own


def _complain(text):
    """Tells Task Lab what is wrong, if it hears."""
    from json import dumps

    try:
        os.write(int(os.environ["TASKLAB_EVENTS"]), (dumps({"kind": "notice", "text": text}) + "\n").encode())
    except (ValueError, OSError):
        pass


def _run_theirs(own):
    """Imports the sitecustomize that is next in the path. Its errors are reported as they are without us."""
    sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = own


_run_theirs(_start())
