/* Makes one backup. Each dataset is first copied, as of one moment, into a SQLite database of this machine; only then
 * are its images copied that the place lacks, which may take hours. The manifest comes last. */
#include "backup_take.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backup_users.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/audit.h"
#include "dataset/move.h"
#include "dataset/snapshot.h"
#include "migrate_audit.h"
#include "migrate_compare.h"
#include "migrate_images.h"
#include "migrate_snapshots.h"

enum {
	TRIES = 40, /* of reading a dataset: a label may be being renamed, which takes a minute in a large one */
	PAUSE_MS = 100,
	PAUSE_MAX_MS = 5000,
	TOLD_MAX = 10, /* missing images listed one by one */
};

struct taking {
	struct backup_run *run;
	struct backup_manifest *manifest;
	struct dataset_store *from, *stage;
	struct migrate_images images;
	FILE *keys; /* of all images */
	const char *name;
	struct dataset *source, *copy;
	struct hash_stream *digest;
	struct backup_part part;
};

static void tell_missing(void *data, const char *line)
{
	const struct taking *taking = data;

	if (taking->images.missing <= TOLD_MAX)
		fprintf(stderr, "image-label-backup: %s: %s\n", taking->name, line);
}

/* --- the dataset as of one moment --------------------------------------------------------------------------------- */

static int take_outline_copied(void *data, struct dataset_outline *outline, struct err *err)
{
	return dataset_restore_outline(((struct taking *)data)->copy, outline, err);
}

static int take_records(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	return dataset_restore_records(((struct taking *)data)->copy, records, count, err);
}

static int copy_once(struct taking *taking, struct err *err)
{
	const struct dataset_export to = {.outline = take_outline_copied, .records = take_records, .data = taking};
	int64_t last;

	return dataset_restore_open(taking->stage, taking->name, taking->manifest->id, &taking->copy, &last, err) ||
	       dataset_export(taking->source, &to, err);
}

static void pause_for(int tries)
{
	long ms = (long)PAUSE_MS << (tries < 6 ? tries : 6);
	struct timespec pause = {.tv_sec = (ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS) / 1000,
	                         .tv_nsec = (ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS) % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

/* Repeats what fails for a while: a label that is being renamed or merged, a store that is down. */
static int copy_dataset(struct taking *taking, struct err *err)
{
	for (int tries = 0;; tries++) {
		if (copy_once(taking, err) == 0)
			return 0;
		dataset_close(taking->copy);
		taking->copy = NULL;
		if ((err->code != ERR_CONFLICT && err->code != ERR_UNAVAILABLE) || tries == TRIES)
			return -1;
		struct err ignored;
		dataset_restore_drop(taking->stage, taking->name, &ignored);
		pause_for(tries);
	}
}

/* --- its images --------------------------------------------------------------------------------------------------- */

/* A sample that was removed meanwhile, with its image, is a removed one in the backup, too. */
static int take_removals(struct taking *taking, const struct dataset_record *records, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct dataset_record *now;
		size_t found;

		if (!records[i].sample.blob_key[0])
			continue;
		if (dataset_records(taking->source, records[i].sample.id - 1, 1, &now, &found, err))
			return -1;
		bool removed = found == 1 && now[0].removed && now[0].sample.id == records[i].sample.id;
		int failed = removed && dataset_restore_records(taking->copy, now, 1, err);
		taking->images.missing -= removed;
		for (size_t k = 0; k < found; k++)
			dataset_record_release(&now[k]);
		free(now);
		if (failed)
			return -1;
	}
	return 0;
}

static int take_images(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	struct taking *taking = data;
	int64_t missing = taking->images.missing;

	return migrate_images_take(&taking->images, records, count, true, err) ||
	       (taking->images.missing > missing && take_removals(taking, records, count, err));
}

static void taking_count(struct taking *taking, const struct dataset_record *record)
{
	unsigned char digest[HASH_SHA256_SIZE];

	dataset_record_digest(record, digest);
	hash_stream_update(taking->digest, digest, sizeof(digest));
	taking->part.samples += !record->removed;
	if (record->sample.blob_key[0]) {
		taking->part.images++;
		taking->part.image_bytes += record->sample.bytes;
		fprintf(taking->keys, "%s\n", record->sample.blob_key);
	} else if (!record->removed) {
		taking->part.in_folder++;
	}
}

static int count_page(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < count; i++)
		taking_count(data, &records[i]);
	return 0;
}

static int note_manifest(void *data, struct snapshot *snapshot, struct err *err)
{
	const struct taking *taking = data;

	(void)err;
	fprintf(taking->keys, "%s\n", snapshot->blob_key);
	return 0;
}

static int take_snapshots(struct taking *taking, struct err *err)
{
	int64_t found;

	return migrate_snapshots(taking->source, taking->copy, &taking->images, &found, err) ||
	       snapshot_each(taking->copy, note_manifest, taking, err);
}

/* --- one dataset after the other ---------------------------------------------------------------------------------- */

static int take_copied(struct taking *taking, struct err *err)
{
	unsigned char digest[64];

	if (dataset_each_page(taking->copy, -1, MIGRATE_PAGE, take_images, taking, err) || take_snapshots(taking, err))
		return -1;
	taking->digest = hash_stream_new("sha256");
	int failed = dataset_each_page(taking->copy, -1, MIGRATE_PAGE, count_page, taking, err);
	hash_stream_final(taking->digest, digest);
	hash_hex(digest, HASH_SHA256_SIZE, taking->part.digest);
	taking->part.missing = taking->images.missing;
	return failed;
}

