#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L // uselocale
#endif
#include "text.h"

#include "vulcyte/base.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) {
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

// Puts the calling thread into the C locale and returns the one to go back to.
static locale_t enter_c_locale(void) {
  pthread_once(&c_locale_once, make_c_locale);
  return uselocale(c_locale);
}

double text_parse_number(const char *text, char **out_end) {
  locale_t before = enter_c_locale();
  double value = strtod(text, out_end);
  uselocale(before);
  return value;
}

// "1e+05" → "1e5", "1e-07" → "1e-7"
static void shorten_exponent(char *number) {
  char *to = strchr(number, 'e');
  if (!to) return;
  const char *from = ++to;
  if (*from == '-') *to++ = *from;
  from += *from == '-' || *from == '+';
  while (*from == '0') from++;
  memmove(to, from, strlen(from) + 1);
}

void text_print_number(double value, char out[TEXT_NUMBER_BYTES]) {
  locale_t before = enter_c_locale();
  if (fabs(value) <= 0x1p53 && value == floor(value)) {
    snprintf(out, TEXT_NUMBER_BYTES, "%.0f", value);
  } else {
    int n_digits = 1;
    do snprintf(out, TEXT_NUMBER_BYTES, "%.*g", n_digits, value);
    while (n_digits++ < 17 && strtod(out, NULL) != value);
    shorten_exponent(out);
  }
  uselocale(before);
}

size_t text_utf8_length(const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  if (n == 0) return 0;
  if (s[0] < 0x80) return 1;
  size_t length = s[0] >= 0xC2 && s[0] < 0xE0   ? 2
                  : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
                  : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                                : 0;
  if (length == 0 || length > n) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0;
  }
  if (s[0] == 0xE0 && s[1] < 0xA0) return 0;  // overlong
  if (s[0] == 0xED && s[1] >= 0xA0) return 0; // a surrogate
  if (s[0] == 0xF0 && s[1] < 0x90) return 0;  // overlong
  if (s[0] == 0xF4 && s[1] >= 0x90) return 0; // beyond U+10FFFF
  return length;
}

uint32_t vc_edit_distance(const char *a, const char *b) {
  enum { MAX = 48 };
  uint32_t row[MAX + 1];
  size_t n_a = VC_MIN(strlen(a), (size_t)MAX), n_b = VC_MIN(strlen(b), (size_t)MAX);
  for (size_t j = 0; j <= n_b; j++) row[j] = (uint32_t)j;
  for (size_t i = 1; i <= n_a; i++) {
    uint32_t diagonal = row[0];
    row[0] = (uint32_t)i;
    for (size_t j = 1; j <= n_b; j++) {
      uint32_t above = row[j], change = diagonal + (a[i - 1] != b[j - 1]);
      row[j] = VC_MIN(change, VC_MIN(above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[n_b];
}
