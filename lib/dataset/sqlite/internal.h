/* The SQLite backend's own parts: connections, the group-committing writer, the schema. Private to
 * lib/dataset/sqlite/. */
#ifndef DATASET_SQLITE_INTERNAL_H
#define DATASET_SQLITE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/combine.h"
#include "base/memory.h"
#include "dataset/backend.h"
#include "dataset/handles.h"

/* --- a connection: statements prepared once, by the address of their text ----------------------------------------- */

enum { SQLITE_STATEMENTS_MAX = 128 }; /* distinct statements in one connection */
enum { TALLY_MAX = 64 };              /* sums of changes of counts that wait to be written */

struct tallied {
	enum { TALLY_SIZE, TALLY_BYTES, TALLY_STATE, TALLY_LABEL, TALLY_GIVEN, TALLY_LEAD } kind;
	char *text;
	int64_t number, n, ms;
};

struct sqlite_conn {
	sqlite3 *db;
	struct {
		const char *sql; /* NULL: none */
		sqlite3_stmt *stmt;
	} statement[SQLITE_STATEMENTS_MAX];
	/* after a failure that only a new connection may recover from: a read-only file, damage, a disk error */
	bool worn;
	bool unsynced; /* a sync has failed since resync_note */
	struct tallied tally[TALLY_MAX];
	size_t tally_count;
	struct gathered *gathered; /* NULL: everything is written at once */
	/* what holds for all writes of one transaction; looked up by the first that asks */
	struct {
		bool begun, policy_known, swept;
		struct dataset_policy policy;
	} now;
	struct sqlite_conn *next; /* in the pool of idle readers */
};

int conn_open(struct sqlite_conn **out, const char *path, bool writable, struct err *err);
void conn_free(struct sqlite_conn *conn);
/* Turns the connection's last failure into err; returns -1. */
int conn_fail(struct sqlite_conn *conn, struct err *err);
/* Notes whether a sync has failed, by what SQLite answered; conn_fail does so, too. */
void conn_note_sync(struct sqlite_conn *conn, int code);
/* Whether the database's path leads to another file now, or to none. */
bool conn_has_moved(sqlite3 *db);

/* How a statement that fires triggers begins (INSERT or UPDATE): SQLite keeps a journal of its own for each that a
 * constraint may take back alone, a third of what it costs. Ours are taken back with their whole transaction. */
#define OR_FAIL " OR FAIL "

/* Prepares and binds the statement of `sql` (a literal), and returns it; types has a letter for each
 * argument: 'i' int64_t, 's' const char * (must stay valid while stepping), 'n' nothing (NULL). NULL on failure. End it
 * with conn_done, or by its next use. */
sqlite3_stmt *conn_query(struct sqlite_conn *conn, struct err *err, const char *sql, const char *types, ...);
/* 1: a row, 0: no more (the statement is then reset), -1: failure. */
int conn_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct err *err);
void conn_done(sqlite3_stmt *stmt);
/* Binds, steps to the end and resets. */
int conn_run(struct sqlite_conn *conn, struct err *err, const char *sql, const char *types, ...);
/* The first column of the first row, or `otherwise` when there is no row. */
int conn_int64(struct sqlite_conn *conn, struct err *err, int64_t otherwise, int64_t *out, const char *sql,
               const char *types, ...);
/* Runs statements that return nothing; not cached. */
int conn_script(struct sqlite_conn *conn, const char *sql, struct err *err);
/* A column's text as a string of its own, "" for NULL. */
char *column_text(sqlite3_stmt *stmt, int column);
/* The same, as SQLite has it, until the next step; NULL for SQL's NULL alone: SQLite's own may be want of memory. */
const char *column_peek(sqlite3_stmt *stmt, int column);

/* --- a database: one file, its readers, its writer ---------------------------------------------------------------- */

/* A log is a header, with the pages' size, and then frames: a header, which begins with the page's number, and a page.
 * (sqlite.org/fileformat2.html, 4.1) */
