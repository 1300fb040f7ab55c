#!/usr/bin/env bash
# precision "mixed": repeats and resumes bit by bit, learns as fp32 does, scales its loss; a device without 16-bit storage
# refuses it and trains with "auto".
. "$(dirname "$0")/lib_train.sh"

make_data 14 64
make_config "$work/uda.json" uda
set -- --quiet --set name=r --set precision=mixed
code=0
VULCYTE_CAPS='{"fp16_storage": false}' "$VULCYTE" train "$work/uda.json" --out "$work/refused" "$@" 2> "$work/err" || code=$?
[ "$code" = 1 ] || fail "a device without 16-bit floats gave exit code $code"
grep -q 'precision: .* cannot hold 16-bit floats' "$work/err" || fail "the refusal: $(cat "$work/err")"
if ! "$VULCYTE" devices --json | grep -q '"fp16_storage": *true'; then exit 0; fi

vulcyte train "$work/uda.json" --out "$work/whole" "$@" || fail "the unbroken run"
"$VULCYTE" train "$work/uda.json" --out "$work/cut" "$@" &
for _ in $(seq 100); do
  [ "$(wc -l 2> /dev/null < "$work/cut/log.jsonl" || echo 0)" -ge 5 ] && break
  sleep 0.1
done
kill -INT $! 2> /dev/null || true
wait $! || true
"$VULCYTE" train "$work/uda.json" --out "$work/cut" "$@" --resume || fail "resuming"
same_states "$work/whole" "$work/cut"
grep -q '"loss_scale":65536' "$work/whole/log.jsonl" || fail "the log has no loss scale"
