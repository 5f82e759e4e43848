/* Reads the images to upload, from a folder or an archive. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/image_type.h"
#include "base/memory.h"
#include "base/text.h"

enum { PIECE = 256 * 1024 };
static const int64_t image_max = INT64_C(4) << 30; /* the most that a server can be configured to accept */
static const char in_skipped_folder[] = "in a folder to be skipped", no_image[] = "no image", hidden[] = "hidden",
		  made_by_system[] = "made by a system";

void source_item_release(struct source_item *item)
{
	if (item->held)
		spool_release(&item->spool);
	else if (item->path)
		close(item->fd);
	free(item->path);
	free(item->label);
	memset(item, 0, sizeof(*item));
}

ssize_t source_item_read(const struct source_item *item, int64_t at, void *bytes, size_t len)
{
	int fd = item->held ? item->spool.fd : item->fd;
	ssize_t got;

	if (at >= item->bytes)
		return 0;
	if ((int64_t)len > item->bytes - at)
		len = (size_t)(item->bytes - at);
	if (item->held && fd < 0) {
		memcpy(bytes, buf_text(&item->spool.memory) + at, len);
		return (ssize_t)len;
	}
	do {
		got = pread(fd, bytes, len, at);
	} while (got < 0 && errno == EINTR);
	return got > 0 ? got : -1;
}

int source_item_sha256(struct source_item *item, unsigned char sha256[HASH_SHA256_SIZE], struct err *err)
{
	unsigned char digest[64];

	if (!item->held && !hash_file("sha256", item->fd, 0, item->bytes, digest))
		return err_set(err, ERR_INTERNAL, "it cannot be read to its end");
	memcpy(sha256, item->held ? item->spool.sha256 : digest, HASH_SHA256_SIZE);
	return 0;
}

/* --- a folder ----------------------------------------------------------------------------------------------------- */

static void source_told(void *data, enum walk_skip skip, const char *path)
{
	struct source *source = data;

	if (skip == WALK_BAD_NAME || skip == WALK_UNREADABLE)
		report_failed(source->report, path, walk_skip_reason(skip));
}

static void source_seen(void *data, size_t count)
{
	struct source *source = data;

	progress_show(&source->report->progress, count, 0, "looking through the folder");
}

static int source_open_folder(struct source *source, const char *path, struct err *err)
{
	static const struct config_list no_roots;
	char real[PATH_MAX];

	if (!realpath(path, real))
		return err_errno(err, ERR_NOT_FOUND, "Cannot open the folder %s", path);
	if (walk_folder(&source->walk, real, &no_roots, source_told, source_seen, source, err))
		return -1;
	source->total = (int64_t)source->walk.count;
	for (enum walk_skip skip = 0; skip < WALK_SKIPS; skip++)
		if (source->walk.skipped[skip] && skip != WALK_BAD_NAME && skip != WALK_UNREADABLE)
			report_skipped(source->report, walk_skip_reason(skip), source->walk.skipped[skip]);
	return 0;
}

static bool lies_in_skipped(const struct config_list *skip, const char *path)
{
	for (const char *end; (end = strchr(path, '/')); path = end + 1)
		for (size_t i = 0; i < skip->count; i++)
			if (strlen(skip->item[i]) == (size_t)(end - path) &&
			    memcmp(skip->item[i], path, (size_t)(end - path)) == 0)
				return true;
	return false;
}

