# shellcheck shell=bash
# Sourced by the tests that train: a temporary folder, a small data set, a small configuration.
# VULCYTE is the program under test.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# vulcyte ARGS...: runs the program; a message of the validation layers is a failure. Its errors stay in $work/stderr.
vulcyte() {
  local code=0
  "$VULCYTE" "$@" 2> "$work/stderr" || code=$?
  cat "$work/stderr" >&2
  if grep -q "warning: validation: " "$work/stderr"; then fail "the validation layers complain"; fi
  return "$code"
}

# make_data COUNT SIZE: synthetic nuclei in $work/data.
make_data() {
  vulcyte synth fluo --count "$1" --size "$2" --seed 5 --out "$work/data" > "$work/synth.log"
}

# make_config FILE METHOD: a run of seconds that uses every part of the method.
make_config() {
  cat > "$1" <<JSON
{ "data": {"images": "$work/data/images", "masks": "$work/data/masks", "crop": 48, "labelled": 0.3},
  "model": {"base": 4, "depth": 2}, "method": "$2",
  "train": {"epochs": 4} }
JSON
}

# same_states A B: both runs ended with the same weights, scores and split.
same_states() {
  local file
  for file in best-supervised best-final last; do
    cmp "$1/checkpoints/$file.safetensors" "$2/checkpoints/$file.safetensors" || fail "$file differs between $1 and $2"
  done
  cmp "$1/evaluation.json" "$2/evaluation.json" || fail "evaluation.json differs between $1 and $2"
  cmp "$1/split.json" "$2/split.json" || fail "split.json differs between $1 and $2"
}
