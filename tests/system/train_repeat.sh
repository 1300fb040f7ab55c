#!/usr/bin/env bash
# The same seed gives the same bits: again, with any number of loader threads, streamed or resident, and whatever the masks of
# unlabelled training images hold. Another seed gives others.
. "$(dirname "$0")/lib_train.sh"

make_data 14 64
make_config "$work/uda.json" uda
run() {
  local out=$1
  shift
  vulcyte train "$work/uda.json" --out "$work/$out" --quiet "$@" || fail "training $out"
}

run first
run again
same_states "$work/first" "$work/again"
for workers in 0 1 7; do
  run "stream$workers" --set data.residence=stream --set "data.workers=$workers"
  run "resident$workers" --set "data.workers=$workers"
done
# The configuration in the checkpoint's metadata names residence and workers, so only the numbers are compared.
for out in stream0 stream1 stream7 resident0 resident1 resident7; do
  cmp "$work/first/evaluation.json" "$work/$out/evaluation.json" || fail "$out scores differently"
  diff -r "$work/first/augmentation" "$work/$out/augmentation" || fail "$out was shown other views"
  diff <(grep -v '"end"' "$work/first/log.jsonl" | sed 's/,"seconds":[^,}]*//') \
    <(grep -v '"end"' "$work/$out/log.jsonl" | sed 's/,"seconds":[^,}]*//') > /dev/null || fail "$out took other steps"
done

run other --set seed=1
cmp -s "$work/first/checkpoints/last.safetensors" "$work/other/checkpoints/last.safetensors" && fail "seed 1 equals seed 0"

# Masks of unlabelled images are never opened.
garbled=0
while read -r stem || [ -n "$stem" ]; do
  echo "no image" > "$work/data/masks/$stem.png"
  garbled=$((garbled + 1))
done < <(tr -d ' \n' < "$work/first/split.json" | sed 's/.*"train_unlabelled":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | tr -d '"')
[ "$garbled" -ge 5 ] || fail "only $garbled unlabelled images were found in split.json"
run garbled
same_states "$work/first" "$work/garbled"
diff -r "$work/first/augmentation" "$work/garbled/augmentation" || fail "masks change the gallery"

# Images that the device cannot hold whole are validated in parts: every pixel counts once, and training is the same.
rm -r "$work/data"
make_data 8 192
make_config "$work/supervised.json" supervised
vulcyte train "$work/supervised.json" --out "$work/wholes" --quiet || fail "a run on whole images"
VULCYTE_CAPS='{"max_buffer_range": 400000}' vulcyte train "$work/supervised.json" --out "$work/parts" || fail "a run on parts"
grep -q 'in parts of' "$work/stderr" || fail "no image was validated in parts: the test tests nothing"
cmp "$work/wholes/checkpoints/last.safetensors" "$work/parts/checkpoints/last.safetensors" ||
  fail "validating in parts changed the training"
# What a part shows at its borders it guesses, so the scores are close, not equal.
scores() { sed -nE 's/.*"val_loss_supervised":([^,]*).*"val_mean_iou":([^,]*).*/\1\n\2/p' "$1/log.jsonl"; }
paste <(scores "$work/wholes") <(scores "$work/parts") |
  awk '{ d = $1 - $2; if (d > 0.05 || d < -0.05) bad = 1; n++ } END { exit bad || n == 0 }' ||
  fail "the scores of parts are far from those of whole images: $(paste <(scores "$work/wholes") <(scores "$work/parts"))"

# More parameters than a kernel can bind are updated in parts, to the same bits.
run_deep() {
  vulcyte train "$work/supervised.json" --set model.depth=4 --set train.epochs=2 --out "$work/$1" --quiet || fail "training $1"
}
run_deep bound_whole
[ "$(wc -c < "$work/bound_whole/checkpoints/last.safetensors")" -gt 400000 ] || fail "the parameters are too few"
VULCYTE_CAPS='{"max_buffer_range": 400000}' run_deep bound_in_parts
cmp "$work/bound_whole/checkpoints/last.safetensors" "$work/bound_in_parts/checkpoints/last.safetensors" ||
  fail "parameters updated in parts differ"
