// A kernel rewritten so that its loads of single 32-bit numbers from buffers that it only reads go by address. Loads of
// vectors stay: they share one check of bounds, while by address each component is gathered for itself.
//
// The push block becomes {an address for each such buffer's variable, the old push block}. Where the module loads
// through a chain from such a variable, the same chain is made again from the address that stands there. Everything
// else, stores among it, is copied; names for debuggers are left out.
#include "gpu/spirv.h"

#include "gpu/spirv_names.h"

#include <stdlib.h>
#include <string.h>

enum { SLACK_WORDS = 256, LOAD_WORDS = 16, NUMBER_BITS = 32 }; // LOAD_WORDS: without its chain

// What is known of an id of the module.
struct id {
  size_t at;        // where it is defined, types, constants and variables only
  size_t chain_at;  // of a chain from a variable that goes by address: where it stands
  uint32_t twin;    // of a pointer type to buffers: the same by address
  uint32_t address; // of a variable that goes by address: 1 + its place in the push block
  uint32_t binding;
};

struct rewrite {
  const uint32_t *words;
  size_t n_words;
  struct id *ids;
  uint32_t n_ids, next_id;
  uint32_t *out;
  size_t n_out;
  uint32_t n_addresses, variables[GPU_MAX_ADDRESSES]; // those that go by address, by their places
  uint32_t uint_type, push_variable, push_type;       // push_*: 0 where there are none
  uint32_t new_push, new_variable;                    // type and variable of the new push block
  uint32_t address_pointer[GPU_MAX_ADDRESSES], place[GPU_MAX_ADDRESSES + 1]; // what reaches its members
};

static uint32_t op_at(const struct rewrite *r, size_t at) {
  return r->words[at] & 0xffff;
}
static uint32_t length_at(const struct rewrite *r, size_t at) {
  return r->words[at] >> 16;
}

static void put(struct rewrite *r, uint32_t op, const uint32_t *operands, uint32_t n) {
  r->out[r->n_out++] = (n + 1) << 16 | op;
  memcpy(r->out + r->n_out, operands, n * sizeof *operands);
  r->n_out += n;
}
#define PUT(r, op, ...) \
  put(r, op, (const uint32_t[]){__VA_ARGS__}, (uint32_t)(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)))

static void copy(struct rewrite *r, size_t at) {
  memcpy(r->out + r->n_out, r->words + at, length_at(r, at) * sizeof *r->words);
  r->n_out += length_at(r, at);
}

// ---- what there is ----------------------------------------------------------------------------------------------

static void survey_variable(struct rewrite *r, size_t at, const struct vc_kernel_info *info) {
  const uint32_t type = r->words[at + 1], variable = r->words[at + 2], storage = r->words[at + 3];
  struct id *id = &r->ids[variable];
  id->at = at;
  if (storage == IN_PUSH_CONSTANT) {
    r->push_variable = variable;
    r->push_type = r->words[r->ids[type].at + 3];
  }
  if (storage != IN_STORAGE_BUFFER || info->access[id->binding] != VC_READ) return;
  const size_t block = r->ids[r->words[r->ids[type].at + 3]].at, array = block ? r->ids[r->words[block + 2]].at : 0;
  const size_t element = array && op_at(r, array) == OP_TYPE_RUNTIME_ARRAY ? r->ids[r->words[array + 2]].at : 0;
  if (!element || r->words[element + 2] != NUMBER_BITS || r->n_addresses == GPU_MAX_ADDRESSES) return;
  r->variables[r->n_addresses++] = variable;
  id->address = r->n_addresses;
}

static void survey(struct rewrite *r, const struct vc_kernel_info *info) {
  for (size_t at = HEADER_WORDS; at < r->n_words && op_at(r, at) != OP_FUNCTION; at += length_at(r, at)) {
    const uint32_t *w = r->words + at;
    switch (op_at(r, at)) {
    case OP_DECORATE:
      if (w[2] == DEC_BINDING) r->ids[w[1]].binding = w[3];
      break;
    case OP_TYPE_INT:
      if (w[2] == 32 && w[3] == 0) r->uint_type = w[1];
      r->ids[w[1]].at = at;
      break;
    case OP_TYPE_POINTER:
      if (w[2] == IN_STORAGE_BUFFER) r->ids[w[1]].twin = r->next_id++;
      r->ids[w[1]].at = at;
      break;
    case OP_TYPE_FLOAT:
    case OP_TYPE_RUNTIME_ARRAY:
    case OP_TYPE_STRUCT: r->ids[w[1]].at = at; break;
    case OP_VARIABLE: survey_variable(r, at, info); break;
    default: break;
    }
  }
}

