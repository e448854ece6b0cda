# lanes: main, inner, pupil
"""Starts Python itself: this file with an argument, a text, a module, and a script from a pipe."""
import subprocess
import sys
import threading


def teach(name):
    thread = threading.Thread(target=lambda: print("taught", name), name=name)
    thread.start()
    thread.join()


def run(*arguments, **more):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **more)
    print(done.returncode, repr(done.stdout), repr(done.stderr.splitlines()[-1:]))


if __name__ == "__main__":
    if sys.argv[1:]:
        teach(sys.argv[1])
        sys.exit(7)
    run(__file__, "pupil")
    run("-c", "import threading as t; a = t.Thread(target=print, args=(1,), name='inner'); a.start(); a.join(); print(sum(a))")
    run("-m", "json.tool", "--compact", input='{"a": [1, 2]}')
    run(input="import sys\nprint(sys.argv, __name__)\nraise SystemExit(2)")
    run("-u", "-W", "error", "-c", "import threading; print(threading.active_count(), threading.Lock().locked())")
    run("-m", "no_such_module_anywhere")
    with subprocess.Popen([sys.executable, "-c", "print(input()[::-1])"], stdin=-1, stdout=-1, text=True) as child:
        print(child.communicate("stressed\n")[0].strip())
