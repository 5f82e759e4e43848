/* Makes, keeps and answers with thumbnails. */
#include "fastcgi/thumb.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/image_type.h"
#include "base/memory.h"
#include "fastcgi/content.h"
#include "fastcgi/images.h"
#include "fastcgi/once.h"
#include "image/image.h"

#define FOLDER "cache/thumbs"

/* Thumbnails come in these sizes only, so that a sample has at most this many files. */
static const int sizes[] = {64, 100, 256, 500, 1000, IMAGE_THUMB_SIDE_MAX};
enum { SIZES = sizeof(sizes) / sizeof(*sizes), NAME_BYTES_MAX = 48, ETAG_BYTES_MAX = CONTENT_VERSION_MAX + 16 };

struct thumbs {
	struct kept *kept;
	struct once *making;
	const struct config *config;
};

struct thumbs *thumbs_new(const struct config *config, const char *state_dir)
{
	struct thumbs *thumbs = memory_new(1, sizeof(*thumbs));
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct once_limits limits = {.at_once = processors > 1 ? (size_t)processors : 1,
	                             .inside = THUMB_THREADS_MAX,
	                             .per_user = THUMB_THREADS_USER};

	thumbs->kept = kept_new(state_dir, FOLDER, config->limits.thumbs_bytes);
	thumbs->making = once_new(&limits);
	thumbs->config = config;
	return thumbs;
}

void thumbs_free(struct thumbs *thumbs)
{
	if (!thumbs)
		return;
	kept_free(thumbs->kept);
	once_free(thumbs->making);
	free(thumbs);
}

int thumb_forget(const char *state_dir, const char *uuid, struct err *err)
{
	return uuid[0] ? kept_remove_group(state_dir, FOLDER, uuid, err) : 0;
}

int thumb_sweep(const char *state_dir, kept_wanted *wanted, void *data, struct err *err)
{
	return kept_sweep(state_dir, FOLDER, wanted, data, err);
}

/* --- one thumbnail ------------------------------------------------------------------------------------------------ */

struct thumb {
	struct thumbs *thumbs;
	const struct images *images;
	const struct sample *sample;
	struct located file;
	char version[CONTENT_VERSION_MAX];
	int size;
	bool settled;              /* the image has had that content all the time */
	char name[NAME_BYTES_MAX]; /* its name in its dataset's group of kept files */
};

static void name_it(int64_t id, int size, char out[NAME_BYTES_MAX])
{
	snprintf(out, NAME_BYTES_MAX, "%lld-%d", (long long)id, size);
}

/* Removes the thumbnails of an image that is gone. */
static void remove_kept(struct kept *kept, const char *uuid, int64_t id)
{
	char name[NAME_BYTES_MAX];

	for (size_t i = 0; i < SIZES; i++) {
		name_it(id, sizes[i], name);
		kept_remove(kept, uuid, name);
	}
}

void thumb_remove(const char *state_dir, const char *uuid, int64_t id)
{
	struct kept *kept = kept_new(state_dir, FOLDER, 0);

	if (uuid[0])
		remove_kept(kept, uuid, id);
	kept_free(kept);
}

static int thumb_look(struct thumb *thumb, struct err *err)
{
	if (images_locate(thumb->images, thumb->sample, &thumb->file, err)) {
		if (err->code == ERR_NOT_FOUND)
			remove_kept(thumb->thumbs->kept, thumb->images->place->uuid, thumb->sample->id);
		return -1;
	}
	content_version(thumb->images->place, thumb->sample, &thumb->file, thumb->version);
	thumb->settled = content_is_settled(thumb->sample, &thumb->file);
	return 0;
}

/* Whether the image still has the content that it had when it was looked at. */
static bool is_same_still(const struct thumb *thumb)
{
	struct thumb now = *thumb;
	struct err ignored;

	return thumb_look(&now, &ignored) == 0 && strcmp(now.version, thumb->version) == 0;
}

static int from_file(const struct thumb *thumb, struct buf *out, struct err *err)
{
	int64_t pixels_max = thumb->thumbs->config->limits.image_pixels;
	int fd = open(thumb->file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	const char *type;

	if (fd < 0 && errno != ENOENT && errno != ELOOP)
		return err_errno(err, ERR_UNAVAILABLE, "The image file cannot be opened");
	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "Image file not found");
	int failed = image_thumb_fd(fd, pixels_max, thumb->size, out, &type, err);
	close(fd);
	return failed;
}

