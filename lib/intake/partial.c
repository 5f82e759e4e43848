/* Keeps uploads that come in pieces. */
#include "intake/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum { PATH_BYTES_MAX = 8192, DESCRIPTION_BYTES_MAX = 256 * 1024, MAKING_SECONDS_MAX = 60 };

static char *partial_path(const char *dir, const char *id, const char *suffix)
{
	struct buf path;

	buf_init(&path, PATH_BYTES_MAX);
	buf_printf(&path, "%s/%s%s", dir, id, suffix);
	return buf_detach(&path);
}

static int partial_write(const char *path, const struct buf *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len && fdatasync(fd) == 0;
	int failed = ok ? 0 : err_errno(err, ERR_UNAVAILABLE, "The upload's description cannot be written");

	if (fd >= 0)
		close(fd);
	return failed;
}

/* Renames a new file, so that a crash leaves either the old one or the new one. */
static int partial_describe(const struct partial *partial, struct err *err)
{
	cJSON *tree = json_new_object();
	struct buf text;

	json_add_string(tree, "user", partial->user);
	json_add_string(tree, "dataset", partial->dataset);
	json_add_string(tree, "filepath", partial->filepath);
	json_add_string(tree, "filename", partial->filename);
	json_add_string(tree, "label", partial->label);
	json_add_string(tree, "metadata", partial->metadata);
	json_add_int64(tree, "length", partial->length);
	json_add_int64(tree, "expires_us", partial->expires_us);
	json_add_int64(tree, "result", partial->result);
	buf_init(&text, DESCRIPTION_BYTES_MAX);
	json_print(tree, &text);
	cJSON_Delete(tree);
	char *path = partial_path(partial->dir, partial->id, ".json"),
	     *new_path = partial_path(partial->dir, partial->id, ".new");
	int failed = partial_write(new_path, &text, err) ||
	             (rename(new_path, path) && err_errno(err, ERR_UNAVAILABLE, "The upload's description cannot be kept"));
	buf_release(&text);
	free(path);
	free(new_path);
	return failed;
}

static int partial_parse(const cJSON *tree, struct partial *out, struct err *err)
{
	const char *user, *dataset, *filepath, *filename, *label, *metadata = "";

	if (json_string(tree, "user", true, &user, err) || json_string(tree, "dataset", true, &dataset, err) ||
	    json_string(tree, "filepath", true, &filepath, err) || json_string(tree, "filename", true, &filename, err) ||
	    json_string(tree, "label", true, &label, err) ||
	    json_string(tree, "metadata", false, &metadata, err) ||
	    json_int64(tree, "length", true, 0, INT64_MAX, &out->length, err) ||
	    json_int64(tree, "expires_us", true, 0, INT64_MAX, &out->expires_us, err) ||
	    json_int64(tree, "result", true, -1, INT64_MAX, &out->result, err))
		return -1;
	out->user = memory_text(user);
	out->dataset = memory_text(dataset);
	out->filepath = memory_text(filepath);
	out->filename = memory_text(filename);
	out->label = memory_text(label);
	out->metadata = memory_text(metadata);
	return 0;
}

static int partial_load(struct partial *out, struct err *err)
{
	char *path = partial_path(out->dir, out->id, ".json");
	cJSON *tree = json_parse_file(path, err);
	int failed = !tree || partial_parse(tree, out, err);

	cJSON_Delete(tree);
	free(path);
	return failed;
}

static void partial_unlink(const char *dir, const char *id)
{
	static const char *const suffixes[] = {".json", ".new", ".part"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char *path = partial_path(dir, id, suffixes[i]);

		unlink(path);
		free(path);
	}
}

static int make_folder_of_partials(const char *dir, struct err *err)
{
	char *above = partial_path(dir, "..", "");
	bool made = mkdir(dir, 0700) == 0;
	int failed = (!made && errno != EEXIST) || (made && file_sync_folder(above));

	free(above);
	return failed ? err_errno(err, ERR_UNAVAILABLE, "The folder of uploads cannot be made") : 0;
}

/* An upload that was begun outlives a loss of power, as the bytes do that are answered for. */
static int partial_sync_names(const struct partial *partial, struct err *err)
{
	return file_sync_folder(partial->dir) ? err_errno(err, ERR_UNAVAILABLE, "The upload cannot be kept") : 0;
}

int partial_create(struct partial *partial, struct err *err)
{
	char token[HASH_TOKEN_MAX];

	if (make_folder_of_partials(partial->dir, err))
		return -1;
	hash_random_token(HASH_TOKEN_BYTES, token);
	snprintf(partial->id, sizeof(partial->id), "%.*s", PARTIAL_ID_MAX - 1, token);
	partial->offset = 0;
	partial->result = -1;
	partial->user = memory_text(partial->user);
	partial->dataset = memory_text(partial->dataset);
	partial->filepath = memory_text(partial->filepath);
	partial->filename = memory_text(partial->filename);
	partial->label = memory_text(partial->label);
	partial->metadata = memory_text(partial->metadata);
	char *path = partial_path(partial->dir, partial->id, ".part");
	partial->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	int failed = partial->fd < 0 ? err_errno(err, ERR_UNAVAILABLE, "The upload cannot be kept")
	                             : partial_describe(partial, err) || partial_sync_names(partial, err);
	free(path);
	if (failed) {
		partial_unlink(partial->dir, partial->id);
		partial_release(partial);
	}
	return failed;
}

static bool is_id(const char *id)
{
	size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return len > 0 && len < PARTIAL_ID_MAX && id[len] == '\0';
}

