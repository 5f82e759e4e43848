/* Reads uploaded files from a body, within limits. One thread. */
#ifndef INTAKE_RECEIVE_H
#define INTAKE_RECEIVE_H

#include "intake/multipart.h"
#include "intake/spool.h"

/* A body, and its limits. Everything is borrowed. */
struct receive {
	multipart_source *read; /* reads the body, with data */
	void *data;
	const char *content_type;
	int64_t content_length; /* -1: not known */
	const char *spool_dir;  /* folder for files that do not fit into memory */
	int64_t file_bytes;     /* limit of one file; */
	int64_t files;          /* and of files in a form */
	bool strict;            /* a form's parts of other names are refused, not passed over */
};

/* Reads the whole body as one file into `out` (finished; the caller releases it, also after a failure). */
int receive_body(const struct receive *receive, struct spool *out, struct err *err);

/* Visits one file of a multipart body. `file` is finished; if it could not be read whole, `failed` says why.
 * A failure ends the reading with err. */
typedef int receive_visit(void *data, const char *filename, struct spool *file, const struct err *failed,
                          struct err *err);

/* Takes the label that a form names in a field of its own. A failure ends the reading with err. */
typedef int receive_label(void *data, const char *given, struct err *err);

/* Visits, in order, the files of the body's parts whose name is in fields (NULL-ended; in any case), and gives the
 * field "label" to `label` where it appears (NULL: it is ignored). Other parts are ignored, or, if the form is to be
 * strict, end the reading with ERR_BAD_REQUEST. A file over file_bytes, or
 * after `files` of them, is visited as failed; very many files end the reading. A file that no whole boundary follows
 * ends it, too, unvisited. *count gets how many were visited. */
int receive_files(const struct receive *receive, const char *const *fields, receive_visit *visit, receive_label *label,
                  void *data, int64_t *count, struct err *err);

#endif
