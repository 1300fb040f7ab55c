#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vulcyte/base.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

static int create(void **state) {
  return vc_arena_create((vc_arena **)state) == VC_OK ? 0 : -1;
}

static int destroy(void **state) {
  vc_arena_destroy(*state);
  return 0;
}

static vc_json *parse(vc_arena *arena, const char *text) {
  vc_json *root = NULL;
  if (vc_json_parse(arena, "t.json", text, strlen(text), &root) != VC_OK) fail_msg("%s: %s", text, vc_error_message());
  return root;
}

static const char *print(vc_arena *arena, int indent, const vc_json *value) {
  vc_json_writer *w;
  const char *text = NULL;
  size_t n = 0;
  assert_int_equal(vc_json_writer_create(arena, indent, &w), VC_OK);
  vc_json_put_value(w, NULL, value);
  assert_int_equal(vc_json_writer_text(w, &text, &n), VC_OK);
  assert_int_equal(strlen(text), n);
  return text;
}

static void values_of_every_type(void **state) {
  vc_json *root =
      parse(*state, "{\"n\":null,\"t\":true,\"f\":false,\"x\":-1.5e3,\"s\":\"a\",\"l\":[1,[2],{}],\"o\":{\"k\":7}}");
  assert_int_equal(vc_json_type_of(root), VC_JSON_OBJECT);
  assert_int_equal(vc_json_size(root), 7);
  assert_int_equal(vc_json_type_of(vc_json_get(root, "n")), VC_JSON_NULL);
  assert_true(vc_json_bool(vc_json_get(root, "t")));
  assert_false(vc_json_bool(vc_json_get(root, "f")));
  assert_true(vc_json_number(vc_json_get(root, "x")) == -1500);
  assert_string_equal(vc_json_string(vc_json_get(root, "s")), "a");
  const vc_json *list = vc_json_get(root, "l");
  assert_int_equal(vc_json_type_of(list), VC_JSON_ARRAY);
  assert_int_equal(vc_json_size(list), 3);
  assert_true(vc_json_number(vc_json_at(vc_json_at(list, 1), 0)) == 2);
  assert_int_equal(vc_json_size(vc_json_at(list, 2)), 0);
  assert_string_equal(vc_json_key(vc_json_at(list, 0)), "");
  assert_string_equal(vc_json_key(vc_json_at(root, 6)), "o");
  assert_true(vc_json_number(vc_json_get(vc_json_get(root, "o"), "k")) == 7);
  assert_null(vc_json_get(root, "absent"));
  assert_null(vc_json_get(root, "N"));
  assert_null(vc_json_get(list, "k"));
  assert_int_equal(vc_json_size(vc_json_get(root, "s")), 0);
}

static void text_needs_no_terminator(void **state) {
  char text[] = {'[', '1', '2', ']', '3', '4'};
  vc_json *root;
  assert_int_equal(vc_json_parse(*state, "t", text, 4, &root), VC_OK);
  assert_true(vc_json_number(vc_json_at(root, 0)) == 12);
  assert_int_equal(vc_json_parse(*state, "t", text + 1, 2, &root), VC_OK);
  assert_true(vc_json_number(root) == 12);
}

static void comments_count_lines_and_strings_keep_slashes(void **state) {
  vc_json *root = parse(*state, "\xEF\xBB\xBF// first\n"
                                "{ /* a\n b */ \"url\": \"http://x/*y*/\", // rest, \"no\": 1\r\n"
                                "  \"list\": [1, // one\n"
                                "    2 /**/ ,\n"
                                "\n"
                                "    {\"deep\":\n"
                                "      /***/ null}]\n"
                                "} // the end");
  assert_string_equal(vc_json_string(vc_json_get(root, "url")), "http://x/*y*/");
  const vc_json *list = vc_json_get(root, "list");
  assert_int_equal(vc_json_size(root), 2);
  assert_int_equal(vc_json_line(root), 2);
  assert_int_equal(vc_json_line(vc_json_get(root, "url")), 3);
  assert_int_equal(vc_json_line(list), 4);
  assert_int_equal(vc_json_line(vc_json_at(list, 0)), 4);
  assert_int_equal(vc_json_line(vc_json_at(list, 1)), 5);
  assert_int_equal(vc_json_line(vc_json_at(list, 2)), 7);
  assert_int_equal(vc_json_line(vc_json_get(vc_json_at(list, 2), "deep")), 8);
}

