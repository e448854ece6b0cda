#!/usr/bin/env python3
"""Task Lab on a Raspberry Pi that is emulated: the arm64 program drives pins, and what they do is read from outside.

    run.py PROGRAM PARTS [pi3] [pi4] [sim] [cores]

PROGRAM is a static arm64 build of tasklab. PARTS is a folder with Debian's arm64 kernel (kernel/), a static arm64 busybox, for `sim`
gpiosim.ko, and for `pi4` a newer QEMU (qemu/) where the machine's own has no Raspberry Pi 4. `pi3` and `pi4` boot QEMU's Raspberry
Pis and read the registers through QEMU's monitor; `sim` boots QEMU's plain arm64 machine with the kernel's simulated GPIO chip,
whose lines are pulled and read through sysfs; `cores` boots it with two
cores, of which one is switched off and on. A guest waits for what it has caused, and where the host has to look meanwhile, for a
line from the host: nothing here depends on how fast the machine is. Exit status 0: all checks held.
"""

import gzip
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from checks import Checks

PIN = 17
# GPFSEL0 and, 0x34 above, GPLEV0 (BCM2835 ARM Peripherals, chapter 6); the resistors of a Raspberry Pi 4 are 0xe4 above (BCM2711 ARM
# Peripherals, chapter 5), and its QEMU model (hw/gpio/bcm2838_gpio.c) has them.
PI3_GPIO, PI4_GPIO = 0x3F200000, 0xFE200000
PULLS = ["no pull", "pull-up", "pull-down"]
LONGEST = 300  # seconds that one machine may take, only against hangs
PATIENCE = 20  # seconds that a level may take

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


def compiled(source):
    """A static arm64 program from this C file."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "program"
        subprocess.run(["aarch64-linux-gnu-gcc", "-static", "-pthread", source, "-o", program], check=True)
        return program.read_bytes()


def initramfs(program, parts, guest, modules):
    """The files that the machine boots: busybox, the program, the guest's script, modules in their order."""
    entries = {folder: (0o040755, b"") for folder in ("bin", "mod")}
    entries["bin/busybox"] = (0o100755, (parts / "busybox").read_bytes())
    entries["bin/sh"] = (0o120777, b"busybox")
    entries["bin/tasklab"] = (0o100755, program.read_bytes())
    entries["bin/cross"] = (0o100755, compiled(HERE.parent / "support" / "cross.c"))
    entries["guest"] = (0o100644, (HERE / guest).read_bytes())
    entries["wait"] = (0o100644, (HERE / "guest-wait.sh").read_bytes())
    entries["init"] = (0o100755, INIT.encode())
    for number, module in enumerate(modules):
        entries[f"mod/{number:02}-{module.name}"] = (0o100644, module.read_bytes())
    return gzip.compress(archive(entries), 1)


