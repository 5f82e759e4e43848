/* Goes through an archive's entries, and answers for each in order, while the bytes of several images are being
 * stored. */
#include "import.h"

#include "base/json.h"
#include "base/memory.h"
#include "fastcgi/lines.h"
#include "fastcgi/meter.h"
#include "store.h"

enum {
	THREADS = 4,
	UNDER_WAY_MAX = 8, /* images, each in memory up to SPOOL_MEMORY_BYTES */
	LOST_MAX = 8,      /* images in a row that failed because a store is down */
};

/* Images that were read, and not yet answered for; a ring. */
struct under_way {
	struct crew *crew;
	struct entry entries[UNDER_WAY_MAX];
	size_t first, count;
};

static struct entry *import_nth(struct under_way *under_way, size_t n)
{
	return &under_way->entries[(under_way->first + n) % UNDER_WAY_MAX];
}

static int import_tell(struct import *import, const struct entry *entry, struct err *err)
{
	cJSON *line = json_new_object();

	json_add_string(line, "path", entry->path);
	import->lost = entry->failed && err_is_down(&entry->err) ? import->lost + 1 : 0;
	if (entry->failed) {
		import->failed++;
		meter_note_failure(import->call->app->meter, &entry->err);
		if (import->lost)
			import->store = entry->err;
		json_add_string(line, "error", entry->err.text);
		return lines_add(&import->lines, line, err);
	}
	archive_links_set(import->links, entry->path, entry->sample.id);
	json_add_int64(line, "id", entry->sample.id);
	if (entry->duplicate)
		json_add_bool(line, "duplicate", true);
	*(entry->duplicate ? &import->duplicates : &import->stored) += 1;
	return lines_add(&import->lines, line, err);
}

/* Finishes the oldest images until only `left` remain, even after one whose answer cannot be added. */
static int import_finish(struct import *import, size_t left, struct err *err)
{
	struct under_way *under_way = import->under_way;
	struct err later;
	int failed = 0;

	while (under_way->count > left) {
		struct entry *entry = import_nth(under_way, 0);

		crew_wait(under_way->crew, &entry->job);
		entry_finish(entry);
		failed = import_tell(import, entry, failed ? &later : err) || failed;
		entry_release(entry);
		under_way->first = (under_way->first + 1) % UNDER_WAY_MAX;
		under_way->count--;
	}
	return failed;
}

/* How many of the images under way may remain while this one is stored. None from a similar one on: then of two such
 * images the first is stored, and the second is refused or found to be a duplicate before its bytes are stored. */
static size_t may_stay(struct under_way *under_way, const struct entry *entry)
{
	size_t count = under_way->count;

	while (count > 0 && !entry_follows(entry, import_nth(under_way, count - 1)))
		count--;
	return under_way->count - count;
}

static int take_image(struct import *import, const struct archive_item *item, struct err *err)
{
	struct under_way *under_way = import->under_way;

	if (!under_way->crew) /* not earlier, so that an archive that is slow to begin holds only one thread */
		under_way->crew = crew_start(THREADS, entry_work);
	if (import_finish(import, UNDER_WAY_MAX - 1, err))
		return -1;
	struct entry *entry = import_nth(under_way, under_way->count);
	entry_read(entry, import->call, import->unpacker, item);
	size_t left = entry->failed ? under_way->count : may_stay(under_way, entry);
	if (import_finish(import, left, err)) {
		entry_release(entry);
		return -1;
	}
	if (!entry->failed)
		entry->failed = store_prepare(import->call, &import->ingest, entry->label, &entry->err) != 0;
	store_spell_label(import->call, entry->label);
	entry->ingest = &import->ingest;
	crew_give(under_way->crew, &entry->job);
	under_way->count++;
	return 0;
}

