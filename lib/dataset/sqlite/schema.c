/* The SQLite schema and its migrations; version 0 is the older system's: metadata, labels(label), samples(filepath,
 * label).
 *
 * Its tables and columns stay readable by its exporter; ours are added. A row's id is its rowid, made an explicit
 * key so that VACUUM cannot renumber it. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"
#include "dataset/rules.h"

static const char BASE_TABLES[] =
	"CREATE TABLE IF NOT EXISTS metadata (dataset_name TEXT, base_dir TEXT);"
	"CREATE TABLE IF NOT EXISTS labels (label TEXT);"
	"CREATE TABLE IF NOT EXISTS samples (filepath TEXT, label TEXT);";

/* slots: how many more people may be given the sample; the queue's index holds rows with slots > 0. */
static const char VERSION_1[] =
	"CREATE TABLE settings (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"INSERT INTO settings VALUES ('queue_end', 0), ('overlap', 1), ('lease_seconds', 0), ('order', 0), ('skip', 0),"
	" ('public', 0);"

	"UPDATE labels SET label = CAST(label AS TEXT);"
	"DELETE FROM labels WHERE label IS NULL OR label = '' OR rowid NOT IN (SELECT MIN(rowid) FROM labels GROUP BY "
	"label);"
	"ALTER TABLE labels ADD COLUMN key INTEGER;"
	"UPDATE labels SET key = numbered.n - 1 FROM"
	" (SELECT rowid AS id, ROW_NUMBER() OVER (ORDER BY rowid) AS n FROM labels) AS numbered WHERE numbered.id = "
	"labels.rowid;"
	/* Partial, though it holds every row: the older exporter reads the labels without ORDER BY, and SQLite would answer
         * from a full index, in alphabetical order. */
	"CREATE UNIQUE INDEX labels_label ON labels (label) WHERE key >= 0;"
	"CREATE UNIQUE INDEX labels_key ON labels (key);"
	"INSERT INTO settings SELECT 'next_label_key', COUNT(*) FROM labels;"

	"CREATE TABLE samples_1 ("
	" id INTEGER PRIMARY KEY, filepath TEXT NOT NULL, label TEXT NOT NULL DEFAULT '',"
	" state INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0,"
	" position INTEGER NOT NULL, slots INTEGER NOT NULL DEFAULT 0,"
	" labelled_at INTEGER, labelled_by TEXT, blob_key TEXT, type TEXT, sha256 TEXT, filename TEXT, url TEXT,"
	" bytes INTEGER, width INTEGER, height INTEGER, uploaded_at INTEGER, uploaded_by TEXT);";

