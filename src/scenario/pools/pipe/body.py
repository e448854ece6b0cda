"""A pipe has two ends. An echo has one end for itself, two writers share one."""

import contextlib
import fcntl
import multiprocessing
import os
import time

word = "hello"
records = 10
size = 300
pause = 1.2


def started(name, target, *args):
    process = multiprocessing.Process(target=target, args=args, name=name)
    process.start()
    return process


def echo(theirs, ours):
    ours.close()  # With a copy of the other end it would never find the end of file.
    try:
        while True:
            theirs.send(theirs.recv().upper())
    except EOFError:
        print("echo: end of file")


def writer(letter, sink, lock):
    for _ in range(records):
        with lock:
            os.write(sink.fileno(), letter * size * 1000)


def two_writers(lock):
    source, sink = multiprocessing.Pipe(duplex=False)
    print(f"a pipe holds {fcntl.fcntl(sink, fcntl.F_GETPIPE_SZ)} bytes")
    started("writer-a", writer, b"a", sink, lock)
    started("writer-b", writer, b"b", sink, lock)
    sink.close()
    time.sleep(pause)  # The pipe gets full, and both writers wait.
    data = open(source.fileno(), "rb", closefd=False).read()
    return [data[n : n + size * 1000] for n in range(0, len(data), size * 1000)]


if __name__ == "__main__":
    ours, theirs = multiprocessing.Pipe()
    process = started("echo", echo, theirs, ours)
    theirs.close()
    for text in (word, "both ways"):
        time.sleep(0.6)
        ours.send(text)
        print(f"sent {text}, received {ours.recv()}")
    ours.close()
    process.join()

    for how, lock in (("without a lock", contextlib.nullcontext()), ("with a lock", multiprocessing.Lock())):
        pieces = two_writers(lock)
        torn = sum(len(set(piece)) > 1 for piece in pieces)
        print(f"{how} {torn} of {len(pieces)} records are torn")
