// One 2x2 window of a skip connection's gradient, its places in row order.

void skip_compare(inout vec4 m, inout uvec4 place, vec4 y, uint i) {
  bvec4 take = bvec4(uvec4(greaterThan(y, m)) | uvec4(isnan(y)));
  m = mix(m, y, take);
  place = mix(place, uvec4(i), take);
}

// inout z: the gradient from the skip → that before the ReLU.
void skip_gradient(vec4 y[4], vec4 pooled, inout vec4 z[4]) {
  vec4 m = y[0];
  uvec4 place = uvec4(0u);
  skip_compare(m, place, y[1], 1u);
  skip_compare(m, place, y[2], 2u);
  skip_compare(m, place, y[3], 3u);
  for (uint i = 0u; i < 4u; i++) {
    z[i] += mix(vec4(0.0), pooled, equal(place, uvec4(i)));
    z[i] = mix(vec4(0.0), z[i], greaterThan(y[i], vec4(0.0)));
  }
}
