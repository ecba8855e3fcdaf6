#!/bin/sh
# Takes what installs packages out of a Python installation: `without-pip.sh PREFIX`, such as /usr/local of the base.
set -eu
prefix=${1:?usage: without-pip.sh PREFIX}
for library in "$prefix"/lib/python3*; do
    rm -rf "$library/ensurepip"
    for packages in "$library/site-packages" "$library/dist-packages"; do
        rm -rf "$packages/pip" "$packages"/pip-*.dist-info "$packages/wheel" "$packages"/wheel-*.dist-info \
            "$packages/setuptools" "$packages"/setuptools-*.dist-info "$packages/pkg_resources" \
            "$packages/_distutils_hack" "$packages/distutils-precedence.pth"
    done
done
rm -f "$prefix/bin/pip" "$prefix"/bin/pip3* "$prefix/bin/wheel"

# Another version of the base may name it otherwise.
left=$(find "$prefix/bin" "$prefix"/lib/python3*/site-packages "$prefix"/lib/python3*/dist-packages -maxdepth 1 \
    \( -name 'pip*' -o -name 'setuptools*' -o -name 'wheel*' \) 2>/dev/null || true)
[ -z "$left" ] || { printf 'without-pip.sh: still there:\n%s\n' "$left" >&2; exit 1; }
