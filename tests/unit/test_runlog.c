// The log of a run: lines, cutting at resumption, and the report that reads it.
#include "scratch.h"
#include "train/report.h"
#include "train/runlog.h"

#include <sys/wait.h>
#include <unistd.h>

static const char *content(vc_arena *arena, const char *path) {
  uint8_t *data;
  size_t n;
  ASSERT_OK(vc_file_read(arena, path, 0, &data, &n));
  return (const char *)data;
}

static void add_step(vc_runlog *log, double step) {
  vc_json_put_number(vc_runlog_begin(log, "step"), "step", step);
  ASSERT_OK(vc_runlog_end(log));
}

static void lines_are_on_the_disk_at_once(void **state) {
  vc_runlog *log;
  ASSERT_OK(vc_runlog_open(*state, "log.jsonl", 0, &log));
  add_step(log, 1);
  assert_string_equal(content(*state, "log.jsonl"), "{\"event\":\"step\",\"step\":1}\n");
  ASSERT_OK(vc_runlog_warn(log, "%s \"%d\"", "odd\nname", 3));
  assert_string_equal(content(*state, "log.jsonl"),
                      "{\"event\":\"step\",\"step\":1}\n{\"event\":\"warning\",\"text\":\"odd\\nname \\\"3\\\"\"}\n");
  assert_int_equal(vc_runlog_bytes(log), strlen(content(*state, "log.jsonl")));
}

static void resuming_cuts_what_came_after_the_state(void **state) {
  vc_runlog *log;
  ASSERT_OK(vc_runlog_open(*state, "log.jsonl", 0, &log));
  add_step(log, 1);
  uint64_t saved = vc_runlog_bytes(log);
  add_step(log, 2);
  vc_runlog *resumed;
  ASSERT_OK(vc_runlog_open(*state, "log.jsonl", saved, &resumed));
  add_step(resumed, 20);
  assert_string_equal(content(*state, "log.jsonl"),
                      "{\"event\":\"step\",\"step\":1}\n{\"event\":\"step\",\"step\":20}\n");
  ASSERT_OK(vc_runlog_open(*state, "log.jsonl", 0, &log));
  assert_string_equal(content(*state, "log.jsonl"), "");
}

static void another_process_is_kept_out(void **state) {
  vc_runlog *log;
  ASSERT_OK(vc_runlog_open(*state, "log.jsonl", 0, &log));
  add_step(log, 1);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    vc_runlog *second;
    _exit(vc_runlog_open(*state, "log.jsonl", 0, &second) == VC_E_IO ? 0 : 1);
  }
  int result;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_int_equal(result, 0);
  assert_string_equal(content(*state, "log.jsonl"), "{\"event\":\"step\",\"step\":1}\n");
}

static void a_shorter_log_keeps_its_whole_lines(void **state) {
  vc_runlog *log;
  scratch_text("log.jsonl", "{\"a\":1}\n{\"b\":");
  ASSERT_OK(vc_runlog_open(*state, "log.jsonl", 100, &log));
  assert_string_equal(content(*state, "log.jsonl"), "{\"a\":1}\n");
  assert_int_equal(vc_runlog_bytes(log), 8);
  scratch_text("half.jsonl", "{\"b\":");
  ASSERT_OK(vc_runlog_open(*state, "half.jsonl", 100, &log));
  assert_int_equal(vc_runlog_bytes(log), 0);
}

static void a_full_disk_leaves_no_half_line(void **state) {
  vc_runlog *log;
  if (!vc_path_exists("/dev/full")) skip();
  assert_int_equal(symlink("/dev/full", "log.jsonl"), 0);
  vc_status status = vc_runlog_open(*state, "log.jsonl", 0, &log);
  if (status == VC_OK) {
    vc_runlog_begin(log, "step");
    status = vc_runlog_end(log);
  }
  assert_int_equal(status, VC_E_IO);
  assert_non_null(strstr(vc_error_message(), "log.jsonl"));
  ASSERT_FAILS(vc_runlog_open(*state, "no/such/folder.jsonl", 0, &log), VC_E_IO, "no/such/folder.jsonl");
}

// ---- the report ---------------------------------------------------------------------------------------------------

static void put_run(const char *log) {
  ASSERT_OK(vc_path_make_dirs("run/overlays"));
  static const char config[] = "{\"name\": \"<script>alert(1)</script>\", \"method\": \"uda\", \"device\": \"a&b\"}";
  static const char evaluation[] =
      "{\"best-supervised\": {\"mean_iou\": 0.875, \"iou\": [0.9, null], \"dice\": [0.95, null], \"classes\": "
      "[\"<b>\", \"c\"], "
      "\"epoch\": 2, \"images\": 3, \"instances\": {\"ap50\": 0.625, \"seg\": null, \"objects\": 41}}, \"best-final\": "
      "{\"mean_iou\": null, \"confusion\": [[3, 1], [0, 0]]}}";
  scratch_text("run/config.json", config);
  scratch_text("run/evaluation.json", evaluation);
  scratch_text("run/log.jsonl", log);
  uint8_t pixels[4 * 4] = {0, 10, 20}, classes[4 * 4] = {1};
  const struct vc_image image = {.width = 4, .height = 4, .channels = 1, .format = VC_PIXEL_U8, .pixels = pixels};
  ASSERT_OK(vc_overlay_write("run/overlays/a\"b<c.png", &image, classes, classes, 2));
  scratch_put("run/overlays/damaged.png", "\x89PNG", 4);
}

