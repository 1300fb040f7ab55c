#!/usr/bin/env bash
# vulcyte import as it is called: slices of a volume, the same whatever memory the device has; wrong calls and files end with
# one line and leave nothing. VULCYTE is the program under test.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
n_failed=0

fail() {
  n_failed=$((n_failed + 1))
  printf 'FAILED: %s\n' "$*" >&2
}

expect() { # expect CODE TEXT ARGS...: one error line with TEXT, and no folder "out"
  local want=$1 text=$2 code=0
  shift 2
  "$VULCYTE" "$@" >stdout 2>stderr </dev/null || code=$?
  if [ "$code" != "$want" ] || [ "$(wc -l <stderr)" != 1 ] || ! grep -q '^vulcyte: error: ' stderr ||
    ! grep -qF -- "$text" stderr || [ -e out ] || [ -e .out.tmp ]; then
    fail "vulcyte $* (exit code $code): $(cat stderr)"
  fi
  rm -rf out
}

"$VULCYTE" synth volume --size 48 --seed 3 --out volume >/dev/null
image=volume/images/volume_0000.nii.gz
classes=volume/masks/volume_0000.nii.gz

bigbrain=(import bigbrain "$image" "$classes" --slices 5 --seed 2 --quiet)
"$VULCYTE" "${bigbrain[@]}" --out whole | grep -qF 'whole: 5 slices with masks' || fail "no summary"
[ "$(find whole -type f | wc -l)" = 12 ] || fail "$(find whole)"
VULCYTE_CAPS='{"max_buffer_range": 16384}' "$VULCYTE" "${bigbrain[@]}" --out slabs >/dev/null
diff -r whole slabs || fail "slabs change the result"
"$VULCYTE" import bigbrain "$image" "$classes" --slices 5 --seed 4 --quiet --out other >/dev/null
if diff -rq whole/masks other/masks >/dev/null; then fail "another seed gives the same slices"; fi
"$VULCYTE" "${bigbrain[@]}" --out sized --size 40x30 --keep all >/dev/null
grep -qF '"label 5"' sized/dataset.json || fail "$(cat sized/dataset.json)"
grep -qF '"width": 40' sized/sections.json || fail "$(cat sized/sections.json)"

# The slices are a set that can be trained on.
cat >config.json <<'JSON'
{ "data": { "images": "whole/images", "masks": "whole/masks", "crop": 32, "split": [0.6, 0.2, 0.2], "labelled": 1.0,
    "classes": [ {"name": "background", "values": "rest"}, {"name": "grey matter", "values": [1]},
                 {"name": "white matter", "values": [2]}, {"name": "layer 1", "values": [3]} ] },
  "model": {"base": 2, "depth": 1}, "method": "supervised", "train": {"epochs": 1} }
JSON
"$VULCYTE" train config.json --out run --quiet >/dev/null || fail "training on slices"

expect 2 'unknown kind "bigbrian"; use bigbrain' import bigbrian "$image" "$classes" --out out
expect 2 '--out is missing' import ctc volume
expect 2 'SRC... is missing' import ctc --out out
expect 2 'the class volume is missing' import bigbrain "$image" --out out
expect 2 'unexpected argument "b"' import ctc a b --out out
expect 2 '--slices belongs to import bigbrain' import folder volume --slices 3 --out out
expect 2 '--truth belongs to import ctc' import folder volume --truth gold --out out
expect 2 'unknown truth "golden"; use gold' import ctc volume --truth golden --out out
expect 2 '--keep 2,,3' import bigbrain "$image" "$classes" --keep 2,,3 --out out
expect 2 '--keep 2,2' import bigbrain "$image" "$classes" --keep 2,2 --out out
expect 2 '--size 40x' import bigbrain "$image" "$classes" --size 40x --out out
expect 2 '--min-tissue 2' import bigbrain "$image" "$classes" --min-tissue 2 --out out
expect 2 '--spacing 1mm' import bigbrain "$image" "$classes" --spacing 1mm --out out
expect 2 'only 0 of' import bigbrain "$image" "$classes" --keep 44 --quiet --out out
expect 2 'none.nii: cannot be opened' import bigbrain none.nii "$classes" --out out
expect 2 'config.json: not a NIfTI file' import bigbrain config.json "$classes" --out out
head -c 20000 "$image" >cut.nii.gz
expect 2 'cut.nii.gz: ends after' import bigbrain cut.nii.gz "$classes" --slices 2 --quiet --out out
expect 2 'whole: exists already' import bigbrain "$image" "$classes" --out whole
expect 2 'volume: no sequence' import ctc volume --out out
expect 2 'none: is no folder' import folder none --out out

if [ "$n_failed" -gt 0 ]; then
  echo "$n_failed failed" >&2
  exit 1
fi