static void many_values_keep_their_lines_and_numbers(void **state) {
  enum { N = 5000 };
  char *text = malloc(N * 16);
  size_t n = (size_t)sprintf(text, "[");
  for (int i = 0; i < N; i++) n += (size_t)sprintf(text + n, "%s%d.5", i ? ",\n" : "", i);
  sprintf(text + n, "]");
  vc_json *root = parse(*state, text);
  free(text);
  assert_int_equal(vc_json_size(root), N);
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(vc_json_line(vc_json_at(root, i)), i + 1);
    assert_true(vc_json_number(vc_json_at(root, i)) == (double)i + 0.5);
  }
}

static void strings_are_decoded(void **state) {
  vc_json *root = parse(
      *state,
      "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\", \"\xC3\xA9\xF0\x9F\x98\x80\", \"\"]");
  assert_string_equal(vc_json_string(vc_json_at(root, 0)), "\"\\/\b\f\n\r\t");
  assert_string_equal(vc_json_string(vc_json_at(root, 1)), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  assert_string_equal(vc_json_string(vc_json_at(root, 2)), "\xC3\xA9\xF0\x9F\x98\x80");
  assert_string_equal(vc_json_string(vc_json_at(root, 3)), "");
}

static void numbers_are_exact(void **state) {
  static const struct {
    const char *text;
    double value;
  } rows[] = {
      {"0", 0},
      {"-0", 0},
      {"0.1", 0.1},
      {"1E+2", 100},
      {"9007199254740993", 9007199254740992.0}, // a tie goes to the even one
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"5e-324", 5e-324},
      {"1e-999", 0},
      // longer than the 63 characters that the parser behind would take
      {"0.10000000000000000000000000000000000000000000000000000000000000000000000000001", 0.1},
      {"100000000000000000000000000000000000000000000000000000000000000000000000000000000", 1e80},
  };
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) {
    assert_true(vc_json_number(parse(*state, rows[i].text)) == rows[i].value);
  }
  assert_true(signbit(vc_json_number(parse(*state, "-0"))));
}