/* Run after the samples were copied. */
static const char VERSION_1_SAMPLES[] =
	"DROP TABLE samples;"
	"ALTER TABLE samples_1 RENAME TO samples;"

	"CREATE TABLE counts (kind TEXT, name TEXT, n INTEGER NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
	"INSERT INTO counts SELECT 'size', '', COUNT(*) FROM samples;"
	"INSERT INTO counts VALUES ('bytes', '', 0);"
	"INSERT INTO counts SELECT 'state', state, COUNT(*) FROM samples GROUP BY state;"
	"INSERT INTO counts SELECT 'label', label, COUNT(*) FROM samples GROUP BY label;"

	"CREATE TRIGGER samples_inserted AFTER INSERT ON samples BEGIN"
	" UPDATE counts SET n = n + 1 WHERE kind = 'size';"
	" INSERT INTO counts VALUES ('state', NEW.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;"
	" INSERT INTO counts VALUES ('label', NEW.label, 1) ON CONFLICT DO UPDATE SET n = n + 1;"
	" UPDATE counts SET n = n + NEW.bytes WHERE kind = 'bytes' AND NEW.bytes > 0;"
	"END;"
	"CREATE TRIGGER samples_state AFTER UPDATE OF state ON samples WHEN OLD.state <> NEW.state BEGIN"
	" UPDATE counts SET n = n - 1 WHERE kind = 'state' AND name = OLD.state;"
	" INSERT INTO counts VALUES ('state', NEW.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;"
	"END;"
	"CREATE TRIGGER samples_label AFTER UPDATE OF label ON samples WHEN OLD.label <> NEW.label BEGIN"
	" UPDATE counts SET n = n - 1 WHERE kind = 'label' AND name = OLD.label;"
	" INSERT INTO counts VALUES ('label', NEW.label, 1) ON CONFLICT DO UPDATE SET n = n + 1;"
	"END;"
	"CREATE TRIGGER samples_deleted AFTER DELETE ON samples BEGIN"
	" UPDATE counts SET n = n - 1 WHERE kind = 'size';"
	" UPDATE counts SET n = n - 1 WHERE kind = 'state' AND name = OLD.state;"
	" UPDATE counts SET n = n - 1 WHERE kind = 'label' AND name = OLD.label;"
	" UPDATE counts SET n = n - OLD.bytes WHERE kind = 'bytes' AND OLD.bytes > 0;"
	"END;"

	"CREATE INDEX samples_filepath ON samples (filepath);"
	"CREATE INDEX samples_queue ON samples (position) WHERE slots > 0;"
	"CREATE INDEX samples_unreadable ON samples (id) WHERE state = 3;"
	"CREATE UNIQUE INDEX samples_sha256 ON samples (sha256) WHERE sha256 IS NOT NULL;"
	"CREATE INDEX samples_blob ON samples (blob_key) WHERE blob_key IS NOT NULL;"

	"CREATE TABLE events (sample INTEGER NOT NULL, n INTEGER NOT NULL, label TEXT NOT NULL, by TEXT NOT NULL,"
	" at INTEGER NOT NULL, source TEXT NOT NULL, lead_time_ms INTEGER NOT NULL, PRIMARY KEY (sample, n)) WITHOUT "
	"ROWID;"

	"CREATE TABLE leases (token TEXT PRIMARY KEY, sample INTEGER NOT NULL, user TEXT NOT NULL, taken INTEGER NOT "
	"NULL,"
	" expires INTEGER NOT NULL, shared INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX leases_user ON leases (user, taken);"
	"CREATE INDEX leases_sample ON leases (sample);"
	"CREATE INDEX leases_expires ON leases (expires);"

	/* What each person said of a sample where several are asked; label NULL: passed it on for good. */
	"CREATE TABLE votes (sample INTEGER NOT NULL, user TEXT NOT NULL, label TEXT, PRIMARY KEY (sample, user)) "
	"WITHOUT ROWID;";

static const char VERSION_1_EVENTS[] =
	"INSERT INTO events SELECT id, 1, label, '', ?1, 'seed', -1 FROM samples WHERE label <> ''";

/* Votes are kept whatever the overlap is: those given while it was 1 are taken from the events. What the rules of
 * version 1 left undecided is settled again ("recount"). Every lease takes a place, even a shared one. */
static const char VERSION_2[] =
	"INSERT INTO settings SELECT 'recount', 0 WHERE EXISTS (SELECT 1 FROM votes WHERE label IS NOT NULL)"
	" OR EXISTS (SELECT 1 FROM settings WHERE key = 'overlap' AND value > 1);"
	"ALTER TABLE votes ADD COLUMN n INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE votes ADD COLUMN at INTEGER NOT NULL DEFAULT 0;"
	"INSERT INTO votes (sample, user, label, n, at) SELECT sample, by, label, MAX(n), at FROM events"
	" WHERE source IN (" RULES_VOTE_SOURCES ") GROUP BY sample, by"
	" ON CONFLICT (sample, user) DO UPDATE SET label = excluded.label, n = excluded.n, at = excluded.at;"
	"ALTER TABLE leases DROP COLUMN shared;";

/* The request that gave a label, so that it is recognised when it comes again; NULL: not known. */
static const char VERSION_3[] = "ALTER TABLE events ADD COLUMN request TEXT;";

/* For a user who has voted on much that others have not: the position in the queue before which nothing is open to
 * that user. It moves back when a sample before it is offered, unless the user has voted on that. */
static const char VERSION_4[] =
	"CREATE TABLE ahead (user TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX ahead_position ON ahead (position);"
	"CREATE TRIGGER samples_new AFTER INSERT ON samples WHEN NEW.slots > 0 BEGIN"
	" UPDATE ahead SET position = NEW.position WHERE position > NEW.position;"
	"END;"
	"CREATE TRIGGER samples_offered AFTER UPDATE OF slots, position ON samples"
	" WHEN NEW.slots > OLD.slots OR (NEW.slots > 0 AND NEW.position < OLD.position) BEGIN"
	" UPDATE ahead SET position = NEW.position WHERE position > NEW.position"
	"  AND NOT EXISTS (SELECT 1 FROM votes WHERE votes.sample = NEW.id AND votes.user = ahead.user);"
	"END;";

