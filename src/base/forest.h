// A union-find forest: parent[i] == i is a root, and roots come before what hangs on them.
#ifndef VC_BASE_FOREST_H
#define VC_BASE_FOREST_H

#include <stdint.h>

static inline uint32_t forest_root(uint32_t *parent, uint32_t i) {
  while (parent[i] != i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

// Joins the trees of a and b under the smaller root, so that a component keeps its first member, and returns it.
static inline uint32_t forest_join(uint32_t *parent, uint32_t a, uint32_t b) {
  a = forest_root(parent, a);
  b = forest_root(parent, b);
  return a < b ? (parent[b] = a) : (parent[a] = b);
}

#endif
