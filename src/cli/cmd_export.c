// vulcyte export
#include "cli.h"

#include "vulcyte/export.h"
#include "vulcyte/gpu.h"

#include <string.h>

static vc_status check_out(vc_arena *arena, const char *model, const char *path) {
  char *dir;
  VC_TRY(vc_path_dir(arena, path, &dir));
  if (!vc_path_is_dir(dir)) return VC_FAIL(VC_E_INPUT, "%s: no such folder; make it first", dir);
  if (vc_path_is_dir(path)) return VC_FAIL(VC_E_INPUT, "%s: is a folder; name a file with --out", path);
  if (strcmp(model, path) == 0) return VC_FAIL(VC_E_INPUT, "%s: is the model itself; name another file", path);
  return VC_OK;
}

static vc_status export_model(vc_arena *arena, const struct cli_args *args) {
  static const char *const kinds[] = {"onnx", "bioimageio", "safetensors"};
  static const char *const of_packages[] = {"image", "name", "author", "license", "device"};
  const char *to, *out;
  char *model;
  VC_TRY(cli_required(args, "to", &to));
  VC_TRY(cli_required(args, "out", &out));
  uint32_t kind = 0;
  while (kind < VC_COUNT_OF(kinds) && strcmp(kinds[kind], to) != 0) kind++;
  if (kind == VC_COUNT_OF(kinds)) {
    const char *nearest = cli_nearest(to, kinds, (uint32_t)VC_COUNT_OF(kinds));
    return VC_FAIL(VC_E_USAGE, "export: --to %.60s: unknown format; %s %s", to, nearest ? "did you mean" : "use",
                   nearest ? nearest : "onnx, bioimageio or safetensors");
  }
  for (size_t i = 0; i < VC_COUNT_OF(of_packages) && kind != 1; i++) {
    if (cli_has(args, of_packages[i]))
      return VC_FAIL(VC_E_USAGE, "export: --%s is for --to bioimageio; leave it out", of_packages[i]);
  }
  VC_TRY(cli_model_path(arena, args->arguments[0], &model));
  VC_TRY(check_out(arena, model, out));
  cli_progress_begin(cli_has(args, "quiet"));
  if (kind == 0) return vc_export_onnx(model, out);
  if (kind == 2) return vc_export_safetensors(model, out);
  const struct vc_export_bioimageio_desc desc = {.model_path = model,
                                                 .out_path = out,
                                                 .image = cli_value(args, "image"),
                                                 .name = cli_value(args, "name"),
                                                 .author = cli_value(args, "author"),
                                                 .license = cli_value(args, "license")};
  struct vc_gpu *gpu;
  VC_TRY(cli_check_model(model));
  VC_TRY(vc_gpu_open(arena, cli_value(args, "device"), &gpu));
  return vc_export_bioimageio(gpu, &desc);
}

const struct cli_command cmd_export = {
    .name = "export",
    .arguments = "MODEL",
    .summary = "Hand a model on to other programs.",
    .notes =
        "MODEL is a .safetensors file, or a run folder (its state of higher validation IoU).\n"
        "onnx         opset 17, image [N,C,H,W] in the files' units to probabilities; normalisation included. Sides\n"
        "             are multiples of 2^depth (padding \"valid\": 4 more, and at least 6 of them)\n"
        "bioimageio   a ZIP for the BioImage Model Zoo's tools: ONNX, description, test tensors, cover\n"
        "safetensors  the weights with PyTorch's names, without the training's configuration",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = {{.name = "to", .value = "FORMAT", .help = "onnx, bioimageio or safetensors"},
                {.name = "out", .value = "FILE", .help = "Where it goes"},
                {.name = "image", .value = "FILE", .help = "bioimageio: take test tensors and cover from its middle"},
                {.name = "name", .value = "NAME", .help = "bioimageio: of the model; by default the configuration's"},
                {.name = "author", .value = "NAME", .help = "bioimageio: who made it"},
                {.name = "license", .value = "SPDX", .help = "bioimageio: such as CC-BY-4.0"},
                {.name = "device", .value = "DEVICE", .help = "bioimageio: computes the test output"},
                {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = export_model};
