#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image: a Python of 3.11 or newer, and a venv with what grading needs.
set -eu
root="${AUTOGRADER_ROOT:-/autograder}"

newest() {
  # ensurepip is what Debian and Ubuntu leave out of python3.x until python3.x-venv is installed.
  local probe='import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'
  for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if "$name" -c "$probe" 2> /dev/null; then
      echo "$name"
      return 0
    fi
  done
  return 1
}

if ! python="$(newest)"; then
  apt-get update
  for version in 3.13 3.12 3.11; do
    if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "python$version" "python$version-venv"
    then break; fi
  done
  if ! python="$(newest)"; then
    echo "setup.sh: there is no Python 3.11 or newer: choose Ubuntu 22.04 or newer as base image" >&2
    exit 1
  fi
fi

"$python" -m venv "$root/venv"
# The CPU's wheels: Gradescope has no GPU, and the others weigh gigabytes.
"$root/venv/bin/python" -m pip install --no-cache-dir --quiet --extra-index-url https://download.pytorch.org/whl/cpu \
  -r "$root/source/requirements.txt"
chmod 600 "$root/source/course/gradescope.json" # the seed of the private cases: not for the learner's process
"$root/venv/bin/python" -c 'import torch; print("torch", torch.__version__)'
