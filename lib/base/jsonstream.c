/* Walks a JSON text with yajl, checks what yajl does not, and passes the events on. */
#include "base/jsonstream.h"

#include <inttypes.h>
#include <search.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/jsonscan.h"
#include "base/memory.h"
#include "base/text.h"

enum { CHUNK_BYTES = 64 * 1024 };

/* A key of an open object; a node of a balanced tree, so that the search for duplicates is never quadratic. */
struct key {
	size_t len;
	char bytes[];
};

struct level {
	void *keys; /* tsearch's tree of struct key; NULL in an array */
	size_t key_count;
};

struct walk {
	const char *name;
	const struct json_events *events;
	void *context;
	size_t values, values_max;
	yajl_handle yajl;
	struct json_scan scan;
	struct buf text; /* the string or number of the present event, with its NUL */
	size_t depth;
	struct level level[JSON_DEPTH_MAX];

	/* Where the present piece lies in the text, for messages. */
	const char *piece;
	uint64_t lines_before, columns_before;
	uint64_t bytes_before, last_event;

	bool failed;
	struct err *err;
};

/* --- where, and what is wrong ------------------------------------------------------------------------------------- */

/* Moves line and column (in characters, both from 0) past the bytes. */
static void advance(uint64_t *line, uint64_t *column, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			(*line)++;
			*column = 0;
		} else if (((unsigned char)bytes[i] & 0xC0) != 0x80) {
			(*column)++;
		}
	}
}

/* The line and column, counted from 1, of the byte at `offset` of the piece. */
static void jsonstream_place(const struct walk *walk, size_t offset, uint64_t *line, uint64_t *column)
{
	*line = walk->lines_before;
	*column = walk->columns_before;
	advance(line, column, walk->piece, offset);
	(*line)++;
	(*column)++;
}

static int fail_at(struct walk *walk, size_t offset, const char *verb, const char *what)
{
	uint64_t line, column;

	jsonstream_place(walk, offset, &line, &column);
	walk->failed = true;
	return err_set(walk->err, ERR_BAD_REQUEST, "%s%s: line %" PRIu64 ", column %" PRIu64 ": %s",
	               walk->name, verb, line, column, what);
}

/* The offset of the last byte that yajl has read. */
static size_t last_taken(const struct walk *walk)
{
	size_t taken = yajl_get_bytes_consumed(walk->yajl);

	return taken ? taken - 1 : 0;
}

/* Where the string that ends at offset `end` begins: within a string, a quote has an odd number of backslashes
 * before it. */
static size_t string_start(const struct walk *walk, size_t end)
{
	size_t at = end;

	while (at > 0) {
		size_t backslashes = 0;
		at--;
		if (walk->piece[at] != '"')
			continue;
		while (backslashes < at && walk->piece[at - 1 - backslashes] == '\\')
			backslashes++;
		if (backslashes % 2 == 0)
			return at;
	}
	return 0;
}

/* Stops the walk with the message of the event's function. yajl's callbacks stop at 0. */
static int jsonstream_refuse(struct walk *walk)
{
	uint64_t line, column;

	jsonstream_place(walk, last_taken(walk), &line, &column);
	walk->failed = true;
	err_prefix(walk->err, "%s: line %" PRIu64, walk->name, line);
	return 0;
}

static int wrong_here(struct walk *walk, const char *what)
{
	fail_at(walk, last_taken(walk), "", what);
	return 0;
}

/* --- yajl's callbacks --------------------------------------------------------------------------------------------- */

static int count_value(struct walk *walk)
{
	char what[64];

	walk->last_event = walk->bytes_before + yajl_get_bytes_consumed(walk->yajl);
	if (!walk->values_max || ++walk->values <= walk->values_max)
		return 1;
	snprintf(what, sizeof(what), "more than %zu values", walk->values_max);
	return wrong_here(walk, what);
}

static int go_deeper(struct walk *walk)
{
	char what[64];

	if (!count_value(walk))
		return 0;
	if (walk->depth == JSON_DEPTH_MAX) {
		snprintf(what, sizeof(what), "nested deeper than %d arrays and objects", JSON_DEPTH_MAX);
		return wrong_here(walk, what);
	}
	walk->level[walk->depth++] = (struct level){0};
	return 1;
}

static void come_back(struct walk *walk)
{
	walk->depth--;
	tdestroy(walk->level[walk->depth].keys, free);
	walk->last_event = walk->bytes_before + yajl_get_bytes_consumed(walk->yajl);
}

static int give_plain(struct walk *walk, int (*event)(void *, struct err *))
{
	return !event || !event(walk->context, walk->err) ? 1 : jsonstream_refuse(walk);
}

/* Passes bytes on as NUL-terminated text. */
static int give_text(struct walk *walk, const void *bytes, size_t len,
                     int (*event)(void *, const char *, struct err *))
{
	if (!event)
		return 1;
	buf_clear(&walk->text);
	if (buf_add(&walk->text, bytes, len))
		return wrong_here(walk, "a string that is too long");
	return !event(walk->context, buf_text(&walk->text), walk->err) ? 1 : jsonstream_refuse(walk);
}

