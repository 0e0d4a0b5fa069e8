#!/usr/bin/env bash
# Says which tools this project needs and the machine lacks, with the one command that installs them. With --install it
# runs that command.
set -eu

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

need node nodejs
need npm npm
need java openjdk-17-jre-headless
need javac openjdk-17-jdk-headless
need mvn maven
need python3 python3
need chromium chromium
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)

if ! command -v go >/dev/null 2>&1; then
  echo "Go is missing. Install Go 1.26 or newer from https://go.dev/dl/ and put it on the PATH." >&2
  exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

packages=$(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')
sudo=$([ "$(id -u)" -eq 0 ] || echo "sudo ")
command="${sudo}apt-get update && ${sudo}apt-get install -y ${packages% }"
if [ "${1:-}" = --install ]; then
  echo "Installing: $packages"
  export DEBIAN_FRONTEND=noninteractive
  bash -c "$command"
else
  echo "Missing: $packages" >&2
  echo "Install with: $command" >&2
  exit 1
fi
