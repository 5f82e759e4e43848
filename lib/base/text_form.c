/* Unicode's forms of a text. */
#include <stdlib.h>

#include <utf8proc.h>

#include "base/text.h"

#include "base/memory.h"

bool text_is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return *text == '\0';
}

char *text_nfc(const char *text)
{
	const utf8proc_option_t options = UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE;
	utf8proc_uint8_t *nfc = NULL;

	if (text_is_ascii(text))
		return memory_text(text);
	utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)text, 0, &nfc, options);
	if (len == UTF8PROC_ERROR_NOMEM)
		memory_must(NULL);
	return len < 0 ? memory_text(text) : (char *)nfc; /* it is no UTF-8 */
}

bool text_same(const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return true;
	if (text_is_ascii(a) && text_is_ascii(b))
		return false;
	char *x = text_nfc(a), *y = text_nfc(b);
	bool same = strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}
