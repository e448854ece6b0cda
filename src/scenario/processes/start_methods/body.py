"""Fork, spawn, fork server: three ways to start a process that runs a function."""
import multiprocessing
import sys
import time

method = "all"
rounds = 2
guard = True
pause = 0.7
greeting = "hello"


def hello(method):
    cpu = time.process_time() * 1000
    print(f"{method}: began after {cpu:.1f} ms of CPU, says {greeting}", flush=True)
    time.sleep(pause)


if __name__ == "__main__" or not guard:
    default = multiprocessing.get_all_start_methods()[0]
    print(f"Python 3.{sys.version_info.minor} starts processes by {default}", flush=True)
    try:
        multiprocessing.set_start_method(default)
        multiprocessing.set_start_method("spawn")
    except RuntimeError as error:
        print(f"set_start_method: {error}", flush=True)

    greeting = greeting.upper()
    for word in ["spawn", "fork", "forkserver"] if method == "all" else [method]:
        context = multiprocessing.get_context(word)
        for number in range(1, rounds + 1):
            process = context.Process(target=hello, args=(word,), name=f"{word}-{number}")
            process.start()
            process.join()
            print(f"{process.name} left with {process.exitcode}", flush=True)
