// The report of runs and sweeps: one HTML page that needs no other file and no network.
#include "report.h"

#include <string.h>

enum { MAX_PICTURE_BYTES = 16 << 20 };

static void put_comparison(struct page *p, const struct run *runs, uint32_t n) {
  page_raw(
      p,
      "<h1>Runs</h1>\n<p class=\"soft\">Mean IoU on the test images of each run.</p>\n<div class=\"wide\"><table><tr>"
      "<th>Run</th><th>Folder</th><th>Method</th><th>best-supervised</th><th>best-final</th></tr>\n");
  for (uint32_t i = 0; i < n; i++) {
    page_format(p, "<tr><td><a href=\"#run%u\">", i + 1);
    page_text(p, run_name(&runs[i]));
    page_raw(p, "</a></td><td class=\"text\">");
    page_text(p, runs[i].dir);
    page_raw(p, "</td><td class=\"text\">");
    page_text(p, json_text(runs[i].config, "method"));
    page_raw(p, "</td>");
    page_cell(p, json_number(json_find(runs[i].evaluation, "best-supervised"), "mean_iou"));
    page_cell(p, json_number(json_find(runs[i].evaluation, "best-final"), "mean_iou"));
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

static vc_status put_runs(vc_arena *arena, struct page *p, const char *const *dirs, uint32_t n, size_t *inout_bytes) {
  struct run *runs;
  VC_TRY(VC_NEW(arena, n, &runs));
  for (uint32_t i = 0; i < n; i++) VC_TRY(run_read(arena, dirs[i], &runs[i]));
  if (n > 1) put_comparison(p, runs, n);
  for (uint32_t i = 0; i < n; i++) {
    size_t n_bytes = *inout_bytes / (n - i); // every run has its share of the page
    *inout_bytes -= n_bytes;
    if (n > 1) page_format(p, "<hr id=\"run%u\">\n", i + 1);
    VC_TRY(run_put(arena, p, &runs[i], n == 1, &n_bytes));
    *inout_bytes += n_bytes;
  }
  return VC_OK;
}

static vc_status write_page(vc_arena *arena, const char *const *dirs, uint32_t n, const char *out_path) {
  const char **run_dirs, *title = n == 1 ? vc_path_base(dirs[0]) : "Report";
  uint32_t n_runs = 0;
  size_t n_bytes = MAX_PICTURE_BYTES;
  struct page *p;
  VC_TRY(VC_NEW(arena, n, &run_dirs));
  VC_TRY(page_create(arena, &p));
  page_begin(p, title);
  for (uint32_t i = 0; i < n; i++) {
    if (sweep_is_folder(arena, dirs[i]))
      VC_TRY(sweep_put(arena, p, dirs[i], out_path, &n_bytes));
    else
      run_dirs[n_runs++] = dirs[i];
  }
  if (n_runs > 0) VC_TRY(put_runs(arena, p, run_dirs, n_runs, &n_bytes));
  return page_end(p, out_path);
}

vc_status vc_report_write_runs(const char *const *dirs, uint32_t n, const char *out_path) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  const vc_status status = write_page(arena, dirs, n, out_path);
  vc_arena_destroy(arena);
  return status;
}

vc_status vc_report_write(const char *run_dir, const char *out_path) {
  return vc_report_write_runs(&run_dir, 1, out_path);
}
