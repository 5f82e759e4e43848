/* The JSON documents of datasets, samples and tasks, as /v1 answers them. Thread-safe; what is returned is the
 * caller's. */
#ifndef FASTCGI_DOCUMENT_H
#define FASTCGI_DOCUMENT_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "dataset/dataset.h"
#include "dataset/task.h"

/* name, base_dir, size, counts, labels, policy. */
cJSON *document_dataset(const char *name, const struct dataset_info *info);

/* key (as text: labels' keys are the fields of objects, too), name, count. */
cJSON *document_label(const struct dataset_label *label);
enum { DOCUMENT_KEY_MAX = 24 };
const char *document_key(int64_t key, char out[DOCUMENT_KEY_MAX]);

/* Reads the fields that a policy document has into *policy, which keeps the others, and adds them to *fields (of
 * enum dataset_policy_field); one that is null is none. NULL changes nothing. An unknown key is ERR_BAD_REQUEST, as
 * is a wrong value. */
int document_policy_parse(const cJSON *document, struct dataset_policy *policy, unsigned *fields, struct err *err);

enum {
	DOCUMENT_THUMB_SIZE = 256,      /* pixels a side of the thumbnail that thumb_url names */
	DOCUMENT_RENDITION_SIZE = 2048, /* and of what image_url names for an image that browsers do not show */
};
/* Whether browsers show it as it is; by its name where its type is not known. */
bool document_is_shown(const struct sample *sample);
/* All fields of a sample; what is not known of it is null. image_url, of one that is shown; NULL:
 * document_image_path's. thumb_version is of the image's content, and so part of its thumbnail's address; "" when it
 * is not known. */
cJSON *document_sample(const char *dataset, const struct sample *sample, const char *image_url,
                       const char *thumb_version);

/* token, expires_at and, unless it is NULL, the sample's document (taken). */
cJSON *document_task(const struct task *task, cJSON *sample);

/* The path at which this server answers the image: "/images/{dataset}/{filepath}", percent-encoded; appended to out. */
void document_image_path(const char *dataset, const char *filepath, struct buf *out);

#endif
