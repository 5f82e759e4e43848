/* Locks the users' folder; lists, reads and replaces documents and files. */
#include "auth/userdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"

#define LOCK_NAME ".lock"

static int failed(const struct userdir *dir, const char *name, const char *what, struct err *err)
{
	return err_errno(err, ERR_INTERNAL, "%s/%s cannot be %s", dir->place->dir, name, what);
}

static int userdir_give(const struct userdir *dir, int fd)
{
	return file_give(fd, dir->fd);
}

bool userdir_is(const char *name, const char *ending)
{
	size_t len = strlen(name), end = strlen(ending);

	return name[0] != '.' && len > end && strcmp(name + len - end, ending) == 0;
}

void userdir_user_name(const char *user, char out[USERDIR_NAME_MAX])
{
	unsigned char digest[HASH_SHA256_SIZE];
	char hex[HASH_SHA256_HEX];

	hash_sha256(user, strlen(user), digest);
	hash_hex(digest, sizeof(digest), hex);
	snprintf(out, USERDIR_NAME_MAX, "%s" USERDIR_USER, hex);
}

cJSON *userdir_removed_json(const char *user)
{
	cJSON *tree = json_new_object();

	json_add_string(tree, "user", user);
	json_add_bool(tree, "removed", true);
	return tree;
}

bool userdir_is_removed(const cJSON *tree)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "removed"));
}

static void userdir_add(void *data, const char *name, const char *text)
{
	struct userdir *dir = data;

	if (!userdir_is(name, USERDIR_USER) && !userdir_is(name, USERDIR_TOKEN))
		return;
	if ((dir->count & (dir->count + 1)) == 0) /* when room for 1, 3, 7, … is used up */
		dir->documents = memory_grow(dir->documents, 2 * dir->count + 1, sizeof(*dir->documents));
	dir->documents[dir->count++] = (struct user_document){
		.name = memory_text(name), .text = text ? memory_text(text) : NULL};
}

static int by_document_name(const void *a, const void *b)
{
	return strcmp(((const struct user_document *)a)->name, ((const struct user_document *)b)->name);
}

static DIR *open_listing(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	if (fd >= 0 && !listing)
		close(fd);
	return listing;
}

static int list_files(struct userdir *dir)
{
	DIR *listing = open_listing(dir->fd, ".");
	if (!listing)
		return -1;
	errno = 0;
	for (const struct dirent *entry; (entry = readdir(listing)) != NULL; errno = 0)
		userdir_add(dir, entry->d_name, NULL);
	int why = errno;
	closedir(listing);
	errno = why;
	return why;
}

static int userdir_list(struct userdir *dir, struct err *err)
{
	const struct user_store *store = dir->place->store;

	if (store && store->list(store->data, userdir_add, dir, err) != 0)
		return -1;
	if (!store && list_files(dir) != 0)
		return err_errno(err, ERR_INTERNAL, "the users' folder %s cannot be listed", dir->place->dir);
	if (dir->count > 1)
		qsort(dir->documents, dir->count, sizeof(*dir->documents), by_document_name);
	return 0;
}

static const struct user_document *userdir_find(const struct userdir *dir, const char *name)
{
	struct user_document wanted = {.name = (char *)(uintptr_t)name};

	return dir->count > 0 ? bsearch(&wanted, dir->documents, dir->count, sizeof(wanted), by_document_name) : NULL;
}

