/* Carries what people added to a database themselves - columns, indices, triggers, views - over its migration. */
#include "dataset/sqlite/internal.h"

struct added {
	char *type, *name, *sql;
};

static void carry_add(struct carried *carried, sqlite3_stmt *stmt)
{
	carried->item = memory_grow(carried->item, carried->count + 1, sizeof(*carried->item));
	carried->item[carried->count++] = (struct added){
		.type = column_text(stmt, 0), .name = column_text(stmt, 1), .sql = column_text(stmt, 2)};
}

/* Our own triggers are named after the table, and made again when it changes. */
static const char ADDED[] =
	"SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND (type = 'view' OR (type = 'trigger' AND "
	"name NOT IN"
	" ('samples_inserted', 'samples_state', 'samples_label', 'samples_deleted', 'samples_offered'))"
	" OR (type = 'trigger' AND ?1)"
	" OR (type = 'index' AND tbl_name = 'samples' COLLATE NOCASE AND ?1))"
	" ORDER BY CASE type WHEN 'index' THEN 0 WHEN 'view' THEN 1 ELSE 2 END, rowid";

static int carry_list(struct sqlite_conn *conn, bool older, struct carried *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, ADDED, "i", (int64_t)older);
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		carry_add(out, stmt);
	return row;
}

/* Runs a text made by sqlite3_str, and frees it. */
static int carry_run(struct sqlite_conn *conn, sqlite3_str *text, struct err *err)
{
	char *sql = memory_must(sqlite3_str_finish(text));

	int failed = conn_script(conn, sql, err);
	sqlite3_free(sql);
	return failed;
}

int carry_off(struct sqlite_conn *writer, bool older, struct carried *out, struct err *err)
{
	size_t first = out->count;

	if (carry_list(writer, older, out, err))
		return -1;
	for (size_t i = out->count; i-- > first;) { /* a view's triggers must go before the view */
		sqlite3_str *drop = sqlite3_str_new(writer->db);

		sqlite3_str_appendf(drop, "DROP %s \"%w\"", out->item[i].type, out->item[i].name);
		if (carry_run(writer, drop, err))
			return -1;
	}
	return 0;
}

int carry_back(struct sqlite_conn *writer, const struct carried *carried, struct err *err)
{
	for (size_t i = 0; i < carried->count; i++) {
		const struct added *added = &carried->item[i];

		if (conn_script(writer, added->sql, err))
			return err_prefix(err, "The %s %s, which somebody added to the database, cannot be kept", added->type, added->name);
	}
	return 0;
}

void carried_release(struct carried *carried)
{
	for (size_t i = 0; i < carried->count; i++) {
		free(carried->item[i].type);
		free(carried->item[i].name);
		free(carried->item[i].sql);
	}
	free(carried->item);
	*carried = (struct carried){.count = 0};
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

static bool is_part(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Finds whole words only: "checked" has no CHECK. */
static bool has_word(const char *sql, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = sql; (at = strcasestr(at, word)); at += len) {
		if ((at == sql || !is_part(at[-1])) && !is_part(at[len]))
			return true;
	}
	return false;
}

/* Refuses what the older system's table may have beside its columns, but ours cannot. */
static int check_table(struct sqlite_conn *writer, struct err *err)
{
	static const char *const words[] = {"CHECK", "REFERENCES", "COLLATE", "AS", "WITHOUT"};
	sqlite3_stmt *stmt = conn_query(
		writer, err, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'samples' COLLATE NOCASE",
		"");
	int row = stmt ? conn_step(writer, stmt, err) : -1;

	if (row <= 0)
		return row;
	char *sql = column_text(stmt, 0);
	int failed = 0;
	conn_done(stmt);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words) && !failed; i++) {
		if (has_word(sql, words[i]))
			failed = err_set(
				err, ERR_INTERNAL,
				"The table samples has a \"%s\" that is not the older system's, and cannot be kept",
				words[i]);
	}
	free(sql);
	return failed;
}

/* "id INTEGER PRIMARY KEY" names the rowid, as our own id does, and is left out. NOT NULL without a default is dropped,
 * since it would keep new samples from being added. */
static const char COLUMNS[] =
	"SELECT name, type, CASE WHEN \"notnull\" AND dflt_value IS NOT NULL THEN ' NOT NULL' ELSE '' END, dflt_value"
	" FROM pragma_table_xinfo('samples') WHERE lower(name) NOT IN ('filepath', 'label')"
	" AND NOT (lower(name) = 'id' AND pk = 1 AND upper(type) = 'INTEGER')";

int carry_columns(struct sqlite_conn *writer, struct err *err)
{
	sqlite3_str *alter = sqlite3_str_new(writer->db), *names = sqlite3_str_new(writer->db);
	sqlite3_stmt *stmt = check_table(writer, err) ? NULL : conn_query(writer, err, COLUMNS, "");
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(writer, stmt, err)) == 1) {
		const char *name = column_peek(stmt, 0), *otherwise = column_peek(stmt, 3);

		sqlite3_str_appendf(alter, "ALTER TABLE samples_1 ADD COLUMN \"%w\" %s%s", name, column_peek(stmt, 1),
		                    column_peek(stmt, 2));
		if (otherwise)
			sqlite3_str_appendf(alter, " DEFAULT (%s)", otherwise);
		sqlite3_str_appendall(alter, ";");
		sqlite3_str_appendf(names, ", \"%w\"", name);
	}
	char *columns = sqlite3_str_finish(names);
	sqlite3_str_appendf(alter,
	                    "INSERT INTO samples_1 (id, filepath, label, state, position, slots%s)"
	                    " SELECT rowid, CAST(COALESCE(filepath, '') AS TEXT), CAST(COALESCE(label, '') AS TEXT),"
	                    "  CAST(COALESCE(label, '') AS TEXT) <> '', rowid, CAST(COALESCE(label, '') AS TEXT) = ''%s"
	                    " FROM samples ORDER BY rowid",
	                    columns ? columns : "", columns ? columns : "");
	sqlite3_free(columns);
	if (row < 0) {
		sqlite3_free(sqlite3_str_finish(alter));
		return -1;
	}
	return carry_run(writer, alter, err) ? err_prefix(err, "What somebody added to the table samples cannot be kept") : 0;
}

/* --- UNIQUE ------------------------------------------------------------------------------------------------------- */

static const char UNIQUE[] = "SELECT list.seq, (SELECT group_concat('\"' || replace(info.name, '\"', '\"\"') || '\"') "
			     "FROM pragma_index_info(list.name)"
			     " AS info) FROM pragma_index_list('samples') AS list WHERE list.origin = 'u'";

int carry_unique(struct sqlite_conn *writer, struct carried *carried, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err, UNIQUE, "");
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(writer, stmt, err)) == 1) {
		char *sql = memory_must(sqlite3_mprintf("CREATE UNIQUE INDEX samples_unique_%d ON samples (%s)",
		                                        sqlite3_column_int(stmt, 0), column_peek(stmt, 1)));

		carried->item = memory_grow(carried->item, carried->count + 1, sizeof(*carried->item));
		carried->item[carried->count] =
			(struct added){.type = memory_text("UNIQUE of"), .name = column_text(stmt, 1), .sql = memory_text(sql)};
		carried->count++;
		sqlite3_free(sql);
	}
	return row;
}
