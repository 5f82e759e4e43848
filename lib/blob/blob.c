/* Dispatches the image store's functions to the backend that the configuration names. */
#include "blob/blob.h"


#include "base/module.h"
#include "blob/backend.h"
#include "blob/key.h"

/* A backend with a module is loaded from there by its symbol; the others are linked in. */
static const struct {
	const char *type;
	const struct blob_backend *backend;
	const char *module, *symbol;
} backends[] = {
	{"fs", &blob_fs, NULL, NULL},
	{"s3", NULL, "s3", "blob_s3"},
};

int blob_open(struct blob_store **out, const struct config *config, struct err *err)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (strcmp(backends[i].type, config->image_store.type) != 0)
			continue;
		const struct blob_backend *backend = backends[i].backend;
		if (!backend)
			backend = module_symbol(backends[i].module, backends[i].symbol, err);
		if (!backend || backend->open(out, config, err) != 0)
			return -1;
		(*out)->backend = backend;
		return 0;
	}
	return err_set(err, ERR_BAD_REQUEST, "image_store.type '%s' is neither 'fs' nor 's3'",
	               config->image_store.type);
}

/* What a backend returned; its failures are the store's. */
static int blob_said(int failed, struct err *err)
{
	return failed ? err_from(err, ERR_FROM_IMAGES) : 0;
}

void blob_free(struct blob_store *store)
{
	if (store)
		store->backend->free(store);
}

int blob_put(struct blob_store *store, const struct blob_put *put, struct err *err)
{
	if (blob_key_check(put->key, err) != 0)
		return -1;
	if (put->length < 0 || put->offset < 0)
		return err_set(err, ERR_INTERNAL, "an object's length is negative");
	return blob_said(store->backend->put(store, put, err), err);
}

int blob_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err)
{
	return blob_key_check(key, err) || blob_said(store->backend->set_public(store, key, public_read, err), err);
}

int blob_url(struct blob_store *store, const char *key, bool public_read, int64_t expires_seconds,
             struct buf *out, struct err *err)
{
	if (blob_key_check(key, err) != 0)
		return -1;
	if (!public_read && (expires_seconds < 1 || expires_seconds > BLOB_PRESIGN_SECONDS_MAX))
		return err_set(err, ERR_INTERNAL, "a URL can't be presigned for %lld seconds",
		               (long long)expires_seconds);
	return blob_said(store->backend->url(store, key, public_read, expires_seconds, out, err), err);
}

int blob_key_of(struct blob_store *store, const char *url, char key[BLOB_KEY_MAX], struct err *err)
{
	struct buf found;
	buf_init(&found, BLOB_KEY_MAX - 1);
	int result = store->backend->key_of
	                     ? store->backend->key_of(store, url, &found, err)
	                     : err_set(err, ERR_NOT_FOUND, "%s leads to no object of the image store", url);
	if (result == 0 && blob_key_check(buf_text(&found), err) != 0)
		result = err_set(err, ERR_NOT_FOUND, "%s leads to what can't be a key", url);
	snprintf(key, BLOB_KEY_MAX, "%s", buf_text(&found));
	buf_release(&found);
	return result;
}

int blob_path(struct blob_store *store, const char *key, char out[PATH_MAX], struct err *err)
{
	return blob_key_check(key, err) || blob_said(store->backend->path(store, key, out, err), err);
}

int blob_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err)
{
	return blob_key_check(key, err) || blob_said(store->backend->stat(store, key, out, err), err);
}

int blob_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
              struct err *err)
{
	if (blob_key_check(key, err) != 0)
		return -1;
	if (len == 0 || offset < 0)
		return err_set(err, ERR_INTERNAL, "an object is read at no place");
	return blob_said(store->backend->read(store, key, offset, bytes, len, got, err), err);
}

int blob_fetch(struct blob_store *store, const char *key, struct buf *out, struct err *err)
{
	struct blob_info info;
	if (blob_stat(store, key, &info, err) != 0)
		return -1;
	if (info.bytes > (int64_t)(out->max - out->len))
		return err_set(err, ERR_TOO_LARGE, "the object '%s' has %lld bytes", key,
		               (long long)info.bytes);
	for (int64_t offset = 0; offset < info.bytes;) {
		size_t want = (size_t)(info.bytes - offset), got = 0;
		char *room = buf_reserve(out, want);
		if (!room)
			return err_set(err, ERR_TOO_LARGE, "the object '%s' does not fit", key);
		if (blob_read(store, key, offset, room, want, &got, err) != 0)
			return -1;
		if (got == 0)
			return err_set(err, ERR_UPSTREAM, "the object '%s' ends early", key);
		out->len += got;
		offset += (int64_t)got;
	}
	return 0;
}

int blob_delete(struct blob_store *store, const char *key, struct err *err)
{
	return blob_key_check(key, err) || blob_said(store->backend->remove(store, key, err), err);
}

int blob_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds, int64_t *removed,
               struct err *err)
{
	int64_t count = 0;
	int result = blob_said(store->backend->sweep(store, prefix, older_than_seconds, &count, err), err);
	if (removed)
		*removed = count;
	return result;
}

int blob_list(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err)
{
	return store->backend->list(store, prefix, visit, data, err);
}

const char *blob_spool_dir(struct blob_store *store)
{
	return store->backend->spool_dir ? store->backend->spool_dir(store) : NULL;
}

bool blob_is_direct(const struct blob_store *store)
{
	return store->backend->is_direct;
}

int blob_ping(struct blob_store *store, struct err *err)
{
	return blob_said(store->backend->ping(store, err), err);
}
