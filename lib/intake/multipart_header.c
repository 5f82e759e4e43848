/* Parses the header lines of multipart bodies: parameters (RFC 2045, quoted; RFC 8187, extended), in
 * bounded text. */
#include "intake/multipart_header.h"

#include <ctype.h>
#include <strings.h>

#include "base/text.h"

enum { TEXT_MAX = 2 * MULTIPART_HEADERS_MAX }; /* ISO 8859-1 doubles in length as UTF-8 */

/* --- tokens and parameters ---------------------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
};

static bool is_token(char c) /* RFC 9110 §5.6.2 */
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
}

static bool multipart_header_take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static struct cursor take_token(struct cursor *cursor)
{
	struct cursor token = {cursor->at, cursor->at};
	while (cursor->at < cursor->end && is_token(*cursor->at))
		cursor->at++;
	token.end = cursor->at;
	return token;
}

static bool header_token_is(struct cursor token, const char *name)
{
	size_t len = strlen(name);
	return (size_t)(token.end - token.at) == len && strncasecmp(token.at, name, len) == 0;
}

/* A backslash escapes only '"' and itself: old browsers sent "C:\pictures\cat.jpg" unescaped. */
static bool take_quoted(struct cursor *cursor, struct buf *out)
{
	while (cursor->at < cursor->end && *cursor->at != '"') {
		if (*cursor->at == '\\' && cursor->at + 1 < cursor->end && (cursor->at[1] == '"' ||
		                                                            cursor->at[1] == '\\'))
			cursor->at++;
		buf_char(out, *cursor->at++);
	}
	return multipart_header_take(cursor, '"');
}

/* Unquoted values end at ';' or a blank: some senders leave out the quotes around values that need them. */
static bool take_value(struct cursor *cursor, struct buf *out)
{
	if (multipart_header_take(cursor, '"'))
		return take_quoted(cursor, out);
	while (cursor->at < cursor->end && !strchr("; \t\"", *cursor->at))
		buf_char(out, *cursor->at++);
	return true;
}

/* Takes ';' name '=' value: returns 1, 0 when there are no more, -1 when malformed. Clears value first. */
static int take_parameter(struct cursor *cursor, struct cursor *name, struct buf *value)
{
	buf_clear(value);
	skip_blanks(cursor);
	if (cursor->at == cursor->end)
		return 0;
	if (!multipart_header_take(cursor, ';'))
		return -1;
	skip_blanks(cursor);
	if (cursor->at == cursor->end)
		return 0; /* a trailing ';' */
	*name = take_token(cursor);
	if (name->at == name->end)
		return -1;
	skip_blanks(cursor);
	if (!multipart_header_take(cursor, '='))
		return -1;
	skip_blanks(cursor);
	return take_value(cursor, value) ? 1 : -1;
}

/* --- the boundary ------------------------------------------------------------------------------------------------- */

static int copy_boundary(const struct buf *value, char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err)
{
	if (value->len == 0 || value->len > MULTIPART_BOUNDARY_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the multipart boundary must have 1 to %d characters",
		               MULTIPART_BOUNDARY_MAX);
	for (size_t i = 0; i < value->len; i++) {
		char c = value->data[i]; /* RFC 2046: bchars */
		if (!isalnum((unsigned char)c) && (c == '\0' || !strchr("'()+_,-./:=? ", c)))
			return err_set(err, ERR_BAD_REQUEST,
			               "the multipart boundary has a character it can't have");
	}
	if (value->data[value->len - 1] == ' ')
		return err_set(err, ERR_BAD_REQUEST, "the multipart boundary ends in a space");
	memcpy(out, value->data, value->len);
	out[value->len] = '\0';
	return 0;
}

int multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err)
{
	static const char type[] = "multipart/form-data";
	struct cursor cursor = {content_type, content_type + strlen(content_type)}, name;
	skip_blanks(&cursor);
	if (strncasecmp(cursor.at, type, sizeof(type) - 1) != 0 ||
	    (cursor.at[sizeof(type) - 1] != '\0' && !strchr("; \t", cursor.at[sizeof(type) - 1])))
		return err_set(err, ERR_MEDIA_TYPE, "the body must be multipart/form-data");
	cursor.at += sizeof(type) - 1;
	struct buf value;
	buf_init(&value, TEXT_MAX);
	bool found = false;
	int result = 0, more = 0;
	while (result == 0 && (more = take_parameter(&cursor, &name, &value)) == 1) {
		if (!header_token_is(name, "boundary"))
			continue;
		result = found ? err_set(err, ERR_BAD_REQUEST, "the Content-Type has two boundaries")
		               : copy_boundary(&value, out, err);
		found = true;
	}
	buf_release(&value);
	if (result == 0 && more < 0)
		return err_set(err, ERR_BAD_REQUEST, "the Content-Type's parameters are malformed");
	if (result == 0 && !found)
		return err_set(err, ERR_BAD_REQUEST, "the Content-Type has no boundary");
	return result;
}

/* --- a part's headers --------------------------------------------------------------------------------------------- */

void multipart_headers_init(struct multipart_headers *headers)
{
	memset(headers, 0, sizeof(*headers));
	buf_init(&headers->name, TEXT_MAX);
	buf_init(&headers->filename, TEXT_MAX);
	buf_init(&headers->filename_ext, TEXT_MAX);
	buf_init(&headers->type, TEXT_MAX);
}

void multipart_headers_release(struct multipart_headers *headers)
{
	buf_release(&headers->name);
	buf_release(&headers->filename);
	buf_release(&headers->filename_ext);
	buf_release(&headers->type);
}

void multipart_headers_clear(struct multipart_headers *headers)
{
	multipart_headers_release(headers);
	multipart_headers_init(headers);
}

static void add_latin1(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c < 0x80) {
			buf_char(out, (char)c);
		} else {
			buf_char(out, (char)(0xc0 | c >> 6));
			buf_char(out, (char)(0x80 | (c & 0x3f)));
		}
	}
}

/* Appends UTF-8 as it is, and anything else as ISO 8859-1, in which any bytes are text. */
static void header_add_text(struct buf *out, const char *bytes, size_t len)
{
	if (text_utf8_valid(bytes, len))
		buf_add(out, bytes, len);
	else
		add_latin1(out, bytes, len);
}

/* Decodes charset'language'percent-encoded (RFC 8187) into out. */
static int decode_extended(const struct buf *value, struct buf *out, struct err *err)
{
	const char *charset = buf_text(value), *p = strchr(charset, '\'');
	if (p)
		p = strchr(p + 1, '\'');
	if (!p)
		return err_set(err, ERR_BAD_REQUEST, "a part's filename* lacks its charset and language");
	struct buf bytes;
	buf_init(&bytes, TEXT_MAX);
	int result = 0;
	for (p++; *p != '\0' && result == 0; p++) {
		int high = -1, low = -1;
		if (*p == '%' && ((high = text_hex_digit(p[1])) < 0 || (low = text_hex_digit(p[2])) < 0 ||
		                  high + low == 0))
			result = err_set(err, ERR_BAD_REQUEST, "a part's filename* has a broken escape");
		buf_char(&bytes, *p == '%' ? (char)(high * 16 + low) : *p);
		p += *p == '%' && result == 0 ? 2 : 0;
	}
	if (result != 0)
		;
	else if (strncasecmp(charset, "iso-8859-1'", 11) == 0)
		add_latin1(out, buf_text(&bytes), bytes.len);
	else if (strncasecmp(charset, "utf-8'", 6) == 0 && text_utf8_valid(buf_text(&bytes), bytes.len))
		buf_str(out, buf_text(&bytes));
	else
		result = err_set(err, ERR_BAD_REQUEST, "a part's filename* is neither UTF-8 nor ISO-8859-1");
	buf_release(&bytes);
	return result;
}

