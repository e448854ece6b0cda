"""A clean Debian to install into: a folder with a root, entered by chroot, below namespaces of our own."""

import os
import pathlib
import shutil
import subprocess

USER = 1000
LONGEST = 1200  # seconds that one command may take, only against hangs

BINFMT = pathlib.Path("/proc/sys/fs/binfmt_misc")
ARM64 = ":tasklab-arm64:M::\\x7fELF\\x02\\x01\\x01" + "\\x00" * 9 + "\\x02\\x00\\xb7\\x00:" \
        + "\\xff" * 7 + "\\x00" + "\\xff" * 8 + "\\xfe" + "\\xff" * 3 + ":{}:OCF"


class Emulation:
    """While it is entered, the kernel runs arm64 programs by QEMU, in roots, too: the kernel opens the emulator now (F)."""

    def __init__(self, emulator):
        self.emulator, self.entry = emulator, BINFMT / "tasklab-arm64"

    def __enter__(self):
        if not (BINFMT / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=True)
        self.__exit__()
        (BINFMT / "register").write_text(ARM64.format(self.emulator))

    def __exit__(self, *_):
        if self.entry.exists():
            self.entry.write_text("-1")


def run(*command):
    subprocess.run(command, check=True)


class Root:
    """A Debian of its own below a folder, with an ordinary user."""

    def __init__(self, folder, architecture, suite):
        self.path = folder / "root"
        self.remove()
        self.path.mkdir()
        run("tar", "--extract", "--numeric-owner", "--directory", self.path, "--file", folder / f"{architecture}-{suite}.tar")
        cache = folder / f"cache-{architecture}"
        cache.mkdir(exist_ok=True)
        run("mount", "--bind", cache, self.path / "var/cache/apt/archives")
        run("mount", "-t", "proc", "proc", self.path / "proc")
        for shared in ("sys", "dev"):
            run("mount", "--rbind", f"/{shared}", self.path / shared)
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.path / "dev/shm")
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", self.path / "etc" / name)
        # A root that is thrown away needs no careful disk, and nobody reads translations in it.
        (self.path / "etc/dpkg/dpkg.cfg.d/careless").write_text("force-unsafe-io\n")
        (self.path / "etc/apt/apt.conf.d/careless").write_text('Acquire::Languages "none";\n')
        with open(self.path / "etc/passwd", "a") as passwd:
            passwd.write(f"pi:x:{USER}:{USER}::/home/pi:/bin/bash\n")
        home = self.path / "home/pi"
        home.mkdir(parents=True)
        os.chown(home, USER, USER)

    def run(self, *command, user=USER, env=(), timeout=LONGEST):
        """Runs a command and returns (exit status, standard output, standard error output)."""
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/home/pi" if user else "/root", "LC_ALL": "C.UTF-8",
                     "LIBGL_ALWAYS_SOFTWARE": "1", "DEBIAN_FRONTEND": "noninteractive", **dict(env)}
        variables |= {name: value for name, value in os.environ.items() if name.endswith("_proxy")}
        who = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
        whole = ["chroot", self.path, *(["setpriv", *who] if user else []), *command]
        try:
            done = subprocess.run(whole, env=variables, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                  timeout=timeout)
        except subprocess.TimeoutExpired as late:
            return -1, (late.stdout or b"").decode(errors="replace"), f"no end after {timeout} s"
        return done.returncode, done.stdout, done.stderr

    def apt(self, *command):
        status, out, err = self.run("apt-get", "-q", "-y", *command, user=0)
        if status:
            print(out[-3000:], err[-3000:])
        return status == 0

    def processes_of_the_user(self):
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()  # empty: a zombie, which our first process does not wait on
                if line and process.stat().st_uid == USER:
                    found.append(line.replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                pass
        return found

    def close(self):
        """Takes the mounts away."""
        for mounted in ("var/cache/apt/archives", "tmp/.X11-unix", "dev", "sys", "proc"):
            subprocess.run(["umount", "--lazy", "--recursive", self.path / mounted], stderr=subprocess.DEVNULL, check=False)

    def remove(self):
        # Should a mount be there in spite of all: it stays, with what is below.
        run("rm", "--recursive", "--force", "--one-file-system", self.path)
