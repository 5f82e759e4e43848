/* Finds a sample's image, in the dataset's base_dir or in the image store, and hands it to the client. One request, one
 * thread; each needs call_place before. */
#ifndef FASTCGI_SERVE_H
#define FASTCGI_SERVE_H

#include "blob/locate.h"
#include "fastcgi/app.h"
#include "dataset/task.h"

enum { SERVE_URL_SECONDS = 12 * 3600 }; /* how long a presigned URL is valid: a day's work with one open page */

/* Finds the file of a sample of call->dataset; its path is "" when the image is in a store without files on this
 * machine. ERR_NOT_FOUND "Image file not found" when this sample's image is proven to be missing (locate_file), so
 * that the sample may be passed over. */
int serve_locate(struct call *call, const struct sample *sample, struct located *out, struct err *err);

/* Answers with the image: from its file by nginx, or from the store. */
int serve_image(struct call *call, const struct sample *sample, const struct located *file, struct err *err);

/* Reads the image of a sample for which serve_locate found no file. ERR_NOT_FOUND "Image file not found". */
int serve_fetch(struct call *call, const struct sample *sample, struct buf *out, struct err *err);

/* The sample's document (document_sample); image_url is a public or presigned URL where a browser fetches the image
 * from the store itself. NULL on failure. */
cJSON *serve_document(struct call *call, const struct sample *sample, struct err *err);

/* Answers {"tasks": […]}, each with its sample. */
int serve_tasks(struct call *call, const struct task *tasks, size_t count, struct err *err);

#endif