static void the_report_is_one_escaped_page(void **state) {
  put_run(
      "{\"event\":\"step\",\"step\":1,\"loss_supervised\":0.9}\n"
      "{\"event\":\"epoch\",\"epoch\":1,\"step\":10,\"loss_supervised\":0.7,\"val_loss_supervised\":0.8,\"val_mean_"
      "iou\":0.5,"
      "\"lr\":0.001,\"seconds\":30}\n"
      "{\"event\":\"best\",\"state\":\"best-supervised\",\"epoch\":1}\n"
      "{\"event\":\"warning\",\"text\":\"<img src=x>\"}\n"
      "{\"event\":\"epoch\",\"epoch\":2,\"step\":20,\"loss_supervised\":null,\"val_loss_supervised\":0.4,\"lr\":1e-5}\n"
      "not json\n{\"event\":\"epo");
  ASSERT_OK(vc_report_write("run", "report.html"));
  const char *page = content(*state, "report.html");
  assert_null(strstr(page, "<script"));
  assert_null(strstr(page, "<img src=x>"));
  assert_null(strstr(page, "a\"b<c"));
  assert_non_null(strstr(page, "&lt;script&gt;alert(1)"));
  assert_non_null(strstr(page, "&lt;img src=x&gt;"));
  assert_non_null(strstr(page, "0.875"));
  assert_non_null(strstr(page, "1 more, and these at full size")); // the damaged one
  assert_non_null(strstr(page, "<tr><td>best-supervised</td><td>0.625</td><td>&ndash;</td>"));
  assert_non_null(strstr(page, "<td>41</td>"));
  assert_non_null(strstr(page, "alt=\"a&quot;b&lt;c: difference\" src=\"data:image/png;base64,iVBORw0KGgo"));
  assert_non_null(strstr(page, "best-supervised</text>")); // the mark in the chart
  assert_non_null(strstr(page, "has not ended"));
  assert_null(strstr(page, "http:"));
  assert_null(strstr(page, "https:"));
  assert_null(strstr(page, "nan"));
  assert_null(strstr(page, "inf"));
}

static void the_log_gives_points_by_epoch_or_step(void **state) {
  struct run_log log;
  put_run("{\"event\":\"epoch\",\"epoch\":1,\"step\":4,\"lr\":0.5}\n{\"event\":\"end\",\"step\":4,\"seconds\":9,"
          "\"device\":\"d\"}\n");
  ASSERT_OK(run_log_read(*state, "run/log.jsonl", &log));
  assert_true(log.n == 1 && !log.by_step && log.columns[RUN_X][0] == 1 && log.columns[RUN_LR][0] == 0.5 &&
              log.has_ended && log.seconds == 9);
  assert_string_equal(log.device, "d");
  put_run("{\"event\":\"step\",\"step\":1,\"loss_supervised\":0.5}\n{\"event\":\"step\",\"step\":2,\"loss_supervised\":"
          "0.25}\n");
  ASSERT_OK(run_log_read(*state, "run/log.jsonl", &log));
  assert_true(log.n == 2 && log.by_step && log.columns[RUN_X][1] == 2 && log.columns[RUN_LOSS_SUPERVISED][1] == 0.25 &&
              !log.has_ended);
  ASSERT_OK(run_log_read(*state, "run/none.jsonl", &log));
  assert_int_equal(log.n, 0);
}

static void odd_folders_are_refused_or_borne(void **state) {
  (void)state;
  ASSERT_FAILS(vc_report_write("none", "report.html"), VC_E_INPUT, "none: neither a run");
  ASSERT_OK(vc_path_make_dirs("bare"));
  scratch_text("bare/config.json", "[1]");
  ASSERT_OK(vc_report_write("bare", "report.html"));
  const char *const both[] = {"bare", "bare"};
  ASSERT_OK(vc_report_write_runs(both, 2, "report.html"));
  scratch_text("bare/evaluation.json", "{\"best-final\": 3, \"best-supervised\": {\"iou\": 3}}");
  ASSERT_OK(vc_report_write("bare", "report.html"));
  scratch_text("bare/evaluation.json", "{");
  ASSERT_FAILS(vc_report_write("bare", "report.html"), VC_E_FORMAT, "evaluation.json");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SCRATCH_TEST(lines_are_on_the_disk_at_once),         SCRATCH_TEST(resuming_cuts_what_came_after_the_state),
      SCRATCH_TEST(another_process_is_kept_out),           SCRATCH_TEST(a_shorter_log_keeps_its_whole_lines),
      SCRATCH_TEST(a_full_disk_leaves_no_half_line),       SCRATCH_TEST(the_report_is_one_escaped_page),
      SCRATCH_TEST(the_log_gives_points_by_epoch_or_step), SCRATCH_TEST(odd_folders_are_refused_or_borne)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