enum { WAL_HEADER = 32, WAL_PAGE_SIZE_AT = 8, WAL_FRAME_HEADER = 24 };
uint32_t wal_number(const unsigned char *at); /* as they are written there */

/* Identifies a log, and the database's first page to which it belongs. */
enum { WAL_SALTS = 8, WAL_PAGE = 100, WAL_MARK = 4 };
struct wal_seen {
	struct timespec changed; /* the database file's last change when this was seen */
	unsigned char salts[WAL_SALTS], page[WAL_PAGE];
	unsigned char mark[WAL_MARK]; /* from the log that this process noted last */
	bool noted;                   /* or cannot be noted */
};

struct sqlite_db {
	char *path;
	/* flock(2) around every write transaction of every process: SQLite before 3.51.3 may lose pages when one connection
	 * writes while another checkpoints, and its busy_timeout starves writers. */
	int lock_fd;
	dev_t device;
	ino_t inode;
	ino_t log;                  /* the log's when the first reader was opened; 0: it was opened by the writer */
	bool reading;               /* opened for reading only: its connection may hold a private copy */
	struct sqlite_conn *writer; /* used only by the leader; NULL before the first write */
	bool writer_synced;         /* the writer's PRAGMA synchronous is FULL */
	bool unsynced;              /* the log must be written again (resync.c), and the lock file may not say so */
	bool made;                  /* made by this handle: nobody has a copy of it yet */
	struct wal_seen seen;       /* used only by the leader, too */

	struct combine writes;
	pthread_mutex_t mutex; /* protects the fields below */
	struct sqlite_conn *readers;
	bool worn;              /* the writer is, or cannot be had */
	struct timespec looked; /* the file's last change when its log was checked */
};

/* Migrates a database to a later schema. */
typedef int db_migrate(struct sqlite_conn *writer, struct err *err);

/* The schema that a database must have. */
struct db_schema {
	/* Whether the database has it already; changes nothing. */
	int (*is_current)(struct sqlite_conn *conn, bool *current, struct err *err);
	db_migrate *migrate; /* in one transaction; called under the lock */
};
extern const struct db_schema schema_of_dataset, schema_of_answers, schema_of_audit; /* in schema.c */

/* create: makes the file, which must not exist (ERR_CONFLICT). An existing one with the current schema is opened
 * without the lock, which a backup may hold for long, and by one connection, which reads. */
int db_open(struct sqlite_db **out, const char *path, bool create, const struct db_schema *schema, struct err *err);
/* Opens for reading only: makes no lock file, and changes no schema. A dataset of an older version is copied, and
 * the copy migrated; it has a single connection, so only one thread may read. */
int db_open_reading(struct sqlite_db **out, const char *path, const struct db_schema *schema, struct err *err);
void db_free(struct sqlite_db *db);
/* Whether the open file is still the one at db's path, and usable. If not, the caller opens it anew. */
bool db_current(struct sqlite_db *db);
/* Renames a damaged database, under the lock, so that a new one can take its place; only if it is still `device`
 * and `inode`. *aside gets its new name, the caller's to free, or NULL. */
int db_set_aside(const char *path, dev_t device, ino_t inode, char **aside, struct err *err);
/* A reading connection for this thread until db_read_end. NULL on failure. */
struct sqlite_conn *db_read(struct sqlite_db *db, struct err *err);
void db_read_end(struct sqlite_db *db, struct sqlite_conn *conn);

/* Runs `run` inside a write transaction, together with the writes that other threads are waiting to make, and
 * returns once that is committed (durable: and synced). `run` must check before it writes, so that a refusal
 * (non-zero with a code other than ERR_INTERNAL, ERR_NO_SPACE, ERR_UNAVAILABLE) leaves nothing behind; it may run
 * again when its batch has failed. If another program keeps the lock for long, all but one of a process's waiting
 * threads get ERR_UNAVAILABLE after DB_WAIT_SECONDS, so that they can serve other datasets. */
