/* Imports labels: what the formats give, one after the other, and what becomes of it. One request, one thread. */
#ifndef IMPORT_H
#define IMPORT_H

#include "dataset/correct.h"
#include "fastcgi/app.h"
#include "intake/spool.h"

enum {
	IMPORT_LINE_MAX = 64 * 1024, /* bytes of a line, or of a row of CSV */
	IMPORT_BY_MAX = 256,         /* bytes of the name of the person who gave a label */
};
#define IMPORT_BODY_MAX ((int64_t)1024 * 1024 * 1024) /* bytes; nginx/endpoints.conf has it, too */

app_handler import_post;

/* Where something is said. */
struct import_place {
	int64_t line;    /* where it begins in the body, from 1 */
	int64_t element; /* of a JSON array, from 1; 0: of none */
};
/* What a line says. Texts need to last only for the call. */
struct import_line {
	struct import_place place;
	const char *filepath; /* NULL: the id says which sample is meant */
	const char *id;       /* as text; NULL: not given */
	const char *label;
	const char *by, *at; /* NULL or "": not given */
	bool is_quoted;      /* "'" may have been put before what a spreadsheet would execute */
};

struct import {
	struct call *call;
	struct pending *pending; /* LABELS_IMPORTED_MAX lines that are not yet answered */
	size_t count;
	int64_t at; /* when the import began: the time of labels that say none */
	int64_t labelled, unchanged, skipped, failed;
	struct err broken;   /* why the rest cannot be read or written */
	struct spool answer; /* kept because nginx sends no more of a request's body once its answer has begun */
};

/* Each returns non-zero, with import->broken set, when it is of no use to go on. */
int import_take(struct import *import, const struct import_line *line);
/* The line is not one of this format. */
int import_refuse(struct import *import, struct import_place place, const char *why);

/* The time, with the Z that systems leave out whose times are all of UTC. NULL and "" stay. */
enum { IMPORT_TIME_MAX = 64 };
const char *import_utc(const char *time, char out[IMPORT_TIME_MAX]);

/* Reads the body and gives each of its lines to import_take or import_refuse. Non-zero with import->broken set. */
typedef int import_reader(struct import *import);
import_reader import_csv, import_jsonl, import_labelstudio, import_sagemaker;

#endif
