/* Checks one dataset. Its records are read as of one moment, together with the counts that were kept then. What they
 * say of images is noted on the way, and looked at again afterwards: by then a sample may have been removed. */
#include "check_dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "check_stats.h"
#include "blob/locate.h"
#include "dataset/integrity.h"
#include "dataset/move.h"
#include "dataset/snapshot.h"

enum { TRIES = 40, PAUSE_MS = 250 };

struct label_count {
	char *name;
	int64_t kept, counted;
};
struct suspect {
	int64_t id;
	enum check_kind kind;
};
struct checking {
	struct check *check;
	struct dataset *dataset;
	const char *name;
	char *base_dir;
	struct dataset_counts kept, counted;
	struct label_count *labels; /* in byte order */
	size_t label_count;
	struct check_stats *stats; /* NULL: none are kept */
	struct suspect *suspects;
	size_t suspect_count;
	int64_t samples;
};

/* --- counting ----------------------------------------------------------------------------------------------------- */

static int by_label_name(const void *a, const void *b)
{
	return strcmp(((const struct label_count *)a)->name, ((const struct label_count *)b)->name);
}

static int64_t *of_state(struct dataset_counts *counts, enum sample_state state)
{
	int64_t *const by_state[SAMPLE_STATES] = {&counts->unlabelled, &counts->labelled, &counts->skipped,
	                                          &counts->unreadable, &counts->review};

	return by_state[state];
}

static void empty_checking(struct checking *checking)
{
	for (size_t i = 0; i < checking->label_count; i++)
		free(checking->labels[i].name);
	free(checking->labels);
	free(checking->suspects);
	free(checking->base_dir);
	check_stats_free(checking->stats);
	*checking = (struct checking){.check = checking->check, .dataset = checking->dataset, .name = checking->name};
}

static int check_outline(void *data, struct dataset_outline *outline, struct err *err)
{
	struct checking *checking = data;

	(void)err;
	checking->base_dir = memory_text(outline->base_dir);
	return 0;
}

static int check_kept(void *data, const struct dataset_counts *counts, const struct dataset_labels *labels,
                      const struct stats_kept *stats, struct err *err)
{
	struct checking *checking = data;

	(void)err;
	checking->kept = *counts;
	checking->stats = stats ? check_stats_new(stats) : NULL;
	checking->labels = memory_new(labels->count + 1, sizeof(*checking->labels));
	for (size_t i = 0; i < labels->count; i++)
		checking->labels[checking->label_count++] =
			(struct label_count){.name = memory_text(labels->item[i].name), .kept = labels->item[i].count};
	if (checking->label_count > 1)
		qsort(checking->labels, checking->label_count, sizeof(*checking->labels), by_label_name);
	return 0;
}

static void check_count_sample(struct checking *checking, const struct sample *sample)
{
	struct label_count wanted = {.name = sample->label};
	struct label_count *label =
		sample->label[0] && checking->label_count > 0
			? bsearch(&wanted, checking->labels, checking->label_count, sizeof(wanted), by_label_name)
			: NULL;

	checking->counted.size++;
	++*of_state(&checking->counted, sample->state);
	checking->counted.gold += sample->gold;
	if (sample->bytes > 0)
		checking->counted.bytes += sample->bytes;
	if (label)
		label->counted++;
}

static void note_fix(struct checking *checking, struct dataset_count_fix **fixes, size_t *count, const char *what,
                     int64_t kept, int64_t counted, struct dataset_count_fix fix)
{
	if (kept == counted)
		return;
	check_found(checking->check->report, CHECK_COUNTS, checking->check->repair,
	            "%s: %s: kept %" PRId64 ", counted %" PRId64, checking->name, what, kept, counted);
	fix.by = counted - kept;
	*fixes = memory_grow(*fixes, *count + 1, sizeof(**fixes));
	(*fixes)[(*count)++] = fix;
}

static void tell_stats(void *data, const char *what, int64_t kept, int64_t counted)
{
	const struct checking *checking = data;

	check_found(checking->check->report, CHECK_STATS, checking->check->repair,
	            "%s: %s: kept %" PRId64 ", counted %" PRId64, checking->name, what, kept, counted);
}

