# Debian's packages, unpacked and not installed, from the mirror that this machine uses itself. Sourced; needs apt and dpkg-deb.

# The mirror's address, as /etc/apt has it.
debian_mirror() {
    mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n1)
    [ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' /etc/apt/sources.list)
    [ -n "$mirror" ] || { echo "found no mirror in /etc/apt" >&2; exit 3; }
    echo "$mirror"
}

# This release, and the backports of one that is older than what a Raspberry Pi runs today.
debian_suites() {
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    case $release in
        bookworm) echo "bookworm bookworm-backports" ;;
        "") echo "this is no Debian release with a code name" >&2; exit 3 ;;
        *) echo "$release" ;;
    esac
}

# From here on apt-get and apt-cache know the packages of amd64 and arm64, and keep what they know and fetch in this folder alone.
debian_lists() {
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/etc"
    touch "$1/status"
    mirror=$(debian_mirror)
    suites=$(debian_suites)
    for suite in $suites; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
    done >"$1/etc/sources.list"
    cat >"$1/apt.conf" <<CONF
Dir::State::Lists "$1/lists"; Dir::State::status "$1/status"; Dir::Cache "$1/cache";
Dir::Etc::sourcelist "$1/etc/sources.list"; Dir::Etc::sourceparts "-";
APT::Architecture "amd64"; APT::Architectures { "amd64"; "arm64"; }; Acquire::Languages "none"; APT::Sandbox::User "root";
CONF
    export APT_CONFIG="$1/apt.conf"
    apt-get -qq update
}
