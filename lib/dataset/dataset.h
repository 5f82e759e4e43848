/* Datasets: their samples, labels, label events and leases, in one of several stores behind one interface.
 *
 * A store is opened once a process; any number of threads may use it, or a dataset's handle, at once. When a
 * function returns 0, its change is durable: synced to disk by SQLite, written with w:majority and j:true by
 * MongoDB. The exception is a lease, which survives the death of any process, but may be lost with the machine's
 * power: then its sample is simply free again. Times are microseconds since 1970, UTC. Strings are UTF-8. `user` is
 * the name that nginx authenticated. Besides its own errors every function may fail with ERR_UNAVAILABLE (store
 * down), ERR_NO_SPACE, ERR_INTERNAL. */
#ifndef DATASET_DATASET_H
#define DATASET_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/hash.h"

struct dataset_store;
struct dataset;

/* --- the store ---------------------------------------------------------------------------------------------------- */

/* config must outlive the store. */
int dataset_store_open(struct dataset_store **out, const struct config *config, struct err *err);
/* For reading only, as an exporter or a mover does: makes, sweeps and migrates nothing (reads a private copy of a
 * database in an older form). Call only functions that read; one thread. */
int dataset_store_open_reading(struct dataset_store **out, const struct config *config, struct err *err);
void dataset_store_free(struct dataset_store *store); /* NULL is fine; close every handle before */
/* Checks that the store can be reached and written; if not, ERR_UNAVAILABLE or ERR_NO_SPACE says why. */
int dataset_store_ping(struct dataset_store *store, struct err *err);
/* Visits up to `limit` names greater than `after` ("" = from the first), in byte order; visit returns false to stop. */
typedef bool dataset_name_visit(void *data, const char *name);
int dataset_store_list(struct dataset_store *store, const char *after, size_t limit, dataset_name_visit *visit,
                       void *data, struct err *err);

/* Visits all names in that order. They are asked for one at a time, so that memory does not grow with their number, and
 * the visit may take as long as it wants. One that returns non-zero, with err, ends it. */
typedef int dataset_store_visit(void *data, const char *name, struct err *err);
int dataset_store_each(struct dataset_store *store, dataset_store_visit *visit, void *data, struct err *err);

/* Appends the store's location, for a person, without secrets; always the same text for the same location. */
void dataset_store_place(struct dataset_store *store, struct buf *out);
/* Writes side files (SQLite's WAL) back into the databases, so that each can be copied alone; other stores have
 * none. Called after the server has stopped. */
int dataset_store_fold(struct dataset_store *store, struct err *err);

/* --- a dataset ---------------------------------------------------------------------------------------------------- */

enum dataset_order { DATASET_ORDER_SEQUENTIAL, DATASET_ORDER_RANDOM };
enum dataset_skip { DATASET_SKIP_REQUEUE_FOR_ME, DATASET_SKIP_REQUEUE_FOR_OTHERS, DATASET_SKIP_IGNORE };

const char *dataset_order_name(enum dataset_order order); /* "sequential", "random"; NULL: unknown */
/* "insertion" is another word for "sequential". */
int dataset_order_parse(const char *name, enum dataset_order *out, struct err *err);
const char *dataset_skip_name(enum dataset_skip skip); /* "requeue_for_me", …; NULL: unknown */
int dataset_skip_parse(const char *name, enum dataset_skip *out, struct err *err);

enum {
	DATASET_LEASE_SECONDS_MAX = 7 * 24 * 3600,
	DATASET_OVERLAP_MAX = 100,
	DATASET_GOLD_MAX = 500,        /* samples with known answers in a dataset */
	DATASET_TASKS_MAX = 50,        /* leases in one call */
	DATASET_TASKS_HELD_MAX = 1000, /* leases that one user may hold in a dataset */
	DATASET_LABELS_MAX = 10000,    /* labels in a dataset */
	DATASET_TOKEN_MAX = 40,        /* bytes of a lease's token with its NUL */
	LABEL_COLOUR_SIZE = 8,         /* "#rrggbb" with its NUL */
};