/* A label's details, and its place among the others; the former names of labels, with the key of what each is now
 * (-1: nothing); the change of a name under way, or the merge of one label (merged) into another (key); and, for an
 * event with source "merge", what was merged. */
/* People may have columns of their own that are called colour or position. */
static const char VERSION_5_LABELS[] = "ALTER TABLE labels ADD COLUMN shown_colour TEXT;"
				       "ALTER TABLE labels ADD COLUMN shown_description TEXT;"
				       "ALTER TABLE labels ADD COLUMN shown_position REAL;"
				       "UPDATE labels SET shown_position = key;"
				       "CREATE INDEX labels_position ON labels (shown_position, key);"
				       "CREATE TABLE former_labels (label TEXT PRIMARY KEY, key INTEGER NOT NULL) WITHOUT ROWID;"
				       "CREATE TABLE relabelling (label TEXT NOT NULL, key INTEGER NOT NULL, merged INTEGER,"
				       " by TEXT NOT NULL);"
				       "ALTER TABLE events ADD COLUMN merged TEXT;";

/* For filters of samples, in order of id (filter.c). A label should write few of these indices, so rows that a
 * filter cannot find are left out. samples_paths finds three consecutive characters of a filepath; it holds only
 * rowids, and triggers keep it up to date. */
static const char VERSION_5_HISTORY[] =
	"ALTER TABLE samples ADD COLUMN flag_note TEXT;"
	"ALTER TABLE samples ADD COLUMN flagged_by TEXT;"
	"CREATE INDEX samples_by_state ON samples (state);"
	"CREATE INDEX samples_by_label ON samples (label) WHERE label <> '';"
	"CREATE INDEX samples_by_person ON samples (labelled_by) WHERE labelled_by <> '';"
	"CREATE INDEX samples_by_time ON samples (labelled_at) WHERE labelled_at > 0;"
	"CREATE INDEX samples_flagged ON samples (id) WHERE flag_note IS NOT NULL;"
	"DROP INDEX samples_unreadable;"
	"CREATE VIRTUAL TABLE samples_paths USING fts5 (filepath, content = '', detail = none, columnsize = 0,"
	" tokenize = 'trigram case_sensitive 1');"
	"INSERT INTO samples_paths (rowid, filepath) SELECT id, filepath FROM samples;"
	"CREATE TRIGGER samples_path_added AFTER INSERT ON samples BEGIN"
	" INSERT INTO samples_paths (rowid, filepath) VALUES (NEW.id, NEW.filepath);"
	"END;"
	"CREATE TRIGGER samples_path_removed AFTER DELETE ON samples BEGIN"
	" INSERT INTO samples_paths (samples_paths, rowid, filepath) VALUES ('delete', OLD.id, OLD.filepath);"
	"END;"
	"CREATE TRIGGER samples_path_changed AFTER UPDATE OF filepath ON samples BEGIN"
	" INSERT INTO samples_paths (samples_paths, rowid, filepath) VALUES ('delete', OLD.id, OLD.filepath);"
	" INSERT INTO samples_paths (rowid, filepath) VALUES (NEW.id, NEW.filepath);"
	"END;"
	/* The n of the event that an event with source "undo" takes back. */
	"ALTER TABLE events ADD COLUMN undoes INTEGER;";

/* What was computed from files in base_dir. */
static const char VERSION_5_CONTENTS[] =
	"ALTER TABLE samples ADD COLUMN file_sha256 TEXT;"
	"ALTER TABLE samples ADD COLUMN file_bytes INTEGER;"
	"ALTER TABLE samples ADD COLUMN file_modified_ns INTEGER;";

static const char VERSION_5_SNAPSHOTS[] =
	"CREATE TABLE snapshots (name TEXT PRIMARY KEY, digest TEXT NOT NULL, blob_key TEXT NOT NULL, split TEXT NOT NULL,"
	" seed TEXT NOT NULL, by TEXT NOT NULL, size INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;";

/* Of each removed sample; due: its image has still to be removed. */
static const char VERSION_5_REMOVED[] =
	"CREATE TABLE removed (id INTEGER PRIMARY KEY, filepath TEXT NOT NULL, blob_key TEXT, sha256 TEXT,"
	" at INTEGER NOT NULL, by TEXT NOT NULL, due INTEGER NOT NULL);"
	"CREATE INDEX removed_filepath ON removed (filepath);"
	"CREATE INDEX removed_sha256 ON removed (sha256) WHERE sha256 IS NOT NULL;"
	"CREATE INDEX removed_blob ON removed (blob_key) WHERE blob_key IS NOT NULL;"
	"CREATE INDEX removed_due ON removed (id) WHERE due = 1;";

