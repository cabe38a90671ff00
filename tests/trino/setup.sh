#!/usr/bin/env bash
# Fetches a real Trino for the tests of this folder: the jars of its server and its Hive plugin,
# 260 MB by Maven, and two classes of our own compiled against them. A mirror of Maven Central is
# taken from Maven's own settings (~/.m2/settings.xml, MAVEN_ARGS). What is there already is used
# again; delete the folder to start anew. Exit 77, with the reason, where the machine cannot have
# it; any other code but 0 is a fault of ours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ATHENA_FLOW_CACHE:-$here/../../.cache}/trino
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
version=$(sed -n 's|.*<trino.version>\(.*\)</trino.version>.*|\1|p' "$here/pom.xml")
copy=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

cannot() {
  echo "trino: not possible here: $*" >&2
  exit 77
}

# Maven into a repository of its own, so that nothing is left of it when all is there.
maven() {
  mvn -q -B -f "$here/pom.xml" -Dmaven.repo.local="$cache/repository" "$@" 1>&2
}

command -v java >/dev/null || cannot "no java on the PATH"
found=$(javac -version 2>&1) || cannot "no javac on the PATH (a JDK of 17 to 23 is needed)"
[[ $found =~ ([0-9]+) && ${BASH_REMATCH[1]} -ge 17 && ${BASH_REMATCH[1]} -le 23 ]] ||
  cannot "$found is not of 17 to 23, which Trino $version runs on"

if [ "$(cat "$cache/installed" 2>/dev/null)" != "$version" ]; then
  command -v mvn >/dev/null || cannot "no mvn on the PATH (Maven 3.6 or later is needed)"
  rm -rf "$cache/lib" "$cache/plugin" "$cache/ready"
  maven "$copy:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$cache/lib" ||
    cannot "Trino's jars cannot be downloaded"
  maven "$copy:copy" -Dartifact="io.trino:trino-hive:$version:zip" -DoutputDirectory="$cache" ||
    cannot "Trino's Hive plugin cannot be downloaded"
  mkdir "$cache/plugin"
  (cd "$cache/plugin" && jar xf "$cache/trino-hive-$version.zip")
  rm -rf "$cache/trino-hive-$version.zip" "$cache/repository"
  echo "$version" >"$cache/installed"
fi

# What the archive has beside its jars: a main class, and a plugin that asks for a password.
if [ -n "$(find "$here/java" "$cache/installed" -newer "$cache/ready" 2>&1)" ]; then
  plugin=$cache/plugin/password/classes
  rm -rf "$cache/ready" "$cache/classes" "$cache/plugin/password"
  javac -proc:none -cp "$cache/lib/*" -d "$cache/classes" "$here/java/athenaflow/Start.java"
  javac -proc:none -cp "$cache/lib/*" -d "$plugin" "$here/java/athenaflow/Password.java"
  mkdir -p "$plugin/META-INF/services"
  echo athenaflow.Password >"$plugin/META-INF/services/io.trino.spi.Plugin"
  touch "$cache/ready"
fi
echo "trino: ready, Trino $version in $cache"
