/* Moves one dataset. First copies, page by page, what follows the last record in the destination: the images, then
 * the records in one durable write. Then compares everything, and copies again what differs, until a comparison
 * finds nothing. */
#include "migrate_dataset.h"

#include <inttypes.h>
#include <time.h>

#include "base/text.h"
#include "dataset/apart.h"
#include "dataset/move.h"
#include "migrate_compare.h"
#include "migrate_snapshots.h"

enum {
	/* for a store that is down, or whose last writer was killed: MongoDB ends its transaction in 60 s */
	PATIENCE_SECONDS = 90,
	PAUSE_MS = 250,
	PASSES = 4,      /* comparisons; after these the source counts as changing all the time */
	TOLD_MAX = 10,   /* missing images listed one by one */
	URL_MAX = 65536, /* bytes of an image's URL */
};

struct moving {
	struct migration *migration;
	const char *name;
	struct dataset *from, *to;
	bool whole;  /* the destination is there and whole: it is only compared */
	bool looked; /* whether the images of the first page are there already */
	struct dataset_outline outline;
	int64_t total;   /* samples in the source */
	int64_t resumed; /* those that were there before this run */
	int64_t changed; /* those that changed in the source during the move */
	int64_t snapshots;
	int passes; /* comparisons so far */
	struct progress progress;
	int64_t done, begun; /* samples copied and compared: now, and at the start, for the progress bar */
	struct compare compare;
};

static void say(struct moving *moving, const char *line)
{
	progress_end(&moving->progress);
	fprintf(stderr, "%s: %s\n", moving->name, line);
}

/* Lists missing images only in the first comparison, since every comparison finds them again. */
static void moving_missing(void *data, const char *line)
{
	struct moving *moving = data;

	if (moving->passes != 1)
		return;
	if (moving->migration->images.missing <= TOLD_MAX)
		say(moving, line);
	if (moving->migration->images.missing == TOLD_MAX)
		say(moving, "(and so on)");
}