enum { DB_WAIT_SECONDS = 10 };
typedef int write_run(struct sqlite_conn *writer, void *data, struct err *err);
int db_write(struct sqlite_db *db, bool durable, write_run *run, void *data, struct err *err);
/* Writes the WAL back into the database and empties it. If another program's reader prevents a part of that:
 * ERR_UNAVAILABLE when `all` must be written back, else the part stays in the WAL. */
int db_fold(struct sqlite_db *db, bool all, struct err *err);
/* Renames a database that nobody has open and that has no log; ERR_CONFLICT when `to` exists. Removes a log that an
 * earlier database left there (when its removal was interrupted): SQLite would apply it to the new one. */
int db_rename(const char *from, const char *to, struct err *err);

/* Checks that the log beside the database, if any, is its own (wal.c). ERR_UNAVAILABLE when it is not, because the
 * database was replaced; err says what a person must do. Call it before a new connection reads. */
int wal_check(sqlite3 *db, const char *path, struct err *err);
bool wal_is_replaced(sqlite3 *db, const char *path); /* false when that cannot be known now */
/* The same, under the lock, before each write transaction; and after its commit, to note the log. file: the
 * database's file as it is now. */
int wal_before(struct sqlite_db *db, const struct stat *file, struct err *err);
void wal_after(struct sqlite_db *db);

/* Has the writer's checkpoints looked at, too (resync.c). */
void resync_watch(struct sqlite_conn *writer);
/* Under the lock: notes that a sync of the writer has failed; and, in each write transaction, before anything is
 * written, makes up for a sync that has failed in any program. */
void resync_note(struct sqlite_db *db);
int resync(struct sqlite_db *db, struct err *err);
/* The same outside a transaction, before a checkpoint. */
int resync_alone(struct sqlite_db *db, struct err *err);

/* --- the store and a dataset -------------------------------------------------------------------------------------- */

struct sqlite_dataset {
	struct dataset base;
	struct sqlite_store *store;
	struct sqlite_db *db;
	pthread_mutex_t mutex;      /* protects the fields below */
	struct dataset_place place; /* as it was last read, */
	int64_t place_us;           /* from then on (clock_us); 0: never */
};

struct sqlite_store {
	struct dataset_store base;
	const struct config *config;
	bool reading; /* nothing may be changed */
	struct handles handles;
};

/* The handle of a database in the store's folder (handles_get), whose file `open` opens. If its file was removed or
 * replaced meanwhile, it is opened again. */
typedef int handle_open_db(struct sqlite_store *store, const char *name, struct sqlite_db **out, struct err *err);
int handle_get(struct sqlite_store *store, const char *name, handle_open_db *open, struct sqlite_dataset **out,
               struct err *err);
void handle_put(struct sqlite_dataset *dataset);

/* What the store keeps besides datasets (beside.c). beside_write runs `run` as one of a group commit (db_write). */
struct beside {
	const char *name; /* of its database, which no dataset can have */
	const char *what; /* what is in it, for messages: "audit log's" */
	const struct db_schema *schema;
};
extern const struct beside beside_answers, beside_audit;
typedef int beside_reader(struct sqlite_conn *conn, void *data, struct err *err);
int beside_write(struct dataset_store *store, const struct beside *which, write_run *run, void *data, struct err *err);
int beside_read(struct dataset_store *store, const struct beside *which, beside_reader *run, void *data,
                struct err *err);
/* Writes its side files back; one that is not there is fine. */
int beside_fold(struct dataset_store *store, const struct beside *which, struct err *err);

/* The schema's version; a version newer than ours is an error. */
int schema_version(struct sqlite_conn *conn, int64_t *version, struct err *err);
bool schema_is_newest(int64_t version);
/* Keeps what people added to a database themselves over its migration (carry.c), in one transaction, which is rolled
 * back when something cannot be kept: err names it. older: it has the older system's schema, whose table `samples`
 * is made again. */
