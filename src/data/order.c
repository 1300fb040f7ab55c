// Which samples a step meets.
#include "vulcyte/data.h"

#include <stdlib.h>

uint32_t vc_steps_per_epoch(uint32_t n, uint32_t n_other, uint32_t batch) {
  VC_ASSERT(batch > 0);
  return (uint32_t)vc_div_up(VC_MAX(n, n_other), batch);
}

// The order of one walk over a list, drawn when the walk changes.
struct walk_order {
  uint64_t seed;
  uint32_t stream, n, walk;
  bool is_drawn;
  uint32_t *places; // NULL: list order
};

static uint32_t place_in_walk(struct walk_order *order, uint32_t walk, uint32_t i) {
  if (!order->places) return i;
  if (!order->is_drawn || order->walk != walk) {
    vc_rng rng = vc_rng_at(order->seed, VC_RNG_SHUFFLE, walk, order->stream);
    vc_rng_permutation(&rng, order->n, order->places);
    order->walk = walk;
    order->is_drawn = true;
  }
  return order->places[i];
}

vc_status vc_visits(uint64_t seed, uint32_t stream, bool shuffle, const uint32_t *list, uint32_t n, uint32_t n_other,
                    uint32_t batch, uint32_t epoch, uint32_t step, struct vc_visit *out_visits) {
  VC_ASSERT(n > 0 && batch > 0);
  uint64_t n_steps = vc_steps_per_epoch(n, n_other, batch);
  struct walk_order order = {.seed = seed, .stream = stream, .n = n};
  if (shuffle) {
    order.places = malloc((size_t)n * sizeof *order.places);
    if (!order.places) return VC_FAIL(VC_E_NOMEM, "out of memory for the order of %u samples", n);
  }
  bool is_longest = n >= n_other;
  uint64_t n_refills = (n_steps * batch - 1) / n; // how often a batch reaches over the end of the longest list
  for (uint32_t b = 0; b < batch; b++) {
    uint64_t position = (uint64_t)step * batch + b;
    if (!is_longest) position += epoch * n_steps * batch;
    uint64_t round = position / n;
    uint32_t walk = is_longest ? epoch : (uint32_t)round;
    uint32_t place = place_in_walk(&order, walk, (uint32_t)(position % n));
    // A sample met again in the same epoch to fill a batch has draws of its own: numbers counted down from the end.
    if (is_longest && round > 0) walk = UINT32_MAX - (uint32_t)(epoch * n_refills + round - 1);
    out_visits[b] = (struct vc_visit){.sample = list[place], .walk = walk};
  }
  free(order.places);
  return VC_OK;
}
