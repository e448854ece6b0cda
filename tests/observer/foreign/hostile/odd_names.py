# lanes: main, caf?, 工人
# ends: main: exit 3
# exit: 3
"""Names with half a character, and in another script than the system's language has."""
import asyncio
import subprocess
import sys
import threading

for name in ("caf\udce9", "工人"):
    thread = threading.Thread(target=print, args=("hello",), name=name)
    thread.start()
    thread.join()


async def task():
    named = asyncio.create_task(asyncio.sleep(0), name="\ud800")
    await named
    print(ascii(named.get_name()))


asyncio.run(task())
print(subprocess.run([sys.executable, "-c", "import sys; print(ascii(sys.argv[1]))", "x\udce9"], capture_output=True, text=True).stdout)
sys.exit(3)
