/* The format "csv": RFC 4180 with a header, `filepath,label[,by,at]` in any order, as libcsv reads it. */
#include "body.h"
#include "import.h"

#include <csv.h>

#include "base/memory.h"
#include "base/text.h"

#define ROW_IS_WRONG "The row is not CSV, has a quote that is not closed, or is longer than 65536 bytes"
enum { COLUMNS_MAX = 5 };
enum column { COLUMN_FILEPATH, COLUMN_LABEL, COLUMN_BY, COLUMN_AT, COLUMN_SPLIT };
/* Exports have "split", which is nothing to import. */
static const char *const column_names[COLUMNS_MAX] = {"filepath", "label", "by", "at", "split"};

struct rows {
	struct body body;
	struct csv_parser parser;
	struct buf raw;   /* the bytes of the row, to be read again where it is none */
	struct buf cells; /* each with a NUL behind it */
	size_t cell_count;
	bool whole;           /* a row has ended */
	int64_t line, begins; /* the present one, from 1; and where the row began */
	size_t columns;       /* how many the header has */
	enum column column[COLUMNS_MAX];
};

static void rows_take_cell(void *cell, size_t len, void *data)
{
	struct rows *rows = data;

	buf_add(&rows->cells, cell ? cell : "", len);
	buf_char(&rows->cells, '\0');
	rows->cell_count++;
}

static void rows_end_row(int end, void *data)
{
	struct rows *rows = data;

	(void)end;
	rows->whole = true;
}

/* A cell begins and ends with the spaces that it has. */
static int rows_no_space(unsigned char byte)
{
	(void)byte;
	return 0;
}

static void rows_restart(struct rows *rows)
{
	csv_free(&rows->parser);
	csv_init(&rows->parser, CSV_STRICT | CSV_STRICT_FINI);
	csv_set_realloc_func(&rows->parser, memory_resize);
	csv_set_free_func(&rows->parser, free);
	csv_set_space_func(&rows->parser, rows_no_space);
}

/* After what is no row: goes on behind the end of its first line, since a quote that is nowhere closed would take all
 * that follows with it. */
static int rows_recover(struct rows *rows, struct err *err)
{
	const char *bytes = buf_text(&rows->raw), *end = memchr(bytes, '\n', rows->raw.len);
	int byte = 0;

	if (end) {
		body_put_back(&rows->body, end + 1, rows->raw.len - (size_t)(end + 1 - bytes));
	} else {
		while ((byte = body_next(&rows->body, err)) >= 0 && byte != '\n')
			;
	}
	rows->line = rows->begins + 1;
	rows_restart(rows);
	return byte == BODY_FAILED;
}

enum row { ROW, ROW_END, ROW_WRONG, ROW_FAILED };

static enum row rows_wrong(struct rows *rows, struct err *err)
{
	return rows_recover(rows, err) ? ROW_FAILED : ROW_WRONG;
}

static enum row rows_last(struct rows *rows, struct err *err)
{
	if (csv_fini(&rows->parser, rows_take_cell, rows_end_row, rows))
		return rows_wrong(rows, err);
	return rows->whole ? ROW : ROW_END;
}

static enum row rows_next(struct rows *rows, struct err *err)
{
	int byte;

	buf_clear(&rows->raw);
	buf_clear(&rows->cells);
	rows->cell_count = 0;
	rows->whole = false;
	rows->begins = rows->line;
	while (!rows->whole) {
		if ((byte = body_next(&rows->body, err)) < 0)
			return byte == BODY_END ? rows_last(rows, err) : ROW_FAILED;
		if (buf_char(&rows->raw, (char)byte)) {
			body_put_back(&rows->body, &(char){(char)byte}, 1);
			return rows_wrong(rows, err);
		}
		if (csv_parse(&rows->parser, &(char){(char)byte}, 1, rows_take_cell, rows_end_row, rows) != 1)
			return rows_wrong(rows, err);
		rows->line += byte == '\n';
		if (rows->raw.len == 1 && (byte == '\n' || byte == '\r')) { /* the second half of CRLF, or an empty line */
			buf_clear(&rows->raw);
			rows->begins = rows->line;
		}
	}
	return ROW;
}