static void errors_name_file_line_and_cause(void **state) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"", "t.json:1: expected a value"},
      {" \n\n ", "t.json:3: expected a value"},
      {"{\"a\": 1\n \"b\": 2}", "t.json:2: expected ',' or '}' after a value, found '\"'"},
      {"[1 2]", "t.json:1: expected ',' or ']' after a value, found '2'"},
      {"{\n\"a\": 1,\n}", "t.json:3: expected another key after ',', found '}'"},
      {"[1,]", "t.json:1: expected another value after ',', found ']'"},
      {"[,1]", "t.json:1: expected a value"},
      {"{a: 1}", "t.json:1: expected a key in double quotes, found 'a'"},
      {"{'a': 1}", "t.json:1: expected a key in double quotes, found '''"},
      {"{\"a\" 1}", "t.json:1: expected ':' after a key, found '1'"},
      {"{\"a\":}", "t.json:1: expected a value"},
      {"{\"a\":1", "t.json:1: expected ',' or '}' after a value, found the end of the text"},
      {"{\"a\":1]", "t.json:1: expected ',' or '}' after a value, found ']'"},
      {"[True]", "found 'True'"},
      {"[nullx]", "found 'nullx'"},
      {"NaN", "found 'NaN'"},
      {"\xC3\xA9", "found '\xC3\xA9'"},
      {"{}\n{}", "t.json:2: expected nothing after the outermost value, found '{'"},
      {"1 x", "t.json:1: expected nothing after the outermost value, found 'x'"},
      {"{} /* no end", "t.json:1: the comment that begins here has no end"},
      {"/* \n */ /*/", "t.json:2: the comment that begins here has no end"},
      {"1 /", "found '/'"},
      {"01", "t.json:1: a number must not begin with 0"},
      {"+1", "t.json:1: expected a value"},
      {".5", "t.json:1: expected a value"},
      {"1.", "t.json:1: expected a digit after the decimal point"},
      {"1,5", "t.json:1: expected nothing after the outermost value, found ','"},
      {"1e", "t.json:1: expected a digit in the exponent"},
      {"-", "t.json:1: expected a digit"},
      {"0x10", "t.json:1: expected nothing after the outermost value, found 'x10'"},
      {"[\n1e999]", "t.json:2: a number beyond the range of doubles"},
      {"\"abc", "t.json:1: a string has no end"},
      {"\"abc\ndef\"", "t.json:1: a string has no end"},
      {"\"\t\"", "t.json:1: the control character 0x09 in a string"},
      {"\"\\x41\"", "t.json:1: expected one of"},
      {"\"C:\\data\"", "after a backslash (a backslash itself is \\\\), found 'data'"},
      {"\"\\", "found the end of the text"},
      {"\"\\u12g4\"", "t.json:1: \\u wants four hexadecimal digits"},
      {"\"\\u12", "t.json:1: \\u wants four hexadecimal digits"},
      {"\"\\u0000\"", "t.json:1: a string cannot hold \\u0000"},
      {"\"\\ud83d\"", "t.json:1: half of a surrogate pair"},
      {"\"\\ud83d\\u0041\"", "t.json:1: half of a surrogate pair"},
      {"\"\\ude00\"", "t.json:1: half of a surrogate pair"},
      {"[\n\"\xE9\"]", "t.json:2: a string is not UTF-8 (byte 0xe9)"},
      {"\"\xC0\xAF\"", "not UTF-8"},         // overlong
      {"\"\xED\xA0\x80\"", "not UTF-8"},     // a surrogate
      {"\"\xF4\x90\x80\x80\"", "not UTF-8"}, // beyond U+10FFFF
      {"\"\xE2\x82\"", "not UTF-8"},         // cut short
      {"\x01", "found the byte 0x01"},
      {"{\"a\": 1,\n \"b\": 2,\n \"a\": 3}", "t.json:3: the key \"a\" stands a second time (first on line 1)"},
      {"{\"x\":{\"\\u0061\": 1,\n \"a\": 3}}", "t.json:2: the key \"a\" stands a second time"},
      {"{\"b\":1,\"a\":1,\n\"b\":2,\n\"a\":2}", "t.json:2: the key \"b\" stands a second time"},
      {"{\"\":1,\"\":2}", "the key \"\" stands a second time"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) {
    vc_json *root = NULL;
    VC_FAIL(VC_OK, "none");
    vc_status status = vc_json_parse(*state, "t.json", rows[i].text, strlen(rows[i].text), &root);
    if (status != VC_E_FORMAT || !strstr(vc_error_message(), rows[i].want)) {
      fail_msg("%s: status %d, message %s", rows[i].text, (int)status, vc_error_message());
    }
    assert_null(root);
  }
}

static void zero_bytes_are_refused(void **state) {
  vc_json *root;
  assert_int_equal(vc_json_parse(*state, "t", "1\0", 2, &root), VC_E_FORMAT);
  assert_non_null(strstr(vc_error_message(), "found the byte 0x00"));
  assert_int_equal(vc_json_parse(*state, "t", "\"a\0b\"", 5, &root), VC_E_FORMAT);
  assert_non_null(strstr(vc_error_message(), "0x00"));
  assert_int_equal(vc_json_parse(*state, "t", "\"\\\0\"", 4, &root), VC_E_FORMAT);
}

