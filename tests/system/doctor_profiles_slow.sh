#!/usr/bin/env bash
# The doctor passes on what other devices would choose: capability profiles of tests/profiles, imitated on this driver. A profile
# only narrows, so a subgroup size that the driver lacks moves to its nearest.
. "$(dirname "$0")/lib_train.sh"

profiles=$(cd "$(dirname "$0")/../profiles" && pwd)
for profile in "$profiles"/*.json; do
  name=$(basename "$profile" .json)
  VULCYTE_CAPS=@$profile vulcyte doctor --json --quiet > "$work/$name.json" || fail "doctor as $name: $(cat "$work/stderr")"
  tr -d ' \n' < "$work/$name.json" | grep -q '"passed":true' || fail "$name did not pass"
done

# What the device's own choice was: tiles in shared memory where they fit, on the least of devices the small ones, on
# large GPUs the wide ones only for more work than a case has.
chosen() { tr -d ' \n' < "$work/$1.json" | tr '{' '\n' | grep '"job":"conv2d_fwd"' | grep '"default":true' | grep -c "\"variant\":\"$2\""; }
for name in apple_m1 intel_xe amd_rdna2 nvidia_h100; do
  for variant in tiled blocked_64x64; do
    [ "$(chosen "$name" $variant)" -ge 1 ] || fail "$name does not choose $variant convolutions"
  done
done
for name in apple_m1 intel_xe; do
  [ "$(chosen "$name" blocked_128x128)" -ge 1 ] || fail "$name does not choose wide tiles"
done
for variant in naive blocked_128x64 blocked_64x64; do
  [ "$(chosen vulkan_1_2_least $variant)" -ge 1 ] || fail "the least device does not choose $variant convolutions"
done
[ "$(chosen vulkan_1_2_least tiled)" = 0 ] || fail "the least device chooses tiled convolutions"
