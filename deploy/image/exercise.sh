#!/bin/sh
# Goes through the Dockerfile's steps without a container engine, in throw-away Debian roots, and starts what came out of
# them as the image's user on a read-only root: `deploy/image/exercise.sh [debootstrap|overlay]`, as root.
#
#   debootstrap  roots from Debian's archive, with its Python; takes a few minutes
#   overlay      this machine's own root, a Debian's, less the packages that the steps install; what is written goes to
#                memory (half a GiB) and is gone afterwards. Takes half a minute
#
# Exit code 77: it cannot be done here, for the reason on standard error.
set -eu
kind=${1:-debootstrap}
source=$(cd "$(dirname "$0")/../.." && pwd)
mirror=${MIRROR:-http://deb.debian.org/debian}

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'exercise.sh: %s\n' "$*" >&2; exit 1; }
cannot() { printf 'exercise.sh: %s\n' "$*" >&2; exit 77; }

case $kind in debootstrap | overlay) ;; *) fail "$kind is neither debootstrap nor overlay" ;; esac
if [ -z "${EXERCISE_WORK:-}" ]; then
    [ "$(id -u)" = 0 ] || cannot "chroot needs root"
    command -v apt-get >/dev/null || cannot "this is no Debian"
    [ "$kind" = overlay ] || command -v debootstrap >/dev/null || cannot "install debootstrap"
    unshare --mount --pid --fork true 2>/dev/null || cannot "this machine lets nobody mount file systems"
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    # All mounts are in a namespace of their own and end with it.
    EXERCISE_WORK=$work unshare --mount "$0" "$kind"
    exit
fi
work=$EXERCISE_WORK

within() {
    root=$1
    shift
    unshare --mount --pid --fork --kill-child sh -ec '
        root=$1; shift
        mount -t proc proc "$root/proc"
        if [ -c "$root/dev/null" ]; then mount -t devpts devpts "$root/dev/pts"; else mount --rbind /dev "$root/dev"; fi
        exec chroot "$root" "$@"' within "$root" "$@"
}

overlay() { # overlay NAME LOWER...: a root at $work/NAME
    mkdir -p "$work/layers/$1" "$work/layers/$1.work" "$work/$1"
    mount -t overlay overlay "$work/$1" -o "lowerdir=$2,upperdir=$work/layers/$1,workdir=$work/layers/$1.work" 2>/dev/null ||
        cannot "this machine lets nobody mount an overlay"
}

own_base() {
    mkdir "$work/layers"
    mount -t tmpfs -o mode=0755 layers "$work/layers"
    overlay base /
    within "$work/base" python3 -c 'import venv, ensurepip' 2>/dev/null ||
        cannot "python3 is not on this machine's root file system, or cannot make virtual environments"
    # Nobody reads manuals in here, and their index takes seconds to make.
    rm -f "$work/base/var/lib/man-db/auto-update"
    printf '#!/bin/sh\nexit 101\n' >"$work/base/usr/sbin/policy-rc.d"
    chmod 0755 "$work/base/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2016
    within "$work/base" sh -ec '
        installed=$(dpkg-query -W -f "\${db:Status-Abbrev} \${Package}\n" librrd8 librrd-dev gcc libc6-dev 2>/dev/null |
            sed -n "s/^ii *//p")
        [ -n "$installed" ] || exit 0
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get remove -y -qq $installed >/dev/null' ||
        cannot "the packages that the steps install cannot be taken out of a copy of this machine's root"
    [ -z "$(find "$work/base/usr/lib" -name 'librrd.so*')" ] || cannot "this machine's librrd is not Debian's"
    umount "$work/base"
    overlay build "$work/layers/base:/"
    overlay final "$work/layers/base:/"
}

fresh_base() {
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$work/build" "$mirror" \
        >"$work/log" || { tail "$work/log" >&2; exit 1; }
    # What lies between this machine and the package index is its own affair: its authorities and pip settings go along.
    cp /etc/ssl/certs/ca-certificates.crt "$work/build/etc/ssl/certs/ca-certificates.crt"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$work/build/etc/pip.conf"
    cp -a "$work/build" "$work/final"
    # The image's base has the headers of its Python, Debian packages them apart.
    resolving "$work/build"
    within "$work/build" sh -ec 'apt-get update -qq; apt-get install -y -qq --no-install-recommends python3-dev >/dev/null'
}