static void nesting_is_bounded(void **state) {
  char text[200001];
  for (int depth = 63; depth <= 65; depth++) {
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    vc_json *root;
    vc_status status = vc_json_parse(*state, "t", text, 2 * (size_t)depth, &root);
    assert_int_equal(status, depth <= 64 ? VC_OK : VC_E_FORMAT);
  }
  assert_string_equal(vc_error_message(), "t:1: nested more than 64 deep");
  memset(text, '[', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  vc_json *root;
  assert_int_equal(vc_json_parse(*state, "t", text, sizeof text - 1, &root), VC_E_FORMAT);
}

static void many_keys_are_checked_in_time(void **state) {
  enum { N = 50000 };
  char *text = malloc(N * 16);
  size_t n = (size_t)sprintf(text, "{");
  for (int i = 0; i < N; i++) n += (size_t)sprintf(text + n, "%s\"%d\":1", i ? ",\n" : "", i == N - 1 ? 77 : i);
  n += (size_t)sprintf(text + n, "}");
  vc_json *root;
  double before = vc_time_seconds();
  assert_int_equal(vc_json_parse(*state, "t", text, n, &root), VC_E_FORMAT);
  assert_true(vc_time_seconds() - before < 20); // comparing each key with each would take minutes under a sanitizer
  assert_string_equal(vc_error_message(),
                      "t:50000: the key \"77\" stands a second time (first on line 78); remove one");
  free(text);
}

static void set_path_replaces_adds_and_creates(void **state) {
  vc_json *root = parse(*state, "{\"a\": 1, \"b\": {\"c\": [1], \"d\": null}}");
  assert_int_equal(vc_json_set_path(root, "a", "2.5"), VC_OK);
  assert_int_equal(vc_json_set_path(root, "b.c", "[true, {\"x\": \"y\"}]"), VC_OK);
  assert_int_equal(vc_json_set_path(root, "b.e", "images/*.png"), VC_OK);
  assert_int_equal(vc_json_set_path(root, "new.deep.key", "\"quoted\""), VC_OK);
  assert_int_equal(vc_json_set_path(root, "new.deep.other", ""), VC_OK);
  assert_int_equal(vc_json_set_path(root, "b.d", "-x"), VC_OK);
  assert_string_equal(print(*state, 0, root),
                      "{\"a\":2.5,\"b\":{\"c\":[true,{\"x\":\"y\"}],\"d\":\"-x\",\"e\":\"images/*.png\"},"
                      "\"new\":{\"deep\":{\"key\":\"quoted\",\"other\":\"\"}}}");
  const vc_json *set = vc_json_get(vc_json_get(root, "b"), "c");
  assert_int_equal(vc_json_line(set), 0);
  assert_int_equal(vc_json_line(vc_json_get(vc_json_at(set, 1), "x")), 0);
  assert_string_equal(vc_json_key(set), "c");
  assert_int_equal(vc_json_line(vc_json_get(root, "b")), 1);
}

static void set_path_grows_objects(void **state) {
  vc_json *root = parse(*state, "{}");
  char path[32], text[32];
  for (int i = 0; i < 100; i++) {
    snprintf(path, sizeof path, "k%d.v", i);
    snprintf(text, sizeof text, "%d", i);
    assert_int_equal(vc_json_set_path(root, path, text), VC_OK);
  }
  assert_int_equal(vc_json_size(root), 100);
  for (size_t i = 0; i < 100; i++) assert_true(vc_json_number(vc_json_get(vc_json_at(root, i), "v")) == (double)i);
}

static void set_path_errors(void **state) {
  vc_json *root = parse(*state, "{\"a\": 1, \"l\": []}");
  static const char *const paths[] = {"", ".", "a.", ".a", "x..y", "a.b", "l.0", "a.b.c"};
  for (size_t i = 0; i < VC_COUNT_OF(paths); i++) {
    assert_int_equal(vc_json_set_path(root, paths[i], "1"), VC_E_CONFIG);
    assert_int_equal(strncmp(vc_error_message(), paths[i], strlen(paths[i])), 0);
  }
  char deep[201];
  for (size_t i = 0; i < 200; i++) deep[i] = i % 2 ? '.' : 'k';
  deep[199] = '\0';
  assert_int_equal(vc_json_set_path(root, deep, "1"), VC_E_CONFIG);
  assert_int_equal(vc_json_set_path(parse(*state, "[1]"), "a", "1"), VC_E_CONFIG);
  assert_true(vc_json_number(vc_json_get(root, "a")) == 1);
}

static void writer_makes_compact_and_indented_text(void **state) {
  static const char *const want[] = {
      "{\"event\":\"step\",\"loss\":0.25,\"list\":[1,2,\"x\",[],{}],\"none\":null,\"yes\":true,\"sub\":{\"a\":[{\"b\":"
      "1},{\"b\":2}]}}",
      "{\n"
      "  \"event\": \"step\",\n"
      "  \"loss\": 0.25,\n"
      "  \"list\": [1, 2, \"x\",\n"
      "    [],\n"
      "    {}\n"
      "  ],\n"
      "  \"none\": null,\n"
      "  \"yes\": true,\n"
      "  \"sub\": {\n"
      "    \"a\": [\n"
      "      {\n"
      "        \"b\": 1\n"
      "      },\n"
      "      {\n"
      "        \"b\": 2\n"
      "      }\n"
      "    ]\n"
      "  }\n"
      "}",
  };
  for (int k = 0; k < 2; k++) {
    vc_json_writer *w;
    assert_int_equal(vc_json_writer_create(*state, 2 * k, &w), VC_OK);
    const char *text;
    size_t n;
    assert_int_equal(vc_json_writer_text(w, &text, &n), VC_OK);
    assert_string_equal(text, "");
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "event", "step");
    vc_json_put_number(w, "loss", 0.25);
    vc_json_begin_array(w, "list");
    vc_json_put_number(w, NULL, 1);
    vc_json_put_number(w, NULL, 2);
    vc_json_put_string(w, NULL, "x");
    vc_json_begin_array(w, NULL);
    vc_json_end_array(w);
    vc_json_begin_object(w, NULL);
    vc_json_end_object(w);
    vc_json_end_array(w);
    vc_json_put_null(w, "none");
    vc_json_put_bool(w, "yes", true);
    vc_json_begin_object(w, "sub");
    vc_json_begin_array(w, "a");
    for (int i = 1; i <= 2; i++) {
      vc_json_begin_object(w, NULL);
      vc_json_put_number(w, "b", i);
      vc_json_end_object(w);
    }
    vc_json_end_array(w);
    vc_json_end_object(w);
    vc_json_end_object(w);
    assert_int_equal(vc_json_writer_text(w, &text, &n), VC_OK);
    assert_string_equal(text, want[k]);
    assert_int_equal(n, strlen(text));
    assert_string_equal(print(*state, 2 * k, parse(*state, text)), want[k]); // and reading it back changes nothing
  }
}

