#!/usr/bin/env bash
# Runs for each submission. Whatever happens, results.json is there at the end.
set -u
root="${AUTOGRADER_ROOT:-/autograder}"
python="${AUTOGRADER_PYTHON:-$root/venv/bin/python}"
results="$root/results/results.json"
mkdir -p "$root/results"
rm -f "$results"
cd "$root/source/course" || true
export STABLE_LOGPROBS_STATE="$root/state" PYTHONPATH="$root/source/course" PYTHONDONTWRITEBYTECODE=1
"$python" -m autograder.gradescope "$root" < /dev/null
code=$?
if [ ! -s "$results" ]; then
  output="The autograder itself failed (exit code $code): this is not your fault; tell your instructor."
  echo "{\"score\": 0, \"output\": \"$output\", \"stdout_visibility\": \"hidden\", \"tests\": []}" > "$results"
fi
exit 0