static int set_once(bool *has, struct buf *out, const struct buf *value, const char *what, struct err *err)
{
	if (*has)
		return err_set(err, ERR_BAD_REQUEST, "a part has two parameters '%s'", what);
	*has = true;
	header_add_text(out, buf_text(value), value->len);
	return 0;
}

static int set_parameter(struct multipart_headers *headers, struct cursor name, const struct buf *value,
                         struct err *err)
{
	if (header_token_is(name, "name"))
		return set_once(&headers->has_name, &headers->name, value, "name", err);
	if (header_token_is(name, "filename"))
		return set_once(&headers->has_filename, &headers->filename, value, "filename", err);
	if (!header_token_is(name, "filename*"))
		return 0;
	if (headers->has_filename_ext)
		return err_set(err, ERR_BAD_REQUEST, "a part has two parameters 'filename*'");
	headers->has_filename_ext = true;
	return decode_extended(value, &headers->filename_ext, err);
}

static int add_disposition(struct multipart_headers *headers, struct cursor value, struct err *err)
{
	if (headers->has_disposition)
		return err_set(err, ERR_BAD_REQUEST, "a part has two headers Content-Disposition");
	headers->has_disposition = true;
	if (!header_token_is(take_token(&value), "form-data"))
		return err_set(err, ERR_BAD_REQUEST, "a part's Content-Disposition is not form-data");
	struct buf text;
	struct cursor name;
	buf_init(&text, TEXT_MAX);
	int more, result = 0;
	while ((more = take_parameter(&value, &name, &text)) == 1 && result == 0)
		result = set_parameter(headers, name, &text, err);
	buf_release(&text);
	if (result == 0 && more < 0)
		return err_set(err, ERR_BAD_REQUEST, "a part's Content-Disposition is malformed");
	return result;
}

static int add_type(struct multipart_headers *headers, struct cursor value, struct err *err)
{
	if (headers->has_type)
		return err_set(err, ERR_BAD_REQUEST, "a part has two headers Content-Type");
	headers->has_type = true;
	header_add_text(&headers->type, value.at, (size_t)(value.end - value.at));
	return 0;
}

/* RFC 7578 §4.7 deprecates the header; base64 would be stored undecoded, and be no image. */
static int header_encoding(struct cursor value, struct err *err)
{
	if (header_token_is(value, "binary") || header_token_is(value, "8bit") || header_token_is(value, "7bit"))
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "a part's Content-Transfer-Encoding is not binary");
}

int multipart_headers_add(struct multipart_headers *headers, const char *line, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return err_set(err, ERR_BAD_REQUEST, "a part's header has a control character");
	struct cursor value = {line, line + len};
	struct cursor name = take_token(&value);
	if (name.at == name.end || !multipart_header_take(&value, ':'))
		return err_set(err, ERR_BAD_REQUEST, "a part has a header line that is no 'name: value'");
	skip_blanks(&value);
	while (value.end > value.at && (value.end[-1] == ' ' || value.end[-1] == '\t'))
		value.end--;
	if (header_token_is(name, "Content-Disposition"))
		return add_disposition(headers, value, err);
	if (header_token_is(name, "Content-Type"))
		return add_type(headers, value, err);
	if (header_token_is(name, "Content-Transfer-Encoding"))
		return header_encoding(value, err);
	return 0;
}

int multipart_headers_end(struct multipart_headers *headers, struct multipart_part *part, struct err *err)
{
	if (!headers->has_disposition)
		return err_set(err, ERR_BAD_REQUEST, "a part has no Content-Disposition");
	if (!headers->has_name)
		return err_set(err, ERR_BAD_REQUEST, "a part's Content-Disposition has no name");
	part->name = buf_text(&headers->name);
	part->filename = headers->has_filename_ext ? buf_text(&headers->filename_ext)
	                 : headers->has_filename   ? buf_text(&headers->filename)
	                                           : NULL;
	part->type = buf_text(&headers->type);
	return 0;
}
