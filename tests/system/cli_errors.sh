#!/usr/bin/env bash
# Wrong command lines, configurations and files: one line on stderr that says where and what, the right exit code, and nothing
# written. VULCYTE is the program under test.
set -euo pipefail

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
n_failed=0
n_checked=0

# expect CODE TEXT ARGS...: the program ends with CODE and one error line that holds TEXT; the folder "out" is not made.
expect() {
  local want_code=$1 want_text=$2 code=0 why=""
  shift 2
  "$VULCYTE" "$@" > stdout 2> stderr < /dev/null || code=$?
  n_checked=$((n_checked + 1))
  if [ "$code" != "$want_code" ]; then why="exit code $code instead of $want_code"; fi
  if [ "$(wc -l < stderr)" != 1 ]; then why="$why; $(wc -l < stderr) lines on stderr"; fi
  if ! grep -q '^vulcyte: error: ' stderr; then why="$why; no 'vulcyte: error: '"; fi
  if ! grep -qF -- "$want_text" stderr; then why="$why; no '$want_text'"; fi
  if [ -e out ]; then why="$why; wrote $(find out)"; fi
  if [ -z "$why" ]; then return; fi
  n_failed=$((n_failed + 1))
  printf 'FAILED: vulcyte %s\n  %s\n  stderr: %s\n' "$*" "$why" "$(cat stderr)" >&2
  rm -rf out
}

config() { # config FILE TEXT
  printf '%s\n' "$2" > "$1"
}

"$VULCYTE" synth fluo --count 6 --size 64 --out data > /dev/null
mkdir empty
config good.json '{"data": {"images": "data/images", "masks": "data/masks", "crop": 32, "labelled": 1.0},
  "model": {"base": 2, "depth": 1}, "method": "supervised", "train": {"epochs": 1}}'

# ---- the command line
expect 2 'no command given'
expect 2 'trane: no such command; did you mean vulcyte train?' trane
expect 2 'no such command' xyzzy
expect 2 'CONFIG.json is missing' train
expect 2 'an argument is empty' train ''
expect 2 'unexpected argument "b.json"' train good.json b.json
expect 2 'unknown option --ouput; did you mean --out?' train good.json --ouput out
expect 2 'unknown option --xyzzyxyzzy' train good.json --xyzzyxyzzy
expect 2 'unknown option -o' train good.json -o out
expect 2 '--out needs a value' train good.json --out
expect 2 '--out is given twice' train good.json --out out --out out
expect 2 '--resume takes no value' train good.json --out out --resume=1
expect 2 '--variant naive' train good.json --out out --variant naive
expect 2 'conv2d_forward=naive: no such job; use one of conv2d_' train good.json --out out --variant conv2d_forward=naive
expect 2 'conv2d=naiv: there is none of that name; conv2d_' train good.json --out out --variant conv2d=naiv
expect 2 '--out is missing' predict m.safetensors data/images
expect 2 'MODEL IMAGE|DIR... is missing' predict m.safetensors --out out
expect 2 '--images is missing' evaluate m.safetensors --masks data/masks
expect 2 'unknown kind "maks"' predict m.safetensors data/images --out out --save maks
expect 2 'give a whole number from 16' predict m.safetensors data/images --out out --tile 3
expect 2 'unknown kind "flou"' synth flou --out out
expect 2 'give a whole number' synth fluo --count -1 --out out
expect 2 '--out is missing' report data
expect 2 'give a whole number from 1' bench --steps 0
expect 2 'model.bsae' bench --set model.bsae=4
expect 2 'conv2d=-naiv: there is none of that name' train good.json --out out --variant conv2d=-naiv
expect 2 'conv2d_dx=-naive: the definition' train good.json --out out --variant conv2d_dx=-naive
expect 2 'conv3d=-naive: no such job' sweep good.json --out out --variant conv3d=-naive
expect 2 'there is none of that name' bench --set model.base=2 --set data.crop=16 --quiet --variant conv2d_fwd=fast

# ---- configurations
expect 2 'none.json: cannot be opened' train none.json --out out
expect 2 'empty: cannot be read' train empty --out out
config bad.json ''
expect 2 'bad.json:2: expected a value' train bad.json --out out
config bad.json '{"data": {}'
expect 2 'bad.json:2: ' train bad.json --out out
head -c 300 "$(command -v env)" > bad.json
expect 2 'bad.json:' train bad.json --out out
config bad.json '{"data": {},
  "optimiser": {"lr": 1}}'
