// A model as an ONNX graph, to be read beside src/nn/unet.c, whose calls it repeats. Field numbers are those of
// onnx.proto.
#include "vulcyte/export.h"

#include <stdlib.h>
#include <string.h>

#include "train/protobuf.h"

enum { IR_VERSION = 8, OPSET = 17, MAX_BYTES = INT32_MAX };                // the last: what readers of protobuf take
enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };                                   // TensorProto.DataType
enum { NO_ATTRIBUTE, OF_FLOAT = 1, OF_INT = 2, OF_TEXT = 3, OF_INTS = 7 }; // AttributeProto.AttributeType

struct attribute {
  const char *name;
  int type; // NO_ATTRIBUTE ends a list
  float number;
  const char *text;
  uint32_t n;
  int64_t ints[8];
};

struct node {
  const char *name; // of the node and of what it gives
  const char *operator;
  const char *inputs[6]; // NULL ends the list
  struct attribute attributes[4];
};

struct onnx {
  vc_arena *arena; // of the names
  vc_status status;
  struct protobuf message;
  const struct vc_model_info *info;
  const vc_model *model;
  const float *block;
  uint32_t next; // parameters are used in the order of the table
};

// ---- pieces of a graph ----------------------------------------------------------------------------------------------

// "x.part"; a failure sticks.
static const char *name_of(struct onnx *o, const char *x, const char *part) {
  char *name = NULL;
  if (o->status == VC_OK) o->status = vc_arena_printf(o->arena, &name, "%s.%s", x, part);
  return name ? name : "";
}

static struct attribute of_number(const char *name, float number) {
  return (struct attribute){.name = name, .type = OF_FLOAT, .number = number};
}
static struct attribute of_int(const char *name, int64_t value) {
  return (struct attribute){.name = name, .type = OF_INT, .ints = {value}};
}
// n times the same.
static struct attribute of_ints(const char *name, uint32_t n, int64_t value) {
  struct attribute a = {.name = name, .type = OF_INTS, .n = n};
  for (uint32_t i = 0; i < n; i++) a.ints[i] = value;
  return a;
}

static void put_attribute(struct protobuf *p, const struct attribute *a) {
  const size_t begin = protobuf_begin(p, 5);
  protobuf_text(p, 1, a->name);
  if (a->type == OF_FLOAT) protobuf_float(p, 2, a->number);
  if (a->type == OF_INT) protobuf_int(p, 3, a->ints[0]);
  if (a->type == OF_TEXT) protobuf_text(p, 4, a->text);
  for (uint32_t i = 0; i < a->n; i++) protobuf_int(p, 8, a->ints[i]);
  protobuf_int(p, 20, a->type);
  protobuf_end(p, begin);
}

static const char *put(struct onnx *o, struct node node) {
  struct protobuf *p = &o->message;
  const size_t begin = protobuf_begin(p, 1);
  for (uint32_t i = 0; i < VC_COUNT_OF(node.inputs) && node.inputs[i]; i++) protobuf_text(p, 1, node.inputs[i]);
  protobuf_text(p, 2, node.name);
  protobuf_text(p, 3, node.name);
  protobuf_text(p, 4, node.operator);
  for (uint32_t i = 0; i < VC_COUNT_OF(node.attributes) && node.attributes[i].type; i++)
    put_attribute(p, &node.attributes[i]);
  protobuf_end(p, begin);
  return node.name;
}

static const char *put_constant(struct onnx *o, const char *name, int type, const void *data, uint32_t n_dims,
                                const uint32_t *dims) {
  struct protobuf *p = &o->message;
  size_t n_bytes = type == TYPE_FLOAT ? 4 : 8;
  const size_t begin = protobuf_begin(p, 5);
  for (uint32_t i = 0; i < n_dims; i++) {
    protobuf_int(p, 1, dims[i]);
    n_bytes *= dims[i];
  }
  protobuf_int(p, 2, type);
  protobuf_text(p, 8, name);
  protobuf_bytes(p, 9, data, n_bytes);
  protobuf_end(p, begin);
  return name;
}

