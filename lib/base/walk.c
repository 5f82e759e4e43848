/* The files of a folder and its sub-folders, in the order a person expects: image2 before image10. */
#include "base/walk.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/litter.h"
#include "base/memory.h"
#include "base/text.h"

enum { SEEN_EVERY = 512 }; /* files between two calls of walk_seen */

static const char *const reasons[WALK_SKIPS] = {
	[WALK_HIDDEN] = "hidden",
	[WALK_LITTER] = "made by a system",
	[WALK_NO_IMAGE] = "no image",
	[WALK_BAD_NAME] = "name is not UTF-8",
	[WALK_UNREADABLE] = "cannot be read",
	[WALK_OUTSIDE] = "link that leads outside",
	[WALK_CIRCLE] = "link back into the folder",
	[WALK_SPECIAL] = "no regular file",
};

const char *walk_skip_reason(enum walk_skip skip)
{
	return reasons[skip];
}

void walk_add_name(const char *name, struct buf *out)
{
	bool readable = text_utf8_valid(name, strlen(name));

	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && !readable))
			buf_printf(out, "\\x%02x", *c);
		else
			buf_char(out, (char)*c);
}

void walk_pass_over(struct walk *walk, enum walk_skip skip, const char *path, walk_told *told, void *data)
{
	walk->skipped[skip]++;
	if (skip == WALK_BAD_NAME || skip == WALK_UNREADABLE || skip == WALK_OUTSIDE)
		told(data, skip, path);
}

static void walk_keep(struct walk *walk, size_t *capacity, const char *path, bool link)
{
	if (walk->count == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 1024;
		walk->files = memory_grow(walk->files, *capacity, sizeof(*walk->files));
	}
	char *copy = memory_text(path);
	walk->files[walk->count++] = (struct walk_file){copy, link};
}

static bool walk_lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0' || len == 1);
}

/* Why a linked folder is skipped; WALK_SKIPS: it is not. */
static enum walk_skip judge_linked_folder(const char *path, const char *base_dir,
                                          const struct config_list *roots)
{
	char real[PATH_MAX], root[PATH_MAX];

	if (!realpath(path, real))
		return WALK_UNREADABLE;
	if (walk_lies_in(real, base_dir))
		return WALK_CIRCLE;
	for (size_t i = 0; i < roots->count; i++)
		if (realpath(roots->item[i], root) && walk_lies_in(real, root))
			return WALK_SKIPS;
	return WALK_OUTSIDE;
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

/* Follows a link, or returns why it is skipped (WALK_SKIPS: it is not). */
static enum walk_skip visit_link(struct visit *visit, FTSENT *entry, const char *path)
{
	struct stat st;

	if (stat(entry->fts_accpath, &st))
		return WALK_UNREADABLE;
	if (S_ISREG(st.st_mode)) {
		walk_keep(visit->walk, &visit->capacity, path, true);
		return WALK_SKIPS;
	}
	if (!S_ISDIR(st.st_mode))
		return WALK_SPECIAL;
	enum walk_skip skip = judge_linked_folder(entry->fts_accpath, visit->base_dir, visit->roots);
	if (skip == WALK_SKIPS)
		fts_set(visit->tree, entry, FTS_FOLLOW);
	return skip;
}

static enum walk_skip visit_kind(struct visit *visit, FTSENT *entry, const char *path)
{
	switch (entry->fts_info) {
	case FTS_F:
		walk_keep(visit->walk, &visit->capacity, path, false);
		return WALK_SKIPS;
	case FTS_SL:
	case FTS_SLNONE: return visit_link(visit, entry, path);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS: return WALK_UNREADABLE;
	case FTS_DEFAULT: return WALK_SPECIAL;
	default: return WALK_SKIPS; /* a folder, to walk through */
	}
}

static bool is_folder(const FTSENT *entry)
{
	struct stat st;

	return entry->fts_info == FTS_D || entry->fts_info == FTS_DNR ||
	       (entry->fts_info == FTS_SL && stat(entry->fts_accpath, &st) == 0 && S_ISDIR(st.st_mode));
}

static void visit_entry(struct visit *visit, FTSENT *entry, const char *path)
{
	struct err err;
	enum walk_skip skip;

	if (entry->fts_info == FTS_DP || entry->fts_info == FTS_DC)
		return;
	if (entry->fts_name[0] == '.')
		skip = WALK_HIDDEN;
	else if (litter_is(entry->fts_name, entry->fts_namelen, is_folder(entry)))
		skip = WALK_LITTER;
	else if (text_check_filepath(path, &err))
		skip = WALK_BAD_NAME;
	else
		skip = visit_kind(visit, entry, path);
	if (skip != WALK_SKIPS) {
		walk_pass_over(visit->walk, skip, path, visit->told, visit->data);
		if (entry->fts_info == FTS_D)
			fts_set(visit->tree, entry, FTS_SKIP);
	}
	if (++visit->count % SEEN_EVERY == 0)
		visit->seen(visit->data, visit->count);
}

int walk_folder(struct walk *walk, const char *base_dir, const struct config_list *roots, walk_told *told,
                walk_seen *seen, void *data, struct err *err)
{
	char *top = memory_text(base_dir);
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