static int take_dataset(struct taking *taking, struct err *err)
{
	if (dataset_open(taking->from, taking->name, &taking->source, err))
		return -1;
	taking->images.missing = 0;
	int failed = copy_dataset(taking, err) || take_copied(taking, err);
	if (!failed) {
		struct dataset *copy = taking->copy;

		taking->copy = NULL;
		failed = dataset_restore_finish(copy, err);
	}
	dataset_close(taking->copy);
	dataset_close_passing(taking->source);
	taking->copy = taking->source = NULL;
	return failed;
}

/* Only failures of this place are the whole backup's. */
static int take_or_note(void *data, const char *name, struct err *err)
{
	struct taking *taking = data;

	taking->name = name;
	taking->part = (struct backup_part){.kind = BACKUP_DATASET, .name = memory_text(taking->name)};
	if (take_dataset(taking, err) == 0) {
		char *path = memory_format("%s/%s.db", taking->run->place.config.sqlite_db_dir, taking->name);
		int failed = dataset_store_fold(taking->stage, err) ||
		             backup_part_put(&taking->run->place, taking->manifest, &taking->part, path, err);

		if (!failed)
			unlink(path);
		free(path);
		return failed;
	}
	if (err->code == ERR_NO_SPACE || err->code == ERR_NOT_FOUND) {
		free(taking->part.name);
		return err->code == ERR_NO_SPACE; /* not found: it was removed meanwhile */
	}
	fprintf(stderr, "image-label-backup: %s: %s\n", taking->name, err->text);
	taking->part = (struct backup_part){.kind = BACKUP_FAILED, .name = taking->part.name};
	return backup_part_put(&taking->run->place, taking->manifest, &taking->part, NULL, err);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static bool wants_all(void *data, const char *dataset)
{
	(void)data;
	(void)dataset;
	return true;
}

static int take_file(struct taking *taking, enum backup_kind kind, const char *path, struct err *err)
{
	struct backup_part part = {.kind = kind, .name = memory_text("")};

	return backup_part_put(&taking->run->place, taking->manifest, &part, path, err);
}

static int take_audit(struct taking *taking, struct err *err)
{
	char *path = memory_format("%s/" BACKUP_AUDIT_FILE, taking->run->place.config.sqlite_db_dir);
	int64_t count;
	int failed = migrate_audit_log(taking->from, taking->stage, wants_all, NULL, &count, err) ||
	             dataset_store_fold(taking->stage, err);

	dataset_store_free(taking->stage);
	taking->stage = NULL;
	if (!failed && access(path, F_OK) == 0)
		failed = take_file(taking, BACKUP_AUDIT, path, err);
	free(path);
	return failed;
}

static int take_config(struct taking *taking, struct err *err)
{
	const char *path = taking->run->config->path;

	return *path ? take_file(taking, BACKUP_CONFIG, path, err) : 0;
}

static int take_users(struct taking *taking, struct err *err)
{
	char *path = memory_format("%s/users.jsonl", taking->run->place.work);
	int failed = backup_users_write(taking->run->config, taking->from, path, &taking->manifest->users_in_store, err) ||
	             take_file(taking, BACKUP_USERS, path, err);

	free(path);
	return failed;
}

static int take_keys(struct taking *taking, const char *path, struct err *err)
{
	bool bad = ferror(taking->keys) != 0;

	bad = fclose(taking->keys) != 0 || bad;
	taking->keys = NULL;
	return bad ? err_errno(err, ERR_INTERNAL, "%s cannot be written", path) : take_file(taking, BACKUP_IMAGES, path, err);
}

static int take_everything(struct taking *taking, const char *keys, struct err *err)
{
	struct backup_place *place = &taking->run->place;
	const struct config *config = taking->run->config;
	bool files = config_images_are_files(config);

	if (backup_place_stage(place, taking->manifest->id, err) ||
	    dataset_store_open_reading(&taking->from, config, err) || dataset_store_ping(taking->from, err) ||
	    ((!files || access(config->image_store.dir, F_OK) == 0) && blob_open(&taking->images.from, config, err)) ||
	    dataset_store_open(&taking->stage, &place->config, err))
		return -1;
	taking->keys = fopen(keys, "we");
	if (!taking->keys)
		return err_errno(err, ERR_INTERNAL, "%s cannot be written", keys);
	return dataset_store_each(taking->from, take_or_note, taking, err) || take_keys(taking, keys, err) ||
	       take_audit(taking, err) || take_users(taking, err) || take_config(taking, err) ||
	       backup_manifest_put(place, taking->manifest, err);
}

int backup_take(struct backup_run *run, struct backup_manifest *manifest, struct err *err)
{
	struct taking taking = {.run = run, .manifest = manifest};
	char *keys = memory_format("%s/images", run->place.work);

	*manifest = (struct backup_manifest){.at = text_now()};
	backup_id(manifest->at, manifest->id);
	taking.images = (struct migrate_images){.to = run->place.blobs,
	                                        .jobs = run->jobs,
	                                        .spool_dir = migrate_images_spool(run->place.blobs, run->env),
	                                        .tell = tell_missing,
	                                        .data = &taking};
	int failed = take_everything(&taking, keys, err);
	if (taking.keys)
		fclose(taking.keys);
	run->copied = taking.images.copied;
	run->copied_bytes = taking.images.copied_bytes;
	dataset_store_free(taking.stage);
	dataset_store_free(taking.from);
	blob_free(taking.images.from);
	free(keys);
	return failed;
}
