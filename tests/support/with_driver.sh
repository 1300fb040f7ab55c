#!/usr/bin/env bash
# with_driver.sh lavapipe|swiftshader COMMAND...: runs COMMAND with only that Vulkan driver, under the validation layers
# (unless VULCYTE_VALIDATION is set already, for example to 0). SwiftShader not installed: exits with 77, "skipped".
set -euo pipefail

driver=$1
shift
case "$driver" in
  lavapipe)
    icd=
    for dir in /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d /etc/vulkan/icd.d; do
      for file in "$dir"/lvp_icd*.json; do
        if [ -z "$icd" ] && [ -f "$file" ]; then icd=$file; fi
      done
    done
    if [ -z "$icd" ]; then
      echo "with_driver: lavapipe is not installed; run scripts/setup.sh --tests" >&2
      exit 1
    fi
    ;;
  swiftshader)
    icd=${XDG_CACHE_HOME:-$HOME/.cache}/vulcyte/swiftshader/vk_swiftshader_icd.json
    if [ ! -f "$icd" ]; then
      echo "with_driver: SKIPPED: SwiftShader is not installed (scripts/setup.sh --tests fetches it)" >&2
      exit 77
    fi
    ;;
  *)
    echo "with_driver: unknown driver '$driver'" >&2
    exit 2
    ;;
esac

export VULCYTE_VALIDATION=${VULCYTE_VALIDATION:-1}
if [ "$VULCYTE_VALIDATION" = 1 ] && [ -z "${VK_LAYER_PATH:-}" ]; then
  found=0
  for dir in /usr/share/vulkan/explicit_layer.d /usr/local/share/vulkan/explicit_layer.d /etc/vulkan/explicit_layer.d; do
    if [ -f "$dir/VkLayer_khronos_validation.json" ]; then found=1; fi
  done
  if [ "$found" = 0 ]; then
    echo "with_driver: the validation layers are not installed; run scripts/setup.sh --tests" >&2
    exit 1
  fi
fi
export VK_DRIVER_FILES=$icd
export VK_ICD_FILENAMES=$icd # loaders before 1.3.207
exec "$@"
