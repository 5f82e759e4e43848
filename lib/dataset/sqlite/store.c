/* The SQLite store: one database a dataset in sqlite_db_dir, with a bounded cache of open ones. */
#include "dataset/sqlite/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

/* for a database that was replaced while it was being opened; the pause doubles each time */
enum { REOPEN_TRIES = 6, REOPEN_PAUSE_MS = 5 };

static char *store_path(const struct sqlite_store *store, const char *prefix, const char *name, const char *suffix)
{
	struct buf path;

	buf_init(&path, 16384);
	buf_printf(&path, "%s/%s%s.db%s", store->config->sqlite_db_dir, prefix, name, suffix);
	return buf_detach(&path);
}

char *dataset_path(const struct sqlite_store *store, const char *name, const char *suffix)
{
	return store_path(store, "", name, suffix);
}

char *moving_path(const struct sqlite_store *store, const char *name, const char *suffix)
{
	return store_path(store, ".moving-", name, suffix);
}

static void sqlite_dataset_free(struct dataset *base)
{
	struct sqlite_dataset *dataset = (struct sqlite_dataset *)base;

	db_free(dataset->db);
	dataset_place_release(&dataset->place);
	pthread_mutex_destroy(&dataset->mutex);
	free(base->name);
	free(dataset);
}

int sqlite_store_open(struct dataset_store **out, const struct config *config, bool reading, struct err *err)
{
	struct sqlite_store *store = memory_new(1, sizeof(*store));

	(void)err;
	store->config = config;
	store->reading = reading;
	handles_init(&store->handles, config->limits.open_datasets, sqlite_dataset_free);
	*out = &store->base;
	return 0;
}

void sqlite_store_free(struct dataset_store *base)
{
	struct sqlite_store *store = sqlite_store(base);

	handles_release(&store->handles);
	free(store);
}

int sqlite_store_ping(struct dataset_store *base, struct err *err)
{
	const struct sqlite_store *store = sqlite_store(base);
	const char *dir = store->config->sqlite_db_dir;
	struct statvfs disk;

	if (store->reading)
		return access(dir, R_OK | X_OK) ? err_errno(err, ERR_UNAVAILABLE, "The folder of databases %s cannot be read", dir)
		                                : 0;
	if (statvfs(dir, &disk) || access(dir, R_OK | W_OK | X_OK))
		return err_errno(err, ERR_UNAVAILABLE, "The folder of databases %s cannot be written", dir);
	if (disk.f_bavail == 0)
		return err_set(err, ERR_NO_SPACE, "The disk of the databases %s is full", dir);
	return 0;
}

void sqlite_store_place(struct dataset_store *base, struct buf *out)
{
	const char *dir = sqlite_store(base)->config->sqlite_db_dir;
	char *real = memory_real_path(dir);

	buf_printf(out, "the SQLite databases in %s", real ? real : dir);
	free(real);
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

static int is_database(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 3, ".db") == 0;
}

/* Compares the names without ".db", so that "a.db" comes before "a b.db" as "a" before "a b". */
static int store_by_name(const struct dirent **a, const struct dirent **b)
{
	size_t len_a = strlen((*a)->d_name) - 3, len_b = strlen((*b)->d_name) - 3;
	int order = memcmp((*a)->d_name, (*b)->d_name, len_a < len_b ? len_a : len_b);

	return order ? order : (len_a > len_b) - (len_a < len_b);
}

int sqlite_store_list(struct dataset_store *base, const char *after, size_t limit, dataset_name_visit *visit,
                      void *data, struct err *err)
{
	struct dirent **entries = NULL;
	int count = scandir(sqlite_store(base)->config->sqlite_db_dir, &entries, is_database, store_by_name);

	if (count < 0)
		return err_errno(err, ERR_UNAVAILABLE, "The folder of databases cannot be read");
	bool go_on = true;
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - 3] = '\0';
		if (go_on && limit > 0 && strcmp(name, after) > 0 && text_check_dataset_name(name, NULL) == 0) {
			limit--;
			go_on = visit(data, name);
		}
		free(entries[i]);
	}
	free(entries);
	return 0;
}

/* --- open handles ------------------------------------------------------------------------------------------------- */

struct sqlite_dataset *handle_new(struct sqlite_store *store, const char *name, struct sqlite_db *db)
{
	struct sqlite_dataset *dataset = memory_new(1, sizeof(*dataset));

	dataset->base.name = memory_text(name);
	dataset->base.backend = store->base.backend;
	dataset->store = store;
	dataset->db = db;
	pthread_mutex_init(&dataset->mutex, NULL);
	return dataset;
}

struct opener {
	struct sqlite_store *store;
	handle_open_db *open;
};

static int store_open_dataset(void *data, const char *name, struct dataset **out, struct err *err)
{
	const struct opener *opener = data;
	struct sqlite_db *db;

	if (opener->open(opener->store, name, &db, err))
		return -1;
	*out = &handle_new(opener->store, name, db)->base;
	return 0;
}

int handle_get(struct sqlite_store *store, const char *name, handle_open_db *open, struct sqlite_dataset **out,
               struct err *err)
{
	struct opener opener = {.store = store, .open = open};
	struct timespec pause = {.tv_nsec = REOPEN_PAUSE_MS * 1000000};
	struct dataset *dataset;

