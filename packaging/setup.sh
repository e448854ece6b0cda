#!/usr/bin/env bash
# Prepares a Debian 12/13 or Raspberry Pi OS machine for Task Lab, then does what was asked:
#
#   packaging/setup.sh run [ARGS…]   builds the program and opens the window (or runs `tasklab ARGS…`)
#   packaging/setup.sh test          formatting, lints and all tests
#   packaging/setup.sh build         the optimised program, target/release/tasklab
#   packaging/setup.sh deb           the package, target/debian/tasklab_*.deb, checked
#   packaging/setup.sh bench         the benchmarks
#   packaging/setup.sh ready MODE    only what MODE needs: packages and Rust
#
# Only what is missing is installed, and only from Debian's own packages: no other compiler, no SDK.
set -euo pipefail
umask 022

rust_wanted=1.95
cargo_deb_version=3.8.0

# What a mode needs, and why. The window's libraries are opened at run time, so none is needed to build.
build_packages="gcc libc6-dev ca-certificates"               # rustc links with gcc; cargo fetches crates over TLS
window_packages="libgl1 libegl1 libgl1-mesa-dri libx11-6 libx11-xcb1 libxcb1 libxcursor1 libxi6 libxrender1
    libxkbcommon0 libxkbcommon-x11-0 libwayland-client0 libwayland-egl1"
python_packages="python3"                                    # the scenarios' Python twins
# A screen and a mouse for the window tests; setpriv, unshare and prlimit; system calls that fail.
test_packages="xvfb xdotool util-linux procps strace"
deb_packages="dpkg-dev lintian desktop-file-utils appstream"   # dpkg-shlibdeps, and what checks the package

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 3
}

# --- Debian's packages -------------------------------------------------------------------------------------------

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Whether this user can act as root: is root, or has a sudo that needs no password or can ask for it.
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

# Installs those of the packages that are missing; the first argument says what for.
install_packages() {
    local why=$1 package missing=()
    shift
    if ! command -v apt-get >/dev/null; then
        say "this machine has no apt-get; please see to it that there are, for $why: $*"
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
    # --no-remove: a package that would push another one out is for the machine's owner to decide.
    apt_get install -y --no-remove --no-install-recommends "${missing[@]}" ||
        die "could not install what $why needs; run as root: $command"
}

# --- Rust --------------------------------------------------------------------------------------------------------

# Whether `$1 --version` says at least the version that is wanted.
is_new_enough() {
    local version
    version=$(cd "$root" && "$1" --version 2>/dev/null) || return 1
    version=$(printf '%s' "$version" | sed -n 's/^[a-z]* \([0-9][0-9.]*\).*/\1/p')
    [ -n "$version" ] && [ "$(printf '%s\n' "$rust_wanted" "$version" | sort -V | head -n1)" = "$rust_wanted" ]
}

# Puts a cargo and a rustc that are new enough first in PATH: those that are there, else Debian's.
find_rust() {
    local own="${CARGO_HOME:-$HOME/.cargo}/bin"
    case ":$PATH:" in *":$own:"*) ;; *) PATH="$PATH:$own" ;; esac
    export PATH
    if is_new_enough cargo && is_new_enough "${RUSTC:-rustc}"; then return; fi
    if command -v cargo >/dev/null; then
        say "$(cargo --version 2>/dev/null || echo cargo) is older than $rust_wanted; looking for Debian's"
    fi
    # Debian backports a current Rust for its browsers, under these names, with the programs in /usr/bin.
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

# rustfmt and clippy: with Debian's Rust from Debian; a rustup toolchain has its own.
find_checkers() {
    if [ "$(command -v cargo)" = /usr/bin/cargo ] && is_installed rustc-web; then
        install_packages "make test (formatting and lints)" rustfmt-web rust-web-clippy
    fi
}

# --- Modes -------------------------------------------------------------------------------------------------------

make_ready() {
    # The lists are split into words on purpose.
    # shellcheck disable=SC2086
    case "$1" in
        build) install_packages "building" $build_packages ;;
        run) install_packages "make run (building and the window)" $build_packages $window_packages $python_packages ;;
        test) install_packages "make test (building and testing)" $build_packages $window_packages $python_packages $test_packages ;;
        deb) install_packages "make deb (building and packaging)" $build_packages $python_packages $deb_packages ;;
        bench) install_packages "make bench (building, and Python to compare with)" $build_packages $window_packages $python_packages ;;
        *) die "there is no mode '$1'; there are: run test build deb bench ready" ;;
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

run_benchmarks() { cargo bench --locked "$@"; }

build_package() {
    if ! cargo deb --version >/dev/null 2>&1; then
        say "installing cargo-deb $cargo_deb_version with cargo"
        cargo install cargo-deb --locked --version "$cargo_deb_version"
    fi
    mkdir -p target/packaging
    python3 packaging/copyright.py >target/packaging/copyright
    cargo deb --locked --output target/debian/
    desktop-file-validate packaging/org.tasklab.TaskLab.desktop
    appstreamcli validate --no-net packaging/org.tasklab.TaskLab.metainfo.xml
    lintian --allow-root --fail-on error,warning target/debian/tasklab_*.deb
    say "built and checked: $(ls target/debian/tasklab_*.deb)"
}

mode=${1:-}
[ -n "$mode" ] || die "which mode? run test build deb bench ready"
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
        esac
        ;;
esac
