#!/usr/bin/env bash
# Packs what a borrowed GPU machine needs (x86-64 Linux with a Vulkan driver, no network, nothing installed) into one folder:
# program, op tests, their libraries, the Vulkan loader, the sample, the comparison with PyTorch, and run.sh, which uses
# minutes well: each part is bounded and leaves its figures in a folder.
# Usage: scripts/pack_gpu_kit.sh [FOLDER]     default: gpu-kit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kit=${1:-gpu-kit}

cmake --preset release -DVULCYTE_TESTS=ON > /dev/null
cmake --build build -j "$(getconf _NPROCESSORS_ONLN)"

rm -rf "$kit"
mkdir -p "$kit/bin" "$kit/lib" "$kit/bench" "$kit/assets" "$kit/configs"
cp build/vulcyte build/tests/ops_* "$kit/bin/"
strip "$kit"/bin/*
cp -r bench/torch "$kit/bench/"
cp -r assets/sample "$kit/assets/"
cp -r configs/. "$kit/configs/"

# Every library but the C library's own, which the machine has; and the loader, which is opened at run time.
ldd "$kit"/bin/* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -vE '/(libc|libm|libpthread|libdl|librt|ld-linux[^/]*)\.so' | xargs -r -I{} cp -L {} "$kit/lib/"
loader=$(ldconfig -p | awk '/libvulkan\.so\.1 / { print $NF; exit }')
[ -n "$loader" ] && cp -L "$loader" "$kit/lib/libvulkan.so.1"

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
# run.sh [OUT]: proves the device, tests every op, measures, compares with PyTorch if python3 has it, trains on the sample.
# MINUTES=10 bounds the whole; VK_DRIVER_FILES names a driver that the loader does not find.
set -uo pipefail
cd "$(dirname "$0")"
out=${1:-results}
mkdir -p "$out"
export VULCYTE_CACHE=$PWD/cache
end=$((SECONDS + ${MINUTES:-10} * 60))

# part NAME SECONDS COMMAND...: at most SECONDS, less where the whole runs out of time.
part() {
  local name=$1 limit=$2 left=$((end - SECONDS)) code=0
  shift 2
  [ "$left" -lt 5 ] && { echo "$name: no time left"; return; }
  [ "$limit" -gt "$left" ] && limit=$left
  local start=$SECONDS
  timeout "$limit" "$@" > "$out/$name.txt" 2> "$out/$name.err" || code=$?
  echo "$name: exit $code, $((SECONDS - start)) s"
}

part devices 20 ./vulcyte devices --json
part doctor 90 ./vulcyte doctor
for test in bin/ops_*; do part "$(basename "$test")" 60 ./with_lib "$(basename "$test")"; done
part bench16 60 ./vulcyte bench --json
part train 120 ./vulcyte train configs/quickstart.json --out "$out/run" --quiet
if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
  part torch16 90 python3 bench/torch/time_step.py ./vulcyte --torch cuda
  part torch64 120 python3 bench/torch/time_step.py ./vulcyte --torch cuda --base 64 --side 512 --rounds 3
fi
tail -n 1 "$out/doctor.txt"
RUN
chmod +x "$kit/run.sh" "$kit/vulcyte" "$kit/with_lib"
du -sh "$kit"
