#!/usr/bin/env bash
# Training from the weights of another model: they are where it begins, what does not fit is told, and a run that goes on needs
# the file no more.
. "$(dirname "$0")/lib_train.sh"

make_data 10 64
make_config "$work/first.json" supervised
vulcyte train "$work/first.json" --out "$work/first" --quiet || fail "the first model"
first="$work/first/checkpoints/last.safetensors"
cp "$first" "$work/init.safetensors"

# One step at a rate of nothing leaves the weights where they began; scores agree with the model's.
still=(--set train.max_steps=1 --set optimizer.lr=1e-12 --set "model.init=$work/init.safetensors")
vulcyte train "$work/first.json" --out "$work/still" "${still[@]}" || fail "starting from a model"
grep -q "init.safetensors: 26 of the network's 26 tensors are loaded" "$work/stderr" || fail "the loading is not told"
score() {
  vulcyte evaluate "$1" --images "$work/data/images" --masks "$work/data/masks" --json | grep -o '"accuracy":[^,}]*' ||
    fail "evaluating $1"
}
score "$first" > "$work/score1"
score "$work/still/checkpoints/last.safetensors" > "$work/score2"
cmp "$work/score1" "$work/score2" || fail "the run did not begin at the model"

# Another number of classes and another method: the head begins anew, the rest does not.
cat > "$work/classes.json" <<JSON
{ "data": {"images": "$work/data/images", "masks": "$work/data/masks", "crop": 48, "labelled": 0.3,
           "classes": [{"name": "a", "values": [0]}, {"name": "b", "values": [1]}, {"name": "c", "values": "rest"}]},
  "model": {"base": 4, "depth": 2, "init": "init.safetensors"}, "train": {"epochs": 2} }
JSON
vulcyte train "$work/classes.json" --out "$work/tuned" --set train.epochs=1 || fail "training other classes"
grep -q "init.safetensors: 24 of the network's 26 tensors are loaded" "$work/stderr" || fail "24 tensors should fit"
grep -q "re-initialised, for their shapes differ (2): head.weight (\[2,4,1,1\] there, \[3,4,1,1\] here)" "$work/stderr" ||
  fail "the head's new beginning is not told"

rm "$work/init.safetensors"
vulcyte train "$work/classes.json" --out "$work/tuned" --resume --quiet || fail "resuming without the initial model"
code=0
"$VULCYTE" train "$work/classes.json" --out "$work/new" 2> "$work/err" || code=$?
[ "$code" != 0 ] || fail "a missing initial model went unnoticed"
grep -q "error: .*init.safetensors" "$work/err" || fail "the missing file is not named"
