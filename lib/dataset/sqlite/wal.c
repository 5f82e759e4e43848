/* Whether the write-ahead log beside a SQLite database is its own: SQLite itself would apply any log to any file.
 *
 * A log is recognised by the salts in its header, which change whenever it begins again. While a log grows, the
 * database's first page is the one with which the log began, or, after checkpoints, one that is in the log. So that
 * page's header is noted, with the salts, when a log begins; a first page that is neither the noted one nor in the
 * log came from elsewhere. Each log contains a first page with a number of its own, and before a log begins from
 * nothing the database gets such a number, so that it differs from earlier copies.
 *
 * The note lies in the lock file, and is not synced: a note about another log, a torn one, or none proves nothing.
 * (File formats: sqlite.org/fileformat2.html, 1.3 and 4.1) */
#include "dataset/sqlite/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"

enum {
	LOG_SALTS_AT = 16, /* in a log's header */
	FRAME_SALTS_AT = 8,
	CHANGES_AT = 24, /* in the first page: the change counter, the schema's counter, and the application's id */
	SCHEMA_AT = 40,
	MARK_AT = 68,
	LOOKS_MAX = 3, /* attempts to look at files that change meanwhile */
};

/* The note as the lock file has it. */
struct note {
	unsigned char salts[WAL_SALTS], page[WAL_PAGE]; /* of the log; with which it began */
	unsigned char mark[WAL_MARK];                   /* of first pages in the log, except for those of its first write */
	unsigned char digest[HASH_SHA256_SIZE];         /* of the fields above */
};

struct log_header {
	unsigned char bytes[WAL_HEADER];
};

struct look {
	struct log_header log;
	unsigned char page[WAL_PAGE];
	struct note note;
	bool noted;
};

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Reads zeros on failure: no log or page begins so. */
static void wal_file_read(sqlite3 *db, int which, void *out, int len)
{
	sqlite3_file *file = NULL;

	memset(out, 0, (size_t)len);
	/* Uses SQLite's own descriptor: closing another descriptor of the database would release SQLite's locks. */
	if (sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file && file->pMethods)
		file->pMethods->xRead(file, out, len, 0);
}

static void wal_first_page(sqlite3 *db, unsigned char out[WAL_PAGE])
{
	wal_file_read(db, SQLITE_FCNTL_FILE_POINTER, out, WAL_PAGE);
}

/* The log that the connection writes to, even if it was renamed or removed. */
static void read_log(sqlite3 *db, struct log_header *out)
{
	wal_file_read(db, SQLITE_FCNTL_JOURNAL_POINTER, out->bytes, sizeof(out->bytes));
}

