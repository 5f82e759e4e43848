/* `admin prepare`: makes everything ready for serving. */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "adopt.h"
#include "auth/users.h"
#include "base/buf.h"
#include "base/memory.h"
#include "dataset/apart.h"
#include "dataset/dataset.h"
#include "dataset/task.h"
#include "dataset/seed.h"
#include "exposed.h"
#include "fastcgi/roster.h"
#include "fastcgi/thumb.h"
#include "sweep.h"

enum { WARNINGS_MAX = 1024 * 1024, PAGE = 1000 };

struct prepare {
	struct config config;
	struct dataset_store *store;
	const char *state_dir;
	bool first_start;             /* no user is needed yet */
	struct buf warnings;          /* a line each */
	size_t ready, broken;         /* datasets */
	char (*uuids)[HASH_UUID_MAX]; /* of the datasets that are ready */
};

static int prepare_folders(const struct config *config, struct err *err)
{
	if (admin_make_folder(config->json_db_dir, 0755, err) ||
	    admin_make_folder(config->json_user_dir, 0700, err))
		return -1;
	if (!config_datasets_are_files(config))
		return 0;
	return admin_make_folder(config->sqlite_db_dir, 0755, err);
}

static const char *plural(int64_t count)
{
	return count == 1 ? "" : "s";
}

static void told_seed(void *data, const struct seed_result *result)
{
	(void)data;
	const struct dataset_merged *merged = &result->merged;
	if (result->created || merged->samples_added > 0 || merged->labels_added > 0)
		printf("%s: %s%" PRId64 " sample%s and %" PRId64 " label%s from %s\n", result->dataset,
		       result->created ? "new, " : "", merged->samples_added, plural(merged->samples_added),
		       merged->labels_added, plural(merged->labels_added), result->file);
}

/* Makes the dataset for uploads that name none. It is public, as in the older system. */
static int make_default_dataset(struct prepare *prepare, struct err *err)
{
	const char *name = prepare->config.default_dataset;
	if (name[0] == '\0')
		return 0;
	struct dataset *dataset;
	if (dataset_open(prepare->store, name, &dataset, err) == 0) {
		dataset_close(dataset);
		return 0;
	}
	if (err->code != ERR_NOT_FOUND) /* reported when every dataset is opened */
		return 0;
	struct dataset_policy policy = dataset_policy_default();
	policy.public_images = true;
	if (dataset_create(prepare->store, name, "", &policy, err) != 0)
		return err_prefix(err, "default_dataset \"%s\" cannot be made", name);
	return 0;
}

static void print_counts(const char *name, const struct dataset_info *info)
{
	const struct dataset_counts *counts = &info->counts;
	printf("%s: %" PRId64 " image%s, %" PRId64 " labelled, %" PRId64 " to label", name, counts->size,
	       plural(counts->size), counts->labelled, counts->unlabelled);
	if (counts->skipped > 0)
		printf(", %" PRId64 " skipped", counts->skipped);
	if (counts->review > 0)
		printf(", %" PRId64 " to review", counts->review);
	printf("\n");
}

/* Warns of a missing folder, which makes all its images unreadable: people would notice that much later. */
static void look_at_folder(struct prepare *prepare, const char *name, const struct dataset_info *info)
{
	if (info->place.base_dir[0] == '\0' || info->counts.size == 0)
		return;
	struct stat st;
	const char *why = NULL;
	if (stat(info->place.base_dir, &st) != 0)
		why = strerror(errno);
	else if (!S_ISDIR(st.st_mode))
		why = "it is no folder";
	else if (access(info->place.base_dir, X_OK) != 0)
		why = strerror(errno);
	if (why)
		buf_printf(&prepare->warnings,
		           "dataset \"%s\": its images in %s cannot be read: %s "
		           "(image-label-load --in-place FOLDER --dataset %s --moved names its new folder)\n",
		           name, info->place.base_dir, why, name);
}

