#!/usr/bin/env bash
# vulcyte tune: what is measured once is remembered, so that runs repeat themselves to the bit; a run goes on with the
# kernels that it began with. On shapes as small as these several kernels are about as fast: measured anew, choices differ.
. "$(dirname "$0")/lib_train.sh"

export VULCYTE_TUNE=on VULCYTE_CACHE=$work/cache
make_data 14 64
make_config "$work/uda.json" uda
remembered() { ls "$VULCYTE_CACHE"/kernels-*.json; }

# The table, and the same as JSON; nothing is measured twice.
vulcyte tune --config "$work/uda.json" > "$work/table" || fail "vulcyte tune"
grep -q 'tuning [0-9]* kernels for this device (about [0-9]* s, remembered)' "$work/stderr" || fail "no line tells what goes on"
grep -Eq '^conv2d_fwd +1x4x64x64 4x4x3x3 1x4x1x1 .* ms$' "$work/table" || fail "the table: $(cat "$work/table")"
grep -q '"format": "vulcyte kernel choices"' "$(remembered)" || fail "nothing is remembered"
cp "$(remembered)" "$work/first.json"
vulcyte tune --config "$work/uda.json" --json > "$work/json" || fail "vulcyte tune --json"
if grep -q tuning "$work/stderr"; then fail "measured twice"; fi
grep -q '"key": "conv2d_dw ' "$work/json" || fail "the JSON: $(cat "$work/json")"
cmp "$work/first.json" "$(remembered)" || fail "what was remembered has changed"
vulcyte tune --config "$work/uda.json" --again --quiet > "$work/table" || fail "vulcyte tune --again"
[ "$(grep -c '"key"' "$(remembered)")" = "$(grep -c '"key"' "$work/first.json")" ] || fail "--again measured something else"

# Two runs at once that find nothing remembered, and one after them: the same kernels, the same bits.
rm -r "$VULCYTE_CACHE"
"$VULCYTE" train "$work/uda.json" --out "$work/a" --quiet --set name=r &
vulcyte train "$work/uda.json" --out "$work/b" --quiet --set name=r || fail "the second of two runs"
wait $! || fail "the first of two runs"
vulcyte train "$work/uda.json" --out "$work/c" --quiet --set name=r || fail "the third run"
for run in b c; do
  cmp "$work/a/kernels.json" "$work/$run/kernels.json" || fail "$run took other kernels"
  same_states "$work/a" "$work/$run"
done

# The run's own choices count when it goes on, whatever is remembered by then: nothing, or the contrary of them.
"$VULCYTE" train "$work/uda.json" --out "$work/killed" --quiet --set name=r --set train.epochs=40 &
for _ in $(seq 600); do
  [ -f "$work/killed/checkpoints/last.state" ] && break
  sleep 0.05
done
kill -KILL $! 2> /dev/null || fail "the run was over before it could be killed"
wait $! 2> /dev/null || true
cp "$work/killed/kernels.json" "$work/kernels.json"
sed -i -e 's/"variant": "simd"/"variant": "x"/' -e 's/"variant": "naive"/"variant": "simd"/' -e 's/"variant": "x"/"variant": "naive"/' \
  "$(remembered)"
vulcyte train "$work/uda.json" --out "$work/killed" --quiet --set name=r --set train.epochs=40 --resume || fail "the resumed run"
cmp "$work/kernels.json" "$work/killed/kernels.json" || fail "the resumed run took other kernels"

# A kernel that two processes died of is not tried again, until it is asked for.
trial=$(remembered).trial
rm "$(remembered)"
printf 'conv2d_fwd=simd again' > "$trial"
vulcyte train "$work/uda.json" --out "$work/after" --quiet --set name=r || fail "training after a kernel had ended two processes"
grep -q 'kernel conv2d_fwd=simd .* not used on this device any more' "$work/stderr" || fail "not told: $(cat "$work/stderr")"
if grep '"conv2d_fwd ' "$work/after/kernels.json" | grep -q ': "simd"'; then fail "the kernel that ended two processes ran"; fi
[ ! -e "$trial" ] || fail "the name of a kernel tried is left behind"
grep -A1 '"fatal"' "$(remembered)" | grep -q 'conv2d_fwd=simd' || fail "the fatal kernel is not remembered"
vulcyte tune --config "$work/uda.json" --again --quiet > "$work/table" || fail "vulcyte tune --again after it"
if grep -A1 '"fatal"' "$(remembered)" | grep -q 'conv2d_fwd=simd'; then fail "--again did not try the fatal kernel anew"; fi

# A damaged file is made anew; a kernel can be kept out, in the processes of a sweep too.
echo '{"format": "vulcyte kern' > "$(remembered)"
vulcyte train "$work/uda.json" --out "$work/d" --quiet --set name=r --variant conv2d=-simd || fail "training with a damaged file"
grep -q '"format": "vulcyte kernel choices"' "$(remembered)" || fail "the damaged file was not replaced"
if grep conv2d "$work/d/kernels.json" | grep -q '"simd"'; then fail "the kernel that was kept out ran"; fi
grep conv_transpose "$work/d/kernels.json" | grep -q 'simd' || fail "other kernels were kept out too"
cat > "$work/grid.json" << JSON
{ "base": {"data": {"images": "$work/data/images", "masks": "$work/data/masks", "crop": 48}, "model": {"base": 4, "depth": 1},
           "method": "supervised", "train": {"epochs": 1}}, "grid": {"seed": [0, 1]} }
JSON
vulcyte sweep "$work/grid.json" --out "$work/sweep" --jobs 2 --quiet --variant conv2d_dw=-simd > /dev/null || fail "the sweep"
[ "$(find "$work/sweep" -name kernels.json | wc -l)" = 2 ] || fail "the sweep's runs tell no kernels"
if cat "$work"/sweep/*/kernels.json | grep 'conv2d_dw ' | grep -q simd; then fail "the kernel that was kept out ran in a child"; fi

# Off: nothing is measured, nothing remembered is used.
rm -r "$VULCYTE_CACHE"
VULCYTE_TUNE=off vulcyte train "$work/uda.json" --out "$work/e" --quiet --set name=r || fail "training untuned"
[ -z "$(find "$VULCYTE_CACHE" -name 'kernels-*')" ] || fail "something was remembered"
code=0
VULCYTE_TUNE=maybe "$VULCYTE" train "$work/uda.json" --out "$work/f" --quiet 2> "$work/err" || code=$?
[ "$code" = 2 ] && grep -q 'VULCYTE_TUNE=maybe' "$work/err" || fail "VULCYTE_TUNE=maybe gave exit code $code"