struct dataset_policy {
	int64_t overlap;       /* people who label each sample: 1..DATASET_OVERLAP_MAX */
	int64_t overlap_max;   /* so many at most, if they do not agree: overlap.. DATASET_OVERLAP_MAX, or 0: the default */
	int64_t lease_seconds; /* 0 = the configuration's limits.lease_seconds */
	enum dataset_order order;
	enum dataset_skip skip; /* how to skip when the caller does not say */
	bool public_images;     /* uploaded images get lasting public URLs */
	int64_t gold_rate;      /* how many per cent of the tasks are samples with known answers: 0..100 */
};
/* overlap 1, overlap_max 0, lease_seconds 0, sequential, requeue_for_me, not public, gold_rate 0. */
struct dataset_policy dataset_policy_default(void);
/* The policy's overlap_max, or by default so many more than overlap. */
enum { DATASET_OVERLAP_MORE = 2 };
int64_t dataset_policy_most(const struct dataset_policy *policy);
/* Whether samples are given in a random order: also where known answers are mixed in, which would stand out in another
 * one. */
bool dataset_policy_shuffles(const struct dataset_policy *policy);

/* Makes an empty dataset. base_dir is absolute, or "" when all images are uploaded. ERR_CONFLICT when the name is
 * taken, ERR_BAD_REQUEST for a bad name, base_dir (control characters, relative) or policy. */
int dataset_create(struct dataset_store *store, const char *name, const char *base_dir,
                   const struct dataset_policy *policy, struct err *err);
/* Checks the form of base_dir. ERR_BAD_REQUEST. */
int dataset_check_folder(const char *base_dir, struct err *err);
/* Removes the dataset with everything in it but the images. ERR_NOT_FOUND. */
int dataset_remove(struct dataset_store *store, const char *name, struct err *err);

/* Opens a dataset by name, which must match exactly. Datasets that another process adds or removes are noticed at
 * the next open. ERR_NOT_FOUND "Database not found". Close what was opened; handles are counted and cached. */
int dataset_open(struct dataset_store *store, const char *name, struct dataset **out, struct err *err);
void dataset_close(struct dataset *dataset);             /* NULL is fine */
void dataset_close_passing(struct dataset *dataset);     /* the same, by one that goes through many datasets */
const char *dataset_name(const struct dataset *dataset); /* lives as long as the handle */

struct dataset_label {
	int64_t key; /* stable, never reused */
	char *name;
	int64_t count;                  /* samples that have the label now */
	double position;                /* for the order in which labels are shown; the key, unless it was changed (label.h) */
	char colour[LABEL_COLOUR_SIZE]; /* "#rrggbb", or "" */
	char *description;              /* for the people who label; NULL = none */
};
struct dataset_counts {
	int64_t size;                                              /* all samples */
	int64_t labelled, unlabelled, skipped, unreadable, review; /* by state; sum is size */
	int64_t leased;                                            /* live leases */
	int64_t gold;                                              /* samples with known answers, whatever their state */
	int64_t bytes;                                             /* of uploaded images */
};
struct dataset_labels {
	struct dataset_label *item; /* in order of position, then of key */
	size_t count;
};
struct dataset_place {
	/* made with the dataset; a new dataset of the same name has another one. "" where the store was opened for reading
	 * and the dataset has none yet */
	char uuid[HASH_UUID_MAX];
	char *base_dir;
	struct dataset_policy policy; /* lease_seconds resolved: never 0 */
};
/* What is needed to find a sample's image, at the same cost in any dataset. As of when the handle was opened, or
 * later. */
int dataset_place(struct dataset *dataset, struct dataset_place *out, struct err *err);
/* The same as of `since` (clock_us), if that is earlier, or later: what another thread has read since then will do, and
 * costs nothing. */
int dataset_place_since(struct dataset *dataset, int64_t since, struct dataset_place *out, struct err *err);
/* The same as of now. */
int dataset_place_now(struct dataset *dataset, struct dataset_place *out, struct err *err);
void dataset_place_release(struct dataset_place *place);
/* The labels; their counts are left at 0. */
int dataset_labels(struct dataset *dataset, struct dataset_labels *out, struct err *err);
void dataset_labels_release(struct dataset_labels *labels);
/* Finds the label with this name in the dataset's own spelling (NFC or NFD), borrowed; NULL when there is none. */
const char *dataset_labels_find(const struct dataset_labels *labels, const char *name);
int dataset_counts(struct dataset *dataset, struct dataset_counts *out, struct err *err);

