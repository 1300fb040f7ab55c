// A module is walked once up to its first function; each result id's defining instruction is remembered by its offset,
// and everything else is read from there on demand. Words beyond an instruction's end read as zero and mark the module
// damaged.
#include "gpu/spirv.h"

#include "gpu/spirv_names.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_BOUND = 1 << 22, MAX_DEPTH = 16, MAX_MEMBERS = 64, MAX_STEPS = 20000, MAX_SEARCHES = 4096 };

struct module {
  const char *name;
  const uint32_t *words;
  size_t n_words, end; // end: where the first function starts
  uint32_t bound;
  uint32_t *defined_at; // by id: offset of the defining instruction, 0 if none
  const uint32_t *spec;
  uint32_t n_spec;
  uint32_t n_steps, n_searches; // work done; bounded, so that no module takes long
  bool damaged;
};

static uint32_t op_at(const struct module *m, size_t at) {
  return m->words[at] & 0xffff;
}
static uint32_t length_at(const struct module *m, size_t at) {
  return m->words[at] >> 16;
}

// Word i of the instruction at offset `at`.
static uint32_t word(struct module *m, size_t at, uint32_t i) {
  if (at == 0 || i >= length_at(m, at)) {
    m->damaged = true;
    return 0;
  }
  return m->words[at + i];
}

// The instruction that defines id if it is of that opcode, else 0.
static size_t definition(const struct module *m, uint32_t id, enum opcode op) {
  size_t at = id < m->bound ? m->defined_at[id] : 0;
  return at && op_at(m, at) == (uint32_t)op ? at : 0;
}

static bool step(struct module *m, int depth) {
  return depth < MAX_DEPTH && ++m->n_steps < MAX_STEPS;
}

static vc_status fail(const struct module *m, const char *what) {
  return VC_FAIL(VC_E_FORMAT, "shader %s: %s", m->name, what);
}

// Finds a decoration of id (member < 0) or of its member; value is its first literal, 0 if it has none.
static bool decorated(struct module *m, uint32_t id, int member, enum decoration decoration, uint32_t *out_value) {
  uint32_t want = member < 0 ? OP_DECORATE : OP_MEMBER_DECORATE, literal = member < 0 ? 3 : 4;
  if (++m->n_searches > MAX_SEARCHES) {
    m->damaged = true;
    return false;
  }
  for (size_t at = HEADER_WORDS; at < m->end; at += length_at(m, at)) {
    if (op_at(m, at) != want || word(m, at, 1) != id) continue;
    if (member >= 0 && word(m, at, 2) != (uint32_t)member) continue;
    if (word(m, at, literal - 1) != (uint32_t)decoration) continue;
    if (out_value) *out_value = length_at(m, at) > literal ? word(m, at, literal) : 0;
    return true;
  }
  return false;
}

static uint32_t result_index(uint32_t op) {
  if (op >= 19 && op <= OP_TYPE_FUNCTION) return 1;
  if (op >= OP_CONSTANT_TRUE && op <= OP_SPEC_CONSTANT_OP) return 2;
  return op == OP_VARIABLE ? 2 : 0;
}

static vc_status index_ids(struct module *m) {
  size_t at = HEADER_WORDS;
  while (at < m->n_words) {
    uint32_t op = op_at(m, at), length = length_at(m, at);
    if (length == 0 || length > m->n_words - at) return fail(m, "an instruction is cut short");
    if (op == OP_FUNCTION) break;
    if (op == OP_GROUP_DECORATE || op == OP_GROUP_MEMBER_DECORATE)
      return fail(m, "decoration groups are not supported");
    uint32_t result = result_index(op);
    if (result) {
      uint32_t id = word(m, at, result);
      if (id == 0 || id >= m->bound || m->defined_at[id]) return fail(m, "an id is out of bounds or defined twice");
      m->defined_at[id] = (uint32_t)at;
    }
    at += length;
  }
  m->end = at;
  return m->damaged ? fail(m, "an instruction is cut short") : VC_OK;
}

// ---- constants and types --------------------------------------------------------------------------------------

static bool eval(struct module *m, uint32_t id, int depth, uint32_t *out);