/* Numbered in order of commit (feed.c). */
static const char VERSION_5_FEED[] =
	"CREATE TABLE feed (n INTEGER PRIMARY KEY, kind INTEGER NOT NULL, sample INTEGER NOT NULL, label TEXT NOT NULL,"
	" by TEXT NOT NULL, at INTEGER NOT NULL);";

/* There may be samples on which as many as may be asked did not agree. votes_differ: the sample is disputed. */
static const char VERSION_5_REVIEW[] =
	"ALTER TABLE samples ADD COLUMN votes_differ INTEGER;"
	"CREATE INDEX samples_disputed ON samples (id) WHERE votes_differ = 1;"
	"INSERT OR REPLACE INTO settings SELECT 'recount', 0 FROM settings WHERE key = 'overlap' AND value > 1;";

/* Samples whose answer is known (rules_gold.h); a vote with the number -1 is RULES_VOTE_LATER. */
static const char VERSION_5_GOLD[] =
	"ALTER TABLE samples ADD COLUMN known_answer INTEGER;"
	"CREATE INDEX samples_gold ON samples (id) WHERE known_answer = 1;"
	"INSERT INTO counts VALUES ('gold', '', 0);"
	"CREATE TRIGGER samples_gold_added AFTER INSERT ON samples WHEN NEW.known_answer = 1 BEGIN"
	" UPDATE counts SET n = n + 1 WHERE kind = 'gold';"
	"END;"
	"CREATE TRIGGER samples_gold_changed AFTER UPDATE OF known_answer ON samples"
	" WHEN OLD.known_answer IS NOT NEW.known_answer BEGIN"
	" UPDATE counts SET n = n + (NEW.known_answer IS 1) - (OLD.known_answer IS 1) WHERE kind = 'gold';"
	"END;"
	"CREATE TRIGGER samples_gold_removed AFTER DELETE ON samples WHEN OLD.known_answer = 1 BEGIN"
	" UPDATE counts SET n = n - 1 WHERE kind = 'gold';"
	"END;";

/* As in version 4, but nothing is changed while nobody is ahead: SQLite prepares itself for an update, even of nothing,
 * for longer than it takes to offer a sample. */
static const char VERSION_6_AHEAD[] =
	"DROP TRIGGER samples_offered;"
	"CREATE TRIGGER samples_offered AFTER UPDATE OF slots, position ON samples"
	" WHEN (NEW.slots > OLD.slots OR (NEW.slots > 0 AND NEW.position < OLD.position))"
	"  AND EXISTS (SELECT 1 FROM ahead WHERE position > NEW.position) BEGIN"
	" UPDATE ahead SET position = NEW.position WHERE position > NEW.position"
	"  AND NOT EXISTS (SELECT 1 FROM votes WHERE votes.sample = NEW.id AND votes.user = ahead.user);"
	"END;";

/* For what a person says of samples, the newest first (sayings.c). */
static const char VERSION_6_SAYINGS[] =
	"CREATE INDEX events_by_person ON events (by, at, sample, n) WHERE by <> '' AND label <> '';";

static const char IDEMPOTENCY_1[] = "CREATE TABLE IF NOT EXISTS answers (user TEXT NOT NULL, key TEXT NOT NULL, "
				    "fingerprint TEXT NOT NULL, at INTEGER NOT NULL,"
				    " status INTEGER, body TEXT, PRIMARY KEY (user, key)) WITHOUT ROWID;"
				    "CREATE INDEX IF NOT EXISTS answers_at ON answers (at);";

static const char AUDIT_1[] = "CREATE TABLE entries (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
			      " by TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, dataset TEXT NOT NULL,"
			      " detail TEXT NOT NULL);";

enum { SCHEMA_VERSION = 6, IDEMPOTENCY_VERSION = 1, AUDIT_VERSION = 1 };

static int to_wal(struct sqlite_conn *writer, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err, "PRAGMA journal_mode = WAL", "");

	if (!stmt || conn_step(writer, stmt, err) < 0)
		return -1;
	const char *mode = column_peek(stmt, 0);
	bool wal = mode && strcmp(mode, "wal") == 0;
	conn_done(stmt);
	return wal ? 0 : err_set(err, ERR_UNAVAILABLE, "The database's disk does not allow write-ahead logging");
}

