/* Makes, keeps and answers thumbnails. */
#include "fastcgi/thumb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "blob/image.h"
#include "fastcgi/serve.h"

enum { PATH_BYTES_MAX = 8192 };

static int from_file(const char *path, int64_t pixels_max, int size, struct buf *out, const char **type, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "Image file not found");
	int failed = image_thumb_fd(fd, pixels_max, size, out, type, err);
	close(fd);
	return failed;
}

static int make(struct call *call, const struct sample *sample, int size, struct buf *out, const char **type,
                struct err *err)
{
	int64_t pixels_max = call->app->config.limits.image_pixels;
	struct located file;
	struct buf bytes;

	if (serve_locate(call, sample, &file, err))
		return -1;
	if (file.path[0])
		return from_file(file.path, pixels_max, size, out, type, err);
	buf_init(&bytes, (size_t)call->app->config.limits.file_bytes);
	int failed = serve_fetch(call, sample, &bytes, err) ||
	             image_thumb_bytes(buf_text(&bytes), bytes.len, pixels_max, size, out, type, err);
	buf_release(&bytes);
	return failed ? -1 : 0;
}

/* Under another name first, so that nginx never serves half of one. What cannot be kept is made again next time. */
static void keep(const struct buf *thumb, const char *dir, const char *path)
{
	char token[HASH_TOKEN_MAX];
	struct buf new_path;

	hash_random_token(HASH_TOKEN_BYTES, token);
	buf_init(&new_path, PATH_BYTES_MAX);
	buf_printf(&new_path, "%s/.%s", dir, token);
	int fd = open(buf_text(&new_path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		/* Synced: with power lost, an empty one under its name would be served for good. */
		bool whole = file_write(fd, thumb->data, thumb->len) == 0 && fdatasync(fd) == 0;

		close(fd);
		if (!whole || rename(buf_text(&new_path), path))
			unlink(buf_text(&new_path));
	}
	buf_release(&new_path);
}

static void make_folders(const char *state_dir, const struct buf *dir)
{
	static const char *const parts[] = {"/cache", "/cache/thumbs"};
	struct buf path;

	buf_init(&path, PATH_BYTES_MAX);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		buf_clear(&path);
		buf_printf(&path, "%s%s", state_dir, parts[i]);
		mkdir(buf_text(&path), 0700);
	}
	mkdir(buf_text(dir), 0700);
	buf_release(&path);
}

int thumb_answer(struct call *call, const struct sample *sample, int size, struct err *err)
{
	struct buf thumb, dir, path;
	const char *type = NULL;

	buf_init(&thumb, IMAGE_THUMB_BYTES_MAX);
	buf_init(&dir, PATH_BYTES_MAX);
	buf_init(&path, PATH_BYTES_MAX);
	int failed = make(call, sample, size, &thumb, &type, err);
	if (!failed) {
		buf_printf(&dir, "%s/cache/thumbs/%s", call->app->state_dir, dataset_name(call->dataset));
		buf_printf(&path, "%s/%lld-%d.%s", buf_text(&dir), (long long)sample->id, size,
		           strcmp(type, "image/webp") == 0 ? "webp" : "jpg");
		make_folders(call->app->state_dir, &dir);
		keep(&thumb, buf_text(&dir), buf_text(&path));
		call->reply->status = 200;
		failed = reply_header(call->reply, "Content-Type", type, err) ||
		         reply_header(call->reply, "Cache-Control", "private, max-age=86400", err) ||
		         buf_add(&call->reply->body, thumb.data, thumb.len);
	}
	buf_release(&thumb);
	buf_release(&dir);
	buf_release(&path);
	return failed ? -1 : 0;
}

static void remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

/* Under another name first: nginx serves none of them from that moment on. */
int thumb_forget(const char *state_dir, const char *dataset, struct err *err)
{
	char token[HASH_TOKEN_MAX];
	struct buf path, new_path;
	int failed = 0;

	hash_random_token(HASH_TOKEN_BYTES, token);
	buf_init(&path, PATH_BYTES_MAX);
	buf_init(&new_path, PATH_BYTES_MAX);
	buf_printf(&path, "%s/cache/thumbs/%s", state_dir, dataset);
	buf_printf(&new_path, "%s/cache/thumbs/.%s", state_dir, token);
	if (rename(buf_text(&path), buf_text(&new_path)) == 0)
		remove_folder(buf_text(&new_path));
	else if (errno != ENOENT)
		failed = err_errno(err, ERR_UNAVAILABLE, "The thumbnails of %s cannot be removed", dataset);
	buf_release(&path);
	buf_release(&new_path);
	return failed;
}
