#!/usr/bin/env bash
# Packs what a borrowed GPU machine needs (x86-64 Linux with a Vulkan driver, no network, nothing installed) into one folder:
# program, op tests, their libraries, the Vulkan loader, the sample, the comparison with PyTorch, and run.sh, which uses
# minutes well: each part is bounded, prints a few lines, and leaves its figures in a folder.
# Usage: scripts/pack_gpu_kit.sh [FOLDER]     default: gpu-kit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kit=${1:-gpu-kit}

# One library for the program and all tests: each of them would be as large as it is.
build=build/kit
cmake --preset release -B "$build" -DVULCYTE_TESTS=ON -DVULCYTE_SHARED=ON > /dev/null
cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN)"

rm -rf "$kit"
mkdir -p "$kit/bin" "$kit/lib" "$kit/bench" "$kit/assets" "$kit/configs"
cp "$build"/vulcyte "$build"/tests/ops_* "$kit/bin/"
cp -r bench/torch "$kit/bench/"
cp -r assets/sample "$kit/assets/"
cp -r configs/. "$kit/configs/"

# Every library but the C library's own, which the machine has; and the loader, which is opened at run time.
ldd "$kit"/bin/* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -vE '/(libc|libm|libpthread|libdl|librt|ld-linux[^/]*)\.so' | xargs -r -I{} cp -L {} "$kit/lib/"
loader=$(ldconfig -p | awk '/libvulkan\.so\.1 / { print $NF; exit }')
[ -n "$loader" ] && cp -L "$loader" "$kit/lib/libvulkan.so.1"
# What NVIDIA's driver library asks for and a bare container may lack.
ldconfig -p | awk '/lib(X11|Xext|xcb|Xau|Xdmcp|bsd|md)\.so\.[0-9]+ .*x86-64/ { print $NF }' | xargs -r -I{} cp -L {} "$kit/lib/"
strip "$kit"/bin/* "$kit"/lib/*

# Only our programs see the carried libraries: python3 keeps its own.
cat > "$kit/with_lib" <<'RUN'
#!/bin/sh
kit=$(dirname "$(readlink -f "$0")")
program=$1
shift
LD_LIBRARY_PATH=$kit/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$kit/bin/$program" "$@"
RUN
cat > "$kit/vulcyte" <<'RUN'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/with_lib" vulcyte "$@"
RUN
cat > "$kit/run.sh" <<'RUN'
#!/usr/bin/env bash
# run.sh [OUT]: what a borrowed machine is used for, the most telling first: proves the device, measures, compares with
# PyTorch where python3 has it, tests every op, trains on the sample. Every part is bounded, prints a few lines, and leaves
# its figures in OUT.
#   MINUTES=20 bounds the whole; REHEARSE=1 takes small networks and PyTorch on the processor; PYTHON names the interpreter;
#   VK_DRIVER_FILES names a driver that is not found. OUT.tgz holds the same figures in one file.
set -uo pipefail
cd "$(dirname "$0")"
out=${1:-results}
python=${PYTHON:-python3}
mkdir -p "$out"
out=$(realpath "$out")
export VULCYTE_CACHE=$PWD/cache
end=$((SECONDS + ${MINUTES:-20} * 60))

# part NAME SECONDS COMMAND...: at most SECONDS, less where the whole runs out of time.
part() {
  local name=$1 limit=$2 left=$((end - SECONDS)) code=0
  shift 2
  [ "$left" -lt 5 ] && { echo "$name: no time left"; return; }
  [ "$limit" -gt "$left" ] && limit=$left
  local start=$SECONDS
  timeout "$limit" "$@" > "$out/$name.txt" 2> "$out/$name.err" || code=$?
  echo "== $name: exit $code, $((SECONDS - start)) s"
}
# tell NAME PATTERN [LINES]: the lines of a part's output that say the most.
tell() { grep -E "$2" "$out/$1.txt" 2> /dev/null | head -n "${3:-12}" | sed 's/^/   /'; }

if [ "${REHEARSE:-0}" = 1 ]; then
  torch=cpu sizes=4x64x1 networks="4x64" steps="--steps 2"
else
  torch=cuda sizes= networks="64x512 16x256" steps=
fi
# bench NAME BASE SIDE PRECISION
bench() {
  part "$1" 90 ./vulcyte bench --quiet $steps --set model.base="$2" --set data.crop="$3" --set method=uda --set precision="$4"
  tell "$1" '^ceilings'
  grep -A10 '^uda:' "$out/$1.txt" 2> /dev/null | sed 's/^/   /'
}

# In containers the manifest of NVIDIA's driver lies where the loader does not look, or nowhere.
sees_gpu() { env "$@" ./vulcyte devices --json 2> /dev/null | grep -q '"type": "discrete"'; }
if [ "${REHEARSE:-0}" != 1 ] && [ -z "${VK_DRIVER_FILES:-}" ] && ! sees_gpu; then
  for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    printf '{"file_format_version": "1.0.1", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' "$library" > "$out/$library.json"
  done
  for manifest in $(find /usr/local /usr/share /etc /opt -name 'nvidia_icd*.json' 2> /dev/null) "$out"/lib*_nvidia.so.0.json; do
    sees_gpu "VK_DRIVER_FILES=$manifest" && { export VK_DRIVER_FILES=$manifest; echo "== driver: $manifest"; break; }
  done
fi

part devices 20 ./vulcyte devices --json
tell devices '"(name|driver|coop_shapes|coop_grains|max_shared_bytes)"' 4
part doctor 180 ./vulcyte doctor
tell doctor 'FAILED|checks passed' 20
if ./vulcyte --help | grep -q '^  tune'; then part tune 120 ./vulcyte tune; fi
for network in $networks; do
  for precision in fp32 mixed; do bench "bench-$network-$precision" "${network%x*}" "${network#*x}" "$precision"; done
done
if "$python" -c "import torch; assert '$torch' == 'cpu' or torch.cuda.is_available()" 2> /dev/null; then
  minutes=$(((end - SECONDS) / 120)) # half of what is left
  part side-by-side $((minutes * 60 + 120)) "$python" bench/torch/side_by_side.py ./vulcyte --torch "$torch" --minutes "$minutes" \
    ${sizes:+--sizes "$sizes" --steps 2} --json "$out/side-by-side.json"
  tell side-by-side '.' 40
else
  echo "== side-by-side: $python has no PyTorch for $torch"
fi
for precision in fp32 mixed; do
  rm -rf "$out/run-$precision"
  part "train-$precision" 90 ./vulcyte train configs/quickstart.json --set precision="$precision" --out "$out/run-$precision" --quiet
  grep -h -A1 '"best-final"' "$out/run-$precision/evaluation.json" 2> /dev/null | sed 's/^/   /'
done
for test in bin/ops_*; do
  test=$(basename "$test")
  [ "$test" = ops_conv ] || part "$test" 60 ./with_lib "$test"
done
part ops_conv 300 ./with_lib ops_conv # the longest: its references are computed by the processor
tar -czf "$out.tgz" --exclude='*.safetensors' --exclude='*.state' -C "$(dirname "$out")" "$(basename "$out")"
RUN
chmod +x "$kit/run.sh" "$kit/vulcyte" "$kit/with_lib"
du -sh "$kit"