struct carried {
	struct added *item; /* in the order in which they are created again */
	size_t count;
};
/* Notes and drops the views and triggers, and, of an older database, the indices on its samples. */
int carry_off(struct sqlite_conn *writer, bool older, struct carried *out, struct err *err);
/* Adds the UNIQUE constraints of the older table samples, as indices. */
int carry_unique(struct sqlite_conn *writer, struct carried *carried, struct err *err);
/* Copies the older samples, with the columns that they have beside those of its schema, into samples_1. */
int carry_columns(struct sqlite_conn *writer, struct err *err);
/* Creates all of them again. */
int carry_back(struct sqlite_conn *writer, const struct carried *carried, struct err *err);
void carried_release(struct carried *carried);

/* tally.c. Changes of counts are added up over a transaction. A write that counts what it does to a row of samples
 * itself also changes the row's tally_mark, so that no trigger counts it again. db_write writes the sums before it
 * commits; call tally_write before a count is read, or a savepoint begun; tally_clear when they are rolled back. */
int tally_write(struct sqlite_conn *writer, struct err *err);
void tally_clear(struct sqlite_conn *writer);
int tally_size(struct sqlite_conn *writer, int64_t samples, int64_t bytes, struct err *err);
int tally_state(struct sqlite_conn *writer, enum sample_state state, int64_t samples, struct err *err);
/* "" is not counted. */
int tally_label(struct sqlite_conn *writer, const char *label, int64_t samples, struct err *err);
/* What the event says to the statistics, if it is anything; sign -1: takes it back. */
int tally_event(struct sqlite_conn *writer, const struct label_event *event, int64_t sign, struct err *err);
#define TALLIED "tally_mark = 1 - tally_mark"

/* alike.c. From gather_begin on, events and what samples become are gathered, which must be of samples that nobody
 * reads until gather_end writes them all, those that are alike with one statement. gather_drop forgets them. */
void gather_begin(struct sqlite_conn *writer);
int gather_end(struct sqlite_conn *writer, struct err *err);
void gather_drop(struct sqlite_conn *writer);
/* For event_insert and said_settle. feeds: to the feed as well. */
int gather_event(struct sqlite_conn *writer, int64_t row, int64_t n, const struct label_event *event,
                 const char *request, bool feeds, struct err *err);
int gather_settled(struct sqlite_conn *writer, int64_t row, const struct rules_settled *settled, struct err *err);
/* Rows as a list in JSON, for json_each. */
enum { ROWS_BYTES_MAX = 1 << 20 };
int rows_append(struct buf *rows, int64_t row, struct err *err);
int rows_end(struct buf *rows, struct err *err);

/* triggers.c: what version 5 changes in keeping the counts of samples, and adds for statistics. */
extern const char counts_schema[], stats_schema[];

/* Migrates a private copy; for one of the older system, its labels count as given at `at`. */
int schema_migrate_copy(struct sqlite_conn *copy, int64_t at, struct err *err);

/* samples.state holds the values of enum sample_state. Samples requeued to the end get positions from here on, so
 * that new samples come before them. */
#define QUEUE_END_BASE (INT64_C(1) << 40)

/* --- shared by the parts (sample.c, said.c) -------------------------------------------------------------------- */

/* The columns of struct sample, in the order of sample_read, from a table or alias `samples`. */
#define SAMPLE_COLUMNS                                                                                           \
	"samples.id, samples.filepath, samples.label, samples.state, samples.version, samples.blob_key, "        \
	"samples.type, "                                                                                         \
	"samples.sha256, samples.filename, samples.bytes, samples.width, samples.height, samples.uploaded_at, "  \
	"samples.uploaded_by, samples.labelled_at, samples.labelled_by, samples.flag_note, samples.flagged_by, " \
	"samples.file_sha256, samples.file_bytes, samples.file_modified_ns, samples.known_answer, "              \
	"samples.votes_differ"
