#!/usr/bin/env bash
# Prepares a Debian 12/13 or Raspberry Pi OS machine for Task Lab, then runs the mode that is asked for:
#
#   packaging/setup.sh run [ARGS…]   builds the program and opens the window (or runs `tasklab ARGS…`)
#   packaging/setup.sh test          formatting, lints and all tests
#   packaging/setup.sh build         the optimised program, target/release/tasklab
#   packaging/setup.sh deb           the packages, target/debian/tasklab_*.deb, checked: for this machine, and on amd64 for arm64, too
#   packaging/setup.sh bench         the benchmarks
#   packaging/setup.sh test-pi       the arm64 program on emulated Raspberry Pis, their pins read from outside
#   packaging/setup.sh test-deb      the packages, installed by apt in clean Debian roots, used, removed; arm64 by emulation
#   packaging/setup.sh ready MODE    only what MODE needs: packages and Rust
#
# Only what is missing is installed, and only from Debian's own packages: no other compiler, no SDK.
set -euo pipefail
umask 022

rust_wanted=1.95
cargo_deb_version=3.8.0

# Each list says what it is for. The window's libraries are opened at run time, so none is needed to build.
build_packages="gcc libc6-dev ca-certificates"               # rustc links with gcc; cargo fetches crates over TLS
window_packages="libgl1 libegl1 libgl1-mesa-dri libx11-6 libx11-xcb1 libxcb1 libxcursor1 libxi6 libxrender1
    libxkbcommon0 libxkbcommon-x11-0 libwayland-client0 libwayland-egl1"
python_packages="python3"                                    # the scenarios' Python twins
# A screen and a mouse for the window tests; setpriv, unshare and prlimit; system calls that fail; another machine, on this one; LEDs in Python.
test_packages="xvfb xdotool util-linux procps strace openssh-client python3-gpiozero"
cross_packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross rustc-web libstd-rust-web-dev:arm64"   # arm64 programs, built here
pi_packages="qemu-system-arm make xz-utils bc flex bison libelf-dev libssl-dev kmod"   # the machine, and a module for its kernel
deb_packages="dpkg-dev lintian desktop-file-utils appstream"   # dpkg-shlibdeps, and the programs that check the package
root_packages="mmdebstrap arch-test binutils util-linux xvfb"   # clean Debians to install in, readelf, namespaces, a screen

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 3
}

# --- Debian's packages -------------------------------------------------------------------------------------------

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Whether this user can act as root: it is root, or has a sudo that needs no password or can ask for one.
may_act_as_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

apt_update_once() {
    [ -n "${apt_updated:-}" ] && return
    say "reading the package lists (apt-get update)"
    apt_get update || die "could not read the package lists; run as root: apt-get update"
    apt_updated=yes
}

# Lets apt install packages of another architecture beside this machine's.
add_architecture() {
    command -v dpkg >/dev/null || return 0
    case " $(dpkg --print-architecture) $(dpkg --print-foreign-architectures | tr '\n' ' ') " in *" $1 "*) return 0 ;; esac
    may_act_as_root || die "packages for $1 are needed; run as root: dpkg --add-architecture $1"
    say "allowing packages for $1 (dpkg --add-architecture)"
    as_root dpkg --add-architecture "$1"
    apt_updated=
}