static int open_locked(struct partial *out, struct err *err)
{
	struct stat now;
	char *path = partial_path(out->dir, out->id, ".part");

	out->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	free(path);
	if (out->fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "There is no such upload");
	if (out->fd < 0)
		return err_errno(err, ERR_UNAVAILABLE, "The upload cannot be opened");
	if (flock(out->fd, LOCK_EX | LOCK_NB))
		return err_set(err, ERR_CONFLICT, "Another request is writing to this upload");
	if (fstat(out->fd, &now))
		return err_errno(err, ERR_UNAVAILABLE, "The upload cannot be read");
	out->offset = now.st_size;
	return partial_load(out, err);
}

int partial_open(struct partial *out, const char *dir, const char *id, const char *user, const char *dataset,
                 struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->fd = -1;
	out->dir = dir;
	if (!is_id(id))
		return err_set(err, ERR_NOT_FOUND, "There is no such upload");
	snprintf(out->id, sizeof(out->id), "%s", id);
	int failed = open_locked(out, err);
	if (!failed && (strcmp(out->user, user) != 0 || strcmp(out->dataset, dataset) != 0 || out->expires_us <= text_now()))
		failed = err_set(err, ERR_NOT_FOUND, "There is no such upload");
	if (!failed && out->result >= 0)
		out->offset = out->length;
	if (failed)
		partial_release(out);
	return failed;
}

void partial_release(struct partial *partial)
{
	if (partial->fd >= 0)
		close(partial->fd);
	free(partial->user);
	free(partial->dataset);
	free(partial->filepath);
	free(partial->filename);
	free(partial->label);
	free(partial->metadata);
	memset(partial, 0, sizeof(*partial));
	partial->fd = -1;
}

int partial_append(struct partial *partial, const void *bytes, size_t len, struct err *err)
{
	if ((int64_t)len > partial->length - partial->offset)
		return err_set(err, ERR_TOO_LARGE, "The piece goes beyond Upload-Length");
	for (const char *at = bytes; len > 0;) {
		ssize_t written = write(partial->fd, at, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_errno(err, ERR_UNAVAILABLE, "The upload cannot be kept");
		at += written;
		len -= (size_t)written;
		partial->offset += written;
	}
	return 0;
}

int partial_sync(struct partial *partial, struct err *err)
{
	return fdatasync(partial->fd) ? err_errno(err, ERR_UNAVAILABLE, "The upload cannot be kept") : 0;
}

int partial_truncate(struct partial *partial, int64_t offset, struct err *err)
{
	if (ftruncate(partial->fd, offset))
		return err_errno(err, ERR_UNAVAILABLE, "The upload cannot be cut");
	partial->offset = offset;
	return 0;
}

/* Puts another file under the name of the bytes, whose own file may be the image's by now (blob_put's handover). */
static int let_go(const struct partial *partial, struct err *err)
{
	char *path = partial_path(partial->dir, partial->id, ".part"),
	     *new_path = partial_path(partial->dir, partial->id, ".new");
	int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int failed = fd < 0 || rename(new_path, path) ? err_errno(err, ERR_UNAVAILABLE, "The upload cannot be let go") : 0;

	if (fd >= 0)
		close(fd);
	free(path);
	free(new_path);
	return failed;
}

int partial_finish(struct partial *partial, int64_t sample, struct err *err)
{
	partial->result = sample;
	return partial_describe(partial, err) || let_go(partial, err);
}

int partial_remove(struct partial *partial, struct err *err)
{
	(void)err;
	partial_unlink(partial->dir, partial->id);
	return 0;
}

/* An upload without a valid description is either just being made, or left by a crash. */
static bool is_remains(const char *dir, const char *id)
{
	struct stat then;
	char *path = partial_path(dir, id, ".part");
	bool old = stat(path, &then) == 0 && text_now() / MICROSECONDS - then.st_mtime > MAKING_SECONDS_MAX;

	free(path);
	return old;
}

static bool is_free(const char *dir, const char *id)
{
	struct partial partial = {.dir = dir, .fd = -1};
	struct err ignored = {0};

	snprintf(partial.id, sizeof(partial.id), "%s", id);
	bool is_busy = open_locked(&partial, &ignored) && ignored.code == ERR_CONFLICT;
	partial_release(&partial);
	return !is_busy;
}

/* Reads uploads without their lock, since a request for one that came meanwhile would be refused. */
static bool partial_is_over(const char *dir, const char *id)
{
	struct partial partial = {.dir = dir, .fd = -1};
	struct err ignored;

	snprintf(partial.id, sizeof(partial.id), "%s", id);
	bool over = partial_load(&partial, &ignored) ? is_remains(dir, id) : partial.expires_us <= text_now();
	partial_release(&partial);
	return over && is_free(dir, id);
}

int partial_sweep(const char *dir, struct err *err)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	if (!folder)
		return errno == ENOENT ? 0 : err_errno(err, ERR_UNAVAILABLE, "The folder of uploads cannot be read");
	while ((entry = readdir(folder))) {
		char id[PARTIAL_ID_MAX];
		size_t len = strlen(entry->d_name);

		if (len <= 5 || len - 5 >= sizeof(id) || strcmp(entry->d_name + len - 5, ".part") != 0)
			continue;
		memcpy(id, entry->d_name, len - 5);
		id[len - 5] = '\0';
		if (partial_is_over(dir, id))
			partial_unlink(dir, id);
	}
	closedir(folder);
	return 0;
}
