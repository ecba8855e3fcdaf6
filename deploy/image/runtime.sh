#!/bin/sh
# Last stage of the image, as root: librrd without its headers, the user, and the directory for its data; no pip.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends librrd8 >/dev/null
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log
"$(dirname "$0")/without-pip.sh" /usr/local
groupadd --gid 10001 kubeledger
useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/kubeledger --shell /usr/sbin/nologin kubeledger
# Group 0, for platforms that choose the user ID and leave the group at that.
install -d -o 10001 -g 0 -m 0770 /var/lib/kubeledger