static bool goes_by_address(const struct rewrite *r, uint32_t id) {
  return r->ids[id].address > 0;
}

// ---- declarations -----------------------------------------------------------------------------------------------

static void put_entry_point(struct rewrite *r, size_t at) {
  const size_t start = r->n_out;
  copy(r, at);
  r->n_out = start + 5; // length, model, id, "main"
  for (uint32_t i = 5; i < length_at(r, at); i++) {
    const uint32_t id = r->words[at + i];
    if (id != r->push_variable && !goes_by_address(r, id)) r->out[r->n_out++] = id;
  }
  r->out[r->n_out++] = r->new_variable;
  r->out[start] = (uint32_t)(r->n_out - start) << 16 | OP_ENTRY_POINT;
}

static void put_decorations(struct rewrite *r) {
  PUT(r, OP_DECORATE, r->new_push, DEC_BLOCK);
  for (uint32_t i = 0; i < r->n_addresses + (r->push_type != 0); i++)
    PUT(r, OP_MEMBER_DECORATE, r->new_push, i, DEC_OFFSET, 8 * i);
}

static void put_types(struct rewrite *r) {
  uint32_t members[GPU_MAX_ADDRESSES + 2] = {r->new_push}, n = r->n_addresses, pointer = r->next_id++;
  for (uint32_t id = 0; id < r->n_ids; id++) {
    if (r->ids[id].twin) PUT(r, OP_TYPE_POINTER, r->ids[id].twin, IN_PHYSICAL, r->words[r->ids[id].at + 3]);
  }
  for (uint32_t i = 0; i < n; i++) {
    members[1 + i] = r->ids[r->words[r->ids[r->variables[i]].at + 1]].twin;
    r->address_pointer[i] = r->next_id++;
    PUT(r, OP_TYPE_POINTER, r->address_pointer[i], IN_PUSH_CONSTANT, members[1 + i]);
  }
  members[1 + n] = r->push_type;
  put(r, OP_TYPE_STRUCT, members, 1 + n + (r->push_type != 0));
  PUT(r, OP_TYPE_POINTER, pointer, IN_PUSH_CONSTANT, r->new_push);
  PUT(r, OP_VARIABLE, pointer, r->new_variable, IN_PUSH_CONSTANT);
  for (uint32_t i = 0; i <= n; i++) {
    r->place[i] = r->next_id++;
    PUT(r, OP_CONSTANT, r->uint_type, r->place[i], i);
  }
}

static void put_declaration(struct rewrite *r, size_t at) {
  const uint32_t *w = r->words + at;
  switch (op_at(r, at)) {
  case OP_NAME:
  case OP_MEMBER_NAME: return;
  case OP_ENTRY_POINT: put_entry_point(r, at); return;
  case OP_MEMORY_MODEL: PUT(r, OP_MEMORY_MODEL, ADDRESSING_PHYSICAL, w[2]); return;
  case OP_DECORATE:
    if (goes_by_address(r, w[1]) || (w[1] == r->push_type && w[2] == DEC_BLOCK)) return;
    break;
  case OP_VARIABLE:
    if (goes_by_address(r, w[2]) || w[2] == r->push_variable) return;
    break;
  default: break;
  }
  copy(r, at);
}

// ---- code -------------------------------------------------------------------------------------------------------

// Puts the chain at `at` with another type, result and base, and `first` as an index in front of its own; 0: none.
static void put_chain(struct rewrite *r, size_t at, uint32_t type, uint32_t result, uint32_t base, uint32_t first) {
  const uint32_t n = length_at(r, at) - 4, more = first != 0;
  PUT(r, op_at(r, at), type, result, base);
  if (more) r->out[r->n_out++] = first;
  memcpy(r->out + r->n_out, r->words + at + 4, n * sizeof *r->words);
  r->n_out += n;
  r->out[r->n_out - n - more - 4] += (n + more) << 16;
}

