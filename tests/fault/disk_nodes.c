/* Files and folders as they are now, and as they are on the disk. */
#include "disk_nodes.h"

#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum { PAGE = 4096, SECTOR = 512, ROOT_MODE = S_IFDIR | 0755 };

static struct node *all;
static ino_t last;

static void touch(struct node *node)
{
	clock_gettime(CLOCK_REALTIME, &node->stat.st_mtim);
	node->stat.st_ctim = node->stat.st_mtim;
}

struct node *nodes_root(void)
{
	static struct node *root;

	if (!root)
		root = node_new(ROOT_MODE, geteuid(), getegid());
	return root;
}

struct node *node_new(mode_t mode, uid_t user, gid_t group)
{
	struct node *node = memory_new(1, sizeof(*node));

	node->stat.st_ino = ++last;
	node->stat.st_mode = mode;
	node->stat.st_uid = user;
	node->stat.st_gid = group;
	node->stat.st_nlink = S_ISDIR(mode) ? 2 : 0;
	node->stat.st_blksize = PAGE;
	node->name = memory_text("");
	touch(node);
	node->stat.st_atim = node->stat.st_mtim;
	node->next = all;
	all = node;
	return node;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].name);
	free(names->list);
	memset(names, 0, sizeof(*names));
}

static void names_copy(struct names *to, const struct names *from)
{
	names_clear(to);
	to->list = memory_new(from->count + 1, sizeof(*to->list));
	for (; to->count < from->count; to->count++) {
		to->list[to->count].node = from->list[to->count].node;
		to->list[to->count].name = memory_text(from->list[to->count].name);
	}
}

static struct entry *entry_find(const struct node *folder, const char *name)
{
	for (size_t i = 0; i < folder->now_names.count; i++)
		if (strcmp(folder->now_names.list[i].name, name) == 0)
			return &folder->now_names.list[i];
	return NULL;
}

struct node *name_find(const struct node *folder, const char *name)
{
	const struct entry *entry = entry_find(folder, name);

	return entry ? entry->node : NULL;
}

void name_add(struct node *folder, const char *name, struct node *node)
{
	struct names *names = &folder->now_names;

	names->list = memory_grow(names->list, names->count + 1, sizeof(*names->list));
	names->list[names->count].name = memory_text(name);
	names->list[names->count++].node = node;
	free(node->name);
	node->name = memory_text(name);
	if (S_ISDIR(node->stat.st_mode))
		folder->stat.st_nlink++;
	else
		node->stat.st_nlink++;
	touch(folder);
	clock_gettime(CLOCK_REALTIME, &node->stat.st_ctim);
}