bool userdir_has(const struct userdir *dir, const char *name)
{
	if (!dir->place->store && faccessat(dir->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	/* A disk that cannot be asked does not say that there is none. */
	return (dir->place->store || errno != ENOENT) && userdir_find(dir, name);
}

static int userdir_lock(struct userdir *dir)
{
	dir->lock_fd = openat(dir->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir->lock_fd < 0 || userdir_give(dir, dir->lock_fd) != 0)
		return -1;
	int result;
	do
		result = flock(dir->lock_fd, LOCK_EX);
	while (result != 0 && errno == EINTR);
	return result;
}

int userdir_open(struct userdir *dir, const struct user_place *place, struct err *err)
{
	*dir = (struct userdir){.place = place, .lock_fd = -1};
	dir->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failure = 0;
	if (dir->fd < 0)
		failure = err_errno(err, ERR_INTERNAL, "the users' folder %s cannot be opened", place->dir);
	else if (userdir_lock(dir) != 0)
		failure = err_errno(err, ERR_INTERNAL, "the users' folder %s cannot be used", place->dir);
	if (failure == 0 && userdir_list(dir, err) == 0)
		return 0;
	userdir_close(dir);
	return -1;
}

static void wipe_text(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void userdir_close(struct userdir *dir)
{
	for (size_t i = 0; i < dir->count; i++) {
		free(dir->documents[i].name);
		wipe_text(dir->documents[i].text);
	}
	free(dir->documents);
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	if (dir->fd >= 0)
		close(dir->fd);
	*dir = (struct userdir){.fd = -1, .lock_fd = -1};
}

static void userdir_join(const struct userdir *dir, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", dir->place->dir, name);
}

int userdir_read(const struct userdir *dir, const char *name, struct buf *out, struct err *err)
{
	char path[PATH_MAX];
	userdir_join(dir, name, path);
	return file_read(path, out->max, out, err);
}

static cJSON *parse_document(const struct user_document *document, struct err *err)
{
	cJSON *tree = json_parse_object(document->text, strlen(document->text), err);

	if (!tree)
		err_prefix(err, "%s in the store", document->name);
	return tree;
}

cJSON *userdir_json(const struct userdir *dir, const char *name, struct err *err)
{
	const struct user_document *document = userdir_find(dir, name);
	char path[PATH_MAX];

	if (document && document->text)
		return parse_document(document, err);
	userdir_join(dir, name, path);
	cJSON *tree = json_parse_file(path, err);
	if (!tree || cJSON_IsObject(tree))
		return tree;
	cJSON_Delete(tree);
	err_set(err, ERR_BAD_REQUEST, "%s must hold a JSON object", path);
	return NULL;
}

static bool holds(const struct userdir *dir, const char *name, const char *bytes, size_t len)
{
	struct stat st;
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
	    (st.st_mode & 07777) != 0600 || (size_t)st.st_size != len)
		return false;
	struct buf now;
	buf_init(&now, len + 1);
	bool same = userdir_read(dir, name, &now, NULL) == 0 && now.len == len &&
	            (len == 0 || memcmp(now.data, bytes, len) == 0);
	buf_release(&now);
	return same;
}

static int write_file(const struct userdir *dir, const char *name, const char *bytes, size_t len, struct err *err)
{
	static const char temporary[] = ".tmp"; /* one is enough, since the folder is locked */
	if (holds(dir, name, bytes, len))
		return 0;
	unlinkat(dir->fd, temporary, 0);
	int fd = openat(dir->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(dir, name, "written", err);
	int result = 0;
	if (fchmod(fd, 0600) != 0 || userdir_give(dir, fd) != 0 || file_write(fd, bytes, len) != 0 || fsync(fd) != 0 ||
	    renameat(dir->fd, temporary, dir->fd, name) != 0 || fsync(dir->fd) != 0)
		result = failed(dir, name, "written", err);
	close(fd);
	if (result != 0)
		unlinkat(dir->fd, temporary, 0);
	return result;
}

int userdir_write(const struct userdir *dir, const char *name, const char *bytes, size_t len, struct err *err)
{
	const struct user_store *store = dir->place->store;
	const struct user_document *before = userdir_find(dir, name);

	if (!store || name[0] == '.')
		return write_file(dir, name, bytes, len, err);
	return store->put(store->data, name, before ? before->text : NULL, bytes, err);
}

int userdir_write_json(const struct userdir *dir, const char *name, const cJSON *tree, struct err *err)
{
	struct buf text;
	buf_init(&text, JSON_BODY_MAX);
	json_print(tree, &text);
	buf_char(&text, '\n');
	int result = -1;
	if (text.overflow)
		err_set(err, ERR_TOO_LARGE, "%s would be larger than %d bytes", name, JSON_BODY_MAX);
	else
		result = userdir_write(dir, name, buf_text(&text), text.len, err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
	return result;
}

int userdir_remove(const struct userdir *dir, const char *name, struct err *err)
{
	const struct user_store *store = dir->place->store;

	if (store)
		return store->remove(store->data, name, err);
	if ((unlinkat(dir->fd, name, 0) != 0 && errno != ENOENT) || fsync(dir->fd) != 0)
		return failed(dir, name, "removed", err);
	return 0;
}
