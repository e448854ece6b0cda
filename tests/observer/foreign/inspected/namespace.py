# lanes: main
"""What a program finds around itself: names, modules, paths, hooks, environment."""
import builtins
import gc
import os
import sys
import threading
import time

print(sorted(name for name in globals() if not name.startswith("__")), "tasklab" in dir(), __name__, __file__ == sys.argv[0])
print(sys.path[0] == os.path.dirname(__file__), len(sys.path), all(os.path.isabs(entry) for entry in sys.path))
print([entry for entry in sys.path if entry and not entry.startswith((sys.prefix, sys.base_prefix, sys.path[0], "/usr/"))])
print(len(dir(builtins)), builtins.open.__module__, builtins.print.__name__, builtins.input is input)
print(sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile(), len(gc.callbacks), gc.isenabled())
print(sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__, sys.unraisablehook is sys.__unraisablehook__)
print(sys.displayhook is sys.__displayhook__, sys.breakpointhook is sys.__breakpointhook__, sys.stdout is sys.__stdout__)
print(sys.stdout.line_buffering, sys.stdout.write_through, sys.stdout.encoding, sys.stderr.line_buffering)
print(sys.getswitchinterval(), sys.getrecursionlimit(), threading.stack_size(), gc.get_threshold())
print(threading.enumerate() == [threading.main_thread()], threading.active_count())
print([name for name in os.environ if name.startswith("APP_")], os.environ["HOME"] == os.path.expanduser("~"))
print([name for name in ("asyncio", "multiprocessing", "concurrent.futures") if name in sys.modules])
print(time.sleep.__name__, time.sleep.__module__, os.fork.__name__, callable(os.wait), sys.modules["__main__"].__name__)
print([thread.name for thread in threading.enumerate()], threading.main_thread().name, threading.get_ident() == threading.main_thread().ident)