static const char *put_ints(struct onnx *o, const char *name, const int64_t *values, uint32_t n) {
  return put_constant(o, name, TYPE_INT64, values, 1, &n);
}

// One number for each channel, {1,C,1,1}.
static const char *put_channels(struct onnx *o, const char *name, const float *values, uint32_t n) {
  const uint32_t dims[4] = {1, n, 1, 1};
  return put_constant(o, name, TYPE_FLOAT, values, 4, dims);
}

// The next parameter of the table, by PyTorch's name; as_channels: as {1,C,1,1}.
static const char *put_param(struct onnx *o, bool as_channels) {
  const struct vc_param *param = &o->model->params[o->next++];
  float *values = malloc(vc_shape_count(param->shape) * sizeof *values);
  if (!values) {
    o->message.has_failed = true;
    return "";
  }
  vc_param_from_block(param, o->block, values);
  if (as_channels)
    put_channels(o, param->name, values, param->dims[0]);
  else
    put_constant(o, param->name, TYPE_FLOAT, values, param->n_dims, param->dims);
  free(values);
  return param->name;
}

// ---- the U-Net ------------------------------------------------------------------------------------------------------

static bool is_padded(const struct onnx *o) {
  return o->model->desc.padding == VC_PAD_SAME;
}

static const char *layer(struct onnx *o, const char *operator, const char * x, uint32_t side, uint32_t stride,
                         uint32_t pad) {
  const char *weight = put_param(o, false), *bias = put_param(o, false);
  return put(o,
             (struct node){name_of(o, weight, "layer"),
                           operator,
                           {x, weight, bias},
                           {of_ints("kernel_shape", 2, side), of_ints("strides", 2, stride), of_ints("pads", 4, pad)}});
}

static const char *group_norm(struct onnx *o, const char *x, const char *name) {
  static const float ones[VC_NORM_GROUPS] = {1, 1, 1, 1, 1, 1, 1, 1}, zeros[VC_NORM_GROUPS];
  static const int64_t groups[3] = {0, VC_NORM_GROUPS, -1};
  const uint32_t n = VC_NORM_GROUPS;
  const char *shape = put(o, (struct node){name_of(o, name, "shape"), "Shape", {x}, {{0}}});
  const char *to = put_ints(o, name_of(o, name, "groups"), groups, 3);
  const char *one = put_constant(o, name_of(o, name, "ones"), TYPE_FLOAT, ones, 1, &n);
  const char *zero = put_constant(o, name_of(o, name, "zeros"), TYPE_FLOAT, zeros, 1, &n);
  x = put(o, (struct node){name_of(o, name, "grouped"), "Reshape", {x, to}, {{0}}});
  x = put(o, (struct node){name_of(o, name, "normal"),
                           "InstanceNormalization",
                           {x, one, zero},
                           {of_number("epsilon", VC_NORM_EPSILON)}});
  x = put(o, (struct node){name_of(o, name, "ungrouped"), "Reshape", {x, shape}, {{0}}});
  const char *weight = put_param(o, true), *bias = put_param(o, true);
  x = put(o, (struct node){name_of(o, name, "scaled"), "Mul", {x, weight}, {{0}}});
  return put(o, (struct node){name_of(o, name, "shifted"), "Add", {x, bias}, {{0}}});
}

static const char *norm(struct onnx *o, const char *x) {
  const enum vc_norm kind = o->model->desc.norm;
  const char *first = o->model->params[o->next].name; // "enc0.norm0.weight"
  if (kind == VC_NORM_GROUP) return group_norm(o, x, first);
  struct node node = {.name = name_of(o, first, "norm"),
                      .operator= kind == VC_NORM_BATCH ? "BatchNormalization" : "InstanceNormalization",
                      .inputs = {x},
                      .attributes = {of_number("epsilon", VC_NORM_EPSILON)}};
  for (uint32_t i = 1; i <= (kind == VC_NORM_BATCH ? 4u : 2u); i++) node.inputs[i] = put_param(o, false);
  if (kind == VC_NORM_BATCH) o->next++; // num_batches_tracked
  return put(o, node);
}

