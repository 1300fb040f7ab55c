#!/usr/bin/env bash
# scripts/fetch_datasets.sh without a network: sets from a mirror in a folder, what is wrong with them, what cannot be reached;
# and what it unpacked is imported. VULCYTE is the program under test.
set -euo pipefail

fetch=$VC_SOURCE_DIR/scripts/fetch_datasets.sh
if ! command -v curl >/dev/null || ! command -v zip >/dev/null; then
  echo "curl and zip are needed: skipped"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
n_failed=0

expect() { # expect CODE TEXT ARGS...: exit code and a text of stdout or stderr
  local want=$1 text=$2 code=0
  shift 2
  "$fetch" "$@" >output 2>&1 </dev/null || code=$?
  if [ "$code" = "$want" ] && grep -qF -- "$text" output; then return; fi
  n_failed=$((n_failed + 1))
  printf 'FAILED: fetch_datasets.sh %s: exit code %s, output:\n%s\n' "$*" "$code" "$(cat output)" >&2
}

expect 0 'CC BY-NC-SA 4.0'
expect 0 'Usage:' --help
expect 2 "no set 'bbbc040'" bbbc040
expect 2 '--to needs a value' --to

# Two images as the Data Science Bowl has them: a folder an image, a file a nucleus.
"$VULCYTE" synth fluo --count 2 --size 64 --out synth >/dev/null
for i in 0 1; do
  mkdir -p "bowl/n$i/images" "bowl/n$i/masks"
  cp "synth/images/fluo_000$i.png" "bowl/n$i/images/n$i.png"
  cp "synth/masks/fluo_000$i.png" "bowl/n$i/masks/one.png"
done
mkdir mirror
(cd bowl && zip -qr ../mirror/stage1_train.zip .)
expect 0 'vulcyte import folder here/dsb2018' --to here --mirror "file://$work/mirror" dsb2018
"$VULCYTE" import folder here/dsb2018 --out imported --quiet | grep -qF '2 images with masks' || n_failed=$((n_failed + 1))
expect 0 'is there already' --to here --mirror "file://$work/none" dsb2018

# What is not there is named with where to put it; the other sets still come.
rm -r here/dsb2018
expect 1 'put it at here/downloads/PhC-C2DH-U373.zip' --to here --mirror "file://$work/mirror" phc dsb2018
[ -d here/dsb2018/n1/masks ] || n_failed=$((n_failed + 1))
# A wrong archive is told by its checksum and not unpacked.
cp mirror/stage1_train.zip mirror/PhC-C2DH-U373.zip
expect 1 'damaged, or changed by its site' --to here --mirror "file://$work/mirror" phc
[ ! -e here/phc ] || n_failed=$((n_failed + 1))
# One that cannot be unpacked leaves no folder.
rm -r here
mkdir -p here/downloads
head -c 300 mirror/stage1_train.zip >here/downloads/stage1_train.zip
expect 1 '1 of 1 sets are not there' --to here dsb2018
[ ! -e here/dsb2018 ] || n_failed=$((n_failed + 1))

if [ "$n_failed" -gt 0 ]; then
  echo "$n_failed failed" >&2
  exit 1
fi
