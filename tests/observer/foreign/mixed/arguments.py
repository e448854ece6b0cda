# lanes: main, left, right
# argv: --times 2 left right --verbose "two words"
# exit: 5
"""Arguments and statuses: what comes in by the command line, and what goes out at the end."""
import argparse
import os
import sys
import threading


def parse():
    parser = argparse.ArgumentParser(description="Says names.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("rest")
    return parser, parser.parse_intermixed_args()


def say(name, times):
    said.append(name * times)


if __name__ == "__main__":
    said = []
    print(os.path.basename(sys.argv[0]), sys.argv[1:], sys.orig_argv[-6:] == sys.argv[1:], __file__ == sys.argv[0])
    parser, arguments = parse()
    for name in arguments.names:
        thread = threading.Thread(target=say, args=(name, arguments.times), name=name)
        thread.start()
        thread.join()
    print(said, arguments.rest, arguments.verbose)
    try:
        parser.error("no such name")
    except SystemExit as error:
        sys.exit(error.code + 3)
