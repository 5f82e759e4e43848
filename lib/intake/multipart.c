/* Reads multipart/form-data bodies; the text of headers is in multipart_header.c. */
#include "intake/multipart.h"

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "intake/multipart_header.h"

enum { WINDOW = 64 * 1024 }; /* bytes of body held; more than a part's headers, so that they fit whole */

enum state { IN_PART, BETWEEN, ENDED, FAILED };

struct multipart {
	multipart_source *source;
	void *source_data;
	enum state state;
	bool source_ended;
	char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF "--" boundary */
	size_t delimiter_len;
	/* The window holds bytes [start, end) of the body. Those before `clear` belong to the part; when
	 * `found`, a delimiter is at `clear`. */
	size_t start, end, clear;
	bool found;
	char window[WINDOW];
	struct multipart_headers headers;
	struct multipart_part part;
};

int multipart_open(struct multipart **out, const char *content_type, multipart_source *source, void *data,
                   struct err *err)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	if (multipart_boundary(content_type, boundary, err) != 0)
		return -1;
	struct multipart *multipart = memory_raw(sizeof(*multipart));
	multipart->source = source;
	multipart->source_data = data;
	multipart->state = BETWEEN;
	multipart->source_ended = multipart->found = false;
	multipart->delimiter_len = (size_t)snprintf(multipart->delimiter, sizeof(multipart->delimiter),
	                                            "\r\n--%s", boundary);
	/* The first delimiter may be at the body's very start, with no CRLF before it. */
	memcpy(multipart->window, "\r\n", 2);
	multipart->start = multipart->clear = 0;
	multipart->end = 2;
	multipart_headers_init(&multipart->headers);
	*out = multipart;
	return 0;
}

void multipart_free(struct multipart *multipart)
{
	if (!multipart)
		return;
	multipart_headers_release(&multipart->headers);
	free(multipart);
}

static int multipart_broken(struct multipart *multipart, struct err *err, const char *what)
{
	multipart->state = FAILED;
	return err_set(err, ERR_BAD_REQUEST, "the multipart body %s", what);
}

/* Reads more of the body into the window, after moving [start, end) to its front; there must be room then. */
static int multipart_fill(struct multipart *multipart, struct err *err)
{
	if (multipart->source_ended)
		return multipart_broken(multipart, err, "ends without its final boundary");
	memmove(multipart->window, multipart->window + multipart->start, multipart->end - multipart->start);
	multipart->end -= multipart->start;
	multipart->clear -= multipart->start;
	multipart->start = 0;
	ssize_t n = multipart->source(multipart->source_data, multipart->window + multipart->end,
	                              WINDOW - multipart->end, err);
	if (n < 0) {
		multipart->state = FAILED;
		return -1;
	}
	multipart->source_ended = n == 0;
	multipart->end += (size_t)n;
	return 0;
}

/* Makes sure that bytes of the part are at start, or that the delimiter has been found. */
static int find_delimiter(struct multipart *multipart, struct err *err)
{
	while (!multipart->found && multipart->clear == multipart->start) {
		char *from = multipart->window + multipart->clear;
		size_t len = multipart->end - multipart->clear;
		char *delimiter = memmem(from, len, multipart->delimiter, multipart->delimiter_len);
		if (delimiter) {
			multipart->found = true;
			multipart->clear += (size_t)(delimiter - from);
		} else if (len >= multipart->delimiter_len) {
			multipart->clear += len - (multipart->delimiter_len - 1);
		} else if (multipart_fill(multipart, err) != 0) {
			return -1;
		}
	}
	return 0;
}

/* Makes the window hold at least `len` bytes from start. */
static int need(struct multipart *multipart, size_t len, struct err *err)
{
	while (multipart->end - multipart->start < len)
		if (multipart_fill(multipart, err) != 0)
			return -1;
	return 0;
}

