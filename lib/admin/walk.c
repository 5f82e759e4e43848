/* The files of a folder and its sub-folders, in the order a person expects: image2 before image10. */
#include "admin/walk.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/text.h"

enum { SEEN_EVERY = 512 }; /* files between two calls of walk_seen */

static const char *const reasons[WALK_SKIPS] = {
	[WALK_HIDDEN] = "hidden",
	[WALK_NO_IMAGE] = "no image",
	[WALK_BAD_NAME] = "name is not UTF-8",
	[WALK_UNREADABLE] = "cannot be read",
	[WALK_OUTSIDE] = "link that leads outside",
	[WALK_SPECIAL] = "no regular file",
};

const char *walk_skip_reason(enum walk_skip skip)
{
	return reasons[skip];
}

void walk_pass_over(struct walk *walk, enum walk_skip skip, const char *path, walk_told *told, void *data)
{
	walk->skipped[skip]++;
	if (skip == WALK_BAD_NAME || skip == WALK_UNREADABLE || skip == WALK_OUTSIDE)
		told(data, skip, path);
}

static void keep(struct walk *walk, size_t *capacity, const char *path, bool link)
{
	if (walk->count == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 1024;
		walk->files = reallocarray(walk->files, *capacity, sizeof(*walk->files));
		if (!walk->files)
			abort();
	}
	char *copy = strdup(path);
	if (!copy)
		abort();
	walk->files[walk->count++] = (struct walk_file){copy, link};
}

static bool lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0' || len == 1);
}

/* What a linked folder inside base_dir holds is found where it lies; by the link it would be found again. */
static bool may_follow(const char *path, const char *base_dir, const struct config_list *roots)
{
	char real[PATH_MAX], root[PATH_MAX];

	if (!realpath(path, real) || lies_in(real, base_dir))
		return false;
	for (size_t i = 0; i < roots->count; i++)
		if (realpath(roots->item[i], root) && lies_in(real, root))
			return true;
	return false;
}

static int in_natural_order(const FTSENT **a, const FTSENT **b)
{
	return strverscmp((*a)->fts_name, (*b)->fts_name);
}

struct visit {
	struct walk *walk;
	FTS *tree;
	const char *base_dir;
	const struct config_list *roots;
	walk_told *told;
	walk_seen *seen;
	void *data;
	size_t capacity, count;
};

static void visit_link(struct visit *visit, FTSENT *entry, const char *path)
{
	struct stat st;

	if (stat(entry->fts_accpath, &st))
		walk_pass_over(visit->walk, WALK_UNREADABLE, path, visit->told, visit->data);
	else if (S_ISREG(st.st_mode))
		keep(visit->walk, &visit->capacity, path, true);
	else if (!S_ISDIR(st.st_mode))
		walk_pass_over(visit->walk, WALK_SPECIAL, path, visit->told, visit->data);
	else if (may_follow(entry->fts_accpath, visit->base_dir, visit->roots))
		fts_set(visit->tree, entry, FTS_FOLLOW);
	else
		walk_pass_over(visit->walk, WALK_OUTSIDE, path, visit->told, visit->data);
}

static void visit_entry(struct visit *visit, FTSENT *entry, const char *path)
{
	struct err err;
	enum walk_skip skip = WALK_SKIPS;

	if (entry->fts_info == FTS_DP || entry->fts_info == FTS_DC)
		return;
	if (entry->fts_name[0] == '.')
		skip = WALK_HIDDEN;
	else if (text_check_filepath(path, &err))
		skip = WALK_BAD_NAME;
	else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
		skip = WALK_UNREADABLE;
	else if (entry->fts_info == FTS_DEFAULT)
		skip = WALK_SPECIAL;
	else if (entry->fts_info == FTS_F)
		keep(visit->walk, &visit->capacity, path, false);
	else if (entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE)
		visit_link(visit, entry, path);

	if (skip != WALK_SKIPS) {
		walk_pass_over(visit->walk, skip, path, visit->told, visit->data);
		fts_set(visit->tree, entry, FTS_SKIP);
	}
	if (++visit->count % SEEN_EVERY == 0)
		visit->seen(visit->data, visit->count);
}

int walk_folder(struct walk *walk, const char *base_dir, const struct config_list *roots, walk_told *told,
                walk_seen *seen, void *data, struct err *err)
{
	char *top = strdup(base_dir);
	char *const tops[] = {top, NULL};
	size_t prefix = strlen(base_dir) + (strcmp(base_dir, "/") != 0);
	struct visit visit = {
		.walk = walk, .base_dir = base_dir, .roots = roots, .told = told, .seen = seen, .data = data};

	memset(walk, 0, sizeof(*walk));
	visit.tree = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, in_natural_order);
	if (!visit.tree) {
		free(top);
		return err_errno(err, ERR_INTERNAL, "Cannot walk through %s", base_dir);
	}
	FTSENT *entry;
	int failed = 0;
	while (!failed && (errno = 0, (entry = fts_read(visit.tree))))
		if (entry->fts_level > FTS_ROOTLEVEL)
			visit_entry(&visit, entry, entry->fts_path + prefix);
		else
			failed = entry->fts_errno;
	if (!failed)
		failed = errno;
	if (failed) {
		errno = failed;
		failed = err_errno(err, ERR_INTERNAL, "Cannot walk through %s", base_dir);
	}
	fts_close(visit.tree);
	free(top);
	return failed;
}

void walk_release(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		free(walk->files[i].path);
	free(walk->files);
	memset(walk, 0, sizeof(*walk));
}
