# lanes: main, careless, exiting, hooked, quiet
# ends: careless: ZeroDivisionError
# exit: 4
"""Threads that end by exceptions: the others live on, and a hook of the program's own sees the last one."""
import sys
import threading


def divide(by):
    share = 100 / by
    return share


class Careful(threading.Thread):
    def run(self):
        try:
            self.work()
        except KeyError as error:
            raise RuntimeError("no such drawer") from error

    def work(self):
        {}["drawer"]


def leave():
    sys.exit("only this thread ends, and says nothing")


def start_and_join(thread):
    thread.start()
    thread.join()
    print(thread.name, "lives" if thread.is_alive() else "has ended")


start_and_join(threading.Thread(target=divide, args=(0,), name="careless"))
start_and_join(threading.Thread(target=leave, name="exiting"))
start_and_join(Careful(name="hooked"))


def hook(args):
    print("hook:", args.exc_type.__name__, args.exc_value, args.thread.name, args.exc_traceback.tb_frame.f_code.co_name)


threading.excepthook = hook
start_and_join(threading.Thread(target=divide, kwargs={"by": "x"}, name="quiet"))
threading.excepthook = threading.__excepthook__
sys.exit(4)