/* Sets *fd to -1 when there is no such file. */
static int wal_open_beside(const char *path, const char *suffix, int *fd, struct err *err)
{
	struct buf beside;

	buf_init(&beside, 8192);
	buf_printf(&beside, "%s%s", path, suffix);
	*fd = open(buf_text(&beside), O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int failed = 0;
	if (*fd < 0 && errno != ENOENT)
		failed = err_errno(err, ERR_UNAVAILABLE, "What lies beside the database cannot be opened");
	buf_release(&beside);
	return failed;
}

uint32_t wal_number(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_log(const struct log_header *log)
{
	return (wal_number(log->bytes) & ~UINT32_C(1)) == 0x377f0682;
}

static bool is_same(const struct log_header *one, const struct log_header *other)
{
	return memcmp(one, other, sizeof(*one)) == 0;
}

static const unsigned char *salts_of(const struct log_header *log)
{
	return log->bytes + LOG_SALTS_AT;
}

/* Whether the log holds this first page. */
static int holds_page(const char *path, const struct log_header *log, const unsigned char page[WAL_PAGE], bool *found,
                      struct err *err)
{
	unsigned char frame[WAL_FRAME_HEADER + WAL_PAGE];
	off_t step = WAL_FRAME_HEADER + (off_t)wal_number(log->bytes + WAL_PAGE_SIZE_AT);
	int fd;

	*found = false;
	if (wal_open_beside(path, "-wal", &fd, err))
		return -1;
	for (off_t at = sizeof(log->bytes); fd >= 0 && !*found; at += step) {
		if (pread(fd, frame, sizeof(frame), at) != (ssize_t)sizeof(frame) ||
		    memcmp(frame + FRAME_SALTS_AT, salts_of(log), WAL_SALTS) != 0)
			break;
		*found = wal_number(frame) == 1 && memcmp(frame + WAL_FRAME_HEADER, page, WAL_PAGE) == 0;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

/* --- the note ----------------------------------------------------------------------------------------------------- */

static bool wal_note_read(int fd, struct note *out)
{
	unsigned char digest[HASH_SHA256_SIZE];

	if (pread(fd, out, sizeof(*out), 0) != (ssize_t)sizeof(*out))
		return false;
	hash_sha256(out, offsetof(struct note, digest), digest);
	return memcmp(out->digest, digest, sizeof(digest)) == 0;
}

static void wal_note_write(const struct sqlite_db *db, const struct log_header *log, const unsigned char page[WAL_PAGE])
{
	struct note note;

	memcpy(note.salts, salts_of(log), WAL_SALTS);
	memcpy(note.page, page, WAL_PAGE);
	memcpy(note.mark, db->seen.mark, WAL_MARK);
	hash_sha256(&note, offsetof(struct note, digest), note.digest);
	if (pwrite(db->lock_fd, &note, sizeof(note), 0) != (ssize_t)sizeof(note))
		return; /* then the note is torn, and proves nothing */
}

static bool is_about(const struct note *note, const struct log_header *log)
{
	return memcmp(note->salts, salts_of(log), WAL_SALTS) == 0;
}

/* Whether the page has the log's mark. A backup made since has it, too, but SQLite's counters differ there. */
static bool is_marked(const struct note *note, const unsigned char page[WAL_PAGE])
{
	return memcmp(page + MARK_AT, note->mark, WAL_MARK) == 0 &&
	       wal_number(page + SCHEMA_AT) == wal_number(note->page + SCHEMA_AT) &&
	       wal_number(page + CHANGES_AT) >= wal_number(note->page + CHANGES_AT);
}

/* --- the check ---------------------------------------------------------------------------------------------------- */

/* The log that lies there now. */
static int read_log_beside(const char *path, struct log_header *out, struct err *err)
{
	int fd;

	if (wal_open_beside(path, "-wal", &fd, err))
		return -1;
	if (fd < 0 || pread(fd, out->bytes, sizeof(out->bytes), 0) != (ssize_t)sizeof(out->bytes))
		memset(out, 0, sizeof(*out));
	if (fd >= 0)
		close(fd);
	return 0;
}

static int take_look(sqlite3 *db, const char *path, struct look *out, struct err *err)
{
	int lock;

	memset(out, 0, sizeof(*out));
	if (read_log_beside(path, &out->log, err))
		return -1;
	if (!is_log(&out->log))
		return 0;
	if (wal_open_beside(path, "-lock", &lock, err))
		return -1;
	out->noted = lock >= 0 && wal_note_read(lock, &out->note);
	wal_first_page(db, out->page);
	if (lock >= 0)
		close(lock);
	return 0;
}

static int may_belong(const char *path, const struct look *look, bool *may, struct err *err)
{
	*may = !look->noted || !is_about(&look->note, &look->log) || memcmp(look->note.page, look->page, WAL_PAGE) == 0 ||
	       is_marked(&look->note, look->page);
	return *may ? 0 : holds_page(path, &look->log, look->page, may, err);
}

static int wal_refuse(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return err_set(err, ERR_UNAVAILABLE,
	               "%s was replaced, by a backup perhaps, while the log of the former one lies beside it: "
	               "delete %s-wal and %s-shm, or put the former file back",
	               name, name, name);
}

/* Without a lock: if two looks see the same, it belongs to one moment, since no log's salts ever come again. */
static int wal_judge(sqlite3 *db, const char *path, bool *replaced, struct err *err)
{
	struct look look, again;
	bool may;

	*replaced = false;
	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		if (take_look(db, path, &look, err) || may_belong(path, &look, &may, err))
			return -1;
		if (may)
			return 0;
		if (take_look(db, path, &again, err))
			return -1;
		if (memcmp(&look, &again, sizeof(look)) == 0) {
			*replaced = !conn_has_moved(db);
			return 0;
		}
	}
	return 0;
}

int wal_check(sqlite3 *db, const char *path, struct err *err)
{
	bool replaced;

	return wal_judge(db, path, &replaced, err) || (replaced ? wal_refuse(path, err) : 0);
}

bool wal_is_replaced(sqlite3 *db, const char *path)
{
	struct err ignored;
	bool replaced;

	return wal_judge(db, path, &replaced, &ignored) == 0 && replaced;
}

/* --- at each write ------------------------------------------------------------------------------------------------ */

static bool is_seen(const struct sqlite_db *db, const struct log_header *log)
{
	return is_log(log) && memcmp(salts_of(log), db->seen.salts, WAL_SALTS) == 0;
}

/* Gives the first page a number of its own: its header has the application's id, which has no other use here. It
 * need not be synced, since a crash that loses it does no harm. */
static bool wal_mark(struct sqlite_db *db)
{
	unsigned char *id = db->seen.mark;
	char pragmas[96];

	sqlite3_randomness(WAL_MARK, id);
	snprintf(pragmas, sizeof(pragmas), "PRAGMA synchronous = NORMAL; PRAGMA application_id = %d", (int)wal_number(id));
	db->writer_synced = false;
	return conn_script(db->writer, pragmas, NULL) == 0;
}

/* A log that began with this process's write began with the page seen before it. For any other log, that page is
 * known only as long as the database has no page from the log. */
static void note_log(struct sqlite_db *db, const struct log_header *log, bool began)
{
	unsigned char page[WAL_PAGE];
	struct log_header again;

	wal_first_page(db->writer->db, page);
	read_log(db->writer->db, &again);
	if (!is_same(log, &again))
		return;
	bool in_log, same = memcmp(page, db->seen.page, WAL_PAGE) == 0;
	if (holds_page(db->path, log, page, &in_log, NULL))
		return; /* what is not noted proves nothing */
	if (began && (same || in_log))
		wal_note_write(db, log, db->seen.page);
	else if (!began && !in_log)
		wal_note_write(db, log, page);
	memcpy(db->seen.salts, salts_of(log), WAL_SALTS);
	db->seen.noted = true;
}

static void look_for_note(struct sqlite_db *db, const struct log_header *log)
{
	struct note note;

	memcpy(db->seen.salts, salts_of(log), WAL_SALTS);
	db->seen.noted = is_log(log) && wal_note_read(db->lock_fd, &note) && is_about(&note, log);
}

void wal_after(struct sqlite_db *db)
{
	struct log_header log, marked;

	read_log(db->writer->db, &log);
	if (!is_log(&log) || (is_seen(db, &log) && db->seen.noted))
		return;
	bool began = !is_seen(db, &log);
	if (!wal_mark(db))
		return; /* perhaps the disk is full; the next write tries again */
	read_log(db->writer->db, &marked);
	note_log(db, &marked, began && is_same(&log, &marked));
}

/* Gives the database a number of its own before a log begins. If that cannot be written, neither can what follows,
 * which reports it. */
static void mark_database(struct sqlite_db *db)
{
	struct log_header log;

	if (!wal_mark(db))
		return;
	read_log(db->writer->db, &log);
	note_log(db, &log, true);
	conn_note_sync(db->writer,
	               sqlite3_wal_checkpoint_v2(db->writer->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
	wal_first_page(db->writer->db, db->seen.page);
}

/* Refuses a log that was removed while the server runs, since nobody would ever read it. Looks twice like wal_check,
 * since another program may begin a new log meanwhile. */
static int check_is_beside(const struct sqlite_db *db, const struct log_header *log, struct err *err)
{
	struct log_header own = *log, again, beside, beside_again;

	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		if (read_log_beside(db->path, &beside, err))
			return -1;
		if (!is_log(&own) || is_same(&own, &beside))
			return 0;
		read_log(db->writer->db, &again);
		if (read_log_beside(db->path, &beside_again, err))
			return -1;
		if (is_same(&own, &again) && is_same(&beside, &beside_again))
			return conn_has_moved(db->writer->db) ? err_set(err, ERR_NOT_FOUND, "Database not found")
			                                      : err_set(err, ERR_UNAVAILABLE, "The database was replaced");
		own = again;
	}
	return 0;
}

int wal_before(struct sqlite_db *db, const struct stat *file, struct err *err)
{
	struct log_header log;

	/* Only checkpoints write to the database's file. */
	if (memcmp(&file->st_ctim, &db->seen.changed, sizeof(file->st_ctim)) == 0)
		return 0;
	read_log(db->writer->db, &log);
	wal_first_page(db->writer->db, db->seen.page);
	if (wal_check(db->writer->db, db->path, err) || check_is_beside(db, &log, err)) {
		db->writer->worn = true;
		return -1;
	}
	look_for_note(db, &log);
	if (!is_log(&log) && !db->made)
		mark_database(db);
	db->seen.changed = file->st_ctim;
	return 0;
}