static void long_lists_are_wrapped(void **state) {
  char list[4096] = "[0";
  for (int i = 1; i < 300; i++) sprintf(list + strlen(list), ",%d", i);
  strcat(list, "]");
  const char *text = print(*state, 2, parse(*state, list));
  size_t longest = 0;
  for (const char *line = text; line;) {
    const char *end = strchr(line, '\n');
    longest = VC_MAX(longest, end ? (size_t)(end - line) : strlen(line));
    line = end ? end + 1 : NULL;
  }
  assert_in_range(longest, 50, 110);
  assert_string_equal(print(*state, 0, parse(*state, text)), list);
}

static void writer_escapes_strings(void **state) {
  vc_json_writer *w;
  const char *text;
  size_t n;
  static const char raw[] = "q\" b\\ /\n\r\t\b\x01\x1f\x7f \xC3\xA9\xF0\x9F\x98\x80 bad\xE9\xFF.";
  assert_int_equal(vc_json_writer_create(*state, 0, &w), VC_OK);
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, raw, raw);
  vc_json_end_object(w);
  assert_int_equal(vc_json_writer_text(w, &text, &n), VC_OK);
#define ESCAPED \
  "\"q\\\" b\\\\ /\\n\\r\\t\\u0008\\u0001\\u001f\\u007f \xC3\xA9\xF0\x9F\x98\x80 bad\xEF\xBF\xBD\xEF\xBF\xBD.\""
  assert_string_equal(text, "{" ESCAPED ":" ESCAPED "}");
  const vc_json *back = vc_json_at(parse(*state, text), 0);
  assert_string_equal(vc_json_string(back),
                      "q\" b\\ /\n\r\t\b\x01\x1f\x7f \xC3\xA9\xF0\x9F\x98\x80 bad\xEF\xBF\xBD\xEF\xBF\xBD.");
  assert_string_equal(vc_json_key(back), vc_json_string(back));
}

