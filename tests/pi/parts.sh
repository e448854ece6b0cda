#!/bin/sh
# Fetches what the emulated Raspberry Pi is made of, from this machine's own Debian mirror, and installs none of it:
# Debian's arm64 kernel with its device trees, a static arm64 busybox, the kernel's simulated GPIO chip, which Debian does not
# build, from the kernel's source, and a QEMU with a Raspberry Pi 4 where the installed one is older than that machine.
# usage: parts.sh FOLDER      needs: apt, dpkg-deb, xz, make, gcc-aarch64-linux-gnu, bc, flex, bison
set -eu
folder=$(mkdir -p "$1" && realpath "$1")
scratch=$folder/scratch
rm -rf "$scratch"
. "$(dirname "$0")/../debian.sh"
newest=$(debian_suites)
newest=${newest##* }

# Without it one part of the tests is skipped, aloud: that is no reason to skip the others.
fetch_qemu() {
    debian_lists "$scratch" && cd "$scratch/cache" &&
        apt-get -qq -t "$newest" download qemu-system-arm:amd64 qemu-system-data:all &&
        dpkg-deb -x qemu-system-arm_*.deb "$scratch/qemu" && dpkg-deb -x qemu-system-data_*.deb "$scratch/qemu" &&
        mv "$scratch/qemu" "$folder/qemu"
}
if [ ! -e "$folder/qemu" ] && ! qemu-system-aarch64 -M help | grep -q '^raspi4b '; then
    (fetch_qemu) || echo "parts: could not fetch a QEMU with a Raspberry Pi 4 from $newest" >&2
    rm -rf "$scratch"
fi
[ ! -e "$folder/complete" ] || exit 0

debian_lists "$scratch"
image=$(apt-cache depends -t "$newest" linux-image-arm64:arm64 | sed -n 's/.*Depends: *\(linux-image-[0-9][^ ]*\).*/\1/p' | head -n1)
version=${image#linux-image-}
version=${version%:arm64}
version=${version%-arm64}
[ -n "$version" ] || { echo "parts: $newest has no arm64 kernel" >&2; exit 3; }
source=linux-source-$(echo "$version" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
echo "parts: Linux $version"

cd "$scratch/cache"
apt-get -qq download "linux-image-$version-arm64-unsigned:arm64" 2>/dev/null || apt-get -qq download "linux-image-$version-arm64:arm64"
apt-get -qq download busybox-static:arm64 "linux-headers-$version-arm64:arm64" "linux-headers-$version-common:all" \
    "linux-kbuild-$version:amd64" "$source:all"
unpack() { dpkg-deb -x "$(ls "$1"*.deb | head -n1)" "$2"; }
rm -rf "$folder/kernel" && mkdir "$folder/kernel"
unpack linux-image- "$folder/kernel"
unpack busybox-static "$scratch/busybox"
find "$scratch/busybox" -name busybox -type f -exec cp {} "$folder/busybox" \;
for package in linux-headers-"$version"-arm64 linux-headers-"$version"-common linux-kbuild-"$version" "$source"; do
    unpack "$package" "$scratch/build"
done
xz -dc "$(find "$folder/kernel" -name 'configfs.ko.xz')" >"$folder/configfs.ko"

# gpio-sim and the irq_sim that it needs, as one module for that kernel.
headers=$(ls -d "$scratch"/build/usr/src/linux-headers-*-arm64)
sed -i "s#include /usr/src#include $scratch/build/usr/src#" "$headers/Makefile"
sed -i 's#gcc-1[0-9]#gcc#' "$headers/.kernelvariables"
module=$scratch/gpiosim
mkdir "$module"
archive=$(ls "$scratch"/build/usr/src/linux-source-*.tar.xz)
tar -xOf "$archive" --wildcards '*/drivers/gpio/gpio-sim.c' >"$module/gpio-sim.c"
tar -xOf "$archive" --wildcards '*/kernel/irq/irq_sim.c' >"$module/irq_sim.c"
# irq_to_desc is not for modules; generic_handle_irq does the same here.
sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' "$module/irq_sim.c"
printf 'obj-m := gpiosim.o\ngpiosim-y := gpio-sim.o irq_sim.o\n' >"$module/Makefile"
make -s -C "$headers" M="$module" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CONFIG_DEBUG_INFO_BTF_MODULES= modules
cp "$module/gpiosim.ko" "$folder/"
rm -rf "$scratch"
touch "$folder/complete"
