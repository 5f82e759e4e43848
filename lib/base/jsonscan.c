/* Checks the bytes of a JSON text for what yajl accepts too easily. */
#include "base/jsonscan.h"

#include <string.h>

#include "base/text.h"

static const char bad_utf8[] = "invalid UTF-8";
static const char lone_surrogate[] = "a lone surrogate escape (\\uD800 to \\uDFFF stand only in pairs)";

/* Handles the first byte of a character beyond ASCII, by the table of RFC 3629 §4. */
static bool start_character(struct json_scan *scan, unsigned char c)
{
	if (c < 0xC2 || c > 0xF4)
		return false;
	scan->pending = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
	scan->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
	scan->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
	return true;
}

static bool continue_character(struct json_scan *scan, unsigned char c)
{
	if (c < scan->low || c > scan->high)
		return false;
	scan->low = 0x80;
	scan->high = 0xBF;
	scan->pending--;
	return true;
}

/* Handles a whole \uXXXX; false when it makes or leaves a lone surrogate. */
static bool end_unit(struct json_scan *scan)
{
	bool is_high = scan->unit >= 0xD800 && scan->unit <= 0xDBFF;
	bool is_low = scan->unit >= 0xDC00 && scan->unit <= 0xDFFF;

	scan->state = SCAN_PLAIN;
	if (is_low != scan->after_high)
		return false;
	scan->after_high = is_high;
	return true;
}

static bool escape_byte(struct json_scan *scan, unsigned char c)
{
	if (scan->state == SCAN_BACKSLASH) {
		scan->state = c == 'u' ? SCAN_HEX : SCAN_PLAIN;
		scan->digits = 0;
		scan->unit = 0;
		return c == 'u' || !scan->after_high;
	}
	int digit = text_hex_digit((char)c);
	if (digit < 0) { /* a broken escape, which yajl refuses with a better message */
		scan->state = SCAN_PLAIN;
		scan->after_high = false;
		return true;
	}
	scan->unit = scan->unit * 16 + (unsigned)digit;
	return ++scan->digits < 4 || end_unit(scan);
}

static const char *scan_byte(struct json_scan *scan, unsigned char c)
{
	if (!c)
		return "a NUL byte";
	if (scan->pending)
		return continue_character(scan, c) ? NULL : bad_utf8;
	if (scan->state != SCAN_PLAIN)
		return escape_byte(scan, c) ? NULL : lone_surrogate;
	if (c == '\\') {
		scan->state = SCAN_BACKSLASH;
		return NULL;
	}
	if (scan->after_high)
		return lone_surrogate;
	if (c >= 0x80)
		return start_character(scan, c) ? NULL : bad_utf8;
	return NULL;
}

const char *json_scan(struct json_scan *scan, const char *bytes, size_t len, size_t *at)
{
	const unsigned char *s = (const unsigned char *)bytes;
	bool plain = !scan->pending && scan->state == SCAN_PLAIN && !scan->after_high;

	for (size_t i = 0; i < len; i++) {
		if (plain && s[i] && s[i] < 0x80 && s[i] != '\\')
			continue;
		const char *wrong = scan_byte(scan, s[i]);
		if (wrong) {
			*at = i;
			return wrong;
		}
		plain = !scan->pending && scan->state == SCAN_PLAIN && !scan->after_high;
	}
	return NULL;
}

const char *json_scan_end(const struct json_scan *scan)
{
	return scan->pending ? bad_utf8 : NULL;
}

size_t json_scan_mark(const char *bytes, size_t len)
{
	return len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* JSON begins with an ASCII character, so a byte order mark or a NUL among its first two bytes decides. */
bool json_scan_is_wide(const char *bytes, size_t len)
{
	return len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0 || !bytes[0] != !bytes[1]);
}