enum { SAMPLE_COLUMN_COUNT = 23 };
void sample_read(sqlite3_stmt *stmt, struct sample *out);
/* The same without copying: its texts live until the statement's next step, and are not to be released. */
void sample_borrow(sqlite3_stmt *stmt, struct sample *out);
/* Reads the sample with this rowid; ERR_NOT_FOUND. */
int sample_load(struct sqlite_conn *conn, int64_t row, struct sample *out, struct err *err);

/* Reads the samples that a statement finds, at most limit; stmt NULL: it has failed. Like dataset_samples. */
int samples_read(struct sqlite_conn *conn, sqlite3_stmt *stmt, size_t limit, struct sample **out, size_t *count,
                 struct err *err);

/* settings.c */
int policy_load(struct sqlite_conn *conn, struct dataset_policy *out, struct err *err);
int base_dir_load(struct sqlite_conn *conn, const char *name, char **out, struct err *err);
int uuid_load(struct sqlite_conn *conn, char out[HASH_UUID_MAX], struct err *err);
int quorum_load(struct sqlite_conn *conn, struct rules_quorum *out, struct err *err);
/* The configuration's lease, in microseconds; and the one in force: the policy's, or else otherwise_us. */
int64_t lease_default(struct dataset *dataset);
int lease_length(struct sqlite_conn *conn, int64_t otherwise_us, int64_t *out, struct err *err);
int setting_set(struct sqlite_conn *writer, const char *key, int64_t value, struct err *err);

/* In order of position; without counting, each count is 0. */
int labels_load(struct sqlite_conn *conn, bool counted, struct dataset_labels *out, struct err *err);
/* Makes a handle for an open database, in no list and without a user. */
struct sqlite_dataset *handle_new(struct sqlite_store *store, const char *name, struct sqlite_db *db);
/* sample.c: a new sample's place in the queue, its row (the id of a removed one is not given again), and its counts. */
int64_t new_position(const struct dataset_policy *policy, int64_t row);
int next_row(struct sqlite_conn *writer, int64_t *row, struct err *err);
int tally_added(struct sqlite_conn *writer, const char *label, int64_t bytes, struct err *err);
/* The path of a dataset's file, or of one beside it; the caller frees it. */
char *dataset_path(const struct sqlite_store *store, const char *name, const char *suffix);
/* The same while the dataset is being moved here: a name that no dataset can have. */
char *moving_path(const struct sqlite_store *store, const char *name, const char *suffix);
int sync_folder(const char *dir, struct err *err);
/* Makes the database `made`, which is whole and closed, the dataset of that name, durably; ERR_CONFLICT when there
 * is one. */
int give_name(const struct sqlite_store *store, const char *made, const char *name, struct err *err);
/* Appends a label event, to the feed as well; n is its number among the sample's. request may be NULL. */
int event_add(struct sqlite_conn *writer, int64_t row, int64_t n, const struct label_event *event, const char *request,
              struct err *err);
/* The same, but not to the feed. */
int event_insert(struct sqlite_conn *writer, int64_t row, int64_t n, const struct label_event *event,
                 const char *request, struct err *err);
/* Takes the event that another one undoes, the sample's `undoes`th, out of the statistics. */
int event_uncount(struct sqlite_conn *writer, const struct label_event *events, size_t count, int64_t undoes,
                  struct err *err);
