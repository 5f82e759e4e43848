/* `admin backup`: its command line, and what it does. */
#include "backup.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin.h"
#include "backup_keep.h"
#include "backup_restore.h"
#include "backup_take.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "migrate_images.h"

enum { JOBS = 8, KEEP_MAX = 100000, DATASETS_MAX = 1024, JSON_MAX = 256 * 1024 * 1024 };

struct options {
	const char *config, *place, *id, *base_url, *jobs_text, *keep_text;
	const char *datasets[DATASETS_MAX];
	size_t dataset_count;
	int64_t jobs, keep;
	bool restore, list, verify, adding, json;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

static int backup_take_option(void *data, int letter, const char *value, struct err *err)
{
	struct options *options = data;

	switch (letter) {
	case 'c': options->config = value; break;
	case 'p': options->place = value; break;
	case 'i': options->id = value; break;
	case 'b': options->base_url = value; break;
	case 'j': options->jobs_text = value; break;
	case 'k': options->keep_text = value; break;
	case 'l': options->list = true; break;
	case 'v': options->verify = true; break;
	case 'a': options->adding = true; break;
	case 'J': options->json = true; break;
	default:
		if (options->dataset_count == DATASETS_MAX)
			return err_set(err, ERR_BAD_REQUEST, "more than %d datasets", DATASETS_MAX);
		options->datasets[options->dataset_count++] = value;
	}
	return 0;
}

static int check_options(struct options *options, struct err *err)
{
	bool taking = !options->restore && !options->list && !options->verify;

	options->jobs = JOBS;
	if (!options->place)
		return err_set(err, ERR_BAD_REQUEST, "give %s", options->restore ? "--from PLACE" : "--to PLACE");
	if (options->restore + options->list + options->verify > 1)
		return err_set(err, ERR_BAD_REQUEST, "restore, --list and --verify are different works");
	if (!options->restore && (options->adding || options->base_url || options->dataset_count > 0))
		return err_set(err, ERR_BAD_REQUEST, "--add, --base and --dataset are for restore");
	if (!taking && options->keep_text)
		return err_set(err, ERR_BAD_REQUEST, "--keep is for making a backup");
	if ((taking || options->list) && options->id)
		return err_set(err, ERR_BAD_REQUEST, "--backup is for restore and --verify");
	if (options->jobs_text && text_int64(options->jobs_text, 1, MIGRATE_JOBS_MAX, &options->jobs))
		return err_set(err, ERR_BAD_REQUEST, "--jobs must be a number from 1 to %d", MIGRATE_JOBS_MAX);
	if (options->keep_text && text_int64(options->keep_text, 1, KEEP_MAX, &options->keep))
		return err_set(err, ERR_BAD_REQUEST, "--keep must be a number from 1 to %d", KEEP_MAX);
	return 0;
}

static int backup_parse(struct options *options, int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'},
		{"to", required_argument, NULL, 'p'},
		{"from", required_argument, NULL, 'p'},
		{"backup", required_argument, NULL, 'i'},
		{"base", required_argument, NULL, 'b'},
		{"jobs", required_argument, NULL, 'j'},
		{"keep", required_argument, NULL, 'k'},
		{"dataset", required_argument, NULL, 'd'},
		{"list", no_argument, NULL, 'l'},
		{"verify", no_argument, NULL, 'v'},
		{"add", no_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'J'},
		{0},
	};

	if (admin_options(argc, argv, "d:b:", names, backup_take_option, options, err))
		return -1;
	if (optind < argc && strcmp(argv[optind], "restore") == 0) {
		options->restore = true;
		optind++;
	}
	return admin_no_more(argc, argv, err) || check_options(options, err);
}

/* --- what it does ------------------------------------------------------------------------------------------------- */

static void print_json(cJSON *tree)
{
	struct buf text;

	buf_init(&text, JSON_MAX);
	json_print(tree, &text);
	printf("%s\n", buf_text(&text));
	buf_release(&text);
	cJSON_Delete(tree);
}

static void print_taken(const struct options *options, const struct backup_run *run,
                        const struct backup_manifest *manifest, const struct backup_removed *removed)
{
	if (options->json) {
		cJSON *tree = backup_manifest_json(manifest);

		json_add_int64(tree, "copied", run->copied);
		json_add_int64(tree, "copied_bytes", run->copied_bytes);
		json_add_int64(tree, "removed_backups", removed->backups);
		json_add_int64(tree, "removed_images", removed->images);
		print_json(tree);
		return;
	}
	backup_manifest_print(manifest);
	printf("  new images: %" PRId64 ", %.1f MB\n", run->copied, (double)run->copied_bytes / 1e6);
	for (size_t i = 0; i < manifest->count; i++) {
		const struct backup_part *part = &manifest->parts[i];

		if (part->missing > 0)
			printf("  %s: %" PRId64 " images are missing in the server itself\n", part->name, part->missing);
		if (part->in_folder > 0)
			printf("  %s: %" PRId64 " images lie in the dataset's own folder: back that up, too\n", part->name,
			       part->in_folder);
	}
	if (removed->backups + removed->interrupted > 0)
		printf("  removed: %" PRId64 " old and %" PRId64 " interrupted backups, %" PRId64 " images\n", removed->backups,
		       removed->interrupted, removed->images);
}