static int user_version(struct sqlite_conn *writer, int64_t *version, struct err *err)
{
	return conn_int64(writer, err, 0, version, "PRAGMA user_version", "");
}

/* A file that is neither empty nor a dataset of the older system must not be changed. */
static int check_is_dataset(struct sqlite_conn *writer, struct err *err)
{
	int64_t ours, all;

	if (conn_int64(writer, err, 0, &ours,
	               "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('metadata', 'labels', 'samples')",
	               "") ||
	    conn_int64(writer, err, 0, &all, "SELECT COUNT(*) FROM sqlite_schema", ""))
		return -1;
	if (all == 0 || ours == 3)
		return 0;
	return err_set(err, ERR_INTERNAL, "The file is not a dataset: it lacks the tables metadata, labels and samples");
}

int schema_version(struct sqlite_conn *conn, int64_t *version, struct err *err)
{
	if (user_version(conn, version, err))
		return -1;
	if (*version > SCHEMA_VERSION)
		return err_set(err, ERR_INTERNAL,
		               "The database was written by a newer version of this program (schema %lld, known %d)",
		               (long long)*version, SCHEMA_VERSION);
	return 0;
}

static int version_1(struct sqlite_conn *writer, struct err *err)
{
	return check_is_dataset(writer, err) || conn_script(writer, BASE_TABLES, err) ||
	       conn_script(writer, VERSION_1, err) || carry_columns(writer, err) ||
	       conn_script(writer, VERSION_1_SAMPLES, err) ||
	       conn_run(writer, err, VERSION_1_EVENTS, "i", text_now()) ||
	       conn_script(writer, "PRAGMA user_version = 1", err);
}

static int version_2(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, VERSION_2, err) || conn_script(writer, "PRAGMA user_version = 2", err);
}

static int version_3(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, VERSION_3, err) || conn_script(writer, "PRAGMA user_version = 3", err);
}

static int version_4(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, VERSION_4, err) || conn_script(writer, "PRAGMA user_version = 4", err);
}

/* One script for each subject. */
static int version_5(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, VERSION_5_LABELS, err) || conn_script(writer, VERSION_5_HISTORY, err) ||
	       conn_script(writer, VERSION_5_CONTENTS, err) || conn_script(writer, VERSION_5_SNAPSHOTS, err) ||
	       conn_script(writer, VERSION_5_REMOVED, err) || conn_script(writer, VERSION_5_REVIEW, err) ||
	       conn_script(writer, counts_schema, err) || conn_script(writer, VERSION_5_GOLD, err) ||
	       conn_script(writer, stats_schema, err) ||
	       conn_script(writer, VERSION_5_FEED, err) || feed_refill(writer, err) ||
	       conn_script(writer, "PRAGMA user_version = 5", err);
}

static int version_6(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, VERSION_6_AHEAD, err) || conn_script(writer, VERSION_6_SAYINGS, err) ||
	       conn_script(writer, "PRAGMA user_version = 6", err);
}

/* Each step leads from the version of its index to the next one. */
static db_migrate *const steps[SCHEMA_VERSION] = {version_1, version_2, version_3, version_4, version_5,
                                                  version_6};

static int run_steps(struct sqlite_conn *writer, int64_t version, struct err *err)
{
	for (; version < SCHEMA_VERSION; version++) {
		if (steps[version](writer, err))
			return -1;
	}
	return 0;
}

static int to_newest(struct sqlite_conn *writer, struct err *err)
{
	struct carried carried = {.count = 0};
	int64_t version;

	if (schema_version(writer, &version, err))
		return -1;
	int failed = (version == 0 && carry_unique(writer, &carried, err)) ||
	             carry_off(writer, version == 0, &carried, err) || run_steps(writer, version, err) ||
	             carry_back(writer, &carried, err);
	carried_release(&carried);
	return failed;
}

