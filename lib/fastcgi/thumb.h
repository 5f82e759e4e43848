/* Thumbnails, made once by libvips and kept as files that nginx serves alone. One request, one thread. */
#ifndef FASTCGI_THUMB_H
#define FASTCGI_THUMB_H

#include "fastcgi/app.h"

/* Answers the sample's thumbnail of at most `size` pixels a side (call_setup before), making and keeping it at
 * <state folder>/cache/thumbs/<dataset>/<id>-<size>.jpg (or .webp) first. ERR_NOT_FOUND "Image file not found". */
int thumb_answer(struct call *call, const struct sample *sample, int size, struct err *err);

/* Removes what is kept of a dataset: another of its name has other samples under the same ids. */
int thumb_forget(const char *state_dir, const char *dataset, struct err *err);

#endif
