/* Writes again what a database has not on the disk after a sync has failed.
 *
 * Linux counts pages whose sync failed as clean: the next sync succeeds without them. SQLite goes on where the failed
 * commit or checkpoint began, but before that there may be what was not synced for itself. In the log these are
 * commits that need not be durable (leases), and a log is read to its first gap only: whatever is answered afterwards
 * would be lost with the power. In the database they are pages of a checkpoint that a reader kept from reaching the
 * log's end: SQLite takes them for done, syncs them with the next checkpoint, and begins the log anew. So what the page
 * cache still has is written again before the next commit or checkpoint, by whichever program makes it: the lock file
 * has a note for all.
 * (SQLite's wal.c, walCheckpoint; sqlite.org/walformat.html, 2.2.2 for the lock) */
#include "dataset/sqlite/internal.h"

#include <unistd.h>

enum {
	NOTE_AT = 4096, /* in the lock file, beyond the note of the log (wal.c) */
	NOTE_TRIES = 8,
	PIECE_BYTES = 64 * 1024, /* SQLite writes less than 128 KiB at once */
	CHECKPOINT_PAGES = 1000, /* SQLite's own default, whose hook tells of no failure */
	CHECKPOINT_LOCK = 1,     /* WAL_CKPT_LOCK: nobody else writes to the database's file */
	PAGE_NUMBER = 4,         /* bytes */
};

static int checkpoint_now(void *data, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_conn *writer = data;

	if (pages >= CHECKPOINT_PAGES)
		conn_note_sync(writer, sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
	return SQLITE_OK; /* the commit is made */
}

void resync_watch(struct sqlite_conn *writer)
{
	sqlite3_wal_hook(writer->db, checkpoint_now, writer);
}

void resync_note(struct sqlite_db *db)
{
	if (!db->writer || !db->writer->unsynced)
		return;
	db->writer->unsynced = false;
	db->unsynced = true; /* where it cannot be noted, only this program knows */
	for (int tries = 0; tries < NOTE_TRIES && db->unsynced; tries++)
		db->unsynced = pwrite(db->lock_fd, "!", 1, NOTE_AT) != 1;
}

static int piece_write_again(sqlite3_file *file, char *piece, int len, sqlite3_int64 at)
{
	int code = file->pMethods->xRead(file, piece, len, at);

	return code == SQLITE_OK ? file->pMethods->xWrite(file, piece, len, at) : code;
}

static int log_write_again(sqlite3_file *log, char *piece)
{
	sqlite3_int64 size;
	int code = log->pMethods->xFileSize(log, &size);

	for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += PIECE_BYTES)
		code = piece_write_again(log, piece, size - at < PIECE_BYTES ? (int)(size - at) : PIECE_BYTES, at);
	return code == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}

/* Of the database those that the log has: all others were synced before it began. */
static int pages_write_again(sqlite3_file *database, sqlite3_file *log, char *piece)
{
	unsigned char header[WAL_HEADER], page[PAGE_NUMBER];
	sqlite3_int64 size, log_size;
	int code = database->pMethods->xFileSize(database, &size);

	if (code == SQLITE_OK)
		code = log->pMethods->xFileSize(log, &log_size);
	if (code != SQLITE_OK || log_size <= WAL_HEADER)
		return code;
	code = log->pMethods->xRead(log, header, WAL_HEADER, 0);
	int page_size = code == SQLITE_OK ? (int)wal_number(header + WAL_PAGE_SIZE_AT) : PIECE_BYTES;
	if (page_size <= 0 || page_size > PIECE_BYTES)
		return SQLITE_OK; /* it is no log */
	for (sqlite3_int64 at = WAL_HEADER; code == SQLITE_OK && at + PAGE_NUMBER <= log_size;
	     at += WAL_FRAME_HEADER + page_size) {
		code = log->pMethods->xRead(log, page, PAGE_NUMBER, at);
		sqlite3_int64 page_at = code == SQLITE_OK ? ((sqlite3_int64)wal_number(page) - 1) * page_size : size;
		if (page_at >= 0 && page_at + page_size <= size) /* else no checkpoint has reached it yet */
			code = piece_write_again(database, piece, page_size, page_at);
	}
	return code == SQLITE_OK ? database->pMethods->xSync(database, SQLITE_SYNC_NORMAL) : code;
}

/* In a write transaction. */
static int write_again(sqlite3 *db)
{
	sqlite3_file *database = NULL, *log = NULL;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &database);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (!database || !database->pMethods || !log || !log->pMethods)
		return SQLITE_OK;
	int code = database->pMethods->xShmLock(database, CHECKPOINT_LOCK, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
	if (code != SQLITE_OK)
		return code;
	char *piece = memory_raw(PIECE_BYTES);
	code = log_write_again(log, piece);
	if (code == SQLITE_OK)
		code = pages_write_again(database, log, piece);
	free(piece);
	database->pMethods->xShmLock(database, CHECKPOINT_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	return code;
}

int resync(struct sqlite_db *db, struct err *err)
{
	char noted = 0;

	resync_note(db);
	if (pread(db->lock_fd, &noted, 1, NOTE_AT) < 0)
		return err_errno(err, ERR_UNAVAILABLE, "The database's lock file cannot be read");
	if (!db->unsynced && noted != '!')
		return 0;
	int code = write_again(db->writer->db);
	if (code != SQLITE_OK)
		return err_set(err, ERR_UNAVAILABLE, "The database cannot be synced: SQLite's code %d", code);
	if (pwrite(db->lock_fd, "", 1, NOTE_AT) == 1)
		db->unsynced = false;
	return 0;
}

int resync_alone(struct sqlite_db *db, struct err *err)
{
	if (conn_run(db->writer, err, "BEGIN IMMEDIATE", ""))
		return -1;
	int failed = resync(db, err);
	return conn_run(db->writer, failed ? NULL : err, "ROLLBACK", "") || failed;
}
