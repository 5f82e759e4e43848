/* What a SQLite store keeps besides datasets, in databases of its own: each is made at its first use, and again when
 * it is damaged, so that requests go on. */
#include "dataset/sqlite/internal.h"

#include <unistd.h>

#include "base/log.h"

const struct beside beside_answers = {
	.name = ".idempotency", .what = "idempotency keys'", .schema = &schema_of_answers};
const struct beside beside_audit = {.name = ".audit", .what = "audit log's", .schema = &schema_of_audit};

static const struct beside *beside_of(const char *name)
{
	return strcmp(name, beside_audit.name) == 0 ? &beside_audit : &beside_answers;
}

static int open_or_make(const char *path, const struct beside *which, struct sqlite_db **out, struct err *err)
{
	if (db_open(out, path, true, which->schema, err) == 0)
		return 0;
	return err->code == ERR_CONFLICT ? db_open(out, path, false, which->schema, err) : -1;
}

static int set_aside(const char *path, const struct beside *which, const struct stat *file, const struct err *why,
                     struct err *err)
{
	char *aside;

	if (db_set_aside(path, file->st_dev, file->st_ino, &aside, err))
		return -1;
	if (aside)
		log_write(LOG_WARN, "a database is damaged: it is set aside, and a new one made", "of", which->what, "database",
		          path, "aside", aside, "error", why->text, NULL);
	free(aside);
	return 0;
}

static bool is_replaced(const char *path)
{
	sqlite3 *db;
	bool replaced = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK && wal_is_replaced(db, path);

	sqlite3_close(db);
	return replaced;
}

static int open_beside(struct sqlite_store *store, const char *name, struct sqlite_db **out, struct err *err)
{
	const struct beside *which = beside_of(name);
	char *path = dataset_path(store, name, "");
	struct stat file;
	struct err why;
	bool is_there = stat(path, &file) == 0;
	int failed = store->reading ? db_open_reading(out, path, which->schema, &why)
	                            : open_or_make(path, which, out, &why);

	if (failed && !store->reading && is_there && (why.code == ERR_INTERNAL || is_replaced(path)))
		failed = set_aside(path, which, &file, &why, err) || open_or_make(path, which, out, err);
	else if (failed)
		*err = why;
	free(path);
	return failed ? err_prefix(err, "The %s database %s/%s.db", which->what, store->config->sqlite_db_dir, name) : 0;
}

static int try_write(struct sqlite_store *store, const struct beside *which, write_run *run, void *data,
                     struct stat *file, struct err *err)
{
	struct sqlite_dataset *opened;

	if (handle_get(store, which->name, open_beside, &opened, err))
		return -1;
	*file = (struct stat){.st_dev = opened->db->device, .st_ino = opened->db->inode};
	int failed = db_write(opened->db, true, run, data, err);
	handle_put(opened);
	return failed;
}

/* Damage may be found only now: then too the database is set aside, and the write repeated once. */
int beside_write(struct dataset_store *base, const struct beside *which, write_run *run, void *data, struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct stat file = {.st_ino = 0};

	if (try_write(store, which, run, data, &file, err) == 0)
		return 0;
	if (err->code != ERR_INTERNAL || file.st_ino == 0)
		return -1;
	struct err why = *err;
	char *path = dataset_path(store, which->name, "");
	int failed = set_aside(path, which, &file, &why, err);
	free(path);
	return failed || try_write(store, which, run, data, &file, err);
}

int beside_read(struct dataset_store *base, const struct beside *which, beside_reader *run, void *data,
                struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_dataset *opened;

	if (handle_get(store, which->name, open_beside, &opened, err)) /* for reading only, none is made */
		return !store->reading || err->code != ERR_NOT_FOUND;
	struct sqlite_conn *conn = db_read(opened->db, err);
	int failed = conn ? run(conn, data, err) : -1;
	if (conn)
		db_read_end(opened->db, conn);
	handle_put(opened);
	return failed;
}

int beside_fold(struct dataset_store *base, const struct beside *which, struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_dataset *opened;
	char *path = dataset_path(store, which->name, "");
	bool is_there = access(path, F_OK) == 0;

	free(path);
	if (!is_there)
		return 0;
	if (handle_get(store, which->name, open_beside, &opened, err))
		return -1;
	int failed = db_fold(opened->db, false, err);
	handle_put(opened);
	return failed;
}
