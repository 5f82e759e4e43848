/* The configuration: one table of keys gives parsing, defaults, bounds, the message for an unknown key and the help
 * text.
 *
 * Read once at start, and immutable afterwards, so any thread may read it. */
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
	char *when_empty;                /* "refuse" | "serve" */
	struct config_list image_roots;  /* folders in which files outside a base_dir may lie */
	struct config_list base_dirs;    /* folders in which a base_dir that is set by HTTP may lie */
	struct config_list archive_skip; /* names of folders that an archive import skips */

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
		char *ca_bundle;     /* s3: PEM file of trusted authorities; "" = the system's */
		char *access_key;    /* secret; only from the environment */
		char *secret_key;    /* secret; only from the environment */
		char *session_token; /* secret; only from the environment */
	} image_store;

	struct {
		int64_t http_port;                /* loopback only; 0 = off */
		int64_t https_port;               /* 0 = off */
		struct config_list address;       /* for https; "::" is every address, also of IPv4 */
		struct config_list trusted_proxy; /* addresses and networks whose X-Forwarded-… headers are trusted */
		char *proxy_ca;                   /* PEM of an authority: proxies with its certificates may say who signed in */
		char *proxy_user_header;          /* in which they say it */
		char *proxy_users;                /* JSON file: what they say, and whom it means; "" = users' names */
		char *proxy_sign_out;             /* a URL, or a path of the proxy's; "" = none */
		char *base_path;                  /* "/label": what a proxy puts before our paths; "" = nothing */
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
		int64_t thumbs_bytes;              /* thumbnails that a machine keeps on its disk */
		int64_t slow_seconds;              /* a body that brings nothing, or too little, in this time is given up */
		int64_t slow_bytes_per_second;     /* less is too little; 0 = any rate is accepted */
		int64_t human_requests_per_second; /* a user whose password a person chose */
		int64_t open_datasets;             /* handles a program keeps open */
		int64_t log_bytes;                 /* of a log, before it is started anew */
		int64_t disk_free_bytes;           /* less on a disk that is written to is "not ready" */
	} limits;

	char *log_level; /* "error" | "warn" | "info" | "debug" */
};

/* The environment, passed in by the program (its getenv), since the library reads none. */
typedef const char *config_env(const char *name);

/* Reads the file `path` if that is not NULL, else $IMAGE_LABEL_CONFIG, ./config.json, or
 * ~/.config/image-label-server/config.json; a file that was named must exist, the others may be absent (then all
 * defaults hold). Relative paths in the file are relative to its folder; "~/" is the home folder; all paths are
 * absolute once loaded.
 *
 * The environment then wins over the file; an empty variable counts as unset. MONGODB_CONN_STRING chooses MongoDB,
 * AWS_BUCKET_NAME S3. Only if they (or the file) have chosen so, DATABASE_NAME is MongoDB's database, and
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (both needed), AWS_SESSION_TOKEN, AWS_ENDPOINT_URL, AWS_CA_BUNDLE and
 * AWS_REGION (or AWS_DEFAULT_REGION) are used. DATABASE_NAME is also default_dataset, with any store, unless the
 * file names one.
 *
 * On failure *config is released, and err names the file, its line and the key (for an unknown key also the nearest
 * known one), or the variable. Call config_release at the end. */
int config_load(struct config *config, const char *path, config_env *env, struct err *err);
/* The same for a program that does not open all stores: what the other stores need (their secrets) may be missing. */
enum { CONFIG_DATASETS = 1, CONFIG_IMAGES = 2, CONFIG_ALL = 3 };
int config_load_for(struct config *config, const char *path, config_env *env, int stores, struct err *err);
void config_release(struct config *config); /* wipes secrets */

/* Whether datasets are files of this machine, in sqlite_db_dir; whether uploaded images are, in image_store.dir. */
bool config_datasets_are_files(const struct config *config);
bool config_images_are_files(const struct config *config);

/* Prints the resolved configuration without secrets, as JSON text (for scripts), nested like the file, plus "path". */
int config_print(const struct config *config, struct buf *out);

/* Prints a help text: a line a key with its default, bounds and meaning. */
int config_help(struct buf *out);
/* The same as a table in Markdown, for the keys that a file may have. */
int config_table(struct buf *out);

#endif
