/* Reads Range headers. */
#include "range.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { NUMBER_MAX = 20 };

/* -1: not a number; -2: there are no digits. */
static int64_t read_number(const char **text)
{
	size_t len = strspn(*text, "0123456789");
	char number[NUMBER_MAX];
	int64_t value;

	if (len == 0)
		return -2;
	snprintf(number, sizeof(number), "%.*s", (int)(len < NUMBER_MAX ? len : NUMBER_MAX - 1), *text);
	*text += len;
	return len < NUMBER_MAX && !text_int64(number, 0, INT64_MAX, &value) ? value : -1;
}

/* Reads "first-last", "first-" or "-length". */
static bool read_range(const char *text, int64_t size, struct range *out)
{
	int64_t first = read_number(&text);

	if (first == -1 || *text++ != '-')
		return false;
	int64_t last = read_number(&text);
	if (*text || last == -1 || (first == -2 && last == -2) || (first >= 0 && last >= 0 && last < first))
		return false;
	if (first == -2) {
		out->first = last < size ? size - last : 0;
		out->unsatisfiable = last == 0 || size == 0;
	} else {
		out->first = first;
		out->last = last >= 0 && last < size ? last : size - 1;
		out->unsatisfiable = first >= size;
	}
	return true;
}

struct range range_of(const char *header, const char *if_range, const char *etag, int64_t size)
{
	static const char unit[] = "bytes=";
	struct range whole = {.first = 0, .last = size - 1}, part = whole;

	if (!header || strncasecmp(header, unit, strlen(unit)) != 0 || (if_range && strcmp(if_range, etag) != 0))
		return whole;
	if (!read_range(header + strlen(unit), size, &part))
		return whole;
	part.partial = !part.unsatisfiable;
	return part;
}
