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

# What the device's own choice was: tiles in shared memory where they fit, the naive kernels on the least of devices.
chosen() { tr -d ' \n' < "$work/$1.json" | tr '{' '\n' | grep '"job":"conv2d_fwd"' | grep '"default":true' | grep -c "\"variant\":\"$2\""; }
for name in apple_m1 intel_xe amd_rdna2; do
  [ "$(chosen "$name" tiled)" -ge 1 ] || fail "$name does not choose tiled convolutions"
done
[ "$(chosen vulkan_1_2_least naive)" -ge 1 ] || fail "the least device does not choose naive convolutions"
[ "$(chosen vulkan_1_2_least tiled)" = 0 ] || fail "the least device chooses tiled convolutions"
