/* Cleans file names. */
#include "intake/filename.h"

#include "base/buf.h"
#include "base/text.h"

void filename_clean(const char *sent, char out[FILENAME_CLEAN_MAX])
{
	const char *name = sent;
	for (const char *p = sent; *p != '\0'; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	struct buf clean;
	buf_init(&clean, strlen(name) + 1);
	for (const char *p = name; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p, next = (unsigned char)p[1];
		if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			p++; /* U+0080 to U+009F */
		else if (c >= 0x20 && c != 0x7f)
			buf_char(&clean, *p);
	}
	const char *text = buf_text(&clean);
	size_t len = clean.len;
	while (len > 0 && *text == ' ')
		text++, len--;
	if (len >= FILENAME_CLEAN_MAX)
		len = text_utf8_span(text, FILENAME_CLEAN_MAX - 1);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if ((len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.'))
		len = 0;
	memcpy(out, text, len);
	out[len] = '\0';
	buf_release(&clean);
}
