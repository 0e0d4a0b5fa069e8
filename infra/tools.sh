#!/usr/bin/env bash
# Says which tools this project needs and the machine lacks, each with the one command or place that mends it.
#   tools.sh run|test|sam|deploy [--install]
# run names what make run needs, test what make test needs too, sam what make run-sam and make test-sam need, deploy what
# make deploy and make deploy-rehearsal need; --install installs what Debian's packages bring.
set -eu

# at_least HAVE WANT: HAVE is the same version or a newer one.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need java openjdk-17-jre-headless
need javac openjdk-17-jdk-headless
need mvn maven
python=0
case "${1:-}" in test | sam | deploy) python=1 ;; esac
if [ $python = 1 ]; then
  need python3 python3
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
fi

if [ "${1:-}" = test ]; then
  need chromium chromium
  need gcc "gcc libc6-dev" # the race detector
  need ps procps
fi

if [ "${1:-}" = sam ]; then
  need docker docker.io
  need busybox busybox-static # the base image is made of it where no registry answers
fi

if [ ${#missing[@]} -gt 0 ]; then
  packages=$(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')
  sudo=$([ "$(id -u)" -eq 0 ] || echo "sudo ")
  command="${sudo}apt-get update && ${sudo}apt-get install -y ${packages% }"
  if [ "${2:-}" != --install ]; then
    echo "Missing: $packages" >&2
    echo "Install with: $command" >&2
    exit 1
  fi
  echo "Installing: $packages"
  DEBIAN_FRONTEND=noninteractive bash -c "$command"
fi

# What Debian 12 has too old, or not at all.
wrong=0
check() { # NAME HAVE WANT MEND
  if [ -z "$2" ]; then
    echo "$1 is missing: $4" >&2
    wrong=1
  elif ! at_least "$2" "$3"; then
    echo "$1 is $2, needed is $3 or newer: $4" >&2
    wrong=1
  fi
}
version() { "$@" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1 || true; }
check Go "$(version go version)" 1.26 "install it from https://go.dev/dl/ and put it on the PATH"
check Java "$(version java -version)" 17 "apt-get install openjdk-17-jdk-headless"
check Node "$(version node --version)" 20.19 "install it from https://nodejs.org/"
check npm "$(version npm --version)" 11.0 "npm install --global npm@11"
if [ $python = 1 ]; then
  check Python "$(version python3 --version)" 3.11 "install it from https://www.python.org/ and put it on the PATH as python3"
fi
exit $wrong
