# lanes: main, Task-1
"""Programs that a loop starts, with their pipes, and signals that it handles."""
import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE


async def run(*command, given=None):
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE if given else None, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate(given)
    return out.decode(), err.decode(), process.returncode


async def main():
    print(await asyncio.gather(run("echo", "one"), run("sort", given=b"b\na\n"), run("sh", "-c", "echo two >&2; exit 3")))
    shell = await asyncio.create_subprocess_shell("echo $((6 * 7)); kill -9 $$", stdout=PIPE)
    print(await shell.stdout.readline(), await shell.wait())
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(input() + '!')", stdin=PIPE, stdout=PIPE)
    child.stdin.write(b"hi\n")
    print(await child.stdout.read(), await child.wait())
    long = await asyncio.create_subprocess_exec("sleep", "600")
    try:
        await asyncio.wait_for(long.wait(), 0.01)
    except asyncio.TimeoutError:
        long.terminate()
    print(await long.wait())
    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    print(await got.wait())


asyncio.run(main())