static bool eval_op(struct module *m, size_t at, int depth, uint32_t *out) {
  uint32_t op = word(m, at, 3), a, b;
  if (op == OP_COMPOSITE_EXTRACT) {
    uint32_t composite = word(m, at, 4), index = word(m, at, 5);
    size_t from = definition(m, composite, OP_SPEC_CONSTANT_COMPOSITE);
    if (!from) from = definition(m, composite, OP_CONSTANT_COMPOSITE);
    return from && index < 16 && eval(m, word(m, from, 3 + index), depth + 1, out);
  }
  if (!eval(m, word(m, at, 4), depth + 1, &a) || !eval(m, word(m, at, 5), depth + 1, &b)) return false;
  switch (op) {
  case OP_I_ADD: *out = a + b; return true;
  case OP_I_SUB: *out = a - b; return true;
  case OP_I_MUL: *out = a * b; return true;
  case OP_U_DIV:
  case OP_S_DIV: *out = b ? a / b : 0; return b != 0 && ((a | b) >> 31 == 0 || op == OP_U_DIV);
  case OP_U_MOD: *out = b ? a % b : 0; return b != 0;
  case OP_SHIFT_RIGHT: *out = b < 32 ? a >> b : 0; return true;
  case OP_SHIFT_LEFT: *out = b < 32 ? a << b : 0; return true;
  case OP_BIT_OR: *out = a | b; return true;
  case OP_BIT_AND: *out = a & b; return true;
  default: return false;
  }
}

// The value of a 32-bit constant under the given specialisation.
static bool eval(struct module *m, uint32_t id, int depth, uint32_t *out) {
  size_t at = id < m->bound ? m->defined_at[id] : 0;
  if (!at || !step(m, depth)) return false;
  uint32_t spec_id;
  switch (op_at(m, at)) {
  case OP_CONSTANT: *out = word(m, at, 3); return true;
  case OP_CONSTANT_NULL: *out = 0; return true;
  case OP_SPEC_CONSTANT:
    *out = word(m, at, 3);
    if (decorated(m, id, -1, DEC_SPEC_ID, &spec_id) && spec_id < m->n_spec) *out = m->spec[spec_id];
    return true;
  case OP_SPEC_CONSTANT_OP: return eval_op(m, at, depth, out);
  default: return false;
  }
}

struct layout {
  uint64_t bytes;
  uint32_t align; // of the widest scalar inside
};

static bool layout_of(struct module *m, uint32_t type, int depth, struct layout *out);

// Struct members from `first` on; `packed`: without Offset decorations, one behind the other. Bytes count from base.
static bool layout_of_members(struct module *m, uint32_t type, uint32_t first, uint64_t base, bool packed, int depth,
                              struct layout *out) {
  size_t at = definition(m, type, OP_TYPE_STRUCT);
  uint32_t n = at ? length_at(m, at) - 2 : 0;
  if (!at || length_at(m, at) < 2 || n > MAX_MEMBERS) return false;
  struct layout sum = {0, 1};
  for (uint32_t i = first; i < n; i++) {
    struct layout member;
    uint32_t offset = 0;
    if (!layout_of(m, word(m, at, 2 + i), depth + 1, &member)) return false;
    uint64_t from = vc_round_up(sum.bytes, member.align);
    if (!packed) {
      if (!decorated(m, type, (int)i, DEC_OFFSET, &offset) || offset < base) return false;
      from = offset - base;
    }
    sum.bytes = VC_MAX(sum.bytes, from + member.bytes);
    sum.align = VC_MAX(sum.align, member.align);
  }
  sum.bytes = vc_round_up(sum.bytes, sum.align);
  *out = sum;
  return sum.bytes < UINT64_C(1) << 40;
}

static bool layout_of(struct module *m, uint32_t type, int depth, struct layout *out) {
  size_t at = type < m->bound ? m->defined_at[type] : 0;
  if (!at || !step(m, depth)) return false;
  uint32_t n = 0, stride = 0, width;
  switch (op_at(m, at)) {
  case OP_TYPE_BOOL: *out = (struct layout){4, 4}; return true;
  case OP_TYPE_INT:
  case OP_TYPE_FLOAT:
    width = word(m, at, 2) / 8;
    *out = (struct layout){width, width};
    return width == 1 || width == 2 || width == 4 || width == 8;
  case OP_TYPE_VECTOR:
  case OP_TYPE_MATRIX:
    n = word(m, at, 3);
    if (n < 1 || n > 16 || !layout_of(m, word(m, at, 2), depth + 1, out)) return false;
    out->bytes *= n;
    return true;
  case OP_TYPE_ARRAY:
    if (!eval(m, word(m, at, 3), depth + 1, &n) || !layout_of(m, word(m, at, 2), depth + 1, out)) return false;
    if (decorated(m, type, -1, DEC_ARRAY_STRIDE, &stride)) out->bytes = stride;
    if (n && out->bytes > (UINT64_C(1) << 40) / n) return false;
    out->bytes *= n;
    return true;
  case OP_TYPE_STRUCT: return layout_of_members(m, type, 0, 0, !decorated(m, type, 0, DEC_OFFSET, NULL), depth, out);
  case OP_TYPE_POINTER: *out = (struct layout){8, 8}; return word(m, at, 2) == IN_PHYSICAL;
  default: return false;
  }
}

