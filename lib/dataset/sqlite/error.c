/* Turns SQLite's failures into errors. */
#include "dataset/sqlite/internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static bool wears(int code)
{
	return code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM || code == SQLITE_IOERR ||
	       code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/* SQLite counts a file that it cannot look at among those that have moved. */
bool conn_has_moved(sqlite3 *db)
{
	const char *path = sqlite3_db_filename(db, "main");
	struct stat now;
	int moved = 0;

	if (path && *path && stat(path, &now) && errno != ENOENT)
		return false;
	return sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* SQLite opens a database's files one after the other: it says many things when they were removed in between. */
static bool is_gone(sqlite3 *db)
{
	const char *path = sqlite3_db_filename(db, "main");

	return sqlite3_system_errno(db) == ENOENT || (path && *path && access(path, F_OK) && errno == ENOENT) ||
	       conn_has_moved(db);
}

void conn_note_sync(struct sqlite_conn *conn, int code)
{
	conn->unsynced = conn->unsynced || code == SQLITE_IOERR_FSYNC;
}

static int conn_explain(struct sqlite_conn *conn, struct err *err)
{
	int code = sqlite3_extended_errcode(conn->db);
	int system = sqlite3_system_errno(conn->db);
	const char *text = sqlite3_errmsg(conn->db);

	conn->worn = conn->worn || wears(code & 0xff);
	conn_note_sync(conn, code);
	if (wears(code & 0xff) && is_gone(conn->db))
		return err_set(err, ERR_NOT_FOUND, "Database not found");
	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_NO_SPACE, "The disk of the database is full");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_UNAVAILABLE, "The database is locked by another program");
	case SQLITE_IOERR:
		if (system == ENOSPC || system == EDQUOT)
			return err_set(err, ERR_NO_SPACE, "The disk of the database is full");
		return err_set(err, ERR_UNAVAILABLE, "The database cannot be read or written: %s (%s)", text,
		               strerror(system));
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return err_set(err, ERR_UNAVAILABLE, "The database cannot be opened for writing: %s", text);
	case SQLITE_NOMEM:
		return err_set(err, ERR_UNAVAILABLE, "There is no memory for the database");
	case SQLITE_NOTADB:
		return err_set(err, ERR_INTERNAL, "The file is not a SQLite database");
	case SQLITE_CORRUPT:
		return err_set(err, ERR_INTERNAL, "The database is damaged");
	default:
		return err_set(err, ERR_INTERNAL, "SQLite: %s (code %d)", text, code);
	}
}

int conn_fail(struct sqlite_conn *conn, struct err *err)
{
	conn_explain(conn, err);
	if (err && err_is_ours(err))
		err->exhausted = (sqlite3_errcode(conn->db) & 0xff) == SQLITE_NOMEM ||
		                 sqlite3_extended_errcode(conn->db) == SQLITE_IOERR_NOMEM ||
		                 err_exhausts(sqlite3_system_errno(conn->db));
	return err_from(err, ERR_FROM_DATASETS);
}

int conn_script(struct sqlite_conn *conn, const char *sql, struct err *err)
{
	return sqlite3_exec(conn->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : conn_fail(conn, err);
}
