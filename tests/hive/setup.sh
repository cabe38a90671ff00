#!/usr/bin/env bash
# Fetches a real Hive for the tests of this folder: the jars that the newest pyspark carries, and
# our own Java compiled against them. What is there already is used again; delete the folder to
# start anew. Exit 77, with the reason, where the machine cannot have it; any other code but 0 is
# a fault of ours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ATHENA_FLOW_CACHE:-$here/../../.cache}/hive
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
python=$cache/venv/bin/python

cannot() {
  echo "hive: not possible here: $*" >&2
  exit 77
}

command -v java >/dev/null || cannot "no java on the PATH"
version=$(javac -version 2>&1) || cannot "no javac on the PATH (a JDK of 17 or later is needed)"
[[ $version =~ ([0-9]+) && ${BASH_REMATCH[1]} -ge 17 ]] || cannot "$version is older than 17"

if [ ! -e "$cache/installed" ]; then # else a venv, if any, is the rest of a broken download
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv" || cannot "python3 makes no virtual environment"
  "$python" -m pip install -q --disable-pip-version-check --no-cache-dir pyspark py4j ||
    cannot "pyspark cannot be downloaded"
  touch "$cache/installed"
fi
ln -sfn "$("$python" -c 'import pyspark; print(pyspark.__path__[0])')/jars" "$cache/jars"

newer=$(find "$here/java" -name '*.java' -newer "$cache/ready" 2>/dev/null || echo all)
if [ -n "$newer" ] || [ "$cache/installed" -nt "$cache/ready" ]; then
  rm -rf "$cache/ready" "$cache/classes"
  find "$here/java" -name '*.java' -exec \
    javac -proc:none -cp "$cache/jars/*" -d "$cache/classes" {} +
  touch "$cache/ready"
fi
echo "hive: ready, pyspark $("$python" -c 'import pyspark; print(pyspark.__version__)') in $cache"