void name_remove(struct node *folder, const char *name)
{
	struct entry *entry = entry_find(folder, name);

	if (S_ISDIR(entry->node->stat.st_mode))
		folder->stat.st_nlink--;
	else
		entry->node->stat.st_nlink--;
	touch(folder);
	clock_gettime(CLOCK_REALTIME, &entry->node->stat.st_ctim);
	free(entry->name);
	*entry = folder->now_names.list[--folder->now_names.count];
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void bytes_resize(struct bytes *bytes, size_t length)
{
	if (length > bytes->room) {
		bytes->room = length * 2;
		bytes->data = memory_grow(bytes->data, bytes->room, 1);
	}
	if (length > bytes->length)
		memset(bytes->data + bytes->length, 0, length - bytes->length);
	bytes->length = length;
}

static void note_dirty(struct node *node, size_t from, size_t to)
{
	size_t pages = (to + PAGE - 1) / PAGE;

	if (pages > node->pages) {
		node->dirty = memory_grow(node->dirty, pages * 2, sizeof(*node->dirty));
		memset(node->dirty + node->pages, 0, (pages * 2 - node->pages) * sizeof(*node->dirty));
		node->pages = pages * 2;
	}
	for (size_t page = from / PAGE; page < pages; page++)
		node->dirty[page] = true;
}

static void note_clean(struct node *node)
{
	if (node->pages > 0)
		memset(node->dirty, 0, node->pages * sizeof(*node->dirty));
}

static void note_size(struct node *node)
{
	node->stat.st_size = (off_t)node->now.length;
	node->stat.st_blocks = (blkcnt_t)((node->now.length + SECTOR - 1) / SECTOR);
}

void node_resize(struct node *file, size_t length)
{
	size_t was = file->now.length;

	bytes_resize(&file->now, length);
	note_dirty(file, was < length ? was : length, was < length ? length : was);
	note_size(file);
	touch(file);
}

void node_write(struct node *file, const char *data, size_t length, size_t at)
{
	if (at + length > file->now.length)
		node_resize(file, at + length);
	if (length > 0)
		memcpy(file->now.data + at, data, length);
	note_dirty(file, at, at + length);
	touch(file);
}

/* Copies what the page has now, sector by sector: all, or before `all_from` those that chance chooses. */
static void page_keep(struct node *node, size_t page, size_t all_from)
{
	for (size_t at = page * PAGE; at < (page + 1) * PAGE && at < node->disk.length; at += SECTOR) {
		size_t length = node->disk.length - at < SECTOR ? node->disk.length - at : SECTOR;

		if (at + length <= all_from && drand48() < 0.5)
			continue;
		memset(node->disk.data + at, 0, length);
		if (at < node->now.length)
			memcpy(node->disk.data + at, node->now.data + at,
			       node->now.length - at < length ? node->now.length - at : length);
	}
}

static void bytes_keep(struct node *node, bool some)
{
	size_t was = node->disk.length, length = node->now.length;

	if (some && length > was)
		length = was + (size_t)((double)(length - was) * drand48());
	bytes_resize(&node->disk, length);
	for (size_t page = 0; page < node->pages; page++)
		if (node->dirty[page])
			page_keep(node, page, some ? was : 0);
	note_clean(node);
}

/* --- what is kept ------------------------------------------------------------------------------------------------- */

void node_sync(struct node *node)
{
	bytes_keep(node, false);
	names_copy(&node->disk_names, &node->now_names);
}

void node_sync_failed(struct node *file)
{
	file->failed_syncs++;
	note_clean(file);
}

void nodes_sync_all(void)
{
	for (struct node *node = all; node; node = node->next)
		node_sync(node);
}

static void note_reached(struct node *node)
{
	bool again = node->seen;

	node->seen = true;
	for (size_t i = 0; i < node->disk_names.count; i++) {
		struct node *below = node->disk_names.list[i].node;

		if (S_ISDIR(below->stat.st_mode))
			node->stat.st_nlink += !again;
		else
			below->stat.st_nlink += !again;
		if (!below->seen)
			note_reached(below);
	}
}

/* A folder that has two names after all, since only one end of its move was synced, keeps both. */
void nodes_cut(bool all_names, bool some_bytes)
{
	for (struct node *node = all; node; node = node->next) {
		if (some_bytes)
			bytes_keep(node, true);
		if (all_names)
			names_copy(&node->disk_names, &node->now_names);
		node->seen = false;
		node->stat.st_nlink = S_ISDIR(node->stat.st_mode) ? 2 : 0;
	}
	note_reached(nodes_root());
}

static void node_free(struct node *node)
{
	names_clear(&node->now_names);
	names_clear(&node->disk_names);
	free(node->name);
	free(node->now.data);
	free(node->disk.data);
	free(node->dirty);
	free(node);
}

void nodes_forget(void)
{
	for (struct node **at = &all; *at;) {
		struct node *node = *at;

		if (!node->seen) {
			*at = node->next;
			node_free(node);
			continue;
		}
		names_copy(&node->now_names, &node->disk_names);
		bytes_resize(&node->now, 0);
		bytes_resize(&node->now, node->disk.length);
		if (node->disk.length > 0)
			memcpy(node->now.data, node->disk.data, node->disk.length);
		note_size(node);
		note_clean(node);
		at = &node->next;
	}
}
