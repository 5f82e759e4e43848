/* Finds a sample's image, in the dataset's base_dir or in the image store, and hands it to the client. One request, one
 * thread; each needs call_place before. */
#ifndef FASTCGI_SERVE_H
#define FASTCGI_SERVE_H

#include "blob/locate.h"
#include "fastcgi/app.h"
#include "dataset/task.h"

enum { SERVE_URL_SECONDS = 12 * 3600 }; /* how long a presigned URL is good: a day's work with a page left open */

/* The file of a sample of call->dataset; path "" when the image is in a store without files on this machine.
 * ERR_NOT_FOUND "Image file not found" when that is proven of this sample, which may then be passed over
 * (locate_file). */
int serve_locate(struct call *call, const struct sample *sample, struct located *out, struct err *err);

/* Answers the image: by nginx from its file, or from the store. */
int serve_image(struct call *call, const struct sample *sample, const struct located *file, struct err *err);

/* Reads the image of a sample that serve_locate found no file for. ERR_NOT_FOUND "Image file not found". */
int serve_fetch(struct call *call, const struct sample *sample, struct buf *out, struct err *err);

/* The sample's document (document_sample), its image_url being a public or presigned one where a browser fetches the
 * image from the store itself. NULL on failure. */
cJSON *serve_document(struct call *call, const struct sample *sample, struct err *err);

/* {"tasks": […]}, each with its sample. */
int serve_tasks(struct call *call, const struct task *tasks, size_t count, struct err *err);

#endif
