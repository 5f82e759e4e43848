/* Opens, locks and lists the place of backups. */
#include "backup_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "backup_manifest.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "migrate_env.h"
#include "migrate_images.h"

#define S3_PREFIX "s3://"
enum { CONFIG_TEXT_MAX = 65536, NAME_PART = 16, WALK_FDS = 16 };

/* --- the folder for databases ------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	return at->level > 0 && remove(path) != 0;
}

static int empty_work(const struct backup_place *place, struct err *err)
{
	if (nftw(place->work, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS) != 0)
		return err_errno(err, ERR_INTERNAL, "The folder %s cannot be emptied", place->work);
	return 0;
}

/* In a folder that all may write, such as /tmp, somebody else could have made it. */
static int make_work(const struct backup_place *place, struct err *err)
{
	struct stat st;

	if (mkdir(place->work, 0700) != 0 && errno != EEXIST)
		return err_errno(err, ERR_INTERNAL, "The folder %s cannot be made", place->work);
	if (lstat(place->work, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, ERR_CONFLICT, "%s is no folder of this user", place->work);
	return 0;
}

/* The lock is on the folder itself, which stays. */
static int lock_work(struct backup_place *place, struct err *err)
{
	place->lock = open(place->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (place->lock < 0)
		return err_errno(err, ERR_INTERNAL, "The folder %s cannot be opened", place->work);
	if (flock(place->lock, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_CONFLICT, "Another backup, restoration or verification uses %s", place->name);
	return 0;
}

int backup_place_stage(struct backup_place *place, const char *id, struct err *err)
{
	if (empty_work(place, err))
		return -1;
	free(place->config.sqlite_db_dir);
	place->config.sqlite_db_dir = memory_format("%s/%s", place->work, id);
	return mkdir(place->config.sqlite_db_dir, 0700) == 0
	               ? 0
	               : err_errno(err, ERR_INTERNAL, "The folder %s cannot be made", place->config.sqlite_db_dir);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static char *choose_work(const char *name, const char *folder, config_env *env)
{
	unsigned char digest[HASH_SHA256_SIZE];
	char hex[HASH_SHA256_HEX];
	const char *tmp = env("TMPDIR");

	if (folder)
		return memory_format("%s/work", folder);
	hash_sha256(name, strlen(name), digest);
	hash_hex(digest, sizeof(digest), hex);
	return memory_format("%s/image-label-backup-%u-%.*s", tmp && *tmp ? tmp : "/tmp", (unsigned)geteuid(), NAME_PART, hex);
}

static void add_if_set(cJSON *group, const char *key, const char *value)
{
	if (value[0])
		json_add_string(group, key, value);
}

/* The place as a configuration like any other, so that the image store opens it as it opens a server's. */
static int write_config(const struct backup_place *place, const char *path, const char *folder,
                        const struct config *server, struct err *err)
{
	cJSON *tree = json_new_object(), *store = json_new_object();
	struct buf text;

	json_add_string(store, "type", folder ? "fs" : "s3");
	if (folder) {
		json_add_string(store, "dir", folder);
	} else {
		json_add_string(store, "bucket", place->name + strlen(S3_PREFIX));
		if (!config_images_are_files(server)) {
			add_if_set(store, "endpoint", server->image_store.endpoint);
			add_if_set(store, "region", server->image_store.region);
			add_if_set(store, "ca_bundle", server->image_store.ca_bundle);
		}
	}
	json_add_string(tree, "sqlite_db_dir", place->work);
	json_add(tree, "image_store", store);
	buf_init(&text, CONFIG_TEXT_MAX);
	json_print(tree, &text);
	cJSON_Delete(tree);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int failed = fd < 0 || file_write(fd, text.data, text.len)
	                     ? err_errno(err, ERR_INTERNAL, "%s cannot be written", path)
	                     : 0;
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	return failed;
}

static int place_load_config(struct backup_place *place, const char *folder, const struct config *server,
                             config_env *env, struct err *err)
{
	char *path = memory_format("%s/place.json", place->work);
	int failed = write_config(place, path, folder, server, err) ||
	             migrate_env_load(&place->config, MIGRATE_BACKUP, path, env, err);

	free(path);
	return failed;
}

static int find_folder(const char *name, bool making, char out[PATH_MAX], struct err *err)
{
	if (making && admin_make_folder(name, 0700, err))
		return -1;
	if (!realpath(name, out))
		return err_errno(err, ERR_NOT_FOUND, "There are no backups in %s", name);
	return 0;
}

int backup_place_open(struct backup_place *place, const char *name, bool making, const struct config *server,
                      config_env *env, struct err *err)
{
	bool in_bucket = strncmp(name, S3_PREFIX, strlen(S3_PREFIX)) == 0;
	char folder[PATH_MAX];

	*place = (struct backup_place){.name = name, .in_bucket = in_bucket, .lock = -1};
	if (in_bucket && (!name[strlen(S3_PREFIX)] || strchr(name + strlen(S3_PREFIX), '/')))
		return err_set(err, ERR_BAD_REQUEST, "%s names no bucket: s3://BUCKET, without a path", name);
	if (!in_bucket && find_folder(name, making, folder, err))
		return -1;
	place->work = choose_work(name, in_bucket ? NULL : folder, env);
	if (make_work(place, err) || lock_work(place, err) || empty_work(place, err) ||
	    place_load_config(place, in_bucket ? NULL : folder, server, env, err))
		return -1;
	if (migrate_images_same(&place->config, server))
		return err_set(err, ERR_BAD_REQUEST, "%s is where the server itself keeps its images: backups need another place",
		               name);
	return blob_open(&place->blobs, &place->config, err) || blob_ping(place->blobs, err);
}

void backup_place_close(struct backup_place *place)
{
	blob_free(place->blobs);
	if (place->lock >= 0) {
		empty_work(place, NULL);
		close(place->lock);
	}
	free(place->work);
	config_release(&place->config);
}

void backup_id(int64_t at, char out[BACKUP_ID_MAX])
{
	char text[TEXT_TIME_MAX];
	size_t len = 0;

	text_time(at, text);
	for (const char *p = text; *p; p++) {
		if (*p != '-' && *p != ':')
			out[len++] = *p;
	}
	out[len] = '\0';
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

struct found {
	char (*ids)[BACKUP_ID_MAX];
	bool *complete;
	size_t count;
};

static size_t found_place(struct found *found, const char *id, size_t len)
{
	for (size_t i = found->count; i > 0; i--) { /* those of one backup come one after the other */
		if (strlen(found->ids[i - 1]) == len && strncmp(found->ids[i - 1], id, len) == 0)
			return i - 1;
	}
	found->ids = memory_grow(found->ids, found->count + 1, sizeof(*found->ids));
	found->complete = memory_grow(found->complete, found->count + 1, sizeof(*found->complete));
	snprintf(found->ids[found->count], BACKUP_ID_MAX, "%.*s", (int)len, id);
	found->complete[found->count] = false;
	return found->count++;
}

static bool see_key(void *data, const char *key, const struct blob_info *info)
{
	const char *id = key + strlen(BACKUP_KEYS), *rest = strchr(id, '/');
	struct found *found = data;

	(void)info;
	if (!rest || rest - id >= BACKUP_ID_MAX)
		return true;
	size_t at = found_place(found, id, (size_t)(rest - id));
	found->complete[at] = found->complete[at] || strcmp(rest, "/" BACKUP_MANIFEST) == 0;
	return true;
}

static int by_backup(const void *a, const void *b)
{
	return strcmp(a, b);
}

int backup_place_ids(struct backup_place *place, bool complete, char (**ids)[BACKUP_ID_MAX], size_t *count,
                     struct err *err)
{
	struct found found = {.count = 0};
	int failed = blob_list(place->blobs, BACKUP_KEYS, see_key, &found, err);
	size_t kept = 0;

	for (size_t i = 0; i < found.count; i++) {
		if (found.complete[i] == complete)
			memmove(found.ids[kept++], found.ids[i], BACKUP_ID_MAX);
	}
	if (kept > 1)
		qsort(found.ids, kept, sizeof(*found.ids), by_backup);
	free(found.complete);
	*ids = found.ids;
	*count = failed ? 0 : kept;
	return failed;
}
