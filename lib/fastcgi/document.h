/* The JSON documents of datasets, samples and tasks, as /v1 answers them. Thread-safe; the caller owns what is
 * returned. */
#ifndef FASTCGI_DOCUMENT_H
#define FASTCGI_DOCUMENT_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "dataset/dataset.h"
#include "dataset/task.h"

/* Fields: name, base_dir, size, counts, labels, policy. */
cJSON *document_dataset(const char *name, const struct dataset_info *info);

/* Fields: key (as text, since labels' keys are also names of fields), name, count. */
cJSON *document_label(const struct dataset_label *label);
enum { DOCUMENT_KEY_MAX = 24 };
const char *document_key(int64_t key, char out[DOCUMENT_KEY_MAX]);

/* Reads a policy document's fields into *policy, whose other fields keep their values, and adds the fields read to
 * *fields (of enum dataset_policy_field). A field that is null counts as absent; a NULL document changes nothing. An
 * unknown key or a wrong value is ERR_BAD_REQUEST. */
int document_policy_parse(const cJSON *document, struct dataset_policy *policy, unsigned *fields, struct err *err);

enum {
	DOCUMENT_THUMB_SIZE = 256,      /* pixels a side of the thumbnail at thumb_url */
	DOCUMENT_RENDITION_SIZE = 2048, /* and of the one at image_url, where browsers do not show the image itself */
};
/* Whether browsers show the image as it is; judged by its name where its type is not known. */
bool document_is_shown(const struct sample *sample);
/* All fields of a sample; unknown ones are null. image_url is used where browsers show the image; NULL: the path of
 * document_image_path. thumb_version is the version of the image's content, which is part of its thumbnail's
 * address; "" when it is not known. */
cJSON *document_sample(const char *dataset, const struct sample *sample, const char *image_url,
                       const char *thumb_version);

/* Adds what may be unknown: a text that is NULL or "", and a number below 1, are null. */
void document_add_text(cJSON *document, const char *key, const char *value);
void document_add_number(cJSON *document, const char *key, int64_t value);

/* Fields: token, expires_at and, unless it is NULL, the sample's document (taken). */
cJSON *document_task(const struct task *task, cJSON *sample);

/* Appends the path at which this server answers the image, percent-encoded: "/images/{dataset}/{filepath}", or by its
 * id where the filepath has a part "." or "..", which then is the fragment, for import to find. */
void document_image_path(const char *dataset, const struct sample *sample, struct buf *out);

#endif