// ---- what the module declares ---------------------------------------------------------------------------------

static bool need_of(uint32_t capability, uint32_t *out_need) {
  static const struct {
    uint16_t capability, need;
  } known[] = {
      {0, 0},  // Matrix
      {1, 0},  // Shader
      {61, 0}, // GroupNonUniform
      {9, VC_NEEDS_FP16},
      {4433, VC_NEEDS_FP16_STORAGE}, // StorageBuffer16BitAccess
      {11, VC_NEEDS_INT64},
      {22, VC_NEEDS_INT16},
      {39, VC_NEEDS_INT8},
      {4448, VC_NEEDS_INT8}, // StorageBuffer8BitAccess
      {62, VC_NEEDS_BALLOT}, // GroupNonUniformVote: no device has one without the other
      {64, VC_NEEDS_BALLOT},
      {63, VC_NEEDS_ARITHMETIC},
      {65, VC_NEEDS_SHUFFLE},
      {66, VC_NEEDS_SHUFFLE}, // GroupNonUniformShuffleRelative
      {CAPABILITY_ADDRESSES, VC_NEEDS_ADDRESS},
      {6022, VC_NEEDS_COOP_MATRIX},
      {5432, VC_NEEDS_COOP_MATRIX2}, // CooperativeMatrixPerElementOperationsNV
      {5433, VC_NEEDS_COOP_MATRIX2}, // CooperativeMatrixTensorAddressingNV
      {5439, VC_NEEDS_COOP_MATRIX2}, // TensorAddressingNV
      {5345, VC_NEEDS_COOP_MATRIX},  // VulkanMemoryModel, enabled only for cooperative matrices
      {5346, VC_NEEDS_COOP_MATRIX},  // VulkanMemoryModelDeviceScope
  };
  for (size_t i = 0; i < VC_COUNT_OF(known); i++) {
    if (known[i].capability != capability) continue;
    *out_need = known[i].need;
    return true;
  }
  return false;
}

static vc_status read_modes(struct module *m, struct vc_kernel_info *info) {
  uint32_t n_entries = 0, entry = 0;
  bool sized = false;
  for (size_t at = HEADER_WORDS; at < m->end; at += length_at(m, at)) {
    uint32_t need, op = op_at(m, at);
    if (op == OP_CAPABILITY) {
      if (!need_of(word(m, at, 1), &need)) {
        return VC_FAIL(VC_E_FORMAT, "shader %s: needs SPIR-V capability %u, which no device capability stands for",
                       m->name, word(m, at, 1));
      }
      info->capabilities |= need;
    } else if (op == OP_ENTRY_POINT) {
      n_entries++;
      entry = word(m, at, 2);
      if (word(m, at, 1) != MODEL_GL_COMPUTE) return fail(m, "is not a compute shader");
      if (memcmp((uint32_t[2]){word(m, at, 3), word(m, at, 4)}, "main\0\0\0", 8) != 0) {
        return fail(m, "its entry point is not called main");
      }
    } else if ((op == OP_EXECUTION_MODE || op == OP_EXECUTION_MODE_ID) && word(m, at, 1) == entry) {
      uint32_t mode = word(m, at, 2);
      if (mode != MODE_LOCAL_SIZE && mode != MODE_LOCAL_SIZE_ID) continue;
      for (uint32_t i = 0; i < 3; i++) {
        info->local_size[i] = word(m, at, 3 + i);
        if (mode == MODE_LOCAL_SIZE_ID && !eval(m, word(m, at, 3 + i), 0, &info->local_size[i])) {
          return fail(m, "its workgroup size is no constant");
        }
      }
      sized = true;
    }
  }
  if (n_entries != 1) return fail(m, "has not exactly one entry point");
  return sized ? VC_OK : fail(m, "declares no workgroup size");
}