/* A hard link has its target's bytes, so it is a duplicate of the target's image. */
static void tell_link(struct import *import, const struct archive_item *item, cJSON *line)
{
	int64_t id;

	if (archive_links_get(import->links, item->target, &id)) {
		import->duplicates++;
		archive_links_set(import->links, item->path, id);
		json_add_int64(line, "id", id);
		json_add_bool(line, "duplicate", true);
	} else {
		import->failed++;
		json_add_string(line, "error", "the entry is a link to something that was not stored as an image from the archive");
	}
}

static int take_other(struct import *import, const struct archive_item *item, struct err *err)
{
	cJSON *line = json_new_object();

	json_add_string(line, "path", item->path);
	if (item->kind == ARCHIVE_LINK) {
		if (import_finish(import, 0, err)) { /* its target may still be under way */
			cJSON_Delete(line);
			return -1;
		}
		tell_link(import, item, line);
	} else if (item->kind == ARCHIVE_SKIPPED) {
		import->skipped++;
		json_add_string(line, "skipped", item->skipped);
	} else {
		import->failed++;
		json_add_string(line, "error", item->err.text);
	}
	if (import_finish(import, 0, err)) {
		cJSON_Delete(line);
		return -1;
	}
	return lines_add(&import->lines, line, err);
}

/* error: why the archive could not be read to its end; NULL when it was. */
static int import_summarise(struct import *import, const char *error, struct err *err)
{
	cJSON *line = json_new_object(), *summary = json_new_object();

	json_add_int64(summary, "loaded", import->stored);
	json_add_int64(summary, "duplicate", import->duplicates);
	json_add_int64(summary, "skipped", import->skipped);
	json_add_int64(summary, "failed", import->failed);
	if (import->guessed) {
		char warning[200];

		snprintf(warning, sizeof(warning),
		         "the names of %lld entries are not UTF-8 and were read as %s: give their charset as ?names=, "
		         "such as names=cp932", (long long)import->guessed, import->guess);
		json_add_string(summary, "warning", warning);
	}
	if (error)
		json_add_string(summary, "error", error);
	json_add(line, "summary", summary);
	return lines_add(&import->lines, line, err);
}

/* Fails with err; or with broken, when the archive cannot be read any further, or a store is down. */
static int import_all(struct import *import, struct err *broken, struct err *err)
{
	struct under_way *under_way = import->under_way = memory_new(1, sizeof(*under_way));
	const struct archive_item *item;
	struct err later;
	int failed;

	while ((failed = unpacker_next(import->unpacker, &item, broken)) == 0 && item) {
		import->guessed += item->guessed != NULL;
		import->guess = item->guessed ? item->guessed : import->guess;
		failed = item->kind == ARCHIVE_IMAGE ? take_image(import, item, err) : take_other(import, item, err);
		if (import->lost >= LOST_MAX)
			err_set(broken, import->store.code, "%s; what comes after was not tried", import->store.text);
		if (failed || broken->code != ERR_NONE)
			break;
	}
	if (import_finish(import, 0, failed && broken->code == ERR_NONE ? &later : err)) {
		broken->code = ERR_NONE;
		failed = -1;
	}
	if (under_way->crew)
		crew_end(under_way->crew);
	free(under_way);
	return failed;
}

int import_run(struct import *import, struct err *err)
{
	struct err broken = {0};

	spool_init(&import->lines, call_spool_dir(import->call), INT64_MAX);
	import->links = archive_links_new();
	int failed = import_all(import, &broken, err);
	if (import->lost > 0 && import->stored + import->duplicates == 0) {
		*err = import->store;
		err->origin = ERR_FROM_ANYWHERE; /* its entry was counted */
		failed = -1;
	} else if (broken.code != ERR_NONE && import->lines.length == 0) {
		*err = broken;
	} else if (!failed || broken.code != ERR_NONE) {
		failed = import_summarise(import, broken.code == ERR_NONE ? NULL : broken.text, err);
		request_drain(import->call->request); /* what follows the archive, or its broken place */
		failed = failed || lines_send(&import->lines, import->call->reply, err);
	}
	spool_release(&import->lines);
	archive_links_free(import->links);
	return failed;
}
