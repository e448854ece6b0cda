#!/usr/bin/env python3
"""The Debian packages as a user meets them: looked at, installed by apt in a clean Debian, used, removed.

    run.py FOLDER PACKAGE...

Each PACKAGE is tried in a root of its own architecture: amd64 in this machine's own release, arm64 in trixie, by QEMU's user
emulation. FOLDER keeps what is fetched (roots, packages, QEMU) and the pictures. Runs as root below

    unshare --mount --pid --fork --kill-child --mount-proc

so that no mount and no process outlives it; what it tells the kernel about arm64 programs it takes back. Exit status 0: all held.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from checks import Checks
from picture import look
from root import LONGEST, USER, Emulation, Root

BOOKWORM = (2, 36)  # its glibc, the oldest that a Raspberry Pi OS in use has
WINDOW = ["libegl1", "libgl1", "libwayland-client0", "libwayland-egl1", "libx11-6", "libx11-xcb1", "libxcb1", "libxcursor1", "libxi6",
          "libxkbcommon-x11-0", "libxkbcommon0", "libxrender1"]
FILES = ["usr/bin/tasklab", "usr/share/applications/org.tasklab.TaskLab.desktop", "usr/share/metainfo/org.tasklab.TaskLab.metainfo.xml",
         "usr/share/man/man1/tasklab.1.gz", "usr/share/bash-completion/completions/tasklab", "usr/share/zsh/vendor-completions/_tasklab",
         "usr/share/fish/vendor_completions.d/tasklab.fish", "usr/share/doc/tasklab/changelog.gz", "usr/share/doc/tasklab/copyright",
         "usr/share/icons/hicolor/scalable/apps/org.tasklab.TaskLab.svg", "usr/share/tasklab/python/tasklab/__init__.py",
         "usr/share/tasklab/lessons/pools/queue/body.py",
         *(f"usr/share/icons/hicolor/{size}x{size}/apps/org.tasklab.TaskLab.png" for size in (48, 64, 128, 256))]

# Under QEMU's user emulation a Rust lesson that forks is refused, and rightly so: the emulator's own thread makes each process one
# with two threads. Everything else here goes through the supervisor, and through the Python twins.
SCENARIOS = [("zombie", "rust"), ("barrier", "rust"), ("pipeline", "rust"), ("schedule", "rust"), ("wait", "python"),
             ("queue", "python")]

# The work of bash when a user has typed "tasklab run zom" and presses Tab.
COMPLETE = """
source /usr/share/bash-completion/completions/tasklab
COMP_WORDS=(tasklab run zom) COMP_CWORD=2
_tasklab tasklab zom run
echo "${COMPREPLY[@]}"
"""

# The versions that Mesa offers: the processor draws, at the level of each GPU. VideoCore IV is that of the Pi 3 and Zero 2 W, VI and
# VII those of the Pi 4 and 5.
LEVELS = {
    "any-gl": ({}, "1280x800"),
    "videocore-4": ({"MESA_GL_VERSION_OVERRIDE": "2.1", "MESA_GLES_VERSION_OVERRIDE": "2.0", "MESA_GLSL_VERSION_OVERRIDE": "120"}, "800x480"),
    "videocore-6": ({"MESA_GL_VERSION_OVERRIDE": "3.1", "MESA_GLES_VERSION_OVERRIDE": "3.1"}, "1280x800"),
}

# A compositor without a screen, as Raspberry Pi OS has it with one; then the window, and a picture of the whole desktop once more is
# on it than a bare background.
LABWC = """
export XDG_RUNTIME_DIR=/home/pi/run WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1
mkdir -m 700 -p $XDG_RUNTIME_DIR
labwc >/home/pi/labwc.log 2>&1 &
compositor=$!
wait_for() {
    tries=0
    while ! eval "$1"; do
        sleep 0.5
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "waited in vain: $1"; cat /home/pi/labwc.log /home/pi/window.log; exit 1; }
    done
}
wait_for '[ -S $XDG_RUNTIME_DIR/wayland-0 ]'
export WAYLAND_DISPLAY=wayland-0
tasklab --size 1200x680 --scenario lock >/home/pi/window.log 2>&1 &
window=$!
wait_for 'wlrctl toplevel list | grep "Task Lab"'
wait_for 'grim /home/pi/labwc.png && [ $(stat -c %s /home/pi/labwc.png) -gt 60000 ]'
sleep 10
grim /home/pi/labwc.png
kill $window
wait $window
echo "ended with $?"
cat /home/pi/window.log
kill $compositor
wait $compositor
"""


def say(text):
    print(f"  [{time.strftime('%H:%M:%S')}] {text}", flush=True)


def read(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LONGEST).stdout


def package_field(package, name):
    return read("dpkg-deb", "--field", package, name).strip()


def look_at(package, folder, checks):
    """Checks a package without installing it. Returns the paths of its files."""
    architecture = package_field(package, "Architecture")
    entries = [line.split(None, 5) for line in read("dpkg-deb", "--contents", package).splitlines()]
    paths = {path.split(" -> ")[0].removeprefix("./") for *_, path in entries}
    files = {path for path in paths if not path.endswith("/")}
    modes = {(entry[0], entry[1].replace("root/root", "0/0")) for entry in entries}
    checks.check("everything belongs to root; folders 755, the program 755, files 644",
                 modes <= {("drwxr-xr-x", "0/0"), ("-rwxr-xr-x", "0/0"), ("-rw-r--r--", "0/0")}
                 and [entry[5] for entry in entries if entry[0] == "-rwxr-xr-x"] == ["./usr/bin/tasklab"])
    checks.check("all files are there", not set(FILES) - files, " ".join(set(FILES) - files))
    checks.check("nothing outside /usr", all(path.startswith("usr/") for path in paths if path))
    hiding = [path for path in files if path.endswith(".py") and pathlib.Path(path).stem in sys.stdlib_module_names]
    checks.check("no file hides a module of Python's standard library", not hiding, " ".join(hiding))
    control = subprocess.run(["dpkg-deb", "--ctrl-tarfile", package], check=True, stdout=subprocess.PIPE).stdout
    parts = subprocess.run(["tar", "-t"], input=control, check=True, stdout=subprocess.PIPE).stdout.decode().split()
    checks.check("no maintainer scripts", {part.removeprefix("./") for part in parts} <= {"", "control", "md5sums"}, " ".join(parts))
    depends = {entry.split()[0] for entry in package_field(package, "Depends").split(",")}
    checks.check("depends on the C library and on what the window opens", not {"libc6", *WINDOW} - depends)

    unpacked = folder / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    read("dpkg-deb", "--extract", package, unpacked)
    program = unpacked / "usr/bin/tasklab"
    header = read("readelf", "--file-header", program)
    machine = {"amd64": "X86-64", "arm64": "AArch64"}[architecture]
    checks.check(f"the program is for {architecture}", machine in header)
    needed = {tuple(int(part) for part in version.split(".")) for version in
              re.findall(r"Name: GLIBC_([\d.]+)", read("readelf", "--version-info", program))}
    newest = max(needed)
    built_on = tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split("."))
    checks.check("it needs no newer glibc than it was built with, bookworm's at best", newest <= max(BOOKWORM, built_on),
                 f"{'.'.join(map(str, newest))}, built with {'.'.join(map(str, built_on))}")
    changelog = subprocess.run(["zcat", unpacked / "usr/share/doc/tasklab/changelog.gz"], check=True, stdout=subprocess.PIPE, text=True)
    version = package_field(package, "Version")
    checks.check("the changelog's newest entry is this version", changelog.stdout.startswith(f"tasklab ({version}) "), version)
    shutil.rmtree(unpacked)
    return files


def use(root, package, files, checks):
    """Installs the package by apt, uses it as an ordinary user, and leaves it installed."""
    version = package_field(package, "Version")
    shutil.copy(package, root.path / "root/tasklab.deb")
    before = left_of_it(root)
    say("apt-get install (with what it depends on and recommends)")
    checks.check("apt-get update", root.apt("update"))
    checks.check("apt-get install", root.apt("install", "/root/tasklab.deb"))
    checks.check("the root was clean before", before == [], " ".join(before))
    status, out, err = root.run("dpkg", "--verify", "tasklab", user=0)
    checks.check("the files are those of the package", (status, out) == (0, ""), out + err)
    checks.check("all of them", all(os.path.lexists(root.path / path) for path in files))

    status, out, _ = root.run("tasklab", "--version")
    checks.check("tasklab --version", (status, out.strip()) == (0, f"tasklab {version}"), out.strip())
    status, out, err = root.run("bash", "-c", COMPLETE)
    checks.check("bash completes a scenario", (status, out) == (0, "zombie\n"), out + err)
    status, out, err = root.run("tasklab", "doctor")
    print("".join(f"      {line}\n" for line in (out + err).splitlines()), end="")
    checks.check("tasklab doctor", status == 0 and "pidfd" in out)
    status, out, err = root.run("tasklab")
    checks.check("without a display: an error that names tasklab run", status == 3 and "tasklab run" in err, f"{status} {err.strip()}")
    for name, language in SCENARIOS:
        scenario(root, name, language, checks)
    lesson = "/usr/share/tasklab/lessons/pools/queue/body.py"
    status, out, err = root.run("python3", lesson, "items=4", env={"PYTHONPATH": "/usr/share/tasklab/python"})
    checks.check("a lesson in Python runs alone", status == 0 and "4 items taken" in out, f"{status} {out}{err}")
    status, out, err = root.run("tasklab", "exec", "--", "echo", "hello", ":::", "tr", "a-z", "A-Z")
    checks.check("tasklab exec: a pipeline", (status, out) == (0, "HELLO\n"), f"{status} {out}{err}")
    status, out, err = root.run("tasklab", "gpio", "set", "--board", "simulated", "--for", "0.5", "--json", "GPIO17=1")
    values = [event["value"] for event in map(json.loads, out.splitlines()) if event["kind"] == "gpio"]
    checks.check("tasklab gpio: driven, and given back", status == 0 and values == [1, 0], f"{status} {values} {err}")
    nothing_runs(root, checks)


def scenario(root, name, language, checks):
    began = time.monotonic()
    status, out, err = root.run("tasklab", "run", name, "--language", language, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    facts = [event for event in events if event["kind"] == "fact"]
    end = next((event for event in events if event["kind"] == "run.finished"), {})
    holds = status == 0 and facts and all(fact["holds"] for fact in facts) and end.get("outcome") == "passed" and end["processes_left"] == 0
    checks.check(f"tasklab run {name} ({language})", holds,
                 f"{sum(fact['holds'] for fact in facts)} of {len(facts)} facts, {len(events)} events, {time.monotonic() - began:.0f} s"
                 + ("" if holds else f"; status {status}: {[fact for fact in facts if not fact['holds']]} {err[-1500:]}"))


def nothing_runs(root, checks):
    """Waits until no process of the user is left."""
    deadline = time.monotonic() + 60
    while (left := root.processes_of_the_user()) and time.monotonic() < deadline:
        time.sleep(0.2)
    checks.check("no process is left", not left, " | ".join(left))


class Screen:
    """Xvfb, on this machine and as the user; the root gets its socket."""

    def __enter__(self):
        if not os.path.exists("/tmp/.X11-unix"):
            os.mkdir("/tmp/.X11-unix")
            os.chmod("/tmp/.X11-unix", 0o1777)
        reader, writer = os.pipe()
        self.xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp"], pass_fds=[writer],
                                     user=USER, group=USER, extra_groups=[], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as told:
            self.display = ":" + told.readline().strip()
        return self

    def __exit__(self, *_):
        self.xvfb.terminate()
        self.xvfb.wait()


def window(root, architecture, pictures, checks):
    """The window on an X server, at the levels of GL that the Pis have. A person looks at the pictures; here: that they are some."""
    checks.check("apt-get install mesa-utils (to ask what GL there is)", root.apt("install", "--no-install-recommends", "mesa-utils"))
    (root.path / "tmp/.X11-unix").mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", "/tmp/.X11-unix", root.path / "tmp/.X11-unix"], check=True)
    with Screen() as screen:
        for level, (variables, size) in LEVELS.items():
            variables = {"DISPLAY": screen.display, **variables}
            _, out, _ = root.run("glxinfo", "-B", env=variables)
            version = re.search(r"OpenGL version string: (\S+)", out)
            seen = version[1] if version else "none"
            checks.check(f"{level}: GL is lowered to what is asked for", seen == variables.get("MESA_GL_VERSION_OVERRIDE", seen), seen)
            began = time.monotonic()
            status, _, err = root.run("tasklab", "--size", size, "--scenario", "lock", "--screenshot", "/home/pi/window.png", "--after", "15",
                                      env=variables)
            checks.check(f"{level}: the window opens and closes", status == 0, f"{time.monotonic() - began:.0f} s {err[-1500:]}".strip())
            keep(root, "window.png", pictures / f"{architecture}-{level}.png", tuple(map(int, size.split("x"))), checks)
    nothing_runs(root, checks)


def keep(root, name, path, size, checks):
    made = root.path / "home/pi" / name
    if not made.exists():
        checks.check(f"a picture: {path}", False)
        return
    shutil.move(made, path)
    width, height, colours = look(path)
    checks.check(f"a picture: {path}", (width, height) == size and colours > 300, f"{width}x{height}, {colours} colours")


def under_labwc(root, architecture, pictures, checks):
    """The window on Raspberry Pi OS's own compositor."""
    say("apt-get install labwc")
    checks.check("apt-get install labwc", root.apt("install", "--no-install-recommends", "labwc", "grim", "wlrctl"))
    status, out, err = root.run("sh", "-c", LABWC)
    print("".join(f"      {line}\n" for line in (out + err).splitlines()[-20:]), end="")
    checks.check("a window of labwc's, by its name", "org.tasklab.TaskLab: Task Lab" in out)
    keep(root, "labwc.png", pictures / f"{architecture}-labwc.png", (1280, 720), checks)
    nothing_runs(root, checks)