static const char *print_number(vc_arena *arena, double value) {
  vc_json_writer *w;
  const char *text = NULL;
  size_t n = 0;
  assert_int_equal(vc_json_writer_create(arena, 0, &w), VC_OK);
  vc_json_put_number(w, NULL, value);
  assert_int_equal(vc_json_writer_text(w, &text, &n), VC_OK);
  return text;
}

static void numbers_are_printed_shortest(void **state) {
  static const struct {
    double value;
    const char *want;
  } rows[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-3, "-3"},
      {1e15, "1000000000000000"},
      {9007199254740992.0, "9007199254740992"},
      {9007199254740994.0, "9007199254740994"},
      {1e17, "1e17"},
      {123456789012345680.0, "1.2345678901234568e17"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {1e-4, "0.0001"},
      {1e-7, "1e-7"},
      {2.2e-16, "2.2e-16"},
      {1.5e300, "1.5e300"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.7976931348623157e308, "1.7976931348623157e308"},
      {(double)0.1f, "0.10000000149011612"},
      {NAN, "null"},
      {INFINITY, "null"},
      {-INFINITY, "null"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) assert_string_equal(print_number(*state, rows[i].value), rows[i].want);
}

static void numbers_read_back_to_the_same_bits(void **state) {
  vc_rng rng = vc_rng_at(1, VC_RNG_TEST, 0, 0);
  for (int i = 0; i < 5000; i++) {
    uint64_t high = vc_rng_u32(&rng), bits = high << 32 | vc_rng_u32(&rng), back_bits;
    double value, back;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    back = vc_json_number(parse(*state, print_number(*state, value)));
    memcpy(&back_bits, &back, sizeof back_bits);
    assert_true(back_bits == bits);
  }
}

static void locale_does_not_matter(void **state) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "fr_FR", "cs_CZ.UTF-8"};
  bool is_set = false;
  char made[] = "/tmp/vulcyte-locale-XXXXXX", command[256]; // glibc can compile one where its sources are installed
  assert_non_null(mkdtemp(made));
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", made, made);
  if (system(command) == 0) setenv("LOCPATH", made, 1);
  for (size_t i = 0; i < VC_COUNT_OF(names) && !is_set; i++) is_set = setlocale(LC_ALL, names[i]) != NULL;
  unsetenv("LOCPATH");
  snprintf(command, sizeof command, "rm -r %s", made);
  assert_int_equal(system(command), 0);
  if (!is_set) skip(); // no locale with a decimal comma is installed
  char comma[16];
  snprintf(comma, sizeof comma, "%.1f", 0.5);
  double read = vc_json_number(parse(*state, "1234.5"));
  const char *printed = print_number(*state, 1234.5);
  setlocale(LC_ALL, "C");
  assert_string_equal(comma, "0,5");
  assert_true(read == 1234.5);
  assert_string_equal(printed, "1234.5");
}

