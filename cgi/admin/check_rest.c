/* Finds objects and thumbnails that belong to nothing. */
#include "check_rest.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "blob/key.h"
#include "fastcgi/thumb.h"
#include "intake/intent.h"

#define THUMBS "cache/thumbs"
enum { DATASET_NAME_ROOM = 256, UUID_VERSION_AT = 14 };

/* --- objects ------------------------------------------------------------------------------------------------------ */

struct orphans {
	struct check *check;
	const char *pending; /* folder of notes of what is being stored */
	bool known;          /* the dataset knows the key after all */
	bool removed;
	bool failed;
	struct err *err;
};

/* The name of the dataset to which the key belongs, by its form. */
static void orphan_dataset(const struct config *config, const char *key, char out[DATASET_NAME_ROOM])
{
	size_t prefix = strlen(BLOB_KEY_DATASETS);

	if (strncmp(key, BLOB_KEY_DATASETS, prefix) == 0)
		snprintf(out, DATASET_NAME_ROOM, "%.*s", (int)strcspn(key + prefix, "/"), key + prefix);
	else
		snprintf(out, DATASET_NAME_ROOM, "%s", config->default_dataset);
}

/* Whether this program has made the name of the object (hash_image_uuid): others may keep images in a bucket, too. */
static bool orphan_is_ours(const char *key)
{
	const char *name = strrchr(key, '/');

	return name && strncmp(name, "/img-", 5) == 0 && strlen(name) > 5 + HASH_UUID_MAX &&
	       name[5 + UUID_VERSION_AT] == '8';
}

static bool has_blob(struct orphans *orphans, const char *name, const char *key)
{
	struct dataset *dataset;
	bool known = false;

	if (!name[0])
		return false;
	if (dataset_open(orphans->check->store, name, &dataset, orphans->err)) {
		orphans->failed = orphans->err->code != ERR_NOT_FOUND;
		return orphans->failed;
	}
	orphans->failed = dataset_has_blob(dataset, key, &known, orphans->err) != 0;
	dataset_close_passing(dataset);
	return known || orphans->failed;
}

static bool look_and_remove(void *data, const char *name, const char *key)
{
	struct orphans *orphans = data;

	orphans->known = has_blob(orphans, name, key);
	if (orphans->known || !orphans->check->repair || !orphan_is_ours(key))
		return true;
	orphans->failed = blob_delete(orphans->check->blobs, key, orphans->err) != 0;
	orphans->removed = !orphans->failed;
	return true;
}

static int visit_orphan(void *data, const char *key, struct err *err)
{
	struct orphans *orphans = data;
	char name[DATASET_NAME_ROOM];
	bool visited = true;

	orphans->known = orphans->removed = orphans->failed = false;
	orphans->err = err;
	orphan_dataset(orphans->check->config, key, name);
	if (!orphans->pending)
		look_and_remove(orphans, name, key);
	else if (intent_alone(orphans->pending, name, key, look_and_remove, orphans, &visited, err))
		return -1;
	if (visited && !orphans->known && !orphans->failed)
		check_found(orphans->check->report, CHECK_ORPHAN, orphans->removed, "%s", key);
	return orphans->failed;
}

int check_orphans(struct check *check, const char *state_dir, int64_t older_than, struct err *err)
{
	struct orphans orphans = {.check = check};
	char pending[PATH_MAX];

	snprintf(pending, sizeof(pending), "%s/pending", state_dir);
	/* Without the folder nothing was ever stored from this machine. */
	orphans.pending = access(pending, F_OK) == 0 ? pending : NULL;
	return check_objects_unnamed(check->objects, text_now() - older_than * MICROSECONDS, visit_orphan, &orphans, err);
}

/* --- thumbnails --------------------------------------------------------------------------------------------------- */

struct known {
	char uuid[HASH_UUID_MAX];
	char *name;
};

struct uuids {
	struct check *check;
	struct err *err;
	struct known *item;
	size_t count;
	int failed;
};

static bool note_uuid_of(void *data, const char *name)
{
	struct uuids *uuids = data;
	struct dataset *dataset;
	struct dataset_place place;

	if (dataset_open(uuids->check->store, name, &dataset, uuids->err)) {
		uuids->failed = uuids->err->code != ERR_NOT_FOUND;
		return !uuids->failed;
	}
	uuids->failed = dataset_place(dataset, &place, uuids->err);
	dataset_close_passing(dataset);
	if (uuids->failed)
		return false;
	uuids->item = memory_grow(uuids->item, uuids->count + 1, sizeof(*uuids->item));
	memcpy(uuids->item[uuids->count].uuid, place.uuid, HASH_UUID_MAX);
	uuids->item[uuids->count++].name = memory_text(name);
	dataset_place_release(&place);
	return true;
}

/* The files of one dataset are called ID-SIZE. */
static int check_group(struct check *check, int above, const char *state_dir, const struct known *known,
                       struct err *err)
{
	int fd = openat(above, known->uuid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dataset *dataset = NULL;
	int failed = folder ? dataset_open(check->store, known->name, &dataset, err) : 0;

	for (const struct dirent *entry; folder && !failed && (entry = readdir(folder)) != NULL;) {
		char id_text[24], *dash;
		struct sample sample;
		int64_t id;

		snprintf(id_text, sizeof(id_text), "%.20s", entry->d_name);
		dash = strchr(id_text, '-');
		if (!dash)
			continue;
		*dash = '\0';
		if (text_int64(id_text, 0, INT64_MAX, &id))
			continue;
		if (dataset_sample(dataset, id, &sample, err) == 0) {
			sample_release(&sample);
		} else if (err->code == ERR_NOT_FOUND) {
			check_found(check->report, CHECK_THUMB, check->repair, "%s: %s", known->name, entry->d_name);
			if (check->repair)
				thumb_remove(state_dir, known->uuid, id);
		} else {
			failed = -1;
		}
	}
	dataset_close_passing(dataset);
	if (folder)
		closedir(folder);
	return failed;
}

static int check_groups(struct check *check, DIR *folder, const char *state_dir, const struct uuids *uuids,
                        struct err *err)
{
	int failed = 0;

	for (const struct dirent *entry; !failed && (entry = readdir(folder)) != NULL;) {
		const struct known *known = NULL;

		for (size_t i = 0; i < uuids->count; i++) {
			if (strcmp(uuids->item[i].uuid, entry->d_name) == 0)
				known = &uuids->item[i];
		}
		if (entry->d_name[0] == '.')
			continue;
		if (known) {
			failed = check_group(check, dirfd(folder), state_dir, known, err);
			continue;
		}
		check_found(check->report, CHECK_THUMB, check->repair, "of a removed dataset: %s", entry->d_name);
		failed = check->repair && thumb_forget(state_dir, entry->d_name, err);
	}
	return failed;
}

int check_thumbs(struct check *check, const char *state_dir, struct err *err)
{
	struct uuids uuids = {.check = check, .err = err};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" THUMBS, state_dir);
	DIR *folder = opendir(path);
	if (!folder)
		return 0;
	int failed = dataset_store_list(check->store, "", SIZE_MAX, note_uuid_of, &uuids, err) || uuids.failed ||
	             check_groups(check, folder, state_dir, &uuids, err);
	closedir(folder);
	for (size_t i = 0; i < uuids.count; i++)
		free(uuids.item[i].name);
	free(uuids.item);
	return failed;
}
