#!/usr/bin/env bash
# vulcyte doctor: its JSON and its exit code; a device that is masked to have no buffer addresses runs fewer variants.
# shellcheck source=tests/system/lib_train.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib_train.sh"

VULCYTE_CAPS='{"buffer_address": false}' vulcyte doctor --quiet > "$work/table" || fail "doctor: $(cat "$work/table")"
grep -q '^ok  *conv2d = tiled' "$work/table" || fail "no tiled convolution: $(cat "$work/table")"
if grep -q 'conv2d = simd' "$work/table"; then fail "a variant ran that the device was said not to have"; fi
grep -q '^not tried.* conv2d_simd ' "$work/table" || fail "it does not say what was left out: $(cat "$work/table")"
grep -Eq '^([0-9]+) of \1 checks passed' "$work/table" || fail "not all passed: $(cat "$work/table")"

vulcyte doctor --json --quiet > "$work/json" || fail "doctor --json"
for text in '"passed": true' '"job": "conv2d_dw"' '"variant": "naive"' '"advice": null'; do
  grep -q "$text" "$work/json" || fail "the JSON has no $text: $(cat "$work/json")"
done
# A processor has no matrix units; everything else is tried.
tr -d ' \n' < "$work/json" | grep -Eq '"untried":\[("conv2d_coop[a-z0-9_]*",?)*\]' || fail "left out: $(grep -A9 untried "$work/json")"
