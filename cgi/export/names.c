/* Makes names for archives. */
#include "names.h"

#include <string.h>

#include "base/hash.h"
#include "base/image_type.h"
#include "base/text.h"

#define NO_PART_OF_A_PATH "/\\:*?\"<>|%"

enum { STEM_MAX = 64, DIGEST_BYTES = 8, CUT_MAX = NAMES_FOLDER_MAX - 2 * DIGEST_BYTES - 1 };

static bool names_must_encode(const char *label, const char *at)
{
	unsigned char c = (unsigned char)*at;
	bool first = at == label, last = at[1] == '\0';

	return c < 0x20 || c == 0x7f || strchr(NO_PART_OF_A_PATH, *at) || (*at == '.' && (first || last)) ||
	       (*at == ' ' && last);
}

/* Cuts between two characters, some of which are encoded. */
static void names_cut(const char *label, const struct buf *whole, struct buf *out)
{
	unsigned char digest[HASH_SHA256_SIZE];
	char hex[2 * DIGEST_BYTES + 1];
	size_t len = text_utf8_span(whole->data, CUT_MAX);

	for (size_t back = 1; back <= 2 && back <= len; back++) {
		if (whole->data[len - back] == '%')
			len -= back;
	}
	hash_sha256(label, strlen(label), digest);
	hash_hex(digest, DIGEST_BYTES, hex);
	buf_add(out, whole->data, len);
	buf_printf(out, "-%s", hex);
}

void names_folder(const char *label, struct buf *out)
{
	struct buf whole;

	buf_init(&whole, 3 * TEXT_FILEPATH_MAX);
	for (const char *c = label; *c; c++) {
		if (names_must_encode(label, c))
			buf_printf(&whole, "%%%02X", (unsigned char)*c);
		else
			buf_char(&whole, *c);
	}
	if (whole.len > NAMES_FOLDER_MAX)
		names_cut(label, &whole, out);
	else
		buf_add(out, buf_text(&whole), whole.len);
	buf_release(&whole);
}

void names_ending(const char *type, struct buf *out)
{
	const struct image_type *known = image_type_of(type);

	buf_str(out, known ? known->endings[0] : "bin");
}

static bool names_is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

void names_file(const struct sample *sample, const char *type, struct buf *out)
{
	const char *slash = strrchr(sample->filepath, '/'), *name = slash ? slash + 1 : sample->filepath;
	const char *dot = strrchr(name, '.');
	size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
	char stem[STEM_MAX + 1];
	size_t at = 0;

	for (size_t i = 0; i < len && at < STEM_MAX; i++) {
		if (names_is_plain(name[i]))
			stem[at++] = name[i];
		else if (at > 0 && stem[at - 1] != '_')
			stem[at++] = '_';
	}
	stem[at] = '\0';
	buf_printf(out, "%s-%lld.", at > 0 && stem[0] != '-' ? stem : "image", (long long)sample->id);
	names_ending(type, out);
}
