# lanes: main, twice, ForkServerProcess-2/reader
"""Processes that a server forks, and a pipe with two ends."""
import multiprocessing as mp
import os
import threading


def double(end):
    while True:
        try:
            end.send(end.recv() * 2)
        except EOFError:
            break
    end.close()


def read_in_thread(end, texts):
    thread = threading.Thread(target=lambda: texts.append(end.recv()), name="reader")
    thread.start()
    thread.join()
    end.send([*texts, threading.active_count(), mp.parent_process() is not None])


def main():
    context = mp.get_context("forkserver")
    ours, theirs = context.Pipe()
    with ours:
        process = context.Process(target=double, args=(theirs,), name="twice")
        process.start()
        theirs.close()
        for item in (21, "ab", [None]):
            ours.send(item)
            print(ours.recv())
        print(process.exitcode, process.pid != os.getpid(), ours.poll(0))
    process.join()
    print(process.exitcode)
    ours, theirs = context.Pipe()
    process = context.Process(target=read_in_thread, args=(theirs, ["said:"]))
    process.start()
    ours.send("hello")
    print(ours.recv())
    process.join()
    process.close()
    try:
        process.is_alive()
    except ValueError as error:
        print(error)


if __name__ == "__main__":
    main()
