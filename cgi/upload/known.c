/* Keeps the images that a dataset has in two hash tables. */
#include "known.h"

#include "base/memory.h"

enum { FIRST_ROOM = 1024 }; /* a power of two; so is every room */

static size_t digest_place(const struct known *known, const unsigned char *digest)
{
	static const unsigned char none[KNOWN_DIGEST];
	size_t at;

	memcpy(&at, digest, sizeof(at));
	for (at &= known->digest_room - 1; memcmp(known->digests[at], none, KNOWN_DIGEST) != 0 &&
	                                   memcmp(known->digests[at], digest, KNOWN_DIGEST) != 0;)
		at = (at + 1) & (known->digest_room - 1);
	return at;
}

static size_t size_place(const struct known *known, int64_t bytes)
{
	size_t at = (size_t)((uint64_t)bytes * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (known->size_room - 1);

	while (known->sizes[at] && known->sizes[at] != bytes)
		at = (at + 1) & (known->size_room - 1);
	return at;
}

static void grow_digests(struct known *known)
{
	static const unsigned char none[KNOWN_DIGEST];
	struct known old = *known;

	known->digest_room = old.digest_room ? old.digest_room * 2 : FIRST_ROOM;
	known->digests = memory_new(known->digest_room, KNOWN_DIGEST);
	for (size_t i = 0; i < old.digest_room; i++)
		if (memcmp(old.digests[i], none, KNOWN_DIGEST) != 0)
			memcpy(known->digests[digest_place(known, old.digests[i])], old.digests[i], KNOWN_DIGEST);
	free(old.digests);
}

static void grow_sizes(struct known *known)
{
	struct known old = *known;

	known->size_room = old.size_room ? old.size_room * 2 : FIRST_ROOM;
	known->sizes = memory_new(known->size_room, sizeof(*known->sizes));
	for (size_t i = 0; i < old.size_room; i++)
		if (old.sizes[i])
			known->sizes[size_place(known, old.sizes[i])] = old.sizes[i];
	free(old.sizes);
}

void known_add(struct known *known, int64_t bytes, const unsigned char sha256[HASH_SHA256_SIZE])
{
	if (bytes <= 0)
		return;
	if (known->digest_count * 3 / 2 >= known->digest_room)
		grow_digests(known);
	if (known->size_count * 3 / 2 >= known->size_room)
		grow_sizes(known);
	if (!known_content(known, sha256)) {
		memcpy(known->digests[digest_place(known, sha256)], sha256, KNOWN_DIGEST);
		known->digest_count++;
	}
	if (!known_size(known, bytes)) {
		known->sizes[size_place(known, bytes)] = bytes;
		known->size_count++;
	}
}

bool known_size(const struct known *known, int64_t bytes)
{
	return known->size_count && bytes > 0 && known->sizes[size_place(known, bytes)] == bytes;
}

bool known_content(const struct known *known, const unsigned char sha256[HASH_SHA256_SIZE])
{
	return known->digest_count &&
	       memcmp(known->digests[digest_place(known, sha256)], sha256, KNOWN_DIGEST) == 0;
}

void known_release(struct known *known)
{
	free(known->digests);
	free(known->sizes);
	memset(known, 0, sizeof(*known));
}
