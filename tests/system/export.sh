#!/usr/bin/env bash
# Models handed on: the three formats, what the exported weights still predict, and errors that leave nothing.
. "$(dirname "$0")/lib_train.sh"

make_data 6 64
make_config "$work/c.json" supervised
vulcyte train "$work/c.json" --set train.epochs=1 --out "$work/run" --quiet || fail "training"
model=$work/run/checkpoints/last.safetensors
image=$(find "$work/data/images" -name '*.png' | sort | head -1)

# The plain weights are a model: the range is in them, the network told by their shapes.
vulcyte export "$model" --to safetensors --out "$work/plain.safetensors" || fail "export of safetensors"
for name in "$model" "$work/plain.safetensors"; do
  vulcyte predict "$name" "$image" --out "$work/$(basename "$name" .safetensors)" --save probabilities --quiet ||
    fail "predict with $name"
done
cmp "$work"/last/*.npy "$work"/plain/*.npy || fail "the exported weights predict something else"

# Edges are not in the shapes: such weights keep their configuration.
vulcyte train "$work/c.json" --set train.epochs=1 --set model.edges=true --out "$work/edges" --quiet || fail "training"
vulcyte export "$work/edges/checkpoints/last.safetensors" --to safetensors --out "$work/plain_edges.safetensors" ||
  fail "export of weights that see edges"
for name in "$work/edges/checkpoints/last.safetensors" "$work/plain_edges.safetensors"; do
  vulcyte predict "$name" "$image" --out "$work/e$(basename "$name" .safetensors)" --save probabilities --quiet ||
    fail "predict with $name"
done
cmp "$work"/elast/*.npy "$work"/eplain_edges/*.npy || fail "the exported weights that see edges predict something else"

vulcyte export "$work/run" --to onnx --out "$work/run.onnx" || fail "export of a run folder"
[ "$(head -c 2 "$work/run.onnx" | od -An -tx1)" = " 08 08" ] || fail "run.onnx is no ONNX file"

for options in "" "--image $image"; do
  # shellcheck disable=SC2086 # words
  vulcyte export "$model" --to bioimageio --out "$work/model.zip" --name "Test model" --author Nobody $options --quiet ||
    fail "export of a package"
  python3 - "$work/model.zip" <<'PY' || fail "the package is damaged"
import json, sys, zipfile
package = zipfile.ZipFile(sys.argv[1])
assert package.testzip() is None
rdf = json.loads(package.read("rdf.yaml"))
assert rdf["name"] == "Test model" and rdf["authors"] == [{"name": "Nobody"}]
for source in [rdf["documentation"], *rdf["covers"], rdf["weights"]["onnx"]["source"],
               rdf["inputs"][0]["test_tensor"]["source"], rdf["outputs"][0]["test_tensor"]["source"]]:
    assert len(package.read(source)) > 0
PY
done

# expect TEXT ARGS...: the command fails with one line that tells TEXT.
expect() {
  local text=$1
  shift
  if vulcyte export "$@"; then fail "export $* worked"; fi
  [ "$(wc -l <"$work/stderr")" = 1 ] || fail "export $*: more than one line of error"
  grep -qF -- "$text" "$work/stderr" || fail "export $*: no \"$text\""
}
expect '--to is missing' "$model" --out "$work/x"
expect '--out is missing' "$model" --to onnx
expect 'did you mean onnx' "$model" --to onx --out "$work/x"
expect '--author is for --to bioimageio' "$model" --to onnx --out "$work/x" --author Me
expect 'is a folder' "$model" --to onnx --out "$work/run"
expect 'is the model itself' "$model" --to safetensors --out "$model"
expect 'nowhere.safetensors' "$work/nowhere.safetensors" --to onnx --out "$work/x"
expect 'nowhere.png' "$model" --to bioimageio --out "$work/x" --image "$work/nowhere.png"
expect '5 to 128 characters' "$model" --to bioimageio --out "$work/x" --name abc
expect 'no-folder' "$model" --to bioimageio --out "$work/no-folder/x"
[ -z "$(find "$work" -mindepth 1 -maxdepth 1 -name '*x*' -newer "$work/model.zip" ! -name stderr)" ] || fail "errors left $(ls -A "$work")"
[ -z "$(find "$work" -name '*.parts*')" ] || fail "parts of a package stayed"
