/* Writes log lines as JSON. */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/text.h"

enum {
	LOG_LINE_MAX = PIPE_BUF, /* a longer write(2) to a pipe could mix with another program's line */
	LOG_VALUE_MAX = 1024,    /* bytes that one value may take as written, so that it leaves room for others */
};

static const char *program_name = "";
static atomic_int level_limit = LOG_INFO;
static _Thread_local struct log_request current;

void log_init(const char *program, enum log_level level)
{
	program_name = program;
	level_limit = (int)level;
}

static void keep_cut(char *out, size_t size, const char *text)
{
	size_t len = text ? strnlen(text, size - 1) : 0;

	if (text)
		memcpy(out, text, len);
	out[len] = '\0';
}

void log_request(const char *id, const char *traceparent)
{
	keep_cut(current.id, sizeof(current.id), id);
	keep_cut(current.traceparent, sizeof(current.traceparent), traceparent);
}

struct log_request log_request_now(void)
{
	return current;
}

void log_request_resume(const struct log_request *request)
{
	current = *request;
}

/* A line under construction; what doesn't fit is left out, but never half an escape or the closing brace. */
struct line {
	size_t len;
	size_t room; /* limit of len; space beyond it is kept for the end of the line */
	bool cut;
	char text[LOG_LINE_MAX];
};

static const char line_cut[] = ",\"cut\":true";
static const char line_end[] = "}\n";

static bool log_put(struct line *line, const char *bytes, size_t len)
{
	if (len > line->room - line->len)
		return false;
	memcpy(line->text + line->len, bytes, len);
	line->len += len;
	return true;
}

/* Writes the character at text into out in JSON's form; *used gets its bytes of text. */
static size_t escape_character(const char *text, size_t len, char out[8], size_t *used)
{
	unsigned char c = (unsigned char)text[0];

	*used = 1;
	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (c < 0x20 || c == 0x7f)
		return (size_t)snprintf(out, 8, "\\u%04x", c);
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	for (size_t size = 2; size <= 4 && size <= len; size++) {
		if (text_utf8_valid(text, size)) {
			memcpy(out, text, size);
			*used = size;
			return size;
		}
	}
	memcpy(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
	return 3;
}

/* Appends a quoted text; a tail that doesn't fit is replaced by "…". */
static bool put_text(struct line *line, const char *text)
{
	static const char ellipsis[] = "…\"";
	size_t len = strlen(text);
	size_t room = line->room;
	bool whole = true;

	if (room - line->len < sizeof(ellipsis) || !log_put(line, "\"", 1))
		return false;
	if (room - line->len > LOG_VALUE_MAX)
		line->room = line->len + LOG_VALUE_MAX;
	line->room -= sizeof(ellipsis) - 1;
	for (size_t at = 0, used; at < len && whole; at += used) {
		char escaped[8];
		size_t escaped_len = escape_character(text + at, len - at, escaped, &used);
		whole = log_put(line, escaped, escaped_len);
	}
	line->room = room;
	if (whole)
		return log_put(line, "\"", 1);
	line->cut = true;
	return log_put(line, ellipsis, sizeof(ellipsis) - 1);
}

/* Appends the whole pair, or nothing, and then marks the line as cut. */
static void put_field(struct line *line, const char *key, const char *value)
{
	size_t start = line->len;

	if (log_put(line, start ? "," : "{", 1) && put_text(line, key) && log_put(line, ":", 1) &&
	    (value ? put_text(line, value) : log_put(line, "null", 4)))
		return;
	line->len = start;
	line->cut = true;
}

static void log_put_head(struct line *line, enum log_level level, const char *message)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char now[TEXT_TIME_MAX];

	put_field(line, "time", text_time(text_now(), now));
	put_field(line, "level", names[level]);
	put_field(line, "program", program_name);
	if (current.id[0])
		put_field(line, "request_id", current.id);
	if (current.traceparent[0])
		put_field(line, "traceparent", current.traceparent);
	put_field(line, "message", message);
}

void log_write(enum log_level level, const char *message, ...)
{
	int saved = errno;
	struct line line;
	va_list pairs;

	if ((int)level > level_limit)
		return;
	line.len = 0;
	line.room = sizeof(line.text) - (sizeof(line_cut) - 1) - (sizeof(line_end) - 1);
	line.cut = false;
	log_put_head(&line, level, message);
	va_start(pairs, message);
	for (const char *key = va_arg(pairs, const char *); key; key = va_arg(pairs, const char *))
		put_field(&line, key, va_arg(pairs, const char *));
	va_end(pairs);

	line.room = sizeof(line.text);
	if (line.cut)
		log_put(&line, line_cut, sizeof(line_cut) - 1);
	log_put(&line, line_end, sizeof(line_end) - 1);
	while (write(STDERR_FILENO, line.text, line.len) < 0 && errno == EINTR)
		;
	errno = saved;
}
