# lanes: main, from_text, from_file
"""Runs Python that comes as a text, by exec, by compile with a name, and from another file."""
import pathlib
import runpy
import sys
import threading

TEXT = """
import threading
lock = threading.Lock()
def work():
    with lock:
        print("runs", __name__, threading.current_thread().name)
thread = threading.Thread(target=work, name=name)
thread.start()
thread.join()
"""
exec(TEXT, {"name": "from_text", "__name__": "made"})
code = compile(TEXT.replace("print(", "prin("), "templates/page.html", "exec")
threading.excepthook = lambda args: print(args.exc_type.__name__, args.exc_value, args.exc_traceback.tb_next.tb_next.tb_lineno)
exec(code, {"name": "from_text", "__name__": "page"})
file = pathlib.Path("other.py")
file.write_text(TEXT)
found = runpy.run_path(str(file), {"name": "from_file"}, "__main__")
print(sorted(name for name in found if not name.startswith("__")), found["lock"].locked())
sys.path.insert(0, "")
file.with_name("third.py").write_text("name = 'from_file'\n" + TEXT)
import third  # noqa: E402

print(third.lock.acquire(), third.lock.locked(), eval("threading.Lock().locked()"))