def left_of_it(root):
    """Files with our name in the root, but for those that only this test put there."""
    found = read("find", root.path, "-xdev", "-iname", "*tasklab*").splitlines()
    ours = (str(root.path / "root/tasklab.deb"), str(root.path / "home/pi/"), str(root.path / "tmp/"))
    return [path for path in found if not path.startswith(ours)]


def remove(root, files, checks):
    status, out, err = root.run("dpkg", "--remove", "tasklab", user=0)
    checks.check("dpkg --remove", status == 0, err)
    left = left_of_it(root) + [path for path in files if os.path.lexists(root.path / path)]
    checks.check("nothing is left of it", not left, " ".join(left))
    status, out, _ = root.run("dpkg-query", "--show", "--showformat=${db:Status-Status}", "tasklab", user=0)
    checks.check("dpkg knows nothing of it", status == 1 or out == "not-installed", out)


def test(package, folder, checks):
    architecture = package_field(package, "Architecture")
    release = re.search(r"^VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text(), re.M)
    suite = release[1] if architecture == read("dpkg", "--print-architecture").strip() else "trixie"
    print(f"{package.name}, {package.stat().st_size / 1e6:.1f} MB, in {suite}:", flush=True)
    files = look_at(package, folder, checks)
    say("a clean root")
    read(HERE / "parts.sh", folder, "root", architecture, suite)
    root = Root(folder, architecture, suite)
    try:
        use(root, package, files, checks)
        window(root, architecture, folder / "pictures", checks)
        if suite != "bookworm":  # whose labwc is older than Raspberry Pi OS's
            under_labwc(root, architecture, folder / "pictures", checks)
        remove(root, files, checks)
    finally:
        root.close()
    root.remove()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if os.getpid() != 1:  # in a namespace of its own it is the first process
        sys.exit(f"not in namespaces of its own, where mounts end with it:\n{__doc__}")
    folder, packages = pathlib.Path(sys.argv[1]).resolve(), [pathlib.Path(package).resolve() for package in sys.argv[2:]]
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    checks = Checks()
    own = read("dpkg", "--print-architecture").strip()
    for package in packages:
        with contextlib.ExitStack() as stack:
            if package_field(package, "Architecture") != own:
                try:
                    read(HERE / "parts.sh", folder, "qemu")
                    stack.enter_context(Emulation(folder / "qemu-aarch64"))
                except (subprocess.SubprocessError, OSError) as error:
                    checks.skip(package.name, f"arm64 programs cannot be run here: {error}")
                    continue
            test(package, folder, checks)
    for what in checks.failed:
        print(f"FAILED: {what}")
    print(f"{checks.passed} passed, {checks.skipped} skipped, {len(checks.failed)} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