static int on_start_object(void *context)
{
	struct walk *walk = context;

	return go_deeper(walk) && give_plain(walk, walk->events->start_object);
}

static int on_end_object(void *context)
{
	struct walk *walk = context;

	come_back(walk);
	return give_plain(walk, walk->events->end_object);
}

static int on_start_array(void *context)
{
	struct walk *walk = context;

	return go_deeper(walk) && give_plain(walk, walk->events->start_array);
}

static int on_end_array(void *context)
{
	struct walk *walk = context;

	come_back(walk);
	return give_plain(walk, walk->events->end_array);
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *left = a, *right = b;
	size_t shorter = left->len < right->len ? left->len : right->len;
	int order = memcmp(left->bytes, right->bytes, shorter);

	return order ? order : (left->len > right->len) - (left->len < right->len);
}

static int check_nul(struct walk *walk, const unsigned char *bytes, size_t len)
{
	if (len && memchr(bytes, 0, len))
		return wrong_here(walk, "an escaped NUL (\\u0000)");
	return 1;
}

static int duplicate_key(struct walk *walk, const unsigned char *bytes, size_t len)
{
	char what[160];

	snprintf(what, sizeof(what), "the key \"%.*s\" is given twice",
	         (int)text_utf8_span((const char *)bytes, len < 100 ? len : 100), (const char *)bytes);
	fail_at(walk, string_start(walk, last_taken(walk)), "", what);
	return 0;
}

/* Adds the key to those of its object; 0 when it is there already. */
static int keep_key(struct walk *walk, const unsigned char *bytes, size_t len)
{
	struct level *level = &walk->level[walk->depth - 1];
	struct key *key = memory_raw(sizeof(*key) + len);

	key->len = len;
	memcpy(key->bytes, bytes, len);
	struct key **found = memory_must(tsearch(key, &level->keys, compare_keys));
	if (*found == key)
		return 1;
	free(key);
	return duplicate_key(walk, bytes, len);
}

static int on_key(void *context, const unsigned char *bytes, size_t len)
{
	struct walk *walk = context;
	struct level *level = &walk->level[walk->depth - 1];
	char what[64];

	walk->last_event = walk->bytes_before + yajl_get_bytes_consumed(walk->yajl);
	if (!check_nul(walk, bytes, len))
		return 0;
	if (++level->key_count > JSON_KEYS_MAX) {
		snprintf(what, sizeof(what), "more than %d keys in one object", JSON_KEYS_MAX);
		return wrong_here(walk, what);
	}
	return keep_key(walk, bytes, len) && give_text(walk, bytes, len, walk->events->key);
}

static int on_string(void *context, const unsigned char *bytes, size_t len)
{
	struct walk *walk = context;

	return count_value(walk) && check_nul(walk, bytes, len) &&
	       give_text(walk, bytes, len, walk->events->string);
}

static int on_number(void *context, const char *bytes, size_t len)
{
	struct walk *walk = context;
	char what[64];

	if (!count_value(walk))
		return 0;
	if (len > JSON_NUMBER_MAX) { /* cJSON reads no more of it */
		snprintf(what, sizeof(what), "a number of more than %d characters", JSON_NUMBER_MAX);
		return wrong_here(walk, what);
	}
	return give_text(walk, bytes, len, walk->events->number);
}

static int on_boolean(void *context, int value)
{
	struct walk *walk = context;

	if (!count_value(walk))
		return 0;
	if (!walk->events->boolean || !walk->events->boolean(walk->context, value, walk->err))
		return 1;
	return jsonstream_refuse(walk);
}

static int on_null(void *context)
{
	struct walk *walk = context;

	return count_value(walk) && give_plain(walk, walk->events->null);
}

/* Takes raw numbers, since yajl's own conversion is limited to a long or a double. */
static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_object,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* --- the walk ----------------------------------------------------------------------------------------------------- */

static void *walk_raw(void *unused, size_t size)
{
	(void)unused;
	return memory_raw(size);
}

static void *walk_resize(void *unused, void *memory, size_t size)
{
	(void)unused;
	return memory_resize(memory, size);
}

static void walk_free(void *unused, void *memory)
{
	(void)unused;
	free(memory);
}

static void walk_init(struct walk *walk, const char *name, size_t text_max, const struct json_events *events,
                      void *context, struct err *err)
{
	yajl_alloc_funcs memory = {.malloc = walk_raw, .realloc = walk_resize, .free = walk_free};

	memset(walk, 0, sizeof(*walk));
	walk->name = name;
	walk->events = events;
	walk->context = context;
	walk->err = err;
	buf_init(&walk->text, text_max);
	walk->piece = "";
	/* Comments, trailing garbage, several or partial values: yajl accepts them only if allowed to. */
	walk->yajl = yajl_alloc(&callbacks, &memory, walk);
}

static void jsonstream_release(struct walk *walk)
{
	while (walk->depth)
		come_back(walk);
	yajl_free(walk->yajl);
	buf_release(&walk->text);
}