static int from_store(const struct thumb *thumb, struct buf *out, struct err *err)
{
	const struct config *config = thumb->thumbs->config;
	const char *type;
	struct buf bytes;

	buf_init(&bytes, (size_t)config->limits.file_bytes);
	int failed = images_fetch(thumb->images, thumb->sample, &bytes, err) ||
	             image_thumb_bytes(buf_text(&bytes), bytes.len, config->limits.image_pixels, thumb->size, out, &type, err);
	buf_release(&bytes);
	return failed;
}

/* The sample may have been removed meanwhile, and the thumbnails kept of it before this one. */
static void forget_if_removed(const struct thumb *thumb)
{
	struct sample sample = {0};
	struct err err;

	if (dataset_sample(thumb->images->dataset, thumb->sample->id, &sample, &err) && err.code == ERR_NOT_FOUND)
		remove_kept(thumb->thumbs->kept, thumb->images->place->uuid, thumb->sample->id);
	sample_release(&sample);
}

static int thumb_make(void *data, struct buf *out, struct err *err)
{
	const struct thumb *thumb = data;
	struct kept *kept = thumb->thumbs->kept;

	if (thumb->file.path[0] ? from_file(thumb, out, err) : from_store(thumb, out, err))
		return -1;
	if (thumb->settled && is_same_still(thumb)) {
		kept_add(kept, thumb->images->place->uuid, thumb->name, thumb->version, out);
		forget_if_removed(thumb);
	}
	return 0;
}

static int make_once(struct thumb *thumb, const char *user, struct buf *out, struct err *err)
{
	char key[HASH_UUID_MAX + CONTENT_VERSION_MAX + NAME_BYTES_MAX];

	snprintf(key, sizeof(key), "%s/%s/%s", thumb->images->place->uuid, thumb->version, thumb->name);
	if (once_do(thumb->thumbs->making, user, key, thumb_make, thumb, out, err))
		return -1;
	thumb->settled = thumb->settled && is_same_still(thumb);
	return 0;
}

/* --- its answer --------------------------------------------------------------------------------------------------- */

static int reply_caching(struct call *call, const struct thumb *thumb, const char *etag, struct err *err)
{
	struct reply *reply = call->reply;
	const char *version = request_query(call->request, "v");

	if (!thumb->settled)
		return reply_header(reply, "Cache-Control", "private, no-store", err);
	return reply_header(reply, "Cache-Control",
	                    version && strcmp(version, thumb->version) == 0 ? "private, max-age=31536000, immutable"
	                                                                    : "private, no-cache",
	                    err) ||
	       reply_header(reply, "ETag", etag, err);
}

static int reply_thumb(struct call *call, struct thumb *thumb, struct err *err)
{
	struct reply *reply = call->reply;
	const char *known = request_header(call->request, "HTTP_IF_NONE_MATCH");
	char etag[ETAG_BYTES_MAX];

	snprintf(etag, sizeof(etag), "\"%s-%d\"", thumb->version, thumb->size);
	if (thumb->settled && known && strstr(known, etag)) {
		reply_empty(reply, 304);
		return reply_caching(call, thumb, etag, err);
	}
	if (!kept_read(thumb->thumbs->kept, thumb->images->place->uuid, thumb->name, thumb->version, &reply->body) &&
	    make_once(thumb, call->request->user, &reply->body, err))
		return -1;
	const struct image_type *type = image_type_sniff((const unsigned char *)reply->body.data, reply->body.len);
	reply->status = 200;
	return reply_header(reply, "Content-Type", type ? type->media : "application/octet-stream", err) ||
	       reply_caching(call, thumb, etag, err);
}

int thumb_answer(struct call *call, const struct sample *sample, int size, struct err *err)
{
	const struct images images = call_images(call);
	struct thumb thumb = {
		.thumbs = call->app->thumbs, .images = &images, .sample = sample, .size = sizes[SIZES - 1]};

	for (size_t i = SIZES; i-- > 0;) {
		if (size <= sizes[i])
			thumb.size = sizes[i];
	}
	name_it(sample->id, thumb.size, thumb.name);
	return thumb_look(&thumb, err) || reply_thumb(call, &thumb, err);
}
