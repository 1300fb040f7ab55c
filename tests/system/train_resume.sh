#!/usr/bin/env bash
# A run that is killed at any moment, or interrupted, ends after --resume with the bits of one that was not.
. "$(dirname "$0")/lib_train.sh"

make_data 14 64
make_config "$work/uda.json" uda
vulcyte train "$work/uda.json" --out "$work/whole" --quiet --set name=r || fail "the unbroken run"

# kill_and_resume CONFIG OUT: a run killed several times.
kill_and_resume() {
  local killed=0
  "$VULCYTE" train "$1" --out "$2" --quiet --set name=r &
  for delay in 0.3 0.45 0.6 0.35 0.8 0.5; do
    sleep "$delay"
    kill -KILL $! 2> /dev/null && killed=$((killed + 1))
    wait $! 2> /dev/null || true
    "$VULCYTE" train "$1" --out "$2" --quiet --set name=r --resume &
  done
  wait $! || fail "the resumed run $2"
  [ "$killed" -ge 1 ] || fail "the run $2 was over before it could be killed"
}
kill_and_resume "$work/uda.json" "$work/killed"
same_states "$work/whole" "$work/killed"

# Several starts, whose choice must outlive the program too.
cat > "$work/iic.json" <<JSON
{ "data": {"images": "$work/data/images", "masks": "$work/data/masks", "crop": 48},
  "model": {"base": 4, "depth": 2}, "method": "iic",
  "iic": {"restarts": 3, "restart_epochs": 1, "heads": "alternate", "aux_epochs": 1, "strong": true},
  "train": {"epochs": 4, "batch": 4} }
JSON
vulcyte train "$work/iic.json" --out "$work/iic" --quiet --set name=r || fail "the unbroken iic run"
[ "$(grep -c '"event":"start"' "$work/iic/log.jsonl")" = 3 ] || fail "not every start is in the log"
kill_and_resume "$work/iic.json" "$work/iic-killed"
same_states "$work/iic" "$work/iic-killed"

# SIGINT: exit code 130 and a state that goes on in the middle of an epoch.
"$VULCYTE" train "$work/uda.json" --out "$work/interrupted" --quiet --set name=r &
for _ in $(seq 100); do
  [ "$(wc -l 2> /dev/null < "$work/interrupted/log.jsonl" || echo 0)" -ge 5 ] && break
  sleep 0.1
done
kill -INT $! 2> /dev/null || true
code=0
wait $! || code=$?
[ "$code" = 130 ] || [ "$code" = 0 ] || fail "SIGINT gave exit code $code"
if [ "$code" = 130 ]; then [ -f "$work/interrupted/checkpoints/last.state" ] || fail "SIGINT left no state"; fi
"$VULCYTE" train "$work/uda.json" --out "$work/interrupted" --quiet --set name=r --resume || fail "resuming after SIGINT"
same_states "$work/whole" "$work/interrupted"

# Resuming a finished run changes nothing; training into it without --resume is refused.
cp -r "$work/whole" "$work/copy"
"$VULCYTE" train "$work/uda.json" --out "$work/copy" --quiet --set name=r --resume || fail "resuming a finished run"
same_states "$work/whole" "$work/copy"
code=0
"$VULCYTE" train "$work/uda.json" --out "$work/copy" --quiet 2> "$work/err" || code=$?
[ "$code" = 2 ] || fail "training into a finished run gave exit code $code"
grep -q -- --resume "$work/err" || fail "the refusal does not mention --resume"

# Other images than those the run began with are refused: a new one would be dealt to another side of the split.
cp -r "$work/whole" "$work/changed"
cp -r "$work/data" "$work/more"
cp "$work/more/images/fluo_0000.png" "$work/more/images/fluo_9999.png"
cp "$work/more/masks/fluo_0000.png" "$work/more/masks/fluo_9999.png"
code=0
"$VULCYTE" train "$work/uda.json" --set data.images="$work/more/images" --set data.masks="$work/more/masks" \
  --out "$work/changed" --quiet --set name=r --resume 2> "$work/err" || code=$?
[ "$code" = 2 ] || fail "resuming with another image gave exit code $code"
grep -q 'see split.json' "$work/err" || fail "resuming with another image: $(cat "$work/err")"
cmp "$work/whole/split.json" "$work/changed/split.json" || fail "the refused run was changed"
