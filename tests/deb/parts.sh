#!/bin/sh
# Fetches what the packages are tried on, and installs none of it. As root; needs: apt, dpkg-deb, mmdebstrap, arch-test.
#   parts.sh FOLDER qemu                      QEMU's user emulation of arm64, FOLDER/qemu-aarch64
#   parts.sh FOLDER root ARCHITECTURE SUITE   a minimal Debian, FOLDER/ARCHITECTURE-SUITE.tar; one of another architecture needs
#                                             that the kernel runs its programs
set -eu
folder=$(mkdir -p "$1" && realpath "$1")
. "$(dirname "$0")/../debian.sh"

case $2 in
    qemu)
        [ ! -e "$folder/qemu-aarch64" ] || exit 0
        scratch=$folder/scratch
        rm -rf "$scratch"
        debian_lists "$scratch"
        newest=$(debian_suites)
        cd "$scratch/cache"
        # bookworm's own (7.2) is too old: it refuses a clone with CLONE_PIDFD, by which the supervisor starts everything.
        apt-get -qq -t "${newest##* }" download qemu-user:amd64
        dpkg-deb -x "$(ls qemu-user_*.deb)" "$scratch/qemu"
        cp "$scratch/qemu/usr/bin/qemu-aarch64" "$folder/"
        rm -rf "$scratch"
        ;;
    root)
        [ ! -e "$folder/$3-$4.tar" ] || exit 0
        mirror=$(debian_mirror)
        mmdebstrap --quiet --mode=root --variant=apt --architectures="$3" "$4" "$folder/partial.tar" "$mirror"
        mv "$folder/partial.tar" "$folder/$3-$4.tar"
        ;;
esac
