/* Remembers each object by the beginning of its key's SHA-256, and lists them once more for the keys of those that
 * nobody named. */
#include "check_objects.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "blob/key.h"

enum { NAME_BYTES = 16, VISITED_AT_ONCE = 1000 };

struct object {
	unsigned char name[NAME_BYTES];
	int64_t bytes;
	bool named;
};
struct check_objects {
	struct blob_store *store;
	struct object *item; /* in order of name, once all are listed */
	size_t count, room;
};

static const char *const prefixes[] = {BLOB_KEY_IMAGES, BLOB_KEY_DATASETS};

static void name_object(const char *key, unsigned char name[NAME_BYTES])
{
	unsigned char digest[HASH_SHA256_SIZE];

	hash_sha256(key, strlen(key), digest);
	memcpy(name, digest, NAME_BYTES);
}

static bool note_object(void *data, const char *key, const struct blob_info *info)
{
	struct check_objects *objects = data;

	if (objects->count == objects->room) {
		objects->room = 2 * objects->room + 1024;
		objects->item = memory_grow(objects->item, objects->room, sizeof(*objects->item));
	}
	struct object *object = &objects->item[objects->count++];
	*object = (struct object){.bytes = info->bytes};
	name_object(key, object->name);
	return true;
}

static int object_by_name(const void *a, const void *b)
{
	return memcmp(((const struct object *)a)->name, ((const struct object *)b)->name, NAME_BYTES);
}

int check_objects_list(struct check_objects **out, struct blob_store *store, struct err *err)
{
	struct check_objects *objects = memory_new(1, sizeof(*objects));
	int failed = 0;

	*out = objects;
	objects->store = store;
	for (size_t i = 0; !failed && i < sizeof(prefixes) / sizeof(*prefixes); i++)
		failed = blob_list(store, prefixes[i], note_object, objects, err);
	if (objects->count > 1)
		qsort(objects->item, objects->count, sizeof(*objects->item), object_by_name);
	return failed;
}

void check_objects_free(struct check_objects *objects)
{
	if (objects)
		free(objects->item);
	free(objects);
}

int64_t check_objects_count(const struct check_objects *objects)
{
	return (int64_t)objects->count;
}

static struct object *find_object(const struct check_objects *objects, const char *key)
{
	struct object wanted;

	name_object(key, wanted.name);
	return objects->count > 0 ? bsearch(&wanted, objects->item, objects->count, sizeof(wanted), object_by_name) : NULL;
}

bool check_objects_named(struct check_objects *objects, const char *key, int64_t *bytes)
{
	struct object *object = find_object(objects, key);

	if (!object)
		return false;
	object->named = true;
	*bytes = object->bytes;
	return true;
}

/* --- those that nobody named -------------------------------------------------------------------------------------- */

struct seeking {
	const struct check_objects *objects;
	int64_t before_us;
	char **keys;
	size_t count;
};

static bool seek_unnamed(void *data, const char *key, const struct blob_info *info)
{
	struct seeking *seeking = data;
	struct object *object = find_object(seeking->objects, key);

	if (!object || object->named || info->modified_us > seeking->before_us)
		return true;
	object->named = true; /* an object may be listed twice */
	seeking->keys[seeking->count++] = memory_text(key);
	return seeking->count < VISITED_AT_ONCE;
}

static size_t count_unnamed(const struct check_objects *objects)
{
	size_t count = 0;

	for (size_t i = 0; i < objects->count; i++)
		count += !objects->item[i].named;
	return count;
}

/* Some at a time, and each round lists anew: visit may remove them. */
int check_objects_unnamed(struct check_objects *objects, int64_t before_us, check_object_visit *visit, void *data,
                          struct err *err)
{
	struct seeking seeking = {.objects = objects,
	                          .before_us = before_us,
	                          .keys = memory_new(VISITED_AT_ONCE, sizeof(*seeking.keys))};
	size_t found = VISITED_AT_ONCE;
	int failed = 0;

	while (!failed && found == VISITED_AT_ONCE && count_unnamed(objects) > 0) {
		seeking.count = 0;
		for (size_t i = 0; !failed && seeking.count < VISITED_AT_ONCE && i < sizeof(prefixes) / sizeof(*prefixes); i++)
			failed = blob_list(objects->store, prefixes[i], seek_unnamed, &seeking, err);
		found = seeking.count;
		for (size_t i = 0; i < found; i++) {
			failed = failed || visit(data, seeking.keys[i], err);
			free(seeking.keys[i]);
		}
	}
	free(seeking.keys);
	return failed;
}