/* Replaces yajl's message where it is about yajl itself. */
static const char *friendly(const char *message)
{
	static const struct {
		const char *yajls, *ours;
	} words[] = {
		{"premature EOF", "the text ends too early"},
		{"trailing garbage", "something follows the end of the value"},
		{"unallowed token at this point in JSON text", "this is not expected here"},
		{"object key and value must be separated by a colon", "a key must be followed by ':'"},
		{"after key and value, inside map", "expected ',' or '}' after a value in an object"},
		{"after array element", "expected ',' or ']' after a value in an array"},
		{"invalid object key (must be a string)", "a key must be a string in double quotes"},
		{"invalid char in json text", "this character is not expected here"},
		{"invalid character inside string", "a control character in a string must be escaped"},
		{"inside a string, '\\' occurs before", "a '\\' before a character that it can't escape"},
		{"(non-hex) character occurs after '\\u'", "'\\u' must be followed by four hex digits"},
		{"invalid string in json text", "this is not expected here"},
		{"malformed number", "a digit is missing in a number"},
		{"comments are not enabled", "JSON has no comments"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(message, words[i].yajls))
			return words[i].ours;
	return "a syntax error";
}

static int check_status(struct walk *walk, yajl_status status, size_t offset)
{
	if (walk->failed)
		return -1;
	if (status == yajl_status_ok)
		return 0;
	unsigned char *message = yajl_get_error(walk->yajl, 0, NULL, 0);
	fail_at(walk, offset, " is not JSON", friendly((const char *)message));
	yajl_free_error(walk->yajl, message);
	return -1;
}

/* The text's first bytes show its encoding. */
static int jsonstream_encoding(struct walk *walk, const char **bytes, size_t *len)
{
	size_t mark = json_scan_mark(*bytes, *len);

	*bytes += mark;
	*len -= mark;
	return json_scan_is_wide(*bytes, *len) ? fail_at(walk, 0, "", "UTF-16 or UTF-32, where UTF-8 is taken") : 0;
}

static int walk_piece(struct walk *walk, const char *bytes, size_t len)
{
	size_t at;

	if (walk->bytes_before == 0 && jsonstream_encoding(walk, &bytes, &len))
		return -1;
	walk->piece = bytes;
	const char *wrong = json_scan(&walk->scan, bytes, len, &at);
	if (wrong)
		return fail_at(walk, at, "", wrong);
	yajl_status status = yajl_parse(walk->yajl, (const unsigned char *)bytes, len);
	if (check_status(walk, status, last_taken(walk)))
		return -1;
	advance(&walk->lines_before, &walk->columns_before, bytes, len);
	walk->bytes_before += len;
	walk->piece = "";
	return 0;
}

static int jsonstream_end(struct walk *walk)
{
	const char *wrong = json_scan_end(&walk->scan);

	if (wrong)
		return fail_at(walk, 0, "", wrong);
	return check_status(walk, yajl_complete_parse(walk->yajl), 0);
}

static bool is_space(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", bytes[i]) || !bytes[i])
			return false;
	return true;
}

int json_walk(const char *name, const char *bytes, size_t len, size_t values_max,
              const struct json_events *events, void *context, struct err *err)
{
	struct err ignored;
	struct walk walk;

	size_t mark = json_scan_mark(bytes, len);
	if (is_space(bytes + mark, len - mark))
		return err_set(err, ERR_BAD_REQUEST, "%s is empty", name);
	walk_init(&walk, name, len, events, context, err ? err : &ignored);
	walk.values_max = values_max;
	int failed = walk_piece(&walk, bytes, len) || jsonstream_end(&walk);
	jsonstream_release(&walk);
	return failed;
}

static int walk_pieces(struct walk *walk, int fd, bool *empty)
{
	char *chunk = memory_raw(CHUNK_BYTES);
	ssize_t len = 0;
	int failed = 0;

	while (!failed && (len = file_read_some(fd, walk->name, chunk, CHUNK_BYTES, walk->err)) > 0) {
		size_t mark = walk->bytes_before == 0 ? json_scan_mark(chunk, (size_t)len) : 0;
		*empty = *empty && is_space(chunk + mark, (size_t)len - mark);
		failed = walk_piece(walk, chunk, (size_t)len);
		if (!failed && walk->bytes_before - walk->last_event > JSON_TOKEN_MAX)
			failed = fail_at(walk, 0, "", "no value ends within 1 MiB");
	}
	free(chunk);
	return failed || len < 0;
}

int json_walk_file(const char *path, const struct json_events *events, void *context, struct err *err)
{
	struct err ignored;
	struct walk walk;
	bool empty = true;
	int fd = file_open(path, err);

	if (fd < 0)
		return -1;
	walk_init(&walk, path, JSON_TOKEN_MAX + CHUNK_BYTES, events, context, err ? err : &ignored);
	int failed = walk_pieces(&walk, fd, &empty);
	if (!failed && empty)
		failed = err_set(err, ERR_BAD_REQUEST, "%s is empty", path);
	failed = failed || jsonstream_end(&walk);
	jsonstream_release(&walk);
	close(fd);
	return failed;
}
