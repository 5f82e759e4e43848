/* Pages of the samples in SQLite that match a filter, led by the index of the condition with the fewest samples. */
#include "dataset/sqlite/internal.h"

enum {
	TRIGRAM = 3,                   /* letters of a filepath that samples_paths finds */
	TRIGRAMS_MAX = 16,             /* of a longer part only this many are looked up, and then the whole part is compared */
	COUNTED_MAX = 1000,            /* matches of a condition are counted up to this */
	QUERY_MAX = 32 * TRIGRAMS_MAX, /* bytes of a query for trigrams */
};

/* The parameters of every statement here. */
struct asked {
	int64_t after, limit;       /* ?1 (a rowid), ?2 */
	int64_t state;              /* ?3; -1: any */
	const char *label, *by, *q; /* ?4, ?5, ?6; NULL: any */
	int64_t flagged, since;     /* ?7, of enum sample_flagged; ?8 */
	char trigrams[QUERY_MAX];   /* ?9; "" when q has none */
	int64_t disputed, gold;     /* ?10, ?11, of enum sample_wanted */
};

/* Makes each statement take all parameters, whichever it uses. */
#define TAKES_ALL " AND ?11 IS NOT NULL"
#define PASSES                                                                                              \
	" AND (?3 < 0 OR samples.state = ?3) AND (?4 IS NULL OR samples.label = ?4)"                        \
	" AND (?5 IS NULL OR samples.labelled_by = ?5) AND (?6 IS NULL OR instr(samples.filepath, ?6) > 0)" \
	" AND (?7 = 0 OR (samples.flag_note IS NULL) = (?7 = 2)) AND (?8 = 0 OR samples.labelled_at >= ?8)" \
	" AND (?10 = 0 OR (samples.votes_differ IS 1) = (?10 = 1))"                                         \
	" AND (?11 = 0 OR (samples.known_answer IS 1) = (?11 = 1))" TAKES_ALL

#define PAGE(from, where) "SELECT " SAMPLE_COLUMNS " FROM " from " WHERE " where PASSES
#define COUNT(from, where) "SELECT COUNT(*) FROM (SELECT 1 FROM " from " WHERE " where TAKES_ALL " LIMIT ?2)"
#define LED(index, where)                                                                \
	{                                                                                \
		PAGE("samples INDEXED BY " index, "samples.id > ?1 AND " where)          \
		" ORDER BY samples.id LIMIT ?2",                                         \
			COUNT("samples INDEXED BY " index, "samples.id > ?1 AND " where) \
	}
#define OF_STATE(state) PAGE("samples INDEXED BY samples_by_state", "samples.id > ?1 AND samples.state = " state)
#define OF_PATH "samples_paths MATCH ?9 AND samples_paths.rowid > ?1"
#define OF_TIME "samples.labelled_at >= ?8 AND samples.labelled_at > 0"

/* The conditions that may lead; those in order of id come before the others. */
enum lead { BY_GOLD, BY_DISPUTE, BY_FLAG, BY_PATH, BY_PERSON, BY_LABEL, BY_LACK, BY_STATE, BY_TIME, BY_NOTHING };

static const struct {
	const char *page, *count; /* count NULL: never chosen for having the fewest */
} leads[] = {
	[BY_GOLD] = LED("samples_gold", "samples.known_answer = 1"),
	[BY_DISPUTE] = LED("samples_disputed", "samples.votes_differ = 1"),
	[BY_FLAG] = LED("samples_flagged", "samples.flag_note IS NOT NULL"),
	[BY_PATH] = {PAGE("samples_paths CROSS JOIN samples ON samples.id = samples_paths.rowid", OF_PATH)
                     " ORDER BY samples_paths.rowid LIMIT ?2",
                     COUNT("samples_paths", OF_PATH)},
	[BY_PERSON] = LED("samples_by_person", "samples.labelled_by = ?5 AND samples.labelled_by <> ''"),
	[BY_LABEL] = LED("samples_by_label", "samples.label = ?4 AND samples.label <> ''"),
	/* Samples without a label are in one of these states. */
	[BY_LACK] = {OF_STATE("0") " UNION ALL " OF_STATE("2") " UNION ALL " OF_STATE("3")
                    " UNION ALL " OF_STATE("4") " ORDER BY 1 LIMIT ?2", NULL},
	[BY_STATE] = LED("samples_by_state", "samples.state = ?3"),
	[BY_TIME] = LED("samples_by_time", OF_TIME),
	[BY_NOTHING] = {PAGE("samples NOT INDEXED", "samples.id > ?1") " ORDER BY samples.id LIMIT ?2", NULL},
};

/* The same as by time, for a filter with no other condition: each page looks at everything labelled since, but in an
 * index that holds only the times. */
static const char BY_TIME_ALONE[] =
	"SELECT " SAMPLE_COLUMNS " FROM samples WHERE id IN (SELECT samples.id FROM samples INDEXED BY samples_by_time"
	" WHERE " OF_TIME " AND samples.id > ?1" TAKES_ALL " ORDER BY samples.id LIMIT ?2) ORDER BY id";

