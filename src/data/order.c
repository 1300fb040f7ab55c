// Which samples a step meets.
#include "vulcyte/data.h"

uint32_t vc_steps_per_epoch(uint32_t n, uint32_t n_other, uint32_t batch) {
  VC_ASSERT(batch > 0);
  return (uint32_t)vc_div_up(VC_MAX(n, n_other), batch);
}

struct vc_order {
  struct vc_order_desc desc;
  uint32_t walk; // the one that places holds
  bool is_drawn;
  uint32_t *places; // NULL: list order
};

vc_status vc_order_create(vc_arena *arena, const struct vc_order_desc *desc, vc_order **out) {
  VC_ASSERT(desc->n > 0 && desc->batch > 0);
  vc_order *order;
  VC_TRY(VC_NEW(arena, 1, &order));
  order->desc = *desc;
  if (desc->shuffle) VC_TRY(VC_NEW(arena, desc->n, &order->places));
  *out = order;
  return VC_OK;
}

static uint32_t place_in_walk(vc_order *order, uint32_t walk, uint32_t i) {
  if (!order->places) return i;
  if (!order->is_drawn || order->walk != walk) {
    vc_rng rng = vc_rng_at(order->desc.seed, VC_RNG_SHUFFLE, walk, order->desc.stream);
    vc_rng_permutation(&rng, order->desc.n, order->places);
    order->walk = walk;
    order->is_drawn = true;
  }
  return order->places[i];
}

void vc_order_visits(vc_order *order, uint32_t epoch, uint32_t step, struct vc_visit *out_visits) {
  const struct vc_order_desc *d = &order->desc;
  uint64_t n_steps = vc_steps_per_epoch(d->n, d->n_other, d->batch);
  bool is_longest = d->n >= d->n_other;
  uint64_t n_refills = (n_steps * d->batch - 1) / d->n; // how often a batch reaches over the end of the longest list
  for (uint32_t b = 0; b < d->batch; b++) {
    uint64_t position = (uint64_t)step * d->batch + b;
    if (!is_longest) position += epoch * n_steps * d->batch;
    uint64_t round = position / d->n;
    uint32_t walk = is_longest ? epoch : (uint32_t)round;
    uint32_t place = place_in_walk(order, walk, (uint32_t)(position % d->n));
    // A sample met again in the same epoch to fill a batch has draws of its own: numbers counted down from the end.
    if (is_longest && round > 0) walk = UINT32_MAX - (uint32_t)(epoch * n_refills + round - 1);
    out_visits[b] = (struct vc_visit){.sample = d->list[place], .walk = walk};
  }
}
