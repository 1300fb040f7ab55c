// Memory by the block: small requests share blocks that double in size, large ones get a block of their own.
#include "vulcyte/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_BLOCK_BYTES = 4096, LAST_BLOCK_BYTES = 256 * 1024 };

struct block {
  struct block *next;
  size_t capacity, used; // bytes after the header
};

struct deferred {
  struct deferred *next;
  void (*destroy)(void *object);
  void *object;
};

struct vc_arena {
  struct block *blocks; // the first one is being filled
  struct deferred *deferred;
  size_t block_bytes; // of the next shared block
};

static size_t header_bytes(void) {
  return (size_t)vc_round_up(sizeof(struct block), ALIGNMENT);
}

static struct block *block_create(size_t capacity) {
  struct block *block = calloc(1, header_bytes() + capacity);
  if (block) block->capacity = capacity;
  return block;
}

static void *block_take(struct block *block, size_t n_bytes) {
  void *memory = (char *)block + header_bytes() + block->used;
  block->used += n_bytes;
  return memory;
}

vc_status vc_arena_create(vc_arena **out_arena) {
  vc_arena *arena = calloc(1, sizeof *arena);
  if (!arena) return VC_FAIL(VC_E_NOMEM, "out of memory");
  arena->block_bytes = FIRST_BLOCK_BYTES;
  *out_arena = arena;
  return VC_OK;
}

void vc_arena_destroy(vc_arena *arena) {
  if (!arena) return;
  while (arena->deferred) { // popped before the call, so a destructor may still use the arena
    struct deferred *last = arena->deferred;
    arena->deferred = last->next;
    last->destroy(last->object);
  }
  while (arena->blocks) {
    struct block *block = arena->blocks;
    arena->blocks = block->next;
    free(block);
  }
  free(arena);
}

vc_status vc_arena_alloc(vc_arena *arena, size_t n, size_t size, void **out) {
  const size_t max_bytes = (size_t)PTRDIFF_MAX - header_bytes() - ALIGNMENT;
  if (size != 0 && n > max_bytes / size) {
    return VC_FAIL(VC_E_NOMEM, "out of memory: %zu elements of %zu bytes are more than can be addressed", n, size);
  }
  size_t n_bytes = (size_t)vc_round_up(VC_MAX(n * size, 1), ALIGNMENT);
  struct block *block = arena->blocks;
  if (block && block->capacity - block->used >= n_bytes) {
    *out = block_take(block, n_bytes);
    return VC_OK;
  }
  bool is_large = n_bytes > arena->block_bytes / 4;
  block = block_create(is_large ? n_bytes : arena->block_bytes);
  if (!block) return VC_FAIL(VC_E_NOMEM, "out of memory: %zu bytes could not be had", n_bytes);
  if (is_large && arena->blocks) { // behind the block being filled
    block->next = arena->blocks->next;
    arena->blocks->next = block;
  } else {
    block->next = arena->blocks;
    arena->blocks = block;
    if (!is_large) arena->block_bytes = VC_MIN(2 * arena->block_bytes, (size_t)LAST_BLOCK_BYTES);
  }
  *out = block_take(block, n_bytes);
  return VC_OK;
}

vc_status vc_arena_defer(vc_arena *arena, void (*destroy)(void *object), void *object) {
  struct deferred *entry;
  vc_status status = VC_NEW(arena, 1, &entry);
  if (status != VC_OK) {
    destroy(object);
    return status;
  }
  *entry = (struct deferred){.next = arena->deferred, .destroy = destroy, .object = object};
  arena->deferred = entry;
  return VC_OK;
}

vc_status vc_arena_strdup(vc_arena *arena, const char *text, char **out) {
  size_t n_bytes = strlen(text) + 1;
  char *copy;
  VC_TRY(VC_NEW(arena, n_bytes, &copy));
  memcpy(copy, text, n_bytes);
  *out = copy;
  return VC_OK;
}

vc_status vc_arena_printf(vc_arena *arena, char **out, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  char *text = NULL;
  vc_status status =
      n < 0 ? VC_FAIL(VC_E_INTERNAL, "text could not be formatted: %s", fmt) : VC_NEW(arena, (size_t)n + 1, &text);
  if (status == VC_OK) {
    vsnprintf(text, (size_t)n + 1, fmt, again);
    *out = text;
  }
  va_end(again);
  return status;
}