/* All of it, from one moment. */
struct dataset_info {
	struct dataset_place place;
	struct dataset_labels labels;
	struct dataset_counts counts;
};
int dataset_info(struct dataset *dataset, struct dataset_info *out, struct err *err);
void dataset_info_release(struct dataset_info *info);
/* Checks that the dataset can be read and written now, without a lock; if not, the error says why. */
int dataset_check(struct dataset *dataset, struct err *err);
/* Only counts.size; the fast way. */
int dataset_size(struct dataset *dataset, int64_t *out, struct err *err);
/* A change lists what it changes. Everything else stays as it is when the change is written, so that simultaneous
 * changes all take effect. */
enum dataset_policy_field {
	DATASET_POLICY_OVERLAP = 1,
	DATASET_POLICY_LEASE_SECONDS = 2,
	DATASET_POLICY_ORDER = 4,
	DATASET_POLICY_SKIP = 8,
	DATASET_POLICY_PUBLIC = 16,
	DATASET_POLICY_OVERLAP_MAX = 32,
	DATASET_POLICY_GOLD_RATE = 64,
	DATASET_POLICY_ALL = 127,
};
struct dataset_change {
	const char *base_dir;     /* NULL: stays */
	const char *base_dir_was; /* ERR_CONFLICT if base_dir is another one by then; NULL: do not check */
	unsigned fields;          /* the fields of policy to change, of enum dataset_policy_field; 0: none */
	struct dataset_policy policy;
};
/* ERR_BAD_REQUEST, too, where overlap would become greater than an overlap_max that was chosen. */
int dataset_update(struct dataset *dataset, const struct dataset_change *change, struct err *err);
/* Adds a label, and returns its key; *created is false when the name existed. Simultaneous adds all survive, each
 * with its own key. */
int dataset_label_add(struct dataset *dataset, const char *name, int64_t *key, bool *created, struct err *err);

/* --- samples ------------------------------------------------------------------------------------------------------ */

/* SAMPLE_REVIEW: as many as may be asked were, without a majority; somebody has to decide. */
enum sample_state { SAMPLE_UNLABELLED, SAMPLE_LABELLED, SAMPLE_SKIPPED, SAMPLE_UNREADABLE, SAMPLE_REVIEW };
enum { SAMPLE_STATES = SAMPLE_REVIEW + 1 };
const char *sample_state_name(enum sample_state state); /* "unlabelled", … */
/* False: no state has this name. */
bool sample_state_parse(const char *name, enum sample_state *out);

struct sample {
	int64_t id; /* stable, in insertion order, from 0 (SQLite: rowid - 1) */
	char *filepath;
	char *label; /* "" = none */
	enum sample_state state;
	int64_t version; /* counts the changes of label and state, from 0 */
	/* For uploaded images; "" and 0 for images in base_dir: */
	char *blob_key;
	char *type;     /* media type */
	char *sha256;   /* hex */
	char *filename; /* as its sender called it */
	int64_t bytes, width, height;
	int64_t uploaded_at;
	char *uploaded_by;
	int64_t labelled_at; /* 0 = never */
	char *labelled_by;   /* "" = nobody; a seed counts as nobody */
	bool gold;           /* its label is the known answer: for contributors alone to know (gold.h) */
	bool disputed;       /* people say different things of it, and nobody has decided since (rules.h) */
	char *flag;          /* the note of the user who flagged it; NULL: nobody did */
	char *flagged_by;    /* "" = nobody */
	/* The content of a file in base_dir, as given to dataset_set_contents: valid while the file has this size and time. */
	char *file_sha256; /* hex; "" = not known */
	int64_t file_bytes, file_modified_ns;
};
/* Strings belong to the sample and, except for the flag, are never NULL once it is filled. */
void sample_release(struct sample *sample);
/* Copies the sample; NULL texts but for the flag become "". */
void sample_copy(struct sample *out, const struct sample *from);

