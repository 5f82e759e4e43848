/* Pages of the samples in SQLite that match a filter, led by the index of the condition with the fewest samples. */
#include "dataset/sqlite/internal.h"

enum {
	TRIGRAM = 3,                   /* letters of a filepath that samples_paths finds */
	TRIGRAMS_MAX = 16,             /* of a longer part only this many are looked up, and then the whole part is compared */
	COUNTED_MAX = 1000,            /* matches of a condition are counted up to this */
	TIMED_MAX = 5000,              /* so many matches in order of time are put in order of id for a page */
	APART = 4,                     /* a sample found by an index lies apart, and costs as much as so many in a row */
	PATH_ROWS = 250000,            /* rowids among which a part of a filepath is looked up for a page: up to 25 ms */
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
	int64_t until;              /* ?12, a rowid */
};

/* Makes each statement take all parameters, whichever it uses. */
#define TAKES_ALL " AND ?12 IS NOT NULL"
#define PASSES                                                                                              \
	" AND (?3 < 0 OR samples.state = ?3) AND (?4 IS NULL OR samples.label = ?4)"                        \
	" AND (?5 IS NULL OR samples.labelled_by = ?5) AND (?6 IS NULL OR instr(samples.filepath, ?6) > 0)" \
	" AND (?7 = 0 OR (samples.flag_note IS NULL) = (?7 = 2)) AND (?8 = 0 OR samples.labelled_at >= ?8)" \
	" AND (?10 = 0 OR (samples.votes_differ IS 1) = (?10 = 1))"                                         \
	" AND (?11 = 0 OR (samples.known_answer IS 1) = (?11 = 1)) AND samples.id <= ?12"

#define PAGE(from, where) "SELECT " SAMPLE_COLUMNS " FROM " from " WHERE " where PASSES
#define COUNT(from, where) "SELECT COUNT(*) FROM (SELECT 1 FROM " from " WHERE " where TAKES_ALL " LIMIT ?2)"
#define LAST(from, where) \
	"SELECT samples.id FROM " from " WHERE " where TAKES_ALL " ORDER BY samples.id LIMIT 1 OFFSET ?2"
#define IN_ORDER " ORDER BY samples.id LIMIT ?2"
#define INDEX(name) "samples INDEXED BY " name
#define AFTER(where) "samples.id > ?1 AND " where
#define LED(from, where) PAGE(from, where) IN_ORDER, COUNT(from, where), LAST(from, where)
#define OF_STATE(what, state) \
	"SELECT " what " FROM samples INDEXED BY samples_by_state WHERE samples.id > ?1 AND samples.state = " state
/* Samples without a label are in one of these states. */
#define WITHOUT_LABEL(what, rest)                                                          \
	OF_STATE(what, "0")                                                                \
	rest " UNION ALL " OF_STATE(what, "2") rest " UNION ALL " OF_STATE(what, "3") rest \
		" UNION ALL " OF_STATE(what, "4") rest " ORDER BY 1 LIMIT "
#define OF_PATH "samples_paths MATCH ?9 AND samples_paths.rowid > ?1 AND samples_paths.rowid <= ?12"
#define OF_TIME "samples.labelled_at >= ?8 AND samples.labelled_at > 0"
#define TIMED "samples INDEXED BY samples_by_time"

/* The conditions that may lead; those in order of id come before the others. */
enum lead { BY_GOLD, BY_DISPUTE, BY_FLAG, BY_PATH, BY_PERSON, BY_LABEL, BY_LACK, BY_STATE, BY_TIME, BY_NOTHING };

static const struct {
	const char *page;
	const char *count; /* of the condition alone, up to ?2; NULL: never chosen for having the fewest */
	const char *last;  /* the rowid of the match after ?2 others, of the condition alone */
} leads[] = {
	[BY_GOLD] = {LED(INDEX("samples_gold"), AFTER("samples.known_answer = 1"))},
	[BY_DISPUTE] = {LED(INDEX("samples_disputed"), AFTER("samples.votes_differ = 1"))},
	[BY_FLAG] = {LED(INDEX("samples_flagged"), AFTER("samples.flag_note IS NOT NULL"))},
	[BY_PATH] = {PAGE("samples_paths CROSS JOIN samples ON samples.id = samples_paths.rowid", OF_PATH)
                     " ORDER BY samples_paths.rowid LIMIT ?2",
                     COUNT("samples_paths", OF_PATH),
                     "SELECT samples_paths.rowid FROM samples_paths WHERE " OF_PATH TAKES_ALL
                     " ORDER BY samples_paths.rowid LIMIT 1 OFFSET ?2"},
	[BY_PERSON] = {LED(INDEX("samples_by_person"), AFTER("samples.labelled_by = ?5 AND samples.labelled_by <> ''"))},
	[BY_LABEL] = {LED(INDEX("samples_by_label"), AFTER("samples.label = ?4 AND samples.label <> ''"))},
	[BY_LACK] = {WITHOUT_LABEL(SAMPLE_COLUMNS, PASSES) "?2", NULL, WITHOUT_LABEL("samples.id", TAKES_ALL) "1 OFFSET ?2"},
	[BY_STATE] = {LED(INDEX("samples_by_state"), AFTER("samples.state = ?3"))},
	/* Chosen only for few, which are put in order of id. */
	[BY_TIME] = {PAGE("samples", "samples.id IN (SELECT samples.id FROM " TIMED " WHERE " OF_TIME ") AND samples.id > ?1")
                     " ORDER BY samples.id LIMIT ?2",
                     COUNT(TIMED, OF_TIME), NULL},
	[BY_NOTHING] = {PAGE("samples NOT INDEXED", "samples.id > ?1") " ORDER BY samples.id LIMIT ?2", NULL, NULL},
};
static const char NEXT[] =
	"SELECT samples.id FROM samples NOT INDEXED WHERE samples.id > ?12 ORDER BY samples.id LIMIT 1";

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
	return conn_query(conn, err, sql, "iiisssiisiii", asked->after, asked->limit, asked->state, asked->label, asked->by,
	                  asked->q, asked->flagged, asked->since, asked->trigrams, asked->disputed, asked->gold,
	                  asked->until);
}

