/* Prints JSON trees; cJSON's own printing rounds integers above 15 digits, and has no ASCII form. */
#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/text.h"

static const double exact_max = 9007199254740992.0; /* 2^53: every integer up to this is a double */

static void print_number(double number, struct buf *out)
{
	char text[32];

	if (!isfinite(number)) { /* as cJSON does: JSON has no number for it */
		buf_str(out, "null");
		return;
	}
	if (fabs(number) <= exact_max && number == trunc(number)) {
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)number);
		buf_str(out, text);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", number);
	if (strtod(text, NULL) != number)
		snprintf(text, sizeof(text), "%.17g", number);
	buf_str(out, text);
}

/* The code point of the well-formed character at text, which has several bytes; *len gets their number. */
static uint32_t code_point(const char *text, size_t *len)
{
	const unsigned char *s = (const unsigned char *)text;

	*len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	uint32_t point = s[0] & (0xFFu >> (*len + 1));
	for (size_t i = 1; i < *len; i++)
		point = point << 6 | (s[i] & 0x3F);
	return point;
}

static void print_code_point(uint32_t point, struct buf *out)
{
	if (point < 0x10000)
		buf_printf(out, "\\u%04x", point);
	else
		buf_printf(out, "\\u%04x\\u%04x", 0xD800 + ((point - 0x10000) >> 10),
		           0xDC00 + ((point - 0x10000) & 0x3FF));
}

static void print_ascii_character(unsigned char c, struct buf *out)
{
	static const char short_escapes[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	for (size_t i = 0; i < sizeof(short_escapes) - 1; i += 2) {
		if (c == (unsigned char)short_escapes[i]) {
			buf_add(out, (const char[]){'\\', short_escapes[i + 1]}, 2);
			return;
		}
	}
	print_code_point(c, out);
}

/* Whether a byte of well-formed UTF-8 is printed as it is. Headers must not hold DEL. */
static bool is_plain(unsigned char c, bool ascii)
{
	return c >= 0x20 && c != '"' && c != '\\' && (!ascii || c < 0x7F);
}

/* Prints a string; bytes that are not UTF-8 become U+FFFD. */
static void print_string(const char *text, bool ascii, struct buf *out)
{
	size_t len = strlen(text);
	size_t valid = text_utf8_span(text, len);

	buf_char(out, '"');
	for (size_t i = 0, plain = 0;; plain = i) {
		while (i < valid && is_plain((unsigned char)text[i], ascii))
			i++;
		buf_add(out, text + plain, i - plain);
		if (i == len)
			break;
		size_t step = 1;
		if (i == valid) {
			buf_str(out, ascii ? "\\ufffd" : "\xEF\xBF\xBD");
			valid += 1 + text_utf8_span(text + i + 1, len - i - 1);
		} else if ((unsigned char)text[i] < 0x80) {
			print_ascii_character((unsigned char)text[i], out);
		} else {
			print_code_point(code_point(text + i, &step), out);
		}
		i += step;
	}
	buf_char(out, '"');
}

static void print_value(const cJSON *value, bool ascii, struct buf *out)
{
	const cJSON *item;

	if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
		bool object = cJSON_IsObject(value);
		buf_char(out, object ? '{' : '[');
		cJSON_ArrayForEach(item, value) {
			if (item != value->child)
				buf_char(out, ',');
			if (object) {
				print_string(item->string, ascii, out);
				buf_char(out, ':');
			}
			print_value(item, ascii, out);
		}
		buf_char(out, object ? '}' : ']');
	} else if (cJSON_IsString(value)) {
		print_string(value->valuestring, ascii, out);
	} else if (cJSON_IsNumber(value)) {
		print_number(value->valuedouble, out);
	} else {
		buf_str(out, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
	}
}

static int print(const cJSON *tree, bool ascii, struct buf *out)
{
	size_t start = out->len;

	print_value(tree, ascii, out);
	if (!out->overflow)
		return 0;
	if (out->data) {
		out->len = start;
		out->data[start] = '\0';
	}
	return -1;
}

void json_print_text(const char *text, struct buf *out)
{
	print_string(text, false, out);
}

int json_print(const cJSON *tree, struct buf *out)
{
	return print(tree, false, out);
}

int json_print_ascii(const cJSON *tree, struct buf *out)
{
	return print(tree, true, out);
}