// In a process that may not have more memory, the writer says so and earlier appends do no harm.
static void writer_reports_exhausted_memory(void **state) {
#ifdef UNDER_SANITIZER
  (void)state;
  skip(); // the sanitizer's own memory is far above any limit
#else
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    vc_json_writer *w;
    const char *text = NULL;
    size_t n;
    struct rlimit limit = {.rlim_cur = 256 << 20, .rlim_max = 256 << 20};
    if (setrlimit(RLIMIT_AS, &limit) != 0 || vc_json_writer_create(*state, 0, &w) != VC_OK) _exit(2);
    char piece[1001];
    memset(piece, 'a', sizeof piece - 1);
    piece[sizeof piece - 1] = '\0';
    vc_json_begin_array(w, NULL);
    for (int i = 0; i < 400 * 1000; i++) vc_json_put_string(w, NULL, piece);
    vc_json_end_array(w);
    _exit(vc_json_writer_text(w, &text, &n) == VC_E_NOMEM && !text ? 0 : 1);
  }
  int how = 0;
  waitpid(child, &how, 0);
  assert_true(WIFEXITED(how));
  assert_int_equal(WEXITSTATUS(how), 0);
#endif
}

static bool aborts(void (*fn)(vc_json_writer *w), vc_json_writer *w) {
  pid_t child = fork();
  if (child == 0) {
    if (!freopen("/dev/null", "w", stderr)) _exit(2);
    signal(SIGABRT, SIG_DFL);
    fn(w);
    _exit(0);
  }
  int how = 0;
  waitpid(child, &how, 0);
  return WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT;
}

static void key_in_array(vc_json_writer *w) {
  vc_json_begin_array(w, NULL);
  vc_json_put_null(w, "key");
}

static void no_key_in_object(vc_json_writer *w) {
  vc_json_begin_object(w, NULL);
  vc_json_put_null(w, NULL);
}

static void wrong_end(vc_json_writer *w) {
  vc_json_begin_object(w, NULL);
  vc_json_end_array(w);
}

static void two_roots(vc_json_writer *w) {
  vc_json_put_null(w, NULL);
  vc_json_put_null(w, NULL);
}

static void right_use(vc_json_writer *w) {
  vc_json_put_null(w, NULL);
}

static void invalid_text_cannot_be_written(void **state) {
  vc_json_writer *w;
  assert_int_equal(vc_json_writer_create(*state, 0, &w), VC_OK);
  assert_true(aborts(key_in_array, w));
  assert_true(aborts(no_key_in_object, w));
  assert_true(aborts(wrong_end, w));
  assert_true(aborts(two_roots, w));
  assert_false(aborts(right_use, w));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
  const struct CMUnitTest tests[] = {
      TEST(values_of_every_type),
      TEST(text_needs_no_terminator),
      TEST(comments_count_lines_and_strings_keep_slashes),
      TEST(many_values_keep_their_lines_and_numbers),
      TEST(strings_are_decoded),
      TEST(numbers_are_exact),
      TEST(errors_name_file_line_and_cause),
      TEST(zero_bytes_are_refused),
      TEST(nesting_is_bounded),
      TEST(many_keys_are_checked_in_time),
      TEST(set_path_replaces_adds_and_creates),
      TEST(set_path_grows_objects),
      TEST(set_path_errors),
      TEST(writer_makes_compact_and_indented_text),
      TEST(long_lists_are_wrapped),
      TEST(writer_escapes_strings),
      TEST(numbers_are_printed_shortest),
      TEST(numbers_read_back_to_the_same_bits),
      TEST(locale_does_not_matter),
      TEST(writer_reports_exhausted_memory),
      TEST(invalid_text_cannot_be_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