static void put_load(struct rewrite *r, size_t at) {
  const uint32_t *w = r->words + at;
  const size_t chain = r->ids[w[3]].chain_at;
  const uint32_t variable = r->words[chain + 3], place = r->ids[variable].address - 1;
  const uint32_t type = r->ids[r->words[r->ids[variable].at + 1]].twin;
  const uint32_t pointer = r->next_id++, address = r->next_id++, element = r->next_id++;
  PUT(r, OP_ACCESS_CHAIN, r->address_pointer[place], pointer, r->new_variable, r->place[place]);
  PUT(r, OP_LOAD, type, address, pointer);
  put_chain(r, chain, r->ids[r->words[chain + 1]].twin, element, address, 0);
  PUT(r, OP_LOAD, w[1], w[2], element, ALIGNED, NUMBER_BITS / 8);
}

static void put_code(struct rewrite *r, size_t at) {
  const uint32_t op = op_at(r, at), *w = r->words + at;
  if (op == OP_ACCESS_CHAIN || op == OP_IN_BOUNDS_ACCESS_CHAIN) {
    if (w[3] == r->push_variable) {
      put_chain(r, at, w[1], w[2], r->new_variable, r->place[r->n_addresses]);
      return;
    }
    if (goes_by_address(r, w[3])) {
      r->ids[w[2]].chain_at = at;
      return;
    }
  } else if (op == OP_LOAD && r->ids[w[3]].chain_at) {
    put_load(r, at);
    return;
  }
  copy(r, at);
}

// ---- all --------------------------------------------------------------------------------------------------------

static void rewrite(struct rewrite *r) {
  bool has_capability = false, has_decorations = false, in_code = false;
  memcpy(r->out, r->words, HEADER_WORDS * sizeof *r->words);
  r->n_out = HEADER_WORDS;
  for (size_t at = HEADER_WORDS; at < r->n_words; at += length_at(r, at)) {
    const uint32_t op = op_at(r, at);
    if (!has_capability) PUT(r, OP_CAPABILITY, CAPABILITY_ADDRESSES);
    has_capability = true;
    if (!has_decorations && op >= OP_TYPE_FIRST && op < OP_FUNCTION) {
      put_decorations(r);
      has_decorations = true;
    }
    if (op == OP_FUNCTION && !in_code) {
      put_types(r);
      in_code = true;
    }
    if (in_code)
      put_code(r, at);
    else
      put_declaration(r, at);
  }
  r->out[BOUND_WORD] = r->next_id;
}

// Room for the module with a chain for every load.
static size_t room(const struct rewrite *r) {
  size_t n_loads = 0, chain = 0;
  for (size_t at = HEADER_WORDS; at < r->n_words; at += length_at(r, at)) {
    const uint32_t op = op_at(r, at);
    n_loads += op == OP_LOAD;
    if (op == OP_ACCESS_CHAIN || op == OP_IN_BOUNDS_ACCESS_CHAIN) chain = VC_MAX(chain, length_at(r, at));
  }
  return 2 * r->n_words + SLACK_WORDS + n_loads * (LOAD_WORDS + chain);
}

vc_status gpu_spirv_load_by_address(const uint32_t *words, size_t n_words, const struct vc_kernel_info *info,
                                    struct gpu_spirv_code *out) {
  struct rewrite r = {.words = words, .n_words = n_words, .n_ids = words[BOUND_WORD], .next_id = words[BOUND_WORD]};
  vc_status status = VC_OK;
  *out = (struct gpu_spirv_code){0};
  r.ids = calloc(r.n_ids, sizeof *r.ids);
  if (!r.ids) return VC_FAIL(VC_E_NOMEM, "shader %s: %u ids: out of memory", info->name, r.n_ids);
  survey(&r, info);
  r.new_push = r.next_id++;
  r.new_variable = r.next_id++;
  if (r.n_addresses > 0 && r.uint_type && 8 * r.n_addresses + info->push_bytes <= VC_MAX_PUSH_BYTES) {
    r.out = malloc(room(&r) * sizeof *r.out);
    if (r.out)
      rewrite(&r);
    else
      status = VC_FAIL(VC_E_NOMEM, "shader %s: %zu words: out of memory", info->name, r.n_words);
    *out = (struct gpu_spirv_code){.words = r.out, .n_words = r.n_out, .n_addresses = r.n_addresses};
    for (uint32_t i = 0; i < r.n_addresses; i++) out->binding[i] = (uint8_t)r.ids[r.variables[i]].binding;
  }
  free(r.ids);
  return status;
}