static void note_uuid(struct prepare *prepare, const char *uuid)
{
	prepare->uuids = memory_grow(prepare->uuids, prepare->ready + 1, sizeof(*prepare->uuids));
	memcpy(prepare->uuids[prepare->ready++], uuid, HASH_UUID_MAX);
}

/* Opens one dataset, which migrates it. */
static int prepare_dataset(struct prepare *prepare, const char *name, struct err *err)
{
	struct dataset *dataset;
	struct dataset_info info;
	int64_t retried;
	if (dataset_open(prepare->store, name, &dataset, err) != 0)
		return -1;
	int result = -1;
	if (dataset_retry_unreadable(dataset, &retried, err) == 0 && dataset_info(dataset, &info, err) == 0) {
		print_counts(name, &info);
		look_at_folder(prepare, name, &info);
		note_uuid(prepare, info.place.uuid);
		if (prepare->state_dir && *prepare->state_dir)
			sweep_removed(&prepare->config, dataset, &info.place, prepare->state_dir, &prepare->warnings);
		dataset_info_release(&info);
		result = 0;
	}
	dataset_close(dataset);
	return result;
}

struct page {
	char *names[PAGE];
	size_t count;
};

static bool prepare_add_name(void *data, const char *name)
{
	struct page *page = data;
	page->names[page->count] = memory_text(name);
	return ++page->count < PAGE;
}

/* One dataset alone may be out of reach while the store works. */
static bool prepare_store_down(struct prepare *prepare, const struct err *err)
{
	struct err why;
	if (err->code == ERR_UNAVAILABLE)
		return dataset_store_ping(prepare->store, &why) != 0;
	return err->code == ERR_NO_SPACE;
}

/* Reports a broken dataset and goes on, so that the others are served. */
static int prepare_page(struct prepare *prepare, struct page *page, struct err *err)
{
	int result = 0;
	for (size_t i = 0; i < page->count && result == 0; i++) {
		if (prepare_dataset(prepare, page->names[i], err) == 0)
			continue;
		prepare->broken++;
		if (prepare_store_down(prepare, err))
			result = -1;
		else
			buf_printf(&prepare->warnings, "dataset \"%s\" cannot be opened: %s\n",
			           page->names[i], err->text);
	}
	return result;
}

static int prepare_datasets(struct prepare *prepare, struct err *err)
{
	struct page *page = memory_new(1, sizeof(*page));
	char *after = memory_text("");
	int result = 0;
	for (bool more = true; more && result == 0;) {
		page->count = 0;
		result = dataset_store_list(prepare->store, after, PAGE, prepare_add_name, page, err);
		more = page->count == PAGE;
		if (result == 0)
			result = prepare_page(prepare, page, err);
		free(after);
		after = memory_text(page->count > 0 ? page->names[page->count - 1] : "");
		for (size_t i = 0; i < page->count; i++)
			free(page->names[i]);
	}
	free(after);
	free(page);
	return result;
}

static int prepare_by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_uuid_of_dataset(void *data, const char *uuid)
{
	const struct prepare *prepare = data;

	return bsearch(uuid, prepare->uuids, prepare->ready, sizeof(*prepare->uuids), prepare_by_text);
}

/* Only when every dataset was opened is it known which thumbnails belong to none. */
static void sweep_thumbs(struct prepare *prepare)
{
	struct err err;

	if (prepare->broken > 0)
		return;
	qsort(prepare->uuids, prepare->ready, sizeof(*prepare->uuids), prepare_by_text);
	if (thumb_sweep(prepare->state_dir, is_uuid_of_dataset, prepare, &err))
		buf_printf(&prepare->warnings, "thumbnails of removed datasets cannot be swept: %s\n", err.text);
}

/* The script that starts the server passes the state folder; without it there is nothing to sweep. */
static int prepare_sweep(struct prepare *prepare)
{
	if (!prepare->state_dir || !*prepare->state_dir)
		return 0;
	int64_t removed;
	sweep_uploads(&prepare->config, prepare->store, prepare->state_dir, &removed, &prepare->warnings);
	if (removed > 0)
		printf("%" PRId64 " unfinished upload%s swept\n", removed, plural(removed));
	sweep_thumbs(prepare);
	return 0;
}