def without_bluetooth(tree):
    """A device tree whose first serial line is ours: what would hear it instead of the console is overwritten with FDT_NOP (Devicetree
    Specification, 5.4). Without this the guest hears no word from the host."""
    name = b"\0\0\0\1bluetooth\0\0\0"  # FDT_BEGIN_NODE
    word = lambda at: int.from_bytes(tree[at:at + 4])
    start = tree.index(name)
    at = start + len(name)
    while word(at) == 3:  # FDT_PROP: length, name, value; then FDT_END_NODE
        at += 12 + -(-word(at + 4) // 4) * 4
    return tree[:start] + b"\0\0\0\4" * ((at + 4 - start) // 4) + tree[at + 4:]


class Monitor:
    """QEMU's own view of the machine's memory, with the GPIO registers from `gpio` on."""

    def __init__(self, path, gpio):
        self.gpio = gpio
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
        function = self.word(self.gpio + 4 * (PIN // 10)) >> (3 * (PIN % 10)) & 7
        return function == 1, self.word(self.gpio + 0x34) >> PIN & 1

    def pulls(self):
        """The resistor of each line of the header, of a Raspberry Pi 4."""
        words = [self.word(self.gpio + 0xE4), self.word(self.gpio + 0xE8)]
        return {f"GPIO{line}": PULLS[words[line // 16] >> (2 * (line % 16)) & 3] for line in range(2, 28)}


class Machine:
    """An emulated machine; its serial line, line by line."""

    def __init__(self, qemu, options, image, tree=None):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / "initrd").write_bytes(image)
        if tree:
            (folder / "tree").write_bytes(without_bluetooth(tree.read_bytes()))
            options = [*options, "-dtb", folder / "tree"]
        self.monitor_path = folder / "monitor"
        command = [*qemu, *options, "-initrd", folder / "initrd", "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-monitor", f"unix:{self.monitor_path},server,nowait"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
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

    def go_on(self):
        """Tells the guest that the host has seen what it wanted to see."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def raspberry(qemu, model, tree, gpio, more, program, parts, guest, checks, hear=None):
    """Boots a Raspberry Pi and checks what its guest tells; what only one guest tells is for `hear(word, rest, monitor)`."""
    kernel = parts / "kernel"
    options = ["-M", model, "-kernel", next(kernel.glob("boot/vmlinuz-*")), "-append",
               f"console=ttyAMA0,115200 rdinit=/init panic=-1 loglevel=3 iomem=relaxed {more}"]
    tree = next(kernel.glob(f"usr/lib/linux-image-*/broadcom/{tree}"))
    ended = False
    with Machine(qemu, options, initramfs(program, parts, guest, []), tree) as machine:
        monitor = Monitor(machine.monitor_path, gpio)
        for line in machine.lines():
            word, _, rest = line.partition(" ")
            if word == "LEVEL":
                level, _, what = rest.partition(" ")
                is_output, seen = monitor.pin()
                wanted = (True, 1) if level == "high" else (False, 0)
                checks.check(f"from outside, {level}: {what}", (is_output, seen) == wanted, f"output {is_output}, level {seen}")
                machine.go_on()
            elif word == "KILLED":
                killed = time.monotonic()
                while monitor.pin()[1] and time.monotonic() - killed < PATIENCE:
                    time.sleep(0.01)
                took = time.monotonic() - killed
                checks.check(f"low after SIGKILL: {rest}", monitor.pin()[1] == 0, f"after {took * 1000:.0f} ms, looked at through QEMU's monitor")
                machine.go_on()
            elif word == "STATUS":
                wanted = {"set": "143", "eeprom": "2"}.get(rest.split()[0], "0")
                checks.check(f"exit status {wanted}: {rest}", rest.split()[-1] == wanted)
            elif word == "COUNT":
                # Six changes; the last one left it low, so giving it back is none.
                checks.check(f"edges of a blink: {rest}", rest.split()[-1] == "6")
            elif hear and hear(word, rest, monitor):
                machine.go_on()
            ended |= line == "END"
    checks.check("the guest came to its end", ended)


def pi3(program, parts, checks):
    """Pins of the Raspberry Pi 3, through the registers and through the character device; switch records, allowed and refused; and the owners
    of a foreign program's locks."""

    def hear(word, rest, _):
        if word == "LIST":
            checks.check("the list says that this model's resistors cannot be read", "pull cannot be read on this model" in rest)
        elif word == "DEADLOCK":
            scope, _, text = rest.partition(" ")
            held = re.search("left waits for lock 0x[0-9a-f]+, held by right, which waits for lock 0x[0-9a-f]+, held by left", text)
            checks.check(f"ptrace_scope {scope}: a deadlock of a foreign program is named to an ordinary user", bool(held), text)
        elif word == "RECORDS":
            paranoid, exact, shares, doctor = (rest + "   ").split(" ", 3)
            told = f"{exact} sums from switch records, {shares} from schedstat; {doctor.strip()}"
            if paranoid == "2":
                checks.check("paranoid 2: an ordinary user's run has switch records", exact != "0" and shares == "0", told)
                checks.check("paranoid 2: doctor says so", "✓" in doctor and "switch records" in doctor)
            else:
                checks.check("paranoid 3: an ordinary user's run has shares of time", exact == "0" and shares != "0", told)
                checks.check("paranoid 3: doctor says why", "kernel.perf_event_paranoid is 3" in doctor)

    raspberry(QEMU, "raspi3b", "bcm2837-rpi-3-b.dtb", PI3_GPIO, "", program, parts, "guest-pi3.sh", checks, hear)


# Drivers of what QEMU's Raspberry Pi 4 lacks: interrupts, an I2C bus and a clock of its HDMI ports. Without these words its kernel
# touches their registers and panics.
LACKING = "initcall_blacklist=brcmstb_l2_driver_init,brcmstb_i2c_driver_init,clk_dvp_driver_init"


def pi4(program, parts, checks):
    """Resistors of the Raspberry Pi 4: what is read without a claim is what QEMU's registers hold."""
    qemu = newer_qemu(parts)
    if not qemu:
        checks.skip("the resistors of a Raspberry Pi 4", "QEMU has that machine (raspi4b) from version 9.0 on")
        return

    def hear(word, rest, monitor):
        if word != "LIST":
            return False
        wanted, board, *text = rest.split(" ", 2)
        checks.check(f"{board}: the header is listed", bool(text))
        if not text:
            return True
        pins = {pin["name"]: pin for pin in json.loads(text[0])["pins"] if pin["direction"]}
        listed, held = {name: pin["pull"] for name, pin in pins.items()}, monitor.pulls()
        checks.check(f"{board}: the resistors of 26 lines are those of the registers", listed == held and len(listed) == 26,
                     ", ".join(f"{pull}: {sum(value == pull for value in held.values())}" for pull in PULLS))
        asked = {"up": "pull-up", "down": "pull-down", "off": "no pull"}.get(wanted)
        if asked:
            checks.check(f"{board}: GPIO{PIN} has the resistor that was asked for", listed[f"GPIO{PIN}"] == asked, listed[f"GPIO{PIN}"])
        else:
            # As a Raspberry Pi starts: GPIO0 to GPIO8 are pulled up, the others down.
            checks.check(f"{board}: at reset, GPIO8 is pulled up and GPIO9 down", (listed["GPIO8"], listed["GPIO9"]) == ("pull-up", "pull-down"))
            checks.check(f"{board}: nobody holds a line for it", all(pin["owner"] is None for pin in pins.values()))
        return True

    # One of its four processors is enough here, and does not wait for the others on a host that is busy.
    raspberry(qemu, "raspi4b", "bcm2711-rpi-4-b.dtb", PI4_GPIO, f"{LACKING} maxcpus=1", program, parts, "guest-pi4.sh", checks, hear)


QEMU = ["qemu-system-aarch64"]


def newer_qemu(parts):
    """A QEMU that has the Raspberry Pi 4: this machine's, or the one that parts.sh has unpacked."""
    unpacked = parts / "qemu"
    for command in (QEMU, [unpacked / "usr/bin/qemu-system-aarch64", "-L", unpacked / "usr/share/qemu"]):
        try:
            machines = subprocess.run([*command, "-M", "help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        except OSError:
            continue
        if "raspi4b" in machines:
            return command
    return None


def sim(program, parts, checks):
    """The kernel's simulated chip: who holds a line, edges, resistors, bouncing."""
    kernel = parts / "kernel"
    configfs = parts / "configfs.ko"
    modules = [configfs, parts / "gpiosim.ko"]
    options = ["-M", "virt", "-net", "none", "-cpu", "cortex-a53", "-m", "1G", "-kernel", next(kernel.glob("boot/vmlinuz-*")),
               "-append", "console=ttyAMA0,115200 rdinit=/init panic=-1 loglevel=3"]
    seen = {}
    with Machine(QEMU, options, initramfs(program, parts, "guest-sim.sh", modules)) as machine:
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


def cores(program, parts, checks):
    """A core that is switched off and on and a wall clock that is stepped, while a run of an ordinary user goes on."""
    options = ["-M", "virt", "-net", "none", "-cpu", "cortex-a53", "-smp", "2", "-m", "1G",
               "-kernel", next((parts / "kernel").glob("boot/vmlinuz-*")), "-append", "console=ttyAMA0,115200 rdinit=/init panic=-1 loglevel=3"]
    seen = {}
    with Machine(QEMU, options, initramfs(program, parts, "guest-cores.sh", [])) as machine:
        for line in machine.lines():
            word, _, rest = line.partition(" ")
            seen.setdefault(word, []).append(rest)
    checks.check("the guest came to its end", "END" in seen)
    if "END" not in seen:
        return
    checks.check("the run ended as its program did", seen.get("STATUS") == ["0"], f"{seen.get('STATUS')}")
    events = [json.loads(line) for line in seen.get("LINE", [])]
    began, ended = (float(time) for time in seen["TOOK"][0].split())
    whole = max(event["t"] for event in events)
    for kind in ("task.cpu", "cores"):
        times = [event["t"] for event in events if event["kind"] == kind]
        checks.check(f"no step of the wall clock is in the times: {kind}", times == sorted(times) and whole / 1e9 <= ended - began,
                     f"{times[0]} to {times[-1]} ns in {ended - began:.1f} s")
    sums = [event for event in events if event["kind"] == "task.cpu"]
    spans = [sum(event[part] for part in ("ran_ns", "ready_ns", "blocked_ns")) for event in sums]
    least = min(event[part] for event in sums for part in ("ran_ns", "ready_ns", "blocked_ns"))
    checks.check("no sum is negative or longer than the run", least >= 0 and max(spans) <= whole, f"{least} to {max(spans)} ns")
    last = {event["tid"]: event for event in sums if event.get("final")}
    checks.check("all sums are exact: nothing was lost", all(event["exact"] for event in sums))
    said = "".join(event["text"] for event in events if event["kind"] == "output")
    told = [(last[int(tid)]["ran_ns"], int(used)) for tid, used in re.findall(r"(\d+) (\d+)", said)]
    # The kernel's number is read a little before the end of the thread.
    checks.check("the time on a core is what the kernel has counted", len(told) == 2 and all(
        -0.02 * used <= ran - used <= 0.02 * used + 5e7 for ran, used in told), f"{told}")
    for what, from_line, to_line in (rest.split() for rest in seen.get("PHASE", [])):
        phase = [event for event in events[int(from_line):int(to_line)] if event["kind"] == "task.cpu" and not event.get("final")]
        used = sorted({core for event in phase for core in event["cores"]})
        checks.check(f"the second core is {what}: the threads were on cores {used}", used == [0, 1] if what == "on" else used == [0])
    checks.check("each phase has passed", [rest.split()[0] for rest in seen.get("PHASE", [])] == ["off", "on", "off", "off", "off", "on"])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, parts = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    passed, skipped, failed = 0, 0, []
    for name in sys.argv[3:] or ["pi3", "pi4", "sim", "cores"]:
        # A test that fails is tried once more on a new machine, aloud: an emulator on a busy host is not a Raspberry Pi.
        for attempt in ("", ", once more"):
            print(f"{name}{attempt}:", flush=True)
            checks = Checks()
            {"pi3": pi3, "pi4": pi4, "sim": sim, "cores": cores}[name](program, parts, checks)
            if not checks.failed:
                break
        passed += checks.passed
        skipped += checks.skipped
        failed += checks.failed
    for what in failed:
        print(f"FAILED: {what}")
    print(f"{passed} passed, {skipped} skipped, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
