// The planner: no two live resources overlap, barriers stand exactly where hazards are, and the packing is tight.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "vulcyte/graph.h"

enum { READ = 1, WRITE = 2, BOTH = 3, ALIGN = 256, MAX_DISPATCHES = 200, MAX_RESOURCES = 400 };

static int create(void **state) {
  return vc_arena_create((vc_arena **)state) == VC_OK ? 0 : -1;
}

static int destroy(void **state) {
  vc_arena_destroy(*state);
  return 0;
}

// A dispatch list under construction.
struct list {
  struct vc_plan_dispatch dispatches[MAX_DISPATCHES];
  struct vc_plan_resource resources[MAX_RESOURCES];
  uint32_t n_dispatches, n_resources;
};

static uint32_t resource(struct list *l, uint64_t n_bytes, bool planned, bool keep) {
  l->resources[l->n_resources] = (struct vc_plan_resource){n_bytes, planned, keep};
  return l->n_resources++;
}

static uint32_t work(struct list *l, uint64_t n_bytes) {
  return resource(l, n_bytes, true, false);
}

static void dispatch(struct list *l) {
  l->n_dispatches++;
}

static void touch_range(struct list *l, uint32_t r, uint8_t access, uint64_t offset, uint64_t n_bytes) {
  struct vc_plan_dispatch *d = &l->dispatches[l->n_dispatches - 1];
  d->access[d->n_access++] = (struct vc_plan_access){r, access, offset, n_bytes};
}

static void touch(struct list *l, uint32_t r, uint8_t access) {
  touch_range(l, r, access, 0, l->resources[r].n_bytes);
}

static struct vc_plan *plan_of(vc_arena *arena, const struct list *l, uint64_t max_slab_bytes) {
  struct vc_plan *plan = NULL;
  assert_int_equal(
      vc_plan_make(arena, l->dispatches, l->n_dispatches, l->resources, l->n_resources, max_slab_bytes, ALIGN, &plan),
      VC_OK);
  return plan;
}

// ---- what every plan must satisfy, checked the slow way ------------------------------------------------------------

struct span {
  uint64_t space, begin, end;
  bool write;
};

static struct span span_of(const struct list *l, const struct vc_plan *plan, const struct vc_plan_access *a) {
  bool planned = l->resources[a->resource].planned;
  uint64_t base = planned ? plan->offset[a->resource] : 0;
  uint64_t space = planned ? plan->slab[a->resource] : 1000000u + a->resource;
  return (struct span){space, base + a->offset, base + a->offset + a->n_bytes, (a->access & WRITE) != 0};
}

static bool conflict(const struct list *l, const struct vc_plan *plan, uint32_t i, uint32_t j) {
  for (uint32_t a = 0; a < l->dispatches[i].n_access; a++) {
    struct span x = span_of(l, plan, &l->dispatches[i].access[a]);
    for (uint32_t b = 0; b < l->dispatches[j].n_access; b++) {
      struct span y = span_of(l, plan, &l->dispatches[j].access[b]);
      if (x.space == y.space && x.begin < y.end && y.begin < x.end && (x.write || y.write)) return true;
    }
  }
  return false;
}

// Conflicting dispatches are separated by a barrier, and no barrier could be left out.
static void check_barriers(const struct list *l, const struct vc_plan *plan) {
  uint32_t since = 0; // the first dispatch since the last barrier
  for (uint32_t i = 0; i < l->n_dispatches; i++) {
    bool hazard = false;
    for (uint32_t j = since; j < i; j++) hazard = hazard || conflict(l, plan, i, j);
    assert_int_equal(plan->barrier_before[i], hazard);
    if (hazard) since = i;
  }
}

// Marks, for each dispatch, every byte (in units of ALIGN) that a live resource takes; none may be taken twice.
static void check_memory(const struct list *l, const struct vc_plan *plan, uint64_t max_slab_bytes) {
  uint64_t peak = 0, sum = 0;
  for (uint32_t s = 0; s < plan->n_slabs; s++) {
    assert_true(plan->slab_bytes[s] > 0 && plan->slab_bytes[s] <= max_slab_bytes);
    peak += plan->slab_bytes[s];
  }
  assert_int_equal(plan->peak_bytes, peak);
  for (uint32_t a = 0; a < l->n_resources; a++) {
    if (!l->resources[a].planned) continue;
    int first[2] = {-1, -1}, last[2] = {-1, -1};
    for (uint32_t b = a; b < l->n_resources; b++) {
      if (!l->resources[b].planned) continue;
      int k = b != a;
      first[k] = last[k] = -1;
      for (uint32_t i = 0; i < l->n_dispatches; i++) {
        for (uint32_t j = 0; j < l->dispatches[i].n_access; j++) {
          if (l->dispatches[i].access[j].resource != b) continue;
          if (first[k] < 0) first[k] = (int)i;
          last[k] = (int)i;
        }
      }
      if (l->resources[b].keep) {
        first[k] = VC_MAX(first[k], 0);
        last[k] = (int)l->n_dispatches;
      }
      if (first[k] < 0) continue;
      assert_int_equal(plan->offset[b] % ALIGN, 0);
      assert_true(plan->offset[b] + l->resources[b].n_bytes <= plan->slab_bytes[plan->slab[b]]);
      if (k == 0) {
        sum += vc_round_up(l->resources[b].n_bytes, ALIGN);
        continue;
      }
      bool in_time = first[0] >= 0 && first[0] <= last[1] && first[1] <= last[0];
      bool in_space = plan->slab[a] == plan->slab[b] && plan->offset[a] < plan->offset[b] + l->resources[b].n_bytes &&
                      plan->offset[b] < plan->offset[a] + l->resources[a].n_bytes;
      assert_false(in_time && in_space);
    }
  }
  assert_int_equal(plan->sum_bytes, sum);
}

