// The grey level of the pixel whose first channel stands at `at` of buffer x: ITU-R 601 luma of three channels, else
// the mean of the channels. Included behind the declaration of x[].
#ifndef VC_SHARED_GREY_GLSL
#define VC_SHARED_GREY_GLSL

float grey(uint at) {
  if (pc.c == 1u) return x[at];
  if (pc.c == 3u) return 0.299 * x[at] + 0.587 * x[at + 1u] + 0.114 * x[at + 2u];
  float sum = 0.0;
  for (uint c = 0u; c < pc.c; c++) sum += x[at + c];
  return sum / float(pc.c);
}

#endif
