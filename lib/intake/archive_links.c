/* A hash table of paths that keeps only their digests. */
#include "intake/archive_links.h"

#include <stdlib.h>

#include "base/banned.h"
#include "base/hash.h"
#include "base/memory.h"

enum { FIRST_SLOTS = 64, KEY_BYTES = 16 };

struct slot {
	unsigned char key[KEY_BYTES]; /* from the path's SHA-256, so that nobody can make two paths with the same key */
	int64_t value;
};

struct archive_links {
	struct slot *slot;
	bool *used;
	size_t slots, count; /* slots: a power of 2 */
};

static void make_room(struct archive_links *links, size_t slots)
{
	links->slot = memory_new(slots, sizeof(*links->slot));
	links->used = memory_new(slots, sizeof(*links->used));
	links->slots = slots;
}

struct archive_links *archive_links_new(void)
{
	struct archive_links *links = memory_new(1, sizeof(*links));

	make_room(links, FIRST_SLOTS);
	return links;
}

void archive_links_free(struct archive_links *links)
{
	if (!links)
		return;
	free(links->slot);
	free(links->used);
	free(links);
}

/* The slot that has the key, or where it belongs. */
static size_t archive_links_place(const struct archive_links *links, const unsigned char key[KEY_BYTES])
{
	size_t at;

	memcpy(&at, key, sizeof(at));
	for (at &= links->slots - 1; links->used[at] && memcmp(links->slot[at].key, key, KEY_BYTES) != 0;)
		at = (at + 1) & (links->slots - 1);
	return at;
}

static void archive_links_grow(struct archive_links *links)
{
	struct archive_links old = *links;

	make_room(links, old.slots * 2);
	for (size_t i = 0; i < old.slots; i++) {
		if (!old.used[i])
			continue;
		size_t at = archive_links_place(links, old.slot[i].key);
		links->slot[at] = old.slot[i];
		links->used[at] = true;
	}
	free(old.slot);
	free(old.used);
}

void archive_links_set(struct archive_links *links, const char *path, int64_t value)
{
	unsigned char digest[HASH_SHA256_SIZE];

	if (links->count >= links->slots / 4 * 3)
		archive_links_grow(links);
	hash_sha256(path, strlen(path), digest);
	size_t at = archive_links_place(links, digest);
	links->count += !links->used[at];
	links->used[at] = true;
	memcpy(links->slot[at].key, digest, KEY_BYTES);
	links->slot[at].value = value;
}

bool archive_links_get(const struct archive_links *links, const char *path, int64_t *value)
{
	unsigned char digest[HASH_SHA256_SIZE];

	hash_sha256(path, strlen(path), digest);
	size_t at = archive_links_place(links, digest);
	if (links->used[at])
		*value = links->slot[at].value;
	return links->used[at];
}
