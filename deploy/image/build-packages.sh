#!/bin/sh
# First stage of the image, as root: what it takes to compile the RRD binding.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev librrd-dev >/dev/null
rm -rf /var/lib/apt/lists/*
