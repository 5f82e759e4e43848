/* Fuzzes what the worker that unpacks an archive answers: a line of the input is a message, with its fields between tabs.
 * Whatever it says, an entry's names are those of an archive, and no limit is passed.
 *
 * Parses: lib/intake/unpacker.c lib/base/worker.c */
#include "fuzz.h"

#include <stdio.h>

#include "base/worker.h"
#include "intake/archive_name.h"
#include "intake/unpacker.h"

/* In place of the real ones (Makefile). */
int __wrap_worker_start(struct worker *out, struct worker_program *program, const void *first, size_t size, struct err *err);
void __wrap_worker_end(struct worker *worker);
int __wrap_worker_send(const struct worker *worker, const void *message, size_t size);
ssize_t __wrap_worker_receive(const struct worker *worker, void *message, size_t size, int ms);

enum { ENTRIES = 20, ENTRY_BYTES = 1 << 20, ARCHIVE_BYTES = 3000 };

static char *said; /* what it has yet to say */

int __wrap_worker_start(struct worker *out, struct worker_program *program, const void *first, size_t size, struct err *err)
{
	(void)program;
	(void)first;
	(void)size;
	(void)err;
	*out = (struct worker){.pid = getpid(), .socket = -1};
	return 0;
}

void __wrap_worker_end(struct worker *worker)
{
	(void)worker;
}

int __wrap_worker_send(const struct worker *worker, const void *message, size_t size)
{
	(void)worker;
	(void)message;
	require(size <= sizeof(struct unpacker_message));
	return 0;
}

static const char *field(char **line)
{
	const char *text = strsep(line, "\t");

	return text ? text : "";
}

/* Texts may fill their places to the last byte: then they have no end. */
static void fill(char *out, size_t size, const char *text)
{
	memset(out, 0, size);
	memcpy(out, text, strnlen(text, size));
}

static void say_why(struct err *why, char **line)
{
	int64_t code = 0;

	text_int64(field(line), -5, 100, &code);
	why->code = (enum err_code)code;
	fill(why->text, sizeof(why->text), field(line));
}

static void say_entry(struct unpacker_entry *entry, char **line)
{
	int64_t kind = 0;

	text_int64(field(line), -1, 10, &kind);
	entry->kind = (enum archive_kind)kind;
	text_int64(field(line), INT64_MIN, INT64_MAX, &entry->bytes);
	fill(entry->path, sizeof(entry->path), field(line));
	fill(entry->target, sizeof(entry->target), field(line));
	fill(entry->label, sizeof(entry->label), field(line));
	fill(entry->type, sizeof(entry->type), field(line));
	fill(entry->guessed, sizeof(entry->guessed), field(line));
	say_why(&entry->why, line);
}

ssize_t __wrap_worker_receive(const struct worker *worker, void *message, size_t size, int ms)
{
	struct unpacker_message *out = message;
	char *line = strsep(&said, "\n");
	size_t len;

	(void)worker;
	(void)ms;
	if (!line)
		return 0;
	require(size == sizeof(*out));
	memset(out, 0, sizeof(*out));
	switch (*line ? *line++ : 0) {
	case 'w': out->what = UNPACKER_WANTS; return (ssize_t)UNPACKER_LENGTH(0);
	case 'x': out->what = UNPACKER_END; return (ssize_t)UNPACKER_LENGTH(0);
	case 'b': out->what = UNPACKER_BYTES; return (ssize_t)UNPACKER_LENGTH(UNPACKER_PIECE_BYTES);
	case 'l':
		out->what = UNPACKER_LAST;
		len = strnlen(line, UNPACKER_PIECE_BYTES);
		memcpy(out->bytes, line, len);
		return (ssize_t)UNPACKER_LENGTH(len);
	case 'e':
		out->what = UNPACKER_ENTRY;
		say_entry(&out->entry, &line);
		return (ssize_t)UNPACKER_LENGTH(sizeof(out->entry));
	case 'f':
		out->what = UNPACKER_FAILS;
		say_why(&out->why, &line);
		return (ssize_t)UNPACKER_LENGTH(sizeof(out->why));
	default:
		len = strnlen(line, sizeof(*out));
		memcpy(out, line, len);
		return len > 0 ? (ssize_t)len : (ssize_t)sizeof(*out) + 1;
	}
}

static ssize_t give_zeros(void *data, void *bytes, size_t len, struct err *err)
{
	size_t *left = data, n = *left < len ? *left : len;

	(void)err;
	memset(bytes, 0, n);
	*left -= n;
	return (ssize_t)n;
}

static void require_safe(const char *path, const char *label)
{
	struct archive_name name;

	require(archive_name_parse(path, false, NULL, NULL, &name, NULL) == 0 && strcmp(name.path, path) == 0);
	require(!label || strcmp(name.label, label) == 0);
}

/* The worker may say nothing of why, but no nonsense. */
static void require_error(const struct err *err)
{
	require(err->code != ERR_NONE && text_utf8_valid(err->text, strlen(err->text)));
}

static void check_item(const struct archive_item *item)
{
	require(text_utf8_valid(item->path, strlen(item->path)) && text_utf8_valid(item->label, strlen(item->label)));
	switch (item->kind) {
	case ARCHIVE_IMAGE:
		require(item->type != NULL);
		require_safe(item->path, item->label);
		break;
	case ARCHIVE_LINK:
		require_safe(item->path, NULL);
		require_safe(item->target, NULL);
		break;
	case ARCHIVE_SKIPPED: require(item->skipped && text_utf8_valid(item->skipped, strlen(item->skipped))); break;
	case ARCHIVE_REFUSED: require_error(&item->err); break;
	default: abort();
	}
}

static void read_bytes(struct unpacker *unpacker, struct err *err)
{
	const void *bytes;
	size_t len = 1, whole = 0;

	while (len > 0 && unpacker_read(unpacker, &bytes, &len, err) == 0)
		whole += len;
	require(whole <= ENTRY_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct archive_limits limits = {.entries = ENTRIES, .entry_bytes = ENTRY_BYTES};
	size_t left = ARCHIVE_BYTES, entries = 0;
	char *text = said = fuzz_text(data, size);
	struct unpacker *unpacker = unpacker_new(give_zeros, &left, &limits);
	const struct archive_item *item;
	struct err err = {0};
	int failed;

	while ((failed = unpacker_next(unpacker, &item, &err)) == 0 && item) {
		check_item(item);
		require(++entries <= ENTRIES);
		if (item->kind == ARCHIVE_IMAGE && entries % 3)
			read_bytes(unpacker, &err);
	}
	if (failed)
		require_error(&err);
	unpacker_free(unpacker);
	free(text);
	return 0;
}
