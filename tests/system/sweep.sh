#!/usr/bin/env bash
# A sweep trains each different combination once; killed at any moment it goes on to the same table; a run that fails stops
# no other; Ctrl-C reaches the runs.
. "$(dirname "$0")/lib_train.sh"

make_data 14 64
grid() { # grid EPOCHS SEEDS-AND-MORE
  cat << JSON
{ "base": {"data": {"crop": 48}, "model": {"base": 4, "depth": 2}, "train": {"epochs": $1}},
  "grid": {"set": [{"name": "nuclei", "data.images": "data/images", "data.masks": "data/masks"}],
           "method": ["supervised", "uda"], "uda.loss": ["kl", "iid"], "data.labelled": [0.3], $2} }
JSON
}
grid 3 '"seed": [0]' > "$work/grid.json"

vulcyte sweep "$work/grid.json" --out "$work/whole" > "$work/out" || fail "the sweep"
grep -q "results.md" "$work/out" || fail "the results are not named"
grep -q "4 combinations are 3 runs" "$work/stderr" || fail "combinations were not merged"
runs="nuclei_supervised_labelled-0.3_seed-0 nuclei_uda_kl_labelled-0.3_seed-0 nuclei_uda_iid_labelled-0.3_seed-0"
for run in $runs; do [ -f "$work/whole/$run/evaluation.json" ] || fail "$run has no scores"; done
[ "$(find "$work/whole" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 3 ] || fail "other folders than the runs'"
[ "$(grep -c ',done,0\.' "$work/whole/results.csv")" = 3 ] || fail "results.csv"
grep -Eq '^\| nuclei \| 30 % \|( 0\.[0-9]{4} \|){6}$' "$work/whole/results.md" || fail "results.md"
[ -s "$work/whole/report.html" ] || fail "no report"

# A part of it, and what there is to train: listed without a trace.
vulcyte sweep "$work/grid.json" --out "$work/part" --dry-run > "$work/out" || fail "--dry-run"
[ "$(cut -f 1 "$work/out" | xargs)" = "$runs" ] && [ ! -e "$work/part" ] || fail "--dry-run lists $(cat "$work/out")"
vulcyte sweep "$work/grid.json" --out "$work/part" --only supervised --quiet || fail "--only"
vulcyte sweep "$work/grid.json" --out "$work/part" --dry-run > "$work/out" || fail "--dry-run of a part"
[ "$(cut -f 2 "$work/out" | xargs)" = "done open open" ] || fail "--only trained $(cat "$work/out")"

# A finished sweep is trained by --resume alone, and then not at all.
code=0
vulcyte sweep "$work/grid.json" --out "$work/whole" 2> "$work/err" || code=$?
[ "$code" = 2 ] && grep -q -- --resume "$work/err" || fail "sweeping over a finished sweep gave exit code $code"
touch "$work/mark"
vulcyte sweep "$work/grid.json" --out "$work/whole" --resume --quiet || fail "resuming a finished sweep"
[ -z "$(find "$work/whole" -name log.jsonl -newer "$work/mark")" ] || fail "a finished run was trained again"

# Other settings than those of the folders are refused.
code=0
vulcyte sweep "$work/grid.json" --out "$work/whole" --resume --set train.epochs=4 2> "$work/err" || code=$?
[ "$code" = 2 ] && grep -q "train.epochs" "$work/err" || fail "other settings gave exit code $code"

# Killed in the middle, with children at work: when the first run is done, and again soon after.
"$VULCYTE" sweep "$work/grid.json" --out "$work/killed" --jobs 2 --quiet &
for _ in $(seq 1200); do
  [ -n "$(find "$work/killed" -name report.html 2> /dev/null)" ] && break
  sleep 0.05
done
kill -KILL $! || fail "the sweep was over before it could be killed"
wait $! 2> /dev/null || true
"$VULCYTE" sweep "$work/grid.json" --out "$work/killed" --jobs 2 --resume --quiet &
sleep 0.7
kill -KILL $! 2> /dev/null || true
wait $! 2> /dev/null || true
done_before=$(find "$work/killed" -name report.html -path '*seed-0*')
[ -n "$done_before" ] || fail "the killed sweep had no finished run"
sleep 0.05
touch "$work/mark"
"$VULCYTE" sweep "$work/grid.json" --out "$work/killed" --jobs 2 --resume --quiet || fail "the sweep after the kill"
for report in $done_before; do
  log=$(dirname "$report")/log.jsonl
  if [ "$log" -nt "$work/mark" ]; then fail "a finished run was trained again: $log"; fi
done
for run in $runs; do
  same_states "$work/whole/$run" "$work/killed/$run"
  [ "$(grep -c '"event":"best"' "$work/killed/$run/log.jsonl")" = "$(grep -c '"event":"best"' "$work/whole/$run/log.jsonl")" ] ||
    fail "$run was trained more than once"
done
for file in results.json results.csv results.md; do
  cmp "$work/whole/$file" "$work/killed/$file" || fail "$file differs after the kill"
done

# A run that fails (images that are not there) is recorded, in one process and in several; the others are trained.
sed 's|"set": \[|&{"name": "gone", "data.images": "nowhere", "data.masks": "nowhere"}, |; s/"uda"\]/"supervised"]/' \
  "$work/grid.json" > "$work/failing.json"
for jobs in 1 2; do
  code=0
  "$VULCYTE" sweep "$work/failing.json" --out "$work/failing$jobs" --jobs "$jobs" --quiet 2> "$work/err" || code=$?
  [ "$code" = 1 ] || fail "a failed run gave exit code $code with --jobs $jobs"
  grep -q "1 of 2 runs failed" "$work/err" || fail "the failure is not told with --jobs $jobs"
  grep -q "^gone_.*,failed,.*nowhere" "$work/failing$jobs/results.csv" || fail "the failure is not in results.csv"
  grep -q "^nuclei_.*,done,0\." "$work/failing$jobs/results.csv" || fail "the other run was not trained"
done
cmp "$work/failing1/results.json" "$work/failing2/results.json" || fail "the results depend on --jobs"

# Ctrl-C: the state of every run at work is saved, exit code 130.
grid 200 '"seed": [0]' > "$work/long.json"
"$VULCYTE" sweep "$work/long.json" --out "$work/long" --jobs 2 --quiet 2> "$work/err" &
sweep=$!
for _ in $(seq 200); do
  [ "$(find "$work/long" -name log.jsonl -size +1k 2> /dev/null | wc -l)" = 2 ] && break
  sleep 0.1
done
kill -INT "$sweep"
code=0
wait "$sweep" || code=$?
[ "$code" = 130 ] || fail "SIGINT gave exit code $code"
[ "$(find "$work/long" -name last.state | wc -l)" = 2 ] || fail "SIGINT did not save the state of both runs"
grep -q "0 of 3 runs are done" "$work/err" || fail "the interruption is not told"
