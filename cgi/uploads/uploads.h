/* The handlers of the uploads program, and what they share. */
#ifndef UPLOADS_H
#define UPLOADS_H

#include "intake/partial.h"
#include "fastcgi/app.h"

app_handler uploads_options, uploads_create, uploads_offset, uploads_append, uploads_terminate;

enum { UPLOADS_DIR_MAX = 4096 };
/* The folder of unfinished uploads. */
const char *uploads_dir(const struct call *call, char out[UPLOADS_DIR_MAX]);

/* If the client asks for another version, answers 412 and sets *answered. (nginx adds Tus-Resumable to every answer,
 * including its own errors.) */
int uploads_version(struct call *call, bool *answered, struct err *err);

/* Opens the upload named by the path. */
int uploads_open(struct call *call, struct partial *out, char dir[UPLOADS_DIR_MAX], struct err *err);

/* Adds Upload-Offset, Upload-Length, Upload-Expires and, once there is one, the sample's X-Sample-Id. */
int uploads_describe(struct call *call, const struct partial *partial, struct err *err);

/* Adds a header with a numeric value. */
int uploads_number(struct call *call, const char *name, int64_t value, struct err *err);

/* Stores a finished upload as a sample; adds X-Duplicate when there was one of these bytes. An upload that can never
 * become a sample (no image, filepath taken) is removed. */
int uploads_complete(struct call *call, struct partial *partial, struct err *err);

#endif
