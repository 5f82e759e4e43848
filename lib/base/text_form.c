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
	char *nfc = text_is_ascii(text) ? NULL : (char *)utf8proc_NFC((const utf8proc_uint8_t *)text);

	if (!nfc)
		nfc = memory_text(text);
	return nfc;
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