// ---- tests ----------------------------------------------------------------------------------------------------

// a → b → c → ...: two places are enough, and each step waits for the one before.
static void a_chain_takes_two_places(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  uint32_t before = resource(&l, 1000, false, false);
  for (int i = 0; i < 10; i++) {
    uint32_t now = work(&l, 1000);
    dispatch(&l);
    touch(&l, before, READ);
    touch(&l, now, WRITE);
    before = now;
  }
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  check_memory(&l, plan, 1 << 20);
  check_barriers(&l, plan);
  assert_int_equal(plan->n_slabs, 1);
  assert_int_equal(plan->peak_bytes, 2048);
  assert_int_equal(plan->sum_bytes, 10240);
  assert_int_equal(plan->barrier_before[0], 0);
  for (int i = 1; i < 10; i++) assert_int_equal(plan->barrier_before[i], 1);
}

// Readers of one tensor need no barrier between them; different halves of one resource do not conflict.
static void barriers_stand_only_at_hazards(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  uint32_t slot = resource(&l, 1024, false, false);
  uint32_t x = resource(&l, 512, true, true), y = resource(&l, 512, true, true);
  dispatch(&l), touch(&l, slot, READ), touch(&l, x, WRITE);
  dispatch(&l), touch(&l, slot, READ), touch(&l, y, WRITE);              // no hazard
  dispatch(&l), touch_range(&l, slot, WRITE, 0, 512);                    // WAR
  dispatch(&l), touch_range(&l, slot, WRITE, 512, 512);                  // the other half
  dispatch(&l), touch_range(&l, slot, BOTH, 256, 512);                   // WAW with both
  dispatch(&l), touch(&l, x, READ), touch_range(&l, slot, READ, 0, 256); // the barrier before 4 covers these
  dispatch(&l), touch_range(&l, slot, READ, 0, 257);                     // RAW with 4
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  static const uint8_t want[] = {0, 0, 1, 0, 1, 0, 1};
  assert_memory_equal(plan->barrier_before, want, sizeof want);
  check_barriers(&l, plan);
}

// Two tensors that never live together share memory: the second writer waits for the first one's reader.
static void memory_used_again_is_a_hazard(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  uint32_t in = resource(&l, 256, false, false), out = resource(&l, 256, false, false);
  uint32_t other = resource(&l, 256, false, false), a = work(&l, 256), b = work(&l, 256);
  dispatch(&l), touch(&l, in, READ), touch(&l, a, WRITE);
  dispatch(&l), touch(&l, a, READ), touch(&l, out, WRITE);
  dispatch(&l), touch(&l, in, READ), touch(&l, b, WRITE);
  dispatch(&l), touch(&l, b, READ), touch(&l, other, WRITE);
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  assert_int_equal(plan->offset[a], plan->offset[b]);
  static const uint8_t want[] = {0, 1, 1, 1};
  assert_memory_equal(plan->barrier_before, want, sizeof want);
}

static void what_is_kept_is_not_overwritten(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  uint32_t kept = resource(&l, 512, true, true), never = resource(&l, 512, true, true), unused = work(&l, 512);
  dispatch(&l), touch(&l, kept, WRITE);
  for (int i = 0; i < 5; i++) {
    uint32_t r = work(&l, 512);
    dispatch(&l), touch(&l, r, WRITE);
  }
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  check_memory(&l, plan, 1 << 20);
  assert_int_equal(plan->peak_bytes, 3 * 512); // kept, never (kept as well) and one place for the others
  assert_true(plan->slab[never] == 0 && plan->slab[unused] != 0);
}

// Three of 600 KiB that live together do not fit one slab of 1 MiB; a fourth of 300 KiB goes beside one of them.
static void slabs_stay_within_the_limit(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  dispatch(&l);
  for (int i = 0; i < 3; i++) touch(&l, work(&l, 600 << 10), WRITE);
  touch(&l, work(&l, 300 << 10), WRITE);
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  check_memory(&l, plan, 1 << 20);
  assert_int_equal(plan->n_slabs, 3);
  assert_int_equal(plan->slab_bytes[0], 900 << 10);
}