static const char *double_conv(struct onnx *o, const char *x) {
  for (uint32_t i = 0; i < 2; i++) {
    x = layer(o, "Conv", x, 3, 1, is_padded(o) ? 1 : 0);
    if (o->model->desc.norm != VC_NORM_NONE) x = norm(o, x);
    x = put(o, (struct node){name_of(o, x, "relu"), "Relu", {x}, {{0}}});
  }
  return x;
}

static const char *max_pool(struct onnx *o, const char *x) {
  return put(o, (struct node){
                    name_of(o, x, "pool"), "MaxPool", {x}, {of_ints("kernel_shape", 2, 2), of_ints("strides", 2, 2)}});
}

// `margin` pixels off each side.
static const char *crop(struct onnx *o, const char *x, int64_t margin) {
  const int64_t begin[2] = {margin, margin}, end[2] = {-margin, -margin}, axes[2] = {2, 3};
  const char *first = put_ints(o, name_of(o, x, "begin"), begin, 2), *last = put_ints(o, name_of(o, x, "end"), end, 2);
  const char *along = put_ints(o, name_of(o, x, "axes"), axes, 2);
  return put(o, (struct node){name_of(o, x, "crop"), "Slice", {x, first, last, along}, {{0}}});
}

// Unpadded convolutions get what they take off each side by reflection.
static const char *extend(struct onnx *o, const char *x) {
  const int64_t margin = (int64_t)(6u << o->model->desc.depth) - 4;
  const int64_t pads[8] = {0, 0, margin, margin, 0, 0, margin, margin};
  const char *amounts = put_ints(o, name_of(o, x, "margins"), pads, 8);
  return put(
      o, (struct node){
             name_of(o, x, "extended"), "Pad", {x, amounts}, {{.name = "mode", .type = OF_TEXT, .text = "reflect"}}});
}

// The squares of every channel's correlation with one 3x3 kernel.
static const char *slope(struct onnx *o, const char *x, const char *name, const float *kernel) {
  const uint32_t n = o->model->desc.channels, dims[4] = {n, 1, 3, 3};
  float weights[4 * 9];
  for (uint32_t i = 0; i < 9 * n; i++) weights[i] = kernel[i % 9];
  const char *weight = put_constant(o, name_of(o, name, "weight"), TYPE_FLOAT, weights, 4, dims);
  x = put(o, (struct node){name, "Conv", {x, weight}, {of_ints("kernel_shape", 2, 3), of_int("group", n)}});
  return put(o, (struct node){name_of(o, name, "square"), "Mul", {x, x}, {{0}}});
}

// The image and the strength of its edges: docs/equations.md [EDGE 1].
static const char *add_edges(struct onnx *o, const char *image) {
  static const float across[9] = {-0.25f, 0, 0.25f, -0.5f, 0, 0.5f, -0.25f, 0, 0.25f};
  static const float down[9] = {-0.25f, -0.5f, -0.25f, 0, 0, 0, 0.25f, 0.5f, 0.25f};
  const int64_t pads[8] = {0, 0, 1, 1, 0, 0, 1, 1};
  const char *amounts = put_ints(o, "edges.margins", pads, 8);
  const struct attribute reflect = {.name = "mode", .type = OF_TEXT, .text = "reflect"};
  const char *x = put(o, (struct node){"edges.extended", "Pad", {image, amounts}, {reflect}});
  const char *a = slope(o, x, "edges.across", across), *d = slope(o, x, "edges.down", down);
  x = put(o, (struct node){"edges.squares", "Add", {a, d}, {{0}}});
  x = put(o, (struct node){"edges", "Sqrt", {x}, {{0}}});
  return put(o, (struct node){"seen", "Concat", {image, x}, {of_int("axis", 1)}});
}

