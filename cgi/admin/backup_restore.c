/* Restores and verifies backups. */
#include "backup_restore.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin.h"
#include "backup_users.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/move.h"
#include "dataset/snapshot.h"
#include "migrate_audit.h"
#include "migrate_compare.h"
#include "migrate_dataset.h"
#include "migrate_snapshots.h"

struct restoring {
	struct backup_restore *restore;
	const struct backup_manifest *manifest;
	struct migration migration;
	struct buf base_url;
	const char *name; /* the dataset at hand */
};

static void complain(const char *name, const char *text)
{
	fprintf(stderr, "image-label-backup: %s%s%s\n", name, *name ? ": " : "", text);
}

static bool part_is_wanted(const struct backup_restore *restore, const struct backup_part *part)
{
	bool wanted = restore->dataset_count == 0;

	for (size_t i = 0; !wanted && i < restore->dataset_count; i++)
		wanted = strcmp(restore->datasets[i], part->name) == 0;
	return wanted && part->kind == BACKUP_DATASET;
}

/* --- the databases ------------------------------------------------------------------------------------------------ */

static int fetch_part(struct backup_restore *restore, const struct backup_part *part, const char *file, struct err *err)
{
	char *path = memory_format("%s/%s", restore->place.config.sqlite_db_dir, file);
	int failed = backup_part_fetch(&restore->place, part, path, err);

	free(path);
	return failed;
}

static int fetch_dataset(struct backup_restore *restore, const struct backup_part *part, struct err *err)
{
	char *file = memory_format("%s.db", part->name);
	int failed = fetch_part(restore, part, file, err);

	free(file);
	return failed;
}

static int fetch_databases(struct restoring *restoring, struct err *err)
{
	struct backup_restore *restore = restoring->restore;
	const struct backup_part *audit = backup_manifest_find(restoring->manifest, BACKUP_AUDIT, NULL);

	for (size_t i = 0; i < restore->dataset_count; i++) {
		if (!backup_manifest_find(restoring->manifest, BACKUP_DATASET, restore->datasets[i]))
			return err_set(err, ERR_NOT_FOUND, "There is no dataset %s in backup %s", restore->datasets[i],
			               restoring->manifest->id);
	}
	if (backup_place_stage(&restore->place, restoring->manifest->id, err) ||
	    (audit && fetch_part(restore, audit, BACKUP_AUDIT_FILE, err)))
		return -1;
	for (size_t i = 0; i < restoring->manifest->count; i++) {
		if (part_is_wanted(restore, &restoring->manifest->parts[i]) &&
		    fetch_dataset(restore, &restoring->manifest->parts[i], err))
			return -1;
	}
	return dataset_store_open_reading(&restoring->migration.from, &restore->place.config, err);
}

/* --- the destination ---------------------------------------------------------------------------------------------- */

static int open_destination(struct restoring *restoring, struct err *err)
{
	struct backup_restore *restore = restoring->restore;
	struct migration *migration = &restoring->migration;
	const struct config *config = restore->config;

	if ((config_datasets_are_files(config) && admin_make_folder(config->sqlite_db_dir, 0755, err)) ||
	    dataset_store_open(&migration->to, config, err) || dataset_store_ping(migration->to, err) ||
	    blob_open(&migration->images.to, config, err) || blob_ping(migration->images.to, err))
		return -1;
	migrate_base_url(config, restore->base_url, &restoring->base_url);
	migration->from_config = &restore->place.config;
	migration->to_config = config;
	migration->base_url = buf_text(&restoring->base_url);
	migration->images.from = restore->place.blobs;
	migration->images.jobs = restore->jobs;
	migration->images.spool_dir = migrate_images_spool(migration->images.to, restore->env);
	return 0;
}

struct looking {
	struct restoring *restoring;
	char *other; /* a dataset that this backup has not brought */
};

static bool look_whose(void *data, const char *name)
{
	struct looking *looking = data;
	struct dataset *dataset;
	char *origin = NULL;
	struct buf place;
	struct err err;

	buf_init(&place, 4 * TEXT_FILEPATH_MAX);
	dataset_store_place(looking->restoring->migration.from, &place);
	bool own = dataset_open(looking->restoring->migration.to, name, &dataset, &err) == 0;
	if (own) {
		own = dataset_note_get(dataset, DATASET_ORIGIN, &origin, &err) == 0 && origin &&
		      strncmp(origin, buf_text(&place), place.len) == 0;
		dataset_close_passing(dataset);
	}
	if (!own)
		looking->other = memory_text(name);
	free(origin);
	buf_release(&place);
	return own;
}

/* What an earlier run has restored from this backup is fine. */
static int check_empty(struct restoring *restoring, struct err *err)
{
	struct looking looking = {.restoring = restoring};

	if (restoring->restore->adding)
		return 0;
	if (dataset_store_list(restoring->migration.to, "", SIZE_MAX, look_whose, &looking, err))
		return -1;
	if (looking.other)
		err_set(err, ERR_CONFLICT,
		        "There is a dataset %s already: restore into empty stores, or say --add, which adds what is not there",
		        looking.other);
	free(looking.other);
	return looking.other != NULL;
}

/* --- restoring ---------------------------------------------------------------------------------------------------- */

static void restore_dataset(struct restoring *restoring, const struct backup_part *part)
{
	struct migration *migration = &restoring->migration;
	struct err err = {0};

	/* Those that the server lacked when the backup was made. */
	migration->allow_missing = part->missing > 0;
	if (migrate_dataset(migration, part->name, &err) == 0 && migration->images.missing <= part->missing) {
		restoring->restore->restored++;
		return;
	}
	restoring->restore->failed++;
	complain(part->name, err.code ? err.text : "images are missing in the backup, see above");
}

