#include "conv.h"
#include "shaders/shared/conv.h"
bool conv_tiled_fits(const struct vc_caps *caps, const vc_tensor *out) { (void)caps; (void)out; return false; }
vc_status conv_tiled_emit(vc_emitter *e, const struct conv_product *p) { (void)e; (void)p; return VC_OK; }
vc_status conv_tiled_emit_gradient(vc_emitter *e, const struct conv_gradient *p) { (void)e; (void)p; return VC_OK; }
