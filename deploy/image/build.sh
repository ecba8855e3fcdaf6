#!/bin/sh
# First stage of the image: the product, and nothing else, in a virtual environment: `build.sh PREFIX`.
# VERSION, where it is set, has to be the version that is built.
set -eu
prefix=${1:?usage: build.sh PREFIX}
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$source/kl_mcp/__init__.py")
if [ -n "${VERSION:-}" ] && [ "$VERSION" != "$version" ]; then
    printf 'build.sh: VERSION is %s, but this source is %s\n' "$VERSION" "$version" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pip() { "$work/build/bin/python" -m pip --disable-pip-version-check "$@"; }

# The tools of the build stay out of the product's environment, pip among them.
python3 -m venv "$work/build"
python3 "$here/locked.py" "$source/requirements.lock" hatchling hatch-fancy-pypi-readme >"$work/build.txt"
pip install --quiet --require-hashes -r "$work/build.txt"
pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work/wheels" "$source"

python3 -m venv --without-pip "$prefix"
python3 "$here/locked.py" "$source/requirements.lock" >"$work/product.txt"
# The lock is complete, which the check at the end confirms: nothing is left to resolve.
pip --python "$prefix/bin/python" install --quiet --no-deps --require-hashes -r "$work/product.txt"
pip --python "$prefix/bin/python" install --quiet --no-deps "$work"/wheels/*.whl
pip --python "$prefix/bin/python" check

install -m 0755 "$here/healthcheck.py" "$prefix/bin/kubeledger-healthcheck"
sed -i "1s|.*|#!$prefix/bin/python|" "$prefix/bin/kubeledger-healthcheck"

"$prefix/bin/kl-mcp" --version
"$prefix/bin/kl-collector" --version