# An amd64 machine makes the arm64 package, too.
is_amd64() { [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; }

# Installs those of the packages that are missing; the first argument says what for.
install_packages() {
    local why=$1 package missing=()
    shift
    if ! command -v apt-get >/dev/null; then
        say "this machine has no apt-get; please install, for $why: $*"
        return
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    local command="apt-get install --no-install-recommends ${missing[*]}"
    may_act_as_root || die "$why: packages are missing, and sudo is not there or needs a password; run as root: $command"
    apt_update_once
    say "installing for $why: ${missing[*]}"
    # --no-remove: the machine's owner decides whether another package may be removed.
    apt_get install -y --no-remove --no-install-recommends "${missing[@]}" ||
        die "could not install what $why needs; run as root: $command"
}

# Installs sshd for the tests of the pool across systems, which start one of their own on a free port. The machine's owner has not asked
# for a server on port 22, so where the package is new, its own service is neither started nor enabled.
install_ssh_server() {
    is_installed openssh-server && return
    command -v apt-get >/dev/null || return 0   # the tests print what they could not check
    local systemd='' failed=''
    [ ! -d /run/systemd/system ] || systemd=yes
    [ -z "$systemd" ] || ! may_act_as_root || as_root systemctl --quiet mask ssh.service ssh.socket || true
    (install_packages "make test (an sshd for the tests; its service stays off)" openssh-server) || failed=$?
    if [ -n "$systemd" ] && may_act_as_root; then
        as_root systemctl --quiet unmask ssh.service ssh.socket || true
        as_root systemctl --quiet disable ssh.service ssh.socket || true
    fi
    [ -z "$failed" ] || exit "$failed"
}

# Installs CPython's own tests for Debian's Python: they show that the observer changes nothing. The package has Python's version in its name.
install_python_tests() {
    local version
    command -v apt-get >/dev/null || return 0   # the tests print what they could not check
    version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || return 0
    install_packages "make test (CPython's own tests)" "libpython$version-testsuite"
}

# --- Rust --------------------------------------------------------------------------------------------------------

# Whether `$1 --version` prints at least the wanted version.
is_new_enough() {
    local version
    version=$(cd "$root" && "$1" --version 2>/dev/null) || return 1
    version=$(printf '%s' "$version" | sed -n 's/^[a-z]* \([0-9][0-9.]*\).*/\1/p')
    [ -n "$version" ] && [ "$(printf '%s\n' "$rust_wanted" "$version" | sort -V | head -n1)" = "$rust_wanted" ]
}

# Puts a cargo and a rustc that are new enough first in PATH: the installed ones, else Debian's.
find_rust() {
    local own="${CARGO_HOME:-$HOME/.cargo}/bin"
    case ":$PATH:" in *":$own:"*) ;; *) PATH="$PATH:$own" ;; esac
    export PATH
    if is_new_enough cargo && is_new_enough "${RUSTC:-rustc}"; then return; fi
    if command -v cargo >/dev/null; then
        say "$(cargo --version 2>/dev/null || echo cargo) is older than $rust_wanted; looking for Debian's"
    fi
    # Debian backports a current Rust for its browsers, under these names. Its programs are in /usr/bin.
    if ! { [ -x /usr/bin/cargo ] && is_new_enough /usr/bin/cargo; }; then
        command -v apt-get >/dev/null || die "Rust $rust_wanted or newer is needed; install it from your system's packages or with rustup"
        ! may_act_as_root || apt_update_once
        local offered
        offered=$(apt-cache policy rustc-web | sed -n 's/^ *Candidate: //p')
        if [ -z "$offered" ] || [ "$offered" = "(none)" ] || dpkg --compare-versions "$offered" lt "$rust_wanted"; then
            die "Rust $rust_wanted or newer is needed, and this system's rustc-web is ${offered:-not there}; install Rust with rustup (rustup update stable, if you have it)"
        fi
        install_packages "building (Debian's Rust $offered)" rustc-web cargo-web
    fi
    PATH="/usr/bin:$PATH"
    export PATH RUSTC=/usr/bin/rustc
    is_new_enough cargo || die "Rust $rust_wanted or newer is needed, and /usr/bin/cargo is older"
}

# Installs rustfmt and clippy from Debian for Debian's Rust. A rustup toolchain has its own.
find_checkers() {
    if [ "$(command -v cargo)" = /usr/bin/cargo ] && is_installed rustc-web; then
        install_packages "make test (formatting and lints)" rustfmt-web rust-web-clippy
    fi
}

# --- Modes -------------------------------------------------------------------------------------------------------

ready_for_packages() {
    local why=$1
    shift
    if is_amd64; then
        add_architecture arm64
        # shellcheck disable=SC2086
        set -- "$@" $cross_packages
    fi
    # shellcheck disable=SC2086
    install_packages "$why" $build_packages $python_packages $deb_packages "$@"
}