static void show(struct moving *moving, const char *what, size_t count)
{
	const struct migrate_images *images = &moving->migration->images;
	char words[160];

	moving->done += (int64_t)count;
	/* Each sample is copied once and compared once. */
	double part = moving->total > 0 ? (double)moving->done / (2.0 * (double)moving->total) : 1;
	double begun = moving->total > 0 ? (double)moving->begun / (2.0 * (double)moving->total) : 0;
	double left = part > begun ? progress_seconds(&moving->progress) * (1 - part) / (part - begun) : -1;
	snprintf(words, sizeof(words), "%.60s: %s, %" PRId64 " images copied (%.1f MB)", moving->name, what, images->copied,
	         (double)images->copied_bytes / 1e6);
	progress_draw(&moving->progress, part < 1 ? part : 1, left, words);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Whether to repeat a failed write; if so, waits a little. */
static bool patient(const struct progress *since, const struct err *err)
{
	struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	if (err->code != ERR_UNAVAILABLE || progress_seconds(since) > (double)PATIENCE_SECONDS)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static int moving_write_outline(struct moving *moving, struct err *err)
{
	struct progress since;
	int failed;

	progress_start(&since, stderr);
	do {
		failed = dataset_restore_outline(moving->to, &moving->outline, err);
	} while (failed && patient(&since, err));
	return failed;
}

static int moving_write_records(struct moving *moving, const struct dataset_record *records, size_t count,
                                struct err *err)
{
	struct progress since;
	int failed;

	progress_start(&since, stderr);
	do {
		failed = dataset_restore_records(moving->to, records, count, err);
	} while (failed && patient(&since, err));
	return failed;
}

/* --- copying ------------------------------------------------------------------------------------------------------ */

/* Sets the image's URL in the destination; an image in the dataset's own folder keeps its URL. */
static int moving_set_url(struct moving *moving, struct dataset_record *record, struct err *err)
{
	const struct migration *migration = moving->migration;
	struct buf url, path;

	if (!record->sample.blob_key[0])
		return 0;
	buf_init(&url, URL_MAX);
	buf_init(&path, URL_MAX);
	int failed = moving->outline.policy.public_images
	                     ? blob_url(migration->images.to, record->sample.blob_key, true, 0, &path, err)
	                     : 0;
	if (path.len > 0 && path.data[0] == '/')
		buf_str(&url, migration->base_url);
	buf_str(&url, buf_text(&path));
	free(record->url);
	record->url = buf_detach(&url);
	buf_release(&path);
	return failed;
}

static int migrate_dataset_prepare(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (moving_set_url(data, &records[i], err))
			return -1;
	}
	return 0;
}

/* Copies the images first, so that a record never points to a missing image. */
static int copy_page(struct moving *moving, struct dataset_record *records, size_t count, bool look, struct err *err)
{
	return migrate_dataset_prepare(moving, records, count, err) ||
	       migrate_images_take(&moving->migration->images, records, count, look, err) ||
	       moving_write_records(moving, records, count, err);
}

static int copy_next(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	struct moving *moving = data;
	int failed = copy_page(moving, records, count, !moving->looked, err);

	moving->looked = true;
	show(moving, "copying", count);
	return failed;
}

/* Copies what follows the last record in the destination. Some images of the first page may have been copied before. */
static int copy_rest(struct moving *moving, int64_t after, struct err *err)
{
	moving->looked = false;
	return dataset_each_page(moving->from, after, MIGRATE_PAGE, copy_next, moving, err);
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static int mend(void *data, const struct dataset_record *records, size_t count, struct err *err)
{
	struct moving *moving = data;

	return migrate_images_take(&moving->migration->images, records, count, true, err) ||
	       moving_write_records(moving, records, count, err);
}

static int moving_check_images(void *data, const struct dataset_record *records, size_t count, struct err *err)
{
	struct moving *moving = data;
	int failed = migrate_images_take(&moving->migration->images, records, count, true, err);

	show(moving, "comparing", count);
	return failed;
}

/* Reads the source's outline again. *changed says whether it differs from the one that was written. */
static int take_outline(struct moving *moving, bool *changed, struct err *err)
{
	struct dataset_outline now;

	if (dataset_outline(moving->from, &now, err))
		return -1;
	*changed = !moving->outline.base_dir || !dataset_outline_equal(&moving->outline, &now);
	dataset_outline_release(&moving->outline);
	moving->outline = now;
	moving->migration->images.public_read = now.policy.public_images;
	return 0;
}

/* Compares once. *clean when nothing differed and nothing was mended. */
static int compare_once(struct moving *moving, bool *clean, struct err *err)
{
	struct migrate_images *images = &moving->migration->images;
	bool changed;

	images->missing = 0;
	moving->done = moving->total;
	moving->passes++;
	if (migrate_compare(&moving->compare, err) || take_outline(moving, &changed, err))
		return -1;
	if (changed && !moving->whole && moving_write_outline(moving, err))
		return -1;
	images->publish = changed;
	moving->changed += moving->compare.differing + changed;
	if (moving->compare.extra > 0)
		return err_set(err, ERR_CONFLICT,
		               "%" PRId64 " samples are in the destination that the source does not have: it is not the same "
		               "source any more (--restart drops them)",
		               moving->compare.extra);
	*clean = moving->compare.differing == 0 && !changed;
	return 0;
}

static int check_missing(const struct moving *moving, struct err *err)
{
	int64_t missing = moving->migration->images.missing;

	if (missing == 0 || moving->migration->allow_missing)
		return 0;
	return err_set(err, ERR_CONFLICT,
	               "%" PRId64 " images are missing or damaged in the source, see above: put them back and run this again, "
	               "or say --allow-missing",
	               missing);
}

static int compare_until_same(struct moving *moving, struct err *err)
{
	char before[HASH_SHA256_HEX] = "";
	bool clean = false;

	while (!clean && moving->passes < PASSES) {
		memcpy(before, moving->compare.digest[0], sizeof(before));
		if (compare_once(moving, &clean, err))
			return -1;
	}
	if (!clean && strcmp(before, moving->compare.digest[0]) == 0)
		return err_set(err, ERR_CONFLICT,
		               "source and destination differ, although it was copied again: in %" PRId64
		               " samples, the first of them %" PRId64,
		               moving->compare.differing, moving->compare.first_differing);
	if (!clean)
		return err_set(err, ERR_CONFLICT, "the source changes all the time: stop its server, and run this again");
	return migrate_snapshots(moving->from, moving->to, &moving->migration->images, &moving->snapshots, err) ||
	       check_missing(moving, err) || migrate_compare_counts(moving->from, moving->to, err);
}

/* Only compares: the destination may be in use by now. */
static int compare_whole(struct moving *moving, struct err *err)
{
	struct dataset_outline to;
	bool changed;

	if (take_outline(moving, &changed, err) || dataset_outline(moving->to, &to, err))
		return -1;
	bool same = dataset_outline_equal(&moving->outline, &to);
	dataset_outline_release(&to);
	moving->compare.mend = NULL;
	moving->done = moving->total;
	moving->passes = 1;
	if (migrate_compare(&moving->compare, err))
		return -1;
	if (!same || moving->compare.differing > 0 || moving->compare.extra > 0)
		return err_set(err, ERR_CONFLICT,
		               "it was moved there already, and one of the two was changed since: nothing was done");
	return check_missing(moving, err) || migrate_compare_counts(moving->from, moving->to, err);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static char *origin_of(const struct migration *migration, const char *name)
{
	struct buf origin;

	buf_init(&origin, 4 * TEXT_FILEPATH_MAX);
	dataset_store_place(migration->from, &origin);
	buf_printf(&origin, ", dataset %s", name);
	return buf_detach(&origin);
}

/* Whether the destination is whole, and came from this source. */
static bool is_moved(struct moving *moving, const char *origin)
{
	struct err err;
	char *from;

	if (dataset_open(moving->migration->to, moving->name, &moving->to, &err))
		return false;
	bool same = dataset_note_get(moving->to, DATASET_ORIGIN, &from, &err) == 0 && from && strcmp(from, origin) == 0;
	if (!same) {
		dataset_close(moving->to);
		moving->to = NULL;
	} else {
		free(from);
	}
	return same;
}

static int drop_unfinished(struct moving *moving, struct err *err)
{
	if (!moving->migration->restart || dataset_restore_drop(moving->migration->to, moving->name, err) == 0)
		return 0;
	return err->code != ERR_NOT_FOUND;
}

static int moving_open_destination(struct moving *moving, int64_t *last, struct err *err)
{
	char *origin = origin_of(moving->migration, moving->name);
	struct progress since;
	int failed;

	progress_start(&since, stderr);
	do {
		failed = drop_unfinished(moving, err) ||
		         dataset_restore_open(moving->migration->to, moving->name, origin, &moving->to, last, err);
	} while (failed && patient(&since, err));
	if (failed && err->code == ERR_CONFLICT && is_moved(moving, origin)) {
		moving->whole = true;
		failed = 0;
	}
	free(origin);
	return failed;
}

static int moving_open_source(struct moving *moving, struct err *err)
{
	struct dataset_counts counts;
	char line[160];

	if (dataset_open(moving->migration->from, moving->name, &moving->from, err)) {
		struct buf place;

		buf_init(&place, 4 * TEXT_FILEPATH_MAX);
		dataset_store_place(moving->migration->from, &place);
		if (err->code == ERR_NOT_FOUND)
			err_set(err, ERR_NOT_FOUND, "there is no such dataset in %s", buf_text(&place));
		buf_release(&place);
		return -1;
	}
	if (dataset_counts(moving->from, &counts, err))
		return -1;
	moving->total = counts.size;
	snprintf(line, sizeof(line), "%" PRId64 " leases stay behind: their samples are free in the destination",
	         counts.leased);
	if (counts.leased > 0)
		say(moving, line);
	return 0;
}

static int move(struct moving *moving, struct err *err)
{
	struct dataset_outline there;
	int64_t last;
	bool changed;

	if (moving_open_source(moving, err) || moving_open_destination(moving, &last, err))
		return -1;
	moving->compare = (struct compare){.from = moving->from,
	                                   .to = moving->to,
	                                   .prepare = migrate_dataset_prepare,
	                                   .mend = mend,
	                                   .page = moving_check_images,
	                                   .data = moving};
	if (moving->whole)
		return compare_whole(moving, err);
	if (dataset_size(moving->to, &moving->resumed, err) || dataset_outline(moving->to, &there, err))
		return -1;
	int failed = take_outline(moving, &changed, err);
	/* If an earlier run copied images under another policy, they follow the present one. */
	moving->migration->images.publish =
		!failed && moving->resumed > 0 && there.policy.public_images != moving->outline.policy.public_images;
	dataset_outline_release(&there);
	if (failed || moving_write_outline(moving, err))
		return -1;
	moving->done = moving->begun = moving->resumed;
	if (copy_rest(moving, last, err) || compare_until_same(moving, err))
		return -1;
	struct dataset *to = moving->to;
	moving->to = NULL;
	return dataset_restore_finish(to, err) ||
	       apart_settle(moving->migration->to, moving->migration->to_config, NULL, err);
}

static void report(const struct moving *moving)
{
	const struct compare *compare = &moving->compare;
	const struct migrate_images *images = &moving->migration->images;

	printf("%s: %s\n", moving->name, moving->whole ? "was moved already, and is the same" : "moved");
	printf("  %-14s %10" PRId64, "samples", compare->samples);
	if (moving->resumed > 0)
		printf("   (%" PRId64 " of them before)", moving->resumed);
	printf("\n  %-14s %10zu\n", "labels", moving->outline.label_count);
	printf("  %-14s %10" PRId64 "\n", "label events", compare->events);
	if (compare->votes > 0)
		printf("  %-14s %10" PRId64 "\n", "votes", compare->votes);
	printf("  %-14s %10" PRId64 "   %.1f MB; copied now: %" PRId64 "\n", "images", compare->images,
	       (double)compare->image_bytes / 1e6, images->copied);
	if (moving->snapshots > 0)
		printf("  %-14s %10" PRId64 "\n", "snapshots", moving->snapshots);
	if (images->missing > 0)
		printf("  %-14s %10" PRId64 "\n", "missing images", images->missing);
	printf("  %-14s %10s   source and destination agree: counts, images, sha256 %s\n", "check", "the same",
	       compare->digest[0]);
}

int migrate_dataset(struct migration *migration, const char *name, struct err *err)
{
	struct moving moving = {.migration = migration, .name = name};
	char line[256];

	migration->images.copied = migration->images.copied_bytes = migration->images.missing = 0;
	migration->images.tell = moving_missing;
	migration->images.data = &moving;
	progress_start(&moving.progress, stderr);
	int failed = move(&moving, err);
	progress_end(&moving.progress);
	if (!failed && !moving.whole && moving.changed > 0) {
		snprintf(line, sizeof(line),
		         "the source was changed while it was moved (%" PRId64 " changes were copied, too): what is changed there "
		         "from now on stays there",
		         moving.changed);
		say(&moving, line);
	}
	if (!failed)
		report(&moving);
	dataset_outline_release(&moving.outline);
	dataset_close(moving.from);
	dataset_close(moving.to);
	return failed;
}

void migrate_base_url(const struct config *config, const char *given, struct buf *out)
{
	bool https = config->listen.https_port > 0;
	int64_t port = https ? config->listen.https_port : config->listen.http_port;

	if (given) {
		size_t len = strlen(given);

		while (len > 0 && given[len - 1] == '/')
			len--;
		buf_add(out, given, len);
		return;
	}
	buf_printf(out, "%s://%s", https ? "https" : "http",
	           config->listen.server_name[0] ? config->listen.server_name : "localhost");
	if (port != (https ? 443 : 80))
		buf_printf(out, ":%lld", (long long)port);
}