static const char *unet(struct onnx *o, const char *x) {
  const uint32_t depth = o->model->desc.depth;
  const char *skip[8] = {0};
  if (o->model->desc.edges) x = add_edges(o, x);
  if (!is_padded(o)) x = extend(o, x);
  for (uint32_t level = 0; level < depth; level++) {
    skip[level] = double_conv(o, x);
    x = max_pool(o, skip[level]);
  }
  x = double_conv(o, x);
  int64_t margin = -2; // of the skip connection around what comes up
  for (uint32_t level = depth; level-- > 0;) {
    x = layer(o, "ConvTranspose", x, 2, 2, 0);
    margin = 2 * margin + 8;
    const char *beside = is_padded(o) ? skip[level] : crop(o, skip[level], margin);
    x = put(o, (struct node){name_of(o, x, "concat"), "Concat", {beside, x}, {of_int("axis", 1)}});
    x = double_conv(o, x);
  }
  if (o->info->heads.chosen == VC_HEAD_AUX) o->next += 2;
  return layer(o, "Conv", x, 1, 1, 0);
}

// A class has the sum of its clusters' probabilities.
static const char *merge_clusters(struct onnx *o, const char *x, uint32_t n_clusters, uint32_t n_classes) {
  const uint8_t *class_of = o->info->heads.class_of[o->info->heads.chosen];
  const uint32_t dims[4] = {n_classes, n_clusters, 1, 1};
  float sums[VC_MAX_CLASSES * VC_MAX_CLASSES] = {0};
  for (uint32_t k = 0; k < n_clusters; k++) sums[class_of[k] * n_clusters + k] = 1;
  const char *weight = put_constant(o, "clusters.classes", TYPE_FLOAT, sums, 4, dims);
  return put(o, (struct node){"probabilities", "Conv", {x, weight}, {of_ints("kernel_shape", 2, 1)}});
}

// ---- what stands around it ------------------------------------------------------------------------------------------

// (x - min) / (max - min), by the model's range or, where it has none, by each image's own.
static const char *normalise(struct onnx *o, const char *x) {
  const uint32_t n = o->model->desc.channels;
  const struct vc_model_info *info = o->info;
  const char *lo, *scale;
  if (info->has_range) {
    float min[4], factor[4];
    for (uint32_t c = 0; c < n; c++) {
      min[c] = (float)info->min[c];
      factor[c] = (float)(1.0 / (info->max[c] - info->min[c]));
    }
    lo = put_channels(o, "normalisation.min", min, n);
    scale = put_channels(o, "normalisation.scale", factor, n);
  } else {
    static const float tiny = 1e-30f; // an even image becomes 0
    const struct attribute axes = {.name = "axes", .type = OF_INTS, .n = 2, .ints = {2, 3}};
    lo = put(o, (struct node){"normalisation.min", "ReduceMin", {x}, {axes}});
    const char *hi = put(o, (struct node){"normalisation.max", "ReduceMax", {x}, {axes}});
    const char *range = put(o, (struct node){"normalisation.range", "Sub", {hi, lo}, {{0}}});
    const char *least = put_constant(o, "normalisation.least", TYPE_FLOAT, &tiny, 0, NULL);
    range = put(o, (struct node){"normalisation.positive", "Max", {range, least}, {{0}}});
    scale = put(o, (struct node){"normalisation.scale", "Reciprocal", {range}, {{0}}});
  }
  x = put(o, (struct node){"normalisation.shifted", "Sub", {x, lo}, {{0}}});
  return put(o, (struct node){"normalised", "Mul", {x, scale}, {{0}}});
}

