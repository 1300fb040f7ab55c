// Steps fetched ahead by worker threads into a ring of slots, handed out in order.
#include "vulcyte/data.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES = 2048 };

enum slot_state { SLOT_FREE, SLOT_FETCHING, SLOT_READY, SLOT_HANDED_OUT };

struct slot {
  enum slot_state state;
  uint64_t step; // of what it holds, unless free
  vc_status status;
  char *message; // of a failed fetch; malloc'd
};

struct vc_loader {
  vc_status (*fetch)(void *context, uint64_t step, uint32_t slot);
  void *context;
  uint32_t n_slots;
  pthread_t *threads;
  int n_threads;
  pthread_mutex_t mutex; // guards what follows
  pthread_cond_t changed;
  struct slot *slots;
  uint64_t next_fetch, next_out;
  bool is_stopping;
};

// Runs the fetch of a slot that is in state SLOT_FETCHING; the mutex is not held.
static void fetch_slot(vc_loader *l, uint64_t step) {
  uint32_t number = (uint32_t)(step % l->n_slots);
  vc_status status = l->fetch(l->context, step, number);
  char *message = NULL;
  if (status != VC_OK && (message = malloc(MESSAGE_BYTES))) snprintf(message, MESSAGE_BYTES, "%s", vc_error_message());
  pthread_mutex_lock(&l->mutex);
  struct slot *slot = &l->slots[number];
  slot->state = SLOT_READY;
  slot->status = status;
  slot->message = message;
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->mutex);
}

// Claims the next step if its slot is free. The mutex is held.
static bool claim_step(vc_loader *l, uint64_t *out_step) {
  struct slot *slot = &l->slots[l->next_fetch % l->n_slots];
  if (slot->state != SLOT_FREE) return false;
  slot->state = SLOT_FETCHING;
  slot->step = *out_step = l->next_fetch++;
  return true;
}

static void *work(void *argument) {
  vc_loader *l = argument;
  for (;;) {
    uint64_t step = 0;
    bool is_claimed = false;
    pthread_mutex_lock(&l->mutex);
    while (!l->is_stopping && !(is_claimed = claim_step(l, &step))) pthread_cond_wait(&l->changed, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
    if (!is_claimed) return NULL;
    fetch_slot(l, step);
  }
}

static void destroy(void *object) {
  vc_loader *l = object;
  pthread_mutex_lock(&l->mutex);
  l->is_stopping = true;
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->mutex);
  for (int i = 0; i < l->n_threads; i++) pthread_join(l->threads[i], NULL);
  for (uint32_t i = 0; i < l->n_slots; i++) free(l->slots[i].message);
  pthread_cond_destroy(&l->changed);
  pthread_mutex_destroy(&l->mutex);
}

vc_status vc_loader_create(vc_arena *arena, vc_status (*fetch)(void *context, uint64_t step, uint32_t slot),
                           void *context, uint32_t n_slots, int n_workers, uint64_t first_step, vc_loader **out) {
  vc_loader *l;
  VC_ASSERT(n_slots > 0 && n_workers >= 0);
  VC_TRY(VC_NEW(arena, 1, &l));
  VC_TRY(VC_NEW(arena, n_slots, &l->slots));
  VC_TRY(VC_NEW(arena, (size_t)n_workers, &l->threads));
  l->fetch = fetch;
  l->context = context;
  l->n_slots = n_slots;
  l->next_fetch = l->next_out = first_step;
  pthread_mutex_init(&l->mutex, NULL);
  pthread_cond_init(&l->changed, NULL);
  VC_TRY(vc_arena_defer(arena, destroy, l));
  // Fewer threads than asked for only make it slower; with none the caller fetches.
  while (l->n_threads < n_workers && pthread_create(&l->threads[l->n_threads], NULL, work, l) == 0) l->n_threads++;
  *out = l;
  return VC_OK;
}

vc_status vc_loader_next(vc_loader *l, uint64_t *out_step, uint32_t *out_slot) {
  pthread_mutex_lock(&l->mutex);
  uint64_t step = l->next_out;
  struct slot *slot = &l->slots[step % l->n_slots];
  if (slot->state == SLOT_HANDED_OUT) {
    pthread_mutex_unlock(&l->mutex);
    return VC_FAIL(VC_E_INTERNAL, "loader: step %llu was asked for before step %llu was released",
                   (unsigned long long)step, (unsigned long long)slot->step);
  }
  if (l->n_threads == 0 && slot->state == SLOT_FREE) {
    uint64_t claimed;
    VC_ASSERT(claim_step(l, &claimed) && claimed == step);
    pthread_mutex_unlock(&l->mutex);
    fetch_slot(l, step);
    pthread_mutex_lock(&l->mutex);
  }
  while (slot->state != SLOT_READY) pthread_cond_wait(&l->changed, &l->mutex);
  vc_status status = slot->status;
  if (status == VC_OK) {
    slot->state = SLOT_HANDED_OUT;
    l->next_out++;
  }
  pthread_mutex_unlock(&l->mutex);
  // A failed step stays where it is: asking again gives the same answer.
  if (status != VC_OK) return VC_FAIL(status, "%s", slot->message ? slot->message : "out of memory");
  *out_step = step;
  *out_slot = (uint32_t)(step % l->n_slots);
  return VC_OK;
}

void vc_loader_release(vc_loader *l, uint64_t step) {
  pthread_mutex_lock(&l->mutex);
  struct slot *slot = &l->slots[step % l->n_slots];
  VC_ASSERT(slot->state == SLOT_HANDED_OUT && slot->step == step);
  slot->state = SLOT_FREE;
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->mutex);
}
