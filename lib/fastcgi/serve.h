/* Answers with samples' images, and with the documents of samples and tasks. One request, one thread; each needs
 * call_place before. */
#ifndef FASTCGI_SERVE_H
#define FASTCGI_SERVE_H

#include "blob/locate.h"
#include "fastcgi/app.h"
#include "dataset/task.h"

enum { SERVE_URL_SECONDS = 12 * 3600 }; /* how long a presigned URL is valid: a day's work with one open page */

/* Answers with the image that images_locate has found: from its file by nginx, or from the store. */
int serve_image(struct call *call, const struct sample *sample, const struct located *file, struct err *err);

/* The sample's document (document_sample), as the request's user sees it (dataset/gold.h); image_url is a public or
 * presigned URL where a browser fetches the image from the store itself. NULL on failure. */
cJSON *serve_document(struct call *call, const struct sample *sample, struct err *err);

/* Answers {"tasks": […]}, each with its sample. */
int serve_tasks(struct call *call, const struct task *tasks, size_t count, struct err *err);

#endif