/* Takes the line at start, without its CRLF. It stays valid until the window is filled again. */
static int multipart_line(struct multipart *multipart, size_t max, const char **line, size_t *len, struct err *err)
{
	size_t seen = 0;
	for (;;) {
		char *from = multipart->window + multipart->start;
		size_t held = multipart->end - multipart->start;
		char *newline = seen < held ? memchr(from + seen, '\n', held - seen) : NULL;
		if (newline) {
			size_t length = (size_t)(newline - from);
			if (length == 0 || from[length - 1] != '\r')
				return multipart_broken(multipart, err, "has a header line that does not end in CR LF");
			*line = from;
			*len = length - 1;
			multipart->start = multipart->clear = multipart->start + length + 1;
			return *len <= max ? 0 : multipart_broken(multipart, err,
			                                "has headers of more than 16 KiB in a part");
		}
		if (held > max)
			return multipart_broken(multipart, err, "has headers of more than 16 KiB in a part");
		seen = held;
		if (multipart_fill(multipart, err) != 0)
			return -1;
	}
}

static int read_headers(struct multipart *multipart, struct err *err)
{
	size_t left = MULTIPART_HEADERS_MAX;
	multipart_headers_clear(&multipart->headers);
	for (int lines = 0;; lines++) {
		const char *line;
		size_t len;
		if (multipart_line(multipart, left, &line, &len, err) != 0)
			return -1;
		if (len == 0)
			break;
		left -= len;
		if (lines == MULTIPART_HEADER_LINES_MAX)
			return multipart_broken(multipart, err, "has too many header lines in a part");
		if (multipart_headers_add(&multipart->headers, line, len, err) != 0) {
			multipart->state = FAILED;
			return -1;
		}
	}
	if (multipart_headers_end(&multipart->headers, &multipart->part, err) != 0) {
		multipart->state = FAILED;
		return -1;
	}
	return 0;
}

/* Reads what follows a delimiter: "--" ends the body; blanks and CRLF begin a part. */
static int after_delimiter(struct multipart *multipart, bool *last, struct err *err)
{
	multipart->start = multipart->clear = multipart->clear + multipart->delimiter_len;
	multipart->found = false;
	if (need(multipart, 2, err) != 0)
		return -1;
	*last = memcmp(multipart->window + multipart->start, "--", 2) == 0;
	if (*last)
		return 0;
	const char *line;
	size_t len;
	if (multipart_line(multipart, MULTIPART_HEADERS_MAX, &line, &len, err) != 0)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t')
			return multipart_broken(multipart, err, "has a line that begins like its boundary and goes on");
	return 0;
}

static int skip_to_delimiter(struct multipart *multipart, struct err *err)
{
	for (;;) {
		if (find_delimiter(multipart, err) != 0)
			return -1;
		multipart->start = multipart->clear;
		if (multipart->found)
			return 0;
	}
}

int multipart_next(struct multipart *multipart, const struct multipart_part **part, struct err *err)
{
	*part = NULL;
	if (multipart->state == ENDED)
		return 0;
	if (multipart->state == FAILED)
		return multipart_broken(multipart, err, "can't be read any further");
	bool last;
	if (skip_to_delimiter(multipart, err) != 0 || after_delimiter(multipart, &last, err) != 0)
		return -1;
	if (last) {
		multipart->state = ENDED; /* the epilogue follows, which is ignored */
		return 0;
	}
	if (read_headers(multipart, err) != 0)
		return -1;
	multipart->state = IN_PART;
	*part = &multipart->part;
	return 0;
}

int multipart_read(struct multipart *multipart, void *bytes, size_t len, size_t *got, struct err *err)
{
	*got = 0;
	if (multipart->state == FAILED)
		return multipart_broken(multipart, err, "can't be read any further");
	if (multipart->state != IN_PART)
		return 0;
	if (find_delimiter(multipart, err) != 0)
		return -1;
	size_t held = multipart->clear - multipart->start;
	*got = held < len ? held : len;
	memcpy(bytes, multipart->window + multipart->start, *got);
	multipart->start += *got;
	return 0;
}