/* ERR_NOT_FOUND "Sample not found". */
int dataset_sample(struct dataset *dataset, int64_t id, struct sample *out, struct err *err);
/* The first sample with that filepath. */
int dataset_sample_by_path(struct dataset *dataset, const char *filepath, struct sample *out, struct err *err);
/* Selects samples that match everything that is given; all zeros: every sample. */
enum sample_flagged { SAMPLE_FLAGGED_OR_NOT, SAMPLE_FLAGGED, SAMPLE_NOT_FLAGGED };
enum sample_wanted { SAMPLE_ANY, SAMPLE_WITH, SAMPLE_WITHOUT };
struct sample_filter {
	bool of_state; /* whether state is given */
	enum sample_state state;
	const char *label; /* "" = none; in either of Unicode's spellings */
	const char *by;    /* the user who gave the label; not "" */
	const char *q;     /* a part of the filepath, literally */
	enum sample_flagged flagged;
	int64_t since; /* labelled then or later; 0 = at any time, or never */
	enum sample_wanted disputed, gold;
};
/* The samples with id > after (-1 = from the first) that match filter (NULL: all), in order of id, at most limit
 * (1..DATASET_PAGE_MAX). The caller releases each and frees the array. */
enum { DATASET_PAGE_MAX = 1000 };
int dataset_samples(struct dataset *dataset, const struct sample_filter *filter, int64_t after, size_t limit,
                    struct sample **out, size_t *count, struct err *err);
/* The same in bounded time. A condition is found by an index; of several, the one with the fewest samples leads. What
 * no index finds (the few that match several conditions which many match, a time since which many were labelled, in
 * MongoDB a part of a filepath) is looked for among the next `examined` samples only: the page may have fewer than
 * limit, even none, though there are more; in SQLite so it may for a part of a filepath among more than 250,000. */
struct sample_page {
	int64_t after;
	size_t limit, examined; /* examined: about so many, of those that lie apart a quarter; 0: as many as it takes */
	struct sample *item;    /* NULL after a failure; else for sample_page_release */
	size_t count;
	int64_t reached; /* the next page comes after this id; INT64_MAX: there is none */
};
int dataset_samples_page(struct dataset *dataset, const struct sample_filter *filter, struct sample_page *page,
                         struct err *err);
void sample_page_release(struct sample_page *page);
/* Visits filepath and label of all samples with id > *after, in order of id, at most limit; *after becomes the last
 * one's id, and *count how many there were. Several times as fast as dataset_samples, for callers that need no more. */
typedef void dataset_label_visit(void *data, const char *filepath, const char *label);
int dataset_each_label(struct dataset *dataset, int64_t *after, size_t limit, dataset_label_visit *visit, void *data,
                       size_t *count, struct err *err);

/* Flags the sample for others to look at it, with a note ("" is one, too) that replaces an earlier one; note NULL:
 * removes the flag. Label, state and version stay. *out is the sample as it is now. */
enum { DATASET_FLAG_MAX = 1000 }; /* bytes of a note, which may have no control characters */
int dataset_flag(struct dataset *dataset, int64_t id, const char *user, const char *note, struct sample *out,
                 struct err *err);

/* Seeding: adds the labels and filepaths that the dataset lacks, in order. A seed's label is used when the sample is
 * new, or has no label and nobody ever labelled it, whether it is readable or not; labels that people gave are never
 * touched. Durable when it returns 0; after a failure some may be there, and merging them again adds the rest. Pass at
 * most DATASET_MERGE_MAX samples a call. */
enum { DATASET_MERGE_MAX = 10000 };
struct dataset_seed {
	const char *filepath;
	const char *label; /* "" = none; the dataset may lack it, as in the JSON of the older system */
};
struct dataset_merged {
	int64_t labels_added, samples_added, samples_labelled, samples_known;
};
/* Adds its counts to *merged. */
int dataset_merge(struct dataset *dataset, const char *const *labels, size_t label_count,
                  const struct dataset_seed *seeds, size_t seed_count, struct dataset_merged *merged, struct err *err);
