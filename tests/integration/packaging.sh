#!/usr/bin/env bash
# Proves what is installed: one file under twisted/, the plugin listed once, and one version,
# however and from wherever the package was installed. PYTHON names the Python to use; WHEELS, if
# set, is a directory to leave the wheel in.
set -euo pipefail

python=${PYTHON:-python3}
checkout=$(cd "$(dirname "$0")/../.." && pwd)
WHEELS=${WHEELS:+$(mkdir -p "$WHEELS" && cd "$WHEELS" && pwd)}
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
# Everything below happens where the checkout isn't, so that nothing is found in it by chance.
cd "$temporary"

fail() {
    printf 'packaging: %s\n' "$1" >&2
    exit 1
}

"$python" -m venv build
build/bin/pip install --quiet 'build>=1.2'
build/bin/python -m build --wheel --outdir wheels "$checkout" >build.log 2>&1 || {
    cat build.log >&2
    fail 'the wheel does not build'
}
names=$("$python" -c '
import sys, zipfile
for name in zipfile.ZipFile(sys.argv[1]).namelist():
    if name.startswith("twisted/"):
        print(name)
' wheels/*.whl)
[ "$names" = twisted/plugins/pbrealm_plugin.py ] ||
    fail "the wheel should put one file under twisted/, and puts these: $names"
"$python" -c '
import sys, zipfile
assert "pbrealm/py.typed" in zipfile.ZipFile(sys.argv[1]).namelist()
' wheels/*.whl ||
    fail 'the wheel lacks py.typed, without which type checkers ignore its annotations'
"$python" -c '
import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
for name in ("index.html", "app.css", "app.js"):
    assert f"pbrealm/admin/static/{name}" in names, name
' wheels/*.whl ||
    fail 'the wheel lacks the page of the administration'
if [ -n "$WHEELS" ]; then
    cp wheels/*.whl "$WHEELS"
fi
echo "packaging: the wheel puts one file under twisted/: $names"

listed_once() { # what was done, and the environment it was done to
    count=$("$2/bin/twistd" --help | grep -c '^ *pbrealm ' || true)
    [ "$count" = 1 ] || fail "twistd --help lists pbrealm $count times after $1"
    echo "packaging: twistd --help lists pbrealm once after $1"
    # Not by way of a pipe that grep leaves early: twistd would fail for that.
    options=$("$2/bin/twistd" pbrealm --help)
    case $options in
        *--listen*) ;;
        *) fail "no options after $1" ;;
    esac
    "$2/bin/python" -c 'import twisted.internet.reactor' || fail "no Twisted left after $1"
    "$2/bin/python" -c '
from importlib.metadata import version
import pbrealm
assert version("pbrealm") == pbrealm.__version__, (version("pbrealm"), pbrealm.__version__)
' || fail "the package and its metadata state different versions after $1"
}

"$python" -m venv plain
plain/bin/pip install --quiet "$checkout"
listed_once 'pip install .' plain

"$python" -m venv editable
editable/bin/pip install --quiet --editable "$checkout"
listed_once 'pip install -e .' editable

# The environment of the image, by the commands of the Containerfile, from what it copies.
mkdir image
sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' "$checkout/Containerfile" | tr ' ' '\n' | while read -r name; do
    cp -R "$checkout/$name" image/
done
sed -n '/ AS build$/,/^FROM /s/^RUN //p' "$checkout/Containerfile" |
    sed "s|^python |$python |; s|/opt/pbrealm|$temporary/opt|g" >image.sh
(cd image && sh -eu ../image.sh) || fail "the commands of the Containerfile fail"
listed_once 'the commands of the Containerfile' opt
opt/bin/pbrealm --version