/* All events of a sample, in their order; they own their texts. Released by the caller, in any case. */
struct events {
	struct label_event *item;
	size_t count;
};
int events_load(struct sqlite_conn *conn, int64_t row, struct events *out, struct err *err);
/* Appends the statement's row, whose first columns are these. */
#define EVENT_COLUMNS "label, by, at, source, lead_time_ms, undoes, merged"
enum { EVENT_COLUMN_COUNT = 7 };
void events_read(struct events *events, sqlite3_stmt *stmt);
void events_add(struct events *events, const struct label_event *event);
void events_release(struct events *events);
/* Finds the label's key, and adds the label if it is new. */
int label_insert(struct sqlite_conn *writer, const char *name, int64_t *key, bool *created, struct err *err);
/* A sample with what was said of it (said.c). The functions that change it write to the database, too. */
struct said {
	int64_t row;
	struct sample now;        /* label, state, version, labelled_at, labelled_by */
	int64_t events;           /* how many it has */
	struct rules_vote *votes; /* own their strings */
	size_t vote_count;
	struct rules_decision decision;
	char *decided_label, *decided_by; /* the decision's strings */
	int64_t leases, slots;
};
/* *found: whether there is such a sample. The caller releases *out, in any case. */
int said_load(struct sqlite_conn *writer, int64_t row, struct said *out, bool *found, struct err *err);
/* For many samples (saids.c): from a statement's row whose first columns are these, of a sample or of a vote for it;
 * and the decision, from all events. */
#define SAID_COLUMNS                                                                               \
	"samples.label, samples.state, samples.version, samples.labelled_at, samples.labelled_by," \
	" samples.slots, samples.known_answer, samples.votes_differ,"                              \
	" (SELECT COUNT(*) FROM leases WHERE leases.sample = samples.id)"
#define VOTE_COLUMNS "votes.user, votes.label, votes.n, votes.at"
enum { SAID_COLUMN_COUNT = 9, VOTE_COLUMN_COUNT = 4 };
void said_read(struct said *said, sqlite3_stmt *stmt);
void said_read_vote(struct said *said, sqlite3_stmt *stmt);
void said_decide_by(struct said *said, const struct events *events);
/* Samples with what was said of them, read in order of their rows while they are changed. */
struct saids {
	struct buf rows;
	sqlite3_stmt *samples, *votes, *events;
	int sample, vote, event; /* 1: the statement has a row, 0: no more, -1: failure */
};
/* rows: ended. saids_end, in any case. */
int saids_begin(struct sqlite_conn *writer, struct saids *saids, struct err *err);
/* *given: one of the events is by this request (NULL: none) of this user. */
int saids_next(struct sqlite_conn *writer, struct saids *saids, const struct sample_change *change, struct said *out,
               struct events *events, bool *found, bool *given, struct err *err);
void saids_end(struct saids *saids);
void said_release(struct said *said);
/* Before the first other event, gives a label that came without one its own, so that an undo can return to it; events
 * (unless NULL) gets it, too. The feed has told it already. */
int said_note_label(struct sqlite_conn *writer, struct said *said, struct events *events, struct err *err);
/* Appends a label event, after that of a label that came without one. request may be NULL. */
int said_add_event(struct sqlite_conn *writer, struct said *said, const struct label_event *event, const char *request,
                   struct err *err);
/* Sets what the user said, in place of anything earlier. */
int said_set_vote(struct sqlite_conn *writer, struct said *said, const struct rules_vote *vote, struct err *err);
/* Forgets what the user said. */
int said_unsay(struct sqlite_conn *writer, struct said *said, const char *user, struct err *err);
/* Its answer is known from the next event on, or no longer. */
int said_mark_gold(struct sqlite_conn *writer, struct said *said, bool gold, struct err *err);
/* Forgets all votes for labels. */
int said_forget_votes(struct sqlite_conn *writer, struct said *said, struct err *err);
/* Replaces all votes for labels, and the decision. */
int said_replace(struct sqlite_conn *writer, struct said *said, const struct rules_vote *votes, size_t count,
                 const struct rules_decision *decision, struct err *err);
/* Sets the sample's label, state, leases and place in the queue by its votes, its decision and the policy. Call it
 * after each change of its votes, events or leases. *places (unless NULL): how many more people may be given it. */
int said_settle(struct sqlite_conn *writer, const struct said *said, struct rules_quorum quorum, int64_t *places,
                struct err *err);