/* Adopts what the older collecting system left in the same database: documents with an image's URL and label that
 * belong to no dataset. Stores other than MongoDB adopt nothing. key_of finds the key under which an image's URL
 * leads into the image store, and returns the image's media type; NULL if the URL leads elsewhere: then its document
 * stays as it is, as it does if its key is already some sample's filepath. Labels that the dataset lacks are added.
 * Adds to *out. */
enum { DATASET_ADOPT_KEY_MAX = 1000 };
typedef const char *dataset_adopt_key(void *data, const char *url, char key[DATASET_ADOPT_KEY_MAX]);
struct dataset_adopted {
	int64_t taken, left;
};
int dataset_adopt(struct dataset *dataset, dataset_adopt_key *key_of, void *data, struct dataset_adopted *out,
                  struct err *err);

enum { DATASET_NOTE_MAX = 4096 };
/* A note that the dataset keeps under a key (at most DATASET_NOTE_MAX bytes); the caller frees *value, which is NULL
 * when there is none. */
int dataset_note_get(struct dataset *dataset, const char *key, char **value, struct err *err);
int dataset_note_set(struct dataset *dataset, const char *key, const char *value, struct err *err);

/* Adds one uploaded image. If the same sha256 is there already, *duplicate is true and nothing changes.
 * ERR_CONFLICT: another image has that filepath, or the dataset has become public or private since the image was
 * stored. label is "" or one of the dataset's labels (else ERR_UNPROCESSABLE). ERR_NO_SPACE: more than quota_bytes
 * (0 = no limit) of uploads in the dataset. *out is the sample as it is now (for a duplicate: the existing one). */
struct dataset_image {
	const char *filepath;
	const char *label;
	const char *blob_key;
	const char *type;
	const char *sha256; /* hex */
	const char *filename;
	const char *url; /* lasting public URL, or "" */
	bool is_public;  /* as the image is stored, and as policy.public_images was */
	int64_t bytes, width, height;
	const char *user;
};
int dataset_add_image(struct dataset *dataset, const struct dataset_image *image, int64_t quota_bytes,
                      struct sample *out, bool *duplicate, struct err *err);
/* The sample with these bytes; ERR_NOT_FOUND. */
int dataset_sample_by_sha256(struct dataset *dataset, const char *sha256, struct sample *out, struct err *err);
/* Whether any sample refers to this blob (for the sweep of what crashes leave). */
int dataset_has_blob(struct dataset *dataset, const char *blob_key, bool *out, struct err *err);

/* Sets the lasting public URLs of uploaded images, when a dataset becomes public, or removes them (""). One durable
 * write, of at most DATASET_URLS_MAX; samples that do not exist are skipped. */
enum { DATASET_URLS_MAX = 1000 };
struct dataset_url {
	int64_t id;
	const char *url;
};
int dataset_set_urls(struct dataset *dataset, const struct dataset_url *urls, size_t count, struct err *err);

/* Stores what was computed from images whose content the dataset does not know itself: those in base_dir. One
 * durable write, of at most DATASET_CONTENTS_MAX; samples that do not exist are skipped. */
enum { DATASET_CONTENTS_MAX = 1000 };
struct dataset_content {
	int64_t id;
	char sha256[HASH_SHA256_HEX];
	int64_t bytes, modified_ns; /* of the file with this content */
};
int dataset_set_contents(struct dataset *dataset, const struct dataset_content *contents, size_t count,
                         struct err *err);

/* Visits the label events of a sample, oldest first. */
struct label_event {
	const char *label; /* "" = the label was removed */
	const char *by;    /* "" = the seed */
	int64_t at;
	const char *source;   /* "seed", "classify", "task", "upload", "skip", "label" (directly), "import", "undo",
	                       * "merge", "gold" (a known answer) */
	int64_t lead_time_ms; /* -1 = not known */
	int64_t undoes;       /* for "undo": the event, counted from 1, that it takes back; else 0 */
	const char *merged;   /* for "merge": the label that became this one; else "" or NULL */
};
typedef void label_event_visit(void *data, const struct label_event *event);
int dataset_history(struct dataset *dataset, int64_t id, label_event_visit *visit, void *data, struct err *err);

#endif