/* --- parts of filepaths ------------------------------------------------------------------------------------------- */

/* How many bytes the first `characters` characters of text have; 0 when there are fewer. */
static size_t span(const char *text, int characters)
{
	size_t len = 0;

	for (; characters > 0; characters--) {
		if (!text[len])
			return 0;
		while ((text[++len] & 0xc0) == 0x80)
			;
	}
	return len;
}

/* Any three consecutive characters of q are also consecutive in the filepath. */
static void make_trigrams(const char *q, char out[QUERY_MAX])
{
	size_t used = 0, len;

	for (int i = 0; q && i < TRIGRAMS_MAX && (len = span(q, TRIGRAM)) > 0; i++, q += span(q, 1)) {
		used += (size_t)snprintf(out + used, QUERY_MAX - used, "%s\"", i ? " AND " : "");
		for (size_t j = 0; j < len; j++) {
			if (q[j] == '"') /* a string of FTS5 doubles its quotes */
				out[used++] = '"';
			out[used++] = q[j];
		}
		out[used++] = '"';
	}
	out[used] = '\0';
}

/* --- what leads --------------------------------------------------------------------------------------------------- */

static bool may_lead(enum lead lead, const struct asked *asked)
{
	switch (lead) {
	case BY_GOLD:
		return asked->gold == SAMPLE_WITH;
	case BY_DISPUTE:
		return asked->disputed == SAMPLE_WITH;
	case BY_FLAG:
		return asked->flagged == SAMPLE_FLAGGED;
	case BY_PATH:
		return asked->trigrams[0];
	case BY_PERSON:
		return asked->by;
	case BY_LABEL:
		return asked->label && asked->label[0];
	case BY_LACK:
		return asked->label && !asked->label[0] && asked->state < 0;
	case BY_STATE:
		return asked->state >= 0;
	case BY_TIME:
		return asked->since > 0;
	default:
		return true;
	}
}

static sqlite3_stmt *query(struct sqlite_conn *conn, const struct asked *asked, const char *sql, struct err *err)
{
	return conn_query(conn, err, sql, "iiisssiisii", asked->after, asked->limit, asked->state, asked->label, asked->by,
	                  asked->q, asked->flagged, asked->since, asked->trigrams, asked->disputed, asked->gold);
}

/* Counts the samples that match this condition alone, up to COUNTED_MAX. */
static int count_led(struct sqlite_conn *conn, const struct asked *asked, enum lead lead, int64_t *out, struct err *err)
{
	struct asked all = *asked;

	*out = COUNTED_MAX;
	if (!leads[lead].count)
		return 0;
	all.limit = COUNTED_MAX;
	sqlite3_stmt *stmt = query(conn, &all, leads[lead].count, err);
	int row = stmt ? conn_step(conn, stmt, err) : -1;
	if (row < 1)
		return row;
	*out = sqlite3_column_int64(stmt, 0);
	conn_done(stmt);
	return 0;
}

/* Chooses the condition with the fewest samples; the first one if all have many. */
static int filter_choose(struct sqlite_conn *conn, const struct asked *asked, const char **page, struct err *err)
{
	enum lead best = BY_NOTHING;
	int64_t count, fewest = INT64_MAX;
	int able = 0;

	for (enum lead lead = BY_GOLD; lead < BY_NOTHING; lead++)
		able += may_lead(lead, asked);
	for (enum lead lead = BY_GOLD; lead < BY_NOTHING; lead++) {
		if (!may_lead(lead, asked))
			continue;
		count = 0;
		if (able > 1 && count_led(conn, asked, lead, &count, err))
			return -1;
		if (count < fewest) {
			fewest = count;
			best = lead;
		}
	}
	bool alone = best == BY_TIME && able == 1 && !asked->q && !asked->flagged && !asked->label && !asked->disputed &&
	             !asked->gold;
	*page = alone ? BY_TIME_ALONE : leads[best].page;
	return 0;
}

int sqlite_samples(struct dataset *dataset, const struct sample_filter *filter, int64_t after, size_t limit,
                   struct sample **out, size_t *count, struct err *err)
{
	struct asked asked = {.after = after + 1,
	                      .limit = (int64_t)limit,
	                      .state = filter->of_state ? (int64_t)filter->state : -1,
	                      .label = filter->label,
	                      .by = filter->by,
	                      .q = filter->q,
	                      .flagged = filter->flagged,
	                      .since = filter->since,
	                      .disputed = filter->disputed,
	                      .gold = filter->gold};
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	const char *page;

	if (!conn)
		return -1;
	make_trigrams(filter->q, asked.trigrams);
	int failed = filter_choose(conn, &asked, &page, err) ||
	             samples_read(conn, query(conn, &asked, page, err), limit, out, count, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
