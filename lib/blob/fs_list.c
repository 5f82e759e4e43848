/* The image store in files: visiting objects in byte order of their keys.
 *
 * A folder's names are sorted in windows of the next FS_WINDOW, so that one with millions of files needs
 * constant memory: it is read once a window. The private and the public tree are walked side by side,
 * always the lesser key first. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob/fs.h"
#include "blob/key.h"

enum { FS_WINDOW = 16 * 1024 };

/* A folder on the way to the current key. A folder's own name ends in '/', which gives the order of whole
 * keys. */
struct level {
	size_t base;   /* bytes of the walk's key that name this folder, with the last '/' */
	char **names;  /* the window, sorted */
	size_t count, next;
	bool more;     /* there are names beyond the window */
	char *resume;  /* the last name of the window before; owned */
};

struct walk {
	struct fs_store *fs;
	enum fs_tree tree;
	const char *prefix, *after;
	char key[BLOB_KEY_MAX]; /* of the object at which it stands */
	int64_t bytes, modified_us;
	bool end;
	size_t depth;
	struct level levels[BLOB_KEY_MAX / 2 + 1];
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void level_clear(struct level *level)
{
	for (size_t i = 0; i < level->count; i++)
		free(level->names[i]);
	free(level->names);
	level->names = NULL;
	level->count = level->next = 0;
}

static void walk_pop(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];
	level_clear(level);
	free(level->resume);
}

/* May `key`, or for a folder anything below it, be asked for? */
static bool wanted(const struct walk *walk, const char *key, bool is_folder)
{
	size_t len = strlen(key), prefix_len = strlen(walk->prefix);
	if (is_folder)
		return strncmp(key, walk->prefix, len < prefix_len ? len : prefix_len) == 0 &&
		       strncmp(key, walk->after, len) >= 0;
	return strncmp(key, walk->prefix, prefix_len) == 0 && strcmp(key, walk->after) > 0;
}

/* The entry's name as it sorts, in `out`; false when it is neither folder nor file, or not asked for. */
static bool entry_name(struct walk *walk, const struct level *level, int dirfd_, const struct dirent *entry,
                       char out[NAME_MAX + 2])
{
	unsigned char type = entry->d_type;
	struct stat st;
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return false;
	if (type != DT_DIR && type != DT_REG) { /* DT_UNKNOWN, or a link that an administrator made */
		if (fstatat(dirfd_, entry->d_name, &st, 0) != 0)
			return false;
		type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
	}
	if (type == DT_UNKNOWN)
		return false;
	snprintf(out, NAME_MAX + 2, "%s%s", entry->d_name, type == DT_DIR ? "/" : "");
	if (level->resume != NULL && strcmp(out, level->resume) <= 0)
		return false;
	char key[BLOB_KEY_MAX];
	int len = snprintf(key, sizeof(key), "%.*s%s", (int)level->base, walk->key, out);
	return len < (int)sizeof(key) && wanted(walk, key, type == DT_DIR);
}

static void level_add(struct level *level, const char *name)
{
	if (level->names == NULL)
		level->names = malloc(2 * FS_WINDOW * sizeof(*level->names));
	char *copy = strdup(name);
	if (level->names == NULL || copy == NULL)
		abort(); /* as buf does */
	level->names[level->count++] = copy;
	if (level->count < 2 * FS_WINDOW)
		return;
	qsort(level->names, level->count, sizeof(*level->names), compare_names);
	while (level->count > FS_WINDOW)
		free(level->names[--level->count]);
	level->more = true;
}

/* Reads the folder's next window. A folder that is gone is an empty one. */
static int level_fill(struct walk *walk, struct level *level, struct err *err)
{
	char path[BLOB_KEY_MAX + 2];
	snprintf(path, sizeof(path), "./%.*s", (int)level->base, walk->key);
	int fd = openat(walk->fs->tree[walk->tree], path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		err_errno(err, ERR_UNAVAILABLE, "can't list the image store's folder '%s'", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	level->more = false;
	char name[NAME_MAX + 2];
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry_name(walk, level, fd, entry, name))
			level_add(level, name);
	closedir(dir);
	if (level->count == 0)
		return 0;
	qsort(level->names, level->count, sizeof(*level->names), compare_names);
	while (level->more && level->count > FS_WINDOW)
		free(level->names[--level->count]);
	return 0;
}

static int walk_push(struct walk *walk, size_t base, struct err *err)
{
	if (walk->depth == sizeof(walk->levels) / sizeof(walk->levels[0]))
		return 0; /* deeper than any key */
	struct level *level = &walk->levels[walk->depth++];
	memset(level, 0, sizeof(*level));
	level->base = base;
	return level_fill(walk, level, err);
}

/* Goes to the next window of the innermost folder; false when it has no more names. */
static bool level_next_window(struct walk *walk, struct level *level, struct err *err, int *result)
{
	if (!level->more)
		return false;
	free(level->resume);
	level->resume = strdup(level->names[level->count - 1]);
	if (level->resume == NULL)
		abort();
	level_clear(level);
	level->more = false;
	*result = level_fill(walk, level, err);
	return *result == 0 && level->count > 0;
}

/* Goes to the next object: walk->key, or walk->end. */
static int walk_next(struct walk *walk, struct err *err)
{
	int result = 0;
	while (result == 0 && walk->depth > 0) {
		struct level *level = &walk->levels[walk->depth - 1];
		if (level->next == level->count) {
			if (!level_next_window(walk, level, err, &result))
				walk_pop(walk);
			continue;
		}
		const char *name = level->names[level->next++];
		size_t len = strlen(name);
		memcpy(walk->key + level->base, name, len + 1); /* its length was checked by entry_name */
		if (name[len - 1] == '/') {
			result = walk_push(walk, level->base + len, err);
			continue;
		}
		struct stat st;
		if (fstatat(walk->fs->tree[walk->tree], walk->key, &st, 0) != 0 || !S_ISREG(st.st_mode) ||
		    blob_key_check(walk->key, NULL) != 0)
			continue; /* deleted meanwhile, or none of ours */
		walk->bytes = st.st_size;
		walk->modified_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
		return 0;
	}
	walk->end = true;
	return result;
}

int fs_list(struct blob_store *store, const char *prefix, const char *after, blob_visit *visit, void *data,
            struct err *err)
{
	struct walk *walks = calloc(FS_TREES, sizeof(*walks));
	if (walks == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	int result = 0;
	for (int i = 0; i < FS_TREES; i++) {
		walks[i] = (struct walk){.fs = (struct fs_store *)store, .tree = (enum fs_tree)i,
		                         .prefix = prefix, .after = after};
		if (result == 0)
			result = walk_push(&walks[i], 0, err) || walk_next(&walks[i], err) ? -1 : 0;
	}
	struct walk *a = &walks[FS_PRIVATE], *b = &walks[FS_PUBLIC];
	while (result == 0 && (!a->end || !b->end)) {
		int order = a->end ? 1 : b->end ? -1 : strcmp(a->key, b->key);
		const struct walk *least = order <= 0 ? a : b;
		struct blob_entry entry = {least->key, least->bytes, least->modified_us};
		if (!visit(data, &entry))
			break;
		if (order <= 0)
			result = walk_next(a, err);
		if (order >= 0 && result == 0)
			result = walk_next(b, err);
	}
	for (int i = 0; i < FS_TREES; i++)
		while (walks[i].depth > 0)
			walk_pop(&walks[i]);
	free(walks);
	return result;
}
