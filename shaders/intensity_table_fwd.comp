// Second pass of the statistics of [AUG 1, 3, 5]: workgroup (c, n) makes the table of channel c of sample n, BINS
// floats, from its parts: Equalize the new level of each bin, or -1 first where the channel stays as it is;
// AutoContrast minimum and maximum; Contrast (c = 0) the mean grey level. Each invocation combines its places of the
// parts in their order; invocation 0 goes through what they found in order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "intensity.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer Ops { uint ops[]; };
layout(binding = 1) readonly buffer Parts { uint parts[]; };
layout(binding = 2) writeonly buffer Table { float table[]; };
shared uint found[INTENSITY_BINS];
shared uint level_step; // 0: no change

// found[b]: bin b's count → the counts of all bins before it.
void accumulate() {
  uint before = 0u, n_filled = 0u, highest = 0u;
  for (uint b = 0u; b < INTENSITY_BINS; b++) {
    uint n = found[b];
    found[b] = before;
    before += n;
    if (n > 0u) {
      n_filled++;
      highest = n;
    }
  }
  level_step = n_filled > 1u ? (before - highest) / 255u : 0u;
}

void main() {
  uint id = gl_LocalInvocationID.x, op = ops[2u * gl_WorkGroupID.y];
  uint map = gl_WorkGroupID.y * pc.c + gl_WorkGroupID.x, to = map * INTENSITY_BINS, from = to * pc.n_parts;
  uint end = from + pc.n_parts * INTENSITY_BINS;

  if (op == INTENSITY_EQUALIZE) {
    for (uint b = id; b < INTENSITY_BINS; b += OPS_LOCAL) {
      uint n = 0u;
      for (uint i = from + b; i < end; i += INTENSITY_BINS) n += parts[i];
      found[b] = n;
    }
  } else if (op == INTENSITY_AUTOCONTRAST) {
    float low = uintBitsToFloat(0x7F800000u), high = -low; // infinities
    for (uint i = from + id; i < end; i += INTENSITY_BINS) {
      low = min(low, uintBitsToFloat(parts[i]));
      high = max(high, uintBitsToFloat(parts[i + OPS_LOCAL]));
    }
    found[id] = floatBitsToUint(low);
    found[OPS_LOCAL + id] = floatBitsToUint(high);
  } else if (op == INTENSITY_CONTRAST && gl_WorkGroupID.x == 0u) {
    vc_acc acc = vc_acc(0.0, 0.0);
    for (uint i = from + id; i < end; i += INTENSITY_BINS) vc_acc_add(acc, uintBitsToFloat(parts[i]));
    found[id] = floatBitsToUint(vc_acc_value(acc));
  }
  barrier();

  if (id == 0u) {
    if (op == INTENSITY_EQUALIZE) {
      accumulate();
    } else if (op == INTENSITY_AUTOCONTRAST) {
      float low = uintBitsToFloat(found[0]), high = uintBitsToFloat(found[OPS_LOCAL]);
      for (uint i = 1u; i < OPS_LOCAL; i++) {
        low = min(low, uintBitsToFloat(found[i]));
        high = max(high, uintBitsToFloat(found[OPS_LOCAL + i]));
      }
      table[to] = low;
      table[to + 1u] = high;
    } else if (op == INTENSITY_CONTRAST && gl_WorkGroupID.x == 0u) {
      vc_acc acc = vc_acc(0.0, 0.0);
      for (uint i = 0u; i < OPS_LOCAL; i++) vc_acc_add(acc, uintBitsToFloat(found[i]));
      table[to] = vc_acc_value(acc) / float(pc.pixels);
    }
  }
  barrier();

  if (op == INTENSITY_EQUALIZE) {
    for (uint b = id; b < INTENSITY_BINS; b += OPS_LOCAL) {
      uint level = min((found[b] + level_step / 2u) / max(level_step, 1u), 255u);
      table[to + b] = level_step > 0u ? float(level) / 255.0 : -1.0;
    }
  }
}