static int take(const struct options *options, const struct config *config, config_env *env, struct err *err)
{
	struct backup_run run = {.config = config, .env = env, .jobs = (unsigned)options->jobs};
	struct backup_manifest manifest = {.count = 0};
	struct backup_removed removed = {.backups = 0};
	int failed = backup_place_open(&run.place, options->place, true, config, env, err) ||
	             backup_take(&run, &manifest, err);
	bool whole = !failed && !backup_manifest_find(&manifest, BACKUP_FAILED, NULL);

	if (whole)
		failed = backup_keep(&run.place, options->keep, &removed, err);
	if (!failed)
		print_taken(options, &run, &manifest, &removed);
	if (!failed && !whole)
		failed = err_set(err, ERR_INTERNAL, "Some datasets are not in the backup, see above; no older one was removed");
	backup_manifest_release(&manifest);
	backup_place_close(&run.place);
	return failed;
}

static int list(const struct options *options, struct backup_place *place, struct err *err)
{
	cJSON *all = json_new_array();
	char(*ids)[BACKUP_ID_MAX];
	size_t count;
	int failed = backup_place_ids(place, true, &ids, &count, err);

	for (size_t i = 0; !failed && i < count; i++) {
		struct backup_manifest manifest;

		failed = backup_manifest_read(place, ids[i], &manifest, err);
		if (failed)
			break;
		if (options->json)
			json_append(all, backup_manifest_json(&manifest));
		else
			backup_manifest_print(&manifest);
		backup_manifest_release(&manifest);
	}
	free(ids);
	if (options->json && !failed)
		print_json(all);
	else
		cJSON_Delete(all);
	return failed;
}

/* The backup that was named, or the newest. */
static int choose(const struct options *options, struct backup_place *place, struct backup_manifest *manifest,
                  struct err *err)
{
	char(*ids)[BACKUP_ID_MAX], id[BACKUP_ID_MAX] = "";
	size_t count;

	if (options->id) {
		if (strlen(options->id) >= BACKUP_ID_MAX || strchr(options->id, '/'))
			return err_set(err, ERR_NOT_FOUND, "There is no complete backup %s in %s", options->id, place->name);
		return backup_manifest_read(place, options->id, manifest, err);
	}
	if (backup_place_ids(place, true, &ids, &count, err))
		return -1;
	if (count > 0)
		memcpy(id, ids[count - 1], sizeof(id));
	free(ids);
	return count == 0 ? err_set(err, ERR_NOT_FOUND, "There is no complete backup in %s", place->name)
	                  : backup_manifest_read(place, id, manifest, err);
}

static void print_read(const struct options *options, const struct backup_restore *restore,
                       const struct backup_manifest *manifest)
{
	if (options->verify)
		printf("backup %s: %zu datasets and %" PRId64 " images are as they were, %zu parts are damaged\n", manifest->id,
		       restore->restored, restore->images, restore->failed);
	else
		printf("backup %s: %zu datasets and %zu users restored, %zu failed\n", manifest->id, restore->restored,
		       restore->users, restore->failed);
}

/* Restores, verifies or lists. */
static int read_place(const struct options *options, const struct config *config, config_env *env, struct err *err)
{
	struct backup_restore restore = {.config = config,
	                                 .env = env,
	                                 .jobs = (unsigned)options->jobs,
	                                 .base_url = options->base_url,
	                                 .datasets = options->datasets,
	                                 .dataset_count = options->dataset_count,
	                                 .adding = options->adding};
	struct backup_manifest manifest = {.count = 0};
	int failed = backup_place_open(&restore.place, options->place, false, config, env, err);

	if (!failed && options->list) {
		failed = list(options, &restore.place, err);
	} else if (!failed) {
		failed = choose(options, &restore.place, &manifest, err) ||
		         (options->restore ? backup_restore(&restore, &manifest, err) : backup_verify(&restore, &manifest, err));
		if (!failed)
			print_read(options, &restore, &manifest);
		if (!failed && restore.failed > 0)
			failed = err_set(err, ERR_UNPROCESSABLE, options->restore ? "Not everything was restored, see above"
			                                                          : "The backup is damaged, see above");
	}
	backup_manifest_release(&manifest);
	backup_place_close(&restore.place);
	return failed;
}

int admin_backup(int argc, char **argv, config_env *env)
{
	struct options *options = memory_new(1, sizeof(*options));
	struct config config;
	struct err err = {0};
	int usage = backup_parse(options, argc, argv, &err);
	int failed = usage || config_load(&config, options->config, env, &err);

	if (!failed) {
		failed = options->restore || options->list || options->verify ? read_place(options, &config, env, &err)
		                                                              : take(options, &config, env, &err);
		admin_tell_config("image-label-backup", &config);
		config_release(&config);
	}
	failed = failed || (fflush(stdout) != 0 && err_errno(&err, ERR_INTERNAL, "The result cannot be printed"));
	if (failed)
		fprintf(stderr, "image-label-backup: %s%s\n", err.text, usage ? " (see image-label-backup --help)" : "");
	free(options);
	return usage ? ADMIN_USAGE : failed ? ADMIN_FAILED
	                                    : ADMIN_DONE;
}
