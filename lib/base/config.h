/* The configuration: one table of keys gives parsing, defaults, bounds, the message for an unknown key and
 * the help text.
 *
 * Read once at start; afterwards immutable, so any thread may read it. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { CONFIG_LIST_MAX = 64 }; /* entries of a list of strings */

struct config_list {
	size_t count;
	char *item[CONFIG_LIST_MAX];
};

/* Strings are owned by the config; a string never set is "" (never NULL). */
struct config {
	char *path; /* the file it came from; "" when there is none and the defaults hold */

	char *json_db_dir;
	char *sqlite_db_dir;
	char *json_user_dir;
	char *default_dataset;
	struct config_list image_roots;  /* folders in which files outside a base_dir may lie */
	struct config_list base_dirs;    /* folders in which a base_dir that is set by HTTP may lie */
	struct config_list archive_skip; /* folder names an archive import passes over */

	struct {
		char *type; /* "sqlite" | "mongodb" */
		char *uri;  /* secret: may hold a password */
		char *database;
	} dataset_store;

	struct {
		char *type; /* "fs" | "s3" */
		char *dir;  /* fs: where uploaded images lie */
		char *endpoint;
		char *region;
		char *bucket;
		char *public_url;    /* prefix of public images' URLs; "" = derived from endpoint and bucket */
		char *ca_bundle;     /* s3: PEM file of the authorities whose certificates are believed; "" = the system's */
		char *access_key;    /* secret; only from the environment */
		char *secret_key;    /* secret; only from the environment */
		char *session_token; /* secret; only from the environment */
	} image_store;

	struct {
		int64_t http_port;                /* loopback only; 0 = off */
		int64_t https_port;               /* 0 = off */
		struct config_list address;       /* of https; "::" is every address, of IPv4 too */
		struct config_list trusted_proxy; /* addresses and networks whose X-Forwarded-… headers hold */
		char *base_path;                  /* "/label": what a proxy has before the paths that are ours; "" = nothing */
		char *server_name;
		char *certificate;     /* PEM; "" = a self-signed one under the state folder */
		char *certificate_key; /* PEM */
	} listen;

	struct {
		int64_t json_bytes;        /* a JSON body */
		int64_t lease_seconds;     /* a lease, unless the dataset's policy says otherwise */
		int64_t file_bytes;        /* an uploaded image */
		int64_t image_pixels;      /* width x height of an image, or of a frame of it */
		int64_t files_per_request; /* parts of a multipart upload */
		int64_t dataset_bytes;     /* uploaded bytes a dataset; 0 = no quota */
		int64_t archive_bytes;     /* an uploaded archive */
		int64_t archive_entries;
		int64_t archive_entry_bytes;
		int64_t upload_expires_seconds;    /* an unfinished tus upload */
		int64_t thumbs_bytes;              /* thumbnails that a machine keeps, on its disk */
		int64_t slow_seconds;              /* a body of which nothing, or too little, comes in so long is given up */
		int64_t slow_bytes_per_second;     /* too little; 0 = any rate is taken */
		int64_t human_requests_per_second; /* a user whose password a person chose */
		int64_t open_datasets;             /* handles a program keeps open */
		int64_t log_bytes;                 /* of a log, which is begun anew then */
	} limits;

	char *log_level; /* "error" | "warn" | "info" | "debug" */
};

/* The environment, passed in by the program (its getenv), since the library reads none. */
typedef const char *config_env(const char *name);

/* Which file holds: `path` if not NULL, else $IMAGE_LABEL_CONFIG, ./config.json,
 * ~/.config/image-label-server/config.json; a path that was named must exist, the others may be absent
 * (all defaults then). Relative paths in the file are relative to the file's folder; "~/" is the home
 * folder; paths are absolute when loaded.
 *
 * Then the environment over it, where a variable that is empty is not set. MONGODB_CONN_STRING chooses
 * MongoDB, AWS_BUCKET_NAME S3. Only when they (or the file) have chosen so, DATABASE_NAME is MongoDB's
 * database, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (both needed), AWS_SESSION_TOKEN,
 * AWS_ENDPOINT_URL, AWS_CA_BUNDLE and AWS_REGION (or AWS_DEFAULT_REGION) are taken. DATABASE_NAME is also
 * default_dataset, with any store, unless the file names one.
 *
 * On failure *config is released, and err names the file, its line and the key (an unknown key: with the
 * nearest known one), or the variable. The caller ends with config_release. */
int config_load(struct config *config, const char *path, config_env *env, struct err *err);
/* The same for a program that opens not all stores: what the others need (their secrets) need not be there. */
enum { CONFIG_DATASETS = 1, CONFIG_IMAGES = 2, CONFIG_ALL = 3 };
int config_load_for(struct config *config, const char *path, config_env *env, int stores, struct err *err);
void config_release(struct config *config); /* wipes secrets */

/* Whether datasets are files of this machine, in sqlite_db_dir, and uploaded images, in image_store.dir. */
bool config_datasets_are_files(const struct config *config);
bool config_images_are_files(const struct config *config);

/* The resolved configuration without secrets, as JSON text (for scripts), the same nesting as the file
 * plus "path". */
int config_print(const struct config *config, struct buf *out);

/* A help text: a line a key with its default, bounds and meaning. */
int config_help(struct buf *out);
/* The same as a table in Markdown, of the keys that a file may have. */
int config_table(struct buf *out);

#endif