static int next_of_folder(struct source *source, struct source_item *item)
{
	unsigned char magic[IMAGE_TYPE_MAGIC_BYTES];
	struct stat st;

	if (source->done == source->total)
		return 0;
	const char *path = source->walk.files[source->done++].path;
	if (lies_in_skipped(source->options.skip, path)) {
		report_skipped(source->report, in_skipped_folder, 1);
		return 1;
	}
	int fd = openat(source->fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 || fstat(fd, &st) ? -1 : pread(fd, magic, sizeof(magic), 0);
	if (len < 0 || !S_ISREG(st.st_mode) || !image_type_sniff(magic, (size_t)len)) {
		if (len < 0)
			report_failed(source->report, path, strerror(errno));
		else
			report_skipped(source->report, no_image, 1);
		if (fd >= 0)
			close(fd);
		return 1;
	}
	*item = (struct source_item){.path = memory_text_part(path, strlen(path)), .bytes = st.st_size, .fd = fd};
	size_t folder_len;
	const char *folder = text_folder(path, &folder_len);
	item->label = source->options.label ? memory_text_part(source->options.label, strlen(source->options.label))
	                                    : memory_text_part(folder, folder_len);
	return 1;
}

/* --- an archive --------------------------------------------------------------------------------------------------- */

static ssize_t read_archive(void *data, void *bytes, size_t len, struct err *err)
{
	struct source *source = data;
	ssize_t got;

	do {
		got = read(source->fd, bytes, len);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, ERR_INTERNAL, "%s cannot be read", source->path);
	source->done += got;
	return got;
}

static int source_going(void *data, struct err *err)
{
	const struct source *source = data;

	return *source->options.stopped ? err_set(err, ERR_BAD_REQUEST, "interrupted") : 0;
}

static int source_open_archive(struct source *source, int64_t bytes, struct err *err)
{
	struct archive_limits limits = {
		.entries = INT64_MAX, .entry_bytes = image_max, .skip = source->options.skip, .names = source->options.names,
		.going = source_going};

	source->total = bytes;
	source->links = archive_links_new();
	return archive_reader_open(&source->archive, read_archive, source, &limits, err);
}

static const char *skip_reason(const char *said)
{
	if (strstr(said, "system"))
		return made_by_system;
	return strstr(said, "hidden") ? hidden : strstr(said, "image") ? no_image : in_skipped_folder;
}

/* Reads the entry's bytes; reports a broken one, after which the next may be whole. */
static void take_entry(struct source *source, const struct archive_item *entry, struct source_item *item)
{
	struct err err;
	size_t got = 1;
	unsigned char *piece = memory_raw(PIECE);
	int failed = 0;

	const char *label = source->options.label ? source->options.label : entry->label;
	*item = (struct source_item){.path = memory_text_part(entry->path, strlen(entry->path)),
	                             .label = memory_text_part(label, strlen(label)),
	                             .held = true};
	spool_init(&item->spool, source->options.tmp, image_max);
	while (!failed && got > 0)
		failed = archive_reader_read(source->archive, piece, PIECE, &got, &err) ||
		         (got > 0 && spool_write(&item->spool, piece, got, &err));
	free(piece);
	if (failed) {
		report_failed(source->report, entry->path, err.text);
		source_item_release(item);
		return;
	}
	spool_finish(&item->spool);
	item->bytes = item->spool.length;
	archive_links_set(source->links, item->path, 1);
}

/* A hard link has its target's bytes, which need not be sent again. */
static void take_link(struct source *source, const struct archive_item *entry)
{
	int64_t taken;

	if (archive_links_get(source->links, entry->target, &taken)) {
		archive_links_set(source->links, entry->path, taken);
		report_present(source->report);
	} else {
		report_failed(source->report, entry->path, "it is a link to something that is no image of the archive");
	}
}

static int next_of_archive(struct source *source, struct source_item *item, struct err *err)
{
	const struct archive_item *entry;

	if (archive_reader_next(source->archive, &entry, err))
		return err->code == ERR_MEDIA_TYPE
		               ? err_set(err, ERR_MEDIA_TYPE, "%s is no folder and no tar, tar.gz, tar.zst or zip archive",
		                         source->path)
		               : err_prefix(err, "%s", source->path);
	if (!entry)
		return 0;
	source->guessed += entry->guessed != NULL;
	source->guess = entry->guessed ? entry->guessed : source->guess;
	if (entry->kind == ARCHIVE_SKIPPED)
		report_skipped(source->report, skip_reason(entry->skipped), 1);
	else if (entry->kind == ARCHIVE_REFUSED)
		report_failed(source->report, entry->path, entry->err.text);
	else if (entry->kind == ARCHIVE_LINK)
		take_link(source, entry);
	else
		take_entry(source, entry, item);
	return 1;
}

/* --- either ------------------------------------------------------------------------------------------------------- */

int source_open(struct source *source, const char *path, const struct source_options *options,
                struct report *report, struct err *err)
{
	struct stat st;

	*source = (struct source){.options = *options, .report = report, .path = path};
	source->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &st))
		return err_errno(err, ERR_NOT_FOUND, "Cannot open %s", path);
	return S_ISDIR(st.st_mode) ? source_open_folder(source, path, err) : source_open_archive(source, st.st_size, err);
}

void source_release(struct source *source)
{
	if (source->path && source->fd >= 0)
		close(source->fd);
	archive_reader_free(source->archive);
	archive_links_free(source->links);
	walk_release(&source->walk);
	memset(source, 0, sizeof(*source));
}

int source_next(struct source *source, struct source_item *item, struct err *err)
{
	memset(item, 0, sizeof(*item));
	int more = source->archive ? next_of_archive(source, item, err) : next_of_folder(source, item);
	if (more == 1 && item->path && *item->label && text_check_label(item->label, err)) {
		report_failed(source->report, item->path, "its folder's name cannot be a label");
		source_item_release(item);
	}
	return more;
}
