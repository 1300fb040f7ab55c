#!/usr/bin/env bash
# vulcyte bench: the table, the JSON and the trace of a small network.
# shellcheck source=tests/system/lib_train.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib_train.sh"

cat > "$work/config.json" <<JSON
{ "data": {"images": "$work/none", "masks": "$work/none", "crop": 32}, "model": {"base": 2, "depth": 1}, "method": "uda" }
JSON

vulcyte bench --config "$work/config.json" --steps 3 --trace "$work/trace.json" --quiet > "$work/table" || fail "bench"
for text in 'ceilings: ' 'uda: base 2, depth 1, 32x32 pixels, batch 1' 'predict: base 2' 'conv2d_dw ' 'unet/enc0/conv0'; do
  grep -q "$text" "$work/table" || fail "the table has no '$text': $(cat "$work/table")"
done
grep -q '^{"displayTimeUnit":' "$work/trace.json" || fail "no trace: $(head -c 200 "$work/trace.json")"

vulcyte bench --config "$work/config.json" --set method=supervised --steps 2 --variant conv2d_fwd=naive --json --quiet \
  > "$work/json" || fail "bench --json"
for text in '"flops_per_second"' '"name": "supervised"' '"name": "predict"' '"kernel": "conv2d_fwd"' '"variant": "naive"' '"op": "adam"'; do
  grep -q "$text" "$work/json" || fail "the JSON has no '$text': $(cat "$work/json")"
done

vulcyte bench --set model.base=2 --set model.depth=1 --set data.crop=16 --steps 1 --json --quiet > "$work/json" ||
  fail "bench without a configuration"
[ "$(grep -c '"first_seconds"' "$work/json")" = 3 ] || fail "not three results: $(cat "$work/json")"

vulcyte bench --set method=iic --set model.base=2 --set model.depth=1 --set data.crop=16 --steps 1 --quiet > "$work/table" ||
  fail "bench of iic"
grep -q '^iic: base 2, depth 1, 16x16 pixels, batch 10' "$work/table" || fail "no step of iic: $(cat "$work/table")"