static void a_tensor_over_the_limit_is_an_error(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  dispatch(&l);
  touch(&l, work(&l, (1 << 20) + 1), WRITE);
  struct vc_plan *plan = NULL;
  assert_int_equal(vc_plan_make(*state, l.dispatches, 1, l.resources, 1, 1 << 20, ALIGN, &plan), VC_E_NOMEM);
  assert_null(plan);
  assert_non_null(strstr(vc_error_message(), "1.0 MiB"));
}

static void an_empty_list_is_a_plan(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  assert_int_equal(plan->n_slabs, 0);
  assert_int_equal(plan->peak_bytes, 0);
}

// The memory of a network forward and back, each tensor half as large as the one before: what lives at the last
// dispatch is more than what lives at any other, and no plan can do with less.
static void forward_and_back_is_packed_tightly(void **state) {
  enum { N = 12 };
  static struct list l;
  memset(&l, 0, sizeof l);
  uint32_t activation[N];
  uint64_t sum = 0;
  for (uint32_t i = 0; i < N; i++) {
    activation[i] = work(&l, (uint64_t)ALIGN << (N - i));
    sum += l.resources[activation[i]].n_bytes;
    dispatch(&l);
    if (i) touch(&l, activation[i - 1], READ);
    touch(&l, activation[i], WRITE);
  }
  uint32_t grad = activation[N - 1];
  for (uint32_t i = N - 1; i-- > 0;) {
    uint32_t next = work(&l, l.resources[activation[i]].n_bytes);
    dispatch(&l);
    touch(&l, activation[i], READ);
    touch(&l, grad, READ);
    touch(&l, next, WRITE);
    grad = next;
  }
  const struct vc_plan *plan = plan_of(*state, &l, (uint64_t)1 << 30);
  check_memory(&l, plan, (uint64_t)1 << 30);
  uint64_t needed =
      l.resources[activation[0]].n_bytes * 5 / 2; // the last dispatch: activation, gradient, half gradient
  assert_true(sum < needed);
  assert_int_equal(plan->peak_bytes, needed);
}

// A chain of two small tensors and one of twice their size, again and again: with every large one at the bottom, which
// comes of placing the largest first, the small ones need two places beside it.
static void holes_are_mended(void **state) {
  static struct list l;
  memset(&l, 0, sizeof l);
  uint32_t before = resource(&l, ALIGN, false, false);
  for (int i = 0; i < 12; i++) {
    uint32_t now = work(&l, i % 3 == 2 ? 2 * ALIGN : ALIGN);
    dispatch(&l);
    touch(&l, before, READ);
    touch(&l, now, WRITE);
    before = now;
  }
  const struct vc_plan *plan = plan_of(*state, &l, 1 << 20);
  check_memory(&l, plan, 1 << 20);
  assert_int_equal(plan->peak_bytes, 3 * ALIGN);
}

// Random lists: all invariants, and the same plan again.
static void random_lists_keep_the_invariants(void **state) {
  static struct list l;
  for (uint32_t round = 0; round < 60; round++) {
    vc_rng rng = vc_rng_at(1, VC_RNG_TEST, 0, round);
    memset(&l, 0, sizeof l);
    uint32_t n_resources = 1 + vc_rng_below(&rng, 60), n_dispatches = 1 + vc_rng_below(&rng, 60);
    for (uint32_t i = 0; i < n_resources; i++) {
      resource(&l, 1 + vc_rng_below(&rng, 5000), vc_rng_below(&rng, 5) > 0, vc_rng_below(&rng, 10) == 0);
    }
    for (uint32_t i = 0; i < n_dispatches; i++) {
      dispatch(&l);
      uint32_t n_access = 1 + vc_rng_below(&rng, 4);
      for (uint32_t j = 0; j < n_access; j++) {
        uint32_t r = vc_rng_below(&rng, n_resources);
        uint64_t from = vc_rng_below(&rng, (uint32_t)l.resources[r].n_bytes);
        uint64_t n_bytes = 1 + vc_rng_below(&rng, (uint32_t)(l.resources[r].n_bytes - from));
        touch_range(&l, r, (uint8_t)(1 + vc_rng_below(&rng, 3)), from, n_bytes);
      }
    }
    const struct vc_plan *plan = plan_of(*state, &l, 16384), *again = plan_of(*state, &l, 16384);
    check_memory(&l, plan, 16384);
    check_barriers(&l, plan);
    assert_int_equal(plan->n_slabs, again->n_slabs);
    assert_memory_equal(plan->offset, again->offset, n_resources * sizeof *plan->offset);
    assert_memory_equal(plan->slab, again->slab, n_resources * sizeof *plan->slab);
    assert_memory_equal(plan->barrier_before, again->barrier_before, n_dispatches);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_chain_takes_two_places),
      TEST(barriers_stand_only_at_hazards),
      TEST(memory_used_again_is_a_hazard),
      TEST(what_is_kept_is_not_overwritten),
      TEST(slabs_stay_within_the_limit),
      TEST(a_tensor_over_the_limit_is_an_error),
      TEST(an_empty_list_is_a_plan),
      TEST(forward_and_back_is_packed_tightly),
      TEST(holes_are_mended),
      TEST(random_lists_keep_the_invariants),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
