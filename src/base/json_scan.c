// cJSON takes leading zeros, raw control characters and \u0000, cuts long numbers, follows the locale and knows no
// lines; this walk refuses or records all that, and words the errors.
#include "json_scan.h"

#include "text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct scan {
  vc_arena *arena;
  const char *name;
  char *text;
  size_t n, at;
  int line, depth;
  struct json_mark *marks;
  size_t n_marks, capacity;
};

static vc_status scan_value(struct scan *s);

static char peek(const struct scan *s) {
  return s->text[s->at];
} // the zero byte at the end of the text

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static vc_status fail_expected(const struct scan *s, const char *what) {
  if (s->at >= s->n)
    return VC_FAIL(VC_E_FORMAT, "%s:%d: expected %s, found the end of the text", s->name, s->line, what);
  const char *found = s->text + s->at;
  int length = 0;
  while (length < 24 && (is_letter(found[length]) || (length > 0 && is_digit(found[length])))) length++;
  if (length == 0) length = (int)text_utf8_length(found, s->n - s->at);
  if (length == 0 || (unsigned char)*found < 0x20) {
    return VC_FAIL(VC_E_FORMAT, "%s:%d: expected %s, found the byte 0x%02x", s->name, s->line, what,
                   (unsigned char)*found);
  }
  return VC_FAIL(VC_E_FORMAT, "%s:%d: expected %s, found '%.*s'", s->name, s->line, what, length, found);
}

static vc_status skip_block_comment(struct scan *s) {
  int first_line = s->line;
  size_t start = s->at;
  for (s->at += 2; s->at < s->n; s->at++) {
    if (s->text[s->at] == '*' && s->text[s->at + 1] == '/') {
      s->at += 2;
      memset(s->text + start, ' ', s->at - start);
      return VC_OK;
    }
    s->line += s->text[s->at] == '\n';
  }
  return VC_FAIL(VC_E_FORMAT, "%s:%d: the comment that begins here has no end; add */", s->name, first_line);
}

static vc_status skip_space(struct scan *s) {
  for (;;) {
    char c = peek(s);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      s->line += c == '\n';
      s->at++;
    } else if (c == '/' && s->text[s->at + 1] == '/') {
      while (s->at < s->n && peek(s) != '\n') s->text[s->at++] = ' ';
    } else if (c == '/' && s->text[s->at + 1] == '*') {
      VC_TRY(skip_block_comment(s));
    } else {
      return VC_OK;
    }
  }
}

static vc_status add_mark(struct scan *s) {
  if (s->n_marks == s->capacity) {
    struct json_mark *grown;
    size_t capacity = s->capacity ? 2 * s->capacity : 64;
    VC_TRY(VC_NEW(s->arena, capacity, &grown));
    if (s->n_marks > 0) memcpy(grown, s->marks, s->n_marks * sizeof *grown);
    s->marks = grown;
    s->capacity = capacity;
  }
  s->marks[s->n_marks++] = (struct json_mark){.line = s->line};
  return VC_OK;
}

// Four hexadecimal digits at the position, -1 if they are not there.
static int peek_hex4(const struct scan *s) {
  int value = 0;
  for (size_t i = 0; i < 4; i++) {
    char c = s->text[s->at + i]; // the zero byte stops the loop in time
    int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = 16 * value + digit;
  }
  return value;
}

// At the 'u' of "\uXXXX".
static vc_status scan_unicode_escape(struct scan *s) {
  s->at++;
  int unit = peek_hex4(s);
  if (unit < 0) return VC_FAIL(VC_E_FORMAT, "%s:%d: \\u wants four hexadecimal digits", s->name, s->line);
  if (unit == 0) return VC_FAIL(VC_E_FORMAT, "%s:%d: a string cannot hold \\u0000; remove it", s->name, s->line);
  s->at += 4;
  if (unit < 0xD800 || unit > 0xDFFF) return VC_OK;
  if (unit <= 0xDBFF && peek(s) == '\\' && s->text[s->at + 1] == 'u') {
    s->at += 2;
    int low = peek_hex4(s);
    s->at += low >= 0xDC00 && low <= 0xDFFF ? 4 : 0;
    if (low >= 0xDC00 && low <= 0xDFFF) return VC_OK;
  }
  return VC_FAIL(VC_E_FORMAT, "%s:%d: half of a surrogate pair in a string; write both halves", s->name, s->line);
}

static vc_status scan_string(struct scan *s) {
  for (s->at++; peek(s) != '"';) {
    if (s->at >= s->n || peek(s) == '\n') {
      return VC_FAIL(VC_E_FORMAT, "%s:%d: a string has no end; close it with \"", s->name, s->line);
    }
    if ((unsigned char)peek(s) < 0x20) {
      return VC_FAIL(VC_E_FORMAT, "%s:%d: the control character 0x%02x in a string; write \\u%04x", s->name, s->line,
                     (unsigned char)peek(s), (unsigned char)peek(s));
    }
    if (peek(s) == '\\') {
      s->at++;
      if (peek(s) == 'u') {
        VC_TRY(scan_unicode_escape(s));
      } else if (peek(s) != '\0' && strchr("\"\\/bfnrt", peek(s))) {
        s->at++;
      } else {
        return fail_expected(s, "one of \" \\ / b f n r t u after a backslash (a backslash itself is \\\\)");
      }
      continue;
    }
    size_t length = text_utf8_length(s->text + s->at, s->n - s->at);
    if (length == 0) {
      return VC_FAIL(VC_E_FORMAT, "%s:%d: a string is not UTF-8 (byte 0x%02x); save the file as UTF-8", s->name,
                     s->line, (unsigned char)peek(s));
    }
    s->at += length;
  }
  s->at++;
  return VC_OK;
}

