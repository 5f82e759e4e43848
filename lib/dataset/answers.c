/* Checks the form of every argument, then asks the store's backend for answers kept by Idempotency-Key. */
#include "dataset/answers.h"

#include "base/text.h"
#include "dataset/backend.h"

int idempotency_claim(struct dataset_store *store, const char *user, const char *key, const char *fingerprint,
                      enum idempotency *out, int *status, char **body, struct err *err)
{
	size_t len = strlen(key);

	if (len < 1 || len > IDEMPOTENCY_KEY_MAX || text_has_control(key))
		return err_set(err, ERR_BAD_REQUEST, "Idempotency-Key must have 1 to %d printable characters",
		               IDEMPOTENCY_KEY_MAX);
	return store->backend->idempotency_claim(store, user, key, fingerprint, out, status, body, err);
}

int idempotency_finish(struct dataset_store *store, const char *user, const char *key, int status, const char *body,
                       struct err *err)
{
	return store->backend->idempotency_finish(store, user, key, status, body, err);
}

int idempotency_abandon(struct dataset_store *store, const char *user, const char *key, struct err *err)
{
	return store->backend->idempotency_abandon(store, user, key, err);
}