/* The same for a sample that was not read yet. */
int sample_settle(struct sqlite_conn *writer, int64_t row, struct rules_quorum quorum, int64_t *places,
                  struct err *err);
/* A change of the policy reaches the existing samples in bites (catchup.c), between which others write; after a
 * crash they go on. catch_up_after belongs into the write that changes the policy. */
int catch_up_after(struct sqlite_conn *writer, const struct dataset_policy *was, const struct dataset_policy *policy,
                   struct err *err);
/* Notes that "recount", "reorder" or "relabel" is due. */
int catch_up_note(struct sqlite_conn *writer, const char *key, struct err *err);
/* relabel.c: the change of a name, or the merge, that is under way; from NULL: there is none. */
struct relabelling {
	char *from, *to, *by;
	int64_t merged; /* the key of the merged label; -1: it is a new name */
};
int relabel_load(struct sqlite_conn *conn, struct relabelling *out, struct err *err);
void relabel_release(struct relabelling *relabelling);
/* Handles the samples with rowids after < id <= last; relabel_end comes after all of them: *ended is false if it
 * must begin again. */
int relabel_samples(struct sqlite_conn *writer, int64_t after, int64_t last, struct err *err);
int relabel_end(struct sqlite_conn *writer, bool *ended, struct err *err);
/* *any is not 0 if the label was decided for any sample. Reads all events. */
int decided_any(struct sqlite_conn *writer, const char *label, int64_t *any, struct err *err);
/* Whether a label may be given: it exists, and is not being merged. */
#define LABEL_GIVEN                                          \
	"SELECT 1 FROM labels WHERE label = ?1 AND key >= 0" \
	" AND NOT EXISTS (SELECT 1 FROM relabelling WHERE relabelling.label = ?1)"
/* Note that `name` is a former name of the label with this key (-1: of a removed label); and that it is a former
 * name of none. */
int former_note(struct sqlite_conn *writer, const char *name, int64_t key, struct err *err);
int former_forget(struct sqlite_conn *writer, const char *name, struct err *err);
/* A small bite, made by other writes, so that the change ends even if nobody waits for it any more. */
int conn_catch_up(struct sqlite_conn *writer, struct err *err);
/* All bites. */
int db_catch_up(struct sqlite_db *db, struct err *err);
/* removed.c: deletes the sample with everything that belongs to it. */
int sample_delete(struct sqlite_conn *writer, int64_t row, struct err *err);
/* In place of an earlier one with its id. */
int tombstone_insert(struct sqlite_conn *writer, const struct tombstone *tombstone, struct err *err);
int tombstone_exists(struct sqlite_conn *writer, const char *filepath, bool *out, struct err *err);
/* Like dataset_removed; *out is NULL before. */
int tombstones_load(struct sqlite_conn *conn, bool due, int64_t after, size_t limit, struct tombstone **out,
                    size_t *count, struct err *err);
/* The operations of backend.h, by file. */
dataset_store_open_fn sqlite_store_open;
typeof(dataset_store_free) sqlite_store_free;
typeof(dataset_store_ping) sqlite_store_ping;
typeof(dataset_store_list) sqlite_store_list;
typeof(dataset_store_place) sqlite_store_place;
typeof(dataset_store_fold) sqlite_store_fold;
typeof(dataset_create) sqlite_create;
typeof(dataset_remove) sqlite_remove;
typeof(dataset_open) sqlite_open;
typeof(dataset_close) sqlite_close;

typeof(dataset_info) sqlite_info;
typeof(dataset_place_since) sqlite_place;
typeof(dataset_labels) sqlite_labels;
typeof(dataset_counts) sqlite_counts;
typeof(dataset_check) sqlite_check;
typeof(dataset_size) sqlite_size;
typeof(dataset_update) sqlite_update;
typeof(dataset_label_add) sqlite_label_add;
typeof(dataset_label_change) sqlite_label_change;
typeof(dataset_label_merge) sqlite_label_merge;
typeof(dataset_label_remove) sqlite_label_remove;
int sqlite_label_former(struct dataset *, struct former_labels *, struct err *);
typeof(dataset_note_get) sqlite_note_get;
typeof(dataset_note_set) sqlite_note_set;

