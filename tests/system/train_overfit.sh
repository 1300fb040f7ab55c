#!/usr/bin/env bash
# A network that can learn learns: one labelled image, no augmentation, and the loss falls to nearly nothing. Run on both drivers.
. "$(dirname "$0")/lib_train.sh"

make_data 6 48
cat > "$work/one.json" <<JSON
{ "data": {"images": "$work/data/images", "masks": "$work/data/masks", "crop": null, "labelled": {"count": 1}},
  "model": {"base": 8, "depth": 2, "dropout": 0}, "method": "supervised", "augment": false,
  "optimizer": {"lr": 0.003, "schedule": {"name": "constant"}}, "train": {"epochs": 40, "validate_every": 40} }
JSON
train() {
  "$VULCYTE" train "$work/one.json" --out "$work/$1" --quiet
  grep '"event":"step"' "$work/$1/log.jsonl" | tail -n 1 | sed 's/.*"loss_supervised":\([^,]*\).*/\1/'
}
loss=$(train lavapipe)
awk -v l="$loss" 'BEGIN { exit !(l < 0.05) }' || fail "the loss is still $loss"

code=0
other=$(VULCYTE_VALIDATION=1 bash "$VC_WITH_DRIVER" swiftshader bash -c "$(declare -f train); VULCYTE='$VULCYTE' work='$work' train swiftshader") || code=$?
if [ "$code" = 77 ]; then
  echo "SwiftShader is not installed: only lavapipe was tried"
else
  [ "$code" = 0 ] || fail "SwiftShader: exit code $code"
  awk -v l="$other" 'BEGIN { exit !(l < 0.05) }' || fail "SwiftShader: the loss is still $other"
fi
