/* What the formats of exports share: the request, and sending to the client. One request, one thread. */
#ifndef EXPORT_H
#define EXPORT_H

#include "dataset/snapshot.h"
#include "dataset/split.h"
#include "fastcgi/app.h"
#include "fastcgi/bytes.h"
#include "bundle.h"
#include "classes.h"
#include "each.h"

struct export {
	struct call *call; /* with its place and labels read */
	struct each each;  /* the samples to export */
	struct snapshot snapshot; /* its name is NULL when the dataset is exported as it is now */
	bool is_split;
	struct split split; /* if it is */
	bool changed;       /* the image of the sample being added is not the one that was in the snapshot */
	const char *part;   /* the part of the sample being added; NULL without a split, or if its image is missing */
	struct images images;
	struct digests digests;
	struct classes classes;
	int64_t added;            /* samples, by forms that set something between them */
	struct hash_stream *hash; /* of what is described and not sent; NULL: there is none */
	struct bundle bundle;
	struct spool rows[SPLIT_PARTS]; /* what is known of the images of each part, for forms that write it at the end */
	struct spool missing;           /* the samples whose images are not there, a line each */
	struct buf out;                 /* what is yet to be sent; that it overflowed is seen when it is sent */
};

/* A format of exports. */
struct form {
	const char *name;   /* as "format" has it */
	const char *as;     /* the kind of archive, where there is a choice; the first one is the default */
	const char *type;   /* media type */
	const char *ending; /* of its file's name, after the dataset's name */
	/* Each appends to export->out. */
	int (*begin)(struct export *export, struct err *err); /* NULL: nothing */
	int (*add)(struct export *export, const struct sample *sample, struct err *err);
	int (*end)(struct export *export, struct err *err); /* NULL: nothing */
	/* The fast way of add, where neither split nor filter is asked for; data is the export. NULL: there is none. */
	dataset_label_visit *add_label;
	enum bundle_format bundle; /* of forms that are archives: they add to export->bundle */
	bool is_bundle;
};

/* Adds the headers of a download before it is streamed: "Content-Disposition" with the dataset's name. */
int export_headers(struct call *call, const char *ending, struct err *err);

/* Appends a JSON value, which it takes. */
void export_json(struct export *export, cJSON *tree);
void export_text(struct export *export, const char *text); /* the same of a string */
/* Adds the lasting address of a sample's image (fastcgi/address.h). */
int export_add_address(struct export *export, cJSON *object, const char *key, const struct sample *sample,
                       struct err *err);

/* The folder of the part that the sample is in, "train/"; "" when the export is not split. */
void export_add_part(const struct export *export, struct buf *out);
/* Adds the sample's image to the bundle, below `folder` (with its slash); *added is false when the image is not there,
 * which is noted. Its name goes to `name`. */
int export_add_image(struct export *export, const struct sample *sample, const char *folder, struct buf *name,
                     bool *added, struct err *err);
/* Adds "missing.txt", if images were. */
int export_add_missing(struct export *export, struct err *err);

int export_is_gone(struct err *err); /* non-zero: the client went away */

/* Sends export->out if it holds enough, or in any case. ERR_BAD_REQUEST: the client has disconnected. */
int export_send(struct export *export, bool all, struct err *err);

/* The same, some bytes more; large pieces are not copied. */
int export_send_piece(struct export *export, const void *bytes, size_t len, struct err *err);

/* Reads what every export is asked for: split, filter, and what is known of the dataset. To be closed in any case. */
int export_open(struct export *export, struct call *call, struct err *err);
void export_close(struct export *export);
/* The SHA-256 of its image, as digests_of; and looks now and then whether anybody still waits. */
int export_digest(struct export *export, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err);
/* Appends the line of the form "jsonl". compute: the SHA-256, too, where it is not known. */
int export_add_line(struct export *export, const struct sample *sample, bool compute, struct err *err);
/* Sets export->part of a sample. */
int export_find_part(struct export *export, const struct sample *sample, struct err *err);
/* Whether the dataset is the same still: what was read of one that was removed meanwhile may be a part of it. */
int export_is_there(struct call *call, struct err *err);

/* GET …/export, …/export/webdataset and …/export/webdataset/{shard} */
app_handler export_whole, export_index, export_shard;

extern const struct form csv_form, json_form, jsonl_form, sagemaker_form, labelstudio_form, classfolders_tar_form,
	classfolders_zip_form, huggingface_form, croissant_form;

#endif
