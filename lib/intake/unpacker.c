/* Asks the worker that unpacks an archive, and checks what it answers. */
#include "intake/unpacker.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/image_type.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/worker.h"
#include "intake/archive_name.h"
#include "intake/archive_unpack.h"

struct unpacker {
	archive_source *source;
	void *data;
	struct archive_limits limits;
	struct worker worker;
	clockid_t clock; /* of the worker's processor time */
	bool started, failed;
	struct err failure;          /* why, when failed */
	bool source_failed;          /* the source did, but what came before may still be read */
	struct err source_failure;   /* why, then */
	bool ended, told, over;      /* the archive's bytes have ended; the worker was told; it has told the last entry */
	int64_t in, out, entries;    /* bytes of the archive, and of entries; entries that were answered */
	int64_t entry_out;           /* bytes of this entry */
	bool last;                   /* all of this entry's bytes were answered */
	size_t answered;             /* of `message`: the bytes that came with it */
	size_t first;                /* of `message`: bytes of the archive that came before the worker was there */
	struct unpacker_entry entry; /* what `item` points to */
	struct archive_item item;
	struct unpacker_message message;
};

static struct worker_program unpackers = {
	.name = "unpack", .mutex = PTHREAD_MUTEX_INITIALIZER, .program_file = -1, .module_file = -1};

int unpacker_prepare(struct err *err)
{
	return worker_prepare(&unpackers, err);
}

/* --- failing ------------------------------------------------------------------------------------------------------ */

static int unpacker_fail(struct unpacker *unpacker, const struct err *failure, struct err *err)
{
	if (!unpacker->failed)
		unpacker->failure = *failure;
	unpacker->failed = true;
	if (unpacker->started)
		worker_end(&unpacker->worker);
	unpacker->started = false;
	*err = unpacker->failure;
	return -1;
}

static int unpacker_refuse(struct unpacker *unpacker, const char *why, struct err *err)
{
	struct err failure;

	err_set(&failure, ERR_UNPROCESSABLE, "the archive %s", why);
	return unpacker_fail(unpacker, &failure, err);
}