static vc_status read_constants(struct module *m, struct vc_kernel_info *info) {
  for (size_t at = HEADER_WORDS; at < m->end; at += length_at(m, at)) {
    uint32_t op = op_at(m, at);
    if (op != OP_DECORATE) continue;
    uint32_t target = word(m, at, 1), decoration = word(m, at, 2);
    if (decoration == DEC_SPEC_ID) {
      uint32_t spec_id = word(m, at, 3);
      if (spec_id >= VC_MAX_SPEC) return fail(m, "a constant_id is too high");
      size_t from = definition(m, target, OP_SPEC_CONSTANT);
      size_t type = from ? definition(m, word(m, from, 1), OP_TYPE_INT) : 0;
      if (from && !type) type = definition(m, word(m, from, 1), OP_TYPE_FLOAT);
      bool is_bool = definition(m, target, OP_SPEC_CONSTANT_TRUE) || definition(m, target, OP_SPEC_CONSTANT_FALSE);
      if (!is_bool && (!type || word(m, type, 2) != 32))
        return fail(m, "a specialisation constant is not 32 bits wide");
      info->n_spec = VC_MAX(info->n_spec, spec_id + 1);
    } else if (decoration == DEC_BUILT_IN && word(m, at, 3) == BUILT_IN_WORKGROUP_SIZE) {
      size_t from = definition(m, target, OP_SPEC_CONSTANT_COMPOSITE);
      if (!from) from = definition(m, target, OP_CONSTANT_COMPOSITE);
      for (uint32_t i = 0; i < 3; i++) {
        if (!from || !eval(m, word(m, from, 3 + i), 0, &info->local_size[i]))
          return fail(m, "its workgroup size is no constant");
      }
    }
  }
  return VC_OK;
}

// How a block's data are used: by decorations of the variable (0: none) or of all members.
static vc_status access_of(struct module *m, uint32_t variable, uint32_t block, uint8_t *out_access) {
  size_t at = definition(m, block, OP_TYPE_STRUCT);
  uint32_t n = at ? length_at(m, at) - 2 : 0;
  if (!at || n == 0 || n > MAX_MEMBERS) return fail(m, "a buffer is no block");
  bool no_write = variable && decorated(m, variable, -1, DEC_NON_WRITABLE, NULL);
  bool no_read = variable && decorated(m, variable, -1, DEC_NON_READABLE, NULL);
  uint32_t n_no_write = 0, n_no_read = 0;
  for (uint32_t i = 0; i < n; i++) {
    n_no_write += decorated(m, block, (int)i, DEC_NON_WRITABLE, NULL);
    n_no_read += decorated(m, block, (int)i, DEC_NON_READABLE, NULL);
  }
  no_write |= n_no_write == n;
  no_read |= n_no_read == n;
  if (no_write && no_read) return fail(m, "a buffer is neither read nor written");
  *out_access = (uint8_t)((no_read ? 0 : VC_READ) | (no_write ? 0 : VC_WRITE));
  return VC_OK;
}

static vc_status read_binding(struct module *m, uint32_t variable, uint32_t block, struct vc_kernel_info *info) {
  uint32_t set = 0, binding;
  uint8_t access;
  if (!decorated(m, variable, -1, DEC_BINDING, &binding) || binding >= VC_MAX_BINDINGS) {
    return fail(m, "a buffer has no binding, or one too high");
  }
  if (decorated(m, variable, -1, DEC_DESCRIPTOR_SET, &set) && set != 0) return fail(m, "a buffer is not in set 0");
  VC_TRY(access_of(m, variable, block, &access));
  info->access[binding] |= access; // several variables may view one binding
  info->n_bindings = VC_MAX(info->n_bindings, binding + 1);
  return VC_OK;
}

