/* Writes a database's log again after a sync has failed.
 *
 * Linux counts pages whose sync failed as clean: the next sync succeeds without them. SQLite goes on where the failed
 * commit began, but before that there may be commits that were not synced for themselves (leases), and a log is read to
 * its first gap only: whatever is answered afterwards would be lost with the power. So what the page cache still has is
 * written again before the next commit, by whichever program makes it: the lock file has a note for all. */
#include "dataset/sqlite/internal.h"

#include <unistd.h>

enum {
	NOTE_AT = 4096, /* in the lock file, beyond the note of the log (wal.c) */
	NOTE_TRIES = 8,
	PIECE_BYTES = 64 * 1024, /* SQLite writes less than 128 KiB at once */
	CHECKPOINT_PAGES = 1000, /* SQLite's own default, whose hook tells of no failure */
};

static int checkpoint_now(void *data, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_conn *writer = data;

	if (pages >= CHECKPOINT_PAGES)
		resync_if_failed(writer, sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
	return SQLITE_OK; /* the commit is made */
}

void resync_watch(struct sqlite_conn *writer)
{
	sqlite3_wal_hook(writer->db, checkpoint_now, writer);
}

void resync_if_failed(struct sqlite_conn *conn, int code)
{
	conn->unsynced = conn->unsynced || code == SQLITE_IOERR_FSYNC;
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

static int log_write_again(sqlite3_file *log)
{
	sqlite3_int64 size;
	char *piece = memory_raw(PIECE_BYTES);
	int code = log->pMethods->xFileSize(log, &size);

	for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += PIECE_BYTES) {
		int len = size - at < PIECE_BYTES ? (int)(size - at) : PIECE_BYTES;

		code = log->pMethods->xRead(log, piece, len, at);
		if (code == SQLITE_OK)
			code = log->pMethods->xWrite(log, piece, len, at);
	}
	free(piece);
	return code == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}

int resync(struct sqlite_db *db, struct err *err)
{
	sqlite3_file *log = NULL;
	char noted = 0;

	if (pread(db->lock_fd, &noted, 1, NOTE_AT) < 0)
		return err_errno(err, ERR_UNAVAILABLE, "The database's lock file cannot be read");
	if (!db->unsynced && noted != '!')
		return 0;
	sqlite3_file_control(db->writer->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	int code = log && log->pMethods ? log_write_again(log) : SQLITE_OK;
	if (code != SQLITE_OK)
		return err_set(err, ERR_UNAVAILABLE, "The database's log cannot be synced: SQLite's code %d", code);
	if (pwrite(db->lock_fd, "", 1, NOTE_AT) == 1)
		db->unsynced = false;
	return 0;
}
