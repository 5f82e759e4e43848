/* Removes old backups, interrupted ones, and images that no backup names any more. */
#include "backup_keep.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#define INTERRUPTED_SECONDS INT64_C(86400)
enum { KEYS_MAX = INT32_MAX }; /* bytes of one backup's list of images: some 20 million */

/* The images that backups name, by the beginning of their keys' SHA-256: 16 bytes an image. */
struct name {
	unsigned char bytes[16];
};
struct named {
	struct name *names;
	size_t count, room;
};

static struct name name_of(const char *key, size_t len)
{
	unsigned char digest[HASH_SHA256_SIZE];
	struct name name;

	hash_sha256(key, len, digest);
	memcpy(name.bytes, digest, sizeof(name.bytes));
	return name;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct name));
}

static void add_names(struct named *named, const char *lines)
{
	for (const char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
		if (named->count == named->room) {
			named->room = 2 * named->room + 1024;
			named->names = memory_grow(named->names, named->room, sizeof(*named->names));
		}
		named->names[named->count++] = name_of(lines, (size_t)(end - lines));
	}
}

static int read_names(struct backup_place *place, const char *id, struct named *named, struct err *err)
{
	struct backup_manifest manifest;
	struct buf lines;

	if (backup_manifest_read(place, id, &manifest, err))
		return -1;
	const struct backup_part *part = backup_manifest_find(&manifest, BACKUP_IMAGES, NULL);
	buf_init(&lines, KEYS_MAX);
	int failed = part ? blob_fetch(place->blobs, part->key, &lines, err)
	                  : err_set(err, ERR_UNPROCESSABLE, "Backup %s does not list its images", id);
	add_names(named, buf_text(&lines));
	buf_release(&lines);
	backup_manifest_release(&manifest);
	return failed;
}

/* --- what is to be removed ---------------------------------------------------------------------------------------- */

struct keys {
	const struct named *named; /* NULL: all */
	char **item;
	size_t count;
};
enum { KEYS_AT_ONCE = 10000 };

static bool note_key(void *data, const char *key, const struct blob_info *info)
{
	const struct name name = name_of(key, strlen(key));
	struct keys *keys = data;

	(void)info;
	if (keys->named) {
		bool is_backup = strncmp(key, BACKUP_KEYS, strlen(BACKUP_KEYS)) == 0;

		if (is_backup || (keys->named->count > 0 && bsearch(&name, keys->named->names, keys->named->count, sizeof(name),
		                                                    by_bytes)))
			return true;
	}
	keys->item = memory_grow(keys->item, keys->count + 1, sizeof(*keys->item));
	keys->item[keys->count++] = memory_text(key);
	return keys->count < KEYS_AT_ONCE;
}

/* Removes what is listed below the prefix and not named, in rounds of so many keys. */
static int remove_listed(struct backup_place *place, const char *prefix, const struct named *named, int64_t *count,
                         struct err *err)
{
	size_t found = KEYS_AT_ONCE;
	int failed = 0;

	while (!failed && found == KEYS_AT_ONCE) {
		struct keys keys = {.named = named};

		failed = blob_list(place->blobs, prefix, note_key, &keys, err);
		for (size_t i = 0; i < keys.count; i++) {
			failed = failed || blob_delete(place->blobs, keys.item[i], err);
			*count += !failed;
			free(keys.item[i]);
		}
		free(keys.item);
		found = keys.count;
	}
	return failed;
}

static int remove_backup(struct backup_place *place, const char *id, struct err *err)
{
	char *manifest = memory_format(BACKUP_KEYS "%s/" BACKUP_MANIFEST, id), *prefix = memory_format(BACKUP_KEYS "%s/", id);
	int64_t parts = 0;
	int failed = blob_delete(place->blobs, manifest, err) || remove_listed(place, prefix, NULL, &parts, err);

	free(manifest);
	free(prefix);
	return failed;
}

/* In a bucket, which no lock protects, a young one may be under way on another machine. */
static int remove_interrupted(struct backup_place *place, int64_t *count, struct err *err)
{
	char(*ids)[BACKUP_ID_MAX], newest[BACKUP_ID_MAX];
	size_t found;
	int failed = backup_place_ids(place, false, &ids, &found, err);

	backup_id(text_now() - (place->in_bucket ? INTERRUPTED_SECONDS * MICROSECONDS : 0), newest);
	for (size_t i = 0; !failed && i < found; i++) {
		if (strcmp(ids[i], newest) >= 0)
			continue;
		failed = remove_backup(place, ids[i], err);
		(*count)++;
	}
	free(ids);
	return failed;
}

static int remove_images(struct backup_place *place, char (*ids)[BACKUP_ID_MAX], size_t count, int64_t *images,
                         struct err *err)
{
	struct named named = {.count = 0};
	int failed = 0;

	for (size_t i = 0; !failed && i < count; i++)
		failed = read_names(place, ids[i], &named, err);
	if (!failed && named.count > 1)
		qsort(named.names, named.count, sizeof(*named.names), by_bytes);
	failed = failed || remove_listed(place, "", &named, images, err);
	free(named.names);
	return failed;
}

int backup_keep(struct backup_place *place, int64_t keep, struct backup_removed *removed, struct err *err)
{
	char(*ids)[BACKUP_ID_MAX];
	size_t count, old = 0;

	*removed = (struct backup_removed){.backups = 0};
	int failed = remove_interrupted(place, &removed->interrupted, err) || backup_place_ids(place, true, &ids, &count, err);
	if (failed)
		return -1;
	if (keep > 0 && count > (size_t)keep)
		old = count - (size_t)keep;
	for (size_t i = 0; !failed && i < old; i++, removed->backups++)
		failed = remove_backup(place, ids[i], err);
	/* Without an older backup that goes, only an interrupted one can have left images, which the next one needs. */
	if (!failed && old > 0)
		failed = remove_images(place, ids + old, count - old, &removed->images, err);
	free(ids);
	return failed;
}
