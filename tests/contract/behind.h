/* A store that reaches the real S3 server through a gateway that does its worst. */
#ifndef CONTRACT_BEHIND_H
#define CONTRACT_BEHIND_H

#include "blob_fixture.h"
#include "gateway.h"

struct behind {
	struct blob_fixture f; /* of the store behind the gateway; its bucket belongs to the test */
	struct gateway *gateway;
};

/* The caller sets anything else in b.f.config, and opens b.f.store. */
static inline struct behind begin_behind(const struct blob_fixture *real)
{
	struct behind behind = {.f = *real};
	const char *endpoint;
	behind.gateway = gateway_start(real->config.image_store.endpoint, &endpoint);
	behind.f.config.image_store.endpoint = (char *)(uintptr_t)endpoint;
	return behind;
}

static inline void end_behind(struct behind *behind)
{
	blob_free(behind->f.store);
	gateway_stop(behind->gateway);
}

/* A file of LARGE bytes, which goes in parts, each of them different. */
enum { LARGE = BLOB_MULTIPART_BYTES + 6 * 1024 * 1024 + 5 };
int large_file(void);

#endif