static int compare_stats(struct checking *checking, struct err *err)
{
	struct dataset_stats_fix *fixes;

	if (!checking->stats)
		return 0;
	size_t count = check_stats_differing(checking->stats, &fixes, tell_stats, checking);
	int failed = checking->check->repair && dataset_fix_stats(checking->dataset, fixes, count, err);
	free(fixes);
	return failed;
}

static int compare_counts(struct checking *checking, struct err *err)
{
	struct dataset_counts *kept = &checking->kept, *counted = &checking->counted;
	struct dataset_count_fix *fixes = NULL;
	size_t count = 0;

	note_fix(checking, &fixes, &count, "samples", kept->size, counted->size,
	         (struct dataset_count_fix){.kind = DATASET_COUNT_SIZE});
	note_fix(checking, &fixes, &count, "known answers", kept->gold, counted->gold,
	         (struct dataset_count_fix){.kind = DATASET_COUNT_GOLD});
	note_fix(checking, &fixes, &count, "bytes of images", kept->bytes, counted->bytes,
	         (struct dataset_count_fix){.kind = DATASET_COUNT_BYTES});
	for (int i = 0; i < SAMPLE_STATES; i++) {
		enum sample_state state = (enum sample_state)i;

		note_fix(checking, &fixes, &count, sample_state_name(state), *of_state(kept, state), *of_state(counted, state),
		         (struct dataset_count_fix){.kind = DATASET_COUNT_STATE, .state = state});
	}
	for (size_t i = 0; i < checking->label_count; i++)
		note_fix(checking, &fixes, &count, checking->labels[i].name, checking->labels[i].kept,
		         checking->labels[i].counted,
		         (struct dataset_count_fix){.kind = DATASET_COUNT_LABEL, .label = checking->labels[i].name});
	int failed = checking->check->repair && dataset_fix_counts(checking->dataset, fixes, count, err);
	free(fixes);
	return failed;
}

/* --- each sample -------------------------------------------------------------------------------------------------- */

static void suspect(struct checking *checking, int64_t id, enum check_kind kind)
{
	if ((checking->suspect_count & (checking->suspect_count + 1)) == 0) /* when room for 1, 3, 7, … is used up */
		checking->suspects =
			memory_grow(checking->suspects, 2 * checking->suspect_count + 1, sizeof(*checking->suspects));
	checking->suspects[checking->suspect_count++] = (struct suspect){id, kind};
}

static void look_for_image(struct checking *checking, const struct sample *sample)
{
	const struct config_list *roots = &checking->check->config->image_roots;
	struct located file;
	struct located_id id;
	int64_t bytes;

	if (sample->blob_key[0]) {
		if (!check_objects_named(checking->check->objects, sample->blob_key, &bytes))
			suspect(checking, sample->id, CHECK_MISSING);
		else if (sample->bytes > 0 && bytes != sample->bytes)
			suspect(checking, sample->id, CHECK_SIZE);
		return;
	}
	if (locate_glance(checking->base_dir, sample->filepath, &id) != LOCATE_THERE &&
	    locate_file(checking->base_dir, sample->filepath, roots, &file, NULL))
		suspect(checking, sample->id, CHECK_FOLDER);
}

/* Whether something in its history says the sample's label. */
static bool is_said(const struct dataset_record *record)
{
	const struct sample *sample = &record->sample;
	bool said = !sample->label[0];

	for (size_t i = 0; !said && i < record->event_count; i++)
		said = strcmp(record->events[i].label, sample->label) == 0;
	if (sample->state == SAMPLE_LABELLED && !sample->label[0])
		return false;
	return said && !(sample->state == SAMPLE_UNLABELLED && sample->label[0]);
}

static int check_records(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	struct checking *checking = data;
	int64_t bytes;

	(void)err;
	for (size_t i = 0; i < count; i++) {
		const struct dataset_record *record = &records[i];

		if (record->removed) { /* its image is still to be removed by the server */
			if (record->removed->due && record->removed->blob_key[0])
				check_objects_named(checking->check->objects, record->removed->blob_key, &bytes);
			continue;
		}
		check_count_sample(checking, &record->sample);
		look_for_image(checking, &record->sample);
		if (checking->stats)
			check_stats_count(checking->stats, record);
		if (!is_said(record))
			suspect(checking, record->sample.id, CHECK_HISTORY);
	}
	return 0;
}