typeof(dataset_sample) sqlite_sample;
typeof(dataset_sample_by_path) sqlite_sample_by_path;
typeof(dataset_sample_by_sha256) sqlite_sample_by_sha256;
typeof(dataset_samples_page) sqlite_samples;
typeof(dataset_merge) sqlite_merge;
typeof(dataset_add_image) sqlite_add_image;
typeof(dataset_has_blob) sqlite_has_blob;
typeof(dataset_set_urls) sqlite_set_urls;
typeof(dataset_each_label) sqlite_each_label;
typeof(dataset_set_contents) sqlite_set_contents;
typeof(dataset_history) sqlite_history;
typeof(dataset_flag) sqlite_flag;
typeof(snapshot_add) sqlite_snapshot_add;
typeof(snapshot_find) sqlite_snapshot_find;
typeof(snapshot_list) sqlite_snapshot_list;
typeof(feed_read) sqlite_feed_read;
/* Appends an item to the feed, in the transaction that makes the change. */
int feed_add(struct sqlite_conn *writer, const struct feed_item *item, struct err *err);
/* Makes the feed anew of the events and samples that are there; cursors of before are too old from then on. */
int feed_refill(struct sqlite_conn *writer, struct err *err);
typeof(dataset_visit_all) sqlite_visit_all;
typeof(dataset_remove_sample) sqlite_remove_sample;
typeof(dataset_removed_done) sqlite_removed_done;
typeof(dataset_removed) sqlite_removed;
typeof(dataset_removed_bytes) sqlite_removed_bytes;
int sqlite_stats(struct dataset *, struct stats_kept *, struct err *);
typeof(dataset_activity) sqlite_activity;
int sqlite_sayings(struct dataset *dataset, const char *user, const struct saying_place *after, size_t limit,
                   struct sayings_found *out, struct err *err);

typeof(dataset_outline) sqlite_outline;
typeof(dataset_records) sqlite_records;
typeof(dataset_export) sqlite_export;
typeof(dataset_integrity) sqlite_integrity;
typeof(dataset_fix_counts) sqlite_fix_counts;
typeof(dataset_fix_stats) sqlite_fix_stats;
/* Read the kept counts, and those for statistics. */
int stats_load(struct sqlite_conn *conn, struct stats_kept *out, struct err *err);
int counts_load(struct sqlite_conn *conn, struct dataset_counts *counts, struct err *err);
typeof(dataset_restore_open) sqlite_restore_open;
typeof(dataset_restore_outline) sqlite_restore_outline;
typeof(dataset_restore_records) sqlite_restore_records;
typeof(dataset_restore_finish) sqlite_restore_finish;
typeof(dataset_restore_drop) sqlite_restore_drop;

typeof(lease_next) sqlite_next;
typeof(lease_take) sqlite_lease;
typeof(lease_take_chosen) sqlite_lease_chosen;
typeof(lease_held) sqlite_held;
int sqlite_gold(struct dataset *, struct dataset_record **, size_t *, struct err *);
dataset_change_fn sqlite_change;
typeof(dataset_retry_unreadable) sqlite_retry_unreadable;

typeof(idempotency_claim) sqlite_idempotency_claim;
typeof(idempotency_finish) sqlite_idempotency_finish;
typeof(idempotency_abandon) sqlite_idempotency_abandon;

typeof(audit_add_all) sqlite_audit_add;
typeof(audit_list) sqlite_audit_list;

static inline struct sqlite_store *sqlite_store(struct dataset_store *store)
{
	return (struct sqlite_store *)store;
}

static inline struct sqlite_db *dataset_db(struct dataset *dataset)
{
	return ((struct sqlite_dataset *)dataset)->db;
}

#endif
