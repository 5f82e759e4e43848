/* Opening a SQLite database for reading only. */
#include "dataset/sqlite/internal.h"

#include <errno.h>

static int copy_pages(struct sqlite_conn *from, struct sqlite_conn *to, struct err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");

	if (!backup)
		return conn_fail(to, err);
	int code = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE)
		return 0;
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return err_set(err, ERR_UNAVAILABLE, "The database is locked by another program");
	return err_set(err, ERR_INTERNAL, "The database cannot be copied: %s", sqlite3_errstr(code));
}

/* Replaces the connection by one to a migrated copy, a temporary file that ends with it. In a database of the older
 * system, labels count as given when the file was last written. */
static int open_copy(struct sqlite_conn **conn, const struct stat *file, struct err *err)
{
	struct sqlite_conn *copy;

	if (conn_open(&copy, "", true, err))
		return -1;
	if (copy_pages(*conn, copy, err) ||
	    schema_migrate_copy(copy, clock_us_of(file->st_mtim), err)) {
		conn_free(copy);
		return -1;
	}
	conn_free(*conn);
	*conn = copy;
	return 0;
}

static int reading_version(struct sqlite_conn **conn, const struct stat *file, struct err *err)
{
	int64_t version;

	return schema_version(*conn, &version, err) || (!schema_is_newest(version) && open_copy(conn, file, err));
}

int db_open_reading(struct sqlite_db **out, const char *path, const struct db_schema *schema, struct err *err)
{
	struct sqlite_conn *conn;
	struct stat file;

	if (stat(path, &file))
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "Database %s cannot be opened", path);
	if (!S_ISREG(file.st_mode))
		return err_set(err, ERR_INTERNAL, "%s is not a file", path);
	if (conn_open(&conn, path, false, err))
		return -1;
	if (schema == &schema_of_dataset && reading_version(&conn, &file, err)) {
		conn_free(conn);
		return -1;
	}
	struct sqlite_db *db = memory_new(1, sizeof(*db));
	db->path = memory_text(path);
	pthread_mutex_init(&db->mutex, NULL);
	combine_init(&db->writes, 1); /* there are none */
	db->lock_fd = -1;
	db->reading = true;
	db->device = file.st_dev;
	db->inode = file.st_ino;
	db->readers = conn;
	*out = db;
	return 0;
}
