// Random plane sections of volumes: where their pixels lie.
#include "vulcyte/data.h"

#include <math.h>

static const double turn_rad = 6.283185307179586476925;

// K. Shoemake, "Uniform random rotations", Graphics Gems III (1992): uniform on the unit quaternions. Columns of out
// are the images of the axes.
static void draw_rotation(vc_rng *rng, double out[3][3]) {
  double share = vc_rng_uniform(rng, 0, 1), s = sqrt(1 - share), r = sqrt(share);
  double first = turn_rad * vc_rng_uniform(rng, 0, 1), second = turn_rad * vc_rng_uniform(rng, 0, 1);
  double x = s * sin(first), y = s * cos(first), z = r * sin(second), w = r * cos(second);
  const double rows[3][3] = {{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
                             {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
                             {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}};
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 3; k++) out[i][k] = rows[i][k];
  }
}

struct vc_section vc_section_draw(const struct vc_volume_info *volume, double spacing, uint64_t seed, uint32_t number) {
  vc_rng rng = vc_rng_at(seed, VC_RNG_SECTION, 0, number);
  const double *m = volume->to_world;
  struct vc_section section;
  double rotation[3][3], reach = 0;
  draw_rotation(&rng, rotation);
  for (int k = 0; k < 3; k++) { // half the box's extent along the plane's normal
    double edge = 0;
    for (int i = 0; i < 3; i++) edge += rotation[i][2] * m[4 * i + k];
    reach += fabs(edge) * volume->size[k] / 2;
  }
  double offset = vc_rng_uniform(&rng, -reach, reach);
  for (int i = 0; i < 3; i++) {
    double middle = m[4 * i + 3];
    for (int k = 0; k < 3; k++) middle += m[4 * i + k] * (volume->size[k] - 1) / 2;
    section.centre[i] = middle + offset * rotation[i][2];
    section.u[i] = spacing * rotation[i][0];
    section.v[i] = spacing * rotation[i][1];
  }
  return section;
}

// The inverse of the linear part, which vc_volume_open has found to be regular.
static void invert(const double m[12], double out[3][3]) {
  double determinant = 0;
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 3; k++) {
      int i1 = (i + 1) % 3, i2 = (i + 2) % 3, k1 = (k + 1) % 3, k2 = (k + 2) % 3;
      out[k][i] = m[4 * i1 + k1] * m[4 * i2 + k2] - m[4 * i1 + k2] * m[4 * i2 + k1];
    }
  }
  for (int k = 0; k < 3; k++) determinant += m[k] * out[k][0];
  for (int i = 0; i < 9; i++) out[i / 3][i % 3] /= determinant;
}

void vc_section_sampler(const struct vc_section *section, const struct vc_volume_info *volume, float out[9]) {
  double inverse[3][3];
  invert(volume->to_world, inverse);
  for (int i = 0; i < 3; i++) {
    double a = 0, b = 0, c = 0;
    for (int k = 0; k < 3; k++) {
      a += inverse[i][k] * section->u[k];
      b += inverse[i][k] * section->v[k];
      c += inverse[i][k] * (section->centre[k] - volume->to_world[4 * k + 3]);
    }
    out[i] = (float)a;
    out[3 + i] = (float)b;
    out[6 + i] = (float)c;
  }
}
