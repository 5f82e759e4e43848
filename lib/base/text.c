/* Checks and converts text that comes from outside. */
#include "base/text.h"

int text_int64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *text == '-';
	const char *digit = text + negative;
	int64_t value = 0;

	if (!*digit)
		return -1;
	for (; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return -1;
		int64_t d = *digit - '0';
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -d : d, &value))
			return -1;
	}
	if (value < min || value > max)
		return -1;
	*out = value;
	return 0;
}

/* Length of the well-formed character at the start, 0 when there is none: the table of RFC 3629 §4. */
static size_t character_len(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t size;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	size = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (size > len)
		return 0;
	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	return size;
}

size_t text_utf8_span(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t at = 0;

	while (at < len) {
		uint64_t eight;
		if (len - at >= sizeof(eight)) {
			memcpy(&eight, s + at, sizeof(eight));
			if (!(eight & UINT64_C(0x8080808080808080))) {
				at += sizeof(eight);
				continue;
			}
		}
		size_t size = character_len(s + at, len - at);
		if (!size)
			break;
		at += size;
	}
	return at;
}

bool text_utf8_valid(const char *bytes, size_t len)
{
	return text_utf8_span(bytes, len) == len;
}

bool text_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_percent_decode(const char *bytes, size_t len, bool plus_is_space, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		if (c == '%') {
			int high = len - i > 2 ? text_hex_digit(bytes[i + 1]) : -1;
			int low = high >= 0 ? text_hex_digit(bytes[i + 2]) : -1;
			if (low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (!c || buf_char(out, c))
			return -1;
	}
	return !text_utf8_valid(buf_text(out), out->len);
}

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" /* RFC 3986, 2.3 */

static void percent_encode(const char *text, const char *plain, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	while (*text) {
		size_t run = strspn(text, plain);
		buf_add(out, text, run);
		text += run;
		unsigned char c = (unsigned char)*text;
		if (c) {
			buf_add(out, (const char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
			text++;
		}
	}
}

void text_percent_encode(const char *path, struct buf *out)
{
	percent_encode(path, UNRESERVED "/", out);
}

void text_percent_encode_segment(const char *segment, struct buf *out)
{
	percent_encode(segment, UNRESERVED, out);
}

static int check_length(const char *what, const char *text, size_t max, struct err *err)
{
	size_t len = strnlen(text, max + 1);

	if (!len)
		return err_set(err, ERR_BAD_REQUEST, "%s is empty", what);
	if (len > max)
		return err_set(err, ERR_BAD_REQUEST, "%s is longer than %zu bytes", what, max);
	return 0;
}

static int check_utf8(const char *what, const char *text, size_t max, struct err *err)
{
	if (check_length(what, text, max, err))
		return -1;
	if (!text_utf8_valid(text, strlen(text)))
		return err_set(err, ERR_BAD_REQUEST, "%s is not valid UTF-8", what);
	return 0;
}

static int check_printable(const char *what, const char *text, size_t max, struct err *err)
{
	if (check_utf8(what, text, max, err))
		return -1;
	if (text_has_control(text))
		return err_set(err, ERR_BAD_REQUEST, "%s holds a control character", what);
	return 0;
}

int text_check_dataset_name(const char *name, struct err *err)
{
	if (check_printable("the dataset's name", name, TEXT_DATASET_NAME_MAX, err))
		return -1;
	if (name[0] == '.')
		return err_set(err, ERR_BAD_REQUEST, "the dataset's name starts with '.'");
	if (strchr(name, '/'))
		return err_set(err, ERR_BAD_REQUEST, "the dataset's name holds a '/'");
	return 0;
}

int text_check_user_name(const char *name, struct err *err)
{
	if (check_length("the user's name", name, TEXT_USER_NAME_MAX, err))
		return -1;
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
		      strchr("._@-", *c)))
			return err_set(err, ERR_BAD_REQUEST,
			               "the user's name may hold only letters, digits and . _ @ -");
	if (name[0] == '.' || name[0] == '-')
		return err_set(err, ERR_BAD_REQUEST, "the user's name starts with '%c'", name[0]);
	return 0;
}

int text_check_label(const char *label, struct err *err)
{
	return check_printable("the label", label, TEXT_LABEL_MAX, err);
}

int text_check_filepath(const char *filepath, struct err *err)
{
	return check_utf8("the filepath", filepath, TEXT_FILEPATH_MAX, err);
}

/* Levenshtein distance, computed by rows, of texts of at most TEXT_NEAREST_MAX bytes. */
static size_t text_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[TEXT_NEAREST_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t len = strnlen(word, TEXT_NEAREST_MAX + 1);
	size_t best = len / 2 + 1;
	const char *nearest = NULL;

	if (len > TEXT_NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t candidate_len = strnlen(candidates[i], TEXT_NEAREST_MAX + 1);
		if (candidate_len > TEXT_NEAREST_MAX)
			continue;
		size_t d = text_distance(word, len, candidates[i], candidate_len);
		if (d < best) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

const char *text_folder(const char *path, size_t *len)
{
	const char *end = strrchr(path, '/');
	const char *above = end ? memrchr(path, '/', (size_t)(end - path)) : NULL;
	const char *start = above ? above + 1 : path;

	*len = end ? (size_t)(end - start) : 0;
	return start;
}
