#!/usr/bin/env python3
"""Task Lab on a Raspberry Pi that is emulated: the arm64 program drives pins, and what they do is read from outside.

    run.py PROGRAM PARTS [pi3] [sim]

PROGRAM is a static arm64 build of tasklab. PARTS is a folder with Debian's arm64 kernel (kernel/), a static arm64 busybox and, for
`sim`, gpiosim.ko. `pi3` boots QEMU's Raspberry Pi 3 and reads the registers through QEMU's monitor; `sim` boots QEMU's plain arm64
machine with the kernel's simulated GPIO chip, whose lines are pulled and read through sysfs. Exit status 0: all checks held.
"""

import gzip
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PIN = 17
GPIO_BASE = 0x3F200000  # of the Raspberry Pi 3: GPFSEL0 and, 0x34 above, GPLEV0 (BCM2835 ARM Peripherals, chapter 6)
LONGEST = 240  # seconds that one machine may take, only against hangs

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /usr/bin /usr/sbin /sbin
/bin/busybox --install -s 2>/dev/null
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/tmp
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
for module in /mod/*.ko; do [ -e "$module" ] && insmod $module; done
. /guest
sleep 9999
"""


def archive(entries):
    """A cpio archive (newc) of {path: (mode, bytes)}, which Linux unpacks as its first file system."""
    out = bytearray()
    for number, (path, (mode, data)) in enumerate([*entries.items(), ("TRAILER!!!", (0, b""))], 1):
        name = path.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def initramfs(program, parts, guest, modules):
    """What the machine boots: busybox, the program, what the guest does, modules in their order."""
    entries = {folder: (0o040755, b"") for folder in ("bin", "mod")}
    entries["bin/busybox"] = (0o100755, (parts / "busybox").read_bytes())
    entries["bin/sh"] = (0o120777, b"busybox")
    entries["bin/tasklab"] = (0o100755, program.read_bytes())
    entries["guest"] = (0o100644, (HERE / guest).read_bytes())
    entries["init"] = (0o100755, INIT.encode())
    for number, module in enumerate(modules):
        entries[f"mod/{number:02}-{module.name}"] = (0o100644, module.read_bytes())
    return gzip.compress(archive(entries), 1)


class Monitor:
    """QEMU's own view of the machine's memory."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.answer()

    def answer(self):
        heard = b""
        while not heard.endswith(b"(qemu) "):
            heard += self.socket.recv(4096)
        return heard.decode(errors="replace")

    def word(self, address):
        self.socket.sendall(b"xp /1wx %#x\n" % address)
        return int(re.findall(r": 0x([0-9a-f]{8})", self.answer())[-1], 16)

    def pin(self):
        """(whether the pin is an output, its level)"""
        function = self.word(GPIO_BASE + 4 * (PIN // 10)) >> (3 * (PIN % 10)) & 7
        return function == 1, self.word(GPIO_BASE + 0x34) >> PIN & 1


class Machine:
    """An emulated machine; its serial line, line by line."""

    def __init__(self, options, image):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / "initrd").write_bytes(image)
        self.monitor_path = folder / "monitor"
        command = ["qemu-system-aarch64", *options, "-initrd", folder / "initrd", "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-monitor", f"unix:{self.monitor_path},server,nowait"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.watchdog = threading.Timer(LONGEST, self.process.kill)
        self.watchdog.start()

    def lines(self):
        began = time.monotonic()
        for line in self.process.stdout:
            line = line.decode(errors="replace").rstrip()
            print(f"  [{time.monotonic() - began:6.1f} s] {line}", flush=True)
            yield line
            if line == "END" or "Kernel panic" in line:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Checks:
    """Counts what held and what did not."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def check(self, what, holds, seen=""):
        print(f"    {'ok' if holds else 'FAILED'}: {what}{f' ({seen})' if seen != '' else ''}", flush=True)
        if holds:
            self.passed += 1
        else:
            self.failed.append(what)


def pi3(program, parts, checks):
    """Pins of the Raspberry Pi 3, through the registers and through the character device."""
    kernel = parts / "kernel"
    tree = next(kernel.glob("usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb"))
    options = ["-M", "raspi3b", "-m", "1G", "-kernel", next(kernel.glob("boot/vmlinuz-*")), "-dtb", tree,
               "-append", "console=ttyAMA0,115200 rdinit=/init panic=-1 loglevel=3 iomem=relaxed"]
    ended, slowest = False, 0.0
    with Machine(options, initramfs(program, parts, "guest-pi3.sh", [])) as machine:
        monitor = Monitor(machine.monitor_path)
        for line in machine.lines():
            word, _, rest = line.partition(" ")
            if word == "LEVEL":
                level, _, what = rest.partition(" ")
                is_output, seen = monitor.pin()
                wanted = (True, 1) if level == "high" else (False, 0)
                checks.check(f"from outside, {level}: {what}", (is_output, seen) == wanted, f"output {is_output}, level {seen}")
            elif word == "KILLED":
                killed = time.monotonic()
                while monitor.pin()[1] and time.monotonic() - killed < 1.9:
                    time.sleep(0.01)
                took = time.monotonic() - killed
                slowest = max(slowest, took)
                checks.check(f"low after SIGKILL: {rest}", monitor.pin()[1] == 0, f"{took * 1000:.0f} ms")
            elif word == "STATUS":
                wanted = {"set": "143", "eeprom": "2"}.get(rest.split()[0], "0")
                checks.check(f"exit status {wanted}: {rest}", rest.split()[-1] == wanted)
            elif word == "COUNT":
                # Six changes; the last one left it low, so giving it back is none.
                checks.check(f"edges of a blink: {rest}", rest.split()[-1] == "6")
            ended |= line == "END"
    checks.check("the guest came to its end", ended)
    print(f"  slowest way to low after SIGKILL: {slowest * 1000:.0f} ms, looked at through QEMU's monitor", flush=True)


def sim(program, parts, checks):
    """The kernel's simulated chip: who holds a line, edges, resistors, bouncing."""
    kernel = parts / "kernel"
    configfs = parts / "configfs.ko"
    modules = [configfs, parts / "gpiosim.ko"]
    options = ["-M", "virt", "-net", "none", "-cpu", "cortex-a53", "-m", "1G", "-kernel", next(kernel.glob("boot/vmlinuz-*")),
               "-append", "console=ttyAMA0,115200 rdinit=/init panic=-1 loglevel=3"]
    seen = {}
    with Machine(options, initramfs(program, parts, "guest-sim.sh", modules)) as machine:
        for line in machine.lines():
            word, _, rest = line.partition(" ")
            seen.setdefault(word, []).append(rest)
    text = lambda word: " ".join(seen.get(word, []))
    checks.check("a held line is refused, with its owner's name", "somebody else holds it" in text("BUSY"))
    checks.check("driven high, seen from outside", text("OUTSIDE") == "high 1", text("OUTSIDE"))
    checks.check("the list names us as the owner", "tasklab:gpio" in text("OWNER"), text("OWNER"))
    checks.check("a second Task Lab is refused", "tasklab:gpio holds it" in text("TWICE"), text("TWICE"))
    edges = [int(value) for value in re.findall(r'"value":(\d)', text("EDGE"))]
    times = [int(value) for value in re.findall(r'"t":(\d+)', text("EDGE"))]
    checks.check("four pulls are four edges, in order", edges == [1, 0, 1, 0] and times == sorted(times), f"{edges}")
    checks.check("our pull-up is seen from outside", text("BIAS") == "pull-up", text("BIAS"))
    checks.check("what bounces is one change", text("COUNT") == "debounced 1", text("COUNT"))
    checks.check("five SIGKILLs leave the line low", [rest.split()[1] for rest in seen.get("SAFE", [])] == ["0"] * 5, text("SAFE"))
    checks.check("the guest came to its end", "END" in seen)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, parts = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    passed, failed = 0, []
    for name in sys.argv[3:] or ["pi3", "sim"]:
        # The guest waits for fixed times, which a busy host may miss: what fails is tried once more on a new machine.
        for attempt in ("", ", once more"):
            print(f"{name}{attempt}:", flush=True)
            checks = Checks()
            {"pi3": pi3, "sim": sim}[name](program, parts, checks)
            if not checks.failed:
                break
        passed += checks.passed
        failed += checks.failed
    for what in failed:
        print(f"FAILED: {what}")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