static vc_status scan_number(struct scan *s) {
  size_t start = s->at;
  s->at += peek(s) == '-';
  if (!is_digit(peek(s))) return fail_expected(s, "a digit");
  bool is_zero_led = peek(s) == '0';
  s->at++;
  if (is_zero_led && is_digit(peek(s))) {
    return VC_FAIL(VC_E_FORMAT, "%s:%d: a number must not begin with 0 and another digit", s->name, s->line);
  }
  while (is_digit(peek(s))) s->at++;
  if (peek(s) == '.') {
    s->at++;
    if (!is_digit(peek(s))) return fail_expected(s, "a digit after the decimal point");
    while (is_digit(peek(s))) s->at++;
  }
  if (peek(s) == 'e' || peek(s) == 'E') {
    s->at++;
    s->at += peek(s) == '-' || peek(s) == '+';
    if (!is_digit(peek(s))) return fail_expected(s, "a digit in the exponent");
    while (is_digit(peek(s))) s->at++;
  }
  char after = s->text[s->at];
  s->text[s->at] = '\0'; // "0" followed by "x10" is not hexadecimal here
  double value = text_parse_number(s->text + start, NULL);
  s->text[s->at] = after;
  if (!isfinite(value)) return VC_FAIL(VC_E_FORMAT, "%s:%d: a number beyond the range of doubles", s->name, s->line);
  s->marks[s->n_marks - 1].number = value;
  s->text[start] = '0';
  memset(s->text + start + 1, ' ', s->at - start - 1);
  return VC_OK;
}

static vc_status scan_word(struct scan *s) {
  static const char *const words[] = {"true", "false", "null"};
  for (size_t i = 0; i < VC_COUNT_OF(words); i++) {
    size_t length = strlen(words[i]);
    if (strncmp(s->text + s->at, words[i], length) == 0 && !is_letter(s->text[s->at + length])) {
      s->at += length;
      return VC_OK;
    }
  }
  return fail_expected(s, "a value (a number, \"text\", true, false, null, [...] or {...})");
}

static vc_status scan_key(struct scan *s) {
  if (peek(s) != '"') return fail_expected(s, "a key in double quotes");
  VC_TRY(scan_string(s));
  VC_TRY(skip_space(s));
  if (peek(s) != ':') return fail_expected(s, "':' after a key");
  s->at++;
  return VC_OK;
}

// An array or object; the opening bracket is at the position.
static vc_status scan_children(struct scan *s) {
  bool is_object = peek(s) == '{';
  char close = is_object ? '}' : ']';
  if (++s->depth > JSON_MAX_DEPTH) {
    return VC_FAIL(VC_E_FORMAT, "%s:%d: nested more than %d deep", s->name, s->line, JSON_MAX_DEPTH);
  }
  s->at++;
  VC_TRY(skip_space(s));
  if (peek(s) != close) {
    for (;;) {
      if (is_object) VC_TRY(scan_key(s));
      VC_TRY(scan_value(s));
      VC_TRY(skip_space(s));
      if (peek(s) == close) break;
      if (peek(s) != ',') return fail_expected(s, is_object ? "',' or '}' after a value" : "',' or ']' after a value");
      s->at++;
      VC_TRY(skip_space(s));
      if (peek(s) == close) return fail_expected(s, is_object ? "another key after ','" : "another value after ','");
    }
  }
  s->at++;
  s->depth--;
  return VC_OK;
}

static vc_status scan_value(struct scan *s) {
  VC_TRY(skip_space(s));
  VC_TRY(add_mark(s));
  switch (peek(s)) {
  case '{':
  case '[': return scan_children(s);
  case '"': return scan_string(s);
  case '-': return scan_number(s);
  default: return is_digit(peek(s)) ? scan_number(s) : scan_word(s);
  }
}

vc_status json_scan(vc_arena *arena, const char *name, char *text, size_t n_bytes, struct json_mark **out_marks) {
  if (n_bytes >= INT_MAX) return VC_FAIL(VC_E_FORMAT, "%s: %zu bytes are too many for a JSON text", name, n_bytes);
  struct scan scan = {.arena = arena, .name = name, .text = text, .n = n_bytes, .line = 1};
  if (n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { // a byte-order mark
    memset(text, ' ', 3);
    scan.at = 3;
  }
  VC_TRY(scan_value(&scan));
  VC_TRY(skip_space(&scan));
  if (scan.at < n_bytes) return fail_expected(&scan, "nothing after the outermost value");
  *out_marks = scan.marks;
  return VC_OK;
}
