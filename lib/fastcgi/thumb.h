/* Thumbnails: made by libvips, a few at a time, and kept on this machine. */
#ifndef FASTCGI_THUMB_H
#define FASTCGI_THUMB_H

#include "fastcgi/app.h"
#include "fastcgi/kept.h"

/* How many of the program's threads may at once be making a thumbnail, or be waiting for one to be made: its others
 * are free to answer. One user has as many as a browser has requests under way on one connection (HTTP/2: 128 in
 * nginx), less some. */
enum { THUMB_THREADS_MAX = 128, THUMB_THREADS_USER = 96 };

struct thumbs *thumbs_new(const struct app *app); /* app has its configuration and state_dir */
void thumbs_free(struct thumbs *thumbs);          /* NULL is fine; no request is under way */

/* Answers the thumbnail of a sample (call_place before), in the least of some sizes that is at least `size` pixels a
 * side (1..IMAGE_THUMB_SIDE_MAX). It is of what the image is now: a kept one is given only after a look that the
 * image is there, and that it is of that content. Immutable for a client whose `v` names that content; without one
 * it has an ETag, to be asked for again. ERR_NOT_FOUND "Image file not found"; ERR_UNAVAILABLE when too many are
 * being made. */
int thumb_answer(struct call *call, const struct sample *sample, int size, struct err *err);

/* Removes what this machine keeps of a dataset that is no more, by its uuid; of all but those that are wanted. */
int thumb_forget(const char *state_dir, const char *uuid, struct err *err);
int thumb_sweep(const char *state_dir, kept_wanted *wanted, void *data, struct err *err);

#endif