/* Reads a statement's only number; without a row *out stays. */
static int filter_number(struct sqlite_conn *conn, const struct asked *asked, const char *sql, int64_t *out,
                         struct err *err)
{
	sqlite3_stmt *stmt = query(conn, asked, sql, err);
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row < 1)
		return row;
	*out = sqlite3_column_int64(stmt, 0);
	conn_done(stmt);
	return 0;
}

/* The index of filepaths goes through all of its rows that have one of the trigrams, up to this one. */
static int64_t path_end(const struct asked *asked)
{
	return asked->after < INT64_MAX - PATH_ROWS ? asked->after + PATH_ROWS : INT64_MAX;
}

/* Counts the samples that match this condition alone; as many as are counted at most are MANY. */
static const int64_t MANY = INT64_MAX - 1;

static int count_led(struct sqlite_conn *conn, const struct asked *asked, enum lead lead, int64_t *out, struct err *err)
{
	struct asked all = *asked;

	*out = MANY;
	if (!leads[lead].count)
		return 0;
	all.limit = lead == BY_TIME ? TIMED_MAX : COUNTED_MAX;
	all.until = lead == BY_PATH ? path_end(asked) : INT64_MAX;
	if (filter_number(conn, &all, leads[lead].count, out, err))
		return -1;
	if (*out == all.limit)
		*out = MANY;
	return 0;
}

/* Chooses the condition with the fewest samples; the first one in order of id if all have many. */
static int filter_choose(struct sqlite_conn *conn, const struct asked *asked, enum lead *best, int64_t *fewest,
                         struct err *err)
{
	int able = 0;

	*best = BY_NOTHING;
	*fewest = INT64_MAX;
	for (enum lead lead = BY_GOLD; lead < BY_NOTHING; lead++)
		able += may_lead(lead, asked);
	for (enum lead lead = BY_GOLD; lead < BY_NOTHING; lead++) {
		int64_t count = MANY;

		if (!may_lead(lead, asked))
			continue;
		if ((able > 1 || lead == BY_TIME) && count_led(conn, asked, lead, &count, err))
			return -1;
		if (count >= *fewest || (lead == BY_TIME && count == MANY))
			continue;
		*fewest = count;
		*best = lead;
	}
	return 0;
}

/* --- how far ------------------------------------------------------------------------------------------------------ */

static int conditions(const struct asked *asked)
{
	return (asked->state >= 0) + !!asked->label + !!asked->by + !!asked->q + !!asked->flagged + (asked->since > 0) +
	       !!asked->disputed + !!asked->gold;
}

/* Finds where to stop: most of what the condition finds may fail the others. */
static int find_until(struct sqlite_conn *conn, struct asked *asked, enum lead lead, int64_t examined, struct err *err)
{
	struct asked others = *asked;

	if (conditions(asked) <= (lead < BY_NOTHING))
		return 0;
	others.limit = examined > APART ? examined / APART - 1 : 0;
	if (lead < BY_NOTHING)
		return filter_number(conn, &others, leads[lead].last, &asked->until, err);
	asked->until = asked->after < INT64_MAX - examined ? asked->after + examined : INT64_MAX;
	return 0;
}

/* For a page that is not full. */
static int find_reached(struct sqlite_conn *conn, const struct asked *asked, int64_t *out, struct err *err)
{
	int64_t next = INT64_MAX;

	*out = INT64_MAX;
	if (asked->until == INT64_MAX)
		return 0;
	if (filter_number(conn, asked, NEXT, &next, err))
		return -1;
	if (next < INT64_MAX)
		*out = next - 2; /* an id is one less than its rowid */
	return 0;
}

static int page_read(struct sqlite_conn *conn, struct asked *asked, struct sample_page *page, struct err *err)
{
	enum lead lead;
	int64_t count;

	if (filter_choose(conn, asked, &lead, &count, err))
		return -1;
	asked->until = page->examined > 0 && lead == BY_PATH ? path_end(asked) : INT64_MAX;
	if ((page->examined > 0 && count >= MANY && find_until(conn, asked, lead, (int64_t)page->examined, err)) ||
	    samples_read(conn, query(conn, asked, leads[lead].page, err), page->limit, &page->item, &page->count, err))
		return -1;
	return page->count < page->limit ? find_reached(conn, asked, &page->reached, err) : 0;
}

int sqlite_samples(struct dataset *dataset, const struct sample_filter *filter, struct sample_page *page,
                   struct err *err)
{
	struct asked asked = {.after = page->after < INT64_MAX ? page->after + 1 : INT64_MAX,
	                      .until = INT64_MAX,
	                      .limit = (int64_t)page->limit,
	                      .state = filter->of_state ? (int64_t)filter->state : -1,
	                      .label = filter->label,
	                      .by = filter->by,
	                      .q = filter->q,
	                      .flagged = filter->flagged,
	                      .since = filter->since,
	                      .disputed = filter->disputed,
	                      .gold = filter->gold};
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	make_trigrams(filter->q, asked.trigrams);
	int failed = page_read(conn, &asked, page, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
