#!/usr/bin/env bash
# check_msl.sh SPV-FOLDER: fails if a compiled shader does not translate to Metal as MoltenVK would translate it.
# Cooperative-matrix kernels have no Metal form and are never chosen there; they are named and left out.
set -euo pipefail

if ! command -v spirv-cross >/dev/null; then
  echo "check_msl: SKIPPED: spirv-cross is not installed (scripts/setup.sh --tests)" >&2
  exit 77
fi
bad=0
n=0
while read -r name spv; do
  if spirv-dis "$spv" 2>/dev/null | grep 'OpCapability CooperativeMatrix' >/dev/null; then
    echo "check_msl: $name: cooperative matrices, left out"
    continue
  fi
  if ! message=$(spirv-cross --msl --msl-version 20300 "$spv" 2>&1 >/dev/null) || [ -n "$message" ]; then
    printf 'check_msl: %s: %s\n' "$name" "$message" >&2
    bad=1
  fi
  n=$((n + 1))
done <"$1/modules.txt"
echo "check_msl: $n shaders translated"
exit "$bad"
