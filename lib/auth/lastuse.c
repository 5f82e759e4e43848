/* Notes when each user or token was let in. */
#include "auth/lastuse.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PROBED = 8, GROUPS = LASTUSE_CELLS / PROBED }; /* a name's cell is one of PROBED in its group */

struct cell {
	uint64_t tag; /* of the name; 0 = free */
	int64_t seconds;
};

struct lastuse {
	int fd;                                /* -1: it cannot be used */
	_Atomic uint64_t noted[LASTUSE_CELLS]; /* this process's last notes: tag and second in one number */
};

struct lastuse *lastuse_open(const char *path)
{
	struct lastuse *lastuse = memory_new(1, sizeof(*lastuse));

	lastuse->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return lastuse;
}

void lastuse_free(struct lastuse *lastuse)
{
	if (lastuse && lastuse->fd >= 0)
		close(lastuse->fd);
	free(lastuse);
}

/* FNV-1a, since this runs at each request, where a digest would take fifty times as long. Two names with the same
 * hash would share their time; but admins choose names, and ids are random. */
static uint64_t lastuse_tag(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const unsigned char *at = (const unsigned char *)name; *at; at++)
		hash = (hash ^ *at) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 32) | 1; /* its low bits choose the cell */
}

static off_t group_of(uint64_t tag)
{
	return (off_t)((tag >> 1) % GROUPS) * PROBED * (off_t)sizeof(struct cell);
}

/* Reads the name's cells; those beyond the file's end are free. */
static void read_group(const struct lastuse *lastuse, uint64_t tag, struct cell group[PROBED])
{
	memset(group, 0, PROBED * sizeof(*group));
	if (pread(lastuse->fd, group, PROBED * sizeof(*group), group_of(tag)) < 0)
		memset(group, 0, PROBED * sizeof(*group));
}

/* Chooses the name's own cell, else a free one, else the one used longest ago. */
static size_t lastuse_choose(const struct cell group[PROBED], uint64_t tag)
{
	size_t chosen = 0;

	for (size_t i = 0; i < PROBED; i++) {
		if (group[i].tag == tag)
			return i;
		if (group[i].seconds < group[chosen].seconds)
			chosen = i;
	}
	return chosen;
}

void lastuse_note(struct lastuse *lastuse, const char *name, int64_t now_us)
{
	struct cell group[PROBED];
	int64_t seconds = now_us / MICROSECONDS;

	if (lastuse->fd < 0)
		return;
	uint64_t tag = lastuse_tag(name), mark = (tag & ~(uint64_t)UINT32_MAX) | (uint32_t)(seconds / LASTUSE_SECONDS);
	_Atomic uint64_t *noted = &lastuse->noted[(tag >> 1) % LASTUSE_CELLS];
	if (atomic_exchange(noted, mark) == mark)
		return;
	read_group(lastuse, tag, group);
	size_t at = lastuse_choose(group, tag);
	if (group[at].tag && group[at].seconds >= seconds) /* it is known; or all others came later */
		return;
	const struct cell cell = {.tag = tag, .seconds = seconds};
	/* A full disk only means that there is no note. */
	if (pwrite(lastuse->fd, &cell, sizeof(cell), group_of(tag) + (off_t)(at * sizeof(cell))) < 0)
		atomic_store(noted, 0);
}

int64_t lastuse_get(struct lastuse *lastuse, const char *name)
{
	struct cell group[PROBED];
	uint64_t tag = lastuse_tag(name);

	if (lastuse->fd < 0)
		return 0;
	read_group(lastuse, tag, group);
	for (size_t i = 0; i < PROBED; i++)
		if (group[i].tag == tag)
			return group[i].seconds * MICROSECONDS;
	return 0;
}
