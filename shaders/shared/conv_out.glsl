// Where the blocked kernels of a product put four neighbouring columns of a grid pixel: the layer's bias, what is added and ReLU, and the
// place that an up-convolution gives them. To be included behind the declarations of p, bias, add and out_.
#ifndef VC_SHARED_CONV_OUT_GLSL
#define VC_SHARED_CONV_OUT_GLSL

void conv_put(uint m, uint n, vec4 y) {
  uint out_c = p.cols / (p.up * p.up), out_w = p.grid_w * p.up, tap = n / out_c, k = n - tap * out_c;
  uint row = m / p.grid_w, x = m - row * p.grid_w;
  uint to = (((row * p.up + tap / p.up) * out_w + x * p.up + tap % p.up) * out_c + k) / 4;
  if ((p.flags & CONV_BIAS) != 0) y += bias[k / 4];
  if ((p.flags & CONV_ADD) != 0) y += vc_unpack_quad(add[to]);
  if ((p.flags & CONV_RELU) != 0) y = mix(y, vec4(0.0), lessThan(y, vec4(0.0))); // NaN stays
  out_[to] = vc_pack_quad(y);
}

#endif