resolving() {
    for file in /etc/resolv.conf /etc/hosts; do
        rm -f "$1$file"
        cp -L "$file" "$1$file"
    done
}

readable() { # The image's Python is everybody's; this machine's may lie in a home directory.
    directory=$2
    while [ "$directory" != / ]; do
        chmod a+rx "$1$directory"
        directory=$(dirname "$directory")
    done
}

say "Two roots"
if [ "$kind" = overlay ]; then own_base; else fresh_base; fi
resolving "$work/build"
resolving "$work/final"

say "First stage"
mkdir -p "$work/build/src"
# .dockerignore lists what the build reads; the patterns are meant to be expanded.
# shellcheck disable=SC2046
(cd "$source" && tar -c --exclude=__pycache__ $(sed -n 's/^!//p' .dockerignore)) | tar -x -C "$work/build/src"
within "$work/build" /src/deploy/image/build-packages.sh
within "$work/build" /src/deploy/image/build.sh /opt/kubeledger

say "Last stage"
# What the image's base brings for installing packages, where it has it: Debian's Python lies in /usr, without pip.
# shellcheck disable=SC2016
within "$work/build" sh -ec '
    work=$(mktemp -d)
    python3 -m venv "$work"
    python=$(ls "$work/lib")
    mkdir -p "/usr/local/lib/$python"
    cp -a "$work/lib/$python/site-packages" "/usr/local/lib/$python/"
    mkdir -p "/usr/local/lib/$python/ensurepip"
    cp -a "$work"/bin/pip* /usr/local/bin/'
for part in bin lib; do cp -a "$work/build/usr/local/$part/." "$work/final/usr/local/$part"; done
[ -x "$work/final/usr/local/bin/pip" ] || fail "pip is not there to be taken out"
cp -a "$work/build/src/deploy/image" "$work/final/steps"
within "$work/final" /steps/runtime.sh
rm -rf "$work/final/steps"
mkdir -p "$work/final/opt"
cp -a "$work/build/opt/kubeledger" "$work/final/opt/kubeledger"
for package in librrd-dev gcc; do
    ! chroot "$work/final" dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
        fail "$package is in the last stage"
done
[ -z "$(cd "$work/final/usr/local" && ls -d bin/pip* lib/python3*/ensurepip lib/python3*/*-packages/pip* 2>/dev/null)" ] ||
    fail "pip is in the last stage"
readable "$work/final" "$(within "$work/final" /opt/kubeledger/bin/python -c 'import sys; print(sys.base_prefix)')"

say "As user 10001 on a read-only root"
unshare --mount --pid --net --fork --kill-child sh -ec '
    root=$1
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    [ -c "$root/dev/null" ] || mount --rbind /dev "$root/dev"
    mount -t tmpfs -o uid=10001,gid=10001,mode=0770 books "$root/var/lib/kubeledger"
    mount -t tmpfs tmp "$root/tmp"
    mount -o remount,bind,ro "$root"
    ip link set lo up
    exec chroot --userspec=10001:10001 "$root" env -i PATH=/opt/kubeledger/bin:/usr/bin:/bin \
        KL_DB_LOCATION=/var/lib/kubeledger/db KL_DATA_DIR=/var/lib/kubeledger/data \
        KL_K8S_API_ENDPOINT=http://127.0.0.1:5484 sh -eu -c "
            test \$(id -u) = 10001
            ! touch /here 2>/dev/null || exit 1
            kl-mcp & server=\$!
            for i in \$(seq 60); do
                kubeledger-healthcheck \$server 2>/dev/null && break
                sleep 1
            done
            # The server is no cluster, but it says what time it is: the tick is tried for two minutes, then stored as
            # unobserved, through librrd, and published.
            kl-collector run & collector=\$!
            for i in \$(seq 400); do
                test -s /var/lib/kubeledger/data/dataset.json && break
                sleep 1
            done
            kl-collector health
            kubeledger-healthcheck \$collector
            kubeledger-healthcheck \$server
            test -s /var/lib/kubeledger/data/dataset.json
            kill \$server; wait \$server
            ! kubeledger-healthcheck \$server 2>/dev/null
            kill \$collector; wait \$collector"
' run "$work/final"
say "The image's steps work; its product measures $(du -sh "$work/final/opt/kubeledger" | cut -f1)"