make_ready() {
    # The lists are split into words on purpose.
    # shellcheck disable=SC2086
    case "$1" in
        build) install_packages "building" $build_packages ;;
        run) install_packages "make run (building and the window)" $build_packages $window_packages $python_packages ;;
        test)
            install_packages "make test (building and testing)" $build_packages $window_packages $python_packages $test_packages
            install_ssh_server
            install_python_tests
            ;;
        deb) ready_for_packages "make deb (building and packaging)" ;;
        test-deb) ready_for_packages "make test-deb (packaging, and clean Debians to install in)" $root_packages ;;
        bench) install_packages "make bench (building, and Python to compare with)" $build_packages $window_packages $python_packages ;;
        test-pi)
            add_architecture arm64
            install_packages "make test-pi (building for arm64, and emulating a Raspberry Pi)" \
                $build_packages $python_packages $cross_packages $pi_packages
            ;;
        *) die "there is no mode '$1'; there are: run test build deb bench test-pi test-deb ready" ;;
    esac
    find_rust
    [ "$1" != test ] || find_checkers
    say "$(cargo --version), $("${RUSTC:-rustc}" --version)"
}

run_program() {
    say "building (the first time takes some minutes)"
    cargo run --release --locked --quiet -- "$@"
}

build_program() {
    cargo build --release --locked
    say "built ${CARGO_TARGET_DIR:-target}/release/tasklab"
}

# cargo for arm64: with Debian's compiler, which has libraries for arm64, and the cross linker.
arm64_cargo() {
    RUSTC=/usr/bin/rustc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc cargo "$@" --locked --target aarch64-unknown-linux-gnu
}

# Tests a static arm64 program without the window on an emulated Raspberry Pi. It is optimised less than a release: that builds faster,
# and an emulator is slow either way.
test_on_pi() {
    if ! is_amd64; then
        say "skipped: the emulated Raspberry Pi is for amd64 machines; on a Raspberry Pi, tasklab gpio shows the real thing"
        return 0
    fi
    say "building for arm64"
    CARGO_TARGET_DIR=target/arm64 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
        arm64_cargo build --release --no-default-features
    say "fetching Debian's arm64 kernel and the other parts of the machine (target/pi)"
    tests/pi/parts.sh target/pi
    python3 tests/pi/run.py target/arm64/aarch64-unknown-linux-gnu/release/tasklab target/pi "$@"
}

run_benchmarks() { cargo bench --locked "$@"; }

# Makes the man page and the completions by the program for this machine. The packages for both architectures hold them.
make_documents() {
    local kind
    for kind in man bash zsh fish; do
        cargo run --release --locked --quiet -- __document "$kind" >"target/packaging/tasklab.${kind/man/1}"
    done
}

build_package() {
    if ! cargo deb --version >/dev/null 2>&1; then
        say "installing cargo-deb $cargo_deb_version with cargo"
        cargo install cargo-deb --locked --version "$cargo_deb_version"
    fi
    mkdir -p target/packaging
    python3 packaging/copyright.py >target/packaging/copyright
    make_documents
    # Files in the packages have the time of the changelog's newest entry, so the same sources make the same package.
    SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l packaging/changelog -S Timestamp)
    export SOURCE_DATE_EPOCH
    rm -f target/debian/tasklab_*.deb
    cargo deb --locked --output target/debian/
    ! is_amd64 || arm64_cargo deb --output target/debian/
    desktop-file-validate packaging/org.tasklab.TaskLab.desktop
    appstreamcli validate --no-net packaging/org.tasklab.TaskLab.metainfo.xml
    lintian --allow-root --fail-on error,warning target/debian/tasklab_*.deb
    say "built and checked:" target/debian/tasklab_*.deb
}

# Installs, uses and removes the packages in clean Debians. The mounts and processes end with the test, since their namespaces do; making
# namespaces needs root.
try_packages() {
    build_package
    may_act_as_root || die "clean Debians to install in need root; run as root: make test-deb"
    if ! as_root unshare --mount --pid --fork --mount-proc true; then
        say "skipped: the packages are built and not tried, since no namespaces can be made here"
        return 0
    fi
    as_root unshare --mount --pid --fork --kill-child --mount-proc \
        python3 -B tests/deb/run.py target/deb-test target/debian/tasklab_*.deb
}

mode=${1:-}
[ -n "$mode" ] || die "which mode? run test build deb bench test-pi test-deb ready"
shift
cd "$root"
case "$mode" in
    ready) make_ready "${1:-run}" ;;
    *)
        make_ready "$mode"
        case "$mode" in
            run) run_program "$@" ;;
            build) build_program ;;
            bench) run_benchmarks "$@" ;;
            deb) build_package ;;
            test) exec packaging/check.sh "$@" ;;
            test-pi) test_on_pi "$@" ;;
            test-deb) try_packages ;;
        esac
        ;;
esac
