"""Writers put mails into a queue, and mailers take them out and send them."""

import multiprocessing
import os
import time

consumers = 2
capacity = 4
consume = 0.5
ends = 1
wait = True


def writer(letter, outbox):
    for number in range(1, 7):
        time.sleep(0.2)
        outbox.put(f"mail {letter}{number}")


def mailer(outbox, sent):
    while (mail := outbox.get()) != "END":
        time.sleep(consume)  # as a mail server may take
        print(f"{os.getpid()} sent {mail}")
        sent.put(1)
    print(f"{os.getpid()} found END")


def started(name, target, *args):
    process = multiprocessing.Process(target=target, args=args, name=name, daemon=True)
    process.start()
    return process


if __name__ == "__main__":
    outbox = multiprocessing.Queue(capacity)
    sent = multiprocessing.Queue()
    total = 0
    mailers = [started(f"mailer-{n}", mailer, outbox, sent) for n in range(1, consumers + 1)]
    writers = [started("writer-1", writer, "a", outbox), started("writer-2", writer, "b", outbox)]
    for process in writers:
        process.join()
    for _ in range(ends):
        outbox.put("END")
    if wait:
        time.sleep(3)  # time to look at the mailers
        left = sum(process.is_alive() for process in mailers)
        for _ in range(left):
            outbox.put("END")
        for process in mailers:
            process.join()
    while not sent.empty():
        total += sent.get()
    print(f"{total} mails are sent")
