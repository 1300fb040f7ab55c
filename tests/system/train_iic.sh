#!/usr/bin/env bash
# Training without masks: it finds the cells, repeats and resumes with the same bits, and gives models that predict.
. "$(dirname "$0")/lib_train.sh"

make_data 14 64
cat > "$work/iic.json" <<JSON
{ "data": {"images": "$work/data/images", "masks": "$work/data/masks", "crop": 48},
  "model": {"base": 4, "depth": 2}, "method": "iic", "train": {"epochs": 5, "batch": 4} }
JSON
run() {
  local out=$1
  shift
  vulcyte train "$work/iic.json" --out "$work/$out" --quiet --set name=r "$@" || fail "training $out"
}
number() { sed -nE "s/^ *\"$1\": ([-0-9.e]*),?$/\1/p" "$2" | head -1; } # the first of that name

run whole
awk -v x="$(number mean_iou "$work/whole/evaluation.json")" 'BEGIN { exit !(x > 0.6) }' ||
  fail "mean IoU $(number mean_iou "$work/whole/evaluation.json"): the cells are not found"
for member in '"head": "' '"heads": {' '"matched_on_test": {' '"matching": \['; do
  grep -q "$member" "$work/whole/evaluation.json" || fail "evaluation.json has no $member"
done
for member in loss_main loss_aux val_loss_main val_entropy_aux val_mean_iou_aux; do
  grep '"epoch",' "$work/whole/log.jsonl" | head -1 | grep -q "\"$member\":" || fail "log.jsonl has no $member"
done

# The same bits again, with any number of loader threads, streamed or resident, whatever the masks of training images hold.
while read -r stem || [ -n "$stem" ]; do
  echo "no image" > "$work/data/masks/$stem.png"
done < <(tr -d ' \n' < "$work/whole/split.json" | sed 's/.*"train_unlabelled":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | tr -d '"')
run again
same_states "$work/whole" "$work/again"
for workers in 0 1 7; do
  run "stream$workers" --set data.residence=stream --set "data.workers=$workers"
  same_states "$work/whole" "$work/stream$workers"
done

# Classes of its clusters, or of the other head's; without masks the clusters themselves.
masks() {
  vulcyte predict "$1" "$work/data/images" --out "$2" --quiet "${@:3}" --save mask,probabilities || fail "predicting $2"
}
masks "$work/whole" "$work/default"
masks "$work/whole" "$work/aux" --head aux
[ "$(head -c 128 "$work/aux/fluo_0003.npy" | tr -d '\0' | grep -ao "'shape': ([0-9]*" || true)" = "'shape': (2" ] ||
  fail "the auxiliary head's clusters were not joined to classes"
code=0
"$VULCYTE" predict "$work/whole" "$work/data/images" --out "$work/none" --head best 2> "$work/err" || code=$?
if [ "$code" != 2 ] || ! grep -q -- "--head best: no such head" "$work/err"; then fail "--head best: $(cat "$work/err")"; fi

run blind --set data.masks=null
grep -q '"best-final": {' "$work/blind/evaluation.json" || fail "a run without masks gave no evaluation.json"
masks "$work/blind" "$work/clusters" --head aux
[ "$(head -c 128 "$work/clusters/fluo_0003.npy" | tr -d '\0' | grep -ao "'shape': ([0-9]*" || true)" = "'shape': (4" ] ||
  fail "without masks the four clusters of the auxiliary head should come out"
code=0
"$VULCYTE" evaluate "$work/blind" --images "$work/data/images" --masks "$work/data/masks" 2> "$work/err" || code=$?
if [ "$code" != 2 ] || ! grep -q "stand for no classes" "$work/err"; then fail "evaluating clusters: $(cat "$work/err")"; fi

# A model of another method is a beginning, and the other way round.
make_config "$work/supervised.json" supervised
rm -r "$work/data"
make_data 14 64
vulcyte train "$work/supervised.json" --out "$work/labelled" --quiet --set model.norm=batch --set train.epochs=1 ||
  fail "a supervised model"
run tuned --set "model.init=$work/labelled/checkpoints/last.safetensors" --set train.epochs=1
grep -q "re-initialised, for the file lacks them (2): head_aux.weight, head_aux.bias" "$work/stderr" ||
  fail "the auxiliary head's beginning is not told"
vulcyte train "$work/supervised.json" --out "$work/back" --quiet --set model.norm=batch --set train.epochs=1 \
  --set "model.init=$work/whole/checkpoints/last.safetensors" || fail "a supervised run from an iic model"
grep -q "skipped, for the network has no place for them (2): head_aux" "$work/stderr" || fail "the skipped head is not told"

# Edges as further input: the same bits again, and the stored model scores as the run's own test did.
run edges --set model.edges=true --set train.epochs=2
run edges_again --set model.edges=true --set train.epochs=2
same_states "$work/edges" "$work/edges_again"
mkdir -p "$work/test/images" "$work/test/masks"
for stem in $(tr -d ' \n' < "$work/edges/split.json" | sed 's/.*"test":\[\([^]]*\)\].*/\1/' | tr -d '"' | tr ',' ' '); do
  cp "$work/data/images/$stem.png" "$work/test/images/"
  cp "$work/data/masks/$stem.png" "$work/test/masks/"
done
vulcyte evaluate "$work/edges" --images "$work/test/images" --masks "$work/test/masks" --json > "$work/scores.json" ||
  fail "evaluating a model that sees edges"
[ "$(number mean_iou "$work/scores.json")" = "$(number mean_iou "$work/edges/evaluation.json")" ] ||
  fail "mean IoU $(number mean_iou "$work/scores.json") by evaluate, $(number mean_iou "$work/edges/evaluation.json") by the run"

# A network whose pixels all fall into one cluster is warned of.
run dead --set iic.min_entropy=1 --set train.epochs=1
grep -q '"event":"warning","text":"epoch 1: the main head gives almost every pixel' "$work/dead/log.jsonl" ||
  fail "degenerate heads are not warned of"
