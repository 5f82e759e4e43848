/* The image store: uploaded images by key, in files (fs) or in a bucket (s3), behind one interface.
 *
 * One store a process; any number of threads may use it at once. An object is the bytes under a key (blob/key.h),
 * which never change once they are there. The store does not know which samples refer to it. Besides its own errors,
 * every function may fail with ERR_BAD_REQUEST (a malformed key), ERR_UNAVAILABLE (the store is down or overloaded,
 * after retries), ERR_UPSTREAM (it answered with an error or with nonsense; the text names the cause and the setting
 * to change), ERR_NO_SPACE (disk or bucket full), ERR_INTERNAL. Texts hold no secret. */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/hash.h"

struct blob_store;

/* Opens the store that config->image_store names; config must outlive it. fs makes its folder; s3 contacts nobody
 * yet. ERR_BAD_REQUEST names the key of the configuration that is wrong or missing. */
int blob_open(struct blob_store **out, const struct config *config, struct err *err);
void blob_free(struct blob_store *store); /* NULL is fine; no call may be under way */

/* What to store: `length` bytes from memory, or from a file. */
struct blob_put {
	const char *key;
	const char *type;            /* media type: the Content-Type in s3; fs goes by the key's ending */
	bool public_read;            /* an anonymous GET of its URL is answered */
	const unsigned char *sha256; /* HASH_SHA256_SIZE bytes; NULL: computed where the store needs it */
	int64_t length;
	const void *bytes; /* the bytes in memory; NULL: they are in fd */
	int fd;            /* read by pread: its position neither matters nor moves */
	int64_t offset;    /* where the bytes begin in fd */
	/* Nobody writes to fd's file any more: fs may link the file instead of copying it, when the whole file is the
	 * object. The file may be nameless (O_TMPFILE); if it has a name, the caller still removes that. */
	bool handover;
};

/* Stores the object, which is durable and whole when it returns 0. The same bytes may be stored again under the same
 * key, which makes the object as public or private as this call says. Other bytes under an existing key are
 * ERR_CONFLICT, and nothing changes. After a failure nothing can be read under a key that was free. s3 sends more
 * than BLOB_MULTIPART_BYTES in parts, which it aborts on failure. */
enum { BLOB_MULTIPART_BYTES = 64 * 1024 * 1024 };
int blob_put(struct blob_store *store, const struct blob_put *put, struct err *err);

/* Makes an object public or private (a dataset's policy changed). ERR_NOT_FOUND. */
int blob_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err);

/* Appends the URL from which a client fetches the object, without checking that the object exists.
 * Public: a lasting URL: image_store.public_url + "/" + key when that is set; else from the endpoint and bucket
 * (s3), or "/public/" + key on this server (fs: nginx serves "/public/" from the folder <image_store.dir>/public).
 * Private: s3: a presigned GET, valid for at least expires_seconds (1..BLOB_PRESIGN_SECONDS_MAX); within a quarter
 * of that time the URL stays the same, so that a browser's cache works; never store it. fs has none and appends
 * nothing: the caller answers with blob_path. */
enum { BLOB_PRESIGN_SECONDS_MAX = 5 * 24 * 3600 };
int blob_url(struct blob_store *store, const char *key, bool public_read, int64_t expires_seconds,
             struct buf *out, struct err *err);

/* Finds the key of the object that a lasting URL leads to, in any of the forms that such URLs have, without checking
 * that the object exists. ERR_NOT_FOUND when the URL leads elsewhere. fs knows none. */
int blob_key_of(struct blob_store *store, const char *url, char key[1000 /* BLOB_KEY_MAX */], struct err *err);

/* The object's file: absolute, without symlinks below image_store.dir, fit for X-Accel-Redirect. "" when the store
 * keeps no files on this machine (s3): the caller redirects to blob_url, or reads. ERR_NOT_FOUND. */
int blob_path(struct blob_store *store, const char *key, char out[PATH_MAX], struct err *err);

struct blob_info {
	int64_t bytes;
	int64_t modified_us;          /* when it was stored: microseconds since 1970 */
	char sha256[HASH_SHA256_HEX]; /* hex, as given to blob_put; "" when the store does not know it (fs) */
};
/* ERR_NOT_FOUND. */
int blob_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err);

/* Reads up to len bytes (at least 1) from offset; *got is less only at the object's end, 0 beyond it. Each call is
 * independent (s3: one ranged GET, retried), so readers should ask for large pieces, such as BLOB_READ_BYTES.
 * ERR_NOT_FOUND. */
enum { BLOB_READ_BYTES = 8 * 1024 * 1024 };
int blob_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
              struct err *err);
/* Appends the whole object to out; ERR_TOO_LARGE when it exceeds out's ceiling. */
int blob_fetch(struct blob_store *store, const char *key, struct buf *out, struct err *err);
/* Removes the object; one that does not exist is fine. */
int blob_delete(struct blob_store *store, const char *key, struct err *err);

/* Removes what crashed puts left inside the store, where it is older than older_than_seconds: temporary files (fs),
 * unfinished multipart uploads of keys that begin with prefix (s3). *removed (may be NULL) counts them. Whole
 * objects without a sample are found by the notes of what was under way (intake/intent.h). */
int blob_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds, int64_t *removed,
               struct err *err);

/* Visits the objects whose keys begin with prefix ("": all), in no particular order: each that is there all the while
 * at least once; one that is being published or hidden perhaps twice. info's sha256 is "". Stops when visit returns
 * false. s3 needs the permission to list. */
typedef bool blob_visit(void *data, const char *key, const struct blob_info *info);
int blob_list(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err);

/* Checks within seconds that the store can be reached and written, as far as that shows without writing. If not,
 * ERR_UNAVAILABLE, ERR_UPSTREAM or ERR_NO_SPACE says why. */
int blob_ping(struct blob_store *store, struct err *err);

/* The folder for files on their way into the store, from which blob_put can link them; NULL when any folder will do
 * (s3). It lives as long as the store. */
const char *blob_spool_dir(struct blob_store *store);
/* Whether clients fetch even private objects from the store itself, by blob_url, not through this server. */
bool blob_is_direct(const struct blob_store *store);

#endif
