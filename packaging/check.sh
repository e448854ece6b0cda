#!/usr/bin/env bash
# Formatting, lints and all tests, on a machine that `setup.sh ready test` has prepared. `make test` calls this.
#
# The tests run as an ordinary user even where root builds: pipe limits, process limits and file modes do not hold
# for root, and a test that passes only for root proves little. Window tests get a screen of their own (Xvfb) where
# there is none.
set -euo pipefail
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'check: %s\n' "$*" >&2; }

scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/tasklab-check.XXXXXX")
xvfb=
finish() {
    [ -z "$xvfb" ] || kill "$xvfb" 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

as_user=()          # put before a command, runs it as the ordinary user
export CARGO_TERM_PROGRESS_WHEN=never
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0

# Root runs the tests as the user that called sudo, else as the user nobody, with a home folder of their own.
lend_to_user() {
    local uid=${SUDO_UID:-65534} gid=${SUDO_GID:-65534} home="$scratch/home"
    [ "$uid" != 0 ] || uid=65534 gid=65534
    chmod 755 "$scratch"
    mkdir "$home" "$home/tmp" "$home/run"
    chmod 700 "$home/run"
    chown -R "$uid:$gid" "$home"
    as_user=(setpriv "--reuid=$uid" "--regid=$gid" --clear-groups
        env -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_CACHE_HOME
        "HOME=$home" "TMPDIR=$home/tmp" "XDG_RUNTIME_DIR=$home/run"
        "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")

    # A checkout that this user cannot read (below /root) is copied to where it can.
    if ! "${as_user[@]}" test -r "$PWD/Cargo.toml"; then
        local copy=/var/tmp/tasklab-checkout
        say "user $uid cannot read $PWD: testing a copy in $copy"
        mkdir -p "$copy"
        if [ -L "$copy" ] || [ ! -O "$copy" ]; then
            say "could not use $copy: it belongs to another user; remove it"
            exit 3
        fi
        find "$copy" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
        tar --exclude=./target --exclude=./.git --mode=a+rX -cf - . | tar -C "$copy" --no-same-owner -xf -
        cd "$copy"
        export CARGO_TARGET_DIR="$copy/target"
    fi

    # Cargo builds as root, and runs the test programs through this. They write only to the target's tmp folder.
    local target=${CARGO_TARGET_DIR:-$PWD/target} triple
    mkdir -p "$target/tmp"
    chown -R "$uid:$gid" "$target/tmp"
    triple=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${triple}_RUNNER=${as_user[*]}"
    say "root builds, user $uid runs the tests"
}

# Starts a screen without a monitor as the same user. It has no access file, so only that user's programs may connect.
start_screen() {
    local number
    [ -d /tmp/.X11-unix ] || [ "$(id -u)" != 0 ] || install -d -m 1777 /tmp/.X11-unix
    exec 9< <(exec "${as_user[@]}" Xvfb -displayfd 1 -screen 0 1280x800x24 -nolisten tcp 2>"$scratch/xvfb.log")
    xvfb=$!
    if ! read -r -t 30 number <&9; then
        say "could not start Xvfb for the window tests:"
        cat "$scratch/xvfb.log" >&2
        exit 3
    fi
    export DISPLAY=":$number"
    unset WAYLAND_DISPLAY XAUTHORITY
    say "window tests on Xvfb $DISPLAY"
}

# Runs one of cargo's checkers. A missing one is skipped with a message on a developer's machine, and is an error in CI.
check() {
    local what=$1
    shift
    if ! cargo "$what" --version >/dev/null 2>&1; then
        say "skipped: cargo $what is not installed (rustup component add clippy rustfmt)"
        [ -z "${CI:-}" ] || exit 3
        return
    fi
    say "cargo $what $*"
    cargo "$what" "$@"
}

[ "$(id -u)" != 0 ] || lend_to_user
check fmt --all --check
check clippy --locked --workspace --all-targets -- -D warnings
check clippy --locked --no-default-features -- -D warnings
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || start_screen

# A test that skips something gives its name by its thread's. With a single test thread libtest names no thread after its test.
[ "$(nproc)" -gt 1 ] || export RUST_TEST_THREADS=2

# Runs tests, and keeps their log.
run_tests() {
    echo "run: $(date -u +%F), $(uname -srm)" >"$log"
    # --no-fail-fast: the other failures help to find the fault.
    # A script's background job has SIGINT ignored and hands that on, but the tests send SIGINT.
    env --default-signal cargo test --locked --no-fail-fast "$@" 2>&1 | tee -a "$log"
}

# Some 800 tests start thousands of processes on a machine that has other work, too. If one or two tests fail, they run once more,
# each alone. A real fault fails twice; a test that only collided with other work is named, so that we mend it.
once_more() {
    local failed again
    mapfile -t failed < <(sed -n 's/^test \([^ ]*\) \.\.\. FAILED$/\1/p' "$log" | sort -u)
    # There is no second run for a program that did not build or crashed, or for a failure without such a line.
    if [ "${#failed[@]}" = 0 ] || [ "${#failed[@]}" -gt 2 ] || grep -q '^error: could not compile\|(signal: ' "$log" ||
        [ "$(awk '/^test result:/ { sum += $6 } END { print sum }' "$log")" != "${#failed[@]}" ]; then
        return 1
    fi
    say "ONCE MORE, each alone: ${failed[*]}"
    log="$scratch/once-more.log"
    for again in "${failed[@]}"; do
        run_tests "$again" -- --exact || return 1
        if ! grep -q "^test $again \.\.\. ok\$" "$log"; then
            say "could not run $again once more"
            return 1
        fi
    done
    say "PASSED ONLY THE SECOND TIME, and wants mending: ${failed[*]}"
}

# A test that could not check something on this machine passes. The end of the run counts these tests and gives the reasons.
tell_skipped() {
    local skipped
    skipped=$(sed -n 's/^.*skipped: \([^ ]*\): /\1 /p' "$log" | sort -u)
    [ -n "$skipped" ] || return 0
    say "$(cut -d' ' -f1 <<<"$skipped" | sort -u | wc -l) tests skipped something:"
    awk '{ test = $1; sub(/^[^ ]* /, ""); tests[$0] = tests[$0] " " test; count[$0]++ }
        END { for (reason in count) printf "%7d × %s:%s\n", count[reason], reason, tests[reason] }' <<<"$skipped" >&2
}

# TASKLAB_BLESS writes these counts into tests/PROMISES.md.
log="${CARGO_TARGET_DIR:-target}/tests.log"
say "cargo test"
status=0
run_tests "$@" || status=$?
tell_skipped
[ "$status" = 0 ] || once_more
