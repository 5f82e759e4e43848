/* What an image store's backend implements: blob.h's functions, after blob.c has checked keys and bounds. A backend
 * is one such struct and one line in blob.c's table; its types stay in its own files. */
#ifndef BLOB_BACKEND_H
#define BLOB_BACKEND_H

#include "blob/blob.h"

struct blob_backend {
	int (*open)(struct blob_store **out, const struct config *config, struct err *err);
	void (*free)(struct blob_store *store);
	int (*put)(struct blob_store *store, const struct blob_put *put, struct err *err);
	int (*set_public)(struct blob_store *store, const char *key, bool public_read, struct err *err);
	int (*url)(struct blob_store *store, const char *key, bool public_read, int64_t expires_seconds,
	           struct buf *out, struct err *err);
	/* NULL: URLs lead to no object */
	int (*key_of)(struct blob_store *store, const char *url, struct buf *out, struct err *err);
	int (*path)(struct blob_store *store, const char *key, char out[PATH_MAX], struct err *err);
	int (*stat)(struct blob_store *store, const char *key, struct blob_info *out, struct err *err);
	int (*read)(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len,
	            size_t *got, struct err *err);
	int (*remove)(struct blob_store *store, const char *key, struct err *err);
	int (*sweep)(struct blob_store *store, const char *prefix, int64_t older_than_seconds,
	             int64_t *removed, struct err *err);
	int (*list)(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err);
	int (*ping)(struct blob_store *store, struct err *err);
	const char *(*spool_dir)(struct blob_store *store); /* NULL: there is none */
	bool is_direct;
};

extern const struct blob_backend blob_fs;
/* blob_s3 is in the module "s3" (base/module.h), because only few processes need libcurl. */

/* Each backend's own struct begins with this; blob.c fills it. */
struct blob_store {
	const struct blob_backend *backend;
};

#endif