// A graph's input (field 11) or output (12): floats {N,C,H,W}.
static void put_value(struct onnx *o, uint32_t field, const char *name, uint32_t n_channels) {
  static const char *const free_dims[4] = {"N", NULL, "H", "W"};
  struct protobuf *p = &o->message;
  const size_t value = protobuf_begin(p, field);
  protobuf_text(p, 1, name);
  const size_t type = protobuf_begin(p, 2), tensor = protobuf_begin(p, 1);
  protobuf_int(p, 1, TYPE_FLOAT);
  const size_t shape = protobuf_begin(p, 2);
  for (uint32_t i = 0; i < 4; i++) {
    const size_t dim = protobuf_begin(p, 1);
    if (free_dims[i])
      protobuf_text(p, 2, free_dims[i]);
    else
      protobuf_int(p, 1, n_channels);
    protobuf_end(p, dim);
  }
  protobuf_end(p, shape);
  protobuf_end(p, tensor);
  protobuf_end(p, type);
  protobuf_end(p, value);
}

static void put_graph(struct onnx *o) {
  const struct vc_unet_desc *d = &o->model->desc;
  const size_t begin = protobuf_begin(&o->message, 7);
  protobuf_text(&o->message, 2, "unet");
  put_value(o, 11, "image", d->channels);
  const char *logits = unet(o, normalise(o, "image"));
  const struct vc_heads *heads = &o->info->heads;
  const bool is_matched = heads->matched[heads->chosen];
  const uint32_t n_maps = heads->chosen == VC_HEAD_AUX ? d->aux_classes : d->classes;
  const uint32_t n_classes = is_matched ? o->info->config.data.n_classes : n_maps;
  const char *maps = is_matched ? "clusters" : "probabilities";
  put(o, (struct node){maps, "Softmax", {logits}, {of_int("axis", 1)}});
  if (is_matched) merge_clusters(o, maps, n_maps, n_classes);
  put_value(o, 12, "probabilities", n_classes);
  protobuf_end(&o->message, begin);
}

static vc_status put_classes(struct onnx *o) {
  const char *names;
  VC_TRY(vc_checkpoint_classes_text(o->arena, &o->info->config, &names));
  const size_t begin = protobuf_begin(&o->message, 14);
  protobuf_text(&o->message, 1, "classes");
  protobuf_text(&o->message, 2, names);
  protobuf_end(&o->message, begin);
  return VC_OK;
}

static vc_status put_model(struct onnx *o) {
  struct protobuf *p = &o->message;
  protobuf_int(p, 1, IR_VERSION);
  protobuf_text(p, 2, "vulcyte");
  protobuf_text(p, 3, VC_VERSION);
  const size_t opset = protobuf_begin(p, 8);
  protobuf_text(p, 1, "");
  protobuf_int(p, 2, OPSET);
  protobuf_end(p, opset);
  VC_TRY(put_classes(o));
  put_graph(o);
  return o->status;
}

struct vc_export_sides vc_export_sides(const struct vc_unet_desc *desc) {
  const uint32_t multiple = 1u << desc->depth;
  if (desc->padding == VC_PAD_SAME) return (struct vc_export_sides){multiple, multiple};
  return (struct vc_export_sides){6 * multiple + 4, multiple}; // more than the reflected margin
}

static vc_status write_onnx(struct onnx *o, const char *path) {
  VC_TRY(put_model(o));
  if (o->message.has_failed) return VC_FAIL(VC_E_NOMEM, "%s: no memory for the model", path);
  if (o->message.n_bytes > MAX_BYTES)
    return VC_FAIL(VC_E_UNSUPPORTED, "%s: the model has more than the 2 GiB that one ONNX file holds", path);
  return vc_file_write(path, o->message.data, o->message.n_bytes);
}

vc_status vc_export_onnx(const char *model_path, const char *out_path) {
  struct onnx o = {0};
  struct vc_model_info info;
  vc_model *model;
  float *block;
  VC_TRY(vc_arena_create(&o.arena));
  vc_status status = vc_checkpoint_read(o.arena, model_path, &info, &model, &block);
  if (status == VC_OK) {
    o.info = &info;
    o.model = model;
    o.block = block;
    status = write_onnx(&o, out_path);
  }
  free(o.message.data);
  vc_arena_destroy(o.arena);
  return status;
}
