#!/bin/sh
# Goes through the Dockerfile's steps without a container engine, in fresh Debian roots, and starts what came out of them
# as the image's user on a read-only root: `deploy/image/exercise.sh`, as root, with debootstrap. Takes a few minutes.
set -eu
[ "$(id -u)" = 0 ] || { echo "exercise.sh: chroot needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "exercise.sh: install debootstrap" >&2; exit 1; }
source=$(cd "$(dirname "$0")/../.." && pwd)
mirror=${MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# All mounts of a run are in a namespace of its own and end with it.
within() {
    root=$1
    shift
    unshare --mount --pid --fork --kill-child sh -ec '
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount -t devpts devpts "$root/dev/pts"
        mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
        exec chroot "$root" "$@"' within "$root" "$@"
}

say "A fresh root"
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$work/base" "$mirror" >"$work/log" ||
    { tail "$work/log" >&2; exit 1; }
# What lies between this machine and the package index is its own affair: its authorities and pip settings go along.
cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/ca-certificates.crt"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$work/base/etc/pip.conf"
cp -a "$work/base" "$work/build"
mv "$work/base" "$work/final"

say "First stage"
mkdir -p "$work/build/src"
# .dockerignore lists what the build reads; the patterns are meant to be expanded.
# shellcheck disable=SC2046
(cd "$source" && tar -c --exclude=__pycache__ $(sed -n 's/^!//p' .dockerignore)) | tar -x -C "$work/build/src"
# The image's base has the headers of its Python, Debian packages them apart.
within "$work/build" sh -ec 'apt-get update -qq; apt-get install -y -qq --no-install-recommends python3-dev >/dev/null'
within "$work/build" /src/deploy/image/build-packages.sh
within "$work/build" /src/deploy/image/build.sh /opt/kubeledger

say "Last stage"
cp -a "$work/build/src/deploy/image" "$work/final/steps"
within "$work/final" /steps/runtime.sh
rm -rf "$work/final/steps"
cp -a "$work/build/opt/kubeledger" "$work/final/opt/kubeledger"
! chroot "$work/final" dpkg-query -W librrd-dev gcc 2>/dev/null || { echo "a compiler is in the last stage" >&2; exit 1; }

say "As user 10001 on a read-only root"
unshare --mount --pid --net --fork --kill-child sh -ec '
    root=$1
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o uid=10001,gid=10001,mode=0770 books "$root/var/lib/kubeledger"
    mount -t tmpfs tmp "$root/tmp"
    mount -o remount,bind,ro "$root"
    ip link set lo up
    exec chroot --userspec=10001:10001 "$root" env -i PATH=/opt/kubeledger/bin:/usr/bin:/bin \
        KL_DB_LOCATION=/var/lib/kubeledger/db KL_DATA_DIR=/var/lib/kubeledger/data \
        KL_K8S_API_ENDPOINT=http://127.0.0.1:9 sh -eu -c "
            ! touch /here 2>/dev/null || exit 1
            # No cluster answers: the tick is stored as unobserved, through librrd, and published.
            kl-collector run & collector=\$!
            kl-mcp & server=\$!
            for i in \$(seq 60); do
                kl-collector health >/dev/null 2>&1 && kubeledger-healthcheck \$server 2>/dev/null && break
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