/* --- the header --------------------------------------------------------------------------------------------------- */

static int column_find(const char *name, enum column *out)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		*out = (enum column)i;
		if (strcmp(name, column_names[i]) == 0)
			return 0;
	}
	return -1;
}

static int rows_read_names(struct rows *rows, bool *given, struct err *err)
{
	const char *cell = buf_text(&rows->cells);

	for (size_t i = 0; i < rows->cell_count; i++, cell += strlen(cell) + 1) {
		if (column_find(cell, &rows->column[rows->columns]))
			return err_set(err, ERR_BAD_REQUEST, "The header names a column that is none of filepath, label, by, at: %s", cell);
		if (given[rows->column[rows->columns]])
			return err_set(err, ERR_BAD_REQUEST, "The header names a column twice: %s", cell);
		given[rows->column[rows->columns++]] = true;
	}
	return 0;
}

static int rows_header(struct rows *rows, struct err *err)
{
	bool given[COLUMNS_MAX] = {false};
	enum row row = rows_next(rows, err);

	if (row == ROW_FAILED)
		return -1;
	if (row != ROW || !text_utf8_valid(buf_text(&rows->cells), rows->cells.len))
		return err_set(err, ERR_BAD_REQUEST, "The first line must be a header: filepath,label and perhaps by,at");
	if (rows_read_names(rows, given, err))
		return -1;
	return given[COLUMN_FILEPATH] && given[COLUMN_LABEL]
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "The header must have the columns filepath and label");
}

/* --- the rows ----------------------------------------------------------------------------------------------------- */

static struct import_place rows_place(const struct rows *rows)
{
	return (struct import_place){.line = rows->begins};
}

static int take_row(struct import *import, const struct rows *rows)
{
	const char *cell = buf_text(&rows->cells), *value[COLUMNS_MAX] = {NULL};

	if (memchr(buf_text(&rows->raw), '\0', rows->raw.len))
		return import_refuse(import, rows_place(rows), "The row has a NUL");
	if (rows->cell_count != rows->columns)
		return import_refuse(import, rows_place(rows), "The row has not as many cells as the header");
	for (size_t i = 0; i < rows->columns; i++, cell += strlen(cell) + 1)
		value[rows->column[i]] = cell;
	const struct import_line line = {.place = rows_place(rows),
	                                 .filepath = value[COLUMN_FILEPATH],
	                                 .label = value[COLUMN_LABEL],
	                                 .by = value[COLUMN_BY],
	                                 .at = value[COLUMN_AT],
	                                 .is_quoted = true};
	return import_take(import, &line);
}

static int take_rows(struct import *import, struct rows *rows)
{
	if (rows_header(rows, &import->broken))
		return -1;
	for (;;) {
		enum row row = rows_next(rows, &import->broken);

		if (row == ROW_END || row == ROW_FAILED)
			return row == ROW_FAILED;
		if (row == ROW_WRONG ? import_refuse(import, rows_place(rows), ROW_IS_WRONG) : take_row(import, rows))
			return -1;
	}
}

int import_csv(struct import *import)
{
	struct rows *rows = memory_new(1, sizeof(*rows));

	rows->line = 1;
	buf_init(&rows->raw, IMPORT_LINE_MAX);
	buf_init(&rows->cells, 2 * IMPORT_LINE_MAX); /* a NUL for each cell */
	int failed = body_begin(&rows->body, import->call->request, IMPORT_BODY_MAX, IMPORT_LINE_MAX, &import->broken);
	rows_restart(rows);
	failed = failed || take_rows(import, rows);
	csv_free(&rows->parser);
	body_release(&rows->body);
	buf_release(&rows->cells);
	buf_release(&rows->raw);
	free(rows);
	return failed;
}
