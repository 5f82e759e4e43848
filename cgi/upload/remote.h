/* The dataset on the server that receives images: its labels and images; making it and its labels where they are
 * absent. One thread. */
#ifndef UPLOAD_REMOTE_H
#define UPLOAD_REMOTE_H

#include "http.h"
#include "known.h"

struct remote {
	const struct http_server *server;
	const char *dataset;
	CURL *easy;
	int tries;  /* attempts a request: few until the server has answered once, since its address may be wrong */
	bool there; /* the dataset exists */
	char **labels;
	size_t label_count, label_room, label_last;
	struct known known;
	size_t known_samples;
};

/* Called now and then with the number of samples listed so far. */
typedef void remote_seen(void *data, size_t count);

/* Asks whether the dataset exists, and for its labels and images. Call remote_release at the end, also after a
 * failure. */
int remote_open(struct remote *remote, const struct http_server *server, const char *dataset, remote_seen *seen,
                void *data, struct err *err);
void remote_release(struct remote *remote);

/* Makes the dataset, and adds the label (none if ""), where they are absent. */
int remote_prepare(struct remote *remote, const char *label, struct err *err);

/* Appends the path of the request that puts an image. */
void remote_image_path(const struct remote *remote, const char *filepath, const char *label, struct buf *out);

#endif
