/* Finds which datasets' folders lie apart from all others. */
#include "dataset/apart.h"
#include "base/memory.h"
#include "dataset/move.h"

#include <limits.h>
#include <stdlib.h>

enum { STORE_PATH_MAX = 2 * PATH_MAX };

struct folder {
	char *path;    /* real path, if the folder exists */
	char *dataset; /* NULL: a folder of the server */
	char *noted;   /* the path that the dataset has noted */
	bool shared;
};

struct folders {
	struct dataset_store *store;
	struct folder *item;
	size_t count;
	struct err err; /* of the last dataset that could not be read */
};

static char *apart_real_path(const char *path)
{
	char *real = memory_real_path(path);

	if (!real)
		real = memory_text(path);
	return real;
}

/* Adds a folder; takes the texts. */
static void apart_add(struct folders *folders, char *path, char *dataset, char *noted)
{
	folders->item = memory_grow(folders->item, folders->count + 1, sizeof(*folders->item));
	folders->item[folders->count++] = (struct folder){.path = path, .dataset = dataset, .noted = noted};
}

static void apart_release(struct folders *folders)
{
	for (size_t i = 0; i < folders->count; i++) {
		free(folders->item[i].path);
		free(folders->item[i].dataset);
		free(folders->item[i].noted);
	}
	free(folders->item);
}

/* Skips a dataset that is removed meanwhile or cannot be read, since nobody serves it; ends when that may be because
 * this process lacks memory or descriptors. */
static bool apart_add_dataset(void *data, const char *name)
{
	struct folders *folders = data;
	struct dataset *dataset;
	struct dataset_place place;
	struct err *err = &folders->err;
	char *noted = NULL;

	if (dataset_open(folders->store, name, &dataset, err))
		return !err->exhausted;
	int failed = dataset_place(dataset, &place, err);
	if (!failed) {
		failed = place.base_dir[0] && dataset_note_get(dataset, DATASET_APART, &noted, err);
		if (!failed && place.base_dir[0])
			apart_add(folders, apart_real_path(place.base_dir), memory_text(name), noted);
		dataset_place_release(&place);
	}
	dataset_close(dataset);
	return !failed || !err->exhausted;
}

static int apart_add_datasets(struct folders *folders, struct err *err)
{
	if (dataset_store_list(folders->store, "", SIZE_MAX, apart_add_dataset, folders, err))
		return -1;
	if (!folders->err.exhausted)
		return 0;
	*err = folders->err;
	return -1;
}

/* Only the store's own sub-folders count: other images may lie beside them, as where its folder is the one of all
 * images. */
static void add_own(struct folders *folders, const struct config *config, const char *state_dir)
{
	static const char *const trees[] = {"public", "private", "tmp"};
	char path[STORE_PATH_MAX];

	if (state_dir && state_dir[0])
		apart_add(folders, apart_real_path(state_dir), NULL, NULL);
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees) && config_images_are_files(config); i++) {
		char *store = apart_real_path(config->image_store.dir);

		if (snprintf(path, sizeof(path), "%s/%s", store, trees[i]) < (int)sizeof(path))
			apart_add(folders, apart_real_path(path), NULL, NULL);
		free(store);
	}
}

static bool apart_lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	if (len == 1)
		return true;
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Sorts a folder directly before everything that lies in it. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *one = (const unsigned char *)((const struct folder *)a)->path;
	const unsigned char *other = (const unsigned char *)((const struct folder *)b)->path;

	while (*one && *one == *other) {
		one++;
		other++;
	}
	if (*one == *other || !*one || !*other)
		return (*one > 0) - (*other > 0);
	return *one == '/' ? -1 : *other == '/' ? 1 : *one - *other;
}

static void find_shared(struct folders *folders)
{
	struct folder *outer = NULL;

	if (folders->count > 1)
		qsort(folders->item, folders->count, sizeof(*folders->item), by_path);
	for (size_t i = 0; i < folders->count; i++) {
		struct folder *folder = &folders->item[i];

		if (outer && apart_lies_in(folder->path, outer->path))
			outer->shared = folder->shared = true;
		else
			outer = folder;
	}
}

static int apart_note(struct folders *folders, const struct folder *folder, struct err *err)
{
	const char *value = folder->shared || strlen(folder->path) > DATASET_NOTE_MAX ? "" : folder->path;
	struct dataset *dataset;

	if (!folder->dataset || strcmp(folder->noted ? folder->noted : "", value) == 0)
		return 0;
	if (dataset_open(folders->store, folder->dataset, &dataset, err))
		return err->code != ERR_NOT_FOUND;
	int failed = dataset_note_set(dataset, DATASET_APART, value, err);
	dataset_close(dataset);
	return failed;
}

int apart_settle(struct dataset_store *store, const struct config *config, const char *state_dir, struct err *err)
{
	struct folders folders = {.store = store};
	int failed = apart_add_datasets(&folders, err);

	add_own(&folders, config, state_dir);
	find_shared(&folders);
	for (size_t i = 0; i < folders.count && !failed; i++)
		failed = apart_note(&folders, &folders.item[i], err);
	apart_release(&folders);
	return failed;
}

int apart_folder(struct dataset *dataset, const char *base_dir, char out[PATH_MAX], struct err *err)
{
	char *noted = NULL;

	if (!base_dir[0] || !realpath(base_dir, out)) {
		out[0] = '\0';
		return 0;
	}
	int failed = dataset_note_get(dataset, DATASET_APART, &noted, err);
	if (failed || !noted || strcmp(noted, out) != 0)
		out[0] = '\0';
	free(noted);
	return failed;
}

static int check_allowed(const struct config_list *base_dirs, const char *base_dir, const char *real, struct err *err)
{
	bool allowed = false;

	for (size_t i = 0; i < base_dirs->count && !allowed; i++) {
		char *root = memory_real_path(base_dirs->item[i]);

		allowed = root && apart_lies_in(real, root);
		free(root);
	}
	return allowed ? 0
	               : err_set(err, ERR_FORBIDDEN,
	                         "\"base_dir\" may not be %s: the folders in which it may lie are listed as "
	                         "\"base_dirs\" in the "
	                         "server's configuration",
	                         base_dir);
}

int apart_check(struct dataset_store *store, const struct config *config, const char *state_dir, const char *name,
                const char *base_dir, struct err *err)
{
	struct folders folders = {.store = store};
	char *real;

	if (!base_dir[0])
		return 0;
	real = memory_real_path(base_dir);
	if (!real)
		return err_set(err, ERR_UNPROCESSABLE, "\"base_dir\" is no folder that the server can see: %s", base_dir);
	int failed = check_allowed(&config->base_dirs, base_dir, real, err) ||
	             apart_add_datasets(&folders, err);
	add_own(&folders, config, state_dir);
	for (size_t i = 0; i < folders.count && !failed; i++) {
		const struct folder *other = &folders.item[i];

		if ((!other->dataset || strcmp(other->dataset, name) != 0) &&
		    (apart_lies_in(real, other->path) || apart_lies_in(other->path, real)))
			failed = err_set(err, ERR_CONFLICT, "\"base_dir\" may not be %s: it holds, or lies in, %s%s", base_dir,
			                 other->dataset ? "the folder of dataset " : "a folder of the server's own",
			                 other->dataset ? other->dataset : "");
	}
	apart_release(&folders);
	free(real);
	return failed;
}
