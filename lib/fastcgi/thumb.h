/* Thumbnails: made by libvips, a few at a time, and kept on this machine. */
#ifndef FASTCGI_THUMB_H
#define FASTCGI_THUMB_H

#include "fastcgi/app.h"
#include "fastcgi/kept.h"

/* How many of the program's threads may be making a thumbnail, or waiting for one, at once; its others stay free to
 * answer. One user may have almost as many as a browser has requests under way on one connection (HTTP/2: 128 in
 * nginx). */
enum { THUMB_THREADS_MAX = 128, THUMB_THREADS_USER = 96 };

/* config must outlive it. */
struct thumbs *thumbs_new(const struct config *config, const char *state_dir);
void thumbs_free(struct thumbs *thumbs); /* NULL is fine; no request is under way */

/* Answers the thumbnail of a sample (call_place before), in the smallest available size of at least `size` pixels a
 * side (1..IMAGE_THUMB_SIDE_MAX). It always shows the image as it is now: a kept one is used only after a check that
 * the image is there with that content. It is immutable for a client whose `v` names that content; otherwise it has
 * an ETag, to be revalidated. ERR_NOT_FOUND "Image file not found"; ERR_UNAVAILABLE when too many are being made. */
int thumb_answer(struct call *call, const struct sample *sample, int size, struct err *err);

/* Removes what this machine keeps of a sample that no longer exists. */
void thumb_remove(const char *state_dir, const char *uuid, int64_t id);

/* Remove what this machine keeps of a dataset that no longer exists, by its uuid; of all datasets but the wanted
 * ones. */
int thumb_forget(const char *state_dir, const char *uuid, struct err *err);
int thumb_sweep(const char *state_dir, kept_wanted *wanted, void *data, struct err *err);

#endif