static vc_status read_push_block(struct module *m, uint32_t block, struct vc_kernel_info *info) {
  size_t at = definition(m, block, OP_TYPE_STRUCT);
  uint32_t n = at ? length_at(m, at) - 2 : 0, n_addresses = 0;
  if (!at || n > MAX_MEMBERS) return fail(m, "its push block is damaged");
  for (uint32_t i = 0; i < n; i++) {
    size_t pointer = definition(m, word(m, at, 2 + i), OP_TYPE_POINTER);
    if (!pointer) continue;
    uint32_t offset;
    if (word(m, pointer, 2) != IN_PHYSICAL || i != n_addresses || !decorated(m, block, (int)i, DEC_OFFSET, &offset) ||
        offset != 8 * i) {
      return fail(m, "addresses must stand first in the push block, one behind the other");
    }
    if (i >= VC_MAX_BINDINGS) return fail(m, "has too many buffers");
    VC_TRY(access_of(m, 0, word(m, pointer, 3), &info->access[i]));
    n_addresses++;
  }
  uint32_t base = 8 * n_addresses, first = UINT32_MAX;
  for (uint32_t i = n_addresses; i < n; i++) {
    uint32_t offset = 0;
    if (decorated(m, block, (int)i, DEC_OFFSET, &offset)) first = VC_MIN(first, offset);
  }
  struct layout layout;
  if (n > n_addresses && first != base) return fail(m, "its parameters do not follow the addresses directly");
  if (!layout_of_members(m, block, n_addresses, base, false, 0, &layout))
    return fail(m, "its push block has no known layout");
  if (base + layout.bytes > VC_MAX_PUSH_BYTES) return fail(m, "its push block is too large");
  info->push_bytes = (uint32_t)layout.bytes;
  info->by_address = n_addresses > 0;
  if (n_addresses > 0) {
    if (info->n_bindings) return fail(m, "takes buffers both by binding and by address");
    info->n_bindings = n_addresses;
  }
  return VC_OK;
}

static vc_status read_variables(struct module *m, struct vc_kernel_info *info) {
  uint32_t push_block = 0, n_variables = 0;
  for (size_t at = HEADER_WORDS; at < m->end; at += length_at(m, at)) {
    if (op_at(m, at) != OP_VARIABLE) continue;
    size_t pointer = definition(m, word(m, at, 1), OP_TYPE_POINTER);
    if (!pointer || ++n_variables > 4 * MAX_MEMBERS) return fail(m, "has a damaged variable, or too many");
    uint32_t type = word(m, pointer, 3), storage = word(m, at, 3);
    struct layout layout;
    if (storage == IN_STORAGE_BUFFER) {
      VC_TRY(read_binding(m, word(m, at, 2), type, info));
    } else if (storage == IN_PUSH_CONSTANT) {
      if (push_block) return fail(m, "has two push blocks");
      push_block = type;
    } else if (storage == IN_WORKGROUP) {
      if (!layout_of(m, type, 0, &layout) || layout.bytes > UINT32_MAX / 2 - info->shared_bytes) {
        return fail(m, "a shared array has no known size");
      }
      info->shared_bytes += (uint32_t)vc_round_up(layout.bytes, 4);
    } else if (storage == IN_UNIFORM || storage == IN_UNIFORM_CONSTANT) {
      return fail(m, "binds something else than a storage buffer");
    }
  }
  for (uint32_t i = 0; i < info->n_bindings; i++) {
    if (!info->access[i]) return VC_FAIL(VC_E_FORMAT, "shader %s: binding %u is missing", m->name, i);
  }
  return push_block ? read_push_block(m, push_block, info) : VC_OK;
}

vc_status gpu_spirv_reflect(const char *name, const uint32_t *words, size_t n_words, const uint32_t *spec,
                            uint32_t n_spec, struct vc_kernel_info *out_info) {
  struct module m = {.name = name, .words = words, .n_words = n_words, .spec = spec, .n_spec = n_spec};
  struct vc_kernel_info info = {.name = name};
  if (n_words < HEADER_WORDS || n_words > UINT32_MAX || words[0] != MAGIC) return fail(&m, "is no SPIR-V module");
  m.bound = words[3];
  if (m.bound > MAX_BOUND) return fail(&m, "has too many ids");
  m.defined_at = calloc((size_t)m.bound + 1, sizeof *m.defined_at);
  if (!m.defined_at) return VC_FAIL(VC_E_NOMEM, "shader %s: %u ids: out of memory", name, m.bound);
  vc_status status = index_ids(&m);
  if (status == VC_OK) status = read_modes(&m, &info);
  if (status == VC_OK) status = read_constants(&m, &info);
  if (status == VC_OK) status = read_variables(&m, &info);
  bool empty = info.local_size[0] == 0 || info.local_size[1] == 0 || info.local_size[2] == 0;
  if (status == VC_OK && empty) status = fail(&m, "its workgroup has no invocation");
  if (status == VC_OK && m.damaged) status = fail(&m, "is damaged");
  free(m.defined_at);
  if (status == VC_OK) *out_info = info;
  return status;
}
