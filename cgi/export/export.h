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
	bool unlabelled; /* images without a label are exported, too */
	struct digests digests;
	struct classes classes;
	int64_t added;            /* samples so far, for formats that separate them */
	struct hash_stream *hash; /* of what is described, not sent; NULL: there is none */
	struct bundle bundle;
	struct spool rows[SPLIT_PARTS]; /* what is known of each part's images, for formats that write it at the end */
	struct spool missing;           /* the samples without an image, one a line */
	struct buf out;                 /* what is yet to be sent; that it overflowed is seen when it is sent */
};

/* A format of exports. */
struct form {
	const char *name;   /* the value of "format" */
	const char *as;     /* the kind of archive, where there is a choice; the first is the default */
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
	bool unlabelled; /* of these: images without a label are added, too */
};

/* Adds the headers of a download before it is streamed: "Content-Disposition" with the dataset's name. */
int export_headers(struct call *call, const char *ending, struct err *err);

/* Appends a JSON value, which it takes. */
void export_json(struct export *export, cJSON *tree);
void export_text(struct export *export, const char *text); /* the same for a string */
/* Adds the lasting address of a sample's image (fastcgi/address.h). */
int export_add_address(struct export *export, cJSON *object, const char *key, const struct sample *sample,
                       struct err *err);

/* Appends the folder of the sample's part, "train/"; nothing without a split. */
void export_add_part(const struct export *export, struct buf *out);
/* Adds the sample's image to the bundle, below `folder` (with its slash); if the image is missing, notes that, and
 * sets *added to false. Appends its name to `name`. */
int export_add_image(struct export *export, const struct sample *sample, const char *folder, struct buf *name,
                     bool *added, struct err *err);
/* Adds "missing.txt", if any images were missing. */
int export_add_missing(struct export *export, struct err *err);

/* Lets the images of this sample and the next ones be fetched, before the first of them is read. */
void export_look_ahead(struct export *export, const struct sample *sample);

int export_is_gone(struct err *err); /* non-zero: the client went away */

/* Sends export->out if it holds enough, or in any case. ERR_BAD_REQUEST: the client has disconnected. */
int export_send(struct export *export, bool all, struct err *err);

/* The same after adding some bytes; large pieces are not copied. */
int export_send_piece(struct export *export, const void *bytes, size_t len, struct err *err);

/* Reads what every export request may contain: split, filter, and the dataset's description. Close it in any case. */
int export_open(struct export *export, struct call *call, struct err *err);
void export_close(struct export *export);
/* The SHA-256 of its image, like digests_of; also checks now and then whether the client is still there. */
int export_digest(struct export *export, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err);
/* Appends the line of the format "jsonl". compute: with the SHA-256 even where it is not known. */
int export_add_line(struct export *export, const struct sample *sample, bool compute, struct err *err);
/* Sets export->part for a sample. */
int export_find_part(struct export *export, const struct sample *sample, struct err *err);
/* Checks that the dataset is still the same: if it was removed meanwhile, only a part of it may have been read. */
int export_is_there(struct call *call, struct err *err);

/* GET …/export, …/export/webdataset and …/export/webdataset/{shard} */
app_handler export_whole, export_index, export_shard;

extern const struct form csv_form, json_form, jsonl_form, sagemaker_form, labelstudio_form, classfolders_tar_form,
	classfolders_zip_form, huggingface_form, croissant_form;

#endif
