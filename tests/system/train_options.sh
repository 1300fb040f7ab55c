#!/usr/bin/env bash
# The options of loss and network train silently under the validation layers, to the same bits when broken off and resumed,
# and each of them changes what is learnt.
. "$(dirname "$0")/lib_train.sh"

make_data 14 64
make_config "$work/uda.json" uda
train() {
  local out=$1
  shift
  vulcyte train "$work/uda.json" --out "$work/$out" --quiet --set name=r --set model.base=8 "$@" || fail "training $out"
}

train plain
seen=$(cksum < "$work/plain/checkpoints/last.safetensors")
for options in uda.loss=iid "uda.loss=iid uda.displacement=1 uda.collapsed=true" \
  "uda.loss=iid uda.confidence=0.51 uda.temperature=0.5" "uda.confidence=0.51 uda.temperature=0.5" \
  uda.ramp=2.5 model.norm=batch "model.norm=batch uda.loss=iid" model.norm=group model.norm=instance model.padding=valid \
  model.edges=true; do
  sets=()
  for option in $options; do sets+=(--set "$option"); done
  train whole "${sets[@]}"
  train broken "${sets[@]}" --set train.epochs=2
  train broken "${sets[@]}" --resume
  for file in checkpoints/last.safetensors evaluation.json; do # the bests name the number of epochs they were kept under
    cmp "$work/whole/$file" "$work/broken/$file" || fail "$options: $file differs after resuming"
  done
  sum=$(cksum < "$work/whole/checkpoints/last.safetensors")
  case "$seen" in *"$sum"*) fail "$options changes nothing" ;; esac
  seen+=" $sum"
  rm -r "$work/whole" "$work/broken"
done

# Annealing spans the whole run, whose length is then fixed.
for schedule in linear log exp; do
  train "$schedule" --set "uda.tsa=$schedule"
  sum=$(cksum < "$work/$schedule/checkpoints/last.safetensors")
  case "$seen" in *"$sum"*) fail "uda.tsa $schedule changes nothing" ;; esac
done
code=0
"$VULCYTE" train "$work/uda.json" --out "$work/exp" --quiet --set name=r --set model.base=8 --set uda.tsa=exp \
  --set train.epochs=9 --resume 2> "$work/err" || code=$?
[ "$code" = 2 ] || fail "lengthening an annealed run gave exit code $code"
grep -q "train.epochs" "$work/err" || fail "the refusal does not name train.epochs"