/* What no archive makes of an honest worker. */
static int unpacker_disbelieve(struct unpacker *unpacker, struct err *err)
{
	log_write(LOG_WARN, "the worker that unpacks an archive answered what it must not", NULL);
	return unpacker_refuse(unpacker, "cannot be unpacked: what unpacks it answers nonsense", err);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static int64_t spent_seconds(const struct unpacker *unpacker)
{
	struct timespec spent;

	return clock_gettime(unpacker->clock, &spent) ? 0 : (int64_t)spent.tv_sec;
}

/* Whether somebody waits for the archive, and the worker takes not too long: `waited` milliseconds for this answer. */
static int unpacker_look(struct unpacker *unpacker, int waited, struct err *err)
{
	struct err failure;

	if (unpacker->limits.going && unpacker->limits.going(unpacker->data, &failure))
		return unpacker_fail(unpacker, &failure, err);
	if (waited >= UNPACKER_SECONDS_MAX * 1000 ||
	    spent_seconds(unpacker) > archive_unpack_seconds(unpacker->in) + UNPACKER_SECONDS_MORE)
		return unpacker_refuse(unpacker, "takes too long to be unpacked", err);
	return 0;
}

/* Whether the message has the length that it should; then *len bytes came with it. */
static bool message_is_whole(const struct unpacker_message *message, size_t length, size_t *len)
{
	if (length < UNPACKER_LENGTH(0) || length > sizeof(*message))
		return false;
	*len = length - UNPACKER_LENGTH(0);
	switch (message->what) {
	case UNPACKER_WANTS:
	case UNPACKER_END:
		return *len == 0;
	case UNPACKER_BYTES:
		return *len == UNPACKER_PIECE_BYTES;
	case UNPACKER_LAST:
		return *len <= UNPACKER_PIECE_BYTES;
	case UNPACKER_ENTRY:
		return *len == sizeof(message->entry);
	case UNPACKER_FAILS:
		return *len == sizeof(message->why);
	default:
		return false;
	}
}

static int unpacker_await(struct unpacker *unpacker, struct err *err)
{
	ssize_t got;
	int waited = 0;

	while ((got = worker_receive(&unpacker->worker, &unpacker->message, sizeof(unpacker->message),
	                             UNPACKER_LOOK_MS)) < 0)
		if (unpacker_look(unpacker, waited += UNPACKER_LOOK_MS, err))
			return -1;
	if (got == 0)
		return unpacker_refuse(unpacker, "cannot be unpacked: what unpacks it has ended", err);
	if (!message_is_whole(&unpacker->message, (size_t)got, &unpacker->answered))
		return unpacker_disbelieve(unpacker, err);
	return unpacker_look(unpacker, 0, err);
}

static int unpacker_send_bytes(struct unpacker *unpacker, size_t len, struct err *err)
{
	unpacker->message.what = UNPACKER_BYTES;
	if (worker_send(&unpacker->worker, &unpacker->message, UNPACKER_LENGTH(len)) == 0)
		return 0;
	return errno == EAGAIN ? unpacker_disbelieve(unpacker, err) /* it wants more than it takes */
	                       : unpacker_refuse(unpacker, "cannot be unpacked: what unpacks it has ended", err);
}

/* Fills the message with the archive's next bytes, until it is full or no more come; what came before the source failed
 * goes first. */
static int unpacker_fill(struct unpacker *unpacker, size_t *len, struct err *err)
{
	ssize_t n;

	*len = 0;
	while (*len < UNPACKER_PIECE_BYTES && !unpacker->ended && !unpacker->source_failed) {
		n = unpacker->source(unpacker->data, unpacker->message.bytes + *len, UNPACKER_PIECE_BYTES - *len,
		                     &unpacker->source_failure);
		unpacker->ended = n == 0;
		unpacker->source_failed = n < 0;
		*len += n > 0 ? (size_t)n : 0;
	}
	unpacker->in += (int64_t)*len;
	return *len == 0 && unpacker->source_failed ? unpacker_fail(unpacker, &unpacker->source_failure, err) : 0;
}

static int unpacker_feed(struct unpacker *unpacker, struct err *err)
{
	size_t len;

	if (unpacker->told)
		return unpacker_disbelieve(unpacker, err);
	len = unpacker->first;
	unpacker->first = 0;
	if (len == 0 && unpacker_fill(unpacker, &len, err))
		return -1;
	unpacker->told = len == 0;
	return unpacker_send_bytes(unpacker, len, err);
}

/* Receives what it tells next into `message`: one of these two, or UNPACKER_FAILS. */
static int unpacker_receive(struct unpacker *unpacker, enum unpacker_what one, enum unpacker_what other,
                            struct err *err)
{
	enum unpacker_what said;

	do {
		if (unpacker_await(unpacker, err))
			return -1;
		said = unpacker->message.what;
		if (said == UNPACKER_WANTS && unpacker_feed(unpacker, err))
			return -1;
	} while (said == UNPACKER_WANTS);
	return said == one || said == other || said == UNPACKER_FAILS ? 0 : unpacker_disbelieve(unpacker, err);
}

/* --- starting and ending ------------------------------------------------------------------------------------------ */

struct unpacker *unpacker_new(archive_source *source, void *data, const struct archive_limits *limits)
{
	struct unpacker *unpacker = memory_raw(sizeof(*unpacker));

	memset(unpacker, 0, offsetof(struct unpacker, message));
	unpacker->source = source;
	unpacker->data = data;
	unpacker->limits = *limits;
	unpacker->last = true;
	return unpacker;
}

void unpacker_free(struct unpacker *unpacker)
{
	if (!unpacker)
		return;
	if (unpacker->started)
		worker_end(&unpacker->worker);
	free(unpacker);
}

static int start_worker(struct unpacker *unpacker, struct err *err)
{
	const struct archive_limits *limits = &unpacker->limits;
	struct unpacker_limits *told = memory_new(1, sizeof(*told));

	told->entries = limits->entries;
	told->entry_bytes = limits->entry_bytes;
	snprintf(told->names, sizeof(told->names), "%s", limits->names ? limits->names : "");
	for (size_t i = 0; limits->skip && i < limits->skip->count; i++)
		if (strlen(limits->skip->item[i]) <= TEXT_LABEL_MAX)
			snprintf(told->skip[told->skip_count++], sizeof(told->skip[0]), "%s", limits->skip->item[i]);
	int failed = worker_start(&unpacker->worker, &unpackers, told, sizeof(*told), err);
	free(told);
	return failed;
}

/* The worker is given the first bytes when it wants them; but it is not there before they are, since an archive may be
 * slow to begin. */
static int unpacker_start(struct unpacker *unpacker, struct err *err)
{
	struct err failure;

	if (unpacker->started)
		return 0;
	if (unpacker_fill(unpacker, &unpacker->first, err))
		return -1;
	if (start_worker(unpacker, &failure))
		return unpacker_fail(unpacker, &failure, err);
	unpacker->started = true;
	if (clock_getcpuclockid(unpacker->worker.pid, &unpacker->clock))
		return unpacker_refuse(unpacker, "cannot be unpacked: what unpacks it has ended", err);
	return 0;
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	return len < size && text_utf8_valid(text, len);
}

/* Whether it is what archive_name_parse makes of it, and so of any entry's name. */
static bool is_safe(const struct unpacker *unpacker, const char *path, struct archive_name *name)
{
	struct err err;

	return archive_name_parse(path, false, NULL, unpacker->limits.skip, name, &err) == 0 && strcmp(name->path, path) == 0;
}

static const char *guess_of(const char *charset)
{
	for (size_t i = 0; i < 2; i++)
		if (strcmp(archive_name_guesses[i], charset) == 0)
			return archive_name_guesses[i];
	return NULL;
}

static bool is_image(const struct unpacker *unpacker, const struct archive_item *item)
{
	struct archive_name name;

	return is_safe(unpacker, item->path, &name) && !name.skipped && strcmp(name.label, item->label) == 0 && item->type &&
	       item->bytes >= -1 && item->bytes <= unpacker->limits.entry_bytes;
}

static bool is_link(const struct unpacker *unpacker, const struct archive_item *item)
{
	struct archive_name name;

	return is_safe(unpacker, item->target, &name) && is_safe(unpacker, item->path, &name) && !name.skipped;
}

/* Makes `item` of `entry`; false: the worker lies. */
static bool take_item(struct unpacker *unpacker)
{
	struct unpacker_entry *entry = &unpacker->entry;
	struct archive_item *item = &unpacker->item;

	if (!is_text(entry->path, sizeof(entry->path)) || !is_text(entry->target, sizeof(entry->target)) ||
	    !is_text(entry->label, sizeof(entry->label)) || !is_text(entry->type, sizeof(entry->type)) ||
	    !is_text(entry->guessed, sizeof(entry->guessed)))
		return false;
	const struct image_type *type = image_type_of(entry->type);
	*item = (struct archive_item){.kind = entry->kind,
	                              .path = entry->path,
	                              .target = entry->target,
	                              .label = entry->label,
	                              .type = type && type->taken ? type->media : NULL,
	                              .bytes = entry->bytes,
	                              .guessed = guess_of(entry->guessed)};
	worker_failure(&entry->why, &item->err);
	switch (entry->kind) {
	case ARCHIVE_IMAGE:
		return is_image(unpacker, item);
	case ARCHIVE_LINK:
		return is_link(unpacker, item);
	case ARCHIVE_SKIPPED:
		item->skipped = item->err.text;
		return true;
	case ARCHIVE_REFUSED:
		return true;
	}
	return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

int unpacker_read(struct unpacker *unpacker, const void **bytes, size_t *len, struct err *err)
{
	*bytes = unpacker->message.bytes;
	*len = 0;
	if (unpacker->failed)
		return unpacker_fail(unpacker, &unpacker->failure, err);
	if (unpacker->last)
		return 0;
	if (unpacker_receive(unpacker, UNPACKER_BYTES, UNPACKER_LAST, err))
		return -1;
	unpacker->last = unpacker->message.what != UNPACKER_BYTES;
	if (unpacker->message.what == UNPACKER_FAILS)
		return worker_failure(&unpacker->message.why, err);
	unpacker->entry_out += (int64_t)unpacker->answered;
	unpacker->out += (int64_t)unpacker->answered;
	if (unpacker->entry_out > unpacker->limits.entry_bytes || archive_unpack_is_bomb(unpacker->in, unpacker->out))
		return unpacker_disbelieve(unpacker, err);
	*len = unpacker->answered;
	return 0;
}

/* Passes over what was not read of the last entry: a failure there is none of the archive. */
static int unpacker_pass_over(struct unpacker *unpacker, struct err *err)
{
	const void *bytes;
	size_t len;

	while (!unpacker->last)
		if (unpacker_read(unpacker, &bytes, &len, err) && unpacker->failed)
			return -1;
	unpacker->entry_out = 0;
	return 0;
}

static int next_entry(struct unpacker *unpacker, const struct archive_item **item, struct err *err)
{
	struct err failure;

	if (unpacker_receive(unpacker, UNPACKER_ENTRY, UNPACKER_END, err))
		return -1;
	unpacker->over = unpacker->message.what == UNPACKER_END;
	if (unpacker->over)
		return 0;
	if (unpacker->message.what == UNPACKER_FAILS) {
		worker_failure(&unpacker->message.why, &failure);
		return unpacker_fail(unpacker, &failure, err);
	}
	unpacker->entry = unpacker->message.entry;
	if (!take_item(unpacker) || ++unpacker->entries > unpacker->limits.entries)
		return unpacker_disbelieve(unpacker, err);
	unpacker->last = unpacker->item.kind != ARCHIVE_IMAGE;
	*item = &unpacker->item;
	return 0;
}

int unpacker_next(struct unpacker *unpacker, const struct archive_item **item, struct err *err)
{
	*item = NULL;
	if (unpacker->failed)
		return unpacker_fail(unpacker, &unpacker->failure, err);
	if (unpacker->over)
		return 0;
	return unpacker_start(unpacker, err) || unpacker_pass_over(unpacker, err) || next_entry(unpacker, item, err);
}
