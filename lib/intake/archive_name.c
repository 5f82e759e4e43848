/* Turns the names in archives into safe paths and labels. */
#include "intake/archive_name.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>

#include "base/litter.h"

const char *const archive_name_guesses[] = {"ISO-8859-1", "CP437"};

#define CHARSET_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:"

/* Converts a name that is not UTF-8 byte by byte. */
static void add_from(struct buf *out, const char *raw, const char *charset)
{
	iconv_t converter = iconv_open("UTF-8", charset);
	for (const char *p = raw; *p != '\0'; p++) {
		char from[2] = {*p, '\0'}, to[8], *in = from, *end = to;
		size_t in_left = 1, out_left = sizeof(to);
		if (converter != (iconv_t)-1 && iconv(converter, &in, &in_left, &end,
		                                      &out_left) != (size_t)-1) {
			buf_add(out, to, (size_t)(end - to));
		} else { /* the machine has no such table, or the table no such character: as ISO 8859-1 */
			unsigned char c = (unsigned char)*p;
			if (c >= 0x80)
				buf_char(out, (char)(0xc0 | c >> 6));
			buf_char(out, c < 0x80 ? (char)c : (char)(0x80 | (c & 0x3f)));
		}
	}
	if (converter != (iconv_t)-1)
		iconv_close(converter);
}

bool archive_name_knows(const char *charset)
{
	size_t len = strlen(charset);

	if (len == 0 || len > ARCHIVE_CHARSET_MAX || strspn(charset, CHARSET_CHARACTERS) != len)
		return false;
	iconv_t converter = iconv_open("UTF-8", charset);
	if (converter == (iconv_t)-1)
		return false;
	iconv_close(converter);
	return true;
}

void archive_name_load(const char *charset)
{
	iconv_open("UTF-8", archive_name_guesses[0]); /* never closed, which would unload it */
	iconv_open("UTF-8", archive_name_guesses[1]);
	if (charset)
		iconv_open("UTF-8", charset);
}

/* Converts a name from the charset that the sender gave; non-zero when it is not in that charset. */
static int convert(struct buf *out, const char *raw, const char *charset)
{
	iconv_t converter = iconv_open("UTF-8", charset);
	char piece[256], *from = (char *)(uintptr_t)raw;
	size_t from_left = strlen(raw), converted = 0;

	while (converter != (iconv_t)-1 && from_left > 0 && converted != (size_t)-1) {
		char *to = piece;
		size_t to_left = sizeof(piece);

		converted = iconv(converter, &from, &from_left, &to, &to_left);
		buf_add(out, piece, sizeof(piece) - to_left);
		if (converted == (size_t)-1 && errno == E2BIG)
			converted = 0;
	}
	if (converter != (iconv_t)-1)
		iconv_close(converter);
	return from_left != 0;
}

static int archive_name_refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_UNPROCESSABLE, "the entry's name %s", why);
}

static bool in_list(const struct config_list *list, const char *name, size_t len)
{
	for (size_t i = 0; list && i < list->count; i++)
		if (strlen(list->item[i]) == len && memcmp(list->item[i], name, len) == 0)
			return true;
	return false;
}

/* Adds one segment to the path; the one before it, now known to be a folder, becomes the label. */
static int add_segment(struct archive_name *name, struct buf *path, const char *segment, size_t len,
                       bool folder, const struct config_list *skip, struct err *err)
{
	if (len == 2 && segment[0] == '.' && segment[1] == '.')
		return archive_name_refuse(err, "has '..' in it");
	if (!name->skipped && segment[0] == '.')
		name->skipped = "it is hidden";
	if (!name->skipped && litter_is(segment, len, folder))
		name->skipped = "a system made it, no person";
	if (!name->skipped && folder && in_list(skip, segment, len))
		name->skipped = "its folder is one to be skipped";
	if (path->len > 0)
		buf_char(path, '/');
	buf_add(path, segment, len);
	if (folder && len >= sizeof(name->label))
		return archive_name_refuse(err, "has a folder that is too long for a label");
	if (folder)
		snprintf(name->label, sizeof(name->label), "%.*s", (int)len, segment);
	return 0;
}

static int add_segments(struct archive_name *name, struct buf *path, const char *text,
                        const struct config_list *skip, struct err *err)
{
	bool folder = false; /* whether the last segment that counts is a folder */
	for (const char *segment = text; *segment != '\0';) {
		size_t len = strcspn(segment, "/"), slash = segment[len] == '/' ? 1 : 0;
		if (len > 1 || (len == 1 && segment[0] != '.')) {
			folder = slash == 1;
			if (add_segment(name, path, segment, len, folder, skip, err) != 0)
				return -1;
		}
		segment += len + slash;
	}
	if (path->len == 0)
		return archive_name_refuse(err, "is empty");
	if (folder && !name->skipped)
		name->skipped = "it is a folder"; /* Windows writes folders as files whose name ends in '\\' */
	if (path->overflow)
		return archive_name_refuse(err, "is too long");
	if (!name->skipped && name->label[0] != '\0' && text_has_control(name->label))
		return archive_name_refuse(err, "has a folder with control characters, which can't be a label");
	return 0;
}

/* Converts the name to UTF-8. */
static int archive_name_decode(struct buf *text, const char *raw, bool zip, const char *charset,
                               struct archive_name *out, struct err *err)
{
	if (text_utf8_valid(raw, strlen(raw))) {
		buf_str(text, raw);
		return 0;
	}
	if (charset && convert(text, raw, charset) == 0 && text_utf8_valid(buf_text(text), text->len) &&
	    strlen(buf_text(text)) == text->len)
		return 0;
	buf_clear(text);
	out->guessed = archive_name_guesses[zip];
	add_from(text, raw, out->guessed);
	return charset ? err_set(err, ERR_UNPROCESSABLE, "the entry's name is neither UTF-8 nor %s", charset) : 0;
}

int archive_name_parse(const char *raw, bool zip, const char *charset, const struct config_list *skip,
                       struct archive_name *out, struct err *err)
{
	struct buf text, path;
	buf_init(&text, 4 * strlen(raw) + 16);
	buf_init(&path, TEXT_FILEPATH_MAX);
	memset(out, 0, sizeof(*out));
	int result = archive_name_decode(&text, raw, zip, charset, out, err);
	for (size_t i = 0; zip && i < text.len; i++)
		if (text.data[i] == '\\')
			text.data[i] = '/';
	const char *name = buf_text(&text);
	if (result == 0 && (name[0] == '/' || (zip && isalpha((unsigned char)name[0]) && name[1] == ':')))
		result = archive_name_refuse(err, "is absolute");
	else if (result == 0)
		result = add_segments(out, &path, name, skip, err);
	const char *shown = result == 0 ? buf_text(&path) : name;
	size_t len = text_utf8_span(shown, strnlen(shown, TEXT_FILEPATH_MAX));
	memcpy(out->path, shown, len);
	buf_release(&text);
	buf_release(&path);
	return result;
}
