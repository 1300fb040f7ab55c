#!/usr/bin/env bash
# The program from end to end in a few seconds: make images, train both ways, score, segment, report. Short enough to run
# under the sanitizers as well.
. "$(dirname "$0")/lib_train.sh"

make_data 10 64
for method in supervised uda; do
  make_config "$work/$method.json" "$method"
  vulcyte train "$work/$method.json" --set train.epochs=2 --out "$work/$method" --quiet || fail "training $method"
  for file in config.json split.json log.jsonl evaluation.json report.html checkpoints/best-supervised.safetensors \
    checkpoints/best-final.safetensors checkpoints/last.safetensors; do
    [ -s "$work/$method/$file" ] || fail "$method: $file is missing or empty"
  done
  for file in baselines.json augmentation/views.json augmentation/01.png augmentation/06.png; do
    [ -s "$work/$method/$file" ] || fail "$method: $file is missing or empty"
  done
  compgen -G "$work/$method/overlays/*.png" >/dev/null || fail "$method: no overlays"
done

model=$work/uda/checkpoints/best-final.safetensors
vulcyte evaluate "$model" --images "$work/data/images" --masks "$work/data/masks" --json >"$work/scores.json" ||
  fail "evaluate"
grep -q '"mean_iou": *0\.' "$work/scores.json" || fail "evaluate printed no mean IoU: $(cat "$work/scores.json")"
grep -q '"objects": *[1-9]' "$work/scores.json" || fail "evaluate scored no objects: $(cat "$work/scores.json")"

images=("$work"/data/images/*.png)
vulcyte predict "$model" "${images[0]}" --out "$work/predicted" --save mask,probabilities,overlay || fail "predict"
[ "$(find "$work/predicted" -type f | wc -l)" = 3 ] || fail "predict wrote $(ls "$work/predicted")"
# float32, two classes, 64 x 64, after a header of 128 bytes
npy=("$work"/predicted/*.npy)
[ "$(wc -c <"${npy[0]}")" = $((128 + 4 * 2 * 64 * 64)) ] || fail "the probabilities have $(wc -c <"${npy[0]}") bytes"

# Tiles stream through the same files; a page that breaks off leaves none, and no folder.
vulcyte predict "$model" "${images[0]}" --out "$work/tiled" --tile 32 --save mask,probabilities,overlay,instances --quiet ||
  fail "predict by tiles"
[ "$(find "$work/tiled" -type f | wc -l)" = 4 ] || fail "predict by tiles wrote $(find "$work/tiled")"
head -c 300 "$(find "$work/tiled" -name '*.tif')" >"$work/cut.tif"
vulcyte predict "$model" "$work/cut.tif" --out "$work/none" --save mask,instances --quiet && fail "a cut TIFF was segmented"
grep -q 'cut.tif: ' "$work/stderr" || fail "the error does not name the file"
[ ! -e "$work/none" ] || fail "a failure left $(find "$work/none")"

vulcyte report "$work/supervised" "$work/uda" --out "$work/both.html" || fail "report"
grep -q '</html>' "$work/both.html" || fail "the report is cut off"

vulcyte train "$work/uda.json" --set train.epochs=2 --out "$work/uda" --quiet && fail "a run folder was overwritten"
[ "$(wc -l <"$work/stderr")" = 1 ] || fail "more than one line of error"
