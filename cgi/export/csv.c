/* The format "csv": RFC 4180 with CRLF, as the older system's exporter writes it, safe for spreadsheets. */
#include "export.h"

/* Spreadsheets execute cells that begin with these (OWASP, "CSV Injection"). */
static const char FORMULA[] = "=+-@\t\r";

static void add_cell(struct buf *out, const char *text)
{
	bool formula = *text && strchr(FORMULA, *text);

	if (!text[strcspn(text, "\",\r\n")]) {
		if (formula)
			buf_char(out, '\'');
		buf_str(out, text);
		return;
	}
	buf_str(out, formula ? "\"'" : "\"");
	for (size_t len; (len = strcspn(text, "\"")), text[len]; text += len + 1) {
		buf_add(out, text, len);
		buf_str(out, "\"\"");
	}
	buf_str(out, text);
	buf_char(out, '"');
}

static int csv_begin(struct export *export, struct err *err)
{
	(void)err;
	buf_str(&export->out, export->is_split ? "filepath,label,split\r\n" : "filepath,label\r\n");
	return 0;
}

static void csv_add_label(void *data, const char *filepath, const char *label)
{
	struct export *export = data;

	add_cell(&export->out, filepath);
	buf_char(&export->out, ',');
	add_cell(&export->out, label);
	buf_add(&export->out, "\r\n", 2);
}

static int csv_add(struct export *export, const struct sample *sample, struct err *err)
{
	(void)err;
	add_cell(&export->out, sample->filepath);
	buf_char(&export->out, ',');
	add_cell(&export->out, sample->label);
	if (export->is_split)
		buf_printf(&export->out, ",%s", export->part ? export->part : "");
	buf_str(&export->out, "\r\n");
	return 0;
}

const struct form csv_form = {.name = "csv",
                              .type = "text/csv; charset=utf-8; header=present",
                              .ending = ".csv",
                              .begin = csv_begin,
                              .add = csv_add,
                              .add_label = csv_add_label};