	for (int tries = 0; tries < REOPEN_TRIES; tries++) {
		if (handles_get(&store->handles, name, store_open_dataset, &opener, &dataset, err))
			return -1;
		*out = (struct sqlite_dataset *)dataset;
		if (db_current((*out)->db))
			return 0;
		handles_drop(&store->handles, dataset);
		handle_put(*out);
		if (tries > 0)
			nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
	}
	return err_set(err, ERR_UNAVAILABLE, "The database of %s is another file each time it is opened", name);
}

void handle_put(struct sqlite_dataset *dataset)
{
	handles_put(&dataset->store->handles, &dataset->base);
}

static int open_db(struct sqlite_store *store, const char *name, struct sqlite_db **out, struct err *err)
{
	char *path = dataset_path(store, name, "");
	int failed = access(path, F_OK) && (errno == ENOENT || errno == ENAMETOOLONG)
	                     ? err_set(err, ERR_NOT_FOUND, "Database not found")
	             : store->reading ? db_open_reading(out, path, &schema_of_dataset, err)
	                              : db_open(out, path, false, &schema_of_dataset, err);

	free(path);
	return failed && err->code != ERR_NOT_FOUND ? err_prefix(err, "Dataset %s", name) : failed;
}

int sqlite_open(struct dataset_store *base, const char *name, struct dataset **out, struct err *err)
{
	struct sqlite_dataset *dataset;

	if (handle_get(sqlite_store(base), name, open_db, &dataset, err))
		return -1;
	*out = &dataset->base;
	return 0;
}

void sqlite_close(struct dataset *base)
{
	handle_put((struct sqlite_dataset *)base);
}

/* --- making and removing ------------------------------------------------------------------------------------------ */

struct creation {
	const char *name, *base_dir;
};

static int write_metadata(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct creation *creation = data;

	return conn_run(writer, err, "INSERT INTO metadata (dataset_name, base_dir) VALUES (?, ?)", "ss", creation->name,
	                creation->base_dir);
}

int sync_folder(const char *dir, struct err *err)
{
	return file_sync_folder(dir) ? err_errno(err, ERR_UNAVAILABLE, "The folder of databases cannot be synced") : 0;
}

static int check_free(const struct sqlite_store *store, const char *name, struct err *err)
{
	char *path = dataset_path(store, name, ""), *moving = moving_path(store, name, "");
	bool is_there = access(path, F_OK) == 0, is_moving = access(moving, F_OK) == 0;

	free(path);
	free(moving);
	if (is_there)
		return err_set(err, ERR_CONFLICT, "A dataset named %s exists already", name);
	return is_moving ? err_set(err, ERR_CONFLICT, "A dataset named %s is being moved here from another store", name) : 0;
}

int give_name(const struct sqlite_store *store, const char *made, const char *name, struct err *err)
{
	char *path = dataset_path(store, name, "");
	int failed = db_rename(made, path, err);

	free(path);
	if (failed)
		return err->code == ERR_CONFLICT ? err_set(err, ERR_CONFLICT, "A dataset named %s exists already", name) : -1;
	return sync_folder(store->config->sqlite_db_dir, err);
}

/* Makes the database under a hidden name, then gives it its own, so that nobody sees a dataset without its metadata. */
int sqlite_create(struct dataset_store *base, const char *name, const char *base_dir,
                  const struct dataset_policy *policy, struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct creation creation = {.name = name, .base_dir = base_dir};
	struct dataset_change change = {.fields = DATASET_POLICY_ALL, .policy = *policy};
	struct sqlite_dataset made = {.base = {.backend = base->backend, .name = (char *)(uintptr_t)name}};
	struct buf hidden;

	buf_init(&hidden, 16384);
	buf_printf(&hidden, "%s/.new-%d-%p", store->config->sqlite_db_dir, (int)getpid(), (void *)&creation);
	int failed = check_free(store, name, err) || db_open(&made.db, buf_text(&hidden), true, &schema_of_dataset, err);
	if (!failed) {
		failed = db_write(made.db, true, write_metadata, &creation, err) ||
		         sqlite_update(&made.base, &change, err) || db_fold(made.db, true, err);
		db_free(made.db);
		failed = failed || give_name(store, buf_text(&hidden), name, err);
	}
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	for (size_t i = 0, len = hidden.len; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		hidden.len = len;
		buf_str(&hidden, suffixes[i]);
		unlink(buf_text(&hidden));
	}
	buf_release(&hidden);
	return failed;
}

struct removal {
	struct sqlite_store *store;
	const char *name;
};

/* Runs under the write lock, so that no other process is writing; those that wait find the file gone. */
static int unlink_database(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct removal *removal = data;
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	(void)writer;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char *path = dataset_path(removal->store, removal->name, suffixes[i]);
		int failed = unlink(path) && errno != ENOENT;

		free(path);
		if (failed)
			return err_errno(err, ERR_UNAVAILABLE, "Dataset %s cannot be removed", removal->name);
	}
	return 0;
}

int sqlite_remove(struct dataset_store *base, const char *name, struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct removal removal = {.store = store, .name = name};
	struct dataset *dataset;

	if (sqlite_open(base, name, &dataset, err))
		return -1;
	int failed = db_write(dataset_db(dataset), false, unlink_database, &removal, err) ||
	             sync_folder(store->config->sqlite_db_dir, err);
	sqlite_close(dataset);
	return failed;
}
