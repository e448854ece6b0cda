# lanes: main, by-name, checked
# things: lock tool
"""A program that forbids files, and one that counts them: neither sees those of anybody else."""
import builtins
import sys
import threading
from unittest import mock


def run(name):
    tool = threading.Lock()

    def work():
        with tool:
            print(name)

    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join()


with mock.patch("builtins.open", mock.mock_open(read_data="x")) as opened:
    run("by-name")
    open("settings")
    print(opened.call_args_list)


def forbid(event, arguments):
    if event == "open" and threading.current_thread() is not threading.main_thread():
        raise RuntimeError("no files here")


sys.addaudithook(forbid)
builtins.open = None
run("checked")
