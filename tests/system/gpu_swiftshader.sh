#!/usr/bin/env bash
# test_gpu.c on the second driver, whose limits are small.
set -euo pipefail
exec "$VC_WITH_DRIVER" swiftshader "$VC_BUILD_DIR/tests/system_gpu"
