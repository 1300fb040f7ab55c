// Launches, checks and operand access that the ops share.
#include "internal.h"

#include "shaders/shared/ops.h"

enum {
  CPU_GROUPS = 256,     // a workgroup costs a CPU driver as much as some thousand elements
  GPU_GROUPS = 16384,   // a million invocations fill the largest GPUs
  CPU_SUM_LANES = 4096, // partial sums of one reduction
  GPU_SUM_LANES = 32768,
  MIN_SUM_ITEMS = 8, // elements that a partial sum is worth
};

static bool is_cpu(const vc_emitter *e) {
  return vc_emit_caps(e)->type == VC_DEVICE_CPU;
}

struct ops_grid ops_grid_of(uint32_t n) {
  uint32_t groups = (uint32_t)vc_div_up(VC_MAX(n, 1u), OPS_LOCAL);
  VC_ASSERT(groups <= 65535);
  return (struct ops_grid){{groups, 1, 1}, groups * OPS_LOCAL};
}

struct ops_grid ops_grid_for(const vc_emitter *e, uint64_t n_items, uint32_t min_items) {
  uint64_t groups = vc_div_up(n_items, (uint64_t)OPS_LOCAL * (is_cpu(e) ? min_items : 1));
  uint64_t most = is_cpu(e) ? CPU_GROUPS : GPU_GROUPS;
  return ops_grid_of((uint32_t)VC_MIN(VC_MAX(groups, 1), most) * OPS_LOCAL);
}

uint32_t ops_rows(const vc_emitter *e, uint64_t n_items, uint32_t n_lanes) {
  uint64_t rows = (is_cpu(e) ? CPU_SUM_LANES : GPU_SUM_LANES) / VC_MAX(n_lanes, 1u);
  rows = VC_MIN(rows, n_items / MIN_SUM_ITEMS);
  return (uint32_t)VC_MAX(rows, 1);
}

vc_status ops_want_dtype(const vc_tensor *t, vc_dtype dtype, const char *name) {
  static const char *const names[] = {[VC_F32] = "F32", [VC_U32] = "U32", [VC_F16] = "F16"};
  if (t->dtype == dtype) return VC_OK;
  return VC_FAIL(VC_E_SHAPE, "%s is %s; it must be %s", name, names[t->dtype], names[dtype]);
}

vc_status ops_want_shape(const vc_tensor *t, struct vc_shape shape, const char *name) {
  if (vc_shape_equal(t->shape, shape)) return VC_OK;
  return VC_FAIL(VC_E_SHAPE, "%s is %u x %u x %u x %u (N,C,H,W); it must be %u x %u x %u x %u", name, t->shape.n,
                 t->shape.c, t->shape.h, t->shape.w, shape.n, shape.c, shape.h, shape.w);
}
