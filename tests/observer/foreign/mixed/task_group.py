# lanes: main, Task-1, good, bad, worse
# exit: 1
"""A group of coroutines in which two fail: the group of exceptions ends the program."""
import asyncio


async def fetch(name, log):
    try:
        await asyncio.sleep(600 if name == "good" else 0)
        if name == "bad":
            raise ConnectionError("no answer")
        if name == "worse":
            raise LookupError("no such name")
    finally:
        log.append(name)


async def main():
    log = []
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0), name="short")
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("good", "bad", "worse"):
                group.create_task(fetch(name, log), name=name)
    except* LookupError as errors:
        print("caught", errors.exceptions)
    finally:
        print(sorted(log), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