/* All or nothing: a crash leaves the older schema. */
static int migrate_in_transaction(struct sqlite_conn *writer, db_migrate *step, struct err *err)
{
	if (conn_script(writer, "BEGIN IMMEDIATE", err))
		return -1;
	if (step(writer, err) || conn_script(writer, "COMMIT", err)) {
		sqlite3_exec(writer->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

int schema_migrate_copy(struct sqlite_conn *copy, int64_t at, struct err *err)
{
	int64_t version;

	if (schema_version(copy, &version, err) || migrate_in_transaction(copy, to_newest, err))
		return -1;
	return version == 0 ? conn_run(copy, err, "UPDATE events SET at = ?", "i", at) : 0;
}

bool schema_is_newest(int64_t version)
{
	return version == SCHEMA_VERSION;
}

static int has_uuid(struct sqlite_conn *conn, int64_t *known, struct err *err)
{
	return conn_int64(conn, err, 0, known, "SELECT COUNT(*) FROM settings WHERE key = 'uuid'", "");
}

/* A new dataset has none yet, nor has one of an earlier version. */
static int have_uuid(struct sqlite_conn *writer, struct err *err)
{
	char uuid[HASH_UUID_MAX];
	int64_t known;

	if (has_uuid(writer, &known, err))
		return -1;
	hash_random_uuid(uuid);
	return known ? 0 : conn_run(writer, err, "INSERT INTO settings (key, value) VALUES ('uuid', ?)", "s", uuid);
}

static int is_wal(struct sqlite_conn *conn, bool *wal, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, "PRAGMA journal_mode", "");

	if (!stmt || conn_step(conn, stmt, err) < 0)
		return -1;
	const char *mode = column_peek(stmt, 0);
	*wal = mode && strcmp(mode, "wal") == 0;
	conn_done(stmt);
	return 0;
}

static int schema_is_current(struct sqlite_conn *conn, int64_t newest, bool *current, struct err *err)
{
	int64_t version;

	if (user_version(conn, &version, err) || is_wal(conn, current, err))
		return -1;
	*current = *current && version == newest;
	return 0;
}

static int dataset_is_current(struct sqlite_conn *conn, bool *current, struct err *err)
{
	int64_t known = 0;

	if (schema_is_current(conn, SCHEMA_VERSION, current, err) || (*current && has_uuid(conn, &known, err)))
		return -1;
	*current = *current && known;
	return 0;
}

static int answers_are_current(struct sqlite_conn *conn, bool *current, struct err *err)
{
	return schema_is_current(conn, IDEMPOTENCY_VERSION, current, err);
}

static int schema_migrate_dataset(struct sqlite_conn *writer, struct err *err)
{
	int64_t version;

	if (schema_version(writer, &version, err))
		return -1;
	if (version == 0 && check_is_dataset(writer, err))
		return -1;
	/* Comes first, so that a database that cannot be migrated stays as it is. */
	if (!schema_is_newest(version) && migrate_in_transaction(writer, to_newest, err))
		return -1;
	return to_wal(writer, err) || have_uuid(writer, err);
}

static int idempotency_1(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, IDEMPOTENCY_1, err) || conn_script(writer, "PRAGMA user_version = 1", err);
}

/* Not ERR_INTERNAL, by which a damaged database would be set aside: this one waits for its program. */
static int beside_version(struct sqlite_conn *writer, int64_t known, int64_t *version, struct err *err)
{
	if (user_version(writer, version, err))
		return -1;
	if (*version > known)
		return err_set(err, ERR_UNAVAILABLE, "It was written by a newer version of this program (schema %lld, known %lld)",
		               (long long)*version, (long long)known);
	return to_wal(writer, err);
}

static int migrate_answers(struct sqlite_conn *writer, struct err *err)
{
	int64_t version;

	if (beside_version(writer, IDEMPOTENCY_VERSION, &version, err))
		return -1;
	return version < IDEMPOTENCY_VERSION ? migrate_in_transaction(writer, idempotency_1, err) : 0;
}

static int audit_is_current(struct sqlite_conn *conn, bool *current, struct err *err)
{
	return schema_is_current(conn, AUDIT_VERSION, current, err);
}

static int audit_1(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, AUDIT_1, err) || conn_script(writer, "PRAGMA user_version = 1", err);
}

static int migrate_audit(struct sqlite_conn *writer, struct err *err)
{
	int64_t version;

	if (beside_version(writer, AUDIT_VERSION, &version, err))
		return -1;
	return version < AUDIT_VERSION ? migrate_in_transaction(writer, audit_1, err) : 0;
}

const struct db_schema schema_of_dataset = {.is_current = dataset_is_current, .migrate = schema_migrate_dataset};
const struct db_schema schema_of_answers = {.is_current = answers_are_current, .migrate = migrate_answers};
const struct db_schema schema_of_audit = {.is_current = audit_is_current, .migrate = migrate_audit};
