/* The image store: uploaded images by key, in files (fs) or in a bucket (s3), behind one interface.
 *
 * One store a process; any number of threads may use it at once. An object is its bytes under a key
 * (blob/key.h), never changed once it is there. Which samples refer to it is not known here. Errors every
 * function may give besides its own: ERR_BAD_REQUEST (a malformed key), ERR_UNAVAILABLE (the store is down
 * or overloaded, after retries), ERR_UPSTREAM (it answered with an error or with nonsense; the text names
 * the cause and what to set), ERR_NO_SPACE (disk or bucket full), ERR_INTERNAL. Texts hold no secret. */
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

/* The store that config->image_store names; config must outlive it. fs makes its folder; s3 contacts nobody
 * yet. ERR_BAD_REQUEST names the key of the configuration that is wrong or missing. */
int blob_open(struct blob_store **out, const struct config *config, struct err *err);
void blob_free(struct blob_store *store); /* NULL is fine; no call is under way any more */

/* What is to be stored: `length` bytes from memory, or from a file. */
struct blob_put {
	const char *key;
	const char *type;            /* media type: the Content-Type in s3; fs goes by the key's ending */
	bool public_read;            /* an anonymous GET of its URL is answered */
	const unsigned char *sha256; /* HASH_SHA256_SIZE bytes; NULL: computed where the store needs it */
	int64_t length;
	const void *bytes; /* in memory; NULL: they are in fd */
	int fd;            /* read by pread: its position does not matter and does not move */
	int64_t offset;    /* where they begin in fd */
	/* Nobody writes to fd's file any more: fs may link that file in instead of copying it, when it is the
	 * object from first byte to last. It may have no name (O_TMPFILE); a name it has is still the caller's
	 * to remove. */
	bool handover;
};

/* Stores it; durable, and whole, when it returns 0. The same bytes again under the same key are fine, and
 * leave the object as public or private as this call says. Other bytes under a key that exists:
 * ERR_CONFLICT, and nothing changes. After a failure nothing can be read under a key that was free; s3
 * above BLOB_MULTIPART_BYTES goes in parts, which are aborted on failure. */
enum { BLOB_MULTIPART_BYTES = 64 * 1024 * 1024 };
int blob_put(struct blob_store *store, const struct blob_put *put, struct err *err);

/* Makes an object public or private (a dataset's policy changed). ERR_NOT_FOUND. */
int blob_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err);

/* Appends the URL from which a client fetches the object, which is not checked to exist.
 * Public: a lasting one: image_store.public_url + "/" + key when that is set; else from the endpoint and
 * bucket (s3), or "/public/" + key on this server (fs: nginx serves "/public/" from the folder
 * <image_store.dir>/public).
 * Private: s3: a presigned GET, good for expires_seconds (1..BLOB_PRESIGN_SECONDS_MAX) at least; within a
 * quarter of that time the same URL is given again, so that a browser's cache works; never to be stored. fs
 * has none and appends nothing: the caller answers with blob_path. */
enum { BLOB_PRESIGN_SECONDS_MAX = 5 * 24 * 3600 };
int blob_url(struct blob_store *store, const char *key, bool public_read, int64_t expires_seconds,
             struct buf *out, struct err *err);

/* The key of the object that a lasting URL leads to, which is not checked to exist, in any of the forms that such URLs
 * have. ERR_NOT_FOUND when it leads elsewhere. fs knows none. */
int blob_key_of(struct blob_store *store, const char *url, char key[1000 /* BLOB_KEY_MAX */], struct err *err);

/* The object's file: absolute, without symlinks below image_store.dir, fit for X-Accel-Redirect. "" when
 * the store keeps no files on this machine (s3): the caller redirects to blob_url, or reads.
 * ERR_NOT_FOUND. */
int blob_path(struct blob_store *store, const char *key, char out[PATH_MAX], struct err *err);

struct blob_info {
	int64_t bytes;
	int64_t modified_us;          /* when it was stored: microseconds since 1970 */
	char sha256[HASH_SHA256_HEX]; /* hex, as given to blob_put; "" when the store does not know it (fs) */
};
/* ERR_NOT_FOUND. */
int blob_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err);

/* Reads up to len bytes (at least 1) from offset; *got is less only at the object's end, 0 beyond it. Each
 * call stands for itself (s3: one ranged GET, retried), so a reader asks for large pieces: BLOB_READ_BYTES
 * is a good size. ERR_NOT_FOUND. */
enum { BLOB_READ_BYTES = 8 * 1024 * 1024 };
int blob_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
              struct err *err);
/* Appends the whole object to out; ERR_TOO_LARGE over out's ceiling. */
int blob_fetch(struct blob_store *store, const char *key, struct buf *out, struct err *err);
/* Removes the object; one that is not there is fine. */
int blob_delete(struct blob_store *store, const char *key, struct err *err);

/* Removes what puts that were cut off by a crash left inside the store and that is older than
 * older_than_seconds: temporary files (fs), unfinished multipart uploads of keys that begin with prefix
 * (s3). *removed (may be NULL) counts them. Whole objects that no sample refers to are found by the notes of
 * what was under way (intake/intent.h). */
int blob_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds, int64_t *removed,
               struct err *err);

/* Reachable and writable, as far as that shows without writing? Answers within seconds. ERR_UNAVAILABLE,
 * ERR_UPSTREAM or ERR_NO_SPACE, saying why, when not. */
int blob_ping(struct blob_store *store, struct err *err);

#endif