static int require_dataset(const struct prepare *prepare, struct err *err)
{
	if (prepare->ready > 0)
		return 0;
	if (prepare->broken == 0 && strcmp(prepare->config.when_empty, "serve") == 0)
		return 0;
	if (prepare->broken == 1)
		return err_set(err, ERR_NOT_FOUND, "the only dataset cannot be opened");
	if (prepare->broken > 0)
		return err_set(err, ERR_NOT_FOUND, "none of the %zu datasets can be opened", prepare->broken);
	return err_set(err, ERR_NOT_FOUND,
	               "no dataset: lay a file such as {\"dataset_name\": \"NAME\", "
	               "\"labels\": [\"a\", \"b\"], \"base_dir\": \"/path\", "
	               "\"samples\": [{\"filepath\": \"1.png\", \"label\": \"\"}]} into %s, "
	               "or run: image-label-load --in-place FOLDER --dataset NAME --labels a,b; or, to collect images into "
	               "one, set \"default_dataset\": \"NAME\" in the configuration; or, to make one on the page, "
	               "\"when_empty\": \"serve\"",
	               prepare->config.json_db_dir);
}

static int prepare_users(struct prepare *prepare, struct err *err)
{
	size_t count;
	exposed_warn(&prepare->config, &prepare->warnings);
	struct roster roster;
	roster_init(&roster, &prepare->config, prepare->store);
	const struct user_place *place = &roster.place;
	if ((place->store && users_take_in(place, &prepare->warnings, err)) ||
	    users_compile(place, &count, &prepare->warnings, err))
		return -1;
	bool none = false;
	if (count > 0)
		return 0;
	if (prepare->first_start && users_none(place, &none, err) != 0)
		return -1;
	if (none)
		return 0;
	return err_set(err, ERR_NOT_FOUND,
	               "no user: run image-label-user add NAME, or lay a file such as "
	               "{\"user\": \"NAME\", \"password\": \"…\"} into %s",
	               prepare->config.json_user_dir);
}

static int prepare_all(struct prepare *prepare, struct err *err)
{
	const struct config *config = &prepare->config;
	if (prepare_folders(config, err) || dataset_store_open(&prepare->store, config, err) ||
	    seed_merge(prepare->store, config->json_db_dir, told_seed, NULL, &prepare->warnings, err) ||
	    make_default_dataset(prepare, err) ||
	    adopt_collected(config, prepare->store, &prepare->warnings, err) || prepare_datasets(prepare, err) ||
	    require_dataset(prepare, err) || apart_settle(prepare->store, config, prepare->state_dir, err) ||
	    prepare_sweep(prepare) || prepare_users(prepare, err))
		return -1;
	return fflush(stdout) == 0 ? 0 : err_errno(err, ERR_INTERNAL, "the summary cannot be written");
}

int admin_prepare(int argc, char **argv, config_env *env)
{
	bool first_start = argc > 1 && strcmp(argv[argc - 1], "--first-start") == 0;
	struct prepare prepare = {.state_dir = env("IMAGE_LABEL_STATE"), .first_start = first_start};
	argc -= first_start;
	int status = admin_load_config(argc, argv, env, &prepare.config);
	if (status != ADMIN_DONE)
		return status;
	buf_init(&prepare.warnings, WARNINGS_MAX);
	struct err err;
	if (prepare_all(&prepare, &err) != 0)
		status = ADMIN_FAILED;
	fputs(buf_text(&prepare.warnings), stderr);
	if (status != ADMIN_DONE)
		fprintf(stderr, "%s\n", err.text);
	dataset_store_free(prepare.store);
	free(prepare.uuids);
	buf_release(&prepare.warnings);
	config_release(&prepare.config);
	return status;
}
