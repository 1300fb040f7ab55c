// Text helpers of this room: numbers that never depend on the locale, and UTF-8.
#ifndef VC_BASE_TEXT_H
#define VC_BASE_TEXT_H

#include <stddef.h>

enum { TEXT_NUMBER_BYTES = 32 };

// strtod with a decimal point, whatever LC_NUMERIC says. out_end may be NULL.
double text_parse_number(const char *text, char **out_end);
// The shortest decimal form that reads back as the same double; integers up to 2^53 without exponent. value is finite.
void text_print_number(double value, char out[TEXT_NUMBER_BYTES]);
// The length of the well-formed UTF-8 sequence at the start of text (n bytes), 0 if there is none.
size_t text_utf8_length(const char *text, size_t n);

#endif