expect 2 'bad.json:2: optimiser: unknown key; did you mean optimizer?' train bad.json --out out
config bad.json '{"data": {}, "train": {"epochs": "ten"}}'
expect 2 'bad.json:1: train.epochs: a number is wanted, not a text' train bad.json --out out
config bad.json '{"data": {}, "optimizer": {"lr": 1e400}}'
expect 2 'bad.json:1: a number beyond' train bad.json --out out
expect 2 '--set train.epochs: 0 is not allowed' train good.json --out out --set train.epochs=0
expect 2 '--set trian.epochs: unknown key; did you mean train.epochs?' train good.json --out out --set trian.epochs=1
expect 2 '--set optimizer.lr: a number is wanted' train good.json --out out --set optimizer.lr=NaN
expect 2 'not available in this version' train good.json --out out --set model.arch=net
expect 3 'no-such-device' train good.json --out out --device no-such-device

# ---- folders
echo text > a-file
expect 2 'a-file: is a file' train good.json --out a-file
expect 2 'a-file/run: the folder cannot be made' train good.json --out a-file/run
expect 2 'the folder cannot be made' train good.json --out "$(printf '%0300d' 0)"
mkdir full
touch full/something
expect 2 'full: the folder is not empty' train good.json --out full
expect 2 'images: ' train good.json --out out --set data.images=nowhere
expect 2 'empty: ' train good.json --out out --set data.images=empty
if [ "$(id -u)" != 0 ]; then
  mkdir -m 555 locked
  expect 1 'locked/run' train good.json --out locked/run
fi

# ---- models and images
head -c 100 /dev/zero > zero.safetensors
expect 2 'none.safetensors: ' predict none.safetensors data/images --out out
expect 2 'zero.safetensors: no safetensors header' predict zero.safetensors data/images --out out
expect 2 'empty: a folder without checkpoints' predict empty data/images --out out
printf '\002\000\000\000\000\000\000\000{}' > nothing.safetensors
expect 2 'nothing.safetensors: no tensor "enc0.conv0.weight"' evaluate nothing.safetensors --images data/images --masks data/masks
expect 2 'empty: neither a run' report empty --out out

"$VULCYTE" train good.json --out run --quiet > /dev/null
model=run/checkpoints/last.safetensors
expect 2 'nowhere.png: ' predict $model nowhere.png --out out
expect 2 'empty: no .png, .tif or .tiff file' predict $model empty --out out
head -c 40 data/images/fluo_0000.png > short.png
expect 2 'short.png: ' predict $model short.png --out out
expect 2 'a-file: ' predict $model a-file --out out
expect 2 'a-file/out: the folder cannot be made' predict $model data/images --out a-file/out
sed 's/\\"max\\":/\\"mAx\\":/' $model > odd.safetensors
expect 2 'its normalisation' predict odd.safetensors data/images --out out
expect 2 'data/images: the images lie in this folder' predict $model data/images --out data/images
mkdir twin
cp data/images/fluo_0000.png twin/
expect 2 'twin/fluo_0000.png: has the name of' predict $model data/images/fluo_0000.png twin --out out
expect 2 'nowhere: ' evaluate $model --images nowhere --masks data/masks
head -c 1000 $model > short.safetensors
expect 2 'short.safetensors: ' predict short.safetensors data/images --out out
{ head -c -2 $model && printf 'xx'; } > flipped.safetensors
expect 2 'flipped.safetensors: the tensors do not agree with the checksum' predict flipped.safetensors data/images --out out
expect 2 'run: the folder is not empty; go on with its run by --resume' train good.json --out run
sed 's/"epochs": 1/"epochs": 2, "batch": 2/' good.json > other.json
expect 2 'train.batch: the run began with' train other.json --out run --resume --quiet
truncate -s 1000 run/checkpoints/last.state
expect 2 'last.state: the file is damaged' train good.json --out run --resume --quiet

# ---- closed streams: no file gets their numbers, so the run's files hold nothing but what belongs there
"$VULCYTE" train good.json --out closed <&- >&- 2>&- || true
for file in checkpoints/last.safetensors split.json; do
  cmp run/$file closed/$file || { echo "FAILED: $file differs where the streams are closed" >&2; n_failed=1; }
done

# ---- what is asked for is given
"$VULCYTE" --help | grep -q 'train CONFIG.json' || { echo "FAILED: --help" >&2; n_failed=1; }
"$VULCYTE" --version | grep -qE '^vulcyte [0-9]+\.[0-9]+\.[0-9]+$' || { echo "FAILED: --version" >&2; n_failed=1; }
for command in devices synth train evaluate predict report export; do
  "$VULCYTE" $command --help | grep -q -- '--' || { echo "FAILED: $command --help" >&2; n_failed=1; }
done

[ "$n_checked" -ge 50 ] || { echo "FAILED: only $n_checked checks" >&2; exit 1; }
[ "$n_failed" = 0 ] || exit 1
echo "$n_checked wrong calls, each refused in one line"