static bool restore_wants_audit(void *data, const char *dataset)
{
	const struct restoring *restoring = data;
	const struct backup_restore *restore = restoring->restore;

	for (size_t i = 0; i < restore->dataset_count; i++) {
		if (strcmp(restore->datasets[i], dataset) == 0)
			return true;
	}
	return restore->dataset_count == 0;
}

/* only_look: only whether the users that are there are other ones. */
static int restore_users(struct restoring *restoring, bool only_look, struct err *err)
{
	struct backup_restore *restore = restoring->restore;
	const struct backup_part *part = backup_manifest_find(restoring->manifest, BACKUP_USERS, NULL);
	struct backup_users users = {
		.in_store = restoring->manifest->users_in_store, .adding = restore->adding, .only_look = only_look};
	char *path = memory_format("%s/users.jsonl", restore->place.work);

	if (!part || restore->dataset_count > 0) {
		free(path);
		return 0;
	}
	int failed = (only_look && backup_part_fetch(&restore->place, part, path, err)) ||
	             backup_users_read(restore->config, restoring->migration.to, path, &users, err);
	restore->users = users.count;
	free(path);
	return failed;
}

static int restore_all(struct restoring *restoring, struct err *err)
{
	const struct backup_manifest *manifest = restoring->manifest;
	int64_t audited;

	if (fetch_databases(restoring, err) || open_destination(restoring, err) || check_empty(restoring, err) ||
	    restore_users(restoring, true, err))
		return -1;
	for (size_t i = 0; i < manifest->count; i++) {
		if (part_is_wanted(restoring->restore, &manifest->parts[i]))
			restore_dataset(restoring, &manifest->parts[i]);
	}
	return migrate_audit_log(restoring->migration.from, restoring->migration.to, restore_wants_audit, restoring, &audited,
	                         err) ||
	       restore_users(restoring, false, err);
}

int backup_restore(struct backup_restore *restore, const struct backup_manifest *manifest, struct err *err)
{
	struct restoring restoring = {.restore = restore, .manifest = manifest};

	buf_init(&restoring.base_url, TEXT_FILEPATH_MAX);
	int failed = restore_all(&restoring, err);
	dataset_store_free(restoring.migration.from);
	dataset_store_free(restoring.migration.to);
	blob_free(restoring.migration.images.to);
	buf_release(&restoring.base_url);
	return failed;
}

/* --- verifying ---------------------------------------------------------------------------------------------------- */

static void tell_damaged(void *data, const char *line)
{
	complain(((const struct restoring *)data)->name, line);
}

static int verify_manifest(void *data, struct snapshot *snapshot, struct err *err)
{
	return migrate_manifest(&((struct restoring *)data)->migration.images, snapshot, false, err);
}

static int verify_page(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	return migrate_images_take(&((struct restoring *)data)->migration.images, records, count, false, err);
}

static int verify_images(struct restoring *restoring, struct err *err)
{
	struct dataset *dataset;

	if (dataset_open(restoring->migration.from, restoring->name, &dataset, err))
		return -1;
	int failed = snapshot_each(dataset, verify_manifest, restoring, err) ||
	             dataset_each_page(dataset, -1, MIGRATE_PAGE, verify_page, restoring, err);
	dataset_close_passing(dataset);
	return failed;
}

static int verify_dataset(struct restoring *restoring, const struct backup_part *part, struct err *err)
{
	struct migrate_images *images = &restoring->migration.images;

	restoring->name = part->name;
	images->missing = 0;
	if (fetch_dataset(restoring->restore, part, err) || verify_images(restoring, err))
		return -1;
	return images->missing > part->missing
	               ? err_set(err, ERR_UNPROCESSABLE, "%lld images are missing or damaged in the backup",
	                         (long long)(images->missing - part->missing))
	               : 0;
}

/* Reads another part to its end. */
static int verify_part(struct restoring *restoring, const struct backup_part *part, struct err *err)
{
	int failed = fetch_part(restoring->restore, part, "part", err);
	char *path = memory_format("%s/part", restoring->restore->place.config.sqlite_db_dir);

	unlink(path);
	free(path);
	return failed;
}

static void verify_one(struct restoring *restoring, const struct backup_part *part)
{
	struct err err;
	int failed = part->kind == BACKUP_DATASET ? verify_dataset(restoring, part, &err) : verify_part(restoring, part, &err);

	restoring->restore->restored += !failed && part->kind == BACKUP_DATASET;
	restoring->restore->failed += failed != 0;
	if (failed)
		complain(part->name, err.text);
}

int backup_verify(struct backup_restore *restore, const struct backup_manifest *manifest, struct err *err)
{
	struct restoring restoring = {.restore = restore, .manifest = manifest};
	struct migrate_images *images = &restoring.migration.images;

	*images = (struct migrate_images){.from = restore->place.blobs,
	                                  .jobs = restore->jobs,
	                                  .spool_dir = migrate_images_spool(restore->place.blobs, restore->env),
	                                  .tell = tell_damaged,
	                                  .data = &restoring};
	int failed = backup_place_stage(&restore->place, manifest->id, err) ||
	             dataset_store_open_reading(&restoring.migration.from, &restore->place.config, err);
	for (size_t i = 0; !failed && i < manifest->count; i++) {
		if (manifest->parts[i].kind != BACKUP_FAILED)
			verify_one(&restoring, &manifest->parts[i]);
	}
	restore->images = images->copied;
	dataset_store_free(restoring.migration.from);
	return failed;
}