/* --- looking again ------------------------------------------------------------------------------------------------ */

/* Whether the image is still not as the sample says. */
static int suspect_look_again(struct checking *checking, const struct sample *sample, enum check_kind kind, bool *wrong,
                              struct err *err)
{
	struct located file;
	struct blob_info info;

	*wrong = true;
	if (kind == CHECK_HISTORY)
		return 0;
	if (kind == CHECK_FOLDER) {
		int failed = locate_file(checking->base_dir, sample->filepath, &checking->check->config->image_roots, &file, err);

		*wrong = failed != 0;
		return 0;
	}
	if (blob_stat(checking->check->blobs, sample->blob_key, &info, err))
		return err->code != ERR_NOT_FOUND;
	*wrong = kind == CHECK_SIZE && info.bytes != sample->bytes;
	return 0;
}

static int settle_suspect(struct checking *checking, const struct suspect *suspect, struct err *err)
{
	struct sample sample;
	bool wrong = false;

	if (dataset_sample(checking->dataset, suspect->id, &sample, err))
		return err->code != ERR_NOT_FOUND; /* it was removed meanwhile */
	int failed = suspect_look_again(checking, &sample, suspect->kind, &wrong, err);
	if (!failed && wrong)
		check_found(checking->check->report, suspect->kind, false, "%s: sample %" PRId64 " (%s)%s%s", checking->name,
		            sample.id, sample.filepath, sample.blob_key[0] ? ": " : "", sample.blob_key);
	sample_release(&sample);
	return failed;
}

static int settle_suspects(struct checking *checking, struct err *err)
{
	for (size_t i = 0; i < checking->suspect_count; i++) {
		if (settle_suspect(checking, &checking->suspects[i], err))
			return -1;
	}
	return 0;
}

static int check_manifest(void *data, struct snapshot *snapshot, struct err *err)
{
	struct checking *checking = data;
	struct blob_info info;
	int64_t bytes;

	if (check_objects_named(checking->check->objects, snapshot->blob_key, &bytes) ||
	    blob_stat(checking->check->blobs, snapshot->blob_key, &info, err) == 0)
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	check_found(checking->check->report, CHECK_MISSING, false, "%s: the manifest of snapshot %s: %s", checking->name,
	            snapshot->name, snapshot->blob_key);
	return 0;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void tell_damage(void *data, const char *what)
{
	const struct checking *checking = data;

	check_found(checking->check->report, CHECK_DATABASE, false, "%s: %s", checking->name, what);
}

/* Again while a label is being renamed or merged, or the store is down for a moment. */
static int read_all(struct checking *checking, struct err *err)
{
	const struct dataset_export to = {
		.outline = check_outline, .records = check_records, .counts = check_kept, .data = checking};
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (int tries = 0;; tries++) {
		if (dataset_export(checking->dataset, &to, err) == 0)
			return 0;
		if ((err->code != ERR_CONFLICT && err->code != ERR_UNAVAILABLE) || tries == TRIES)
			return -1;
		empty_checking(checking);
		nanosleep(&pause, NULL);
	}
}

static int check_opened(struct checking *checking, struct err *err)
{
	return dataset_integrity(checking->dataset, checking->check->thorough, tell_damage, checking, err) ||
	       read_all(checking, err) || compare_counts(checking, err) || compare_stats(checking, err) ||
	       settle_suspects(checking, err) || snapshot_each(checking->dataset, check_manifest, checking, err);
}

int check_dataset(struct check *check, const char *name, struct err *err)
{
	struct checking checking = {.check = check, .name = name};
	int failed = dataset_open(check->store, name, &checking.dataset, err);

	if (failed && err->code == ERR_NOT_FOUND) /* it was removed meanwhile */
		return 0;
	failed = failed || check_opened(&checking, err);
	if (failed && err->code == ERR_INTERNAL)
		check_found(check->report, CHECK_DATABASE, false, "%s: %s", name, err->text);
	check->report->datasets++;
	check->report->samples += checking.counted.size;
	empty_checking(&checking);
	dataset_close_passing(checking.dataset);
	return failed;
}
